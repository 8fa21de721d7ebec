"""The board of all lights: what is late first, with what the desks above decide about it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import NotFound
from legalaid import board, case_wording, digest
from legalaid.board import Filter, Line
from people.model import Identity, Role
from policy.horizon import Gap
from policy.lights import Colour
from scheduler import repository as scheduler
from scheduler.model import Prison
from web import legal
from web.deps import Svc, staff
from web.forms import MENDABLE, Text, at_fields
from web.routes.admin import scope
from web.routes.counsel import STEPS
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
Keeper = Annotated[Identity, Depends(staff(Role.ADMIN, Role.COUNSEL))]
# Where a matter is read, for whoever may: by the kind of matter.
PLACES = {
    "question": "/counsel/questions/",
    "case": "/cases/",
    "referral": "/referrals/",
    "precheck": "/papers/",
    "complaint": "/complaints/",
    "conduct-report": "/conduct/",
    "mediation": "/counsel/gatherings/",
    "counselling": "/counsel/gatherings/",
}


@router.get("/lights")
async def lights(
    request: Request,
    services: Svc,
    who: Keeper,
    prison: str = "",
    colour: str = "",
    code: str = "",
    desk: str = "",
) -> Response:
    return await _board(request, services, who, prison, Filter(colour, code, desk))


async def _board(
    request: Request,
    services: Services,
    who: Identity,
    prison: str,
    which: Filter,
    *,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    found, gaps, on, prisons = await _found(services, who, prison)
    return render(
        request,
        "lights.html",
        status=status,
        lines=board.chosen(found, which),
        counts=Counter(line.colour.value for line in found),
        all=len(found),
        gaps=gaps,
        prison=on,
        prisons=prisons,
        which=which,
        desks=sorted({(line.desk_id, line.desk) for line in found}, key=lambda pair: pair[1]),
        codes=sorted({line.code for line in found}),
        promises=case_wording.PROMISES,
        colours=[colour.value for colour in Colour],
        lights=legal.LIGHTS,
        places=PLACES if Role.COUNSEL in who.roles else {},
        is_admin=Role.ADMIN in who.roles,
        errors=errors or {},
    )


async def _found(
    services: Services, who: Identity, prison: str
) -> tuple[list[Line], list[Gap], Prison | None, list[Prison]]:
    async with services.db.read() as session:
        if Role.ADMIN in who.roles:
            on, prisons = await scope.duty_of(session, who, prison)
            gaps = await digest.gaps(session, on.prison.id, on.zone, clock.now())
            return await board.lines(session, who, on.prison.id), gaps, on.prison, prisons
        place = await scheduler.prison(session, who.prison_id) if who.prison_id else None
        gaps = await digest.gaps(session, place.id, place.zone, clock.now()) if place else []
        return await board.of_desks(session, who), gaps, None, []


@router.get("/lights/{clock_id}")
async def one(request: Request, services: Svc, who: Keeper, clock_id: str) -> Response:
    """The way of one matter, for who answers for its desk and reads no word of it."""
    async with services.db.read() as session:
        found = await board.opened(session, who, clock_id)
    return render(
        request,
        "lights_one.html",
        one=found,
        promises=case_wording.PROMISES,
        steps=STEPS,
        lights=legal.LIGHTS,
    )


Deed = Callable[[Session, Identity, str, int, str], Awaitable[None]]
ACTS: Mapping[str, Deed] = {
    "more": board.ask_more,
    "grant": lambda s, w, c, _n, _t: board.answer_more_time(s, w, c, granted=True),
    "refuse": lambda s, w, c, _n, _t: board.answer_more_time(s, w, c, granted=False),
    "deadline": lambda s, w, c, number, _t: board.set_deadline(s, w, c, number),
}


@router.post("/lights/{clock_id}/{act}")
async def act(
    request: Request,
    services: Svc,
    who: Keeper,
    clock_id: str,
    act: str,
    number: Text = "",
    words: Text = "",
    prison: Text = "",
) -> Response:
    """`number`: hours or days, as the clock counts."""
    if act not in ACTS:
        raise NotFound
    amount = int(number) if number.isdecimal() and len(number) < 6 else 0
    try:
        async with services.db.write() as session:
            await ACTS[act](session, who, clock_id, amount, words)
    except MENDABLE as error:
        errors = at_fields(request, error)
        return await _board(request, services, who, prison, Filter(), errors=errors, status=error.status)
    return redirect(f"/lights?prison={prison}" if prison else "/lights")
