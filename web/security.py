"""What stands between a browser and the pages: headers, cookies, and the check against forged requests.

Forged requests (CSRF): each unsafe request shows a token that is an HMAC of a cookie the page cannot read:
the session's for whoever is signed in, a random one for strangers (so that nobody can be signed in against
their will). It comes as the form field `csrf` or as the header `X-CSRF-Token`. `Sec-Fetch-Site`, where the
browser sends it, must not name another site. Sockets are not covered: they need a ticket, which does.
"""

import hmac
import secrets
from typing import TYPE_CHECKING

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.responses import Response

from core.box import Box
from core.errors import Forbidden
from core.settings import Settings

if TYPE_CHECKING:
    from starlette.datastructures import FormData

BY_TICKET = ("/whip", "/whep")  # prefixes of addresses that look at no cookie: a header carries the ticket
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_YEAR = 365 * 24 * 3600

_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{kind} {sources}" for kind, sources in _SOURCES.items())
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": (
        "camera=(self), microphone=(self), screen-wake-lock=(self), fullscreen=(self), autoplay=(self), "
        "publickey-credentials-get=(self), publickey-credentials-create=(self), "
        "geolocation=(self), payment=(), usb=(), display-capture=(), browsing-topics=()"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Pages are about one person; nothing of them stays on a shared phone. Static files say otherwise.
    "cache-control": "private, no-store",
}
STRICT_TRANSPORT = ("strict-transport-security", f"max-age={_YEAR}")


class CsrfFailed(Forbidden):
    code = "csrf-failed"
    text = (
        "This page has been open for too long, or you have signed in or out in another window. "
        "Open it again and send it once more; nothing was changed."
    )


class Cookies:
    """The names of our cookies and how they are set: host-only, never readable by scripts, SameSite=Lax.

    Lax, not Strict: the link in a reminder must find its reader signed in. With HTTPS the `__Host-` prefix
    keeps other hosts of the domain from planting them.
    """

    def __init__(self, settings: Settings) -> None:
        self._secure = settings.secure
        self._prefix = "__Host-kinbridge-" if settings.secure else "kinbridge-"

    def read(self, connection: HTTPConnection, name: str) -> str | None:
        return connection.cookies.get(self._prefix + name)

    def write(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        """`max_age` in seconds; `None`: until the browser is closed."""
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=max_age,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response, name: str) -> None:
        response.delete_cookie(
            self._prefix + name, path="/", secure=self._secure, httponly=True, samesite="lax"
        )


SESSION_COOKIE = "session"
STRANGER_COOKIE = "stranger"  # the seed of a stranger's CSRF token
LANGUAGE_COOKIE = "language"
ELDER_COOKIE = "elder"
PREFERENCE_SECONDS = _YEAR


def new_seed() -> str:
    return secrets.token_urlsafe(24)


def csrf_token(settings: Settings, seed: str) -> str:
    """The token that belongs to a cookie's value."""
    return Box(settings.secret_key.get_secret_value(), "csrf").index(seed)


def seed_of(settings: Settings, connection: HTTPConnection) -> str | None:
    """The cookie the token of this browser is made from, if it has one."""
    cookies = Cookies(settings)
    return cookies.read(connection, SESSION_COOKIE) or cookies.read(connection, STRANGER_COOKIE)


async def check_csrf(connection: HTTPConnection) -> None:
    """Refuses forged requests; a dependency of the whole application. Raises `CsrfFailed`."""
    if not isinstance(connection, Request) or connection.method in SAFE_METHODS:
        return
    if connection.url.path.startswith(BY_TICKET):
        return
    settings: Settings = connection.app.state.services.settings
    seed = seed_of(settings, connection)
    given = connection.headers.get("x-csrf-token") or await _form_token(connection)
    site = connection.headers.get("sec-fetch-site", "same-origin")
    if (
        seed is None
        or site not in ("same-origin", "none")
        or not hmac.compare_digest(given.encode(), csrf_token(settings, seed).encode())
    ):
        raise CsrfFailed


async def _form_token(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith(FORM_TYPES):
        return ""
    form: FormData = await request.form()  # kept by the request: the page reads the same one again
    value = form.get("csrf")
    return value if isinstance(value, str) else ""


def safe_path(value: str | None, otherwise: str = "/") -> str:
    r"""A path of this site to go to next, or `otherwise`: never another host (`//host`, `/\\host`, `http:`)."""
    if not value or not value.startswith("/") or value.startswith(("//", "/\\")):
        return otherwise
    return otherwise if any(ord(c) < 32 for c in value) else value
