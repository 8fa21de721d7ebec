"""The device check: a leg of its own that sends back what it gets, and says once a second how that went.

It belongs to no visit: nothing of it is stored, nobody else is in it, and it ends by itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from core import clock
from core.log import fields
from rooms import words
from rooms.actions import Message
from rooms.client import Leg, LegFactory, MediaKind
from rooms.errors import BadSdp
from rooms.lines import media_lines
from rooms.quality import rate
from rooms.view import PROTOCOL_VERSION

_log = logging.getLogger(__name__)
LIMIT = 120.0  # seconds one check may last
MOST = 50  # at once on one node
_PUBLISHES = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})
Post = Callable[[str, Message], Awaitable[None]]


class Check:
    """One device check on one socket."""

    def __init__(self, conn: str, post: Post, legs: LegFactory) -> None:
        self.conn = conn
        self._post = post
        self._legs = legs
        self._leg: Leg | None = None
        self._connected = False
        self._over = asyncio.Event()
        self._code = "visit-over"

    async def run(self) -> None:
        """Until the socket leaves, the leg fails or the time is up."""
        await self._send(
            {
                "type": "welcome",
                "version": PROTOCOL_VERSION,
                "role": "check",
                "seat": self.conn,
                "name": "",
                "publishes": sorted(kind.value for kind in _PUBLISHES),
                "visit": None,
            }
        )
        try:
            self._leg = await self._legs.open(self.conn, self, publishes=_PUBLISHES, lines=1, loopback=True)
            lines = [line.message() for line in media_lines(_PUBLISHES, 1)]
            sdp = await self._leg.offer()
            await self._send({"type": "offer", "id": self.conn, "sdp": sdp, "lines": lines})
            until = clock.monotonic() + LIMIT
            while not self._over.is_set() and clock.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), 1.0)
                await self._report(self._leg)
        finally:
            if self._leg is not None:
                await self._leg.close()
            await self._post(self.conn, {"op": "close", "code": self._code})

    async def take(self, message: Message) -> None:
        """`answer`, `restart` and `bye` mean something here; everything else is passed over."""
        if message["type"] == "bye":
            self.end()
        elif message["type"] == "restart" and self._leg is not None:
            await self._send({"type": "offer", "id": self.conn, "sdp": await self._leg.restart()})
        elif message["type"] == "answer" and self._leg is not None:
            try:
                await self._leg.accept(message["sdp"])
            except BadSdp as error:
                _log.info("< check answer x bad %s", fields(conn=self.conn, why=error))
                text = words.say(error.text)
                await self._send({"type": "error", "code": error.code, "text": text, "fatal": False})

    def end(self, code: str = "ended") -> None:
        self._code = code
        self._over.set()

    async def _report(self, leg: Leg) -> None:
        seen = leg.statistics()
        await self._send(
            {
                "type": "check",
                "connected": self._connected,
                "quality": rate(seen).value,
                "round_trip_ms": seen.round_trip_ms,
                "jitter_ms": seen.jitter_ms,
                "loss_percent": seen.loss_percent,
                "packets_up": seen.packets_up,
                "lost_up": seen.lost_up,
                "packets_down": seen.packets_down,
            }
        )

    async def _send(self, message: Message) -> None:
        await self._post(self.conn, {"op": "send", "message": message})

    # rooms.client.LegEvents

    def leg_connected(self, leg_id: str) -> None:
        del leg_id
        self._connected = True

    def leg_lost(self, leg_id: str) -> None:
        del leg_id
        self._connected = False

    def leg_back(self, leg_id: str) -> None:
        del leg_id
        self._connected = True

    def leg_failed(self, leg_id: str) -> None:
        del leg_id
        self.end("not-connected")
