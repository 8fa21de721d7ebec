"""Wishes to be erased, for whoever decides them."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import NotFound, Refused
from core.ids import Ref
from people.model import Identity
from recording import erasure
from recording.erasure import ErasureState
from recording.erasure_table import ErasureRow
from web import erasing, history
from web.deps import Db
from web.forms import Text, at_fields
from web.routes.evidence import Decider
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/erasures")
async def listing(request: Request, db: Db, who: Decider) -> Response:
    async with db.read() as session:
        found = await erasure.to_decide(session, who)
        names = await history.names_of(session, [_subject(one) for one in found])
    lines = [(one, names[_subject(one)], erasing.STATES[ErasureState(one.state)]) for one in found]
    return render(request, "erasures/list.html", lines=lines)


@router.get("/erasures/{erasure_id}")
async def page(request: Request, db: Db, who: Decider, erasure_id: str) -> Response:
    return await _page(request, db, who, erasure_id, {})


@router.post("/erasures/{erasure_id}/{decision}")
async def decide(
    request: Request,
    db: Db,
    who: Decider,
    erasure_id: str,
    decision: str,
    words: Text = "",
) -> Response:
    if decision not in ("agree", "refuse"):
        raise NotFound
    try:
        async with db.write() as session:
            one = await erasure.theirs(session, who, erasure_id)
            problem = await erasing.in_the_way(session, await erasure.people_of(session, one))
            await erasure.decide(session, who, erasure_id, decision == "agree", words, problem)
    except Refused as error:
        return await _page(request, db, who, erasure_id, at_fields(request, error), error.status)
    return redirect(f"/erasures/{erasure_id}")


async def _page(
    request: Request, db: Db, who: Identity, erasure_id: str, errors: dict[str, str], status: int = 200
) -> Response:
    async with db.read() as session:
        one = await erasure.theirs(session, who, erasure_id)
        names = await _names(session, one)
        ahead = await erasing.in_the_way(session, await erasure.people_of(session, one))
    return render(
        request,
        "erasures/page.html",
        status=status,
        one=one,
        names=names,
        ahead=ahead,
        errors=errors,
        lines=erasure.lines_of(one),
        light=erasing.STATES[ErasureState(one.state)],
        what=erasing.WHAT,
        why=erasing.WHY,
        words_max=erasure.WORDS_MAX,
    )


def _subject(one: ErasureRow) -> Ref:
    return Ref(one.subject_kind, one.subject_id)


async def _names(session: Session, one: ErasureRow) -> tuple[str, str]:
    """Of whoever asked, and of whoever decided."""
    subject = _subject(one)
    decided = Ref(one.decided_kind, one.decided_id) if one.decided_kind and one.decided_id else None
    names = await history.names_of(session, [subject, *([decided] if decided else [])])
    return names[subject], names[decided] if decided else ""
