"""A worker that publishes, and is killed (SIGKILL) at a chosen moment: `inside` the transaction of the first proposal,
`after` one was committed, or when a `stale` one is about to be noted.

python publisher.py URL MOMENT
"""

import asyncio
import os
import signal
import sys

import ledger.record
from core import clock
from core import settings as core_settings
from core.db import Database, Session
from core.errors import Refused
from core.ids import Ref
from scheduler import planner
from scheduler.plans import Proposal
from tests.scheduler.rusher import Standing


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(moment: str) -> None:
    """Makes the planner die at that moment."""
    real, calls = planner.apply, []

    async def apply(session: Session, actor: Ref, proposal: Proposal) -> bool:
        calls.append(proposal.id)
        if moment == "after" and len(calls) == 2:
            _die()
        try:
            applied = await real(session, actor, proposal)
        except Refused:
            if moment == "stale":
                _die()
            raise
        if moment == "inside":
            await session.flush()
            _die()
        return applied

    planner.apply = apply


async def _main(url: str, moment: str) -> None:
    clock.set_source(Standing())
    settings = core_settings.from_environment({}, mode="test", database_url=url)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    _deadly(moment)
    await planner.publish(db)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
