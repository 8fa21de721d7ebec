"""A family picks a time: whom, day, time. What follows the pick stands in `web.routes.pick`."""

import secrets
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import NotFound, Reason, Refused
from people import repository as people
from people.model import Identity, RelationshipState
from scheduler import booking, facts, offers
from scheduler import repository as schedule
from scheduler.facts import Ground
from scheduler.model import BookingState, BookingView, DayOffer, SlotOffer
from web import month as grids
from web.deps import Db, Relative, Svc
from web.forms import at_fields
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
_NEAREST = 3
Text = Annotated[str, Form()]


@router.get("/book")
async def choose_inmate(request: Request, db: Db, who: Relative) -> Response:
    async with db.read() as session:
        mine = await people.relationships_of(session, who.subject.id)
        approved = [
            held
            for held in mine
            if held.state is RelationshipState.APPROVED and held.relative_id == who.subject.id
        ]
        places = {prison.id: prison.name for prison in await schedule.prisons(session)}
    if len(approved) == 1:
        return redirect(f"/book/{approved[0].inmate_id}")
    return render(
        request,
        "family/book_choose.html",
        inmates=[(held.inmate_id, held.inmate_name, places.get(held.prison_id, "")) for held in approved],
        waiting=any(held.state is RelationshipState.PENDING for held in mine),
    )


async def ground_of(session: Session, who: Identity, inmate_id: str) -> Ground:
    """Raises `NotFound` for an inmate whom this relative is not approved to see."""
    held = await people.relationship(session, who.subject.id, inmate_id)
    if held is None or held.state is not RelationshipState.APPROVED:
        raise NotFound
    return await facts.ground(session, inmate_id)


@router.get("/book/{inmate_id}")
async def choose_day(
    request: Request,
    db: Db,
    who: Relative,
    inmate_id: str,
    month: str = "",
) -> Response:
    async with db.read() as session:
        ground = await ground_of(session, who, inmate_id)
        shown = _shown_month(ground, month)
        days = await offers.month(session, who, inmate_id, shown.year, shown.month)
        allowance = await offers.allowance(session, inmate_id, max(shown, ground.bookable[0]))
        nearest = await _nearest(session, who, ground)
    first, last = ground.bookable
    return render(
        request,
        "family/book_month.html",
        inmate=ground.inmate,
        zone=ground.prison.zone,
        allowance=allowance,
        nearest=nearest,
        grid=grids.grid(shown, days, ground.now.astimezone(ground.zone).date()),
        any_free=any(day.offered for day in days),
        closed=[day for day in days if day.closed],
        before=_month_if(grids.preceding(shown), first, last),
        after=_month_if(grids.following(shown), first, last),
        key=_new_key(),
    )


def _new_key() -> str:
    """Makes a pick idempotent together with the slot's id: sent twice, it is one pick."""
    return f"{secrets.token_urlsafe(12)}:"


def _shown_month(ground: Ground, asked: str) -> date:
    """The asked month as far as it can be looked at: from this one to that of the last bookable day."""
    today = ground.now.astimezone(ground.zone).date()
    shown = grids.first_of(asked, ground.bookable[0])
    return min(max(shown, today.replace(day=1)), ground.bookable[1].replace(day=1))


def _month_if(first: date, bookable_from: date, bookable_to: date) -> date | None:
    """The month, if any of its days can be booked."""
    return first if bookable_from.replace(day=1) <= first <= bookable_to else None


async def _nearest(session: Session, who: Identity, ground: Ground) -> list[SlotOffer]:
    """The first free times from now on, whatever month they are in."""
    found: list[SlotOffer] = []
    first, last = ground.bookable
    at = first.replace(day=1)
    while at <= last and len(found) < _NEAREST:
        days = await offers.month(session, who, ground.inmate.id, at.year, at.month)
        found += [slot for day in days for slot in day if slot.offered]
        at = grids.following(at)
    return found[:_NEAREST]


@router.get("/book/{inmate_id}/{day}")
async def choose_time(request: Request, db: Db, who: Relative, inmate_id: str, day: date) -> Response:
    async with db.read() as session:
        return await _day_page(request, session, who, inmate_id, day)


async def _day_page(
    request: Request,
    session: Session,
    who: Identity,
    inmate_id: str,
    day: date,
    errors: dict[str, str] | None = None,
    alternatives: list[SlotOffer] | None = None,
    status: int = 200,
) -> Response:
    ground = await ground_of(session, who, inmate_id)
    days = await offers.month(session, who, inmate_id, day.year, day.month)
    offer = next((one for one in days if one.date == day), DayOffer(day, ()))
    taken = [slot for slot in offer if not slot.offered]
    if alternatives is None and taken and not offer.offered:
        alternatives = await offers.alternatives(session, who, inmate_id, taken[0].slot_id)
    return render(
        request,
        "family/book_day.html",
        status=status,
        inmate=ground.inmate,
        zone=ground.prison.zone,
        day=day,
        free=[slot for slot in offer if slot.offered],
        taken=taken,
        same_reasons=_same_reasons(taken) if not offer.offered else (),
        closed=offer.closed if not offer.slots else None,
        alternatives=alternatives or [],
        hold_minutes=ground.policy.values.hold_minutes,
        errors=errors or {},
        key=_new_key(),
    )


def _same_reasons(taken: list[SlotOffer]) -> tuple[Reason, ...]:
    """The reasons, if all these times have the very same: then they are said once."""
    if not taken or any(slot.reasons != taken[0].reasons for slot in taken):
        return ()
    return taken[0].reasons


@router.post("/book/{inmate_id}/hold")
async def hold(
    request: Request, services: Svc, who: Relative, inmate_id: str, slot_id: Text = "", key: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            view = await booking.hold(session, who, inmate_id, slot_id, key)
            if not _holds(view):  # a page from before: its pick has run out or was given back
                view = await booking.hold(session, who, inmate_id, slot_id, f"{_new_key()}{slot_id}")
    except Refused as error:
        return await _not_offered(request, services, who, inmate_id, slot_id, error)
    return redirect(f"/bookings/{view.id}/visitors")


def _holds(view: BookingView) -> bool:
    if view.state is not BookingState.HELD:
        return view.state not in (BookingState.EXPIRED, BookingState.WITHDRAWN)
    return view.held_until is not None and view.held_until > clock.now()


async def _not_offered(
    request: Request, services: Svc, who: Identity, inmate_id: str, slot_id: str, error: Refused
) -> Response:
    """The day again, with every reason against the pick and the nearest other times."""
    async with services.db.read() as session:
        ground = await ground_of(session, who, inmate_id)
        nearest = await offers.alternatives(session, who, inmate_id, slot_id)
        day = await _day_of(session, who, ground, slot_id)
        errors = at_fields(request, error)
        return await _day_page(request, session, who, inmate_id, day, errors, nearest, error.status)


async def _day_of(session: Session, who: Identity, ground: Ground, slot_id: str) -> date:
    """The day of a slot in the prison's calendar; the first bookable one for a slot that is gone."""
    at = ground.bookable[0].replace(day=1)
    while at <= ground.bookable[1]:
        for day in await offers.month(session, who, ground.inmate.id, at.year, at.month):
            if any(slot.slot_id == slot_id for slot in day):
                return day.date
        at = grids.following(at)
    return ground.bookable[0]
