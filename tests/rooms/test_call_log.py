"""Minutes of legs in the database: added, read in order, bounded, forgotten."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.db import Database
from rooms import call_log
from rooms.minutes import COLUMNS, Figures, LegMinute
from rooms.tables import RoomRow
from tests.rooms.visits import Cast

START = datetime(2026, 11, 21, 8, tzinfo=UTC)


def minute(number: int, seat: str = "seat_a") -> LegMinute:
    rows = tuple(Figures(*[number] * len(COLUMNS)) for _ in range(60))
    return LegMinute(seat, "conn", START + timedelta(minutes=number), rows)


@pytest.fixture
async def room(db: Database, cast: Cast) -> str:
    await cast.ticket(cast.relative)  # which makes the room
    async with db.read() as session:
        return (await session.scalars(select(RoomRow.id))).one()


async def test_what_is_added_is_read_in_order(db: Database, room: str) -> None:
    minutes = [minute(2), minute(1), minute(1, "seat_b")]
    async with db.write() as session:
        await call_log.add(session, room, minutes)
    async with db.read() as session:
        assert await call_log.of_room(session, room) == [minute(1), minute(1, "seat_b"), minute(2)]
        assert await call_log.of_room(session, "room_other") == []


async def test_a_room_has_an_end_of_it(db: Database, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_log, "MOST", 3)
    for first in (0, 2, 4):
        async with db.write() as session:
            await call_log.add(session, room, [minute(first), minute(first + 1)])
    async with db.read() as session:
        assert len(await call_log.of_room(session, room)) == 3


async def test_old_minutes_are_forgotten(db: Database, room: str) -> None:
    async with db.write() as session:
        await call_log.add(session, room, [minute(n) for n in range(4)])
    async with db.write() as session:
        assert await call_log.purge(session, START + timedelta(minutes=2)) == 2
    async with db.read() as session:
        assert [one.started_at for one in await call_log.of_room(session, room)] == [
            START + timedelta(minutes=2),
            START + timedelta(minutes=3),
        ]
