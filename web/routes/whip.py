"""WHIP and WHEP for devices without a page (docs/protocol.md): a ticket instead of a session cookie.

Nothing here looks at cookies, so nothing can be done in the name of whoever's browser is asked; and no answer
allows another origin.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response

from core.errors import TooLarge
from signaling import turn
from signaling.refused import NotSdp, TokenNeeded
from signaling.sdp import LARGEST
from signaling.whip import Sessions
from web.deps import Svc

router = APIRouter(include_in_schema=False)
_SDP, _FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"


def _sessions(request: Request) -> Sessions:
    found: Sessions = request.app.state.whip
    return found


def _ticket(authorization: Annotated[str, Header()] = "") -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenNeeded
    return token.strip()


Held = Annotated[Sessions, Depends(_sessions)]
Ticket = Annotated[str, Depends(_ticket)]


async def _body(request: Request, kind: str) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise NotSdp
    data = await request.body()
    if len(data) > LARGEST:
        raise TooLarge
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NotSdp from error


@router.post("/whip")
@router.post("/whep")
async def begin(request: Request, ticket: Ticket, held: Held, services: Svc) -> Response:
    """Takes the ticket's seat with the offer in the body (RFC 9725 section 4.2)."""
    offer, path = await _body(request, _SDP), request.url.path
    opened = await held.open(ticket, offer, sends=path == "/whip")
    response = Response(opened.answer, 201, {"location": f"{path}/{opened.resource}"}, _SDP)
    response.headers["etag"] = opened.etag
    response.headers["cache-control"] = "no-store"
    for server in turn.ice_servers(services.settings, opened.conn):
        for url in server["urls"]:
            response.headers.append(
                "link",
                f'<{url}>; rel="ice-server"; username="{server["username"]}"; '
                f'credential="{server["credential"]}"; credential-type="password"',
            )
    return response


@router.patch("/whip/{resource}")
@router.patch("/whep/{resource}")
async def trickle(
    request: Request,
    resource: str,
    ticket: Ticket,
    held: Held,
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Candidates of the device, which a lite agent does not need (RFC 9725 section 4.3.2), or its ICE restart."""
    restarted = await held.patch(resource, ticket, if_match, await _body(request, _FRAGMENT))
    if restarted is None:
        return Response(status_code=204)
    fragment, etag = restarted
    return Response(fragment, 200, {"etag": etag, "cache-control": "no-store"}, _FRAGMENT)


@router.delete("/whip/{resource}")
@router.delete("/whep/{resource}")
async def end(resource: str, ticket: Ticket, held: Held) -> Response:
    """Leaves the seat on purpose (RFC 9725 section 4.4.2)."""
    await held.delete(resource, ticket)
    return Response(status_code=200)


@router.options("/whip")
@router.options("/whep")
async def preflight() -> Response:
    """What may be sent; no origin is allowed, so another site's page goes no further."""
    return Response(status_code=204, headers={"accept-post": _SDP})


@router.options("/whip/{resource}")
@router.options("/whep/{resource}")
async def session_preflight(resource: str) -> Response:
    """The same of every address of a session, whether there is one or not."""
    del resource
    return Response(status_code=204, headers={"accept-patch": _FRAGMENT})
