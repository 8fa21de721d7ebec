"""An inmate's terminal: enrolled once with a code, signed in by its own key, and then only the next visit.

Nobody types a password here. The page for a terminal that is not signed in does it by script; what goes
wrong there is answered by code, and the page says whom to ask.
"""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from core import clock
from core.db import Database
from legalaid.access import station_of
from people import terminals
from people.model import KINSHIP_TEXTS, Identity
from rooms import service as rooms
from rooms import sittings
from rooms.model import Phase
from scheduler import repository as scheduler
from scheduler.model import BookingState, BookingView
from web import security
from web.caller import caller_of, let_in
from web.deps import Db, MaybeWho, Svc, Terminal, terminal
from web.services import Services
from web.templating import render
from web.wording import BEIJING

router = APIRouter(include_in_schema=False)


_AHEAD = timedelta(hours=12)  # so long before it a lawyer's meeting stands on the screen


@router.get("/terminal")
async def home(request: Request, db: Db, services: Svc, who: MaybeWho) -> Response:
    if who is None:
        return _start(request, services)
    return render(request, "terminal/home.html", **await _next(db, terminal(who)))


def _start(request: Request, services: Services) -> Response:
    """The page that signs in. Its challenge is bound to the stranger's cookie, which a browser whose
    session has run out does not have: it is given one here."""
    response = render(request, "terminal/start.html")
    cookies = security.Cookies(services.settings)
    if not cookies.read(request, security.STRANGER_COOKIE) and cookies.read(request, security.SESSION_COOKIE):
        cookies.write(response, security.STRANGER_COOKIE, security.new_seed())
    return response


@router.get("/terminal/next")
async def fresh_next(request: Request, db: Db, who: Terminal) -> Response:
    """The next visit alone, for the script that keeps the page fresh."""
    return render(request, "terminal/next.html", **await _next(db, who))


async def _next(db: Database, who: Identity) -> dict[str, Any]:
    now = clock.now()
    async with db.read() as session:
        place = await scheduler.terminal_of_device(session, who.subject.id)
        prison = await scheduler.prison(session, who.prison_id or "")
        visit = await scheduler.at_terminal(session, place.id, now) if place else None
        room = await rooms.room_of(session, visit.id) if visit else None
        legal_aid = await station_of(session, who.prison_id or "") is not None
        talks = await sittings.at_terminal(session, place.id, now + _AHEAD) if place else []
    ended = room is not None and room.record.phase is Phase.ENDED
    return {
        "visit": None if ended else visit,
        "open": visit is not None and not ended and _open(visit),
        "now": now,
        "zone": prison.zone if prison else BEIJING,
        "kinships": {kinship.value: text for kinship, text in KINSHIP_TEXTS.items()},
        "legal_aid": legal_aid,
        "talk": talks[0] if talks else None,
        "terminal_name": place.place if place else who.name,
    }


def _open(visit: BookingView) -> bool:
    """Whether the lobby can be entered. There is no way in before (docs/protocol.md, `visit-not-open`)."""
    return visit.state is BookingState.CONFIRMED and visit.opens_at <= clock.now() < visit.slot_ends_at


@router.get("/terminal/enrol")
async def enrol_page(request: Request) -> Response:
    return render(request, "terminal/enrol.html")


class Enrolment(BaseModel):
    """`public_key`: SubjectPublicKeyInfo in base64."""

    code: str = Field(max_length=64)
    public_key: str = Field(max_length=1000)


@router.post("/terminal/enrol")
async def enrol(request: Request, services: Svc, form: Enrolment) -> Response:
    async with services.db.write() as session:
        device = await terminals.enrol_device(
            session, services.means, caller_of(request), form.code, form.public_key
        )
    return JSONResponse({"device": device.id, "name": device.name}, 201)


class Asking(BaseModel):
    device: str = Field(max_length=64)


@router.post("/terminal/challenge")
async def challenge(request: Request, services: Svc, asking: Asking) -> Response:
    async with services.db.write() as session:
        made = await terminals.device_challenge(session, services.means, caller_of(request), asking.device)
    return JSONResponse({"id": made.id, "message": made.message}, 201)


class Answer(BaseModel):
    """`signature`: ECDSA over the challenge's message, r and s of 32 bytes each, in base64."""

    id: str = Field(max_length=64)
    signature: str = Field(max_length=200)


@router.post("/terminal/sign-in")
async def sign_in(request: Request, services: Svc, answer: Answer) -> Response:
    caller = caller_of(request)
    async with services.db.write() as session:
        signed = await terminals.device_sign_in(session, services.means, caller, answer.id, answer.signature)
    response = JSONResponse({"name": signed.identity.name}, 201)
    let_in(response, services, caller, signed)
    return response
