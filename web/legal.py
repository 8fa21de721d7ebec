"""Legal aid for the pages: its means, and the inmate who stands at a terminal with a personal code.

Who stands there is kept in a sealed cookie that ends after a quarter of an hour, with the terminal's session,
or when "I am finished" is touched. The cookie opens for that one session only.
"""

import base64
import binascii
import json
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.responses import Response

from core import clock
from core.box import Box, BrokenBoxError
from core.ids import Ref
from legalaid.means import LegalMeans
from legalaid.model import AtDesk
from people.model import Identity
from policy.lights import Colour
from web import security
from web.deps import Terminal, Who, services
from web.i18n import N_
from web.services import Services

DESK_COOKIE = "legal-desk"
DESK_SECONDS = 900

# How the light of a clock is called: (tone of the components, sentence).
LIGHTS: dict[Colour, tuple[str, str]] = {
    Colour.GREEN: ("green", N_("In time")),
    Colour.YELLOW: ("yellow", N_("Due soon")),
    Colour.RED: ("red", N_("Overdue")),
}


def means_of(services_: Services) -> LegalMeans:
    return LegalMeans.of(services_.settings.secret_key.get_secret_value(), services_.means.limiter)


def _box(services_: Services) -> Box:
    return Box(services_.settings.secret_key.get_secret_value(), "legal-desk")


def open_desk(response: Response, services_: Services, who: Identity, desk: AtDesk) -> None:
    """Keeps the desk open for a quarter of an hour."""
    until = clock.now().timestamp() + DESK_SECONDS
    content = json.dumps([desk.inmate_id, desk.prison_id, desk.generation, until]).encode()
    sealed = _box(services_).seal(content, who.session_id)
    value = base64.urlsafe_b64encode(sealed).decode()
    security.Cookies(services_.settings).write(response, DESK_COOKIE, value, DESK_SECONDS)


def close_desk(response: Response, services_: Services) -> None:
    security.Cookies(services_.settings).clear(response, DESK_COOKIE)


def desk_of(request: Request, who: Who) -> AtDesk | None:
    """The inmate at this terminal, or None: nobody, too long ago, or under another session."""
    found = services(request)
    value = security.Cookies(found.settings).read(request, DESK_COOKIE)
    if not value:
        return None
    try:
        sealed = base64.urlsafe_b64decode(value.encode())
        inmate_id, prison_id, generation, until = json.loads(_box(found).open(sealed, who.session_id))
    except (BrokenBoxError, binascii.Error, ValueError):
        return None
    if clock.now().timestamp() >= until:
        return None
    return AtDesk(inmate_id, prison_id, generation, Ref("terminal", who.subject.id))


Desk = Annotated[AtDesk | None, Depends(desk_of)]


def at_desk(_who: Terminal, desk: Desk) -> AtDesk:
    """The inmate at this terminal; where nobody has shown a personal code, or too long ago, the page is its door."""
    if desk is None:
        raise HTTPException(303, headers={"location": "/terminal/lawyer"})
    return desk


Inmate = Annotated[AtDesk, Depends(at_desk)]
