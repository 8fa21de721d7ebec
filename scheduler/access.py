"""Who acts, and whether they may. Officers see their own prison only; what is not theirs is not there."""

from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref
from people.model import Identity, Role
from scheduler import repository
from scheduler.model import BookingView

Actor = Identity | Ref  # a Ref acts for the platform itself (core.ids.SYSTEM)

# The first part of a ledger tag, by kind of the acting subject.
_TAG_OF = {
    "relative": "family",
    "terminal": "inmate",
    "officer": "officer",
    "counsel": "counsel",
    "admin": "admin",
}
DECIDERS = frozenset({Role.APPROVER, Role.ADMIN})
SUPERVISORS = frozenset({Role.APPROVER, Role.MONITOR, Role.ADMIN})


def ref(actor: Actor) -> Ref:
    return actor if isinstance(actor, Ref) else actor.subject


def tag(actor: Actor, rest: str) -> str:
    """The ledger tag for what `actor` did; `rest` is `object:action`."""
    return f"{_TAG_OF.get(ref(actor).kind, 'system')}:{rest}"


def relative_id(actor: Identity) -> str:
    """The acting relative; raises `Forbidden` for anybody else."""
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    return actor.subject.id


def require(actor: Actor, prison_id: str, roles: frozenset[Role]) -> None:
    """Raises `Forbidden` without one of the roles, `NotFound` for another prison. The platform may."""
    if isinstance(actor, Ref):
        return
    if actor.roles.isdisjoint(roles):
        raise Forbidden
    if not covers(actor, prison_id):
        raise NotFound


def covers(actor: Identity, prison_id: str) -> bool:
    """Whether staff of this account look after that prison; an account of no prison covers all."""
    return actor.prison_id is None or actor.prison_id == prison_id


def in_the_name_of(relative_id: str) -> Identity:
    """The family, where the platform books what they asked for in a wish, or keeps a time that it offers them."""
    return Identity(
        session_id="",
        subject=Ref("relative", relative_id),
        roles=frozenset({Role.RELATIVE}),
        name="",
        language="zh",
        elder=False,
        prison_id=None,
        strong=False,
    )


def booking_ref(booking_id: str) -> Ref:
    return Ref("booking", booking_id)


async def may_see(session: Session, actor: Actor, booking: BookingView) -> bool:
    """Who asked or comes, supervising staff of the prison, the terminal it is assigned to, the platform."""
    if isinstance(actor, Ref):
        return True
    if Role.RELATIVE in actor.roles:
        people = {booking.requested_by, *(v.person.id for v in booking.visitors if v.person is not None)}
        return actor.subject.id in people
    if Role.TERMINAL in actor.roles:
        terminal = await repository.terminal_of_device(session, actor.subject.id)
        return terminal is not None and terminal.id == booking.terminal_id
    return not actor.roles.isdisjoint(SUPERVISORS) and covers(actor, booking.prison_id)
