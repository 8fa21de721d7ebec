"""Messages between processes: in this process by default, through Redis where it is configured.

Delivery is at most once and in order per channel; whoever needs certainty reads the database. A message is
a JSON object. Key table (all under `kinbridge:`):

    node:<node>     to the media node <node>: attach, detach, message (rooms.directory)
    conn:<conn>     to the socket <conn>: what the room tells it
    session         a session was revoked: {"session": id}
    whip:<digest>   to whoever holds a WHIP or WHEP session, and back to who asked (signaling.whip)
    limit:<key>     counters of `core.limits`
"""

import asyncio
import contextlib
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core import ending
from core.log import fields

_log = logging.getLogger(__name__)
Message = dict[str, Any]
_PREFIX = "kinbridge:"
_BACKLOG = 1024  # messages a slow subscriber may lag behind before its stream is ended


class SlowSubscriberError(Exception):
    """The subscriber did not keep up; it must read the present state anew."""


class Subscription:
    """An ordered stream of one channel's messages, from the moment it was made."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()
        self._broken = False

    def put(self, message: Message) -> None:
        if self._queue.qsize() >= _BACKLOG:
            self._broken = True
        else:
            self._queue.put_nowait(message)

    async def get(self) -> Message:
        """The next message; raises `SlowSubscriberError` after an overflow."""
        if self._broken and self._queue.empty():
            raise SlowSubscriberError
        return await self._queue.get()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Message:
        return await self.get()


class Bus(Protocol):
    """What the house needs of a bus."""

    async def publish(self, channel: str, message: Message) -> int:
        """Sends; answers how many subscribers there were (0: nobody listens)."""
        ...

    def subscribe(self, channel: str) -> contextlib.AbstractAsyncContextManager[Subscription]: ...
    async def ping(self) -> None: ...
    async def close(self) -> None: ...


class MemoryBus:
    """All in this process. Messages are copied through JSON, so that both buses behave alike."""

    def __init__(self) -> None:
        self._subscribers: dict[str, set[Subscription]] = defaultdict(set)

    async def publish(self, channel: str, message: Message) -> int:
        subscribers = self._subscribers.get(channel, set())
        text = json.dumps(message)
        for subscription in tuple(subscribers):
            subscription.put(json.loads(text))
        return len(subscribers)

    @contextlib.asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Subscription]:
        subscription = Subscription()
        self._subscribers[channel].add(subscription)
        try:
            yield subscription
        finally:
            self._subscribers[channel].discard(subscription)
            if not self._subscribers[channel]:
                del self._subscribers[channel]

    async def ping(self) -> None:
        return

    async def close(self) -> None:
        self._subscribers.clear()


class RedisBus:
    """Through Redis publish/subscribe; one connection carries all subscriptions of a process."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(url, decode_responses=True, health_check_interval=15)
        # A client of its own, without health checks: those read, and only `_read` may read here.
        # What is no text becomes no message: it would end the connection, and `_read` with it.
        self._listener: Redis = Redis.from_url(
            url, decode_responses=True, encoding_errors="replace", socket_keepalive=True
        )
        self._pubsub = self._listener.pubsub(ignore_subscribe_messages=False)
        self._commands = asyncio.Lock()  # two first commands at once would make two connections and lose one
        self._subscribers: dict[str, set[Subscription]] = defaultdict(set)
        self._ready: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._reader: asyncio.Task[None] | None = None

    @property
    def redis(self) -> Redis:
        """The connection itself, for what is kept beside the messages (`core.limits`)."""
        return self._redis

    async def publish(self, channel: str, message: Message) -> int:
        return int(await self._redis.publish(_PREFIX + channel, json.dumps(message)))

    @contextlib.asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Subscription]:
        subscription = Subscription()
        key = _PREFIX + channel
        self._subscribers[key].add(subscription)
        try:
            async with self._commands:
                await self._pubsub.subscribe(key)
                if self._reader is None:
                    self._reader = asyncio.create_task(self._read())
            await self._ready[key].wait()
            yield subscription
        finally:
            self._subscribers[key].discard(subscription)
            if not self._subscribers[key]:
                del self._subscribers[key]
                self._ready.pop(key, None)
                with contextlib.suppress(Exception):
                    async with self._commands:
                        if key not in self._subscribers:  # nobody came while we waited for our turn
                            await self._pubsub.unsubscribe(key)

    async def _read(self) -> None:
        while True:
            try:
                message = await self._pubsub.get_message(timeout=5)
            except (RedisError, OSError) as error:
                _log.warning("x redis %s", fields(error=repr(error)))
                await asyncio.sleep(0.5)  # redis-py subscribes again by itself when it reconnects
                continue
            if message is None:
                continue
            if message["type"] == "subscribe":
                self._ready[message["channel"]].set()
            elif message["type"] == "message":
                self._hand_out(message["channel"], message["data"])

    def _hand_out(self, channel: str, text: str) -> None:
        for subscription in tuple(self._subscribers.get(channel, ())):
            try:
                message = json.loads(text)
            except (ValueError, RecursionError):
                message = None
            if not isinstance(message, dict):  # nobody of the house; the reader of all channels goes on
                _log.warning("x message %s", fields(channel=channel))
                return
            subscription.put(message)

    async def ping(self) -> None:
        await self._redis.ping()

    async def close(self) -> None:
        if self._reader is not None:
            await ending.end([self._reader])
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        await self._listener.aclose()
        await self._redis.aclose()


def open_bus(redis_url: str) -> Bus:
    """The bus for `Settings.redis_url`; must be called in the running loop."""
    return RedisBus(redis_url) if redis_url else MemoryBus()
