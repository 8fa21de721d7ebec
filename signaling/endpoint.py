"""The WebSocket `/signal`: drives one `Protocol`, and pipes between the client and the room's node.

Four things feed it (frames, the node's messages, revoked sessions, time), through one queue, so that they
are handled one after the other. The node may be this process or another: the way over the bus is the same.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any
from typing import Protocol as Interface
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from core import clock, ending
from core.bus import Bus, SlowSubscriberError
from core.db import Database
from core.errors import KinbridgeError
from core.ids import new_id
from core.log import fields
from core.settings import Settings
from rooms.tickets import Pass
from signaling import entering, turn
from signaling.messages import Message
from signaling.protocol import Close, Effect, Forward, Protocol, Redeem, Send

_log = logging.getLogger(__name__)
_TICK = 0.5  # seconds
_ALIVE_EVERY = 2.0  # seconds between two signs of life to the node
_STAY_EVERY = 30.0  # seconds between two looks at the session
_BACKLOG = 256  # inputs that may wait; a client that sends faster is read slower

Translate = Callable[[str, str, dict[str, Any]], str]
"""(language, English sentence, values for its `{names}`) -> the sentence in that language."""


class Services(Interface):
    """What of the web's services a socket uses."""

    @property
    def settings(self) -> Settings: ...
    @property
    def db(self) -> Database: ...
    @property
    def bus(self) -> Bus: ...


async def serve_socket(websocket: WebSocket, services: Services, translate: Translate) -> None:
    """One socket from its opening to its end. Raises nothing of what the other side does."""
    if not same_origin(websocket, services.settings):
        await websocket.close(4403)  # before it was accepted: HTTP 403
        return
    await websocket.accept()
    await _Socket(websocket, services, translate).run()


def same_origin(websocket: WebSocket, settings: Settings) -> bool:
    """Whether the page that opens the socket is ours: another site's page would bring the cookie, too."""
    origin = websocket.headers.get("origin", "")
    parts = urlsplit(origin)
    return bool(parts.netloc) and (
        parts.netloc == websocket.headers.get("host") or origin == settings.public_url
    )


