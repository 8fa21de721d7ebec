"""Suspensions: which stand and when each is looked at again; a new one, and lifting one."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Malformed, Refused
from people import repository as people
from people.model import Identity
from policy import repository as policies
from scheduler import restricting, suspensions
from scheduler.suspensions import Suspension
from web import duty, history, lights
from web.deps import Svc
from web.duty import Approver, Duty
from web.forms import Text, at_fields
from web.i18n import N_
from web.lights import Light
from web.routes.approvals.allowance import sought
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
WHOM = {
    "pair": N_("Only the two together"),
    "relative": N_("The visitor, whomever they visit here"),
    "inmate": N_("The inmate, whoever comes"),
}


class BadDays(Malformed):
    code = "bad-days"
    text = "Please choose whom it is about, its first day and how many days it lasts."
    status = 422


@dataclass(frozen=True, slots=True)
class Line:
    """A suspension with the names of whom it is about and of who made it."""

    suspension: Suspension
    relative: str
    inmate: str
    by: str
    light: Light


async def _lines(session: Session, on: Duty) -> list[Line]:
    found = await suspensions.standing(session, on.prison.id, on.today)
    names = await history.names_of(session, [one.made_by for one in found])
    lines = []
    for one in found:
        relative = await people.relative(session, one.relative_id) if one.relative_id else None
        inmate = await people.inmate(session, one.inmate_id) if one.inmate_id else None
        lines.append(
            Line(
                one,
                relative.name if relative else "",
                inmate.name if inmate else "",
                names[one.made_by],
                lights.of_deadline(one.review_by, on.now),
            )
        )
    return lines


@router.get("/approvals/suspensions")
async def page(request: Request, services: Svc, who: Approver, number: str = "") -> Response:
    return await _page(request, services, who, {"number": number})


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        on = await duty.of(session, who)
        number = values.get("number", "")
        inmate, errors, status = await sought(request, session, on, number, errors, status)
        shown: dict[str, Any] = {
            "lines": await _lines(session, on),
            "inmate": inmate,
            "relatives": await people.approved_of_inmate(session, inmate.id) if inmate else [],
            "rules": (await policies.current(session, on.prison.id, on.now)).values,
        }
    return render(
        request,
        "approvals/suspensions.html",
        status=status,
        whom=list(WHOM.items()),
        zone=on.zone,
        today=on.today,
        prison_name=on.prison.name,
        values=values,
        errors=errors,
        **shown,
    )


@router.post("/approvals/suspensions")
async def suspend(
    request: Request,
    services: Svc,
    who: Approver,
    number: Text = "",
    whom: Text = "",
    relative: Text = "",
    first: Text = "",
    days: Text = "",
    words: Text = "",
) -> Response:
    """What is booked in that time is flagged; an officer decides on each."""
    values = {
        "number": number,
        "whom": whom,
        "relative": relative,
        "first": first,
        "days": days,
        "words": words,
    }
    try:
        async with services.db.write() as session:
            on = await duty.of(session, who)
            about = await _about(session, on, values)
            begin, last = _days(first, days)
            await restricting.suspend(session, who, on.prison.id, begin, last, words, **about)
    except (Malformed, Refused) as error:
        return await _page(request, services, who, values, at_fields(request, error), error.status)
    return redirect("/approvals/suspensions")


async def _about(session: Session, on: Duty, values: dict[str, str]) -> dict[str, Any]:
    inmate = await people.find_inmate(session, on.prison.id, values["number"].strip())
    if inmate is None or values["whom"] not in WHOM:
        raise BadDays(field="number")
    known = {one.relative_id for one in await people.approved_of_inmate(session, inmate.id)}
    if values["whom"] != "inmate" and values["relative"] not in known:
        raise BadDays(field="relative")
    about = {} if values["whom"] == "relative" else {"inmate_id": inmate.id}
    return about if values["whom"] == "inmate" else {**about, "relative_id": values["relative"]}


def _days(first: str, days: str) -> tuple[date, date]:
    try:
        begin, count = date.fromisoformat(first), int(days)
    except ValueError as error:
        raise BadDays(field="days") from error
    if not 0 < count <= 366:  # no rule allows more
        raise BadDays(field="days")
    return begin, begin + timedelta(days=count - 1)


@router.post("/approvals/suspensions/{ban_id}/lift")
async def lift(services: Svc, who: Approver, ban_id: str) -> Response:
    async with services.db.write() as session:
        await restricting.lift(session, who, ban_id)
    return redirect("/approvals/suspensions")
