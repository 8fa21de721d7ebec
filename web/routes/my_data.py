"""What is kept about a family: to read, to take along as a file, and to have erased."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Conflict, Refused
from ledger.record import record
from people import repository as people
from people.model import Identity
from recording import erasure, erasure_parts
from recording.erasure import ErasureState, Wish
from web import erasing, subject_file
from web.deps import Db, Relative, Svc
from web.forms import Text, at_fields
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/my-data")
async def page(request: Request, services: Svc, who: Relative) -> Response:
    return await _page(request, services, who, {})


async def _page(
    request: Request,
    services: Svc,
    who: Identity,
    errors: dict[str, str],
    *,
    secret: str = "",
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        standing = await erasing.standing(session, services, who, secret)
        children = await people.minors_of(session, who.subject.id)
    return render(
        request,
        "family/my_data.html",
        status=status,
        children=children,
        errors=errors,
        recording_days=services.settings.recording_days,
        **standing,
    )


@router.get("/my-data/file")
async def file(services: Svc, who: Relative) -> Response:
    """As one file; that it was taken is entered."""
    async with services.db.write() as session:
        content = await subject_file.of(session, services, who.subject.id)
        record(session, "family:data:taken", actor=who.subject, subject=who.subject)
    return erasing.taken_along(content)


@router.post("/my-data/erasure")
async def ask(
    request: Request, services: Svc, who: Relative, agreed: Text = "", words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            secret = await erasure.ask(session, who, await _wish(session, who, agreed, words))
    except (Refused, Conflict) as error:
        return await _page(request, services, who, at_fields(request, error), status=error.status)
    return await _page(request, services, who, {}, secret=secret)


async def _wish(session: Session, who: Identity, agreed: str, words: str) -> Wish:
    ids = [who.subject.id, *(child.id for child in await people.minors_of(session, who.subject.id))]
    problem = await erasing.obstacle(session, ids, agreed)
    return Wish(words, await erasure_parts.prison_of(session, ids), problem)


@router.post("/my-data/erasure/withdraw")
async def withdraw(db: Db, who: Relative) -> Response:
    async with db.write() as session:
        await erasure.withdraw(session, who)
    return redirect("/my-data")


@router.get("/erased/{secret}")
async def receipt(request: Request, db: Db, secret: str) -> Response:
    """How it stands, for whose account is gone: whoever has the address; it names nobody."""
    async with db.read() as session:
        one = await erasure.by_receipt(session, secret)
    return render(
        request,
        "erasures/receipt.html",
        one=one,
        lines=erasure.lines_of(one),
        light=erasing.STATES[ErasureState(one.state)],
        what=erasing.WHAT,
        why=erasing.WHY,
    )
