"""The JSON interface for families: the same use cases as the pages, and nothing else.

Signed in by the session cookie; unsafe methods show `X-CSRF-Token`. Errors are `{code, text, reasons?}` with
the codes of docs/protocol.md. Times are ISO 8601 in UTC; `zone` names the prison's.
"""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.status import HTTP_201_CREATED

from core import clock
from core.errors import Reason
from people import repository as people
from people.model import Relationship
from scheduler import booking, offers
from scheduler import repository as schedule
from scheduler.model import BookingState, BookingView, SlotOffer, VisitorChoice
from web import telling, wording
from web.api_models import (
    BookingOut,
    DayOut,
    ErrorOut,
    HoldIn,
    Me,
    MonthOut,
    ReasonOut,
    RelationshipOut,
    RequestIn,
    SlotOut,
    WhyNotOut,
    WithdrawIn,
)
from web.deps import AtTheDoor, Db, Relative, Who
from web.routes.booking import ground_of

router = APIRouter(
    prefix="/api/v1",
    tags=["family"],
    responses={status: {"model": ErrorOut} for status in (401, 403, 404, 409, 422, 429)},
)


@router.get("/me", tags=["session"])
async def me(who: Who) -> Me:
    """Who this session belongs to."""
    return Me(
        id=who.subject.id,
        kind=who.subject.kind,
        name=who.name,
        roles=sorted(who.roles),
        language=who.language,
        elder=who.elder,
        strong=who.strong,
    )


@router.get("/relationships")
async def relationships(db: Db, visitor: AtTheDoor, who: Relative) -> list[RelationshipOut]:
    """Whom this relative, or a child in their care, visits or has asked to visit."""
    async with db.read() as session:
        held = await people.relationships_of(session, who.subject.id)
    return [_relationship(visitor.language, one) for one in held]


def _relationship(language: str, held: Relationship) -> RelationshipOut:
    told = telling.relationship(language, held)
    return RelationshipOut(
        id=held.id,
        visitor=held.relative_name,
        inmate_id=held.inmate_id,
        inmate_name=held.inmate_name,
        kinship=held.kinship,
        state=held.state,
        told=told.next,
        reason=told.reason,
    )


@router.get("/inmates/{inmate_id}/months/{year}-{month}")
async def month(
    db: Db,
    visitor: AtTheDoor,
    who: Relative,
    inmate_id: str,
    year: Annotated[int, Path(ge=2000, le=2999)],
    month: Annotated[int, Path(ge=1, le=12)],
) -> MonthOut:
    """Every day with every time, and for each that is not offered, why."""
    async with db.read() as session:
        ground = await ground_of(session, who, inmate_id)
        days = await offers.month(session, who, inmate_id, year, month)
    return MonthOut(
        inmate_id=inmate_id,
        zone=ground.prison.zone,
        days=[
            DayOut(
                date=day.date,
                closed=wording.say(visitor.language, day.closed) if day.closed else None,
                slots=[slot_out(visitor.language, slot) for slot in day],
            )
            for day in days
        ],
    )


def slot_out(language: str, slot: SlotOffer) -> SlotOut:
    return SlotOut(
        id=slot.slot_id,
        starts_at=slot.starts_at,
        minutes=slot.minutes,
        offered=slot.offered,
        reasons=reasons_out(language, slot.reasons),
        exceptions=reasons_out(language, slot.exceptions),
    )


def reasons_out(language: str, reasons: Iterable[Reason]) -> list[ReasonOut]:
    return [ReasonOut(code=reason.code, text=wording.say(language, reason)) for reason in reasons]


@router.get("/inmates/{inmate_id}/slots/{slot_id}/why")
async def why(
    db: Db,
    visitor: AtTheDoor,
    who: Relative,
    inmate_id: str,
    slot_id: str,
    relationship: Annotated[list[str] | None, Query()] = None,
) -> WhyNotOut:
    """Every rule that removes one time for these visitors (nobody named: oneself), before anything is asked for."""
    async with db.read() as session:
        await ground_of(session, who, inmate_id)
        offer, nearest = await offers.why_not(session, who, inmate_id, slot_id, relationship or ())
    return WhyNotOut(
        slot=slot_out(visitor.language, offer), nearest=[slot_out(visitor.language, one) for one in nearest]
    )


@router.get("/bookings")
async def bookings(db: Db, visitor: AtTheDoor, who: Relative) -> list[BookingOut]:
    """The latest visit first."""
    async with db.read() as session:
        views = await schedule.of_relative(session, who.subject.id)
    return [booking_out(visitor.language, view) for view in views]


def booking_out(language: str, view: BookingView) -> BookingOut:
    now = clock.now()
    told = telling.booking(language, view, now)
    held_until = view.held_until if view.state is BookingState.HELD else None
    return BookingOut(
        id=view.id,
        reference=view.reference,
        state=view.state,
        inmate_id=view.inmate_id,
        inmate_name=view.inmate_name,
        zone=view.zone,
        starts_at=view.starts_at,
        minutes=view.minutes,
        opens_at=view.opens_at,
        reply_by=view.reply_by,
        hold_expires_in=max(0, int((held_until - now).total_seconds())) if held_until else None,
        visitors=[visitor.name for visitor in view.visitors],
        told=told.next,
        reason=told.reason,
    )


@router.post("/bookings", status_code=HTTP_201_CREATED)
async def hold(db: Db, visitor: AtTheDoor, who: Relative, wish: HoldIn) -> BookingOut:
    """Picks a time: it is held for some minutes. The same `key` again is the same pick."""
    async with db.write() as session:
        view = await booking.hold(session, who, wish.inmate_id, wish.slot_id, wish.key)
    return booking_out(visitor.language, view)


@router.get("/bookings/{booking_id}")
async def one(db: Db, visitor: AtTheDoor, who: Relative, booking_id: str) -> BookingOut:
    async with db.read() as session:
        view = await booking.get_for(session, who, booking_id)
    return booking_out(visitor.language, view)


@router.post("/bookings/{booking_id}/request")
async def request(db: Db, visitor: AtTheDoor, who: Relative, booking_id: str, wish: RequestIn) -> BookingOut:
    """Confirms the pick and names who comes, and in which booth they sit if in one; idempotent by `key`."""
    choices = [VisitorChoice(relationship_id) for relationship_id in wish.relationship_ids]
    async with db.write() as session:
        view = await booking.request(session, who, booking_id, choices, wish.key, wish.booth_id)
    return booking_out(visitor.language, view)


@router.post("/bookings/{booking_id}/withdraw")
async def withdraw(
    db: Db, visitor: AtTheDoor, who: Relative, booking_id: str, wish: WithdrawIn
) -> BookingOut:
    """The family does not want the visit any more; a pick is let go likewise."""
    async with db.write() as session:
        view = await booking.withdraw(session, who, booking_id, wish.words)
    return booking_out(visitor.language, view)
