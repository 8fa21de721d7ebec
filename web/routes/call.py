"""The live pages: device check, a visit for relatives and terminals, the officer's desk; tickets; the socket."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from core import clock
from core.ids import Ref
from ledger import read as ledger
from people.model import Role
from policy import repository as policies
from rooms import desk_watch
from rooms import service as rooms
from rooms.tickets import IssuedTicket
from scheduler import service as scheduler
from signaling.endpoint import serve_socket
from web import checkup, i18n, live
from web.deps import Attending, AtTheDoor, Db, Who
from web.duty import Monitor
from web.forms import Text
from web.routes.public import HOMES
from web.templating import redirect, render
from web.wording import BEIJING, moment

router = APIRouter()
_PAST = 200  # entries of the ledger shown when the officer's page is opened


@router.post("/api/v1/visits/{booking_id}/ticket", status_code=201)
async def visit_ticket(booking_id: str, db: Db, who: Who, door: AtTheDoor) -> dict[str, Any]:
    """A ticket into the room of this visit; works once, for 60 seconds.

    The socket speaks the language of the page that asks, which need not be the account's.
    """
    async with db.write() as session:
        return _ticket(await rooms.issue_ticket(session, replace(who, language=door.language), booking_id))


@router.post("/api/v1/check/ticket", status_code=201)
async def check_ticket(db: Db, who: Who) -> dict[str, Any]:
    """A ticket for the device check."""
    async with db.write() as session:
        return _ticket(await rooms.issue_check_ticket(session, who))


@router.post("/api/v1/visits/{booking_id}/wall/ticket", status_code=201)
async def wall_ticket(booking_id: str, db: Db, who: Who) -> dict[str, Any]:
    """A ticket for the wall of the node that has this visit's room."""
    async with db.write() as session:
        return _ticket(await rooms.issue_wall_ticket(session, who, booking_id))


def _ticket(ticket: IssuedTicket) -> dict[str, Any]:
    return {"ticket": ticket.token, "expires_in": ticket.expires_in}


@router.websocket("/signal")
async def signal(websocket: WebSocket) -> None:
    """The signaling socket of docs/protocol.md. Whoever speaks on it shows a ticket first."""
    await serve_socket(websocket, websocket.app.state.services, i18n.translate)


@router.get("/visits/{booking_id}", include_in_schema=False)
async def visit(request: Request, booking_id: str, db: Db, who: Who, door: AtTheDoor) -> Response:
    """Check, waiting room, talk and end of one visit, for a relative or the inmate's terminal."""
    if not who.roles & {Role.RELATIVE, Role.TERMINAL}:
        return redirect(f"/officer/visits/{booking_id}")
    async with db.read() as session:
        booking = await scheduler.get_for(session, who, booking_id)
        room = await rooms.room_of(session, booking_id)
        rules = await policies.current(session, booking.wing_id, booking.starts_at)
    role = live.role_of(who)
    over = live.why_over(booking, room)
    data = live.page_data(
        booking,
        over=i18n.translate(door.language, over) if over else "",
        window=rules.values.reconnect_window_s,
        role=role,
        checkFailed=f"/visits/{booking_id}/check-failed",
    )
    return render(
        request,
        "call/visit.html",
        page=data,
        booking=booking,
        with_whom=live.together(door.language, live.other_end(booking, role)),
        waits=live.waits(role),
        home=_home(who.roles),
    )


@router.post("/visits/{booking_id}/check-failed", include_in_schema=False)
async def check_failed(db: Db, who: Attending, booking_id: str) -> Response:
    """The page tells that the device check of this visit has failed."""
    async with db.write() as session:
        booking = await scheduler.get_for(session, who, booking_id)
        await desk_watch.check_failed(session, who, booking)
    return Response(status_code=204)


@router.get("/check", include_in_schema=False)
async def check(request: Request, who: Who) -> Response:
    """The device check by itself, on any day before the visit."""
    data = {"checkTicket": "/api/v1/check/ticket"}
    return render(request, "call/check.html", page=data, home=_home(who.roles))


@router.post("/check/report", include_in_schema=False)
async def check_report(who: Who, door: AtTheDoor, report: Text) -> Response:
    """The report of a device check as a file to keep or to send on."""
    del who  # only people with an account have a device to check
    language = door.language

    def _(text: str) -> str:
        return i18n.translate(language, text)

    when = moment(language, clock.now(), BEIJING).striptags()
    name = f"kinbridge-check-{clock.now():%Y%m%d-%H%M}.txt"
    return Response(
        checkup.written(checkup.read(report), _, when),
        media_type="text/plain",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@router.get("/officer/visits/{booking_id}", include_in_schema=False)
async def desk(request: Request, booking_id: str, db: Db, who: Monitor, door: AtTheDoor) -> Response:
    """The monitoring officer's live page of one visit."""
    async with db.read() as session:
        booking = await scheduler.get_for(session, who, booking_id)
        room = await rooms.room_of(session, booking_id)
        rules = await policies.current(session, booking.wing_id, booking.starts_at)
        entries = await ledger.about(session, Ref("booking", booking_id), limit=_PAST)
    language = door.language
    over = live.why_over(booking, room)
    data = live.page_data(
        booking,
        over=i18n.translate(language, over) if over else "",
        window=rules.values.reconnect_window_s,
        now=clock.now().isoformat(),
        kinships={code: i18n.translate(language, text) for code, text in live.KINSHIPS.items()},
    )
    return render(
        request,
        "call/officer.html",
        page=data,
        booking=booking,
        visitors=live.together(language, live.other_end(booking, "inmate")),
        events=live.past(entries),
        rules=live.rules(rules.values),
        home="/officer",
        playback=f"/recordings/{booking_id}",
    )


def _home(roles: frozenset[Role]) -> str:
    return next(path for role, path in HOMES.items() if role in roles)
