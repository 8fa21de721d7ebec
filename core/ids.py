"""Identifiers: opaque, sortable by birth, and references that a person can read out on the telephone."""

import secrets
from dataclasses import dataclass
from threading import Lock

from core import clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


@dataclass(frozen=True, slots=True)
class Ref:
    """Somebody or something, known only by kind and id (the ledger knows people in no other way)."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


SYSTEM = Ref("system", "kinbridge")


def _base32(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * i)) & 31] for i in reversed(range(length)))


class _Births:
    """Numbers of 128 bits, the upper 48 the milliseconds; those of one process and millisecond rise too."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def next(self, milliseconds: int) -> int:
        with self._lock:
            if self._last >> 80 == milliseconds:
                self._last += 1 + secrets.randbits(48)  # a random step: who has one id cannot guess the next
            else:
                self._last = (milliseconds << 80) | secrets.randbits(79)  # a bit left free for the steps
            return self._last


_births = _Births()


def new_id(prefix: str) -> str:
    """`prefix_` and 26 characters: 48 bits of milliseconds, 80 random ones; ids of one process sort by birth."""
    return f"{prefix}_{_base32(_births.next(int(clock.now().timestamp() * 1000)), 26)}"


def reference() -> str:
    """A reference to be spoken: `7F3K-9Q2M`, 40 random bits; unique by the table's constraint."""
    text = _base32(secrets.randbits(40), 8).upper()
    return f"{text[:4]}-{text[4:]}"
