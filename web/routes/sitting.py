"""A closed meeting: its live page, the tickets into its room, and the signed receipt that nobody listened."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from core.keys import signer
from legalaid import first_meeting, mandates, personal, receipts, service, wording
from legalaid.confidential import BASES
from legalaid.forms import ADVICE_MAX
from legalaid.tables import TurnRow
from people.model import Identity, Role
from policy import repository as policies
from rooms import service as rooms
from rooms import sittings, words
from rooms.agreed import SittingState, SittingView
from rooms.confidentiality import RoomKind
from rooms.model import SeatRole
from scheduler import repository as scheduler
from web import i18n, legal, live, talks
from web.deps import AtTheDoor, Svc, Who
from web.forms import Text
from web.i18n import N_
from web.legal import Desk
from web.services import Services
from web.templating import redirect, render
from web.wording import BEIJING

router = APIRouter()
NOT_TAKING_PLACE = N_("This talk is over or does not take place.")
_SIDES = {Role.TERMINAL: "/terminal", Role.COUNSEL: "/counsel", Role.RELATIVE: ""}
_PAGES: dict[str, dict[RoomKind, str]] = {
    "/terminal": {RoomKind.TURN: "/lawyer/questions"},
    "/counsel": {
        RoomKind.LEGAL: "/meetings",
        RoomKind.MEDIATION: "/gatherings",
        RoomKind.COUNSELLING: "/gatherings",
    },
    "": {RoomKind.MEDIATION: "/gatherings"},
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
        if who.subject.kind == "terminal":
            await mandates.demand(session, sitting_id)
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
        meeting = await mandates.of_sitting(session, view.id)
        first = meeting is not None and await mandates.asked(session, meeting)
    if first and who.subject.kind == "terminal":
        return _first(request, view)
    zone = prison.zone if prison else BEIJING
    role, oversight = _role(who, view), view.agreed.topology.oversight
    waits = talks.waits(view.agreed.kind, role, oversight)
    short, told = talks.TOLD[view.agreed.confidentiality]
    names = [party.name for party in view.agreed.parties if not _is(who, view, party.person)]
    over = "" if view.state is SittingState.AGREED else i18n.translate(door.language, _why_over(view))
    data = {
        "booking": view.id,
        "ticket": f"/api/v1/sittings/{view.id}/ticket",
        "checkTicket": "/api/v1/check/ticket",
        "reconnectMs": round(rules.values.reconnect_window_s * 1000),
        "over": over,
        "zone": zone,
        "role": "inmate" if role is SeatRole.INMATE else "counsel",
        "other": waits.other,
        "awaits": waits.awaits,
        "then": waits.then,
    }
    return render(
        request,
        "call/sitting.html",
        page=data,
        booking=_facts(view, zone),
        kind=talks.KINDS[view.agreed.kind],
        with_whom=live.together(door.language, names),
        waits=waits.steps,
        home=_home(who, view),
        short=short,
        told=told,
        basis=BASES[view.basis],
        officer=oversight.admission,
        watched=oversight.acts is not None,
        sealed=bool(oversight.sealed),
        receipt=f"/sittings/{view.id}/receipt",
        **beside,
    )


def _first(request: Request, view: SittingView) -> Response:
    """Whether this lawyer shall act: asked before the inmate has a seat, when the room may be entered."""
    lawyers = [party.name for party in view.agreed.parties if party.role is SeatRole.COUNSEL]
    opens = view.agreed.opens_at <= clock.now() and view.state is SittingState.AGREED
    return render(request, "call/mandate.html", view=view, lawyers=lawyers, opens=opens)


@router.post("/sittings/{sitting_id}/mandate", include_in_schema=False)
async def mandate(sitting_id: str, services: Svc, who: Who, desk: Desk, answer: Text = "") -> Response:
    """The inmate's yes or no, at the terminal of the meeting."""
    if who.subject.kind != "terminal" or answer not in ("yes", "no"):
        raise NotFound
    async with services.db.write() as session:
        view = await _view(session, who, desk, sitting_id)
        inmate = Ref("inmate", view.agreed.inmate_id)
        await first_meeting.answer(session, inmate, sitting_id, confirmed=answer == "yes")
    return redirect(f"/sittings/{sitting_id}" if answer == "yes" else "/terminal")


def _role(who: Identity, view: SittingView) -> SeatRole:
    party = view.agreed.party(who.subject)
    return party.role if party is not None else SeatRole.INMATE


def _why_over(view: SittingView) -> str:
    """A message id: how its room ended, where it had one."""
    ended = {reason.value: text for reason, text in words.TALK_ENDS.items()}
    return ended.get(view.end_reason, NOT_TAKING_PLACE)


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


def _home(who: Identity, view: SittingView) -> str:
    """Where somebody came from; the last part of a path says what the talk is for."""
    side = next(path for role, path in _SIDES.items() if role in who.roles)
    return side + _PAGES[side].get(view.agreed.kind, "")


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
    return render(
        request,
        "call/receipt.html",
        view=view,
        told=receipts.statement(view),
        file=receipts.sign(view, signer(services.settings.data_dir)).decode(),
        zone=prison.zone if prison else BEIJING,
        short=talks.TOLD[view.agreed.confidentiality][0],
        home=_home(who, view),
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
