"""Another time for a visit that stands, or other people at its time. The visit stands until the prison agrees.

The pages are those of a first booking (`web.routes.booking`), at the visit's own address; from the pick on they are
the very same, because a change is a pick that knows which visit it would take the place of.
"""

from datetime import date

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Reason, Refused
from people.model import Identity
from scheduler import changing, offers
from scheduler.booking import own
from scheduler.model import BookingView, VisitorChoice
from web.deps import AtTheDoor, Db, Relative, Svc
from web.forms import Many, Text, at_fields
from web.routes import booking
from web.routes.booking import Way
from web.routes.family import kinships
from web.routes.pick import CHOOSE_ONE, policy_of, seats_outside
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


async def _way(session: Session, who: Identity, booking_id: str) -> Way:
    """Raises as `changing.changeable`."""
    view = await changing.changeable(session, who, booking_id)
    return Way(view.inmate_id, f"/bookings/{booking_id}/change", view)


@router.get("/bookings/{booking_id}/change")
async def choose_day(request: Request, db: Db, who: Relative, booking_id: str, month: str = "") -> Response:
    async with db.read() as session:
        return await booking.month_page(request, session, who, await _way(session, who, booking_id), month)


@router.post("/bookings/{booking_id}/change/hold")
async def hold(
    request: Request, services: Svc, who: Relative, booking_id: str, slot_id: Text = "", key: Text = ""
) -> Response:
    async with services.db.read() as session:
        view = await own(session, who, booking_id)
    way = Way(view.inmate_id, f"/bookings/{booking_id}/change", view)

    async def pick(session: Session, key: str) -> BookingView:
        return await changing.pick(session, who, booking_id, slot_id, key)

    return await booking.picked(request, services, who, way, slot_id, key, pick)


@router.get("/bookings/{booking_id}/people")
async def other_people(
    request: Request, db: Db, visitor: AtTheDoor, who: Relative, booking_id: str
) -> Response:
    async with db.read() as session:
        view = await changing.changeable(session, who, booking_id)
        return await _people_page(request, session, visitor.language, who, view)


async def _people_page(
    request: Request,
    session: Session,
    language: str,
    who: Identity,
    view: BookingView,
    chosen: list[str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
    booth: str | None = None,
) -> Response:
    words = kinships(language)
    coming = [visitor.relationship_id for visitor in view.visitors] if chosen is None else chosen
    able = await offers.candidates(session, who, view.inmate_id)
    return render(
        request,
        "family/change_people.html",
        status=status,
        view=view,
        most=(await policy_of(session, view)).max_visitors,
        choices=[
            (held.id, held.relative_name, words[held.kinship], held.id in coming, False) for held in able
        ],
        errors=errors or {},
        **await seats_outside(session, view, booth),
    )


@router.post("/bookings/{booking_id}/people")
async def bring_others(
    request: Request,
    services: Svc,
    language: AtTheDoor,
    who: Relative,
    booking_id: str,
    visitor: Many = None,
    booth: Text = "",
) -> Response:
    """Other people, or another seat, at the same time: done at once, the prison is told."""
    chosen = visitor or []
    if not chosen:
        nobody = Refused([Reason(CHOOSE_ONE.code, CHOOSE_ONE.text, {"field": "visitor"})])
        return await _refused(request, services, language.language, who, booking_id, chosen, nobody, booth)
    try:
        async with services.db.write() as session:
            view = await changing.changeable(session, who, booking_id)
            choices = [VisitorChoice(relationship_id) for relationship_id in chosen]
            await changing.change(session, who, booking_id, view.slot_id, choices, "people", booth or None)
    except Refused as error:
        return await _refused(request, services, language.language, who, booking_id, chosen, error, booth)
    return redirect(f"/bookings/{booking_id}")


async def _refused(
    request: Request,
    services: Services,
    language: str,
    who: Identity,
    booking_id: str,
    chosen: list[str],
    error: Refused,
    booth: str,
) -> Response:
    async with services.db.read() as session:
        view = await own(session, who, booking_id)
        errors = at_fields(request, error)
        return await _people_page(request, session, language, who, view, chosen, errors, error.status, booth)


@router.get("/bookings/{booking_id}/change/{day}")
async def choose_time(request: Request, db: Db, who: Relative, booking_id: str, day: date) -> Response:
    async with db.read() as session:
        return await booking.day_page(request, session, who, await _way(session, who, booking_id), day)
