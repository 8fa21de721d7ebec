"""How one call went, from what was measured: gaps and whose they were, weak lines, who saw and heard whom. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from ledger.chain import Entry
from rooms import gaps as gaps_of
from rooms import presence
from rooms.clock import given_back
from rooms.gaps import OURS, Gap, Side, Weak
from rooms.minutes import Figures, LegMinute, seconds_of
from rooms.model import RoomRecord, SeatView
from rooms.sightlines import SightsFrom
from scheduler.allowance import Charge

_HALF = 0.5  # of what is missing: so much of it was not the family's


@dataclass(frozen=True, slots=True)
class Promise:
    """What was agreed. `granted` in seconds; `least_share`: of it, with less a call is a lost one. Policy."""

    starts_at: datetime
    slot_ends_at: datetime
    granted: float
    least_share: float
    told: bool = True  # the family may read why an officer ended it
    gives_back: bool = True  # lost time was added at the end
    told_inside: bool = True  # the inmate may read it
    charge: Charge = Charge.COUNTS  # what it cost by now of the visits allowed


@dataclass(frozen=True, slots=True)
class Seen:
    """A stretch in which `viewer` could hear, see or do both of `shown`; seats."""

    viewer: str
    shown: str
    first: datetime
    last: datetime
    sound: bool
    picture: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What one person's line was like. `None`: never measured. Loss and made-up sound in per mille."""

    seat: str
    seconds: int
    round_trip_ms: int | None  # the middle one
    round_trip_worst_ms: int | None  # 95 of 100 seconds were better
    lost: int | None  # mean
    up_kbit: int | None  # mean
    down_kbit: int | None
    frozen_ms: int
    concealed: int | None


@dataclass(frozen=True, slots=True)
class Course:
    """Durations in seconds. `until`: the end, or the moment of asking while it lasts."""

    promise: Promise
    record: RoomRecord
    until: datetime
    gaps: tuple[Gap, ...]
    weak: tuple[Weak, ...]
    seen: tuple[Seen, ...]
    lines: tuple[Line, ...]
    minutes: tuple[LegMinute, ...]
    sights_kept: bool

    @property
    def seats(self) -> Mapping[str, SeatView]:
        return {seat.id: seat for seat in self.record.seats}

    @property
    def given_back(self) -> float:
        """By how much it was longer for what was lost; while it lasts, by how much it will be."""
        promise, record = self.promise, self.record
        lost = record.lost if promise.gives_back else 0.0
        promised = given_back(promise.granted, promise.slot_ends_at, record.live_at, lost)
        if record.live_at is None or record.ended_at is None:
            return promised
        beyond = (record.ended_at - record.live_at).total_seconds() - promise.granted
        return max(0.0, min(promised, beyond))

    def lost_to(self, *sides: Side) -> float:
        """Seconds of gaps of these sides, those before the call among them."""
        return sum(gap.seconds for gap in self.gaps if gap.side in sides)

    @property
    def broken_by_us(self) -> bool:
        """Less than what policy calls a call took place, and at least half of what is missing was not the family's."""
        missing = self.promise.granted - self.record.used
        ended = self.record.ended_at is not None
        return ended and not self.took_place and self.lost_to(*OURS) >= _HALF * missing

    @property
    def took_place(self) -> bool:
        """As much of it as policy calls a call."""
        return self.record.used >= self.promise.least_share * self.promise.granted


def compute(
    promise: Promise,
    record: RoomRecord,
    entries: Sequence[Entry],
    minutes: Sequence[LegMinute],
    sights: Sequence[SightsFrom],
    now: datetime,
    window: float,
) -> Course:
    """`window`: seconds for which a lost seat was kept."""
    roles = {seat.id: seat.role for seat in record.seats}
    until = record.ended_at or now
    found = presence.standings(entries, roles, window)
    holes = gaps_of.gaps(found, roles, promise.starts_at, until)
    talked = _rest(record.live_at, until, holes)
    return Course(
        promise,
        record,
        until,
        tuple(holes),
        tuple(gaps_of.weak(minutes, roles, talked)),
        tuple(_seen(sights, holes, until)),
        tuple(_line(seat.id, _rows(minutes, seat.id)) for seat in record.seats),
        tuple(minutes),
        bool(sights),
    )


def _rest(live_at: datetime | None, until: datetime, holes: Sequence[Gap]) -> list[tuple[datetime, datetime]]:
    """The spans in which people could talk."""
    if live_at is None:
        return []
    spans, at = [], live_at
    for gap in holes:
        if gap.first > at:
            spans.append((at, gap.first))
        at = max(at, gap.last)
    return [*spans, (at, until)] if at < until else spans


def _seen(sights: Sequence[SightsFrom], holes: Sequence[Gap], until: datetime) -> list[Seen]:
    """Stretches without a change, pair by pair; nothing flowed while no process ran the room."""
    dark = [(gap.first, gap.last) for gap in holes if gap.side is Side.SERVER]
    found: dict[tuple[str, str, bool, bool], list[tuple[datetime, datetime]]] = {}
    for place, one in enumerate(sights):
        last = min(sights[place + 1].at if place + 1 < len(sights) else until, until)
        for sight in one.sights:
            spans = found.setdefault((sight.viewer, sight.shown, sight.sound, sight.picture), [])
            if spans and spans[-1][1] == one.at:
                spans[-1] = (spans[-1][0], last)
            else:
                spans.append((one.at, last))
    stretches = [
        Seen(viewer, shown, first, end, sound, picture)
        for (viewer, shown, sound, picture), spans in found.items()
        for first, last in spans
        for end in [min([last, *(begin for begin, stop in dark if first < begin < last <= stop)])]
        if first < end
    ]
    return sorted(stretches, key=lambda one: (one.viewer, one.shown, one.first))


def by_minute(minutes: Sequence[LegMinute], seat: str) -> list[tuple[datetime, Line]]:
    """The same of each minute of the clock in which this person's line was measured, oldest first."""
    rows: dict[datetime, list[Figures]] = {}
    for minute in minutes:
        if minute.seat_id == seat:
            for at, row in seconds_of(minute):
                rows.setdefault(at.replace(second=0, microsecond=0), []).append(row)
    return [(at, _line(seat, found)) for at, found in sorted(rows.items())]


def _line(seat: str, rows: Sequence[Figures]) -> Line:
    trips = sorted(row.round_trip_ms for row in rows if row.round_trip_ms is not None)
    return Line(
        seat,
        len(rows),
        round(median(trips)) if trips else None,
        trips[min(len(trips) - 1, len(trips) * 95 // 100)] if trips else None,
        _mean([max(row.up_lost or 0, row.down_lost or 0) for row in rows if _told(row)]),
        _mean([row.up_kbit for row in rows if row.up_kbit is not None]),
        _mean([row.down_kbit for row in rows if row.down_kbit is not None]),
        sum(row.frozen_ms or 0 for row in rows),
        _mean([row.concealed for row in rows if row.concealed is not None]),
    )


def _rows(minutes: Sequence[LegMinute], seat: str) -> list[Figures]:
    return [row for minute in minutes if minute.seat_id == seat for _, row in seconds_of(minute)]


def _told(row: Figures) -> bool:
    return row.up_lost is not None or row.down_lost is not None


def _mean(values: Sequence[int]) -> int | None:
    return round(sum(values) / len(values)) if values else None
