"""A closed meeting: its live page, the tickets into its room, and the signed receipt that nobody listened."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Forbidden, NotFound
from core.keys import signer
from legalaid import personal, receipts, service, wording
from legalaid.confidential import BASES
from legalaid.forms import ADVICE_MAX
from legalaid.tables import TurnRow
from people.model import Identity, Role
from policy import repository as policies
from rooms import service as rooms
from rooms import sittings
from rooms.agreed import SittingState, SittingView
from rooms.confidentiality import Confidentiality
from scheduler import repository as scheduler
from web import i18n, legal, live
from web.deps import AtTheDoor, Svc, Who
from web.i18n import N_
from web.legal import Desk
from web.services import Services
from web.templating import redirect, render
from web.wording import BEIJING

router = APIRouter()
WAITS = (("other", ""), ("start", N_("It is time")))
# (whom the page of this role waits for, how that step is called)
OTHERS = {
    Role.TERMINAL: ("lawyer", N_("Your lawyer is here")),
    Role.COUNSEL: ("client", N_("Your client is here")),
    Role.RELATIVE: ("inmate", N_("Your family member is here")),
}
# What people are told of each confidentiality: (short, long).
TOLD = {
    Confidentiality.UNMONITORED: (
        N_("Not recorded, not monitored"),
        N_(
            "Nobody of the prison can hear or see this talk, and nothing is recorded. No such connection exists."
        ),
    ),
    Confidentiality.VISUAL_ONLY: (
        N_("Not recorded, not heard"),
        N_(
            "An officer may see the picture and hears nothing: no sound goes to the prison. Nothing is recorded."
        ),
    ),
    Confidentiality.OFFICER_PRESENT: (
        N_("An officer is present, not recorded"),
        N_("An officer sees and hears this talk. Nothing is recorded."),
    ),
}


@router.post("/api/v1/sittings/{sitting_id}/ticket", status_code=201)
async def ticket(
    response: Response, sitting_id: str, services: Svc, who: Who, door: AtTheDoor, desk: Desk
) -> dict[str, Any]:
    """A ticket into this meeting's room; works once, for 60 seconds. An officer's attempt is entered."""
    async with services.db.write() as session:
        inmate = ""
        if desk is not None and await personal.still(session, desk):
            inmate = desk.inmate_id
            legal.open_desk(response, services, who, desk)  # a talk may be longer than a quarter of an hour
        speaking = replace(who, language=door.language)
        issued = await rooms.issue_sitting_ticket(session, speaking, sitting_id, inmate)
    return {"ticket": issued.token, "expires_in": issued.expires_in}


async def _view(session: Session, who: Identity, desk: Desk, sitting_id: str) -> SittingView:
    """For its parties only. Raises `NotFound` for everybody else, officers included."""
    view = await sittings.get(session, sitting_id)
    if who.subject.kind == "terminal":
        place = await scheduler.terminal_of_device(session, who.subject.id)
        at_it = place is not None and place.id == view.agreed.terminal_id
        if not at_it and (desk is None or desk.inmate_id != view.agreed.inmate_id):
            raise NotFound
    elif view.agreed.party(who.subject) is None:
        raise NotFound
    return view


@router.get("/sittings/{sitting_id}", include_in_schema=False)
async def page(
    request: Request, sitting_id: str, services: Svc, who: Who, desk: Desk, door: AtTheDoor
) -> Response:
    """Check, waiting room, talk and end, for one of the parties."""
    async with services.db.write() as session:  # a lawyer's reading of the question is entered
        view = await _view(session, who, desk, sitting_id)
        rules = await policies.current(session, view.agreed.scope_id, view.agreed.starts_at)
        prison = await scheduler.prison(session, view.agreed.prison_id)
        beside = await _beside(session, services, who, view)
    zone = prison.zone if prison else BEIJING
    role = next(role for role in OTHERS if role in who.roles)
    awaits, others = OTHERS[role]
    short, told = TOLD[view.agreed.confidentiality]
    names = [party.name for party in view.agreed.parties if not _is(who, view, party.person)]
    data = {
        "booking": view.id,
        "ticket": f"/api/v1/sittings/{view.id}/ticket",
        "checkTicket": "/api/v1/check/ticket",
        "reconnectMs": round(rules.values.reconnect_window_s * 1000),
        "over": ""
        if view.state is SittingState.AGREED
        else i18n.translate(door.language, live.NOT_TAKING_PLACE),
        "zone": zone,
        "role": "inmate" if role is Role.TERMINAL else "counsel",
        "awaits": awaits,
    }
    return render(
        request,
        "call/sitting.html",
        page=data,
        booking=_facts(view, zone),
        with_whom=live.together(door.language, names),
        waits=[(name, text or others) for name, text in WAITS],
        home=_home(role, view),
        short=short,
        told=told,
        basis=BASES[view.basis],
        sealed=bool(view.agreed.topology.oversight.sealed),
        receipt=f"/sittings/{view.id}/receipt",
        **beside,
    )


def _is(who: Identity, view: SittingView, person: Any) -> bool:
    return bool(
        person == who.subject or (who.subject.kind == "terminal" and person.id == view.agreed.inmate_id)
    )


def _facts(view: SittingView, zone: str) -> dict[str, Any]:
    agreed = view.agreed
    return {
        "starts_at": agreed.starts_at,
        "zone": zone,
        "minutes": agreed.minutes,
        "reference": agreed.reference,
    }


def _home(role: Role, view: SittingView) -> str:
    if role is Role.COUNSEL:
        return "/counsel" if view.matter.kind == "turn" else "/counsel/meetings"
    if role is Role.RELATIVE:
        return "/home"
    return "/terminal/lawyer/questions" if view.matter.kind == "turn" else "/terminal"


async def _beside(session: Session, services: Services, who: Identity, view: SittingView) -> dict[str, Any]:
    """What stands beside the face: for the lawyer of a turn the question and the answer to be written."""
    turn = await session.get(TurnRow, view.matter.id) if view.matter.kind == "turn" else None
    if turn is None or Role.COUNSEL not in who.roles:
        return {"question": None, "turn": None}
    means = legal.means_of(services)
    return {
        "turn": turn,
        "question": await service.get(session, turn.question_id),
        "words": await service.words(session, means, who, turn.question_id),
        "advice": await service.advice(session, means, who, turn.question_id),
        "advice_max": ADVICE_MAX,
        "topics": wording.TOPICS,
    }


@router.get("/sittings/{sitting_id}/receipt", include_in_schema=False)
async def receipt(request: Request, sitting_id: str, services: Svc, who: Who, desk: Desk) -> Response:
    async with services.db.read() as session:
        view = await _view(session, who, desk, sitting_id)
        prison = await scheduler.prison(session, view.agreed.prison_id)
    if view.state is SittingState.AGREED:
        return redirect(f"/sittings/{sitting_id}")
    role = next((role for role in OTHERS if role in who.roles), None)
    if role is None:
        raise Forbidden
    return render(
        request,
        "call/receipt.html",
        view=view,
        told=receipts.statement(view),
        file=receipts.sign(view, signer(services.settings.data_dir)).decode(),
        zone=prison.zone if prison else BEIJING,
        short=TOLD[view.agreed.confidentiality][0],
        home=_home(role, view),
    )


@router.get("/sittings/{sitting_id}/receipt.json", include_in_schema=False)
async def receipt_file(sitting_id: str, services: Svc, who: Who, desk: Desk) -> Response:
    async with services.db.read() as session:
        view = await _view(session, who, desk, sitting_id)
    name = f"receipt-{view.agreed.reference}.json"
    return Response(
        receipts.sign(view, signer(services.settings.data_dir)),
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
