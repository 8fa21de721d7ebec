"""An officers' wall: one receive-only leg with up to 16 pictures of rooms of this node, small ones, without sound.

It is no seat: nobody in a room is told of it, it supervises nothing, it has no m-line for sound, and it never lowers
what people send. What is not on the screen is not sent: the page names each tile it shows, by a message of its own.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import ledger.record
from core import clock
from core.db import Database
from core.ids import Ref
from core.log import fields
from rooms import opening, words
from rooms.actions import Message
from rooms.client import Leg, LegFactory, MediaKind
from rooms.codec import ALL
from rooms.errors import BadSdp
from rooms.fitting import SMALL
from rooms.lines import TILES, media_lines
from rooms.model import SeatRole, Visit
from rooms.view import PROTOCOL_VERSION

_log = logging.getLogger(__name__)
MOST = 20  # walls at once on one node
_LINES = (frozenset({MediaKind.VIDEO}),) * TILES
_LOOK = 1.0  # seconds between two looks at who is there and what the line carries
Post = Callable[[str, Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Face:
    """Whose picture a tile can show now; `small`: it comes as a small one, too, or will in a moment."""

    leg: Leg
    small: bool


class Watched(Protocol):
    """A room that a wall can look into (`rooms.steward`)."""

    @property
    def visit(self) -> Visit: ...

    def face(self, *, inmate: bool) -> Face | None:
        """Who sits at that end and is connected."""

    def wanted_small(self, wall: str, legs: frozenset[str]) -> None:
        """A wall shows the small pictures of these legs from now on, and no others."""


class Wall:
    """One wall on one socket. `rooms`: those that run here now; `about`: the booking whose ticket opened it."""

    def __init__(
        self,
        conn: str,
        officer: Ref,
        about: Ref,
        post: Post,
        legs: LegFactory,
        db: Database,
        rooms: Callable[[], Iterable[Watched]],
    ) -> None:
        self.conn = conn
        self._officer = officer
        self._about = about
        self._post = post
        self._legs = legs
        self._db = db
        self._rooms = rooms
        self._leg: Leg | None = None
        self._tiles: dict[int, tuple[str, bool]] = {}  # line -> booking, the inmate's end
        self._shown: dict[int, tuple[str, bool]] = {}  # line -> leg, small
        self._seen: set[str] = set()  # bookings that were looked at: each is entered once
        self._over = asyncio.Event()
        self._code = "ended"

    async def run(self) -> None:
        """Until the socket leaves or the leg fails."""
        welcome = {
            "version": PROTOCOL_VERSION,
            "role": "wall",
            "seat": self.conn,
            "name": "",
            "publishes": [],
        }
        await self._send({"type": "welcome", **welcome, "visit": None})
        try:
            self._leg = await self._legs.open(
                self.conn, self, publishes=frozenset(), lines=_LINES, announce=False, also=ALL
            )
            lines = [line.message() for line in media_lines(frozenset(), _LINES, announce=False)]
            await self._send(
                {"type": "offer", "id": self.conn, "sdp": await self._leg.offer(), "lines": lines}
            )
            while not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), _LOOK)
                await self._show(self._leg)
        finally:
            for room in self._rooms():
                room.wanted_small(self.conn, frozenset())
            if self._leg is not None:
                await self._leg.close()
            await self._post(self.conn, {"op": "close", "code": self._code})

    async def take(self, message: Message) -> None:
        """`answer`, `tile` and `bye`; everything else is passed over."""
        if message["type"] == "bye":
            self.end()
        elif message["type"] == "answer" and self._leg is not None:
            try:
                await self._leg.accept(message["sdp"])
            except BadSdp as error:
                _log.info("< wall answer x bad %s", fields(conn=self.conn, why=error))
                text = words.say(error.text)
                await self._send({"type": "error", "code": error.code, "text": text, "fatal": False})
        elif message["type"] == "tile":
            await self._tile(message["line"], message["booking"], inmate=message["end"] == "inmate")

    def end(self, code: str = "ended") -> None:
        self._code = code
        self._over.set()

    async def _tile(self, line: int, booking: str, *, inmate: bool) -> None:
        self._tiles.pop(line, None)
        room = self._room(booking) if booking else None
        if booking and (room is None or not await self._may(room.visit)):
            await self._send({"type": "tile", "line": line, "shown": False, "code": "not-here"})
        elif booking:
            self._tiles[line] = (booking, inmate)
        if self._leg is not None:
            await self._show(self._leg)

    async def _show(self, leg: Leg) -> None:
        for line in self._look(leg):
            await self._send({"type": "tile", "line": line, "shown": False, "code": "other-coding"})

    async def _may(self, visit: Visit) -> bool:
        """An officer sees only their own prison's rooms, and of those none that no officer may see. Written down."""
        if visit.about.id in self._seen:
            return True
        async with self._db.write() as session:
            own, agreed = await opening.read(session, self._about), await opening.read(session, visit.about)
            power = agreed.topology.power(SeatRole.MONITOR)
            may = own.prison_id == agreed.prison_id and power is not None and bool(power.sees)
            tag = f"officer:wall:{'watched' if may else 'refused'}"
            ledger.record.record(session, tag, actor=self._officer, subject=visit.about)
        if may:
            self._seen.add(visit.about.id)
        return may

    def _look(self, leg: Leg) -> list[int]:
        """Shows what the tiles name, as far as the line carries it: the first tiles first. Answers the lines whose
        pictures have a coding that this browser cannot do, each once."""
        refused: list[int] = []
        down = leg.statistics().down
        room_for = TILES if down is None else max(1, down.bits // SMALL)
        wanted: dict[str, set[str]] = {}
        for line in range(TILES):
            face = self._face(line) if sum(number < line for number in self._tiles) < room_for else None
            if face is not None:
                wanted.setdefault(self._tiles[line][0], set()).add(face.leg.id)
            shown = (face.leg.id, face.small) if face is not None else None
            if shown != self._shown.get(line):
                publisher = face.leg if face is not None else None
                low = face is not None and face.small
                leg.show(line, publisher, audio=False, video=publisher is not None, low=low)
                if face is not None and not leg.can(face.leg.codec):
                    refused.append(line)
                self._shown.pop(line, None)
                if shown is not None:
                    self._shown[line] = shown
        for room in self._rooms():
            room.wanted_small(self.conn, frozenset(wanted.get(room.visit.about.id, ())))
        return refused

    def _face(self, line: int) -> Face | None:
        if line not in self._tiles:
            return None
        booking, inmate = self._tiles[line]
        room = self._room(booking)
        return room.face(inmate=inmate) if room is not None else None

    def _room(self, booking: str) -> Watched | None:
        return next((room for room in self._rooms() if room.visit.about.id == booking), None)

    async def _send(self, message: Message) -> None:
        await self._post(self.conn, {"op": "send", "message": message})

    # rooms.client.LegEvents

    def leg_connected(self, leg_id: str) -> None:
        _log.info("- wall %s", fields(conn=leg_id, at=clock.now()))

    def leg_lost(self, leg_id: str) -> None:
        """Its tiles stand still until it is back."""

    def leg_back(self, leg_id: str) -> None:
        """Pictures go on by themselves."""

    def leg_failed(self, leg_id: str) -> None:
        del leg_id
        self.end("not-connected")
