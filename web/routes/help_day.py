"""A help day as the wings see it: whom to bring now, next and later; marked by those who bring them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Database, Session
from core.errors import NotFound
from legalaid import bringing
from legalaid.bringing import Bringing, Place
from people.model import Identity
from scheduler import repository as scheduler
from web import duty
from web.deps import Db, Svc
from web.duty import Officer
from web.forms import MENDABLE, at_fields
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
ACTS: Mapping[str, Callable[[Session, Identity, str], Awaitable[None]]] = {
    "brought": bringing.brought,
    "absent": bringing.absent,
}


@router.get("/officer/help-day")
async def page(request: Request, db: Db, who: Officer, wing: str = "") -> Response:
    return render(request, "officer/help_day.html", errors={}, **await _found(db, who, wing))


@router.get("/officer/help-day/list")
async def fresh(request: Request, db: Db, who: Officer, wing: str = "") -> Response:
    """The list alone, for the script that keeps the page fresh."""
    return render(request, "officer/help_day_list.html", **await _found(db, who, wing))


async def _found(db: Database, who: Identity, wing: str) -> dict[str, Any]:
    async with db.read() as session:
        on = await duty.of(session, who)
        days = await bringing.today(session, who, on.now)
        wings = [(one.id, one.name) for one in await scheduler.wings(session, on.prison.id)]
    return {
        "days": [(one, _groups(one, wing)) for one in days],
        "wings": wings,
        "wing": wing,
        "today": on.today,
        "now": on.now,
        "zone": on.zone,
        "prison_name": on.prison.name,
    }


def _groups(found: Bringing, wing: str) -> dict[str, list[bringing.Line]]:
    """By where the inmates are to be; of one wing, or of all."""
    lines = [line for line in found.lines if wing in ("", line.wing_id)]
    return {place.value: [line for line in lines if line.place is place] for place in Place}


@router.post("/officer/help-day/{turn_id}/{act}")
async def mark(
    request: Request, services: Svc, who: Officer, turn_id: str, act: str, wing: str = ""
) -> Response:
    if act not in ACTS:
        raise NotFound
    try:
        async with services.db.write() as session:
            await ACTS[act](session, who, turn_id)
    except MENDABLE as error:
        context = await _found(services.db, who, wing)
        errors = at_fields(request, error)
        return render(request, "officer/help_day.html", status=error.status, errors=errors, **context)
    return redirect(f"/officer/help-day?wing={wing}" if wing else "/officer/help-day")
