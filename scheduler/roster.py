"""The officers' roster in the database: shifts entered, read with whoever is away, and what they can watch."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from core import clock
from core.db import Session
from core.errors import Malformed, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people import repository as people
from people.model import Role
from scheduler import places, repository, shifts
from scheduler.access import DECIDERS, Actor, ref, require, tag
from scheduler.happenings import Kind
from scheduler.model import OPEN_STATES, BookingView
from scheduler.planning_tables import HappeningRow, ShiftRow
from scheduler.shifts import Shift, Span
from scheduler.tables import BookingRow

_LONGEST = timedelta(hours=16)
_MOST_AT_ONCE = 16  # calls on one officer's wall


class BadShift(Malformed):
    code = "bad-shift"
    text = "This shift cannot be used: it ends after it begins, lasts 16 hours at most, and the break lies in it."
    status = 422


async def add_shift(
    session: Session, actor: Actor, officer_id: str, span: Span, pause: Span | None, at_once: int
) -> str:
    """Puts a monitoring officer on duty. The same beginning again replaces the shift.

    Raises `BadShift`, and `NotFound` for somebody who does not watch calls in this prison.
    """
    staff = await people.staff(session, officer_id)
    if staff is None or staff.prison_id is None or Role.MONITOR not in staff.roles:
        raise NotFound
    require(actor, staff.prison_id, DECIDERS)
    begins, ends = span
    inside = pause is None or begins <= pause[0] < pause[1] <= ends
    if not begins < ends <= begins + _LONGEST or not inside or not 1 <= at_once <= _MOST_AT_ONCE:
        raise BadShift
    row = {
        "id": new_id("shf"),
        "prison_id": staff.prison_id,
        "officer_id": officer_id,
        "officer_name": staff.name,
        "starts_at": begins,
        "ends_at": ends,
        "break_starts_at": pause[0] if pause else None,
        "break_ends_at": pause[1] if pause else None,
        "at_once": at_once,
    }
    made: list[str] = []
    while not made:  # another who enters the same at once was first: theirs is there now, and is replaced
        await session.execute(
            delete(ShiftRow).where(ShiftRow.officer_id == officer_id, ShiftRow.starts_at == begins)
        )
        made = await places.insert_new(session, ShiftRow, [row], ShiftRow.id)
    subject = Ref("shift", made[0])
    record(session, tag(actor, "shift:added"), actor=ref(actor), subject=subject, officer=officer_id)
    return made[0]


async def remove_shift(session: Session, actor: Actor, shift_id: str) -> None:
    """Raises `NotFound` when it is gone already."""
    row = await session.get(ShiftRow, shift_id)
    if row is None:
        raise NotFound
    require(actor, row.prison_id, DECIDERS)
    await session.delete(row)
    subject = Ref("shift", shift_id)
    record(session, tag(actor, "shift:removed"), actor=ref(actor), subject=subject, officer=row.officer_id)


async def rows(session: Session, prison_id: str, first: datetime, last: datetime) -> Sequence[ShiftRow]:
    """The shifts that meet the span, in order of time."""
    found = await session.scalars(
        select(ShiftRow)
        .where(ShiftRow.prison_id == prison_id, ShiftRow.starts_at < last, ShiftRow.ends_at > first)
        .order_by(ShiftRow.starts_at, ShiftRow.officer_name)
    )
    return found.all()


async def on_duty(session: Session, prison_id: str, first: datetime, last: datetime) -> list[Shift]:
    """The shifts that meet the span, each with its break and whatever takes the officer away."""
    away: dict[str, list[Span]] = {}
    absent = await session.scalars(
        select(HappeningRow).where(
            HappeningRow.prison_id == prison_id,
            HappeningRow.kind == Kind.OFFICER_AWAY,
            HappeningRow.state == "open",
            HappeningRow.starts_at < last,
        )
    )
    for row in absent:
        away.setdefault(row.officer_id or "", []).append((row.starts_at, row.ends_at or last))
    found = []
    for shift in await rows(session, prison_id, first, last):
        pause = (
            [(shift.break_starts_at, shift.break_ends_at)]
            if shift.break_starts_at and shift.break_ends_at
            else []
        )
        breaks = (*pause, *away.get(shift.officer_id, []))
        found.append(
            Shift(shift.officer_id, shift.officer_name, shift.starts_at, shift.ends_at, shift.at_once, breaks)
        )
    return found


async def beyond(session: Session, prison_id: str, among: Sequence[BookingView]) -> list[BookingView]:
    """Which of these bookings the officers on duty cannot watch; who booked first keeps their time.

    A prison without a roster has no such limit.
    """
    if not among:
        return []
    first, last = min(v.starts_at for v in among), max(v.slot_ends_at for v in among)
    duty = await on_duty(session, prison_id, first - _LONGEST, last + _LONGEST)
    if not duty:
        return []
    calls = await repository.views(
        session,
        BookingRow.prison_id == prison_id,
        BookingRow.state.in_(OPEN_STATES),
        BookingRow.starts_at < last,
        BookingRow.slot_ends_at > first,
        BookingRow.starts_at > clock.now(),
        order=(BookingRow.id,),
    )
    spans = [(view.starts_at, view.starts_at + timedelta(minutes=view.minutes)) for view in calls]
    wanted = {view.id for view in among}
    return [calls[n] for n in shifts.beyond(duty, spans) if calls[n].id in wanted]
