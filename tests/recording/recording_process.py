"""A process that records one visit in real time, to be killed or to run into a full disk.

    python -m tests.recording.recording_process DATA_DIR DATABASE_URL [LARGEST_FILE]

Prints a JSON line every 100 ms: how many seconds of media the recorder was given, and its troubles.
`LARGEST_FILE` in bytes: no file can grow beyond it (RLIMIT_FSIZE).
"""

import asyncio
import json
import resource
import signal
import sys
from pathlib import Path

import ledger.record
from core import clock
from core import settings as core_settings
from core.db import Database, Session
from core.ids import Ref
from recording.service import Recorders
from tests.recording.media import FakeLeg, Sender, in_order


async def prison(_session: Session, _booking_id: str) -> str:
    return "prison_1"


async def main(data_dir: str, database_url: str, largest: str = "0") -> None:
    settings = core_settings.from_environment(
        {}, mode="test", data_dir=Path(data_dir), database_url=database_url
    )
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    sender = Sender()
    wires = in_order(sender.video(8), sender.audio(8))
    if int(largest):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
    recorder = await Recorders(settings, db, "node_1", prison_of=prison).start("room_1", "bok_1")
    leg = FakeLeg("leg_1")
    recorder.add(leg, Ref("relative", "rel_1"), "relative", "Wang Guilan")
    recorder.mark("visit:started")
    began = clock.monotonic()
    given = 0
    while given < len(wires):
        now = clock.monotonic() - began
        due = given
        while due < len(wires) and wires[due].arrived <= now:
            due += 1
        leg.send(wires[given:due], began)
        given = due
        print(json.dumps({"given": now, "troubles": sorted(recorder.troubles)}), flush=True)
        await asyncio.sleep(0.1)
    await recorder.finish("over")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
