"""One place more than a time has: an explicit act with a reason, and the report of all such places."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Conflict, KinbridgeError, NotFound
from people import repository as people
from people.model import Identity, Inmate
from scheduler import offers, overbooking
from scheduler import service as scheduler
from scheduler.access import in_the_name_of
from web import duty
from web.deps import Db, Svc
from web.duty import Approver, Duty
from web.forms import Text, at_fields
from web.routes.approvals.allowance import sought
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
_DAYS = timedelta(days=30)  # before and after today that the report covers


@router.get("/approvals/overbooking")
async def page(request: Request, services: Svc, who: Approver, number: str = "") -> Response:
    return await _page(request, services, who, {"number": number})


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        on = await duty.of(session, who)
        shown = await _report(session, on)
        number = values.get("number", "")
        inmate, errors, status = await sought(request, session, on, number, errors, status)
        shown |= await _choices(session, inmate) if inmate else {"relatives": [], "slots": []}
    return render(
        request,
        "approvals/overbooking.html",
        status=status,
        inmate=inmate,
        key=secrets.token_urlsafe(16),
        values=dict(values),
        errors=errors,
        **shown,
    )


async def _report(session: Session, on: Duty) -> dict[str, Any]:
    taken = await overbooking.report(session, on.prison.id, on.today - _DAYS, on.today + _DAYS)
    return {
        "taken": taken,
        "unused": await overbooking.unused(session, on.prison.id),
        "zone": on.zone,
        "prison_name": on.prison.name,
    }


async def _choices(session: Session, inmate: Inmate) -> dict[str, Any]:
    """Who may be booked for, and the times that stand in nobody's way but for their places."""
    relatives = await people.approved_of_inmate(session, inmate.id)
    adults = [one for one in relatives if not one.minor]
    if not adults:
        return {"relatives": [], "slots": []}
    choice = await offers.choice(session, in_the_name_of(adults[0].relative_id), inmate.id)
    slots = [
        offer
        for _, offer in choice.slots
        if offer.offered or {reason.code for reason in offer.reasons} == {"slot-full"}
    ]
    return {"relatives": [(one.id, one.relative_name) for one in adults], "slots": slots}


@router.post("/approvals/overbooking")
async def overbook(
    request: Request,
    services: Svc,
    who: Approver,
    number: Text = "",
    relationship: Text = "",
    slot: Text = "",
    words: Text = "",
    key: Text = "",
) -> Response:
    """Answers with the visit, which is then decided as any other."""
    values = {"number": number, "relationship": relationship, "slot": slot, "words": words}
    try:
        async with services.db.write() as session:
            view = await scheduler.overbook(session, who, relationship, slot, words, key)
    except (NotFound, Conflict):
        raise
    except KinbridgeError as error:
        return await _page(request, services, who, values, at_fields(request, error), error.status)
    return redirect(f"/approvals/bookings/{view.id}")


@router.post("/approvals/overbooking/{place_id}/close")
async def close(db: Db, who: Approver, place_id: str) -> Response:
    """A place that nobody took is closed again."""
    async with db.write() as session:
        await overbooking.take_back(session, who, place_id)
    return redirect("/approvals/overbooking")
