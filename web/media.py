"""The media node: a host of rooms with real legs and real recorders, as part of a process."""

import asyncio

from core import ending
from core.bus import Bus
from core.db import Database
from core.ids import new_id
from core.settings import Settings
from recording.lookout import Lookout
from recording.service import Recorders
from rooms.host import Host
from signaling.peer import PeerFactory
from web.canary import Canary


class MediaNode:
    """`start` once, in a running loop; `stop` once. Between them this process hosts rooms."""

    def __init__(self, settings: Settings, db: Database, bus: Bus) -> None:
        self.peers = PeerFactory.of(settings)
        # The recordings' node is new at each start: by it one tells who writes, and what was left behind.
        self.recorders = Recorders(settings, db, new_id("node"))
        self.lookout = Lookout(db, settings.detector, self.recorders.stills)
        self.host = Host(settings, db, bus, self.peers, self.recorders)
        self.canary = Canary(db, bus, self.host, self.peers, settings.data_dir)
        self._beside: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Raises `core.errors.Unavailable` when the media port is taken."""
        await self.peers.start()
        await self.host.start()
        self._beside = [
            asyncio.create_task(self.canary.keep(), name="canary"),
            asyncio.create_task(self.lookout.run(), name="lookout"),
        ]

    async def stop(self) -> None:
        """Gives the rooms up, for another node or the next start to go on with."""
        await ending.end(self._beside)
        await self.host.stop()
        await self.recorders.close()
        await self.peers.close()
