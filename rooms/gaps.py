"""The stretches of a call in which nobody could talk, and on whose side each lay. Pure.

The order in which causes are asked is that of the promise: first ours (the server), then what an officer did, then
whose end was missing. Where both ends were missing the family is not blamed (rules N14). A cause says more than a side:
whoever asks why their call broke is told one thing, not a choice of three.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rooms.minutes import LegMinute, seconds_of
from rooms.model import SeatRole
from rooms.presence import Gone, Standing, between


class Side(StrEnum):
    """Whose a gap was."""

    FAMILY_NETWORK = "family-network"
    PRISON_NETWORK = "prison-network"
    SERVER = "server"
    OFFICER = "officer"
    FAMILY = "family"  # had not come, or went
    PRISON = "prison"  # the inmate had not been brought, or was taken away


OURS = frozenset({Side.PRISON_NETWORK, Side.SERVER, Side.OFFICER, Side.PRISON})


class Cause(StrEnum):
    """Why nobody could talk."""

    FAMILY_NETWORK = "family-network"
    PRISON_NETWORK = "prison-network"
    SERVER = "server"
    RECORDER = "recorder"
    PAUSED = "paused"  # by an officer
    NO_OFFICER = "no-officer"
    NOT_ADMITTED = "not-admitted"  # waits for an officer to let them in
    FAMILY_LATE = "family-late"
    FAMILY_LEFT = "family-left"
    NOT_BROUGHT = "not-brought"
    LED_AWAY = "led-away"


SIDES: Mapping[Cause, Side] = {
    Cause.FAMILY_NETWORK: Side.FAMILY_NETWORK,
    Cause.PRISON_NETWORK: Side.PRISON_NETWORK,
    Cause.SERVER: Side.SERVER,
    Cause.RECORDER: Side.SERVER,
    Cause.PAUSED: Side.OFFICER,
    Cause.NO_OFFICER: Side.OFFICER,
    Cause.NOT_ADMITTED: Side.OFFICER,
    Cause.FAMILY_LATE: Side.FAMILY,
    Cause.FAMILY_LEFT: Side.FAMILY,
    Cause.NOT_BROUGHT: Side.PRISON,
    Cause.LED_AWAY: Side.PRISON,
}


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody heard or saw the other end. `late`: before the call had begun, after its time. `code`: the officer's
    reason for a pause (`rooms.words`)."""

    first: datetime
    last: datetime
    cause: Cause
    late: bool = False
    code: str = ""

    @property
    def side(self) -> Side:
        return SIDES[self.cause]

    @property
    def seconds(self) -> float:
        return (self.last - self.first).total_seconds()


@dataclass(frozen=True, slots=True)
class Weak:
    """Somebody was there, and their line carried too little. `kind`: sound, frozen or small."""

    first: datetime
    last: datetime
    seat: str
    kind: str
    side: Side


def gaps(
    found: Sequence[Standing], seats: Mapping[str, SeatRole], promised: datetime, ended: datetime
) -> list[Gap]:
    """From the promised beginning to the end; neighbours of one cause are one gap."""
    answer: list[Gap] = []
    begun = False
    for first, last, standing in between(found, promised, ended):
        begun = begun or standing.phase in ("live", "paused")
        cause = _cause(standing, seats)
        if cause is None:
            continue
        gap = Gap(first, last, cause, late=not begun, code=standing.held if cause is Cause.PAUSED else "")
        before = answer[-1] if answer else None
        moment = gap.seconds < 1  # the step between two causes is none of its own
        if before is not None and before.last == first and (moment or _same(before, gap)):
            answer[-1] = replace(before, last=last)
        else:
            answer.append(gap)
    return answer


def _same(one: Gap, other: Gap) -> bool:
    return (one.cause, one.late, one.code) == (other.cause, other.late, other.code)


