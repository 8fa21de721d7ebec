"""Hosts at work: supervision lost and back, takeover after a death, two hosts, a crash in one room."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core.bus import Bus
from core.db import Database
from core.ids import Ref
from core.settings import Settings
from ledger import read
from people.tables import RelationshipRow
from rooms import service as rooms
from rooms.client import MediaKind
from rooms.host import Host
from rooms.model import EndReason, Phase
from rooms.tables import RoomRow
from scheduler import service as scheduler
from scheduler.model import BookingState, Fault
from signaling.client import Client
from signaling.whip import Sessions
from tests.fakes.legs import FakeLegs, FakeRecorders
from tests.rooms.visits import Cast, ShiftedClock, confirmed_visit
from tests.signaling.server import Server, serving

LIMIT = 60.0  # seconds for what takes some: a lease alone lasts five, and ends later on a machine that stands still


def once(test: Any) -> Any:
    """For what has nothing to do with the kind of database and bus: one of each is enough."""
    test = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)(test)
    return pytest.mark.parametrize("bus", ["memory"], indirect=True)(test)


@dataclass
class Call:
    relative: Client
    inmate: Client
    officer: Client


@contextlib.asynccontextmanager
async def live_call(server: Server, cast: Cast) -> AsyncIterator[Call]:
    """All three in, both faces checked, live."""
    async with (
        server.client(await cast.ticket(cast.relative)) as relative,
        server.client(await cast.ticket(cast.terminal)) as inmate,
        server.client(await cast.ticket(cast.officer)) as officer,
    ):
        state = await officer.until(lambda s: "for-admission" in s["waiting"] and _all_here(s), within=LIMIT)
        for person in state["people"]:
            if person["role"] != "monitor":
                await admit(officer, person["seat"])
        await relative.until(live, within=LIMIT)
        yield Call(relative, inmate, officer)


async def admit(officer: Client, seat: str) -> None:
    """Again, if the seat was not heard at that moment: everybody here shares a loop, and it a loaded machine."""
    async with asyncio.timeout(LIMIT):
        while (done := await officer.act("admit", seat=seat))["type"] != "done":
            assert done["code"] == "not-here", done
            await asyncio.sleep(0.2)


def _all_here(state: dict[str, Any]) -> bool:
    return all(person["connected"] for person in state["people"])


def live(state: dict[str, Any]) -> bool:
    return bool(state["phase"] == "live")


async def eventually(check: Callable[[], bool], within: float = LIMIT) -> None:
    async with asyncio.timeout(within):
        while not check():
            await asyncio.sleep(0.02)


async def room_row(db: Database) -> RoomRow:
    async with db.read() as session:
        return (await session.scalars(select(RoomRow))).one()


async def tags(cast: Cast) -> list[str]:
    async with cast.db.read() as session:
        return [entry.tag for entry in await read.about(session, Ref("booking", cast.booking.id))]


async def test_the_monitor_leaves_and_comes_back(
    server: Server, cast: Cast, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    async with live_call(server, cast) as call:
        relative_leg = next(
            leg for leg in legs.open_legs if leg.publishes and len(leg.carries) == 1 and leg.lines
        )
        assert relative_leg.lines
        assert relative_leg.most_bits == 1_500_000  # as the preset's rules have it
        await call.officer.send({"type": "bye"})
        state = await call.relative.until(lambda s: s["phase"] == "paused", within=LIMIT)
        assert state["pause"]["reason"] == "monitor-lost"
        assert state["pause"]["text"].startswith("[zh] ")
        assert not relative_leg.lines
        await asyncio.sleep(1.2)
        async with server.client(await cast.ticket(cast.officer)) as officer:
            await call.relative.until(live, within=LIMIT)
            await call.relative.heard(lambda m: m["type"] == "notice" and m["notice"] == "given-back")
            state = await officer.until(live, within=LIMIT)
            assert state["clock"]["given_back_ms"] >= 1000
            assert len(recorders.recorders) == 1
            await eventually(lambda: bool(relative_leg.lines))
            await officer.act("end", reason="said-goodbye")
            await call.relative.ended(within=LIMIT)
    assert (await cast.world.get(cast.booking.id)).state is BookingState.COMPLETED
    written = await tags(cast)
    for tag in ("system:visit:started", "officer:seat:left", "system:visit:paused", "system:visit:resumed",
                "officer:visit:ended", "system:visit:ended"):  # fmt: skip
        assert tag in written


@once
@pytest.mark.parametrize(
    ("offer", "camera", "microphone"), [("audio", False, True), ("audio, video", True, True)]
)
async def test_of_a_device_by_whip_only_what_it_offers_to_send_can_be_missed(
    server: Server, cast: Cast, bus: Bus, legs: FakeLegs, offer: str, *, camera: bool, microphone: bool
) -> None:
    """`rooms.arrivals` expects nothing of what is off, and the others are told so."""
    devices = Sessions(cast.db, bus)
    async with server.client(await cast.ticket(cast.officer)) as officer:
        await devices.open(await cast.ticket(cast.terminal), offer, sends=True)
        wanted = ("inmate", camera, microphone)
        await officer.until(
            lambda s: wanted in [(one["role"], one["camera"], one["microphone"]) for one in s["people"]],
            within=LIMIT,
        )
        assert {MediaKind(kind) for kind in offer.split(", ")} in [leg.publishes for leg in legs.open_legs]
        await devices.close()


@once
async def test_a_recorder_that_fails_pauses_the_visit_until_the_next_take(
    server: Server, cast: Cast, recorders: FakeRecorders
) -> None:
    async with live_call(server, cast) as call:
        first = recorders.last
        assert {role for _, role, _ in first.taking.values()} == {"relative", "inmate"}
        recorders.refuse = True
        first.healthy = False
        state = await call.relative.until(lambda s: s["phase"] == "paused", within=LIMIT)
        assert state["pause"]["reason"] == "recorder-lost"
        await eventually(lambda: first.finished == "failed")
        recorders.refuse = False
        await call.relative.until(live, within=LIMIT)
        assert recorders.last is not first
        await eventually(lambda: len(recorders.last.taking) == 2)


@once
async def test_a_picture_that_does_not_reach_the_recorder_is_told_to_the_officer_and_nothing_else_happens(
    server: Server, cast: Cast, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    async with live_call(server, cast) as call:
        for leg in legs.open_legs:
            leg.heard = math.inf  # every line goes on living
        recorders.last.missing = {("relative", MediaKind.VIDEO)}
        told = await call.officer.heard(
            lambda m: m["type"] == "notice" and m["notice"] == "recorder", within=LIMIT
        )
        assert cast.booking.visitors[0].name in told["text"]
        state = await call.officer.until(
            lambda s: any(one.get("missing") == ["video"] for one in s["people"]), within=LIMIT
        )
        assert state["phase"] == "live"
        recorders.last.missing = set()
        await call.officer.until(lambda s: not any(one.get("missing") for one in s["people"]), within=LIMIT)
    written = await tags(cast)
    assert written.count("system:track:missing") == written.count("system:track:settled") == 1
    assert "system:visit:paused" not in written[: written.index("system:track:settled")]


async def test_a_dead_node_loses_nothing(
    settings: Settings, db: Database, bus: Bus, cast: Cast, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    """As after `kill -9`: the tasks of the first host just stop, its lease and rows stay as they are."""
    first = Host(settings, db, bus, legs, recorders)
    await first.start()
    async with serving(settings, db, bus) as server, live_call(server, cast) as call:
        while (await room_row(db)).used_ms < 1000:
            await asyncio.sleep(0.1)
        await kill(first)
        used = (await room_row(db)).used_ms
        assert used >= 1000
        assert (await call.relative.ended(within=LIMIT)).error == "room-moved"
        second = Host(settings, db, bus, legs, recorders)
        await second.start()
        try:
            async with (
                server.client(await cast.ticket(cast.relative)) as relative,
                server.client(await cast.ticket(cast.terminal)),
                server.client(await cast.ticket(cast.officer)),
            ):
                state = await relative.until(live, within=LIMIT)
                assert {p["state"] for p in state["people"]} == {"admitted"}
                assert state["clock"]["granted_ms"] - state["clock"]["remaining_ms"] >= used
                assert state["clock"]["given_back_ms"] >= 3000
                assert len(recorders.recorders) == 2
        finally:
            await second.stop()


async def kill(host: Host) -> None:
    for task in tuple(host._tasks):
        task.cancel()
    await asyncio.gather(*host._tasks, return_exceptions=True)
    host._name.release()


async def test_another_node_takes_over_when_the_lease_has_run_out(
    settings: Settings, db: Database, bus: Bus, cast: Cast, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    first = Host(settings, db, bus, legs, recorders)
    second = Host(settings, db, bus, legs, recorders)
    assert first.node_id != second.node_id
    await first.start()
    await eventually(lambda: len(first.rooms) == 1)
    await second.start()
    await asyncio.sleep(1.5)
    assert not second.rooms
    await kill(first)
    await eventually(lambda: len(second.rooms) == 1)
    assert (await room_row(db)).node_id == second.node_id
    await second.stop()
    assert (await room_row(db)).lease_until is None


@once
async def test_a_host_that_cannot_reach_the_database_lets_go(
    settings: Settings, db: Database, bus: Bus, cast: Cast, legs: FakeLegs, recorders: FakeRecorders,
    shifted: ShiftedClock,
) -> None:  # fmt: skip
    host = Host(settings, db, bus, legs, recorders)
    await host.start()
    await eventually(lambda: len(host.rooms) == 1)
    shifted.shift += 6  # the lease ran out while this process was held up
    await eventually(lambda: len(host.rooms) == 1 and _epoch(host) == 2)
    await host.stop()


def _epoch(host: Host) -> int:
    return next(iter(host.rooms.values())).claim.epoch


async def test_two_hosts_never_run_one_room(
    settings: Settings, db: Database, bus: Bus, cast: Cast, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    hosts = [Host(settings, db, bus, legs, recorders) for _ in range(3)]
    await asyncio.gather(*(host.start() for host in hosts))
    for _ in range(20):
        await asyncio.gather(*(host.open_due() for host in hosts))
        assert sum(len(host.rooms) for host in hosts) == 1
    await asyncio.gather(*(host.stop() for host in hosts))


@once
async def test_a_crash_in_one_room_is_that_rooms_alone(
    server: Server, host: Host, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live_call(server, cast) as call:
        running = next(iter(host.rooms.values()))
        epoch = running.claim.epoch

        def broken(*_: object) -> None:
            raise RuntimeError("a mistake")

        monkeypatch.setattr(running._room, "handle", broken)
        assert (await call.relative.ended(within=LIMIT)).error == "room-moved"
        await eventually(lambda: len(host.rooms) == 1 and _epoch(host) == epoch + 1)
        async with server.client(await cast.ticket(cast.relative)) as relative:
            state = await relative.until(lambda s: s["phase"] == "paused", within=LIMIT)
            assert next(p for p in state["people"] if p["you"])["state"] == "admitted"


@once
async def test_a_change_that_cannot_be_stored_is_not_shown(
    server: Server, host: Host, cast: Cast, legs: FakeLegs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live_call(server, cast) as call:
        legs_then = [leg for leg in legs.open_legs if leg.lines]

        async def full(*_: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr("rooms.directory.write", full)
        await call.officer.send({"type": "act", "id": "p", "act": "pause", "reason": "security"})
        assert (await call.relative.ended(within=LIMIT)).error == "room-moved"
        assert not any(m["type"] == "done" and m["id"] == "p" for m in call.officer.messages)
        assert all(leg.closed for leg in legs_then)


@once
async def test_a_withdrawn_relationship_ends_the_seat_and_a_cancelled_booking_the_room(
    server: Server, host: Host, cast: Cast
) -> None:
    async with live_call(server, cast) as call:
        async with cast.db.write() as session:
            await session.execute(update(RelationshipRow).values(state="withdrawn"))
            await scheduler.relationship_ended(session, cast.family.relationship_id, cast.world.approver)
        assert (await call.relative.ended(within=LIMIT)).code in (1000, 4403)
        await eventually(lambda: not host.rooms)
    assert (await room_row(cast.db)).phase == "ended"
    assert (await cast.world.get(cast.booking.id)).state is BookingState.CANCELLED


@once
async def test_the_hard_end_comes_by_the_server_alone(
    server: Server, host: Host, cast: Cast, shifted: ShiftedClock
) -> None:
    async with live_call(server, cast) as call:
        running = next(iter(host.rooms.values()))
        running.clock.granted = running.clock.used + 1.0
        ended = await call.relative.heard(lambda m: m["type"] == "ended")
        assert ended["reason"] == "time-up"
    async with cast.db.read() as session:
        view = await rooms.room_of(session, cast.booking.id)
    assert view is not None
    assert view.record.phase is Phase.ENDED
    assert view.record.end_reason is EndReason.TIME_UP
    assert view.record.fault is Fault.NOBODY
    assert (await cast.world.get(cast.booking.id)).state is BookingState.COMPLETED


@once
async def test_officers_words_are_kept_for_the_prison(server: Server, cast: Cast) -> None:
    async with live_call(server, cast) as call:
        await call.officer.act("warn", warning="text", text="Wang, sit down")
        await call.officer.act("mark", text="look here")
        await call.officer.act("end", reason="identity", text="that is not her")
        await call.relative.ended(within=LIMIT)
    async with cast.db.read() as session:
        acts = await rooms.acts_of(session, cast.booking.id)
        entries = await read.about(session, Ref("booking", cast.booking.id))
    assert [(a.act, a.code, a.words) for a in acts][-3:] == [
        ("warn", "text", "Wang, sit down"),
        ("mark", "", "look here"),
        ("end", "identity", "that is not her"),
    ]
    assert not any("Wang" in entry.details for entry in entries)
    view = (await room_row(cast.db)).end_words
    assert view == "that is not her"


@once
async def test_a_family_that_never_came(
    settings: Settings,
    db: Database,
    bus: Bus,
    legs: FakeLegs,
    recorders: FakeRecorders,
    shifted: ShiftedClock,
) -> None:
    cast = await confirmed_visit(db, late_cutoff_minutes=1)
    shifted.put_to(cast.booking.starts_at - timedelta(seconds=5))
    host = Host(settings, db, bus, legs, recorders)
    await host.start()
    try:
        await eventually(lambda: len(host.rooms) == 1)
        running = next(iter(host.rooms.values()))
        for _ in range(30):  # in steps that no lease outlasts
            shifted.shift += 3
            await asyncio.sleep(0.05)
            await host._renew()
            if running.ended:
                break
        await eventually(lambda: not host.rooms)
    finally:
        await host.stop()
    booking = await cast.world.get(cast.booking.id)
    assert (booking.state, booking.fault) == (BookingState.NO_SHOW, Fault.FAMILY)
