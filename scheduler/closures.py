"""Days on which things are otherwise: closed dates, special dates, suspensions of people."""

from datetime import date, time
from zoneinfo import ZoneInfo

from sqlalchemy import and_, delete, exists, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people import repository as people
from scheduler import repository, timetable
from scheduler.access import tag
from scheduler.materialise import materialise, weekly_of
from scheduler.model import OPEN_STATES, BookingView, VisitKind
from scheduler.tables import (
    BanRow,
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


class DaysReversed(BadDate):
    code = "days-reversed"
    text = "The last day lies before the first."


class NobodyNamed(Malformed):
    code = "nobody-named"
    text = "Please say whom it is about: a relative, an inmate, or both."
    status = 422


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
    entry = ClosedDateRow(
        id=new_id("cld"), prison_id=prison_id, template_id=template_id, day=day, words=words
    )
    session.add(entry)
    await session.flush()
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


async def ban(
    session: Session,
    actor: Ref,
    prison_id: str,
    first_day: date,
    last_day: date,
    words: str,
    *,
    relative_id: str | None = None,
    inmate_id: str | None = None,
) -> str:
    """Suspends a relative, an inmate, or the two together, from a day to a day (rules F7).

    What is booked already is not touched: an officer decides on each.
    """
    if last_day < first_day:
        raise DaysReversed
    if relative_id is None and inmate_id is None:
        raise NobodyNamed
    await _prison(session, prison_id)
    if relative_id is not None and await people.relative(session, relative_id) is None:
        raise NotFound
    inmate = None if inmate_id is None else await people.inmate(session, inmate_id)
    if inmate_id is not None and (inmate is None or inmate.prison_id != prison_id):
        raise NotFound
    row = BanRow(
        id=new_id("ban"),
        prison_id=prison_id,
        relative_id=relative_id,
        inmate_id=inmate_id,
        first_day=first_day,
        last_day=last_day,
        words=words,
        made_by_kind=actor.kind,
        made_by_id=actor.id,
        made_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    record(
        session,
        tag(actor, "visits:suspended"),
        actor=actor,
        subject=Ref("ban", row.id),
        relative=relative_id,
        inmate=inmate_id,
        last_day=last_day.isoformat(),
    )
    return row.id


async def lift_ban(session: Session, actor: Ref, ban_id: str) -> None:
    """Ends a suspension at once; raises `Conflict` when it was ended before."""
    lifted = await session.scalar(
        update(BanRow)
        .where(BanRow.id == ban_id, BanRow.lifted_at.is_(None))
        .values(lifted_at=clock.now())
        .returning(BanRow.id)
        .execution_options(synchronize_session=False)
    )
    if lifted is None:
        raise Conflict if await session.get(BanRow, ban_id) else NotFound
    record(session, tag(actor, "visits:readmitted"), actor=actor, subject=Ref("ban", ban_id))
