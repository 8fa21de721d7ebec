"""The planner: wishes in, a plan with its proof, looked at as a board, published on one press."""

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Database, Session
from core.errors import KinbridgeError, Malformed
from people import repository as people
from people.model import Identity
from policy import repository as policies
from scheduler import plans, wishes
from scheduler.plans import LIVE, STAGES, PlanState
from web import duty, week_board
from web.deps import Db, Svc
from web.duty import Approver, Duty
from web.forms import Text, at_fields
from web.i18n import N_
from web.routes.wishes import PARTS
from web.templating import redirect, render, sentence

router = APIRouter(include_in_schema=False)
_WORKING = frozenset({PlanState.QUEUED, PlanState.WORKING, PlanState.PUBLISHING})
_PARTS = {PARTS["any"]: "", PARTS["morning"]: N_("Morning"), PARTS["afternoon"]: N_("Afternoon")}
_SHOWN = frozenset({PlanState.READY, PlanState.PUBLISHING, PlanState.PUBLISHED})


@router.get("/officer/planner")
async def page(request: Request, db: Db, who: Approver) -> Response:
    return render(request, "officer/planner.html", **await _context(db, who))


@router.get("/officer/planner/state")
async def fresh(request: Request, db: Db, who: Approver) -> Response:
    """The plan alone, for the script that shows how far it is."""
    return render(request, "officer/plan.html", **await _context(db, who))


async def _context(db: Database, who: Identity) -> dict[str, Any]:
    async with db.read() as session:
        on = await duty.of(session, who)
        plan = await plans.latest(session, on.prison.id)
        board = None
        if plan is not None and plan.state in _SHOWN:
            board = await week_board.of(session, plan, on.zone, on.now)
        waiting = await wishes.open_in(session, on.prison.id)
        names = await _names(session, [wish.inmate_id for wish in waiting])
        rules = (await policies.current(session, on.prison.id, on.now)).values
        used = {*rules.priority_grounds, *(wish.ground for wish in waiting)}
    return {
        "plan": plan,
        "working": plan is not None and plan.state in _WORKING,
        "live": plan is not None and plan.state in LIVE,
        "stages": STAGES,
        "board": board,
        "waiting": waiting,
        "parts": _PARTS,
        "names": names,
        "grounds": [(key, text) for key, text in wishes.GROUNDS.items() if key in used],
        "evidence": rules.priority_needs_evidence,
        "now": on.now,
        "zone": on.zone,
        "prison_name": on.prison.name,
        "values": {name: str(day) for name, day in _next_week(on).items()},
        "errors": {},
    }


async def _names(session: Session, inmates: list[str]) -> dict[str, str]:
    found = [await people.inmate(session, inmate_id) for inmate_id in set(inmates)]
    return {inmate.id: inmate.name for inmate in found if inmate}


def _next_week(on: Duty) -> dict[str, date]:
    """Monday to Sunday of next week."""
    monday = on.today + timedelta(days=7 - on.today.weekday())
    return {"first": monday, "last": monday + timedelta(days=6)}


@router.post("/officer/planner")
async def ask(request: Request, services: Svc, who: Approver, first: Text = "", last: Text = "") -> Response:
    try:
        async with services.db.write() as session:
            on = await duty.of(session, who)
            await plans.ask(session, who, on.prison.id, _day(first), _day(last), on.today)
    except KinbridgeError as error:
        context = await _context(services.db, who) | {"values": {"first": first, "last": last}}
        context["errors"] = at_fields(request, error)
        return render(request, "officer/planner.html", status=error.status, **context)
    return redirect("/officer/planner")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise plans.BadWeek from error


@router.post("/officer/planner/{plan_id}/stop")
async def stop(services: Svc, who: Approver, plan_id: str) -> Response:
    async with services.db.write() as session:
        await plans.stop(session, who, plan_id)
    return redirect("/officer/planner")


@router.post("/officer/planner/{plan_id}/publish")
async def publish(services: Svc, who: Approver, plan_id: str) -> Response:
    """The worker does the rest; the page shows how far it is."""
    async with services.db.write() as session:
        await plans.publish(session, who, plan_id)
    return redirect("/officer/planner")


@router.post("/officer/wishes/{wish_id}/ground")
async def grant(
    request: Request, services: Svc, who: Approver, wish_id: str, ground: Text = "", evidence: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await wishes.grant(session, who, wish_id, ground, evidence)
    except Malformed as error:
        context = await _context(services.db, who)
        context["errors"] = {f"evidence-{wish_id}": sentence(request, error.reason)}
        return render(request, "officer/planner.html", status=error.status, **context)
    return redirect("/officer/planner#wishes")
