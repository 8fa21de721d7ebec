"""Relationships: one application with its papers, and the decision on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Conflict, NotFound, Refused
from core.ids import Ref
from people import proof_reading, relationships, revealing, supplements
from people import repository as people
from people.model import (
    DOCUMENT_TEXTS,
    ENDING_TEXTS,
    REFUSAL_TEXTS,
    Identity,
    Proof,
    Relationship,
    Relative,
)
from people.proof_reading import ProofContent
from scheduler import decision
from web import duty, history
from web.deps import Svc
from web.duty import Approver, Duty, Monitor
from web.forms import Text, at_fields
from web.routes.approvals import desk
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

INLINE = frozenset({"image/jpeg", "image/png", "image/webp"})  # people.proofs has made these anew
PROOF_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cache-control": "private, no-store",
}


class NoPicture(NotFound):
    code = "no-picture"
    text = "There is no picture among the papers of this relationship."


@dataclass(frozen=True, slots=True)
class RelationshipCase:
    """All that is shown of one application."""

    case: Relationship
    visitor: Relative
    guardian: Relative | None
    age: int
    proofs: list[Proof]
    others: list[Relationship]  # who else may visit, or asks to
    lines: list[history.Line]
    decided_by: str
    due: datetime | None
    asked: list[supplements.Supplement]  # papers that were found missing
    may_ask: int  # how often more may still be asked for


async def _case(session: Session, who: Identity, on: Duty, relationship_id: str) -> RelationshipCase:
    case = await relationships.relationship_for(session, who, relationship_id)
    visitor = await people.relative(session, case.relative_id)
    if visitor is None:
        raise NotFound
    refs = [Ref("relationship", case.id), *(Ref("proof", proof) for proof in case.proof_ids)]
    deciders = [case.decided_by] if case.decided_by else []
    names = await history.names_of(session, deciders)
    others = await people.approved_of_inmate(session, case.inmate_id)
    return RelationshipCase(
        case=case,
        visitor=visitor,
        guardian=await people.relative(session, case.guardian_id) if case.guardian_id else None,
        age=visitor.age_on(on.today),
        proofs=[people.as_proof(row) for row in await people.proof_rows(session, [case.id])],
        others=[other for other in others if other.id != case.id],
        lines=await history.of(session, *refs, Ref("relative", case.relative_id)),
        decided_by=names[case.decided_by] if case.decided_by else "",
        due=await desk.due_of(session, on, case),
        asked=await supplements.of(session, case.id),
        may_ask=await supplements.left(session, case),
    )


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    relationship_id: str,
    *,
    status: int = 200,
    **more: Any,
) -> Response:
    async with services.db.read() as session:
        on = await duty.of(session, who)
        tables = await desk.of(session, on)
        shown = await _case(session, who, on, relationship_id)
    context = {"errors": {}, "values": {}, "number": "", "stale": False, "papers": False, **more}
    return render(
        request,
        "approvals/relationship.html",
        status=status,
        shown=shown,
        documents=DOCUMENT_TEXTS,
        refusals=REFUSAL_TEXTS,
        endings=ENDING_TEXTS,
        inline=INLINE,
        **tables,
        **context,
    )


@router.get("/approvals/relationships/{relationship_id}")
async def relationship(
    request: Request, services: Svc, who: Approver, relationship_id: str, papers: bool = False
) -> Response:
    """The papers of a minor are only shown when they are asked for (rules P6)."""
    return await _page(request, services, who, relationship_id, papers=papers)


@router.post("/approvals/relationships/{relationship_id}/number")
async def reveal(request: Request, services: Svc, who: Approver, relationship_id: str) -> Response:
    """The whole document number, on this one page; the look is in the ledger."""
    async with services.db.write() as session:
        number = await revealing.reveal_document(session, services.means, who, relationship_id)
    return await _page(request, services, who, relationship_id, number=number)


@router.post("/approvals/relationships/{relationship_id}/approve")
async def approve(request: Request, services: Svc, who: Approver, relationship_id: str) -> Response:
    try:
        async with services.db.write() as session:
            await relationships.approve(session, who, relationship_id)
    except Conflict as error:
        return await _page(request, services, who, relationship_id, status=error.status, stale=True)
    return redirect("/approvals")


@router.post("/approvals/relationships/{relationship_id}/{act}")
async def refuse_or_end(
    request: Request,
    services: Svc,
    who: Approver,
    relationship_id: str,
    act: str,
    reason: Text = "",
    words: Text = "",
) -> Response:
    """Refuses an application, or ends what was approved; both need a reason that the relative reads.

    Visits that were booked with an ended one are cancelled in the same transaction.
    """
    decide = {"refuse": relationships.refuse, "end": relationships.end}.get(act)
    if decide is None:
        raise NotFound
    try:
        async with services.db.write() as session:
            await decide(session, who, relationship_id, reason, words)
            await decision.relationship_ended(session, relationship_id, who)
    except Refused as error:
        fields, values = at_fields(request, error), {"reason": reason, "words": words}
        return await _page(request, services, who, relationship_id, status=422, errors=fields, values=values)
    except Conflict:
        return await _page(request, services, who, relationship_id, status=409, stale=True)
    return redirect("/approvals")


@router.post("/approvals/relationships/{relationship_id}/papers/ask")
async def ask_papers(
    request: Request, services: Svc, who: Approver, relationship_id: str, papers: Text = ""
) -> Response:
    """Which papers are missing, all at once; the family's time does not run against the prison meanwhile."""
    try:
        async with services.db.write() as session:
            await supplements.ask(session, who, relationship_id, papers)
    except Refused as error:
        fields, values = at_fields(request, error), {"papers": papers}
        return await _page(request, services, who, relationship_id, status=422, errors=fields, values=values)
    except Conflict:
        return await _page(request, services, who, relationship_id, status=409, stale=True)
    return redirect("/approvals")


@router.get("/approvals/proofs/{proof_id}")
async def proof(services: Svc, who: Approver, proof_id: str) -> Response:
    """A paper, opened by the server. Pictures may stand in the page; a PDF only comes as a download."""
    async with services.db.write() as session:
        content = await proof_reading.read_proof(session, services.means, who, proof_id)
    return _as_response(proof_id, content)


@router.get("/officer/relationships/{relationship_id}/proof")
async def picture(services: Svc, who: Monitor, relationship_id: str) -> Response:
    """The newest picture among the papers, for the monitor who compares it with the face at the door."""
    async with services.db.write() as session:
        await relationships.relationship_for(session, who, relationship_id)
        rows = await people.proof_rows(session, [relationship_id])
        pictures = [row.id for row in rows if row.media_type in INLINE]
        if not pictures:
            raise NoPicture
        content = await proof_reading.read_proof(session, services.means, who, pictures[-1])
    return _as_response(pictures[-1], content)


def _as_response(proof_id: str, content: ProofContent) -> Response:
    kind = "inline" if content.media_type in INLINE else "attachment"
    ending = content.media_type.rpartition("/")[2]
    headers = {**PROOF_HEADERS, "content-disposition": f'{kind}; filename="{proof_id}.{ending}"'}
    return Response(content.data, media_type=content.media_type, headers=headers)
