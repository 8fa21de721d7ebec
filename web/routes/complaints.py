"""Complaints about a case or an answer: made at the terminal or from home, answered by the desk that holds them."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import KinbridgeError
from core.ids import Ref, new_id
from legalaid import case_wording, clocks, complaint_matter, complaints, handover
from legalaid.application import LETTER_MAX
from legalaid.cases import zone_of
from legalaid.complaints import ComplaintForm, ComplaintState, Reader
from legalaid.forms import WORDS_MAX
from legalaid.wording import TOPICS
from people.model import Identity, Role
from web import legal
from web.deps import Relative, Svc
from web.duty import Counsel
from web.forms import MENDABLE, Text, at_fields
from web.legal import Inmate
from web.routes.ask import HOME
from web.routes.counsel import STEPS
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
_TABLES: Mapping[str, Any] = {
    "topics": TOPICS,
    "states": case_wording.COMPLAINT_STATES,
    "promises": case_wording.PROMISES,
    "lights": legal.LIGHTS,
    "steps": STEPS,
    "words_max": WORDS_MAX,
    "letter_max": LETTER_MAX,
}


def _page(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
    return render(request, name, status=status, **_TABLES, **context)


def _matter(text: str) -> Ref:
    """`case:…` or `question:…`, as the page's address and form name it."""
    kind, _, key = text.partition(":")
    return Ref(kind, key)


async def _form(
    request: Request,
    services: Services,
    reader: Reader,
    template: str,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        about = await complaint_matter.own(session, reader, _matter(values["about"]))
    values = {"key": new_id("key"), **values}
    return _page(request, template, status=status, about=about, values=values, errors=errors or {})


async def _make(
    request: Request, services: Services, reader: Reader, template: str, values: dict[str, str], back: str
) -> Response:
    form = ComplaintForm(_matter(values["about"]), values["words"], values["key"])
    try:
        async with services.db.write() as session:
            made = await complaints.make(session, legal.means_of(services), reader, form)
    except MENDABLE as error:
        errors = at_fields(request, error)
        return await _form(request, services, reader, template, values, errors, error.status)
    return redirect(f"{back}/{made}")


async def _one(
    request: Request,
    services: Services,
    reader: Reader,
    complaint_id: str,
    template: str,
    *,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.write() as session:  # reading is entered in the ledger
        found = await complaints.opened(session, legal.means_of(services), reader, complaint_id)
        zone = await zone_of(session, found.view.about.prison_id)
        history = await clocks.history(session, complaints.matter(complaint_id))
        targets = []
        if isinstance(reader, Identity) and Role.COUNSEL in reader.roles:
            targets = await handover.offered(session, reader, complaints.matter(complaint_id))
    return _page(
        request,
        template,
        status=status,
        one=found,
        view=found.view,
        zone=zone,
        history=history,
        open=found.view.state is ComplaintState.MADE,
        targets=[(desk.id, desk.name) for desk in targets],
        values=values or {},
        errors=errors or {},
    )


async def _take_back(
    request: Request, services: Services, reader: Reader, complaint_id: str, template: str, back: str
) -> Response:
    try:
        async with services.db.write() as session:
            await complaints.take_back(session, reader, complaint_id)
    except MENDABLE as error:
        errors = at_fields(request, error)
        return await _one(
            request, services, reader, complaint_id, template, errors=errors, status=error.status
        )
    return redirect(f"{back}/{complaint_id}")


AT_TERMINAL = f"{HOME}/complaints"


@router.get(AT_TERMINAL + "/new")
async def form(request: Request, services: Svc, desk: Inmate, about: str = "") -> Response:
    """`about`: the case or the question."""
    return await _form(request, services, desk, "terminal/lawyer_complain.html", {"about": about})


@router.post(AT_TERMINAL)
async def make(
    request: Request,
    services: Svc,
    desk: Inmate,
    about: Text = "",
    words: Text = "",
    key: Text = "",
) -> Response:
    values = {"about": about, "words": words, "key": key}
    return await _make(request, services, desk, "terminal/lawyer_complain.html", values, AT_TERMINAL)


@router.get(AT_TERMINAL + "/{complaint_id}")
async def one(request: Request, services: Svc, desk: Inmate, complaint_id: str) -> Response:
    return await _one(request, services, desk, complaint_id, "terminal/lawyer_complaint.html")


@router.post(AT_TERMINAL + "/{complaint_id}/take-back")
async def take_back(request: Request, services: Svc, desk: Inmate, complaint_id: str) -> Response:
    page = "terminal/lawyer_complaint.html"
    return await _take_back(request, services, desk, complaint_id, page, AT_TERMINAL)


AT_HOME = "/aid/complaints"


@router.get(AT_HOME + "/new")
async def family_form(request: Request, services: Svc, who: Relative, about: str = "") -> Response:
    return await _form(request, services, who, "family/complain.html", {"about": about})


@router.post(AT_HOME)
async def family_make(
    request: Request, services: Svc, who: Relative, about: Text = "", words: Text = "", key: Text = ""
) -> Response:
    values = {"about": about, "words": words, "key": key}
    return await _make(request, services, who, "family/complain.html", values, AT_HOME)


@router.get(AT_HOME + "/{complaint_id}")
async def family_one(request: Request, services: Svc, who: Relative, complaint_id: str) -> Response:
    return await _one(request, services, who, complaint_id, "family/complaint.html")


@router.post(AT_HOME + "/{complaint_id}/take-back")
async def family_take_back(request: Request, services: Svc, who: Relative, complaint_id: str) -> Response:
    return await _take_back(request, services, who, complaint_id, "family/complaint.html", AT_HOME)


@router.get("/complaints/{complaint_id}")
async def at_desk(request: Request, services: Svc, who: Counsel, complaint_id: str) -> Response:
    return await _one(request, services, who, complaint_id, "cases/complaint.html")


@router.post("/complaints/{complaint_id}/answer")
async def answer(
    request: Request, services: Svc, who: Counsel, complaint_id: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await complaints.answer(session, legal.means_of(services), who, complaint_id, words)
    except MENDABLE as error:
        return await _again(request, services, who, complaint_id, words, error)
    return redirect(f"/complaints/{complaint_id}")


async def _again(
    request: Request, services: Services, who: Identity, complaint_id: str, words: str, error: KinbridgeError
) -> Response:
    return await _one(
        request,
        services,
        who,
        complaint_id,
        "cases/complaint.html",
        values={"words": words},
        errors=at_fields(request, error),
        status=error.status,
    )