class _Socket:
    def __init__(self, websocket: WebSocket, services: Services, translate: Translate) -> None:
        self._conn = new_id("conn")
        self._websocket = websocket
        self._services = services
        self._translate = translate
        self._protocol = Protocol(clock.monotonic())
        self._inputs: asyncio.Queue[Callable[[], list[Effect]] | None] = asyncio.Queue(_BACKLOG)
        self._node: str | None = None
        self._session_id = ""
        self._language = "zh"
        self._entry: entering.Entry | None = None
        self._entering: asyncio.Task[None] | None = None
        self._alive = self._stay = 0.0  # when life was shown to the node, and to the session
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        async with self._streams():
            try:
                while (handle := await self._inputs.get()) is not None:
                    if not await self._do(handle()):
                        break
            except (WebSocketDisconnect, RuntimeError):
                pass  # it went away while we were sending
            except Exception:  # noqa: BLE001 - our own fault: said so, and only this socket ends
                _log.exception("x socket %s", fields(conn=self._conn))
                with contextlib.suppress(Exception):
                    await self._do(self._protocol.fail("internal"))
            finally:
                await self._leave()

    @contextlib.asynccontextmanager
    async def _streams(self) -> AsyncIterator[None]:
        """All inputs; ended together."""
        bus = self._services.bus
        async with bus.subscribe(f"conn:{self._conn}") as told, bus.subscribe("session") as revoked:
            self._start(self._read())
            self._start(self._hear(told, self._from_node))
            self._start(self._hear(revoked, self._revoked))
            self._start(self._time())
            try:
                yield
            finally:
                await ending.end(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task

    # Inputs

    async def _read(self) -> None:
        while True:
            event = await self._websocket.receive()
            if event["type"] != "websocket.receive":
                await self._inputs.put(None)
                return
            text = event.get("text")
            data: str | bytes = text if text is not None else event.get("bytes") or b""
            await self._inputs.put(partial(self._protocol.frame, data, clock.monotonic()))

    async def _hear(self, told: Any, take: Callable[[Message], list[Effect]]) -> None:
        try:
            async for message in told:
                await self._inputs.put(partial(take, message))
        except SlowSubscriberError:
            await self._inputs.put(partial(self._protocol.fail, "room-moved"))

    def _from_node(self, message: Message) -> list[Effect]:
        return self._protocol.from_node(message, clock.monotonic())

    def _revoked(self, message: Message) -> list[Effect]:
        if self._session_id and message.get("session") == self._session_id:
            return self._protocol.fail("session-ended")
        return []

    async def _time(self) -> None:
        self._alive = self._stay = clock.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = clock.monotonic()
            await self._inputs.put(partial(self._protocol.tick, now))
            try:
                await self._show_life(now)
            except Exception as error:  # noqa: BLE001 - the bus or the database is away: time goes on all the same
                _log.warning("x alive %s", fields(conn=self._conn, error=repr(error)))

    async def _show_life(self, now: float) -> None:
        """To the node that its socket lives, to the session that it is used."""
        if self._node is not None and now - self._alive >= _ALIVE_EVERY:
            self._alive = now
            await self._tell_node({"op": "alive", "conns": [self._conn]})
        if self._session_id and now - self._stay >= _STAY_EVERY:
            self._stay = now
            if not await entering.stay(self._services.db, self._session_id):
                await self._inputs.put(partial(self._protocol.fail, "session-ended"))

    # Effects

    async def _do(self, effects: list[Effect]) -> bool:
        """Carries out; False: the socket is closed."""
        for effect in effects:
            if isinstance(effect, Send):
                await self._websocket.send_text(
                    json.dumps(self._localised(effect.message), ensure_ascii=False)
                )
            elif isinstance(effect, Forward):
                await self._tell_node({"op": "message", "conn": self._conn, "message": effect.message})
            elif isinstance(effect, Redeem):
                self._entering = self._start(self._enter(effect.ticket, effect.video))
            elif isinstance(effect, Close):
                await self._websocket.close(effect.code)
                return False
        return True

    async def _enter(self, ticket: str, video: Sequence[str]) -> None:
        try:
            self._entry = await entering.redeem(self._services.db, ticket)
            granted = self._entry.granted
            self._session_id, self._language = granted.session_id, granted.language
            await self._attach(granted, video)
        except KinbridgeError as refusal:
            code = refusal.code
            await self._inputs.put(partial(self._protocol.fail, code))
        except Exception:  # noqa: BLE001 - the database or the bus is down: said so, and come again
            _log.exception("x enter %s", fields(conn=self._conn))
            await self._inputs.put(partial(self._protocol.fail, "internal"))

    async def _attach(self, granted: Pass, video: Sequence[str]) -> None:
        """Finds the node and tells it of us; it may answer before `publish` returns, so we are open by then.

        A room that is due or was orphaned is being opened within seconds: so it is looked for, for a while.
        """
        give_up = clock.monotonic() + entering.LOOK_FOR
        while clock.monotonic() < give_up:
            self._node = await entering.node_of(self._services.db, granted)
            if self._node is not None:
                self._protocol.entered(clock.monotonic())
                message = entering.attachment(self._conn, granted, video=list(video))
                if await self._services.bus.publish(f"node:{self._node}", message) > 0:
                    return
            await asyncio.sleep(entering.LOOK_EVERY)
        raise entering.RoomMoved

    async def _tell_node(self, message: Message) -> None:
        if self._node is not None:
            await self._services.bus.publish(f"node:{self._node}", message)

    async def _leave(self) -> None:
        if self._entering is not None:  # or it would attach us after our leaving
            await ending.end([self._entering])
        if self._node is not None:
            await self._tell_node({"op": "detach", "conn": self._conn})
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(Exception):
                await self._websocket.close(1011)

    def _localised(self, message: Message) -> Message:
        """Every `words.say` in the language of the session; `welcome` with what only we know."""
        told: Message = self._say(message)
        if told["type"] == "welcome" and self._entry is not None:
            told["session_expires_in"] = self._entry.session_expires_in
            told["ice_servers"] = turn.ice_servers(self._services.settings, self._conn)
        return told

    def _say(self, value: Any) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"msgid", "params"}:
                return self._translate(self._language, value["msgid"], value["params"])
            return {key: self._say(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._say(part) for part in value]
        return value
