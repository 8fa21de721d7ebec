"""Days on which things are otherwise: closed dates, special dates."""

from datetime import date, time
from zoneinfo import ZoneInfo

from sqlalchemy import and_, delete, exists, select

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from scheduler import places, repository, timetable
from scheduler.access import tag
from scheduler.materialise import materialise, weekly_of
from scheduler.model import OPEN_STATES, BookingView, VisitKind
from scheduler.tables import (
    BookingRow,
    ClosedDateRow,
    PrisonRow,
    SlotRow,
    SpecialDateRow,
    TemplateRow,
)
from scheduler.timetable import Run


class BadDate(Malformed):
    code = "bad-date"
    text = "This date cannot be used."
    status = 422


class DatePassed(BadDate):
    code = "date-passed"
    text = "This date has passed. Please choose today or a later one."


class NothingOnThatDay(BadDate):
    code = "nothing-on-that-day"
    text = "Nothing takes place on that day anyway."


class ClosedAlready(Conflict):
    code = "closed-already"
    text = "This date is closed or special already."


async def _prison(session: Session, prison_id: str) -> PrisonRow:
    row = await session.get(PrisonRow, prison_id)
    if row is None:
        raise NotFound
    return row


def _today(prison: PrisonRow) -> date:
    return clock.now().astimezone(ZoneInfo(prison.zone)).date()


async def close_date(
    session: Session,
    actor: Ref,
    prison_id: str,
    day: date,
    words: str,
    template_id: str | None = None,
    *,
    slots: bool = True,
) -> list[BookingView]:
    """No visits on that day: of the whole prison, or of one template. Families read `words`.

    Nothing is cancelled silently: the bookings of that day are answered, for an officer to decide. With `slots`
    False none are: the caller calls `materialise`, and then `affected`.
    Raises `DatePassed`, `NothingOnThatDay` for a day without slots of the template, `ClosedAlready` for a second time.
    """
    prison = await _prison(session, prison_id)
    if day < _today(prison):
        raise DatePassed
    await _check_template(session, prison, day, template_id)
    if await _is_taken(session, prison_id, day, template_id):
        raise ClosedAlready
    row = {
        "id": new_id("cld"),
        "prison_id": prison_id,
        "template_id": template_id,
        "day": day,
        "words": words,
    }
    if not await places.insert_new(session, ClosedDateRow, [row], ClosedDateRow.id):
        raise ClosedAlready  # by another, at once
    record(
        session,
        tag(actor, "date:closed"),
        actor=actor,
        subject=Ref("prison", prison_id),
        day=day.isoformat(),
        template=template_id,
    )
    if not slots:
        return []
    await materialise(session, prison_id)
    return await affected(session, prison_id, day)


async def _check_template(session: Session, prison: PrisonRow, day: date, template_id: str | None) -> None:
    if template_id is None:
        return
    row = await session.get(TemplateRow, template_id)
    if row is None or row.prison_id != prison.id:
        raise NotFound
    if not timetable.runs_on(weekly_of(row, prison.zone), day):
        raise NothingOnThatDay


async def _is_taken(session: Session, prison_id: str, day: date, template_id: str | None) -> bool:
    closed = exists().where(
        ClosedDateRow.prison_id == prison_id,
        ClosedDateRow.day == day,
        ClosedDateRow.template_id.is_(None)
        if template_id is None
        else ClosedDateRow.template_id == template_id,
    )
    special = exists().where(SpecialDateRow.prison_id == prison_id, SpecialDateRow.day == day)
    if await session.scalar(select(closed)):
        return True
    return template_id is None and bool(await session.scalar(select(special)))


async def affected(session: Session, prison_id: str, day: date) -> list[BookingView]:
    """The open bookings of slots that the timetable has closed on that day."""
    closed_slots = select(SlotRow.id).where(
        SlotRow.prison_id == prison_id, SlotRow.day == day, SlotRow.closed != ""
    )
    return await repository.views(
        session, BookingRow.slot_id.in_(closed_slots), BookingRow.state.in_(OPEN_STATES)
    )


async def reopen_date(
    session: Session, actor: Ref, prison_id: str, day: date, template_id: str | None = None
) -> None:
    """Takes a closure back; raises `NotFound` where there is none."""
    await _prison(session, prison_id)
    gone = await session.scalar(
        delete(ClosedDateRow)
        .where(
            ClosedDateRow.prison_id == prison_id,
            ClosedDateRow.day == day,
            ClosedDateRow.template_id.is_(None)
            if template_id is None
            else ClosedDateRow.template_id == template_id,
        )
        .returning(ClosedDateRow.id)
    )
    if gone is None:
        raise NotFound
    record(
        session,
        tag(actor, "date:reopened"),
        actor=actor,
        subject=Ref("prison", prison_id),
        day=day.isoformat(),
        template=template_id,
    )
    await materialise(session, prison_id)


async def create_special_date(
    session: Session,
    actor: Ref,
    prison_id: str,
    day: date,
    *,
    starts: time,
    minutes: int,
    raster: int,
    count: int = 1,
    capacity: int = 1,
    slots: bool = True,
) -> str:
    """Times of one day that replace its weekly ones; call it once for each run of that day. With `slots` False
    the caller calls `materialise`."""
    prison = await _prison(session, prison_id)
    if day < _today(prison):
        raise DatePassed
    closed = exists().where(
        and_(
            ClosedDateRow.prison_id == prison_id,
            ClosedDateRow.day == day,
            ClosedDateRow.template_id.is_(None),
        )
    )
    if await session.scalar(select(closed)):
        raise ClosedAlready
    run = Run(starts, minutes, raster, count, capacity)
    row = SpecialDateRow(
        id=new_id("spd"),
        prison_id=prison_id,
        kind=VisitKind.FAMILY,
        day=day,
        starts=run.starts,
        minutes=run.minutes,
        raster=run.raster,
        count=run.count,
        capacity=run.capacity,
    )
    session.add(row)
    await session.flush()
    record(
        session,
        tag(actor, "date:special"),
        actor=actor,
        subject=Ref("prison", prison_id),
        day=day.isoformat(),
    )
    if slots:
        await materialise(session, prison_id)
    return row.id
