"""What is kept about somebody who works here: to take along, and to have erased as far as their acts let it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import Conflict, Refused
from ledger.record import record
from people.model import Identity
from recording import erasure, erasure_staff
from recording.erasure import Wish
from web import erasing, staff_file
from web.deps import Svc
from web.duty import AnyStaff
from web.forms import Text, at_fields
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/account/data")
async def page(request: Request, services: Svc, who: AnyStaff) -> Response:
    return await _page(request, services, who, {})


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    errors: dict[str, str],
    *,
    secret: str = "",
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        standing = await erasing.standing(session, services, who, secret)
    return render(request, "admin/my_data.html", status=status, errors=errors, **standing)


@router.get("/account/data/file")
async def file(services: Svc, who: AnyStaff) -> Response:
    """As one file; that it was taken is entered."""
    async with services.db.write() as session:
        content = await staff_file.of(session, who)
        record(session, f"{who.subject.kind}:data:taken", actor=who.subject, subject=who.subject)
    return erasing.taken_along(content)


@router.post("/account/data/erasure")
async def ask(
    request: Request, services: Svc, who: AnyStaff, agreed: Text = "", words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            problem = await erasing.obstacle(session, [who.subject.id], agreed)
            prison_id = await erasure_staff.prison_of(session, who.subject.id)
            secret = await erasure.ask(session, who, Wish(words, prison_id, problem))
    except (Refused, Conflict) as error:
        return await _page(request, services, who, at_fields(request, error), status=error.status)
    return await _page(request, services, who, {}, secret=secret)


@router.post("/account/data/erasure/withdraw")
async def withdraw(services: Svc, who: AnyStaff) -> Response:
    async with services.db.write() as session:
        await erasure.withdraw(session, who)
    return redirect("/account/data")
