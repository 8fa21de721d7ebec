"""Visits that belong together, asked for in one go: a talk before, the visit itself, a talk after. All or none."""

import secrets
from datetime import date

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Malformed, NotFound, Reason, Refused
from people.model import Identity
from scheduler import booking, booths, linked, offers
from scheduler.linked import Part
from scheduler.model import BookingView, VisitorChoice
from scheduler.offers import Choice
from web import wording
from web.deps import AtTheDoor, Db, Relative, Svc
from web.forms import Many, Text, at_fields
from web.i18n import N_
from web.routes.family import kinships
from web.routes.pick import CHOOSE_ONE
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
PARTS = {
    Part.PRE: N_("A talk before"),
    Part.MAIN: N_("The visit itself"),
    Part.POST: N_("A talk after"),
}


async def _choice(session: Session, who: Identity, inmate_id: str) -> Choice:
    chosen = await offers.choice(session, who, inmate_id)
    if not chosen.approved:
        raise NotFound
    return chosen


@router.get("/book/{inmate_id}/parts")
async def form(
    request: Request, db: Db, visitor: AtTheDoor, who: Relative, inmate_id: str, day: str = ""
) -> Response:
    async with db.read() as session:
        return await _page(request, session, visitor.language, who, inmate_id, {"day": day})


async def _page(
    request: Request,
    session: Session,
    language: str,
    who: Identity,
    inmate_id: str,
    values: dict[str, str],
    visitors: list[str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    chosen = await _choice(session, who, inmate_id)
    days = sorted({slot.day for slot, offer in chosen.slots if offer.offered})
    day = _day(values.get("day", ""), days)
    able = await offers.candidates(session, who, inmate_id)
    own = [held.id for held in able if held.relative_id == who.subject.id]
    words = kinships(language)
    return render(
        request,
        "family/book_parts.html",
        status=status,
        inmate=chosen.ground.inmate,
        zone=chosen.ground.prison.zone,
        days=[(str(one), wording.day(language, one)) for one in days],
        day=day,
        slots=[(slot.id, offer.starts_at, offer.minutes) for slot, offer in chosen.slots
               if offer.offered and slot.day == day],
        parts=[(part.value, text) for part, text in PARTS.items()],
        choices=[
            (held.id, held.relative_name, words[held.kinship], held.id in (own if visitors is None else visitors),
             False)
            for held in able
        ],
        booths=[
            (one.id, f"{one.name} · {one.place}")
            for one in await booths.of_prison(session, chosen.ground.prison.id)
        ],
        booth=values.get("booth", ""),
        full="",
        any_booth=False,
        key=secrets.token_urlsafe(16),
        values=values,
        errors=errors or {},
    )  # fmt: skip


def _day(text: str, days: list[date]) -> date | None:
    """The chosen day if it has free times, else the first that has."""
    chosen = next((one for one in days if str(one) == text), None)
    return chosen or (days[0] if days else None)


@router.post("/book/{inmate_id}/parts")
async def ask(
    request: Request,
    services: Svc,
    language: AtTheDoor,
    who: Relative,
    inmate_id: str,
    day: Text = "",
    pre_slot: Text = "",
    main_slot: Text = "",
    post_slot: Text = "",
    key: Text = "",
    booth: Text = "",
    visitor: Many = None,
) -> Response:
    """Answers with the page of the visit itself; refused, nothing is booked and every reason is shown."""
    values = {"day": day, Part.PRE: pre_slot, Part.MAIN: main_slot, Part.POST: post_slot, "booth": booth}
    chosen = [(part, values[part]) for part in Part if values[part]]
    visitors = visitor or []
    try:
        views = await _asked(services, who, inmate_id, chosen, visitors, key, booth)
    except (Malformed, Refused) as error:
        async with services.db.read() as session:
            errors = at_fields(request, error)
            return await _page(
                request, session, language.language, who, inmate_id, values, visitors, errors, error.status
            )
    first = next(view for view in views if view.part == Part.MAIN)
    return redirect(f"/bookings/{first.id}?sent=1")


async def _asked(
    services: Services,
    who: Identity,
    inmate_id: str,
    chosen: list[tuple[Part, str]],
    visitors: list[str],
    key: str,
    booth: str,
) -> list[BookingView]:
    if not visitors:
        raise Refused([Reason(CHOOSE_ONE.code, CHOOSE_ONE.text, {"field": "visitor"})])
    choices = [VisitorChoice(relationship_id) for relationship_id in visitors]
    async with services.db.write() as session:
        return await linked.request(session, who, inmate_id, chosen, choices, key, booth or None)


@router.post("/bookings/{booking_id}/parts/withdraw")
async def withdraw(services: Svc, who: Relative, booking_id: str) -> Response:
    """All parts that are still ahead."""
    async with services.db.write() as session:
        view = await booking.own(session, who, booking_id)
        if view.link is None:
            raise NotFound
        await linked.withdraw(session, who, view.link)
    return redirect(f"/bookings/{booking_id}")
