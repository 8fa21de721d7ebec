"""Asking for a visit from inside: the inmate at the terminal, who shows number, name and personal code first."""

import secrets
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import KinbridgeError, Reason
from legalaid import personal
from legalaid.model import AtDesk
from people import repository as people
from people.model import KINSHIP_TEXTS, Identity
from scheduler import facts, inviting
from scheduler.offers import Choice
from web import inside_words, legal, rule_values
from web.deps import AtTheDoor, Svc, Terminal
from web.forms import Text, at_fields
from web.legal import Desk
from web.rule_names import NAMES
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
HOME = "/terminal/visits"
_FREE = 8  # times shown as buttons; a wish narrows them
_KINSHIPS = {kinship.value: text for kinship, text in KINSHIP_TEXTS.items()}


@router.get("/terminal/visits")
async def home(
    request: Request, services: Svc, visitor: AtTheDoor, _who: Terminal, desk: Desk, sent: str = ""
) -> Response:
    if desk is None:
        return render(request, "terminal/visits_door.html", errors={}, values={})
    async with services.db.read() as session:
        if not await personal.still(session, desk):
            return _again(services)
        context = await _standing(session, visitor.language, desk)
    return render(request, "terminal/visits.html", sent=bool(sent), refused=[], **context)


def _again(services: Services) -> Response:
    """The code that opened the desk has been taken away."""
    response = redirect(HOME)
    legal.close_desk(response, services)
    return response


async def _standing(session: Session, language: str, desk: AtDesk) -> dict[str, Any]:
    """Whom the inmate can ask, whether at all, and what became of what was asked."""
    ground = await facts.ground(session, desk.inmate_id)
    started = ground.policy.values.started_by
    asked = await inviting.of_inmate(session, desk.inmate_id)
    return {
        "inmate": ground.inmate,
        "zone": ground.prison.zone,
        "allowed": inviting.STARTER in started,
        "rule": (NAMES["started_by"], rule_values.said(language, "started_by", started)),
        "suspended": await inviting.suspended_until(session, desk.inmate_id),
        "relatives": await inviting.askable(session, desk.inmate_id),
        "asked": asked[:5],
        "waits": any(one.state == "open" for one in asked),
        "kinships": _KINSHIPS,
    }


@router.post("/terminal/visits")
async def step_up(
    request: Request, services: Svc, who: Terminal, number: Text = "", name: Text = "", pin: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            desk = await personal.step_up(session, legal.means_of(services), who, number, name, pin.strip())
    except KinbridgeError as error:
        return render(
            request, "terminal/visits_door.html", status=error.status,
            errors=at_fields(request, error), values={"number": number, "name": name},
        )  # fmt: skip
    response = redirect(HOME)
    legal.open_desk(response, services, who, desk)
    return response


@router.get("/terminal/visits/{relationship_id}")
async def times(
    request: Request, services: Svc, who: Terminal, desk: Desk, relationship_id: str,
    day: str = "", part: str = "any",
) -> Response:  # fmt: skip
    """The times with this relative, or those of a wish: free ones to tap, the others with what stands against them."""
    if desk is None:
        return redirect(HOME)
    async with services.db.read() as session:
        if not await personal.still(session, desk):
            return _again(services)
        context = await _times(session, who, desk, relationship_id, day, part)
    return render(request, "terminal/visits_times.html", refused=[], **context)


async def _times(
    session: Session, who: Identity, desk: AtDesk, relationship_id: str, wished: str, part: str
) -> dict[str, Any]:
    chosen = await inviting.choice(session, who, desk.inmate_id, relationship_id)
    ground, day = chosen.ground, _day(wished)
    first, last = ground.bookable
    begin = ground.now.astimezone(ground.zone).date()
    slots = [one for one in chosen.slots if begin <= one[0].day <= last]
    found = inside_words.within(slots, ground.zone, day, part)
    free = [offer for offer in found if offer.offered]
    return {
        "relative": await people.relationship_by_id(session, relationship_id),
        "zone": ground.prison.zone,
        "days": [first + timedelta(days=n) for n in range((last - first).days + 1)],
        "day": day,
        "part": part if part in inside_words.PARTS else "any",
        "free": free[:_FREE],
        "more": max(0, len(free) - _FREE),
        "against": inside_words.against(found),
        "closed": [inside_words.said_inside(one) for at, one in chosen.closed.items() if at == day],
        "nearest": [] if free else _nearest(chosen, day),
        "key": f"{secrets.token_urlsafe(12)}:",
    }


def _day(wished: str) -> date | None:
    try:
        return date.fromisoformat(wished)
    except ValueError:
        return None


def _nearest(chosen: Choice, day: date | None) -> list[Any]:
    """Free times nearest to a wished day that has none."""
    free = [(slot, offer) for slot, offer in chosen.slots if offer.offered]
    if day is not None:
        free.sort(key=lambda one: (abs(one[0].day - day), one[1].starts_at))
    return [offer for _, offer in free[:3]]


@router.post("/terminal/visits/{relationship_id}")
async def ask(
    request: Request, services: Svc, visitor: AtTheDoor, who: Terminal, desk: Desk, relationship_id: str,
    slot_id: Text = "", key: Text = "",
) -> Response:  # fmt: skip
    """The time is kept and the relative told; refused, the page comes again with every reason."""
    if desk is None:
        return redirect(HOME)
    try:
        async with services.db.write() as session:
            if not await personal.still(session, desk):
                return _again(services)
            await inviting.invite(session, who, desk.inmate_id, relationship_id, slot_id, key)
    except KinbridgeError as error:
        if error.status == 404:
            raise
        return await _refused(request, services, visitor.language, desk, error)
    return redirect(f"{HOME}?sent=1")


async def _refused(
    request: Request, services: Services, language: str, desk: AtDesk, error: KinbridgeError
) -> Response:
    reasons: list[Reason] = inside_words.refused_inside(error)
    async with services.db.read() as session:
        context = await _standing(session, language, desk)
    return render(
        request, "terminal/visits.html", status=error.status, sent=False, refused=reasons, **context
    )


@router.post("/terminal/visits/asked/{invitation_id}/withdraw")
async def take_back(services: Svc, _who: Terminal, desk: Desk, invitation_id: str) -> Response:
    if desk is not None:
        async with services.db.write() as session:
            await inviting.take_back(session, desk.inmate_id, invitation_id)
    return redirect(HOME)
