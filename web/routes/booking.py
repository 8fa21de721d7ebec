"""A family picks a time: whom, day, time. What follows the pick stands in `web.routes.pick`."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Request
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
from scheduler.offers import Choice
from web import month as grids
from web.deps import Db, Relative, Svc
from web.forms import Text, at_fields
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Way:
    """Whom the pick is for, at which address its pages stand, and the visit whose place it is to take."""

    inmate_id: str
    base: str
    instead_of: BookingView | None = None


def way_to(inmate_id: str) -> Way:
    return Way(inmate_id, f"/book/{inmate_id}")


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
    ground, visiting = await facts.asking(session, who.subject.id, inmate_id)
    if visiting.state is not RelationshipState.APPROVED:
        raise NotFound
    return ground


async def _choice(session: Session, who: Identity, way: Way) -> Choice:
    """Raises `NotFound` for an inmate whom this relative is not approved to see."""
    instead_of = way.instead_of.id if way.instead_of else None
    chosen = await offers.choice(session, who, way.inmate_id, instead_of=instead_of)
    if not chosen.approved:
        raise NotFound
    return chosen


@router.get("/book/{inmate_id}")
async def choose_day(request: Request, db: Db, who: Relative, inmate_id: str, month: str = "") -> Response:
    async with db.read() as session:
        return await month_page(request, session, who, way_to(inmate_id), month)


async def month_page(request: Request, session: Session, who: Identity, way: Way, month: str) -> Response:
    """The month with its free days, and the times nearest to now, or to the visit that is to be changed."""
    chosen = await _choice(session, who, way)
    ground = chosen.ground
    shown = _shown_month(ground, month)
    days = chosen.month(shown.year, shown.month)
    balance = await facts.balance(session, ground)
    first, last = ground.bookable
    return render(
        request,
        "family/book_month.html",
        way=way,
        inmate=ground.inmate,
        zone=ground.prison.zone,
        allowance=chosen.allowance(max(shown, first), balance),
        nearest=chosen.nearest(way.instead_of.slot_id if way.instead_of else None),
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


@router.get("/book/{inmate_id}/{day}")
async def choose_time(request: Request, db: Db, who: Relative, inmate_id: str, day: date) -> Response:
    async with db.read() as session:
        return await day_page(request, session, who, way_to(inmate_id), day)


async def day_page(
    request: Request,
    session: Session,
    who: Identity,
    way: Way,
    day: date,
    errors: dict[str, str] | None = None,
    refused: str | None = None,
    status: int = 200,
) -> Response:
    """The times of a day; each that is not offered says why. `refused`: a slot that could not be had."""
    chosen = await _choice(session, who, way)
    ground = chosen.ground
    offer = next((one for one in chosen.month(day.year, day.month) if one.date == day), DayOffer(day, ()))
    taken = [slot for slot in offer if not slot.offered]
    nothing = taken[0].slot_id if taken and not offer.offered else None
    return render(
        request,
        "family/book_day.html",
        status=status,
        way=way,
        inmate=ground.inmate,
        zone=ground.prison.zone,
        day=day,
        free=[slot for slot in offer if slot.offered],
        taken=taken,
        same_reasons=_same_reasons(taken) if not offer.offered else (),
        closed=offer.closed if not offer.slots else None,
        alternatives=chosen.nearest(refused or nothing) if refused or not offer.offered else [],
        hold_minutes=ground.policy.values.hold_minutes,
        errors=errors or {},
        key=_new_key(),
    )


def _same_reasons(taken: list[SlotOffer]) -> tuple[Reason, ...]:
    """The reasons, if all these times have the very same: then they are said once."""
    if not taken or any(slot.reasons != taken[0].reasons for slot in taken):
        return ()
    return taken[0].reasons


Pick = Callable[[Session, str], Awaitable[BookingView]]  # with the key that makes it idempotent


@router.post("/book/{inmate_id}/hold")
async def hold(
    request: Request, services: Svc, who: Relative, inmate_id: str, slot_id: Text = "", key: Text = ""
) -> Response:
    async def pick(session: Session, key: str) -> BookingView:
        return await booking.hold(session, who, inmate_id, slot_id, key)

    return await picked(request, services, who, way_to(inmate_id), slot_id, key, pick)


async def picked(
    request: Request, services: Services, who: Identity, way: Way, slot_id: str, key: str, pick: Pick
) -> Response:
    """Keeps the time and goes on to who comes; refused, the day is shown again with every reason."""
    try:
        async with services.db.write() as session:
            view = await pick(session, key)
            if not _holds(view):  # a page from before: its pick has run out or was given back
                view = await pick(session, f"{_new_key()}{slot_id}")
    except Refused as error:
        return await _not_offered(request, services, who, way, slot_id, error)
    return redirect(f"/bookings/{view.id}/visitors")


def _holds(view: BookingView) -> bool:
    if view.state is not BookingState.HELD:
        return view.state not in (BookingState.EXPIRED, BookingState.WITHDRAWN)
    return view.held_until is not None and view.held_until > clock.now()


async def _not_offered(
    request: Request, services: Services, who: Identity, way: Way, slot_id: str, error: Refused
) -> Response:
    """The day again, with every reason against the pick and the nearest other times."""
    async with services.db.read() as session:
        chosen = await _choice(session, who, way)
        day = chosen.day_of(slot_id) or chosen.ground.bookable[0]
        errors = at_fields(request, error)
        return await day_page(request, session, who, way, day, errors, slot_id, error.status)
