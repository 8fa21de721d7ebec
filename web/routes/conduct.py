"""Reports about what a lawyer did at a meeting: written by the visits office, answered by the bureau of justice, read
by the lawyer as well; the letter prints on one sheet."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from core.db import Session
from core.errors import NotFound
from legalaid import case_wording, clocks, conduct, conduct_model
from legalaid.application import LETTER_MAX
from legalaid.conduct_model import Report, ReportForm, ReportState
from legalaid.conduct_owed import matter
from legalaid.holding import holds
from people.model import Identity, Role
from rooms import words as room_words
from rooms.powers import Act
from web import legal
from web.deps import Svc, staff
from web.duty import Approver, Counsel
from web.forms import MENDABLE, Many, Text, at_fields
from web.i18n import N_
from web.routes.counsel import STEPS
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
Reader = Annotated[Identity, Depends(staff(Role.COUNSEL, Role.APPROVER))]
PATH = "/conduct"
ACTS: Mapping[str, str] = {
    Act.WARN: N_("Warned"),
    Act.PAUSE: N_("Paused"),
    Act.RESUME: N_("Went on"),
    Act.REMOVE: N_("Took somebody out"),
    Act.END: N_("Stopped"),
}
COLOURS: Mapping[str, str] = {"owed": "yellow", "sent": "blue", "answered": "green", "dropped": "grey"}
TABLES: Mapping[str, Any] = {
    "states": conduct_model.STATES,
    "colours": COLOURS,
    "breaches": conduct_model.BREACHES,
    "acts": ACTS,
    "codes": {**room_words.WARNINGS, **room_words.REASONS},
    "promises": case_wording.PROMISES,
    "lights": legal.LIGHTS,
    "steps": STEPS,
    "letter_max": LETTER_MAX,
}


@dataclass(frozen=True, slots=True)
class _Form:
    """One of the page's forms that was not taken, as it was typed."""

    name: str
    values: Mapping[str, Any]


_NONE = _Form("", {})


@router.post("/officer/meetings/{meeting_id}/report")
async def begin(services: Svc, who: Approver, meeting_id: str) -> Response:
    async with services.db.write() as session:
        report_id = await conduct.begin(session, who, meeting_id)
    return redirect(f"{PATH}/{report_id}")


@router.get(PATH + "/{report_id}")
async def one(request: Request, services: Svc, who: Reader, report_id: str) -> Response:
    return await _one(request, services, who, report_id)


async def _one(
    request: Request,
    services: Services,
    who: Identity,
    report_id: str,
    form: _Form = _NONE,
    *,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.write() as session:  # reading is entered in the ledger
        report = await conduct.opened(session, legal.means_of(services), who, report_id)
        history = await clocks.history(session, matter(report_id))
        decides = await _decides(session, who, report)
        lawyers = await conduct.lawyers(session, report_id)
        bureaus = await conduct.bureaus(session, report_id)
    return render(
        request,
        "conduct/report.html",
        status=status,
        **TABLES,
        report=report,
        view=report.view,
        zone=report.view.zone,
        history=history,
        decides=decides,
        lawyers=lawyers,
        bureaus=[(desk.id, desk.name) for desk in bureaus],
        values=form.values,
        errors=errors or {},
        wrong=form.name,
        back="/cases" if Role.COUNSEL in who.roles and decides else _back(who),
    )


def _back(who: Identity) -> str:
    return "/counsel/meetings" if Role.COUNSEL in who.roles else "/officer/meetings"


async def _decides(session: Session, who: Identity, report: Report) -> bool:
    """Whether the reader is to write the report, or to answer it."""
    view = report.view
    if Role.COUNSEL not in who.roles:
        return view.state is ReportState.OWED
    if view.state is not ReportState.SENT or view.lawyer_id == who.subject.id:
        return False
    return await holds(session, who, matter(view.id), "")


@router.get(PATH + "/{report_id}/letter")
async def letter(request: Request, services: Svc, who: Reader, report_id: str) -> Response:
    """The report as paper. Raises `NotFound` before it was sent."""
    async with services.db.write() as session:
        report = await conduct.opened(session, legal.means_of(services), who, report_id)
    if report.view.state not in (ReportState.SENT, ReportState.ANSWERED):
        raise NotFound
    view = report.view
    return render(
        request,
        "conduct/letter.html",
        **TABLES,
        report=report,
        view=view,
        zone=view.zone,
        back=f"{PATH}/{report_id}",
    )


@router.post(PATH + "/{report_id}/send")
async def send(
    request: Request,
    services: Svc,
    who: Approver,
    report_id: str,
    lawyer_id: Text = "",
    bureau_id: Text = "",
    breaches: Many = None,
    words: Text = "",
    copy_to_bar: Text = "",
) -> Response:
    form = ReportForm(lawyer_id, bureau_id, tuple(breaches or ()), words, bool(copy_to_bar))
    means = legal.means_of(services)
    return await _do(
        request,
        services,
        who,
        report_id,
        _Form("send", asdict(form)),
        lambda session: conduct.send(session, means, who, report_id, form),
    )


@router.post(PATH + "/{report_id}/drop")
async def drop(request: Request, services: Svc, who: Approver, report_id: str, words: Text = "") -> Response:
    means = legal.means_of(services)
    return await _do(
        request,
        services,
        who,
        report_id,
        _Form("drop", {"why": words}),
        lambda session: conduct.drop(session, means, who, report_id, words),
    )


@router.post(PATH + "/{report_id}/answer")
async def answer(request: Request, services: Svc, who: Counsel, report_id: str, words: Text = "") -> Response:
    means = legal.means_of(services)
    return await _do(
        request,
        services,
        who,
        report_id,
        _Form("answer", {"words": words}),
        lambda session: conduct.answer(session, means, who, report_id, words),
    )


async def _do(
    request: Request,
    services: Services,
    who: Identity,
    report_id: str,
    form: _Form,
    deed: Callable[[Session], Awaitable[None]],
) -> Response:
    try:
        async with services.db.write() as session:
            await deed(session)
    except MENDABLE as error:
        errors, status = at_fields(request, error), error.status
        return await _one(request, services, who, report_id, form, errors=errors, status=status)
    return redirect(f"{PATH}/{report_id}")
