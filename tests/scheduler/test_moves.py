"""The table of moves, row by row: every allowed move is made once, every other start state is refused and
changes nothing."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from core.db import Database
from core.errors import NotFound
from core.ids import SYSTEM
from ledger import read as ledger
from scheduler import moves
from scheduler.model import COUNTED_STATES, MOVES, OPEN_STATES, BookingState
from scheduler.tables import BookingRow, ClaimRow, PlaceRow
from tests.scheduler.world import World

ALLOWED = [(came_from, to) for to, sources in MOVES.items() for came_from in sorted(sources)]
FORBIDDEN = [(a, b) for a in BookingState for b in BookingState if a not in MOVES[b]]


async def seated(world: World, number: int = 0) -> str:
    """A booking with a place and a terminal, each `number` at a time of its own."""
    slot_id = await world.slot(days=2 + number // 20, hour=number % 20)
    return (await world.assigned(await world.family(), slot_id)).id


async def put_in(world: World, booking_id: str, state: BookingState) -> None:
    """As if the booking had come to that state."""
    async with world.db.write() as session:
        await session.execute(update(BookingRow).where(BookingRow.id == booking_id).values(state=state))


async def kept(db: Database, booking_id: str) -> tuple[int, int]:
    """(seats, claims) that the booking keeps."""
    async with db.read() as session:
        seats = await session.scalar(select(func.count()).where(PlaceRow.booking_id == booking_id))
        claims = await session.scalar(select(func.count()).where(ClaimRow.booking_id == booking_id))
    return seats or 0, claims or 0


async def entries(db: Database, booking_id: str) -> int:
    async with db.read() as session:
        return len(await ledger.latest(session, limit=100, about=booking_id))


async def test_every_row_of_the_table(world: World) -> None:
    await world.terminal()
    for number, (came_from, to) in enumerate(ALLOWED):
        booking_id = await seated(world, number)
        await put_in(world, booking_id, came_from)
        before = await entries(world.db, booking_id)
        async with world.db.write() as session:
            assert await moves.move(session, SYSTEM, booking_id, to) is came_from
        view = await world.get(booking_id)
        assert (view.state, view.state_by) == (to, SYSTEM)
        assert await entries(world.db, booking_id) == before + 1
        seats, claims = await kept(world.db, booking_id)
        if to in COUNTED_STATES:
            assert seats == 1
            assert claims > 0
        else:
            assert (seats, claims) == (0, 0)


async def test_f30_every_forbidden_start_state(world: World) -> None:
    await world.terminal()
    booking_id = await seated(world)
    before, kept_before = await entries(world.db, booking_id), await kept(world.db, booking_id)
    for came_from, to in FORBIDDEN:
        await put_in(world, booking_id, came_from)
        with pytest.raises(moves.Moved):
            async with world.db.write() as session:
                await moves.move(session, SYSTEM, booking_id, to)
        assert (await world.get(booking_id)).state is came_from
    assert await entries(world.db, booking_id) == before
    assert await kept(world.db, booking_id) == kept_before


async def test_an_unknown_booking_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await moves.move(session, SYSTEM, "bkg_none", BookingState.CANCELLED)


async def test_a_condition_that_fails_moves_nothing(world: World) -> None:
    await world.terminal()
    booking_id = await seated(world)
    await put_in(world, booking_id, BookingState.CONFIRMED)
    nobody: Any = BookingRow.minutes == 999
    async with world.db.write() as session:
        assert (
            await moves.try_move(session, SYSTEM, booking_id, BookingState.COMPLETED, only_if=nobody) is None
        )
    assert (await world.get(booking_id)).state is BookingState.CONFIRMED


def test_the_table_is_whole() -> None:
    assert set(MOVES) == set(BookingState)
    assert all(sources <= OPEN_STATES for sources in MOVES.values())  # what is over stays over
