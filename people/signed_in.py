"""What every way of signing in ends with."""

from dataclasses import dataclass

from core.db import Session
from core.ids import Ref
from people import known, sessions
from people.means import Caller
from people.model import Identity


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` goes into the session cookie and nowhere else."""

    token: str
    identity: Identity


async def sign_in(session: Session, caller: Caller, subject: Ref, *, strong: bool) -> SignedIn:
    """Opens the session and remembers the browser. A new token each time: none is fixed beforehand."""
    await known.remember(session, subject.id, caller.device)
    token, identity = await sessions.open_session(session, subject, strong=strong, agent=caller.agent)
    return SignedIn(token, identity)
