"""WHIP and WHEP sessions (RFC 9725, draft-ietf-wish-whep): a seat without a socket. See docs/protocol.md.

Each session is held by the process that took its POST, as a socket would be: it tells the room's node that it
lives and hears from it when it is over. A PATCH or DELETE may come to another process: it is asked over the
bus, on a channel whose name only the session's address gives away.
"""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from core import clock, ending
from core.bus import Bus, SlowSubscriberError, Subscription
from core.db import Database
from core.errors import KinbridgeError, NotFound
from core.ids import new_id
from core.log import fields
from rooms.codec import VideoCodec
from rooms.model import Purpose
from rooms.refusals import TicketInvalid
from rooms.tickets import Pass
from signaling import entering, fragment
from signaling.messages import Message
from signaling.protocol import NODE_SILENT_AFTER, SILENT_AFTER
from signaling.refused import NoIceRestart, PreconditionFailed, PreconditionNeeded, refusal

_log = logging.getLogger(__name__)
_ANSWER_WITHIN = 10.0  # seconds
_ASK_WITHIN = 2.0  # seconds for which another process may think
_TICK = 0.5  # seconds
_ALIVE_EVERY, _STAY_EVERY = 2.0, 30.0  # seconds, as of a socket
_RESTART_WITHIN = 1.5  # seconds for which the room's node may think, less than who asks us waits


@dataclass(frozen=True, slots=True)
class Opened:
    """`resource` is the last part of the session's address; `conn` names the seat's connection."""

    resource: str
    conn: str
    answer: str
    etag: str


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _channel(resource: str) -> str:
    return f"whip:{_digest(resource)}"


