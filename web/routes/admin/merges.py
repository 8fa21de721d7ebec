"""An inmate who was entered twice: proposed by one administrator, looked at and approved by another."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import KinbridgeError, Refused
from people.model import Identity
from scheduler import merging
from scheduler import service as scheduler
from web import duty, history
from web.deps import Svc
from web.duty import Admin
from web.forms import Text, at_fields
from web.i18n import N_
from web.routes.admin import scope
from web.rule_words import LEVELS
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
# What goes over, by table; tables of legal aid are told together, so that nobody reads from it what about.
WHAT: Mapping[str, str] = {
    "booking": N_("Visits, with their recordings"),
    "relationship": N_("Relatives"),
    "wish": N_("Requests for a time"),
    "ban": N_("Suspensions"),
    "happening": N_("Appointments, and inmates to be kept apart"),
    "allowance_entry": N_("Lines of the allowance"),
}
_LEGAL = N_("Legal matters (they stay closed at the terminals; the lawyer can hand them over)")


@router.get("/admin/merges")
async def merges(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    return await _list(request, services, who, prison)


async def _list(
    request: Request, services: Services, who: Identity, prison: str, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        waiting = await merging.open_in(session, on.prison.id)
        names = await history.names_of(session, {one.asked_by for one in waiting})
    context: dict[str, Any] = {"errors": {}, "typed": {}, **more}
    return render(
        request,
        "admin/merges.html",
        status=status,
        prison=on.prison,
        prisons=prisons,
        waiting=waiting,
        names=names,
        **context,
    )


@router.post("/admin/merges")
async def propose(
    request: Request,
    services: Svc,
    who: Admin,
    kept: Text = "",
    gone: Text = "",
    words: Text = "",
    prison: Text = "",
) -> Response:
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            merge_id = await merging.ask(session, who, on.prison.id, kept, gone, words)
    except KinbridgeError as error:
        typed = {"kept": kept, "gone": gone, "words": words}
        errors = at_fields(request, error)
        return await _list(request, services, who, prison, error.status, errors=errors, typed=typed)
    return redirect(f"/admin/merges/{merge_id}")


@router.get("/admin/merges/{merge_id}")
async def one(request: Request, services: Svc, who: Admin, merge_id: str) -> Response:
    return await _one(request, services, who, merge_id)


async def _one(
    request: Request, services: Services, who: Identity, merge_id: str, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        shown = await merging.preview(session, who, merge_id)
        merge = shown.merge
        on = await duty.at(session, merge.prison_id)
        wings = {wing.id: wing.name for wing in await scheduler.wings(session, merge.prison_id)}
        names = await history.names_of(session, [merge.asked_by])
    goes = Counter[str]()
    for table, count in shown.goes.items():
        goes[WHAT.get(table, _LEGAL)] += count
    return render(
        request,
        "admin/merge.html",
        status=status,
        prison=on.prison,
        merge=merge,
        goes=goes,
        against=shown.against,
        asked_by=names[merge.asked_by],
        mine=merge.asked_by == who.subject,
        wings=wings,
        levels=LEVELS,
        **{"errors": {}, **more},
    )


@router.post("/admin/merges/{merge_id}/approve")
async def approve(request: Request, services: Svc, who: Admin, merge_id: str) -> Response:
    try:
        async with services.db.write() as session:
            await merging.approve(session, who, merge_id)
    except (Refused, merging.MergeByAnother, merging.MergeOver) as error:
        errors = (
            {} if isinstance(error, Refused) else at_fields(request, error)
        )  # the page says what stands against it
        return await _one(request, services, who, merge_id, error.status, errors=errors)
    return redirect(f"/admin/merges/{merge_id}")


@router.post("/admin/merges/{merge_id}/drop")
async def drop(services: Svc, who: Admin, merge_id: str) -> Response:
    async with services.db.write() as session:
        await merging.drop(session, who, merge_id)
    return redirect("/admin/merges")
