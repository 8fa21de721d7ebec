"""Whom a relative visits: the list, an application with its papers, its state, withdrawing it."""

from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import Response

from core.errors import KinbridgeError, Refused, TooLarge, TooMany
from people import relationships, repository, supplements
from people.errors import AlreadyApplied, NoMatch
from people.forms import ApplicationForm
from people.model import PROOF_MAX_BYTES, PROOFS_MAX, Identity, RelationshipState
from people.proofs import Upload
from scheduler import decision
from scheduler import repository as schedule
from web import telling
from web.caller import caller_of
from web.deps import AtTheDoor, Db, Relative, Svc
from web.forms import Text, at_fields
from web.i18n import N_
from web.routes.family import kinships
from web.templating import redirect, render, translated

router = APIRouter(include_in_schema=False)
FILES_AGAIN = N_("Please choose the files once more; a browser does not keep them.")


@router.get("/relationships")
async def overview(request: Request, db: Db, visitor: AtTheDoor, who: Relative) -> Response:
    async with db.read() as session:
        mine = await repository.relationships_of(session, who.subject.id)
        minors = await repository.minors_of(session, who.subject.id)
    return render(
        request,
        "family/relationships.html",
        relationships=[(held, telling.relationship(visitor.language, held)) for held in mine],
        minors=minors,
        kinships=kinships(visitor.language),
    )


@router.get("/relationships/new")
async def application(request: Request, services: Svc, visitor: AtTheDoor, who: Relative) -> Response:
    return await _form(request, services, who, visitor.language, {}, {})


async def _form(
    request: Request,
    services: Svc,
    who: Identity,
    language: str,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        prisons = await schedule.prisons(session)
        minors = await repository.minors_of(session, who.subject.id)
    return render(
        request,
        "family/apply.html",
        status=status,
        keep=True,
        values=values,
        errors=errors,
        places=[(prison.id, prison.name) for prison in prisons if prison.active],
        minors=[(child.id, child.name) for child in minors],
        kinships=list(kinships(language).items()),
    )


@router.post("/relationships")
async def apply(
    request: Request,
    services: Svc,
    visitor: AtTheDoor,
    who: Relative,
    prison_id: Text = "",
    inmate_name: Text = "",
    inmate_number: Text = "",
    kinship: Text = "",
    note: Text = "",
    visitor_id: Text = "",
    consent: Text = "",
    proof: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    form = ApplicationForm(
        prison_id=prison_id,
        inmate_number=inmate_number,
        inmate_name=inmate_name,
        kinship=kinship,
        note=note,
        visitor_id=visitor_id or None,
        consent=bool(consent),
    )
    files = [file for file in proof or [] if file.filename]
    try:
        uploads = [Upload(file.filename or "", await file.read(PROOF_MAX_BYTES + 1)) for file in files]
        async with services.db.write() as session:
            made = await relationships.apply(
                session, services.means, who, caller_of(request), form, uploads[: PROOFS_MAX + 1]
            )
    except (Refused, NoMatch, AlreadyApplied, TooMany, TooLarge) as error:
        errors = _at_fields(request, error, files_given=bool(files))
        return await _form(request, services, who, visitor.language, _typed(form), errors, error.status)
    return redirect(f"/relationships/{made.id}?sent=1")


def _at_fields(request: Request, error: KinbridgeError, *, files_given: bool) -> dict[str, str]:
    """The refusals; and since browsers forget files, a word about those that were good."""
    errors = at_fields(request, error)
    if isinstance(error, NoMatch):
        errors = {"inmate_number": errors[""]}
    if files_given:
        errors.setdefault("proof", translated(request, FILES_AGAIN))
    return errors


def _typed(form: ApplicationForm) -> dict[str, str]:
    return {
        "prison_id": form.prison_id,
        "inmate_name": form.inmate_name,
        "inmate_number": form.inmate_number,
        "kinship": form.kinship,
        "note": form.note,
        "visitor_id": form.visitor_id or "",
        "consent": "1" if form.consent else "",
    }


@router.get("/relationships/{relationship_id}")
async def one(
    request: Request, db: Db, visitor: AtTheDoor, who: Relative, relationship_id: str, sent: str = ""
) -> Response:
    return await _one(request, db, visitor.language, who, relationship_id, just_sent=bool(sent))


async def _one(
    request: Request,
    db: Db,
    language: str,
    who: Identity,
    relationship_id: str,
    status: int = 200,
    *,
    just_sent: bool = False,
    errors: dict[str, str] | None = None,
) -> Response:
    async with db.read() as session:
        held = await relationships.relationship_for(session, who, relationship_id)
        prison = await schedule.prison(session, held.prison_id)
        asked = await supplements.of(session, relationship_id)
    pending = held.state is RelationshipState.PENDING
    return render(
        request,
        "family/relationship.html",
        status=status,
        held=held,
        missing=supplements.waits(asked) if pending else None,
        errors=errors or {},
        max_bytes=PROOF_MAX_BYTES,
        told=telling.relationship(language, held),
        kinships=kinships(language),
        place=prison.name if prison else "",
        phone=prison.help_phone if prison else "",
        just_sent=just_sent and pending,
    )


@router.post("/relationships/{relationship_id}/papers")
async def send_papers(
    request: Request,
    services: Svc,
    visitor: AtTheDoor,
    who: Relative,
    relationship_id: str,
    proof: Annotated[list[UploadFile] | None, File()] = None,
) -> Response:
    """Papers that the officer found missing."""
    files = [file for file in proof or [] if file.filename]
    try:
        uploads = [Upload(file.filename or "", await file.read(PROOF_MAX_BYTES + 1)) for file in files]
        async with services.db.write() as session:
            await supplements.answer(session, services.means, who, relationship_id, uploads[: PROOFS_MAX + 1])
    except (Refused, TooLarge) as error:
        errors = _at_fields(request, error, files_given=bool(files))
        return await _one(
            request, services.db, visitor.language, who, relationship_id, error.status, errors=errors
        )
    return redirect(f"/relationships/{relationship_id}?sent=1")


@router.post("/relationships/{relationship_id}/withdraw")
async def withdraw(services: Svc, who: Relative, relationship_id: str) -> Response:
    """Bookings that stood on it are cancelled in the same transaction."""
    async with services.db.write() as session:
        await relationships.withdraw(session, who, relationship_id)
        await decision.relationship_ended(session, relationship_id, who)
    return redirect(f"/relationships/{relationship_id}")
