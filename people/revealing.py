"""The whole number of a relative's document, which pages otherwise show masked: each look is an entry."""

from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref
from ledger.record import record
from people.means import Means
from people.model import Identity, Role
from people.relationships import relationship_for
from people.tables import RelativeRow


async def reveal_document(session: Session, means: Means, actor: Identity, relationship_id: str) -> str:
    """For approvers of the prison who compare it with the papers. Needs a write session.

    Raises `Forbidden` without a second factor, `NotFound` for another prison's.
    """
    if Role.APPROVER not in actor.roles or not actor.strong:
        raise Forbidden
    view = await relationship_for(session, actor, relationship_id)
    row = await session.get(RelativeRow, view.relative_id)
    if row is None:
        raise NotFound
    record(
        session,
        "officer:document:revealed",
        actor=actor.subject,
        subject=Ref("relative", row.id),
        relationship=view.id,
        minor=view.minor,
    )
    return means.documents.open(row.document_sealed, row.id).decode()
