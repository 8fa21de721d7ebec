"""A lawyer is away: help days are planned anew, arranged meetings are shown to be settled."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core.errors import Malformed
from legalaid import absence
from legalaid import repository as legal
from scheduler.timetable import instant
from web import duty
from web.deps import Db, Svc
from web.duty import Officer
from web.forms import at_fields
from web.templating import render

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.get("/officer/lawyer-away")
async def form(request: Request, db: Db, who: Officer) -> Response:
    async with db.read() as session:
        on = await duty.of(session, who)
        lawyers = await legal.lawyers(session, on.prison.id)
    return render(
        request,
        "officer/lawyer_away.html",
        lawyers=[(one.id, one.name) for one in lawyers],
        zone=on.zone,
        prison_name=on.prison.name,
        result=None,
        errors={},
        values={},
    )


@router.post("/officer/lawyer-away")
async def report(
    request: Request,
    services: Svc,
    who: Officer,
    lawyer: Text = "",
    from_: Annotated[str, Form(alias="from")] = "",
    till: Text = "",
) -> Response:
    values = {"lawyer": lawyer, "from": from_, "till": till}
    result, errors, status = None, {}, 200
    async with services.db.read() as session:
        on = await duty.of(session, who)
        lawyers = await legal.lawyers(session, on.prison.id)
    try:
        first, last = _moment(from_, on.zone), _moment(till, on.zone)
        async with services.db.write() as session:
            result = await absence.report(session, who, lawyer, first, last)
    except Malformed as error:
        errors, status = at_fields(request, error), error.status
    return render(
        request,
        "officer/lawyer_away.html",
        status=status,
        lawyers=[(one.id, one.name) for one in lawyers],
        zone=on.zone,
        prison_name=on.prison.name,
        result=result,
        errors=errors,
        values=values,
    )


def _moment(text: str, zone: str) -> datetime:
    """What a `datetime-local` field sends, by the prison's clocks."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise absence.BadAbsence from error
    return instant(local.date(), local.time(), zone)
