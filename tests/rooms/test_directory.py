"""Leases: one host per room, whatever happens; on both databases."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core import clock
from core.db import Database
from core.ids import Ref
from rooms import directory
from rooms.clock import VisitClock
from rooms.confidentiality import Confidentiality
from rooms.directory import LEASE, Claim, LeaseLostError, node_name
from rooms.tables import RoomRow
from tests.rooms.visits import Cast, ShiftedClock


async def claim(db: Database, booking_id: str, node: str) -> Claim | None:
    async with db.write() as session:
        about = Ref("booking", booking_id)
        await directory.ensure_room(session, about, Confidentiality.MONITORED)
        return await directory.claim(session, about, node)


async def renew(db: Database, held: Claim, used: float = 0.0) -> None:
    visit_clock = VisitClock(1500, clock.now() + timedelta(hours=1), used=used)
    async with db.write() as session:
        await directory.renew(session, held, visit_clock, clock.now())


async def locate(db: Database, held: Claim) -> str | None:
    async with db.read() as session:
        return await directory.locate(session, held.room_id)


async def test_of_many_nodes_at_once_one_gets_the_room(cast: Cast) -> None:
    results = await asyncio.gather(*(claim(cast.db, cast.booking.id, f"node_{n}") for n in range(10)))
    winners = [held for held in results if held is not None]
    assert len(winners) == 1
    assert await locate(cast.db, winners[0]) == winners[0].node_id


async def test_a_lease_that_is_renewed_is_held_for_ever(cast: Cast, shifted: ShiftedClock) -> None:
    held = await claim(cast.db, cast.booking.id, "node_a")
    assert held is not None
    for _ in range(4):
        shifted.shift += 3
        await renew(cast.db, held, used=12.5)
        assert await claim(cast.db, cast.booking.id, "node_b") is None
    async with cast.db.read() as session:
        assert (await session.get_one(RoomRow, held.room_id)).used_ms == 12_500


async def test_a_lease_that_ran_out_is_taken_and_the_old_host_writes_nothing_more(
    cast: Cast, shifted: ShiftedClock
) -> None:
    held = await claim(cast.db, cast.booking.id, "node_a")
    assert held is not None
    await renew(cast.db, held, used=100)
    shifted.shift += LEASE.total_seconds() + 0.1
    assert await locate(cast.db, held) is None
    with pytest.raises(LeaseLostError):  # even before anybody took it
        await renew(cast.db, held)
    taken = await claim(cast.db, cast.booking.id, "node_b")
    assert taken is not None
    assert taken.epoch == held.epoch + 1
    with pytest.raises(LeaseLostError):
        await renew(cast.db, held, used=0)
    async with cast.db.write() as session:
        await directory.release(session, held)  # not its to release
    assert await locate(cast.db, taken) == "node_b"
    async with cast.db.read() as session:
        assert (await session.get_one(RoomRow, held.room_id)).used_ms == 100_000


async def test_the_same_name_again_is_not_the_same_host(cast: Cast) -> None:
    held = await claim(cast.db, cast.booking.id, "node_a")
    assert held is not None
    async with cast.db.write() as session:
        await directory.release_all(session, "node_a")
    again = await claim(cast.db, cast.booking.id, "node_a")
    assert again is not None
    with pytest.raises(LeaseLostError):
        await renew(cast.db, held)
    await renew(cast.db, again)


async def test_an_ended_room_is_nobodys(cast: Cast, shifted: ShiftedClock) -> None:
    held = await claim(cast.db, cast.booking.id, "node_a")
    assert held is not None
    async with cast.db.write() as session:
        (await session.get_one(RoomRow, held.room_id)).phase = "ended"
    shifted.shift += 60
    assert await claim(cast.db, cast.booking.id, "node_b") is None
    async with cast.db.read() as session:
        assert await directory.unhosted(session) == []


async def test_the_least_busy_living_node_comes_first(db: Database, shifted: ShiftedClock) -> None:
    async with db.write() as session:
        await directory.beat(session, "node_dead", 0)
    shifted.shift += 6
    for node, rooms in (("node_a", 7), ("node_b", 2), ("node_a", 3)):
        async with db.write() as session:
            await directory.beat(session, node, rooms)
    async with db.read() as session:
        assert await directory.nodes(session) == [("node_b", 2), ("node_a", 3)]


def test_a_folder_has_one_name_and_a_second_process_gets_another(tmp_path: Path) -> None:
    first = node_name(tmp_path)
    second = node_name(tmp_path)
    assert first.id != second.id
    first.release()
    third = node_name(tmp_path)
    assert third.id == first.id
    third.release()
    second.release()
