"""Rate limits: so many hits of a key within so many seconds, counted from the first.

In memory for one process, in Redis where the bus is there, so that all processes count together. Keys are
digested first: they hold telephone numbers and addresses. When Redis is away, nothing is let through
(`Unavailable`): a door that cannot count stays shut.
"""

import hashlib
import math
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core import clock
from core.bus import Bus, RedisBus
from core.errors import TooMany, Unavailable

_PREFIX = "kinbridge:limit:"
_SWEEP_ABOVE = 10_000  # keys; the memory limiter forgets run-out ones when it holds more
# One step, so that a crash between counting and dating cannot leave a key that never runs out.
_HIT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


class Limiter(Protocol):
    """Counts hits."""

    async def hit(self, key: str, limit: int, seconds: float) -> None:
        """Counts one; raises `TooMany` with `retry_after` (whole seconds) above `limit`."""
        ...

    async def clear(self, key: str) -> None:
        """Forgets the hits of `key`, after a success."""
        ...


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _too_many(seconds: float) -> TooMany:
    return TooMany(retry_after=max(1, math.ceil(seconds)))


class MemoryLimiter:
    """For one process."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}  # digest -> hits, monotonic end of the window

    async def hit(self, key: str, limit: int, seconds: float) -> None:
        now = clock.monotonic()
        name = _digest(key)
        count, end = self._counts.get(name, (0, 0.0))
        if end <= now:
            count, end = 0, now + seconds
            self._sweep(now)
        self._counts[name] = (count + 1, end)
        if count + 1 > limit:
            raise _too_many(end - now)

    def _sweep(self, now: float) -> None:
        if len(self._counts) > _SWEEP_ABOVE:
            self._counts = {name: kept for name, kept in self._counts.items() if kept[1] > now}

    async def clear(self, key: str) -> None:
        self._counts.pop(_digest(key), None)


class RedisLimiter:
    """For all processes on one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._hit = redis.register_script(_HIT)

    async def hit(self, key: str, limit: int, seconds: float) -> None:
        try:
            count, left_ms = await self._hit(keys=[_PREFIX + _digest(key)], args=[int(seconds * 1000)])
        except (RedisError, OSError) as error:
            raise Unavailable from error
        if int(count) > limit:
            raise _too_many(int(left_ms) / 1000)

    async def clear(self, key: str) -> None:
        try:
            await self._redis.delete(_PREFIX + _digest(key))
        except (RedisError, OSError) as error:
            raise Unavailable from error


def open_limiter(bus: Bus) -> Limiter:
    """The limiter that fits `bus`: it shares the bus's Redis."""
    return RedisLimiter(bus.redis) if isinstance(bus, RedisBus) else MemoryLimiter()
