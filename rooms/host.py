"""A media node: opens due rooms, runs each in a task of its own, and talks to sockets over the bus.

To this node, on `node:<node>` (conn: a socket's id):

    {"op": "attach", conn, room, seat}    a redeemed ticket for a seat; `video`: codings its device can do;
                                          `offer`, `sends`: it makes the offer itself (WHIP, WHEP)
    {"op": "check", conn}                 a redeemed ticket for a device check
    {"op": "wall", conn, room, person}    an officer's redeemed ticket for the wall of this room's node
    {"op": "message", conn, message}      a checked message of docs/protocol.md
    {"op": "detach", conn}                the socket is gone
    {"op": "alive", conns: [conn, …]}     the sockets of one process live; each 2 s

From it, on `conn:<conn>`: {"op": "send", message} · {"op": "close", code} · {"op": "alive"} each second.

A room that fails is given up alone: its people are told to come back, and it is opened anew from what is
stored. A node that cannot renew its leases lets go of everything before another may take it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from core import clock, ending
from core.bus import Bus, SlowSubscriberError
from core.db import Database
from core.ids import Ref, new_id
from core.log import fields
from core.settings import Settings
from rooms import directory, inbox, opening
from rooms.actions import Detached, Message, TopologyClosed
from rooms.checks import MOST, Check
from rooms.client import LegFactory, RecorderFactory
from rooms.codec import known
from rooms.directory import LeaseLostError
from rooms.items import Join
from rooms.running import RunningRoom
from rooms.wall import MOST as MOST_WALLS
from rooms.wall import Wall, Watched

_log = logging.getLogger(__name__)
BEAT = 1.0  # seconds between two signs of life, and two renewals of leases
_DEAF = 6.0  # seconds without a sign of life after which a socket is taken for gone
_SHARE = 3.0  # seconds for which a busier node leaves a new room to others
_WATCH = 1.0  # seconds between two looks at what running rooms are for


class Host:
    """Needs a running loop. `start` once, `stop` once."""

    def __init__(
        self, settings: Settings, db: Database, bus: Bus, legs: LegFactory, recorders: RecorderFactory
    ) -> None:
        self._name = directory.node_name(settings.data_dir)
        self._db = db
        self._bus = bus
        self._legs = legs
        self._recorders = recorders
        self.rooms: dict[str, RunningRoom] = {}  # by room id
        self.steps: Counter[str] = Counter()  # changes of pictures by where they went
        self._checks: dict[str, Check | Wall] = {}  # by conn
        self._conns: dict[str, RunningRoom] = {}
        self._heard: dict[str, float] = {}  # conn -> monotonic second of its last sign of life
        self._seen: dict[Ref, float] = {}  # candidate -> since when
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, asyncio.Task[None]] = {}  # by room id
        self._renewed = 0.0
        self._stopping = False
        self._ops: dict[str, Callable[[Message], Awaitable[None]]] = {
            "attach": self._attach,
            "check": self._check,
            "wall": self._wall,
            "message": self._message,
            "detach": self._detach,
            "alive": self._alive,
        }

    @property
    def node_id(self) -> str:
        return self._name.id

    async def start(self) -> None:
        """Takes over at once what a dead process of this name left behind."""
        self._renewed = clock.monotonic()
        async with self._db.write() as session:
            await directory.release_all(session, self.node_id)
            await directory.beat(session, self.node_id, 0)
        listening = asyncio.Event()
        listener = self._spawn(self._listen(listening))
        listener.add_done_callback(lambda _: listening.set())
        await listening.wait()
        if listener.done():  # it never ends by itself: the bus does not answer
            await listener
        self._spawn(self._every(BEAT, self._renew))
        self._spawn(self._every(BEAT, self._sign))
        self._spawn(self._every(BEAT, self.open_due))
        self._spawn(self._every(_WATCH, self._watch_bookings))

    async def stop(self) -> None:
        """Gives every room up so that another node, or this one after its restart, goes on with it."""
        self._stopping = True
        for check in tuple(self._checks.values()):
            check.end("room-moved")
        for running in tuple(self.rooms.values()):
            await self._give_up(running, release=True)
        await ending.end(self._tasks)
        self._name.release()

    # Rooms

    async def open_due(self) -> None:
        """Opens what should run and does not."""
        async with self._db.read() as session:
            wanted = await opening.candidates(session)
            others = [rooms for node, rooms in await directory.nodes(session) if node != self.node_id]
        since = clock.monotonic()
        self._seen = {about: self._seen.get(about, since) for about in wanted}
        for about in wanted:
            fresh = since - self._seen[about] < _SHARE
            if fresh and others and len(self.rooms) > min(others):
                continue  # a less busy node will take it; if none does, we do
            await self.open(about)

    async def open(self, about: Ref) -> None:
        """Claims and runs its room here, unless another node has it. What goes wrong is logged."""
        try:
            async with self._db.write() as session:
                opened = await opening.open_room(session, about, self.node_id)
        except Exception:  # noqa: BLE001 - one room that cannot be opened is not the end of the others
            _log.exception("x open %s", fields(about=str(about)))
            return
        if opened is None or self._stopping:
            return
        running = RunningRoom(
            opened.room, opened.claim, self._db, self._post, self._legs, self._recorders, self.steps
        )
        self.rooms[opened.claim.room_id] = running
        _log.info("- room opened %s", fields(room=opened.claim.room_id, epoch=opened.claim.epoch))
        self._running[opened.claim.room_id] = self._spawn(self._run(running))

    async def _run(self, running: RunningRoom) -> None:
        try:
            await running.run()
        except Exception as error:  # noqa: BLE001 - the room alone pays for it: given up, then opened anew
            _log.exception("x room %s", fields(room=running.claim.room_id))
            await self._give_up(running, release=not isinstance(error, LeaseLostError))
        else:
            self._forget(running)
            self._running.pop(running.claim.room_id, None)

    async def _give_up(self, running: RunningRoom, *, release: bool) -> None:
        if not self._forget(running):
            return
        task = self._running.pop(running.claim.room_id, None)
        if task is not None and task is not asyncio.current_task():
            await ending.end([task])
        try:
            await running.abandon("room-moved")
            if release:
                async with self._db.write() as session:
                    await directory.release(session, running.claim)
        except Exception:  # noqa: BLE001 - the lease ends by itself
            _log.exception("x release %s", fields(room=running.claim.room_id))

    def _forget(self, running: RunningRoom) -> bool:
        if self.rooms.get(running.claim.room_id) is not running:
            return False
        del self.rooms[running.claim.room_id]
        for conn in [conn for conn, room in self._conns.items() if room is running]:
            del self._conns[conn]
            self._heard.pop(conn, None)
        return True

    async def _renew(self) -> None:
        """Holds all leases and stores the used time of all rooms, in one transaction."""
        lost: list[RunningRoom] = []
        try:
            async with asyncio.timeout(directory.FENCE), self._db.write() as session:
                await directory.beat(session, self.node_id, len(self.rooms))
                for running in tuple(self.rooms.values()):
                    if not running.ended:
                        try:
                            await directory.renew(session, running.claim, running.clock, running.counted_till)
                        except LeaseLostError:
                            lost.append(running)
            self._renewed = clock.monotonic()
        except Exception:  # noqa: BLE001 - tried again in a second, until the fence
            _log.exception("x renew")
            if clock.monotonic() - self._renewed > directory.FENCE:
                lost = list(self.rooms.values())
        for running in lost:
            _log.error("x lease lost %s", fields(room=running.claim.room_id))
            await self._give_up(running, release=False)

    async def _watch_bookings(self) -> None:
        """Cancelled, longer, or more closed than before: the last is another room, opened anew at once."""
        for running in tuple(self.rooms.values()):
            async with self._db.read() as session:
                changes = await opening.changes(session, running.visit, running.seats)
            for change in changes:
                if isinstance(change, TopologyClosed):
                    await self._give_up(running, release=True)
                    await self.open(running.visit.about)
                else:
                    running.put(change)

    # The bus

    async def _listen(self, listening: asyncio.Event) -> None:
        """For ever. Raises what the bus says at the start alone; later it is tried again."""
        while True:
            try:
                async with self._bus.subscribe(f"node:{self.node_id}") as messages:
                    listening.set()
                    async for message in messages:
                        await self._take(message)
            except SlowSubscriberError:
                _log.error("x bus: too slow, every socket is to come back")
                for running in tuple(self.rooms.values()):
                    await self._give_up(running, release=True)
            except Exception:  # whatever is the matter with the bus: a node that does not listen is no node
                if not listening.is_set():
                    raise
                _log.exception("x bus")
                await asyncio.sleep(BEAT)

    async def _take(self, message: Message) -> None:
        try:
            await self._ops[message["op"]](message)
        except Exception:  # noqa: BLE001 - one bad message is not the end of the others
            _log.exception("x bus %s", fields(op=message.get("op"), conn=message.get("conn")))

    async def _attach(self, message: Message) -> None:
        conn, running = message["conn"], self.rooms.get(message["room"])
        if running is None or running.ended:
            code = "room-moved" if running is None else "visit-over"
            await self._post(conn, {"op": "close", "code": code})
            return
        self._conns[conn] = running
        self._heard[conn] = clock.monotonic()
        codecs, offer = known(message.get("video", ())), message.get("offer", "")
        sends, language = message.get("sends", True), message.get("language", "zh")
        running.put(Join(conn, message["seat"], codecs, offer, sends=sends, language=language))

    async def _check(self, message: Message) -> None:
        conn = message["conn"]
        await self._open_apart(Check(conn, self._post, self._legs), MOST)

    async def _wall(self, message: Message) -> None:
        """A redeemed ticket of an officer for the wall of the node that has this room."""
        conn, room = message["conn"], self.rooms.get(message["room"])
        if room is None:
            await self._post(conn, {"op": "close", "code": "room-moved"})
            return
        officer, about = Ref(*message["person"]), room.visit.about
        wall = Wall(conn, officer, about, self._post, self._legs, self._db, self._watched)
        await self._open_apart(wall, MOST_WALLS)

    def _watched(self) -> list[Watched]:
        return [running.steward for running in self.rooms.values()]

    async def _open_apart(self, check: Check | Wall, most: int) -> None:
        """What has a leg and belongs to no room."""
        if sum(type(other) is type(check) for other in self._checks.values()) >= most:
            await self._post(check.conn, {"op": "close", "code": "too-many"})
            return
        self._checks[check.conn] = check
        self._heard[check.conn] = clock.monotonic()
        self._spawn(self._run_check(check))

    async def _run_check(self, check: Check | Wall) -> None:
        try:
            await check.run()
        except Exception:  # noqa: BLE001 - the person is told by the closing of the socket
            _log.exception("x check %s", fields(conn=check.conn))
        finally:
            self._checks.pop(check.conn, None)
            self._heard.pop(check.conn, None)

    async def _message(self, message: Message) -> None:
        conn = message["conn"]
        if (check := self._checks.get(conn)) is not None:
            await check.take(message["message"])
        elif (running := self._conns.get(conn)) is not None:
            item = inbox.item(conn, message["message"])
            if item is not None:
                running.put(item)

    async def _detach(self, message: Message) -> None:
        conn = message["conn"]
        self._heard.pop(conn, None)
        if (check := self._checks.get(conn)) is not None:
            check.end()
        if (running := self._conns.pop(conn, None)) is not None:
            running.put(Detached(conn))

    async def _alive(self, message: Message) -> None:
        now = clock.monotonic()
        self._heard.update((conn, now) for conn in message["conns"] if conn in self._heard)

    async def _post(self, conn: str, message: Message) -> None:
        await self._bus.publish(f"conn:{conn}", message)

    async def _sign(self) -> None:
        """Tells every socket that its node lives, and takes leave of those that were not heard for long."""
        now = clock.monotonic()
        for conn, heard in tuple(self._heard.items()):
            if now - heard > _DEAF:
                await self._detach({"conn": conn})
            else:
                await self._post(conn, {"op": "alive"})

    # Tasks

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 - tried again at the next turn
                _log.exception("x %s", work.__name__)
            await asyncio.sleep(seconds)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def new_conn() -> str:
    """The id of a socket."""
    return new_id("conn")
