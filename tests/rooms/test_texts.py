"""Everything that rooms and sockets say is in the Chinese catalog, with the same names in braces."""

import string

import pytest

from rooms import acts, errors, refusals, words
from signaling.faults import FAULTS
from web.i18n import translate

TEXTS = sorted(
    {
        *words.WARNINGS.values(),
        *words.REASONS.values(),
        *words.HOLDS.values(),
        *words.ENDS.values(),
        *words.TALK_HOLDS.values(),
        *words.TALK_ENDS.values(),
        *(value for name, value in vars(words).items() if name.isupper() and isinstance(value, str)),
        *acts.REFUSALS.values(),
        *(fault.text for fault in FAULTS.values()),
        *(error.text for error in vars(refusals).values() if hasattr(error, "text")),
        errors.BadSdp.text,
    }
)


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("text", TEXTS)
def test_each_sentence_is_translated(text: str) -> None:
    values: dict[str, str | int] = {name: f"<{name}>" for name in names(text)}
    chinese = translate("zh", text, values)
    assert chinese != text.format(**values)
    assert any("一" <= character <= "鿿" for character in chinese)
    assert all(value in chinese for value in values.values() if isinstance(value, str))
    assert translate("en", text, values) == text.format(**values)
