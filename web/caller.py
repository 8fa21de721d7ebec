"""Where a request comes from, and the cookies that sign-in leaves behind."""

from typing import TYPE_CHECKING

from fastapi import Request
from starlette.responses import Response

from people import known
from people.means import Caller
from people.sessions import LIFETIMES
from people.signed_in import SignedIn
from web import security
from web.services import Services
from web.templating import redirect

if TYPE_CHECKING:
    from web.visitor import Visitor

DEVICE_COOKIE = "device"  # long-lived; tells a browser that an account knows from one it does not
_DEVICE_SECONDS = 400 * 24 * 3600  # the longest that browsers keep a cookie


def caller_of(request: Request) -> Caller:
    """The `Caller` of people's use cases. The peer's address is what uvicorn believes of it."""
    services: Services = request.app.state.services
    visitor: Visitor = request.state.visitor
    cookies = security.Cookies(services.settings)
    return Caller(
        network=request.client.host if request.client else "unknown",
        device=cookies.read(request, DEVICE_COOKIE) or known.new_token(),
        agent=request.headers.get("user-agent", ""),
        binding=cookies.read(request, security.STRANGER_COOKIE) or "",
        language=visitor.language,
    )


def let_in(response: Response, services: Services, caller: Caller, signed: SignedIn) -> None:
    """Sets the cookies of a new session; it lasts in the browser as long as it may at all."""
    cookies = security.Cookies(services.settings)
    longest = int(LIFETIMES[signed.identity.subject.kind].absolute.total_seconds())
    cookies.write(response, security.SESSION_COOKIE, signed.token, longest)
    cookies.write(response, DEVICE_COOKIE, caller.device, _DEVICE_SECONDS)


def welcome(services: Services, caller: Caller, signed: SignedIn, path: str) -> Response:
    """The way on after a sign-in page."""
    response = redirect(security.safe_path(path))
    let_in(response, services, caller, signed)
    return response
