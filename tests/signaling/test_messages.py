"""What a frame may hold: each field of each message, missing, of the wrong kind, too long."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.messages import MAX_BYTES, MESSAGES, BadMessageError, parse

GOOD: dict[str, dict[str, Any]] = {
    "hello": {"ticket": "kbt_x", "version": 1, "video": ["vp8", "h264"]},
    "answer": {"offer": "o", "sdp": "v=0"},
    "devices": {"camera": True, "microphone": False},
    "help": {"text": "please"},
    "key": {"commit": "none", "public": ""},
    "secret": {"seat": "s", "box": "AAAA"},
    "act": {
        "id": "1",
        "act": "admit",
        "seat": "s",
        "warning": "w",
        "reason": "r",
        "text": "t",
        "aloud": True,
        "minutes": 5,
    },
    "seen": {"frozen_ms": 200, "concealed": 3},
    "look": {"sound": True, "pictures": False},
    "restart": {},
    "tile": {"line": 3, "booking": "bkg_1", "end": "inmate"},
    "bye": {},
    "ping": {"at": 1.5},
}


def frame(kind: str, **changes: object) -> str:
    return json.dumps({"type": kind, **GOOD[kind], **changes})


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_good_message_is_taken_as_it_is(kind: str) -> None:
    assert parse(frame(kind)) == {"type": kind, **GOOD[kind]}
    assert parse(frame(kind, news="of a later version")) == {"type": kind, **GOOD[kind]}
    assert set(GOOD) == set(MESSAGES)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, fields in MESSAGES.items() for name in fields]
)
def test_each_field_is_checked(kind: str, name: str) -> None:
    field = MESSAGES[kind][name]
    without = {"type": kind, **GOOD[kind]}
    del without[name]
    if field.optional:
        nothing: Any = next(
            left for kind, left in ((str, ""), (list, []), (bool, False), (int, 0)) if kind in field.kinds
        )
        assert parse(json.dumps(without))[name] == nothing
        assert parse(frame(kind, **{name: None}))[name] == nothing
    else:
        with pytest.raises(BadMessageError):
            parse(json.dumps(without))
        with pytest.raises(BadMessageError):
            parse(frame(kind, **{name: None}))
    lists = ([[1]], [["a"]], [None], ["a"] * 21) if list in field.kinds else ([],)
    for wrong in (*lists, {}, [1], {"a": 1}):
        with pytest.raises(BadMessageError):
            parse(frame(kind, **{name: wrong}))
    if str in field.kinds:
        for bad in (7, True, "x" * (field.longest + 1), "nul\0", "\ud800"):
            with pytest.raises(BadMessageError):
                parse(frame(kind, **{name: bad}))
    if bool in field.kinds:
        with pytest.raises(BadMessageError):
            parse(frame(kind, **{name: 1}))
    if field.most is not None:
        for bad in (-1, field.most + 1):
            with pytest.raises(BadMessageError):
                parse(frame(kind, **{name: bad}))
    if int in field.kinds:
        with pytest.raises(BadMessageError):
            parse(frame(kind, **{name: True}))


@pytest.mark.parametrize(
    "data",
    [
        "", "{", "null", "[]", "7", '"text"', "{}", '{"type": 7}', '{"type": "dance"}', '{"type": null}',
        '{"type": ["hello"]}', "[" * 60_000, '{"type": "ping", "at": NaN}', '{"type": "ping", "at": Infinity}',
        '{"type": "act", "id": "1", "act": "escape"}', b"\xff\xfe", '{"type":"ping","at":' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_what_is_no_message(data: str | bytes) -> None:
    with pytest.raises(BadMessageError):
        parse(data)


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_no_bytes_break_it(data: str | bytes) -> None:
    try:
        message = parse(data)
    except BadMessageError:
        return
    assert message["type"] in MESSAGES


def test_an_answer_may_fill_a_frame() -> None:
    assert parse(frame("answer", sdp="x" * (MAX_BYTES - 200)))["type"] == "answer"
