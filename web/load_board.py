"""How a planned week weighs on each terminal and each officer: minutes of calls against minutes there are.

Numbers of terminals are given at call time, so this is how the calls would be seated now (`scheduler.seating`), and who
would watch them (`scheduler.shifts`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.db import Session
from scheduler import repository, roster, seating, shifts
from scheduler.model import BookingView, VisitKind
from scheduler.seating import Seat, Sitting
from scheduler.shifts import Shift
from scheduler.tables import SlotRow

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Burden:
    """One terminal or officer: minutes of calls booked and planned, and the most there could be."""

    name: str
    booked: int
    planned: int
    most: int

    @property
    def percent(self) -> int:
        return round(100 * (self.booked + self.planned) / self.most) if self.most else 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the week; `planned`: it would be booked when the plan is published. `span`: the terminal's time.
    `watched`: by an officer, for as long as people talk (`minutes`; `None`: the whole span)."""

    id: str
    wing_id: str
    span: Span
    planned: bool
    terminal_id: str | None = None
    kind: str = VisitKind.FAMILY
    watched: bool = True
    minutes: int | None = None

    @property
    def talk(self) -> Span:
        """What an officer watches: not the pause in which the terminal is made ready for the next call."""
        begins, ends = self.span
        return begins, ends if self.minutes is None else begins + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class LoadBoard:
    """`unseated`, `unwatched`: calls for which there is no terminal, or at some moment no officer."""

    terminals: tuple[Burden, ...]
    officers: tuple[Burden, ...]
    unseated: int
    unwatched: int


def calls_of(
    booked: Sequence[BookingView], slots: Sequence[SlotRow], planned: Sequence[tuple[str, str, str]]
) -> list[Call]:
    """The week's calls. `planned`: (id, slot, wing) of each proposal."""
    at = {row.id: row for row in slots}
    found = [
        Call(
            view.id,
            view.wing_id,
            (view.starts_at, view.slot_ends_at),
            planned=False,
            terminal_id=view.terminal_id,
            minutes=view.minutes,
        )
        for view in booked
    ]
    would = [(one, at[slot], wing) for one, slot, wing in planned if slot in at]
    return [
        *found,
        *(
            Call(one, wing, (row.starts_at, row.ends_at), planned=True, minutes=row.minutes)
            for one, row, wing in would
        ),
    ]


async def of(session: Session, prison_id: str, slots: Sequence[SlotRow], calls: Sequence[Call]) -> LoadBoard:
    """The burdens of these calls, which lie on these slots."""
    spans = [*((row.starts_at, row.ends_at) for row in slots), *(call.span for call in calls)]
    if not spans:
        return LoadBoard((), (), 0, 0)
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    seats = await seating.seats(session, prison_id)
    names = {one.id: one.place for one in await repository.terminals(session, prison_id)}
    duty = await roster.on_duty(session, prison_id, first, last)
    sittings = [Sitting(call.id, call.wing_id, call.span, call.terminal_id, kind=call.kind) for call in calls]
    seated, nowhere = seating.arrange(sittings, seats)
    terminals = tuple(
        _terminal(
            seat, names.get(seat.id, "–"), [one for one in calls if seated.get(one.id) == seat.id], slots
        )
        for seat in seats
    )
    officers, unwatched = _officers(duty, [call for call in calls if call.watched])
    return LoadBoard(terminals, officers, len(nowhere), unwatched)


def _minutes(span: Span) -> int:
    return int((span[1] - span[0]) / timedelta(minutes=1))


def _terminal(seat: Seat, name: str, calls: Sequence[Call], slots: Sequence[SlotRow]) -> Burden:
    """`most`: the time in which some slot of its wing, or of any, takes place and the terminal can be used, and that
    of the meetings it has, which lie in no slot."""
    open_for = [
        (row.starts_at, row.ends_at)
        for row in slots
        if seat.use in ("", row.kind)
        and (seat.wing_id is None or row.wing_id in (None, seat.wing_id))
        and seat.usable((row.starts_at, row.ends_at))
    ]
    return Burden(
        name,
        sum(_minutes(one.span) for one in calls if not one.planned),
        sum(_minutes(one.span) for one in calls if one.planned),
        sum(
            _minutes(span)
            for span in _joined([*open_for, *(one.span for one in calls if one.kind == VisitKind.LEGAL)])
        ),
    )


def _joined(spans: Sequence[Span]) -> list[Span]:
    """The same time without what lies in it twice."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _officers(duty: Sequence[Shift], calls: Sequence[Call]) -> tuple[tuple[Burden, ...], int]:
    """(the burden of each officer on duty, calls that nobody watches from beginning to end)."""
    if not duty:
        return (), 0
    spans = [call.talk for call in calls]
    booked: dict[str, int] = {}
    planned: dict[str, int] = {}
    for call, parts in zip(calls, shifts.watches(duty, spans), strict=True):
        ends = [part.from_ for part in parts[1:]] + [call.talk[1]]
        for part, end in zip(parts, ends, strict=False):
            into = planned if call.planned else booked
            into[part.officer_id] = into.get(part.officer_id, 0) + _minutes((part.from_, end))
    names = {shift.officer_id: shift.officer_name for shift in duty}
    most = {one: sum(_watching(s) for s in duty if s.officer_id == one) for one in names}
    burdens = [Burden(names[one], booked.get(one, 0), planned.get(one, 0), most[one]) for one in names]
    unwatched = len(shifts.beyond(duty, spans))
    return tuple(sorted(burdens, key=lambda one: one.name)), unwatched


def _watching(shift: Shift) -> int:
    """Minutes of calls that one shift could watch, its breaks left out."""
    breaks = sum(
        _minutes((max(first, shift.starts_at), min(last, shift.ends_at)))
        for first, last in shift.breaks
        if first < shift.ends_at and last > shift.starts_at
    )
    return max(0, _minutes((shift.starts_at, shift.ends_at)) - breaks) * shift.at_once
