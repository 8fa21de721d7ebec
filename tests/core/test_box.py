"""Boxes open only whole, with the right key, purpose and context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.box import Box, BrokenBoxError

BOX = Box("k" * 40, "proof")


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_goes_in_comes_out(plain: bytes, context: str) -> None:
    assert BOX.open(BOX.seal(plain, context), context) == plain


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_changed_byte_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(BOX.seal(plain, "id"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BrokenBoxError):
        BOX.open(bytes(sealed), "id")


def test_another_context_purpose_or_key_does_not_open_it() -> None:
    sealed = BOX.seal(b"x", "id")
    for box, context in ((BOX, "other"), (Box("k" * 40, "totp"), "id"), (Box("l" * 40, "proof"), "id")):
        with pytest.raises(BrokenBoxError):
            box.open(sealed, context)


@given(st.binary(max_size=40))
def test_rubbish_is_refused(rubbish: bytes) -> None:
    with pytest.raises(BrokenBoxError):
        BOX.open(rubbish, "id")


def test_an_index_is_stable_and_keyed() -> None:
    assert BOX.index("110101") == BOX.index("110101")
    assert BOX.index("110101") != Box("l" * 40, "proof").index("110101")