class Sessions:
    """Those that this process holds. `close` when it stops."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, ticket: str, offer: str, *, sends: bool) -> Opened:
        """Takes the ticket's seat with the device's offer; raises a refusal of docs/protocol.md."""
        entry = await entering.redeem(self._db, ticket)
        if entry.granted.purpose is not Purpose.SEAT:
            raise TicketInvalid
        session = _Session(self._db, self._bus, entry.granted, ticket, offer)
        begun: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(session.run(begun, sends=sends))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(entering.LOOK_FOR + _ANSWER_WITHIN):
                answer = await asyncio.shield(begun)
        except TimeoutError as error:
            task.cancel()
            raise entering.RoomMoved from error
        except asyncio.CancelledError:
            task.cancel()  # the device has gone before it had its answer
            raise
        return Opened(session.resource, session.conn, answer, session.etag)

    async def patch(
        self, resource: str, ticket: str, if_match: str | None, told: str
    ) -> tuple[str, str] | None:
        """Candidates, or an ICE restart: then our fragment and the new ETag. Raises a refusal."""
        answer = await self._ask(resource, "patch", ticket, if_match=if_match, fragment=told)
        return (answer["fragment"], answer["etag"]) if answer.get("fragment") else None

    async def delete(self, resource: str, ticket: str) -> None:
        """Leaves the seat on purpose. Raises a refusal."""
        await self._ask(resource, "delete", ticket)

    async def close(self) -> None:
        """Ends all sessions; their seats are told at once."""
        await ending.end(self._tasks)

    async def _ask(self, resource: str, op: str, ticket: str, **more: Any) -> Message:
        reply = f"whip:{secrets.token_hex(16)}"
        question = {"op": op, "reply": reply, "ticket": _digest(ticket), **more}
        async with self._bus.subscribe(reply) as replies:
            if await self._bus.publish(_channel(resource), question) == 0:
                raise NotFound
            try:
                async with asyncio.timeout(_ASK_WITHIN):
                    answer = await replies.get()
            except TimeoutError as error:
                raise NotFound from error
        if answer["code"]:
            raise refusal(answer["code"])
        return answer


class _Session:
    """One seat's connection without a socket."""

    def __init__(self, db: Database, bus: Bus, granted: Pass, ticket: str, offer: str) -> None:
        self.conn = new_id("conn")
        self.resource = secrets.token_urlsafe(32)
        self.etag = f'"{secrets.token_hex(8)}"'
        self._db = db
        self._bus = bus
        self._granted = granted
        self._ticket = _digest(ticket)
        self._offer = offer
        self._ufrags = fragment.ufrags(offer)
        self._restarting: asyncio.Future[str] | None = None
        self._node: str | None = None
        self._node_heard = clock.monotonic()
        self._alive = self._stay = 0.0  # when life was shown to the node, and to the session
        self._unheard: float | None = None  # since when the device is silent, once it was heard
        self._heard_once = False
        self._begun: asyncio.Future[str] | None = None
        self._over = asyncio.Event()
        self._bye = False

    async def run(self, begun: asyncio.Future[str], *, sends: bool) -> None:
        """Until it is over; `begun` gets the answer or the refusal."""
        self._begun = begun
        try:
            async with self._hearing():
                await self._attach(sends=sends)
                await self._live()
        except KinbridgeError as error:
            self._fail(error)
        except asyncio.CancelledError:
            self._fail(entering.RoomMoved())
            raise
        except Exception:  # noqa: BLE001 - our own fault: said so, and only this session ends
            _log.exception("x whip %s", fields(conn=self.conn))
            self._fail(KinbridgeError())
        finally:
            await self._leave()

    def _fail(self, error: KinbridgeError) -> None:
        if self._begun is not None and not self._begun.done():
            self._begun.set_exception(error)

    @contextlib.asynccontextmanager
    async def _hearing(self) -> AsyncIterator[None]:
        bus = self._bus
        async with (
            bus.subscribe(f"conn:{self.conn}") as node,
            bus.subscribe("session") as revoked,
            bus.subscribe(_channel(self.resource)) as asked,
        ):
            pairs = ((node, self._from_node), (revoked, self._revoked), (asked, self._asked))
            tasks = [asyncio.create_task(self._hear(told, take)) for told, take in pairs]
            try:
                yield
            finally:
                await ending.end(tasks)

    async def _hear(self, told: Subscription, take: Callable[[Message], Awaitable[None]]) -> None:
        try:
            async for message in told:
                try:
                    await take(message)
                except Exception:  # noqa: BLE001 - whatever it is, or the bus is away: the next one is heard
                    _log.exception("x whip %s", fields(conn=self.conn))
        except SlowSubscriberError:
            self._over.set()

    async def _attach(self, *, sends: bool) -> None:
        """As `signaling.endpoint` does: the room may still be on its way to being opened."""
        give_up = clock.monotonic() + entering.LOOK_FOR
        named = [codec.value for codec in VideoCodec if f"{codec}/90000" in self._offer.lower()]
        video = named or [codec.value for codec in VideoCodec]  # without pictures any coding will do
        message = entering.attachment(self.conn, self._granted, offer=self._offer, sends=sends, video=video)
        while clock.monotonic() < give_up:
            self._node = await entering.node_of(self._db, self._granted)
            if self._node is not None and await self._bus.publish(f"node:{self._node}", message) > 0:
                self._node_heard = clock.monotonic()
                return
            await asyncio.sleep(entering.LOOK_EVERY)
        raise entering.RoomMoved

    async def _live(self) -> None:
        self._alive = self._stay = clock.monotonic()
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._over.wait()
            now = clock.monotonic()
            if now - self._node_heard > NODE_SILENT_AFTER:
                raise entering.RoomMoved
            if self._unheard is not None and now - self._unheard > SILENT_AFTER:
                return
            try:
                await self._show_life(now)
            except entering.SessionEnded:
                raise
            except Exception as error:  # noqa: BLE001 - as of a socket: the bus or the database is away
                _log.warning("x alive %s", fields(conn=self.conn, error=repr(error)))

    async def _show_life(self, now: float) -> None:
        """As of a socket. Raises `SessionEnded`."""
        if now - self._alive >= _ALIVE_EVERY:
            self._alive = now
            await self._tell_node({"op": "alive", "conns": [self.conn]})
        if now - self._stay >= _STAY_EVERY:
            self._stay = now
            if not await entering.stay(self._db, self._granted.session_id):
                raise entering.SessionEnded

    async def _tell_node(self, message: Message) -> None:
        if self._node is not None:
            await self._bus.publish(f"node:{self._node}", message)

    async def _leave(self) -> None:
        if self._bye:
            await self._tell_node({"op": "message", "conn": self.conn, "message": {"type": "bye"}})
        await self._tell_node({"op": "detach", "conn": self.conn})

    # What is heard

    async def _from_node(self, told: Message) -> None:
        self._node_heard = clock.monotonic()
        if told["op"] == "close":
            self._fail(refusal(told["code"]))
            self._over.set()
        elif told["op"] == "send":
            self._told(told["message"])

    def _told(self, message: Message) -> None:
        if message["type"] == "answer" and self._begun is not None and not self._begun.done():
            self._begun.set_result(message["sdp"])
        elif message["type"] == "answer" and self._restarting is not None and not self._restarting.done():
            self._restarting.set_result(message["sdp"])
        elif message["type"] == "state":
            connected = any(person["you"] and person["connected"] for person in message["people"])
            if connected:
                self._unheard, self._heard_once = None, True
            elif self._heard_once and self._unheard is None:
                self._unheard = clock.monotonic()

    async def _revoked(self, message: Message) -> None:
        if message["session"] == self._granted.session_id:
            self._fail(entering.SessionEnded())
            self._over.set()

    async def _asked(self, question: Message) -> None:
        try:
            answer = {"code": "", **await self._answer(question)}
        except KinbridgeError as error:
            answer = {"code": error.code}
        await self._bus.publish(question["reply"], answer)
        if question["op"] == "delete" and not answer["code"]:
            self._bye = True
            self._over.set()

    async def _answer(self, question: Message) -> dict[str, str]:
        """Raises a refusal."""
        if not hmac.compare_digest(question["ticket"], self._ticket):
            raise TicketInvalid
        if question["op"] != "patch":
            return {}
        if question["if_match"] is None:
            raise PreconditionNeeded
        if question["if_match"] == "*":
            return await self._restart(question["fragment"])
        if self.etag not in [etag.strip() for etag in question["if_match"].split(",")]:
            raise PreconditionFailed
        if not fragment.ufrags(question["fragment"]) <= self._ufrags:
            raise NoIceRestart  # it says that it is about the present connection, and is not
        return {}

    async def _restart(self, told: str) -> dict[str, str]:
        """RFC 9725 section 4.3.3. The connection goes on by the old credentials until the new ones are used."""
        ufrag, password = fragment.credentials(told)
        if ufrag in self._ufrags:
            raise NoIceRestart
        self._restarting = asyncio.get_running_loop().create_future()
        message = {"type": "restart", "ufrag": ufrag, "password": password}
        await self._tell_node({"op": "message", "conn": self.conn, "message": message})
        try:
            async with asyncio.timeout(_RESTART_WITHIN):
                sdp = await self._restarting
        except TimeoutError as error:
            raise entering.RoomMoved from error
        self._ufrags, self.etag = frozenset((ufrag,)), f'"{secrets.token_hex(8)}"'
        return {"fragment": fragment.answer(sdp), "etag": self.etag}
