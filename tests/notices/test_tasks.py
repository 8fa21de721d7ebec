"""Delivery: at least once, not twice by two workers, tried again with patience, and forgotten in time."""

import asyncio
import json
import math
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from core.db import Database
from core.ids import Ref
from core.settings import from_environment
from notices import channels, outbox, tasks
from notices.channels import AppriseChannel, DeliveryError, open_channel
from notices.model import BACKOFF, Notice, NoticeState
from tests.conftest import FakeClock

# Apprise's e-mail plug-in asks the standard library for a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

VISIT: dict[str, str | int] = {"date": "2026-11-22", "time": "14:30", "minutes": 25}


class Gateway:
    """A real HTTP server that takes notices as an SMS gateway does; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.taken.append((head[0].split()[1], headers, json.loads(body)))
        writer.write(f"HTTP/1.1 {self.status} OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/sms/{{address}}?+Idempotency-Key={{id}}"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


class Recorder:
    """A channel that keeps what it was given, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[str] = []

    async def send(self, notice: Notice) -> None:
        await asyncio.sleep(0)
        self.sent.append(notice.id)
        if len(self.sent) <= self.failures:
            raise DeliveryError("try later")


async def post(db: Database, template: str = "booking-confirmed", **changes: Any) -> str:
    given: dict[str, Any] = {
        "to": Ref("relative", "rel_1"),
        "address": "+8613800138000",
        "language": "zh",
        "params": VISIT,
        **changes,
    }
    async with db.write() as session:
        made = await outbox.post(session, template=template, **given)
    assert made is not None
    return made


async def only(db: Database) -> Notice:
    async with db.read() as session:
        (notice,) = await outbox.latest(session)
    return notice


async def test_delivered_over_the_wire_with_its_key(db: Database, gateway: Gateway) -> None:
    notice_id = await post(db)
    assert await tasks.deliver_due(db, AppriseChannel([gateway.url()])) == 1
    ((path, headers, body),) = gateway.taken
    assert unquote(path) == "/sms/+8613800138000"
    assert headers["idempotency-key"] == notice_id
    assert "11月22日" in body["message"]
    sent = await only(db)
    assert (sent.state, sent.tries) == (NoticeState.SENT, 1)
    assert await tasks.deliver_due(db, AppriseChannel([gateway.url()])) == 0
    assert len(gateway.taken) == 1


async def test_a_refusing_gateway_is_asked_again_under_the_same_key(
    db: Database, gateway: Gateway, clock: FakeClock
) -> None:
    await post(db)
    channel = AppriseChannel([gateway.url()])
    gateway.status = 503
    assert await tasks.deliver_due(db, channel) == 0
    waiting = await only(db)
    assert (waiting.state, waiting.due_at) == (NoticeState.QUEUED, clock.now() + BACKOFF[0])
    assert waiting.problem == "refused by every channel"
    assert await tasks.deliver_due(db, channel) == 0  # not before its time
    clock.move(seconds=BACKOFF[0].total_seconds())
    gateway.status = 200
    assert await tasks.deliver_due(db, channel) == 1
    assert len(gateway.taken) == 2
    assert len({headers["idempotency-key"] for _, headers, _ in gateway.taken}) == 1


async def test_the_next_url_takes_what_the_first_refuses(db: Database, gateway: Gateway) -> None:
    await post(db)
    assert await tasks.deliver_due(db, AppriseChannel(["json://127.0.0.1:1/", gateway.url()])) == 1
    assert len(gateway.taken) == 1


async def test_a_url_that_is_none_delivers_nothing(db: Database) -> None:
    await post(db)
    assert await tasks.deliver_due(db, AppriseChannel(["nonsense://"])) == 0
    assert (await only(db)).state is NoticeState.QUEUED


