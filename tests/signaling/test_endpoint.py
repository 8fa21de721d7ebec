"""The socket with a real server, bus and database: hard moments, each with its code, none that others notice."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from core.bus import Bus
from core.db import Database
from core.settings import Settings
from people import sessions
from people.tables import SessionRow
from rooms.host import Host
from signaling.client import Client
from signaling.faults import FAULTS
from tests.fakes.legs import FakeLegs, FakeRecorders
from tests.rooms.conftest import shifted  # noqa: F401 - a fixture
from tests.rooms.visits import Cast, ShiftedClock, confirmed_visit
from tests.signaling.server import Server, serving

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
once = pytest.mark.parametrize("bus", ["memory"], indirect=True)


@pytest.fixture
async def cast(db: Database, shifted: ShiftedClock) -> Cast:  # noqa: F811 - the fixture
    made = await confirmed_visit(db)
    shifted.put_to(made.booking.starts_at)
    return made


@pytest.fixture
def legs() -> FakeLegs:
    return FakeLegs()


@pytest.fixture
async def host(settings: Settings, db: Database, bus: Bus, cast: Cast, legs: FakeLegs) -> AsyncIterator[Host]:
    running = Host(settings, db, bus, legs, FakeRecorders())
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def server(settings: Settings, db: Database, bus: Bus, host: Host) -> AsyncIterator[Server]:
    async with serving(settings, db, bus) as opened:
        yield opened


def welcomed(message: dict[str, Any]) -> bool:
    return bool(message["type"] == "welcome")


async def closes_with(client: Client, code: str) -> None:
    ended = await client.ended()
    assert ended.error == code
    assert ended.code == FAULTS[code].close


async def test_in_through_the_door(server: Server, cast: Cast) -> None:
    async with server.client(await cast.ticket(cast.relative)) as client:
        welcome = await client.heard(welcomed)
        assert welcome["role"] == "relative"
        assert 0 < welcome["session_expires_in"] <= 12 * 3600
        assert welcome["ice_servers"] == []
        offer = await client.heard(lambda m: m["type"] == "offer")
        assert [line["use"] for line in offer["lines"]] == ["own", "own", "low", "announce", "line", "line"]
        state = await client.until(lambda s: any(p["you"] and p["connected"] for p in s["people"]))
        assert state["waiting"] == ["for-officer", "for-inmate", "for-admission"]
        await client.send({"type": "ping", "at": 42})
        await client.heard(lambda m: m == {"type": "pong", "at": 42})


@once
async def test_texts_are_in_the_language_of_the_session(server: Server, cast: Cast) -> None:
    async with server.client(await cast.ticket(cast.officer)) as client:
        welcome = await client.heard(welcomed)
        assert all(warning["text"].startswith("[zh] ") for warning in welcome["warnings"])
        refused = await client.act("resume")
        assert refused["code"] == "not-paused"
        assert refused["text"].startswith("[zh] ")


@once
async def test_a_replayed_and_a_made_up_ticket(server: Server, cast: Cast) -> None:
    ticket = await cast.ticket(cast.relative)
    async with server.client(ticket) as first:
        await first.heard(welcomed)
        for bad in (ticket, "kbt_made-up", "", "Bearer x"):
            async with server.client(bad) as client:
                await closes_with(client, "ticket-invalid")
        assert first.closed is None


@once
async def test_an_expired_ticket(server: Server, cast: Cast, shifted: ShiftedClock) -> None:  # noqa: F811
    ticket = await cast.ticket(cast.relative)
    shifted.shift += 61
    async with server.client(ticket) as client:
        await closes_with(client, "ticket-expired")


@once
async def test_a_ticket_of_a_session_that_was_signed_out(server: Server, cast: Cast, bus: Bus) -> None:
    ticket = await cast.ticket(cast.relative)
    async with cast.db.write() as session:
        await sessions.revoke(session, cast.relative.session_id, cast.relative.subject, bus=bus)
    async with server.client(ticket) as client:
        await closes_with(client, "session-ended")


async def test_signing_out_closes_the_socket_at_once(server: Server, cast: Cast, bus: Bus) -> None:
    async with (
        server.client(await cast.ticket(cast.relative)) as client,
        server.client(await cast.ticket(cast.officer)) as officer,
    ):
        await client.heard(welcomed)
        await officer.heard(welcomed)
        async with cast.db.write() as session:
            await sessions.revoke(session, cast.relative.session_id, cast.relative.subject, bus=bus)
        await closes_with(client, "session-ended")
        assert officer.closed is None


@once
async def test_a_session_that_expired_meanwhile(
    server: Server, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.endpoint._STAY_EVERY", 0.5)
    async with server.client(await cast.ticket(cast.relative)) as client:
        await client.heard(welcomed)
        await asyncio.sleep(1.5)
        assert client.closed is None
        async with cast.db.write() as session:
            await session.execute(update(SessionRow).values(expires_at=cast.booking.opens_at))
        await closes_with(client, "session-ended")


async def test_a_second_tab_takes_over(server: Server, cast: Cast) -> None:
    async with (
        server.client(await cast.ticket(cast.relative)) as first,
        server.client(await cast.ticket(cast.officer)) as officer,
    ):
        await first.heard(lambda m: m["type"] == "state")
        async with server.client(await cast.ticket(cast.relative)) as second:
            await closes_with(first, "elsewhere")
            await second.until(lambda s: any(p["you"] and p["connected"] for p in s["people"]))
            state = await officer.until(
                lambda s: any(p["role"] == "relative" and p["connected"] for p in s["people"])
            )
            assert sum(person["role"] == "relative" for person in state["people"]) == 1


@once
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("x" * 1_000_000, "message-too-large"),
        (json.dumps({"type": "help", "text": "x" * 1_000_000}), "message-too-large"),
        (b"\0" * 70_000, "message-too-large"),
    ],
)
async def test_a_message_of_a_megabyte(server: Server, cast: Cast, frame: str | bytes, code: str) -> None:
    async with (
        server.client(await cast.ticket(cast.relative)) as client,
        server.client(await cast.ticket(cast.terminal)) as other,
    ):
        await client.heard(welcomed)
        await client.send_raw(frame)
        await closes_with(client, code)
        await other.until(lambda s: any(p["role"] == "relative" and not p["connected"] for p in s["people"]))
        assert other.closed is None


@once
async def test_nonsense_is_answered_three_times(server: Server, cast: Cast) -> None:
    async with server.client(await cast.ticket(cast.relative)) as client:
        await client.heard(welcomed)
        for frame in ("{", '{"type": "dance"}', b"binary"):
            await client.send_raw(frame)
        await client.send({"type": "ping", "at": 1})
        await client.heard(lambda m: m["type"] == "pong")
        errors = [m for m in client.messages if m["type"] == "error"]
        assert [(m["code"], m["fatal"]) for m in errors] == [("bad-message", False)] * 3
        await client.send_raw("{")
        await closes_with(client, "bad-message")


@once
async def test_a_flood_is_cut_off(server: Server, cast: Cast) -> None:
    async with server.client(await cast.ticket(cast.relative)) as client:
        await client.heard(welcomed)
        for number in range(60):
            await client.send({"type": "ping", "at": number})
        await closes_with(client, "too-many")


@once
async def test_an_unusable_answer_leaves_the_offer_standing(
    server: Server, cast: Cast, legs: FakeLegs
) -> None:
    tries: list[str] = []

    async def answer(offer: str) -> str:
        tries.append(offer)
        return "bad" if len(tries) == 1 else "good"

    async with server.client(await cast.ticket(cast.relative), answer) as client:
        error = await client.heard(lambda m: m["type"] == "error")
        assert (error["code"], error["fatal"]) == ("bad-sdp", False)
        offer = await client.heard(lambda m: m["type"] == "offer")
        await client.send({"type": "answer", "offer": "another", "sdp": "good"})
        await client.send({"type": "answer", "offer": offer["id"], "sdp": "good"})
        await client.until(lambda s: any(p["you"] and p["connected"] for p in s["people"]))
        assert legs.open_legs[0].answers == ["good"]
        for _ in range(2):
            await client.send({"type": "answer", "offer": offer["id"], "sdp": "bad"})
        await closes_with(client, "bad-sdp")


@once
async def test_a_relative_who_acts_is_shown_out_and_it_is_entered(server: Server, cast: Cast) -> None:
    async with (
        server.client(await cast.ticket(cast.relative)) as client,
        server.client(await cast.ticket(cast.officer)) as officer,
    ):
        await client.heard(welcomed)
        await officer.heard(welcomed)
        await client.send({"type": "act", "id": "1", "act": "admit", "seat": "any"})
        await closes_with(client, "forbidden")
        assert officer.closed is None


@once
async def test_pages_of_other_sites_are_not_let_near(server: Server) -> None:
    for origin in ("http://evil.example", "null", None, server.origin + ".evil.example"):
        with pytest.raises(InvalidStatus) as caught:
            async with connect(server.url, origin=origin, proxy=None):  # type: ignore[arg-type]
                raise AssertionError("let in")
        assert caught.value.response.status_code == 403


@once
async def test_a_word_that_names_no_session_ends_nobodys(server: Server, cast: Cast, bus: Bus) -> None:
    async with server.client(await cast.ticket(cast.relative)) as client:
        await client.heard(welcomed)
        await bus.publish("session", {})
        await client.send({"type": "ping", "at": 1})
        await client.heard(lambda m: m["type"] == "pong")
        assert client.closed is None


@once
async def test_who_says_nothing_is_shown_out(
    server: Server, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.protocol.HELLO_WITHIN", 0.5)
    async with connect(server.url, origin=server.origin, proxy=None) as socket:  # type: ignore[arg-type]
        assert json.loads(await socket.recv())["code"] == "hello-late"
        await socket.wait_closed()
        assert socket.close_code == 4408


async def test_a_node_that_falls_silent_sends_everybody_back(
    server: Server, host: Host, cast: Cast, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the bus was away for a moment before, and a sign of life could not be given."""
    monkeypatch.setattr("signaling.endpoint._ALIVE_EVERY", 0.0)
    publish, away = bus.publish, asyncio.Event()

    async def once_away(channel: str, message: dict[str, Any]) -> int:
        if message["op"] == "alive" and "conns" in message and not away.is_set():
            away.set()
            raise ConnectionError
        return await publish(channel, message)

    monkeypatch.setattr(bus, "publish", once_away)
    async with server.client(await cast.ticket(cast.relative)) as client:
        await client.heard(lambda m: m["type"] == "state")
        await away.wait()
        for task in tuple(host._tasks):
            task.cancel()
        await closes_with(client, "room-moved")


