"""Which times stand open for somebody, and what is left of the prison at those times: terminals and officers.

Shared by whoever plans ahead (wishes) and whoever must find another time (offers): both ask the same rules as a family
that books by hand.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.db import Session
from core.errors import Reason
from scheduler import facts, judging, repository, roster, seating, shifts
from scheduler.case import SlotFacts
from scheduler.facts import Ground, Guest
from scheduler.happenings import Kind
from scheduler.model import OPEN_STATES, BookingView, VisitKind
from scheduler.planning_tables import HappeningRow
from scheduler.seating import Seat, Sitting
from scheduler.shifts import Shift
from scheduler.tables import BookingRow, PrisonRow


@dataclass(frozen=True, slots=True)
class Opening:
    """A slot as it stands for one inmate and these visitors: open, or every reason why not (what an office might let
    pass is for people to ask, not for a plan). `period`: owner of the allowance of a visit there, `left` of it."""

    slot: SlotFacts
    reasons: tuple[Reason, ...]
    period: str
    left: int


async def of(
    session: Session,
    ground: Ground,
    guests: Sequence[Guest],
    days: tuple[date, date],
    without: Collection[str],
) -> list[Opening]:
    """The openings of these days, for visitors named by their relationships. `without`: bookings that would be given
    up for it and stand in nobody's way."""
    ignoring = BookingRow.id.in_(list(without))
    found = await facts.slots(session, facts.family_slots(ground, *days), ignoring=ignoring)
    shut = await _closed_days(session, ground.prison.id)
    found = [
        slot for slot in found if not any(one[0] < slot.ends_at and slot.starts_at < one[1] for one in shut)
    ]
    case = await facts.judge(session, ground, guests, found, ignoring=ignoring)
    answers = judging.month(case, found)
    return [
        Opening(
            slot,
            reasons,
            f"{ground.inmate.id}/{case.period(slot.day).key}",
            case.limit(slot.day) - case.used.get(case.period(slot.day).key, 0),
        )
        for slot, reasons in zip(found, answers, strict=True)
    ]


