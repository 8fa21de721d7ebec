"""Notices of authorities that somebody held here has no defender: entered by the centre, its station, or the prison.

The prison's officer who enters one reads nothing of the case that comes of it.
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from core.errors import KinbridgeError
from core.ids import new_id
from legalaid import case_wording, defenders
from legalaid.application import LETTER_MAX
from legalaid.defence import OFFICE_MAX, NoticeForm
from people.model import Identity, Role
from web import duty, legal
from web.deps import Svc, staff
from web.forms import FilledIn, at_fields
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
PATH = "/defence-notices"
Keeper = Annotated[Identity, Depends(staff(Role.COUNSEL, Role.APPROVER))]
Typed = Annotated[NoticeForm, Depends(FilledIn(NoticeForm))]


@router.get(PATH)
async def form(request: Request, services: Svc, who: Keeper, sent: str = "") -> Response:
    """Raises `NotForNotices`, `NoCentre`. `sent`: one has just been entered."""
    return await _form(request, services, who, {"key": new_id("key")}, sent=bool(sent))


async def _form(
    request: Request,
    services: Services,
    who: Identity,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
    *,
    sent: bool = False,
) -> Response:
    async with services.db.read() as session:
        _, centre = await defenders.desks(session, who)
        on = await duty.at(session, centre.prison_id)
    return render(
        request,
        "cases/notice.html",
        status=status,
        values={"received_on": on.today.isoformat(), **values},
        errors=errors or {},
        sent=sent,
        centre=centre.name,
        today=on.today,
        authorities=case_wording.AUTHORITIES,
        grounds=case_wording.DEFENCE_GROUNDS,
        limits={"line": OFFICE_MAX, "words": LETTER_MAX},
        reads=Role.COUNSEL in who.roles,
    )


@router.post(PATH)
async def enter(request: Request, services: Svc, who: Keeper, form: Typed) -> Response:
    try:
        async with services.db.write() as session:
            case_id = await defenders.enter(session, legal.means_of(services), who, form)
    except KinbridgeError as error:
        return await _form(request, services, who, asdict(form), at_fields(request, error), error.status)
    return redirect(f"/cases/{case_id}" if Role.COUNSEL in who.roles else f"{PATH}?sent=1")
