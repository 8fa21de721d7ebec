"""What a route may ask for, as annotations: `db: Db`, `who: Who`, `services: Svc`, `who: staff(Role.X)`."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from core.bus import Bus
from core.db import Database
from core.errors import Forbidden, Unauthorised
from people.model import Identity, Role
from web.services import Services
from web.visitor import Visitor


def services(connection: HTTPConnection) -> Services:
    found: Services = connection.app.state.services
    return found


def db(connection: HTTPConnection) -> Database:
    return services(connection).db


def bus(connection: HTTPConnection) -> Bus:
    return services(connection).bus


def visitor(connection: HTTPConnection) -> Visitor:
    found: Visitor = connection.state.visitor
    return found


def maybe_who(connection: HTTPConnection) -> Identity | None:
    return visitor(connection).who


def who(connection: HTTPConnection) -> Identity:
    """Whoever is signed in; pages turn `Unauthorised` into the way to the sign-in page."""
    found = visitor(connection).who
    if found is None:
        raise Unauthorised
    return found


def staff(*roles: Role) -> Callable[[HTTPConnection], Identity]:
    """A dependency: signed in with a second factor, and carrying one of `roles`.

    Use as `Annotated[Identity, Depends(staff(Role.MONITOR, Role.ADMIN))]`.
    """

    def required(connection: HTTPConnection) -> Identity:
        found = who(connection)
        if not found.strong or not found.roles.intersection(roles):
            raise Forbidden
        return found

    return required


def relative(connection: HTTPConnection) -> Identity:
    """Somebody's family. Others are sent away: these pages are not about them."""
    found = who(connection)
    if Role.RELATIVE not in found.roles:
        raise Forbidden
    return found


def terminal(found: Annotated[Identity, Depends(who)]) -> Identity:
    """A screen in the prison, signed in with the key of an enrolled device."""
    if Role.TERMINAL not in found.roles:
        raise Forbidden
    return found


def attending(found: Annotated[Identity, Depends(who)]) -> Identity:
    """Who takes part in a visit: family, or the inmate at a terminal. Staff read of it elsewhere, and are entered."""
    if not found.roles & {Role.RELATIVE, Role.TERMINAL}:
        raise Forbidden
    return found


Svc = Annotated[Services, Depends(services)]
Db = Annotated[Database, Depends(db)]
TheBus = Annotated[Bus, Depends(bus)]
Who = Annotated[Identity, Depends(who)]
MaybeWho = Annotated[Identity | None, Depends(maybe_who)]
Relative = Annotated[Identity, Depends(relative)]
Terminal = Annotated[Identity, Depends(terminal)]
Attending = Annotated[Identity, Depends(attending)]
AtTheDoor = Annotated[Visitor, Depends(visitor)]
