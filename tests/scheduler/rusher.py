"""Processes of the rush: in each, its clients all pick and confirm at once; prints a word for each client.

python rusher.py URL SLOT NAMES... (a process for each file of names)
"""

import asyncio
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import ledger.record
from core import clock
from core import settings as core_settings
from core.db import Database
from core.errors import Refused
from people.model import Role
from scheduler import service
from scheduler.model import VisitorChoice
from tests.scheduler import forked
from tests.scheduler.world import identity


class Standing:
    """The fake clock's moment, for a process that has no fixtures."""

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


async def _book(db: Database, slot_id: str, line: str) -> str:
    relative_id, inmate_id, relationship_id = line.split()
    actor = identity("relative", relative_id, Role.RELATIVE)
    try:
        async with db.write() as session:
            held = await service.hold(session, actor, inmate_id, slot_id, "k")
        async with db.write() as session:
            await service.request(session, actor, held.id, [VisitorChoice(relationship_id)], "k")
    except Refused as refused:
        return "+".join(reason.code for reason in refused.reasons)
    return "booked"


async def _clients(url: str, slot_id: str, names: str) -> None:
    clock.set_source(Standing())
    settings = core_settings.from_environment({}, mode="test", database_url=url)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    lines = Path(names).read_text().splitlines()
    print(*await asyncio.gather(*(_book(db, slot_id, line) for line in lines)))
    await db.close()


def _process(url: str, slot_id: str, names: str) -> None:
    asyncio.run(_clients(url, slot_id, names))


def main(url: str, slot_id: str, *files: str) -> int:
    """0 if all of them ended well."""
    children = [forked.off(partial(_process, url, slot_id, names)) for names in files]
    return max(abs(forked.end_of(child)) for child in children)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
