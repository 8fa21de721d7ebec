"""Whose people a matter concerns: those of the desk that holds it, or of the one that took over because it was late.
Who works at a desk that held it before may go on reading it."""

from sqlalchemy import select

from core.db import Session
from core.ids import Ref
from legalaid import case_file, clocks
from legalaid.tables import ClockEventRow, MatterClockRow
from people.model import Identity


async def holds(session: Session, actor: Identity, matter: Ref, at: str) -> bool:
    """Whether the actor works at the desk `at`, or at the one at which the matter's clock is now."""
    held = await clocks.of_matter(session, matter)
    return bool(await _mine(session, actor) & {at, held.desk_id if held else ""})


async def held(session: Session, actor: Identity, matter: Ref, at: str) -> bool:
    """Whether the actor works at the desk `at`, or at any that the matter has been at."""
    been = await session.scalars(
        select(ClockEventRow.desk_id)
        .join(MatterClockRow, MatterClockRow.id == ClockEventRow.clock_id)
        .where(MatterClockRow.of(matter.kind, matter.id))
    )
    return bool(await _mine(session, actor) & {at, *been})


async def _mine(session: Session, actor: Identity) -> set[str]:
    return {desk.id for desk in await case_file.desks_of(session, actor)}
