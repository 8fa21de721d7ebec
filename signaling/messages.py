"""What a client may say: the messages of docs/protocol.md, checked field by field. Pure.

A message that passes is a plain dictionary with the known fields only, each of the right kind and length, so
that it can go over the bus as it is. Unknown fields are dropped: a newer client may send them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rooms.lines import TILES
from rooms.powers import Act

Message = dict[str, Any]
VERSION = 1
MAX_BYTES = 64 * 1024
_TEXT = 200  # characters of a help call, a mark, an officer's words


class BadMessageError(Exception):
    """Not a message of the protocol; says why, for the log."""


@dataclass(frozen=True, slots=True)
class Field:
    """`kinds`: what JSON value it may be. `longest` in characters, for strings; in strings, for lists of them.
    `null` may be sent for an optional field and is the same as leaving it out."""

    kinds: tuple[type, ...]
    optional: bool = False
    longest: int = 100
    most: int | None = None  # of a number that is at least 0
    choices: frozenset[str] | None = None


_STRING = Field((str,))
_NOTHING: Mapping[type, Any] = {str: "", list: [], bool: False, int: 0}  # for a field that is left out
_WORDS = Field((str,), optional=True, longest=_TEXT)

MESSAGES: Mapping[str, Mapping[str, Field]] = {
    "hello": {
        "ticket": Field((str,), longest=200),
        "version": Field((int,)),
        "video": Field((list,), optional=True, longest=20),
    },
    "answer": {"offer": _STRING, "sdp": Field((str,), longest=MAX_BYTES)},
    "devices": {"camera": Field((bool,)), "microphone": Field((bool,))},
    "help": {"text": _WORDS},
    "key": {"commit": Field((str,), longest=64), "public": Field((str,), longest=200)},
    "secret": {"seat": _STRING, "box": Field((str,), longest=400)},
    "seen": {"frozen_ms": Field((int,), most=60_000), "concealed": Field((int,), most=1000)},
    "act": {
        "id": _STRING,
        "act": Field((str,), choices=frozenset(act.value for act in Act)),
        "seat": Field((str,), optional=True),
        "warning": Field((str,), optional=True),
        "reason": Field((str,), optional=True),
        "text": _WORDS,
        "aloud": Field((bool,), optional=True),
        "minutes": Field((int,), optional=True, most=240),
    },
    "look": {"sound": Field((bool,)), "pictures": Field((bool,))},
    "restart": {},
    "tile": {
        "line": Field((int,), most=TILES - 1),
        "booking": Field((str,), optional=True),
        "end": Field((str,), choices=frozenset({"family", "inmate"})),
    },
    "bye": {},
    "ping": {"at": Field((int, float))},
}


def parse(data: str | bytes) -> Message:
    """The message in one frame. Raises `BadMessageError`."""
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("not JSON") from error
    if not isinstance(value, dict):
        raise BadMessageError("not an object")
    fields = MESSAGES.get(value["type"]) if isinstance(value.get("type"), str) else None
    if fields is None:
        raise BadMessageError("no known type")
    message: Message = {"type": value["type"]}
    for name, field in fields.items():
        message[name] = _checked(name, field, value.get(name))
    return message


def _refuse_constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _checked(name: str, field: Field, value: Any) -> Any:
    if value is None and field.optional:
        return _NOTHING.get(field.kinds[0])
    if not isinstance(value, field.kinds) or (isinstance(value, bool) and bool not in field.kinds):
        raise BadMessageError(f"{name} is missing or of the wrong kind")
    if isinstance(value, int) and field.most is not None and not 0 <= value <= field.most:
        raise BadMessageError(f"{name} is out of range")
    if isinstance(value, list):
        if len(value) > field.longest:
            raise BadMessageError(f"{name} is too long")
        return [_checked(name, _STRING, part) for part in value]
    if isinstance(value, str):
        if len(value) > field.longest:
            raise BadMessageError(f"{name} is too long")
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise BadMessageError(f"{name} is not text")
        if field.choices is not None and value not in field.choices:
            raise BadMessageError(f"{name} is none of the known")
    return value
