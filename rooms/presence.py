"""Who was there at each moment of a call, read back from the ledger's entries of it. Pure.

A `Standing` holds from its moment to the next one's. What the room could know only afterwards (a line that had been
silent for three seconds when that was noticed, a process that was gone) is put back to when it began.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ledger.chain import Entry
from rooms.model import SeatRole

LINGER = timedelta(seconds=2)  # a leg outlives its socket by so much (rooms.room)
TOGETHER = timedelta(seconds=3)  # both ends gone within so much: it was not their lines


class Gone(StrEnum):
    """Why somebody is not connected."""

    NEVER = "never"  # has not come yet
    LEFT = "left"  # on purpose
    LOST = "lost"
    SERVER = "server"  # we were gone, or both ends were at once


@dataclass(frozen=True, slots=True)
class Standing:
    """`gone` has the seats that are not connected; `inside` those that an officer has let in."""

    at: datetime
    phase: str = "lobby"
    hosted: bool = True
    held: str = ""  # the officer's reason for a pause
    recorder: bool | None = None  # `None`: there was none yet
    behind: bool = False  # the recording, against the call
    missing: frozenset[tuple[str, str]] = frozenset()  # (seat, kind): is to be recorded, and is not
    gone: Mapping[str, Gone] = field(default_factory=dict)
    inside: frozenset[str] = frozenset()

    @property
    def unrecorded(self) -> bool:
        """It was, or was to be, and is not as it should."""
        return self.recorder is False or self.behind or bool(self.missing)


@dataclass(frozen=True, slots=True)
class _Event:
    at: datetime
    what: str
    seat: str
    details: Mapping[str, Any]


_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "visit:started": {"phase": "live"},
    "visit:paused": {"phase": "paused"},
    "visit:resumed": {"phase": "live"},
    "visit:ended": {"phase": "ended"},
    "room:up": {"hosted": True, "behind": False, "missing": frozenset()},
    "recording:started": {"recorder": True},
    "recording:refused": {"recorder": False},
    "recording:lost": {"recorder": False, "behind": False, "missing": frozenset()},
    "recording:behind": {"behind": True},
    "recording:caught-up": {"behind": False},
    "officer:visit:resumed": {"held": ""},
}
_HERE = frozenset({"visit:joined", "visit:heard"})
_AWAY = {
    "visit:unheard": Gone.LOST,
    "visit:disconnected": Gone.LOST,
    "seat:lost": Gone.LOST,
    "seat:left": Gone.LEFT,
}


def standings(
    entries: Iterable[Entry], seats: Mapping[str, SeatRole], window: float = 120.0
) -> list[Standing]:
    """Every change, in order of time. `seats`: all of the room; `window`: seconds for which a lost seat is kept, and
    after which its person has to be let in again."""
    events = sorted(
        (one for entry in entries for one in _events(entry, seats)), key=lambda one: one.at
    )  # stable: entries of one moment stay in their order
    if not events:
        return []
    now = Standing(events[0].at, gone=dict.fromkeys(seats, Gone.NEVER))
    found: list[Standing] = []
    lost_at: dict[str, datetime] = {}
    for event in events:
        after = _after(now, event, seats, lost_at, timedelta(seconds=window))
        if found and found[-1].at == after.at:
            found.pop()
        found.append(after)
        now = after
    return found


def _events(entry: Entry, seats: Mapping[str, SeatRole]) -> list[_Event]:
    side, _, what = entry.tag.partition(":")
    details, at = entry.parsed(), datetime.fromisoformat(entry.at)
    seat = str(details.get("seat", ""))
    if entry.tag == "system:room:opened":
        since = str(details.get("counted_till", ""))
        down = [_Event(datetime.fromisoformat(since), "room:down", "", details)] if since else []
        return [*down, _Event(at, "room:up", "", details)]
    if what == "visit:unheard":
        at -= timedelta(milliseconds=int(details.get("silent_ms", 0)))
    elif what == "seat:lost" and seats.get(seat) is not SeatRole.MONITOR:
        at += LINGER
    if side == "officer" and what in ("visit:paused", "visit:resumed", "visit:ended"):
        what = f"officer:{what}"
    return [_Event(at, what, seat, details)]


def _after(
    now: Standing,
    event: _Event,
    seats: Mapping[str, SeatRole],
    lost_at: dict[str, datetime],
    window: timedelta,
) -> Standing:
    now = replace(now, at=max(now.at, event.at))
    paused = {"held": str(event.details.get("code", "unknown"))}
    changes = paused if event.what == "officer:visit:paused" else _CHANGES.get(event.what)
    if changes is not None:
        return replace(now, **changes)
    if event.what == "room:down":
        gone = {seat: now.gone.get(seat, Gone.SERVER) for seat in seats}
        return replace(now, hosted=False, recorder=now.recorder and False, gone=gone)
    if event.what in ("track:missing", "track:settled"):
        track = {(event.seat, str(event.details.get("code", "")))}
        begins = event.what == "track:missing"
        return replace(now, missing=now.missing | track if begins else now.missing - track)
    if event.what == "seat:admitted":
        return replace(now, inside=now.inside | {event.seat})
    if event.what in ("seat:sent-back", "seat:removed"):
        return replace(now, inside=now.inside - {event.seat})
    return _moved(now, event, seats, lost_at, window)


def _moved(
    now: Standing,
    event: _Event,
    seats: Mapping[str, SeatRole],
    lost_at: dict[str, datetime],
    window: timedelta,
) -> Standing:
    """Somebody came or went."""
    gone = dict(now.gone)
    inside = now.inside
    if event.what in _HERE:
        gone.pop(event.seat, None)
        since = lost_at.pop(event.seat, None)
        if since is not None and event.at - since > window:
            inside -= {event.seat}
    elif event.what in _AWAY and event.seat in seats and event.seat not in gone:
        gone[event.seat] = _AWAY[event.what]
        lost_at[event.seat] = event.at
        if gone[event.seat] is Gone.LOST and _both_ends(event, seats, gone, lost_at):
            recent = (seat for seat, at in lost_at.items() if event.at - at <= TOGETHER)
            gone |= {seat: Gone.SERVER for seat in recent if gone.get(seat) is Gone.LOST}
    return replace(now, gone=gone, inside=inside)


def _both_ends(
    event: _Event,
    seats: Mapping[str, SeatRole],
    gone: Mapping[str, Gone],
    lost_at: Mapping[str, datetime],
) -> bool:
    """Whether an outside and an inside end went within a moment."""
    recent = {
        seats[seat].visits
        for seat, at in lost_at.items()
        if event.at - at <= TOGETHER and gone.get(seat) in (Gone.LOST, Gone.SERVER)
        if seats[seat] is not SeatRole.MONITOR
    }
    return len(recent) == 2


def between(
    found: Sequence[Standing], first: datetime, last: datetime
) -> list[tuple[datetime, datetime, Standing]]:
    """The standings of a span, cut to it: (from, to, what held)."""
    cut = []
    for place, one in enumerate(found):
        until = found[place + 1].at if place + 1 < len(found) else last
        begin, end = max(one.at, first), min(until, last)
        if begin < end:
            cut.append((begin, end, one))
    if found and first < found[0].at:
        cut.insert(0, (first, min(found[0].at, last), replace(found[0], phase="lobby", hosted=False)))
    return cut
