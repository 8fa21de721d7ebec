"""Which prison an administrator's page is about: their own, or the one they chose."""

from core.db import Session
from people.model import Identity
from scheduler import repository as scheduler
from scheduler.model import Prison
from web import duty
from web.duty import Duty, NoPrison


async def duty_of(session: Session, who: Identity, chosen: str = "") -> tuple[Duty, list[Prison]]:
    """The prison in view, and those to choose from (none for who is bound to one).

    Raises `NoPrison` while no prison is set up.
    """
    if who.prison_id is not None:
        return await duty.at(session, who.prison_id), []
    prisons = await scheduler.prisons(session)
    if not prisons:
        raise NoPrison
    known = {prison.id for prison in prisons}
    return await duty.at(session, chosen if chosen in known else prisons[0].id), prisons
