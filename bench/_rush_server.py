"""One server of the rush (`bench.rush`): its clients all pick and confirm at once. It prints a line when one is
through (`booked` or `refused`, how many picks it took, whose), and in the end what it all cost it. It begins when it
reads a line, so that its start is not measured.

python -m bench._rush_server URL SLOT,SLOT,… NAMES
"""

import asyncio
import random
import sys
import time
from pathlib import Path

import ledger.record
from core import settings as core_settings
from core.db import Database
from core.errors import Refused, Unavailable
from people.model import Role
from scheduler import service
from scheduler.model import VisitorChoice
from tests.scheduler.world import identity

_SLOTS = 12  # that a client tries before giving up
_TRIES = 20  # of one client, where two transactions stood in each other's way


async def _book(db: Database, slots: list[str], line: str) -> str:
    """Tries the slots, in an order of the client's own, until one is had; half of the demand is for a fifth of them."""
    relative_id, inmate_id, relationship_id = line.split()
    actor = identity("relative", relative_id, Role.RELATIVE)
    chance = random.Random(relative_id)
    hot = slots[: max(1, len(slots) // 5)]
    wanted = chance.sample(hot, len(hot)) + chance.sample(slots, len(slots))
    order = dict.fromkeys(wanted if chance.random() < 0.5 else reversed(wanted))
    picks = 0
    for slot_id in list(order)[:_SLOTS]:
        picks += 1
        for _ in range(_TRIES):
            try:
                async with db.write() as session:
                    held = await service.hold(session, actor, inmate_id, slot_id, slot_id)
                async with db.write() as session:
                    await service.request(session, actor, held.id, [VisitorChoice(relationship_id)], slot_id)
            except Refused:
                break
            except Unavailable:
                continue
            return f"booked {picks} {relative_id}"
    return f"refused {picks} {relative_id}"


async def _client(db: Database, slots: list[str], line: str) -> None:
    print(await _book(db, slots, line), flush=True)


async def main(url: str, slots: str, lines: list[str]) -> None:
    settings = core_settings.from_environment({}, mode="test", database_url=url)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begun = time.process_time()
    await asyncio.gather(*(_client(db, slots.split(","), line) for line in lines))
    print(f"cpu {time.process_time() - begun}", flush=True)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text().splitlines()))
