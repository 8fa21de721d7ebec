"""The demonstration's front door: sign in as anybody by one click, and read what would have been sent.

These pages exist in demo mode only; in any other mode they are not there at all, whatever is asked of them.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

import notices.outbox
from core import clock
from core.errors import NotFound
from core.settings import Settings
from people import sessions
from web import demo, security
from web.deps import Svc
from web.i18n import HTML_LANGS
from web.templating import redirect, render

_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


def in_demo_only(request: Request) -> None:
    """Raises `NotFound` in any other mode."""
    if request.app.state.services.settings.mode != "demo":
        raise NotFound


router = APIRouter(include_in_schema=False, dependencies=[Depends(in_demo_only)])


@dataclass(frozen=True, slots=True)
class Card:
    """One person's card. `window` names the browser window, so that a second click finds it again."""

    role: str
    name: str
    what: str
    href: str
    window: str


def _address(request: Request, settings: Settings, window: str, path: str) -> str:
    """Each person has a host of its own, `family.localhost`, because cookies do not tell ports or windows apart.

    Browsers take every `*.localhost` for this machine (RFC 6761 section 6.3). On a network it cannot be had:
    a telephone is one person.
    """
    host = request.url.hostname or ""
    if host in _LOCAL_HOSTS or host.endswith(".localhost"):
        scheme = "https" if settings.secure else "http"
        port = request.url.port or settings.port
        return f"{scheme}://{window}.localhost:{port}{path}"
    return path


@router.get("/demo")
async def people(request: Request, services: Svc) -> Response:
    cards = [
        Card(
            p.role, p.name, p.what, _address(request, services.settings, p.key, f"/demo/enter/{p.key}"), p.key
        )
        for p in demo.CARDS
    ]
    async with services.db.read() as session:
        visit = await demo.visit_due(session, demo.Cast.load(services.settings), clock.now())
    return render(request, "demo/people.html", people=cards, visit=visit)


@router.get("/demo/enter/{key}")
async def enter(request: Request, services: Svc, key: str) -> Response:
    """Signs in as one of the demo people. By GET: the click comes from another host of the demonstration."""
    card = next((card for card in demo.CARDS if card.key == key), None)
    if card is None:
        raise NotFound
    subject = demo.Cast.load(services.settings).subject(card.person)
    async with services.db.write() as session:
        token, _identity = await sessions.open_session(
            session, subject, strong=True, agent=request.headers.get("user-agent", "")[:200]
        )
    response = redirect(card.path)
    security.Cookies(services.settings).write(response, security.SESSION_COOKIE, token)
    return response


@router.get("/demo/outbox")
async def outbox(request: Request, services: Svc) -> Response:
    async with services.db.read() as session:
        latest = await notices.outbox.latest(session, limit=50)
    messages: list[dict[str, object]] = [
        {
            "at": notice.due_at,
            "address": notice.address,
            "text": notice.text,
            "state": notice.state,
            "lang": HTML_LANGS[notice.language],
        }
        for notice in latest
    ]
    return render(request, "demo/outbox.html", messages=messages)
