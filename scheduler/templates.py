"""Weekly templates as a whole: which overlap, and moving everything that is booked from one to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import NotFound, Reason, Refused
from core.ids import Ref
from ledger.record import record
from people import repository as people
from scheduler import audience, repository
from scheduler.access import booking_ref, tag
from scheduler.materialise import weekly_of
from scheduler.model import OPEN_STATES, BookingView
from scheduler.overlaps import Sitting, overlap
from scheduler.tables import BookingRow, PlaceRow, PrisonRow, SlotRow, TemplateRow

NO_SUCH_TIME = Reason("no-such-time", "{reference}: the other timetable has no visit on {day} at that time.")
TOO_SHORT = Reason("too-short", "{reference}: the visits of the other timetable are shorter.")
NOT_MEANT = Reason("not-meant", "{reference}: the other timetable is meant for other people.")
NO_ROOM = Reason("no-room", "{reference}: all places are taken at that time of the other timetable.")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another template that asks for the same people at the same time, first on `day`."""

    template_id: str
    name: str
    day: date


def sitting_of(row: TemplateRow, zone: str) -> Sitting:
    return Sitting(weekly_of(row, zone), row.wing_id, audience.read(row.audience))


async def overlapping(session: Session, template_id: str) -> list[Overlap]:
    """What the template overlaps with; a report, nothing is refused for it. Raises `NotFound`."""
    row, prison = await _template(session, template_id)
    others = await session.scalars(
        select(TemplateRow)
        .where(TemplateRow.prison_id == row.prison_id, TemplateRow.active, TemplateRow.id != row.id)
        .order_by(TemplateRow.weekday, TemplateRow.starts, TemplateRow.id)
    )
    mine = sitting_of(row, prison.zone)
    found = []
    for other in others:
        day = overlap(mine, sitting_of(other, prison.zone))
        if day is not None:
            found.append(Overlap(other.id, other.name, day))
    return found


async def _template(session: Session, template_id: str) -> tuple[TemplateRow, PrisonRow]:
    row = await session.get(TemplateRow, template_id)
    if row is None:
        raise NotFound
    return row, await session.get_one(PrisonRow, row.prison_id)


async def booked(session: Session, template_id: str) -> list[BookingView]:
    """The open bookings ahead at the template's times."""
    ours = select(SlotRow.id).where(SlotRow.template_id == template_id)
    return await repository.views(
        session,
        BookingRow.slot_id.in_(ours),
        BookingRow.state.in_(OPEN_STATES),
        BookingRow.starts_at > clock.now(),
    )


async def move_bookings(session: Session, actor: Ref, source_id: str, target_id: str) -> list[BookingView]:
    """Moves every open booking ahead from one template's slots to the other's, or none of them.

    Raises `Refused` with a reason for each booking that the target cannot take: another day or time, shorter visits,
    other people, no free place (F41).
    """
    source, _ = await _template(session, source_id)
    target, _ = await _template(session, target_id)
    if source.prison_id != target.prison_id or source.id == target.id:
        raise NotFound
    views = await booked(session, source_id)
    slots = {
        row.starts_at: row
        for row in await session.scalars(
            select(SlotRow).where(SlotRow.template_id == target_id, SlotRow.closed == "")
        )
    }
    if reasons := [reason for view in views if (reason := await _against(session, view, target, slots))]:
        raise Refused(reasons)
    left = [view for view in views if not await _move(session, actor, view, slots[view.starts_at])]
    if left:
        raise Refused([_said(NO_ROOM, view) for view in left])
    return [await repository.get(session, view.id) for view in views]


def _said(reason: Reason, view: BookingView, **more: Any) -> Reason:
    return Reason(reason.code, reason.text, {"reference": view.reference, **more})


async def _against(
    session: Session, view: BookingView, target: TemplateRow, slots: dict[Any, SlotRow]
) -> Reason | None:
    slot = slots.get(view.starts_at)
    if slot is None:
        local = view.starts_at.astimezone(ZoneInfo(view.zone))
        return _said(NO_SUCH_TIME, view, day=local.date().isoformat())
    if slot.minutes < view.minutes:
        return _said(TOO_SHORT, view)
    inmate = await people.inmate(session, view.inmate_id)
    meant = audience.read(target.audience)
    if inmate is None or not meant.admits(inmate.location, inmate.category, inmate.level):
        return _said(NOT_MEANT, view)
    if target.wing_id not in (None, inmate.wing_id):
        return _said(NOT_MEANT, view)
    return None


async def _move(session: Session, actor: Ref, view: BookingView, slot: SlotRow) -> bool:
    """Gives the booking a seat at the other slot of the same time; False when there is none."""
    free = (
        select(PlaceRow.id)
        .where(PlaceRow.slot_id == slot.id, PlaceRow.booking_id.is_(None), ~PlaceRow.extra)
        .limit(1)
        .with_for_update()
    )
    place_id = await session.scalar(free)
    if place_id is None:
        return False
    for statement in (
        update(PlaceRow).where(PlaceRow.booking_id == view.id).values(booking_id=None),
        update(PlaceRow)
        .where(PlaceRow.id == place_id, PlaceRow.booking_id.is_(None))
        .values(booking_id=view.id),
        update(BookingRow).where(BookingRow.id == view.id).values(slot_id=slot.id),
    ):
        await session.execute(statement.execution_options(synchronize_session=False))
    record(
        session,
        tag(actor, "booking:slot-changed"),
        actor=actor,
        subject=booking_ref(view.id),
        came_from=view.slot_id,
        slot=slot.id,
    )
    return True


async def templates_of(session: Session, prison_id: str) -> Sequence[TemplateRow]:
    """The active templates of a prison, in order of week and time."""
    rows = await session.scalars(
        select(TemplateRow)
        .where(TemplateRow.prison_id == prison_id, TemplateRow.active)
        .order_by(TemplateRow.weekday, TemplateRow.starts, TemplateRow.id)
    )
    return rows.all()
