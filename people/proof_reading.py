"""Looking at a proof: each look is an entry in the ledger, and only those look who need to."""

from dataclasses import dataclass

from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from ledger.record import record
from people import proofs
from people.means import Means
from people.model import Identity, Role
from people.relationships import relationship_for
from people.tables import ProofRow


@dataclass(frozen=True, slots=True)
class ProofContent:
    """To be sent as it is, with its type, `nosniff`, and as an attachment if it is a PDF."""

    media_type: str
    data: bytes


async def read_proof(session: Session, means: Means, actor: Identity, proof_id: str) -> ProofContent:
    """For the family it belongs to, and officers of the prison (who decide, or compare faces).

    Needs a write session: the look is recorded. Raises `NotFound` for everybody else, and once it is deleted.
    """
    row = await session.get(ProofRow, proof_id)
    if row is None:
        raise NotFound
    view = await relationship_for(session, actor, row.relationship_id)
    data = await proofs.opened(means, row)
    who = "family" if Role.RELATIVE in actor.roles else "officer"
    record(
        session,
        f"{who}:proof:read",
        actor=actor.subject,
        subject=Ref("proof", row.id),
        relationship=view.id,
        minor=view.minor,
    )
    return ProofContent(row.media_type, data)
