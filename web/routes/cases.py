"""Cases at the desks that decide: the list, the file, one act at a time, letters to print."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import NotFound
from core.ids import new_id
from legalaid import (
    case_centre,
    case_reading,
    case_wording,
    case_work,
    cases,
    complaints,
    conduct,
    handover,
    prechecks,
    repository,
    service,
    venue,
)
from legalaid.case_file import matter
from legalaid.case_model import OPEN_CASES
from legalaid.defenders import take_back
from legalaid.means import LegalMeans
from legalaid.model import DeskKind
from people import repository as people
from people.model import Identity
from web import casefile, legal
from web.deps import AtTheDoor, Svc
from web.duty import Counsel
from web.forms import MENDABLE, Text, at_fields
from web.i18n import N_
from web.routes.counsel import STEPS
from web.services import Services
from web.templating import redirect

router = APIRouter(include_in_schema=False)
# What a desk can do: (label, what is written, hint). The forms show what each needs.
ACTS = {
    "forward": (N_("Forward to the centre"), "", ""),
    "papers": (
        N_("Ask for missing papers"),
        N_("Which papers, all of them"),
        N_("They can be asked for once only."),
    ),
    "approve": (N_("Grant legal aid"), N_("Words for the letter"), ""),
    "refuse": (N_("Refuse"), N_("The reasons"), N_("The applicant reads them, and can object.")),
    "supply": (N_("Enter papers that came"), N_("Which papers came"), ""),
    "assign": (N_("Name a lawyer"), N_("Words for the letter"), ""),
    "recall": (
        N_("The authority took its notice back"),
        N_("Why, and what the authority wrote"),
        N_("The person it is about reads it."),
    ),
    "progress": (N_("Write how it stands"), N_("How the matter stands"), N_("The applicant reads it.")),
    "close": (N_("Close the matter"), N_("What was reached"), N_("The applicant reads it.")),
    "change": (N_("Answer the wish for another lawyer"), N_("The reasons"), ""),
    "objection": (N_("Decide the objection"), N_("The reasons"), N_("The applicant reads them.")),
    "terminate": (N_("End legal aid"), N_("The reasons"), N_("The applicant reads them, and can object.")),
}


@router.get("/cases")
async def at_my_desks(request: Request, services: Svc, who: Counsel, visitor: AtTheDoor) -> Response:
    async with services.db.read() as session:
        found = await case_reading.at_desks(session, who)
        papers = await prechecks.at_desks(session, who)
        complained = await complaints.at_desks(session, who)
        reported = await conduct.at_desks(session, who)
        prisons = {one.prison_id for one in found} | {one.about.prison_id for one in complained}
        zones = {prison: await cases.zone_of(session, prison) for prison in prisons}
        offers = {
            one.id: await case_reading.acts(session, who, one) for one in found if one.state in OPEN_CASES
        }
    nexts = {one.id: casefile.next_of(visitor.language, one, zones[one.prison_id]) for one in found}
    return casefile.page(
        request,
        "cases/list.html",
        mine=[one for one in found if offers.get(one.id)],
        open=[one for one in found if one.state in OPEN_CASES and not offers[one.id]],
        ended=[one for one in found if one.state not in OPEN_CASES],
        nexts=nexts,
        zones=zones,
        papers=papers,
        paper_kinds=case_wording.PAPERS,
        paper_states=case_wording.PRECHECK_STATES,
        complained=complained,
        reported=reported,
    )


@router.get("/cases/new")
async def form(request: Request, services: Svc, who: Counsel, question: str = "") -> Response:
    """The application, filled in from a consultation."""
    async with services.db.write() as session:  # reading is entered in the ledger
        values = await filled_in(session, legal.means_of(services), who, question)
    return _form(request, values)


async def filled_in(session: Session, means: LegalMeans, who: Any, question_id: str) -> dict[str, str]:
    """What is known already: topic, facts, name. For whoever may read the question."""
    words = await service.words(session, means, who, question_id)
    view = await service.get(session, question_id)
    inmate = await people.inmate(session, view.inmate_id)
    return {
        "question_id": question_id,
        "topic": view.topic,
        "facts": words,
        "beneficiary": inmate.name if inmate else "",
        "relation": "self",
    }


def _form(
    request: Request, values: dict[str, str], errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    values = {"key": new_id("key"), **values}
    back = f"/counsel/questions/{values['question_id']}"
    return casefile.page(
        request,
        "cases/apply.html",
        status=status,
        values=values,
        errors=errors or {},
        action="/cases",
        back=back,
    )


@router.post("/cases")
async def apply(request: Request, services: Svc, who: Counsel, form: casefile.Application) -> Response:
    try:
        async with services.db.write() as session:
            case_id = await cases.by_lawyer(session, legal.means_of(services), who, form)
    except MENDABLE as error:
        return _form(request, casefile.typed(form), at_fields(request, error), error.status)
    return redirect(f"/cases/{case_id}")


@router.get("/cases/{case_id}")
async def one(
    request: Request, services: Svc, who: Counsel, visitor: AtTheDoor, case_id: str, act: str = ""
) -> Response:
    """`act`: whose form is open."""
    return await _one(request, services, who, visitor.language, case_id, act)


async def _one(
    request: Request,
    services: Services,
    who: Identity,
    language: str,
    case_id: str,
    act: str,
    *,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.write() as session:  # reading is entered in the ledger
        file = await case_reading.opened(session, legal.means_of(services), who, case_id)
        acts = await case_reading.acts(session, who, file.view)
        zone = await cases.zone_of(session, file.view.prison_id)
        history = await service.history(session, matter(case_id))
        lawyers = await repository.lawyers(session, file.view.prison_id)
        targets = await handover.offered(session, who, matter(case_id))
        centres = await case_centre.of_kind(session, file.view.prison_id, DeskKind.CENTRE)
    return casefile.page(
        request,
        "cases/case.html",
        status=status,
        file=file,
        case=file.view,
        next=casefile.next_of(language, file.view, zone),
        acts=[(key, ACTS[key][0]) for key in acts],
        act=act if act in acts else "",
        act_words=ACTS.get(act, ("", "", "")),
        lawyers=[(one.id, one.name) for one in lawyers if one.id != file.view.lawyer_id],
        history=history,
        targets=[(desk.id, desk.name) for desk in targets],
        centres=[(desk.id, desk.name) for desk in centres],
        centre=venue.choose(centres, file.facts.get("place", "")),
        steps=STEPS,
        zone=zone,
        values=values or {},
        errors=errors or {},
    )


@router.get("/cases/{case_id}/letters/{number}")
async def letter(request: Request, services: Svc, who: Counsel, case_id: str, number: int) -> Response:
    async with services.db.write() as session:
        file = await case_reading.opened(session, legal.means_of(services), who, case_id)
        zone = await cases.zone_of(session, file.view.prison_id)
    found = casefile.letter_of(file, number)
    return casefile.page(
        request, "cases/letter.html", file=file, letter=found, zone=zone, back=f"/cases/{case_id}"
    )


Deed = Callable[[Session, LegalMeans, Identity, str], Awaitable[None]]


def _deed(act: str, words: str, days: str, lawyer_id: str, decision: str, centre_id: str) -> Deed:
    """The use case behind an act, with what the form says."""
    table: dict[str, Deed] = {
        "forward": lambda s, m, w, c: cases.forward(s, m, w, c, centre_id),
        "papers": lambda s, m, w, c: cases.ask_papers(
            s, m, w, c, words, int(days) if days.isdecimal() else 0
        ),
        "approve": lambda s, m, w, c: cases.approve(s, m, w, c, words),
        "refuse": lambda s, m, w, c: cases.refuse(s, m, w, c, words),
        "supply": lambda s, m, w, c: cases.supply(s, m, w, c, words),
        "assign": lambda s, m, w, c: case_work.assign(s, m, w, c, lawyer_id, words),
        "recall": lambda s, m, w, c: take_back(s, m, w, c, words),
        "progress": lambda s, m, w, c: case_work.note_progress(s, m, w, c, words),
        "close": lambda s, m, w, c: case_work.close(s, m, w, c, words),
        "change": lambda s, m, w, c: case_work.decide_change(s, m, w, c, lawyer_id, words),
        "objection": lambda s, m, w, c: case_work.decide_objection(
            s, m, w, c, granted=decision == "granted", words=words
        ),
        "terminate": lambda s, m, w, c: case_work.terminate(s, m, w, c, words),
    }
    if act not in table:
        raise NotFound
    return table[act]


@router.post("/cases/{case_id}/{act}")
async def do(
    request: Request,
    services: Svc,
    who: Counsel,
    visitor: AtTheDoor,
    case_id: str,
    act: str,
    words: Text = "",
    days: Text = "",
    lawyer_id: Text = "",
    decision: Text = "",
    centre_id: Text = "",
) -> Response:
    deed = _deed(act, words, days, lawyer_id, decision, centre_id)
    try:
        async with services.db.write() as session:
            await deed(session, legal.means_of(services), who, case_id)
    except MENDABLE as error:
        values = {"words": words, "days": days, "lawyer_id": lawyer_id, "decision": decision}
        values["centre_id"] = centre_id
        return await _one(
            request,
            services,
            who,
            visitor.language,
            case_id,
            act,
            values=values,
            errors=at_fields(request, error),
            status=error.status,
        )
    return redirect(f"/cases/{case_id}")
