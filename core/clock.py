"""The only door through which time enters.

`now()` is aware UTC, for facts; `monotonic()` is seconds, for durations. Wall time of a place is made
only in `scheduler.timetable` and `policy.calendar`. Tests turn the hands with `set_source`.
"""

import time as _time
from datetime import UTC, datetime
from typing import Protocol


class Source(Protocol):
    """What a clock must tell."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...


class _System:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return _time.monotonic()


_source: Source = _System()


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _source.now()


def monotonic() -> float:
    """Seconds from an arbitrary point; never goes back."""
    return _source.monotonic()


def set_source(source: Source | None) -> None:
    """Puts another clock in; `None` puts the system's back."""
    global _source  # noqa: PLW0603 - one process has one time
    _source = source or _System()
