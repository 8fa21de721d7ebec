"""The bus, in memory and through Redis: the same behaviour."""

import asyncio

import pytest

from core.bus import Bus, MemoryBus, RedisBus, SlowSubscriberError, open_bus


async def test_messages_arrive_in_order_at_every_subscriber(bus: Bus) -> None:
    async with bus.subscribe("a") as one, bus.subscribe("a") as two, bus.subscribe("b") as other:
        for number in range(20):
            assert await bus.publish("a", {"n": number}) >= 1
        await bus.publish("b", {"n": "b"})
        for subscription in (one, two):
            assert [(await subscription.get())["n"] for _ in range(20)] == list(range(20))
        assert await other.get() == {"n": "b"}


async def test_nobody_listening_is_told(bus: Bus) -> None:
    assert await bus.publish("nowhere", {}) == 0
    async with bus.subscribe("somewhere"):
        assert await bus.publish("somewhere", {}) == 1
    for _ in range(100):  # Redis hears of the end a moment later
        if await bus.publish("somewhere", {}) == 0:
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the subscription did not end")


async def test_a_channel_can_be_left_and_entered_again(bus: Bus) -> None:
    for turn in range(3):
        async with bus.subscribe("again") as subscription:
            await bus.publish("again", {"turn": turn})
            assert await asyncio.wait_for(subscription.get(), 30) == {"turn": turn}


async def test_messages_are_copies(bus: Bus) -> None:
    message = {"list": [1]}
    async with bus.subscribe("copy") as subscription:
        await bus.publish("copy", message)
        message["list"].append(2)
        assert await subscription.get() == {"list": [1]}


async def test_a_slow_subscriber_is_told_rather_than_fed_forever() -> None:
    bus = MemoryBus()
    async with bus.subscribe("flood") as subscription:
        for number in range(2000):
            await bus.publish("flood", {"n": number})
        taken = 0
        with pytest.raises(SlowSubscriberError):
            while True:
                await subscription.get()
                taken += 1
        assert 0 < taken < 2000


async def test_many_may_come_at_once_even_as_the_first(bus: Bus) -> None:
    async def listen(number: int) -> int:
        async with bus.subscribe(f"at-once-{number % 3}") as subscription:
            await bus.publish(f"at-once-{number % 3}", {"n": number})
            return int((await subscription.get())["n"])

    async with asyncio.timeout(10):
        heard = await asyncio.gather(*(listen(number) for number in range(12)))
    assert len(heard) == 12


async def test_a_channel_may_be_left_and_entered_by_many_at_once(bus: Bus) -> None:
    async def come_and_go() -> None:
        for _ in range(10):
            async with bus.subscribe("busy") as subscription:
                await bus.publish("busy", {})
                await subscription.get()

    async with asyncio.timeout(20):
        await asyncio.gather(*(come_and_go() for _ in range(5)))


@pytest.mark.parametrize("text", ["not JSON", b"\xff\xfe", "7", "[" * 100_000])
async def test_what_is_no_message_leaves_nobody_deaf(redis_url: str, text: str | bytes) -> None:
    bus = open_bus(redis_url)
    assert isinstance(bus, RedisBus)
    async with bus.subscribe("kept") as subscription:
        await bus.redis.publish("kinbridge:kept", text)
        await bus.publish("kept", {"n": 1})
        async with asyncio.timeout(10):
            assert await subscription.get() == {"n": 1}
    await bus.close()


async def test_a_lost_connection_to_redis_is_made_again(redis_url: str) -> None:
    bus = open_bus(redis_url)
    assert isinstance(bus, RedisBus)
    async with bus.subscribe("kept") as subscription:
        await bus.redis.client_kill_filter(_type="pubsub")
        async with asyncio.timeout(10):
            while await bus.publish("kept", {"n": 1}) == 0:
                await asyncio.sleep(0.05)
            assert await subscription.get() == {"n": 1}
    await bus.close()
