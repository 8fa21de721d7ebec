"""Papers that are looked at before a time is held: handed in from home, judged at the station."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import Response

from core.errors import NotFound
from core.ids import new_id
from legalaid import handover, prechecks
from legalaid.case_wording import PAPERS, PRECHECK_STATES
from legalaid.cases import zone_of
from legalaid.forms import WORDS_MAX
from legalaid.prechecks import PrecheckState
from people.model import PROOF_MAX_BYTES, Identity, Role
from people.proofs import Upload
from web import legal
from web.deps import Relative, Svc, Who
from web.duty import Counsel
from web.forms import MENDABLE, Text, at_fields
from web.routes.ask import held
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
Files = Annotated[list[UploadFile] | None, File()]
COLOURS = {
    PrecheckState.HANDED_IN: "blue",
    PrecheckState.MISSING: "yellow",
    PrecheckState.READY: "green",
    PrecheckState.ASKED: "green",
    PrecheckState.REFUSED: "red",
}


def _page(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
    tables = {"papers": PAPERS, "states": PRECHECK_STATES, "colours": COLOURS}
    return render(request, name, status=status, tables=tables, words_max=WORDS_MAX, **context)


async def _uploads(files: list[UploadFile] | None) -> list[Upload]:
    return [
        Upload(file.filename or "", await file.read(PROOF_MAX_BYTES + 1))
        for file in files or ()
        if file.filename
    ]


@router.get("/papers")
async def mine(request: Request, services: Svc, who: Relative) -> Response:
    async with services.db.read() as session:
        persons = await held(session, who)
        found = await prechecks.of_relative(session, who)
        zones = {one.prison_id: await zone_of(session, one.prison_id) for one in found}
    return _page(request, "papers/mine.html", people=persons, found=found, zones=zones)


@router.get("/papers/new/{inmate_id}")
async def form(request: Request, services: Svc, who: Relative, inmate_id: str) -> Response:
    await _known(services, who, inmate_id)
    return _form(request, inmate_id, {"key": new_id("key")}, {})


async def _known(services: Services, who: Identity, inmate_id: str) -> None:
    async with services.db.read() as session:
        if inmate_id not in dict(await held(session, who)):
            raise NotFound


def _form(
    request: Request, inmate_id: str, values: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    return _page(
        request,
        "papers/new.html",
        status=status,
        inmate_id=inmate_id,
        values=values,
        errors=errors,
        bytes_max=PROOF_MAX_BYTES,
    )


@router.post("/papers/new/{inmate_id}")
async def hand_in(
    request: Request,
    services: Svc,
    who: Relative,
    inmate_id: str,
    kind: Text = "",
    words: Text = "",
    key: Text = "",
    proof: Files = None,
) -> Response:
    files = await _uploads(proof)
    try:
        async with services.db.write() as session:
            means = legal.means_of(services)
            made = await prechecks.hand_in(session, means, who, inmate_id, kind, words, key, files)
    except MENDABLE as error:
        values = {"kind": kind, "words": words, "key": key}
        return _form(request, inmate_id, values, at_fields(request, error), error.status)
    return redirect(f"/papers/{made}")


@router.get("/papers/{precheck_id}")
async def one(request: Request, services: Svc, who: Who, precheck_id: str) -> Response:
    return await _one(request, services, who, precheck_id, {}, {})


async def _one(
    request: Request,
    services: Services,
    who: Identity,
    precheck_id: str,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    async with services.db.write() as session:  # reading is entered in the ledger
        view, words, note = await prechecks.opened(session, legal.means_of(services), who, precheck_id)
        zone = await zone_of(session, view.prison_id)
        family = Role.RELATIVE in who.roles
        stations = [] if family else await handover.offered(session, who, prechecks.matter(precheck_id))
    name = "papers/one.html" if family else "papers/desk.html"
    return _page(
        request,
        name,
        status=status,
        view=view,
        words=words,
        note=note,
        stations=[(desk.id, desk.name) for desk in stations],
        zone=zone,
        values=values,
        errors=errors,
        bytes_max=PROOF_MAX_BYTES,
    )


@router.get("/papers/{precheck_id}/files/{paper_id}")
async def paper(services: Svc, who: Who, precheck_id: str, paper_id: str) -> Response:
    async with services.db.write() as session:
        kind, data = await prechecks.paper(session, legal.means_of(services), who, precheck_id, paper_id)
    return Response(data, media_type=kind)


@router.post("/papers/{precheck_id}/add")
async def add(
    request: Request, services: Svc, who: Relative, precheck_id: str, proof: Files = None
) -> Response:
    files = await _uploads(proof)
    try:
        async with services.db.write() as session:
            await prechecks.add_papers(session, legal.means_of(services), who, precheck_id, files)
    except MENDABLE as error:
        return await _one(request, services, who, precheck_id, {}, at_fields(request, error), error.status)
    return redirect(f"/papers/{precheck_id}")


@router.post("/papers/{precheck_id}/time")
async def ask_for_time(services: Svc, who: Relative, precheck_id: str) -> Response:
    async with services.db.write() as session:
        await prechecks.ask_for_time(session, legal.means_of(services), who, precheck_id)
    return redirect("/ask?asked=1")


@router.post("/papers/{precheck_id}/judge")
async def judge(
    request: Request, services: Svc, who: Counsel, precheck_id: str, verdict: Text = "", words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await prechecks.judge(session, legal.means_of(services), who, precheck_id, verdict, words)
    except MENDABLE as error:
        values, errors = {"words": words, "verdict": verdict}, at_fields(request, error)
        return await _one(request, services, who, precheck_id, values, errors, error.status)
    return redirect("/cases")
