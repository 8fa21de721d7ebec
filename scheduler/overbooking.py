"""A place beyond the capacity: an explicit act of staff, with a reason, in the ledger and in a report.

The place is one row more, marked, and the booking takes it as any other; every other rule holds.
"""

from datetime import date, datetime

from sqlalchemy import func, select

from core import clock
from core.db import Session
from core.errors import Malformed, NotFound
from core.ids import Ref
from ledger.record import record
from people import repository as people
from people.model import Identity
from scheduler import booking, picking, places, repository
from scheduler.access import DECIDERS, Actor, ref, require, tag
from scheduler.model import BookingView, VisitorChoice
from scheduler.picking import Purpose
from scheduler.tables import BookingRow, PlaceRow, SlotRow

_WORDS_LENGTH = 500


class OverbookingWords(Malformed):
    code = "overbooking-words"
    text = "Please say in your words why this time takes a visit more than it has room for."
    status = 422


async def add_place(session: Session, actor: Actor, slot_id: str, words: str) -> str:
    """One place more at this time; answers its id. Raises `OverbookingWords` without a reason."""
    slot = await session.get(SlotRow, slot_id)
    if slot is None or slot.starts_at <= clock.now():
        raise NotFound
    require(actor, slot.prison_id, DECIDERS)
    if not words.strip() or len(words) > _WORDS_LENGTH:
        raise OverbookingWords
    highest = await session.scalar(select(func.max(PlaceRow.seat)).where(PlaceRow.slot_id == slot_id)) or 0
    (row,) = places.new_places(slot_id, highest + 1, highest + 1)
    made: list[str] = await places.insert_new(session, PlaceRow, [{**row, "extra": True}], PlaceRow.id)
    if not made:  # somebody did the same at this instant
        return await add_place(session, actor, slot_id, words)
    record(
        session,
        tag(actor, "slot:overbooked"),
        actor=ref(actor),
        subject=Ref("slot", slot_id),
        seat=highest + 1,
        words=words,
    )
    return made[0]


async def overbook(
    session: Session, actor: Identity, relationship_id: str, slot_id: str, words: str, key: str
) -> BookingView:
    """Asks for a visit on a relative's behalf, in a place beyond the capacity; every other rule holds. The same `key`
    again answers the same. Raises `Refused` with every reason, and then there is no such place either."""
    relation = await people.relationship_by_id(session, relationship_id)
    if relation is None:
        raise NotFound
    require(actor, relation.prison_id, DECIDERS)
    purpose = Purpose(on_behalf=relation.relative_id, extra=True, starter="officer")
    # Who sends the same twice at once waits here for the first.
    await session.execute(select(SlotRow.id).where(SlotRow.id == slot_id).with_for_update(key_share=True))
    if await picking.known(session, relation.relative_id, relation.inmate_id, key) is None:
        await add_place(session, actor, slot_id, words)
    held = await picking.hold(session, actor, relation.inmate_id, slot_id, key, purpose)
    choice = [VisitorChoice(relationship_id)]
    return await booking.confirm_pick(session, actor, held, choice, key, extra=True)


async def take_back(session: Session, actor: Actor, place_id: str) -> None:
    """An extra place that nobody has is closed again; raises `NotFound` when somebody has it."""
    place = await session.get(PlaceRow, place_id)
    if place is None or not place.extra:
        raise NotFound
    slot = await session.get_one(SlotRow, place.slot_id)
    require(actor, slot.prison_id, DECIDERS)
    if not await places.close_place(session, place_id):
        raise NotFound
    record(
        session,
        tag(actor, "slot:overbooking-ended"),
        actor=ref(actor),
        subject=Ref("slot", slot.id),
        seat=place.seat,
    )


async def report(session: Session, prison_id: str, first: date, last: date) -> list[tuple[BookingView, int]]:
    """Visits in places beyond the capacity between two days, with how many such places their time has."""
    extra = (
        select(PlaceRow.slot_id, func.count().label("places"))
        .where(PlaceRow.extra)
        .group_by(PlaceRow.slot_id)
        .subquery()
    )
    rows = await session.execute(
        select(BookingRow.id, extra.c.places)
        .join(PlaceRow, PlaceRow.booking_id == BookingRow.id)
        .join(extra, extra.c.slot_id == PlaceRow.slot_id)
        .where(PlaceRow.extra, BookingRow.prison_id == prison_id, BookingRow.day.between(first, last))
    )
    counts: dict[str, int] = {row[0]: row[1] for row in rows}
    views = await repository.views(session, BookingRow.id.in_(counts))
    return [(view, counts[view.id]) for view in views]


async def unused(session: Session, prison_id: str) -> list[tuple[str, datetime]]:
    """(place id, beginning of its time) of places beyond the capacity that nobody has, still to come."""
    rows = await session.execute(
        select(PlaceRow.id, SlotRow.starts_at)
        .join(SlotRow, SlotRow.id == PlaceRow.slot_id)
        .where(
            PlaceRow.extra,
            PlaceRow.booking_id.is_(None),
            SlotRow.prison_id == prison_id,
            SlotRow.starts_at > clock.now(),
        )
        .order_by(SlotRow.starts_at, PlaceRow.id)
    )
    return [(place_id, starts_at) for place_id, starts_at in rows]
