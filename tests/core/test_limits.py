"""Limits count alike in memory and in Redis, forget when they should, and stay shut when they cannot count."""

import secrets
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.bus import Bus, MemoryBus, RedisBus
from core.errors import TooMany, Unavailable
from core.limits import MemoryLimiter, RedisLimiter, open_limiter
from tests.conftest import FakeClock


@pytest.fixture
def key() -> str:
    """One of this test's own: the tests share a Redis."""
    return secrets.token_hex(8)


async def test_lets_the_limit_through_and_no_more(bus: Bus, key: str) -> None:
    limiter = open_limiter(bus)
    for _ in range(3):
        await limiter.hit(key, 3, 60)
    with pytest.raises(TooMany) as refused:
        await limiter.hit(key, 3, 60)
    assert 0 < int(refused.value.params["retry_after"]) <= 60


async def test_keys_do_not_touch_each_other(bus: Bus, key: str) -> None:
    limiter = open_limiter(bus)
    await limiter.hit(f"{key} a", 1, 60)
    await limiter.hit(f"{key} b", 1, 60)
    with pytest.raises(TooMany):
        await limiter.hit(f"{key} a", 1, 60)


async def test_a_cleared_key_starts_again(bus: Bus, key: str) -> None:
    limiter = open_limiter(bus)
    await limiter.hit(key, 1, 60)
    await limiter.clear(key)
    await limiter.hit(key, 1, 60)


async def test_two_processes_on_one_redis_count_together(redis_url: str, key: str) -> None:
    first, second = RedisBus(redis_url), RedisBus(redis_url)
    try:
        await open_limiter(first).hit(key, 1, 60)
        with pytest.raises(TooMany):
            await open_limiter(second).hit(key, 1, 60)
    finally:
        await first.close()
        await second.close()


async def test_redis_forgets_by_itself_and_knows_no_telephone_number(redis_url: str, key: str) -> None:
    redis: Redis = Redis.from_url(redis_url, decode_responses=True)
    try:
        before = {str(name) async for name in redis.scan_iter("*")}
        await RedisLimiter(redis).hit(f"code:+8613800138000:{key}", 5, 90)
        keys = [str(name) async for name in redis.scan_iter("*") if str(name) not in before]
        assert len(keys) == 1
        assert "13800138000" not in keys[0]
        assert 80_000 < await redis.pttl(keys[0]) <= 90_000
    finally:
        await redis.aclose()


async def test_memory_forgets_after_the_window(clock: FakeClock) -> None:
    limiter = MemoryLimiter()
    await limiter.hit("one", 1, 60)
    clock.move(seconds=59)
    with pytest.raises(TooMany) as refused:
        await limiter.hit("one", 1, 60)
    assert refused.value.params["retry_after"] == 1
    clock.move(seconds=1)
    await limiter.hit("one", 1, 60)


async def test_memory_does_not_grow_for_ever(clock: FakeClock) -> None:
    limiter = MemoryLimiter()
    for number in range(10_001):
        await limiter.hit(f"key {number}", 1, 60)
    clock.move(seconds=61)
    await limiter.hit("another", 1, 60)
    assert len(limiter._counts) == 1


async def test_stays_shut_when_redis_is_away(tmp_path: Path) -> None:
    redis: Redis = Redis(unix_socket_path=str(tmp_path / "nobody.sock"), retry=Retry(NoBackoff(), 0))
    limiter = RedisLimiter(redis)
    with pytest.raises(Unavailable):
        await limiter.hit("one", 100, 60)
    with pytest.raises(Unavailable):
        await limiter.clear("one")
    await redis.aclose()


def test_the_memory_bus_gets_the_memory_limiter() -> None:
    assert isinstance(open_limiter(MemoryBus()), MemoryLimiter)
