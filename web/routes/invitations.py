"""A relative reads that the inmate asked for a visit, and says yes or no with one tap."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Refused
from people import repository as people
from people.model import Identity
from scheduler import inviting, repository
from scheduler.offering import OfferState
from web.deps import AtTheDoor, Db, Relative, Svc
from web.forms import Text, at_fields
from web.routes.family import kinships
from web.routes.pick import seats_outside
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
Texts = Annotated[list[str], Form()]


@router.get("/invitations/{invitation_id}")
async def one(request: Request, db: Db, visitor: AtTheDoor, who: Relative, invitation_id: str) -> Response:
    async with db.read() as session:
        context = await _page(session, visitor.language, who, invitation_id, [])
    return render(request, "family/invitation.html", errors={}, **context)


async def _page(
    session: Session,
    language: str,
    who: Identity,
    invitation_id: str,
    chosen: list[str],
    booth: str | None = None,
) -> dict[str, Any]:
    found = await inviting.get(session, who, invitation_id)
    is_open = found.state is OfferState.OPEN
    view = await repository.get(session, found.hold_id)
    able = await people.approved_of_inmate(session, found.inmate_id)
    words = kinships(language)
    return {
        "invitation": found,
        "open": is_open,
        **(await seats_outside(session, view, booth) if is_open else {}),
        "others": [
            (held.id, held.relative_name, words[held.kinship], held.id in chosen, False)
            for held in able
            if held.id != found.relationship_id
        ],
    }


@router.post("/invitations/{invitation_id}/accept")
async def accept(
    request: Request, services: Svc, reader: AtTheDoor, who: Relative, invitation_id: str,
    visitor: Texts = [],  # noqa: B006 - FastAPI copies
    booth: Text = "",
) -> Response:  # fmt: skip
    try:
        async with services.db.write() as session:
            view = await inviting.accept(session, who, invitation_id, visitor, booth or None)
    except Refused as error:
        async with services.db.read() as session:
            context = await _page(session, reader.language, who, invitation_id, visitor, booth)
        return render(
            request, "family/invitation.html", status=error.status,
            errors=at_fields(request, error), **context,
        )  # fmt: skip
    return redirect(f"/bookings/{view.id}?sent=1")


@router.post("/invitations/{invitation_id}/decline")
async def decline(services: Svc, who: Relative, invitation_id: str) -> Response:
    async with services.db.write() as session:
        await inviting.decline(session, who, invitation_id)
    return redirect("/home")
