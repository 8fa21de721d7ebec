"""The rehearsal: a change tried out before it is made."""

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Database
from core.errors import KinbridgeError
from legalaid.planned import PlannedMeetings
from people.model import Identity
from scheduler import rehearsal, repository
from scheduler.rehearsal import BadEdit, Edit, EditKind, Rehearsal
from scheduler.templates import templates_of
from scheduler.weeks import WEEKS
from web import duty, wording
from web.deps import AtTheDoor, Db, Svc
from web.duty import Approver
from web.forms import Text, at_fields
from web.i18n import N_
from web.templating import render

router = APIRouter(include_in_schema=False)
KINDS = {
    EditKind.CLOSE_DAY: N_("Close a day"),
    EditKind.END_TEMPLATE: N_("End a session of the timetable"),
    EditKind.TERMINAL_OUT: N_("Take a terminal out of use"),
    EditKind.LOCKDOWN: N_("No visits in a wing"),
}


@router.get("/officer/rehearsal")
async def page(request: Request, db: Db, visitor: AtTheDoor, who: Approver) -> Response:
    return render(request, "officer/rehearsal.html", **await _context(db, who, visitor.language))


async def _context(db: Database, who: Identity, language: str) -> dict[str, Any]:
    async with db.read() as session:
        on = await duty.of(session, who)
        wings = [(one.id, one.name) for one in await repository.wings(session, on.prison.id)]
        terminals = [(one.id, one.place) for one in await repository.terminals(session, on.prison.id)]
        sessions = [row for row in await templates_of(session, on.prison.id) if row.active]
    monday = date(2026, 1, 5)  # any Monday: only the name of the weekday is wanted
    return {
        "kinds": [(kind.value, text) for kind, text in KINDS.items()],
        "wings": wings,
        "terminals": terminals,
        "sessions": [
            (
                row.id,
                f"{wording.weekday(language, monday + timedelta(days=row.weekday - 1))} {row.starts:%H:%M} "
                f"{dict(wings).get(row.wing_id or '', '')}".strip(),
            )
            for row in sessions
        ],
        "zone": on.zone,
        "prison_name": on.prison.name,
        "values": {"day": str(on.today + timedelta(days=1))},
        "errors": {},
        "result": None,
        "wing_names": dict(wings),
        "weeks": WEEKS,
    }


@router.post("/officer/rehearsal")
async def rehearse(
    request: Request, services: Svc, visitor: AtTheDoor, who: Approver, kind: Text = "", day: Text = "",
    last: Text = "", template: Text = "", terminal: Text = "", wing: Text = "",
) -> Response:  # fmt: skip
    """Nothing is changed: the answer is the page with what would happen."""
    typed = {"kind": kind, "day": day, "last": last, "template": template, "terminal": terminal, "wing": wing}
    context = await _context(services.db, who, visitor.language) | {"values": typed}
    try:
        context["result"] = await _tried(services.db, who, typed)
    except KinbridgeError as error:
        errors = at_fields(request, error)
        return render(
            request, "officer/rehearsal.html", status=error.status, **(context | {"errors": errors})
        )
    return render(request, "officer/rehearsal.html", **context)


async def _tried(db: Database, who: Identity, typed: dict[str, str]) -> Rehearsal:
    async with db.read() as session:
        on = await duty.of(session, who)
    try:
        edit = Edit(
            EditKind(typed["kind"]),
            date.fromisoformat(typed["day"]) if typed["day"] else None,
            date.fromisoformat(typed["last"]) if typed["last"] else None,
            typed["template"],
            typed["terminal"],
            typed["wing"],
        )
    except ValueError as error:
        raise BadEdit from error
    return await rehearsal.rehearse(db, who, on.prison.id, edit, meetings=PlannedMeetings())