async def test_without_any_node_one_is_told_to_come_back(
    settings: Settings, db: Database, bus: Bus, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.entering.LOOK_FOR", 0.6)
    async with (
        serving(settings, db, bus) as server,
        server.client(await cast.ticket(cast.relative)) as client,
    ):
        await closes_with(client, "room-moved")


async def test_a_socket_whose_web_process_died_is_missed(
    server: Server,
    host: Host,
    cast: Cast,
    bus: Bus,
    shifted: ShiftedClock,  # noqa: F811
) -> None:
    async with server.client(await cast.ticket(cast.officer)) as officer:
        await officer.heard(welcomed)
        ticket = await cast.ticket(cast.relative)
        del ticket
        async with cast.db.read() as session:
            from rooms import repository

            room = next(iter(host.rooms.values()))
            seat = await repository.seat_of(session, room.claim.room_id, cast.relative.subject)
        assert seat is not None
        await bus.publish(
            f"node:{host.node_id}",
            {"op": "attach", "conn": "conn_gone", "room": room.claim.room_id, "seat": seat.id},
        )
        await officer.until(
            lambda s: any(p["state"] == "lobby" and p["role"] == "relative" for p in s["people"])
        )
        host._heard["conn_gone"] -= 10
        async with asyncio.timeout(10):
            while "conn_gone" in host._conns:
                await asyncio.sleep(0.05)


async def test_the_device_check(server: Server, cast: Cast, legs: FakeLegs) -> None:
    async with server.client(await cast.check_ticket(cast.relative)) as client:
        welcome = await client.heard(welcomed)
        assert (welcome["role"], welcome["visit"]) == ("check", None)
        report = await client.heard(lambda m: m["type"] == "check" and m["connected"])
        assert report["round_trip_ms"] == 20.0
        assert report["quality"] == "good"
        assert legs.loopbacks == set(legs.legs)
        await client.send({"type": "help", "text": "means nothing here"})
        await client.send({"type": "bye"})
        assert (await client.ended()).code == 1000
    async with asyncio.timeout(30):
        while legs.open_legs:
            await asyncio.sleep(0.05)


@once
async def test_a_check_ticket_opens_no_visit_and_ends_by_itself(
    server: Server, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rooms.checks.LIMIT", 0.1)
    async with server.client(await cast.check_ticket(cast.relative)) as client:
        assert (await client.ended()).code in (1000, 4410)
        assert not any(m["type"] == "state" for m in client.messages)


@once
async def test_turn_credentials_are_those_of_coturn(
    settings: Settings, db: Database, bus: Bus, host: Host, cast: Cast
) -> None:
    import base64
    import hashlib
    import hmac

    from pydantic import SecretStr

    with_turn = settings.model_copy(
        update={
            "turn_urls": "turn:turn.example:3478, turns:turn.example:5349",
            "turn_secret": SecretStr("s3"),
        }
    )
    async with (
        serving(with_turn, db, bus) as server,
        server.client(await cast.ticket(cast.relative)) as client,
    ):
        welcome = await client.heard(welcomed)
    (entry,) = welcome["ice_servers"]
    assert entry["urls"] == ["turn:turn.example:3478", "turns:turn.example:5349"]
    expected = hmac.new(b"s3", entry["username"].encode(), hashlib.sha1).digest()
    assert base64.b64decode(entry["credential"]) == expected
    assert int(entry["username"].split(":")[0]) > 0