def _cause(now: Standing, seats: Mapping[str, SeatRole]) -> Cause | None:
    """`None`: people could talk."""
    family = [seat for seat, role in seats.items() if role.visits]
    inmate = [seat for seat, role in seats.items() if role is SeatRole.INMATE]
    officers = [seat for seat, role in seats.items() if role is SeatRole.MONITOR]
    if now.phase == "live" and now.hosted and _talks(family, now) and _talks(inmate, now):
        return None
    if now.held or not now.hosted:
        return Cause.PAUSED if now.hosted else Cause.SERVER
    missing = [ends for ends in (inmate, family) if all(seat in now.gone for seat in ends)]
    if missing:
        return _missing(missing[0], inside=missing[0] is inmate, now=now)
    if all(seat in now.gone for seat in officers):
        ours = any(now.gone[seat] is Gone.SERVER for seat in officers)
        return Cause.SERVER if ours else Cause.NO_OFFICER
    if not (_talks(family, now) and _talks(inmate, now)):
        return Cause.NOT_ADMITTED
    return Cause.RECORDER if now.unrecorded else Cause.SERVER  # or the moment between two steps


def _talks(seats: Sequence[str], now: Standing) -> bool:
    return any(seat not in now.gone and seat in now.inside for seat in seats)


def _missing(seats: Sequence[str], *, inside: bool, now: Standing) -> Cause:
    why = {now.gone[seat] for seat in seats}
    if Gone.SERVER in why:
        return Cause.SERVER
    if Gone.LOST in why:
        return Cause.PRISON_NETWORK if inside else Cause.FAMILY_NETWORK
    if Gone.LEFT in why:
        return Cause.LED_AWAY if inside else Cause.FAMILY_LEFT
    return Cause.NOT_BROUGHT if inside else Cause.FAMILY_LATE


_BAD_LOSS = 100  # per mille of packets: sound suffers
_BAD_SOUND = 100  # per mille of the sound that had to be made up
_FROZEN = 500  # ms of a page's last seconds
_SMALL = 3  # place on the ladder from which pictures stand still or are off
_BRIDGE, _LEAST = 2, 3  # seconds: shorter interruptions are bridged, shorter stretches are left out


def weak(
    minutes: Sequence[LegMinute], seats: Mapping[str, SeatRole], among: Sequence[tuple[datetime, datetime]]
) -> list[Weak]:
    """Where lines were bad although people could talk. `among`: the spans in which they could. Both ends bad in the
    same second: that was ours."""
    bad: dict[str, dict[datetime, str]] = {}
    for minute in minutes:
        role = seats.get(minute.seat_id)
        if role is None or role is SeatRole.MONITOR:
            continue
        for at, row in seconds_of(minute):
            kind = _kind(row.up_lost, row.down_lost, row.concealed, row.frozen_ms, row.picture)
            if kind and any(first <= at < last for first, last in among):
                bad.setdefault(minute.seat_id, {})[at.replace(microsecond=0)] = kind
    outside = {at for seat, seconds in bad.items() if seats[seat].visits for at in seconds}
    inside = {at for seat, seconds in bad.items() if not seats[seat].visits for at in seconds}
    found = []
    for seat, seconds in bad.items():
        own = Side.FAMILY_NETWORK if seats[seat].visits else Side.PRISON_NETWORK
        rows = [
            (at, kind, Side.SERVER if at in outside & inside else own) for at, kind in sorted(seconds.items())
        ]
        found += _stretches(seat, rows)
    return sorted(found, key=lambda one: (one.first, one.seat))


def _kind(
    up: int | None, down: int | None, made_up: int | None, frozen: int | None, picture: int | None
) -> str:
    if max(up or 0, down or 0) >= _BAD_LOSS or (made_up or 0) >= _BAD_SOUND:
        return "sound"
    if (frozen or 0) >= _FROZEN:
        return "frozen"
    return "small" if (picture or 0) >= _SMALL else ""


def _stretches(seat: str, rows: Sequence[tuple[datetime, str, Side]]) -> list[Weak]:
    found: list[list[tuple[datetime, str, Side]]] = []
    for row in rows:
        last = found[-1][-1] if found else None
        if last and last[1:] == row[1:] and (row[0] - last[0]).total_seconds() <= _BRIDGE + 1:
            found[-1].append(row)
        else:
            found.append([row])
    return [
        Weak(part[0][0], part[-1][0], seat, part[0][1], part[0][2])
        for part in found
        if (part[-1][0] - part[0][0]).total_seconds() + 1 >= _LEAST
    ]
