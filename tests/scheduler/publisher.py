"""Workers that publish, and are killed (SIGKILL) at a chosen moment: `inside` the transaction of the first proposal,
`after` one was committed, or when a `stale` one is about to be noted.

python publisher.py URL (moments are read line by line; each is answered by how its worker ended)
"""

import asyncio
import os
import signal
import sys
from functools import partial

import ledger.record
from core import clock
from core import settings as core_settings
from core.db import Database, Session
from core.errors import Refused
from core.ids import Ref
from scheduler import planner
from scheduler.plans import Proposal
from tests.scheduler import forked
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


async def _publish(url: str) -> None:
    clock.set_source(Standing())
    settings = core_settings.from_environment({}, mode="test", database_url=url)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    await planner.publish(db)


def _worker(url: str, moment: str) -> None:
    _deadly(moment)
    asyncio.run(_publish(url))


def main(url: str) -> None:
    for line in sys.stdin:
        print(forked.end_of(forked.off(partial(_worker, url, line.strip()))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