async def test_a_plug_ins_own_trouble_is_a_failed_try(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise RuntimeError("a plug-in")

    monkeypatch.setattr(AppriseChannel, "_send_by", broken)
    await post(db)
    assert await tasks.deliver_due(db, AppriseChannel(["json://a/"])) == 0
    assert ((await only(db)).state, (await only(db)).problem) == (NoticeState.QUEUED, "RuntimeError")


async def test_a_gateway_that_does_not_answer_takes_nobody_elses_thread(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, asked = threading.Event(), threading.Event()

    def slow(*_asked: str) -> bool:
        asked.set()
        return answered.wait(60)

    monkeypatch.setattr(AppriseChannel, "_send_by", slow)
    await post(db)
    with ThreadPoolExecutor(1) as hands:  # as a small machine has few
        asyncio.get_running_loop().set_default_executor(hands)
        delivering = asyncio.create_task(tasks.deliver_due(db, AppriseChannel(["json://a/"])))
        try:
            async with asyncio.timeout(30):
                while not asked.is_set():
                    await asyncio.sleep(0.01)
                assert await asyncio.to_thread(int, "1") == 1
        finally:
            answered.set()
        assert await delivering == 1


async def test_without_a_channel_it_stays_readable(db: Database) -> None:
    await post(db, "code", params={"code": "123456", "minutes": 5})
    channel = open_channel(from_environment({}, mode="test"))
    assert channel is None
    assert await tasks.deliver_due(db, channel) == 1
    shown = await only(db)
    assert shown.state is NoticeState.SHOWN
    assert "123456" in shown.text


def test_the_channel_is_what_the_installation_sets() -> None:
    settings = from_environment({"KINBRIDGE_NOTICE_URLS": "json://a/, json://b/"}, mode="test")
    channel = open_channel(settings)
    assert isinstance(channel, AppriseChannel)
    assert channel._urls == ("json://a/", "json://b/")


async def test_tried_with_patience_and_then_failed(db: Database, clock: FakeClock) -> None:
    await post(db)
    channel = Recorder(failures=100)
    for wait in BACKOFF:
        assert await tasks.deliver_due(db, channel) == 0
        clock.move(seconds=wait.total_seconds())
    assert await tasks.deliver_due(db, channel) == 1
    failed = await only(db)
    assert (failed.state, failed.tries, failed.problem) == (NoticeState.FAILED, len(BACKOFF) + 1, "try later")
    clock.move(days=1)
    assert await tasks.deliver_due(db, channel) == 0
    assert len(channel.sent) == len(BACKOFF) + 1


async def test_two_workers_send_each_notice_once(db: Database) -> None:
    ids = {await post(db) for _ in range(12)}
    channel = Recorder()
    done = await asyncio.gather(*(tasks.deliver_due(db, channel) for _ in range(4)))
    assert sum(done) == 12
    assert sorted(channel.sent) == sorted(ids)


async def test_a_dead_workers_notice_is_sent_by_another(db: Database, clock: FakeClock) -> None:
    await post(db)
    (claimed,) = await tasks._claim(db, "dead")
    channel = Recorder()
    assert await tasks.deliver_due(db, channel) == 0
    clock.move(minutes=3)
    assert await tasks.deliver_due(db, channel) == 1
    assert channel.sent == [claimed.id]
    assert not await tasks._settle(db, claimed, "dead", NoticeState.FAILED, "late")  # it has no say any more
    assert (await only(db)).state is NoticeState.SENT


async def test_not_before_it_is_due_and_not_after_it_matters(db: Database, clock: FakeClock) -> None:
    due = clock.now() + timedelta(hours=1)
    await post(db, due=due, expires=due + timedelta(minutes=5))
    channel = Recorder()
    assert await tasks.deliver_due(db, channel) == 0
    clock.move(hours=1, minutes=5)
    assert await tasks.deliver_due(db, channel) == 0
    assert channel.sent == []
    assert (await only(db)).state is NoticeState.LAPSED


async def test_what_was_taken_back_is_not_sent(db: Database) -> None:
    await post(db, dedupe="booking:1:day")
    async with db.write() as session:
        await outbox.cancel(session, "booking:1:")
    channel = Recorder()
    assert await tasks.deliver_due(db, channel) == 0
    assert channel.sent == []


async def test_codes_and_later_everything_is_blanked(db: Database, clock: FakeClock) -> None:
    await post(db, "code", params={"code": "123456", "minutes": 5})
    await post(db)
    await post(db, due=clock.now() + timedelta(days=60))
    await tasks.deliver_due(db, Recorder())

    async def readable() -> int:
        async with db.read() as session:
            return sum(bool(one.text and one.address) for one in await outbox.latest(session))

    await tasks.forget(db)
    assert await readable() == 3
    clock.move(hours=1, seconds=1)
    await tasks.forget(db)
    assert await readable() == 2
    clock.move(days=30)
    await tasks.forget(db)
    assert await readable() == 1  # the one that is still to be sent


def test_a_gateway_that_never_answers_is_done_with_before_another_worker_may_take_its_notices() -> None:
    rounds = math.ceil(tasks._BATCH / channels.AT_ONCE)
    assert rounds * channels._PATIENCE < tasks._CLAIM.total_seconds()