async def _closed_days(session: Session, prison_id: str) -> list[tuple[datetime, datetime]]:
    """Days that are closed: times opened by hand, which no timetable closes, count as closed there too."""
    rows = await session.execute(
        select(HappeningRow.starts_at, HappeningRow.ends_at).where(
            HappeningRow.prison_id == prison_id,
            HappeningRow.kind == Kind.DATE_CLOSED,
            HappeningRow.state == "open",
            HappeningRow.ends_at.is_not(None),
        )
    )
    return [(row[0], row[1]) for row in rows if row[1] is not None]


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody's call as it takes from a prison: a terminal until `ends_at`, an officer's eyes until `talk_ends` (not
    when `watched` is false). `kind`: a VisitKind."""

    starts_at: datetime
    ends_at: datetime
    talk_ends: datetime
    wing_id: str
    kind: str = VisitKind.FAMILY
    watched: bool = True


def call_in(slot: SlotFacts, wing_id: str) -> Call:
    """The visit of an inmate of this wing that takes place in the slot."""
    return Call(slot.starts_at, slot.ends_at, slot.starts_at + timedelta(minutes=slot.minutes), wing_id)


@dataclass(frozen=True, slots=True)
class Supply:
    """What is left in a prison: seats to sit on and officers to watch, less what is booked already.

    Terminals that serve the same calls are one class (`Seat.wing_id`, `Seat.use`); within it they are interchangeable,
    so that a number for each class and moment is exact. `seats` cannot be used while they are taken for something that
    is no visit (a lawyer's meeting, a turn of a help day); `booked`: visits with the class that they sit in, if any.
    A day of the prison's (`zone`) on which no shift begins is one whose roster is not written yet: officers limit
    nothing there, but while a shift of the day before lasts.
    """

    seats: tuple[Seat, ...]
    shifts: tuple[Shift, ...]
    booked: tuple[tuple[BookingView, str], ...]
    zone: ZoneInfo
    _written: frozenset[date] = field(init=False)

    def __post_init__(self) -> None:
        written = frozenset(shift.starts_at.astimezone(self.zone).date() for shift in self.shifts)
        object.__setattr__(self, "_written", written)

    def moments(self, beginnings: Iterable[datetime]) -> list[datetime]:
        """Where something may run out: at each beginning, of whatever it is, and when an officer goes or a terminal
        fails. Between two of them nothing changes."""
        found = {*beginnings, *(view.starts_at for view, _ in self.booked)}
        found |= {first for seat in self.seats for first, _ in seat.out}
        for shift in self.shifts:
            found |= {shift.ends_at, *(first for first, _ in shift.breaks)}
        return sorted(found)

    def left(self, moment: datetime) -> tuple[dict[str, int], int | None]:
        """(class -> terminals that are left, calls that officers could still watch; `None` without a roster)."""
        span = (moment, moment + timedelta(minutes=1))
        free = Counter(seat.kept_as for seat in self.seats if seat.usable(span))
        on = [(view, kept) for view, kept in self.booked if view.starts_at <= moment < view.slot_ends_at]
        free.subtract(kept for _, kept in on if kept)
        watching = None
        if self._on_roster(moment):
            talking = sum(moment < view.starts_at + timedelta(minutes=view.minutes) for view, _ in on)
            watching = max(0, shifts.capacity(self.shifts, moment) - talking)
        return {kept: max(0, count) for kept, count in free.items()}, watching

    def _on_roster(self, moment: datetime) -> bool:
        return moment.astimezone(self.zone).date() in self._written or any(
            shift.starts_at <= moment < shift.ends_at for shift in self.shifts
        )

    def capacities(self, moments: Iterable[datetime]) -> dict[str, int]:
        """Row name -> what is left: terminals of each class, and officers where there is a roster."""
        rows: dict[str, int] = {}
        kinds = {seat.kept_as for seat in self.seats}
        for moment in moments:
            free, watching = self.left(moment)
            rows |= {f"terminals:{kept}:{moment.isoformat()}": free.get(kept, 0) for kept in kinds}
            if watching is not None:
                rows[f"officers:{moment.isoformat()}"] = watching
        return rows

    def ways(self, call: Call, moments: Sequence[datetime]) -> dict[str, list[str]]:
        """Class of terminals that the call can have -> what it then takes at each of the moments that it lasts."""
        kept = dict.fromkeys(seat.kept_as for seat in self.seats if seat.serves(call.kind, call.wing_id))
        lasting = [moment.isoformat() for moment in moments if call.starts_at <= moment < call.ends_at]
        watched = [
            f"officers:{moment.isoformat()}"
            for moment in moments
            if call.watched and call.starts_at <= moment < call.talk_ends and self._on_roster(moment)
        ]
        return {one: [*(f"terminals:{one}:{at}" for at in lasting), *watched] for one in kept}


async def supply(
    session: Session, prison_id: str, span: tuple[datetime, datetime], without: Collection[str]
) -> Supply:
    """What the prison has in that span. `without`: bookings that are to be given up."""
    booked = await repository.views(
        session,
        BookingRow.prison_id == prison_id,
        BookingRow.state.in_(OPEN_STATES),
        BookingRow.starts_at < span[1],
        BookingRow.slot_ends_at > span[0],
        BookingRow.id.not_in(list(without)),
    )
    seats = await seating.left(session, prison_id, span)
    classes = {seat.id: seat.kept_as for seat in seats}
    sitting = [
        Sitting(view.id, view.wing_id, (view.starts_at, view.slot_ends_at), view.terminal_id)
        for view in booked
    ]
    seated, _ = seating.arrange(sitting, seats)
    return Supply(
        tuple(seats),
        tuple(await roster.on_duty(session, prison_id, *span)),
        tuple((view, classes.get(seated.get(view.id, ""), "")) for view in booked),
        ZoneInfo((await session.get_one(PrisonRow, prison_id)).zone),
    )


def busy(person: str, starts_at: datetime, ends_at: datetime, moments: Iterable[datetime]) -> list[str]:
    """Rows of somebody (`inmate:…`, `visitor:…`) for as long as a call lasts."""
    return [f"{person}:{at.isoformat()}" for at in moments if starts_at <= at < ends_at]
