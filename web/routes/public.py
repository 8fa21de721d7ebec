"""Pages for everybody: what this is, privacy; and how a page looks, for strangers too."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from people import accounts
from people.model import Role
from web import i18n, security
from web.deps import MaybeWho, Svc
from web.forms import Text
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

# Where somebody belongs; the first role that fits decides.
HOMES = {
    Role.TERMINAL: "/terminal",
    Role.RELATIVE: "/home",
    Role.MONITOR: "/staff",
    Role.APPROVER: "/staff",
    Role.ADMIN: "/staff",
    Role.COUNSEL: "/staff",
    Role.AUDITOR: "/staff",
}


@router.get("/")
async def landing(request: Request, who: MaybeWho) -> Response:
    if who is not None:
        return redirect(next(path for role, path in HOMES.items() if role in who.roles))
    return render(request, "public/landing.html")


@router.get("/privacy")
async def privacy(request: Request, services: Svc) -> Response:
    return render(request, "public/privacy.html", recording_days=services.settings.recording_days)


@router.post("/language")
async def language(
    services: Svc,
    who: MaybeWho,
    language: Text = "",
    next: Text = "/",  # noqa: A002 - the form's field
) -> Response:
    """Kept in the account of a relative, and by this browser for everybody else."""
    chosen = i18n.language_of(language)
    if who is not None and Role.RELATIVE in who.roles:
        async with services.db.write() as session:
            await accounts.set_language(session, who, chosen)
    return _remembered(services, security.LANGUAGE_COOKIE, chosen, next)


@router.post("/elder")
async def elder(
    services: Svc,
    who: MaybeWho,
    elder: Text = "",
    next: Text = "/",  # noqa: A002 - the form's field
) -> Response:
    """Larger text and targets, kept likewise."""
    if who is not None and Role.RELATIVE in who.roles:
        async with services.db.write() as session:
            await accounts.set_elder(session, who, elder == "1")
    return _remembered(services, security.ELDER_COOKIE, "1" if elder == "1" else "0", next)


def _remembered(services: Services, cookie: str, value: str, path: str) -> Response:
    response = redirect(security.safe_path(path))
    security.Cookies(services.settings).write(response, cookie, value, security.PREFERENCE_SECONDS)
    return response


@router.get("/robots.txt")
async def robots() -> PlainTextResponse:
    """The landing page may be found; nothing else is for search engines."""
    return PlainTextResponse("User-agent: *\nAllow: /$\nDisallow: /\n")
