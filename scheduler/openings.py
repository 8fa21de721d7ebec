"""Which times stand open for somebody, and what is left of the prison at those times: terminals and officers.

Shared by whoever plans ahead (wishes) and whoever must find another time (offers): both ask the same rules as a family
that books by hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from core.db import Session
from core.errors import Reason
from scheduler import facts, judging, repository, roster, seating, shifts
from scheduler.case import SlotFacts, Stretch
from scheduler.facts import Ground, Guest
from scheduler.happenings import Kind
from scheduler.model import OPEN_STATES, TICK_MINUTES, BookingView, ClaimKind, ticks
from scheduler.planning_tables import HappeningRow
from scheduler.seating import Seat
from scheduler.shifts import Shift
from scheduler.tables import BookingRow, ClaimRow, TerminalRow, WingRow


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
class Supply:
    """What is left in a prison: seats to sit on and officers to watch, less what is booked already. `elsewhere`: when
    a terminal (by id) is taken for something that is no visit: a lawyer's meeting, a turn of a help day."""

    seats: tuple[Seat, ...]
    shifts: tuple[Shift, ...]
    booked: tuple[BookingView, ...]
    wings: tuple[str, ...]
    elsewhere: Mapping[str, Sequence[Stretch]] = field(default_factory=dict)

    def moments(self, slots: Iterable[SlotFacts]) -> list[datetime]:
        """Where something may run out: at each beginning, of whatever it is, and when an officer goes. Between two of
        them nothing changes."""
        found = {slot.starts_at for slot in slots}
        found |= {first for spans in self.elsewhere.values() for first, _ in spans}
        for shift in self.shifts:
            found |= {shift.ends_at, *(first for first, _ in shift.breaks)}
        return sorted(found)

    def _usable(self, moment: datetime) -> list[Seat]:
        span = (moment, moment + timedelta(minutes=1))
        return [
            seat
            for seat in self.seats
            if seat.usable(span)
            and not any(first <= moment < last for first, last in self.elsewhere.get(seat.id, ()))
        ]

    def capacities(self, moments: Iterable[datetime]) -> dict[str, int]:
        """Row name -> what is left: terminals of each wing and of all, and officers where there is a roster."""
        left: dict[str, int] = {}
        for moment in moments:
            usable = self._usable(moment)
            on = [view for view in self.booked if view.starts_at <= moment < view.slot_ends_at]
            left[f"terminals:{moment.isoformat()}"] = max(0, len(usable) - len(on))
            for wing in self.wings:
                own = sum(seat.wing_id in (None, wing) for seat in usable)
                taken = sum(view.wing_id == wing for view in on)
                left[f"terminals:{wing}:{moment.isoformat()}"] = max(0, own - taken)
            if self.shifts:
                talking = sum(moment < view.starts_at + timedelta(minutes=view.minutes) for view in on)
                left[f"officers:{moment.isoformat()}"] = max(
                    0, shifts.capacity(self.shifts, moment) - talking
                )
        return left

    def rows(self, slot: SlotFacts, wing_id: str, moments: Sequence[datetime]) -> list[str]:
        """What a visit of this wing in the slot takes, at each of the moments that it lasts."""
        taken = []
        talk_ends = slot.starts_at + timedelta(minutes=slot.minutes)
        for moment in moments:
            if slot.starts_at <= moment < slot.ends_at:
                taken += [f"terminals:{moment.isoformat()}", f"terminals:{wing_id}:{moment.isoformat()}"]
            if self.shifts and slot.starts_at <= moment < talk_ends:
                taken.append(f"officers:{moment.isoformat()}")
        return taken


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
    wings = await session.scalars(select(WingRow.id).where(WingRow.prison_id == prison_id))
    return Supply(
        tuple(await seating.seats(session, prison_id)),
        tuple(await roster.on_duty(session, prison_id, *span)),
        tuple(booked),
        tuple(wings),
        await _elsewhere(session, prison_id, span),
    )


async def _elsewhere(
    session: Session, prison_id: str, span: tuple[datetime, datetime]
) -> dict[str, list[Stretch]]:
    """The prison's terminals that are claimed by what is no visit, and when, in ticks."""
    numbers = ticks(*span)
    rows = await session.execute(
        select(ClaimRow.owner_id, ClaimRow.number)
        .join(TerminalRow, TerminalRow.id == ClaimRow.owner_id)
        .outerjoin(BookingRow, BookingRow.id == ClaimRow.booking_id)
        .where(
            ClaimRow.kind == ClaimKind.TERMINAL,
            ClaimRow.number.between(numbers.start, numbers.stop - 1),
            TerminalRow.prison_id == prison_id,
            BookingRow.id.is_(None),
        )
        .order_by(ClaimRow.owner_id, ClaimRow.number)
    )
    width = timedelta(minutes=TICK_MINUTES)
    found: dict[str, list[Stretch]] = {}
    for terminal_id, number in rows:
        begins = datetime.fromtimestamp(number * TICK_MINUTES * 60, UTC)
        spans = found.setdefault(terminal_id, [])
        if spans and spans[-1][1] == begins:
            spans[-1] = (spans[-1][0], begins + width)
        else:
            spans.append((begins, begins + width))
    return found


def busy(person: str, slot: SlotFacts, moments_: Iterable[datetime]) -> list[str]:
    """Rows of somebody (`inmate:…`, `visitor:…`) for as long as the slot lasts."""
    return [f"{person}:{at.isoformat()}" for at in moments_ if slot.starts_at <= at < slot.ends_at]
