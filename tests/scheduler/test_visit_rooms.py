"""Terminals stand in rooms of the prison; whoever is sent there is told the room."""

from core.db import Database
from scheduler import service
from scheduler.model import BookingState
from scheduler.tasks import place_approved
from tests.scheduler.world import ADMIN, World


async def test_a_placed_visit_names_room_and_terminal(world: World, db: Database) -> None:
    async with db.write() as session:
        for name, room in (("T1", "一号会见室"), ("T2", "一号会见室"), ("T3", None)):
            await service.create_terminal(session, ADMIN, world.prison_id, world.wing_id, name, room=room)
    async with db.read() as session:
        places = [terminal.place for terminal in await service.terminals(session, world.prison_id)]
    assert places == ["一号会见室 · T1", "一号会见室 · T2", "T3"]
    family = await world.family()
    booking = await world.request(family, await world.slot())
    async with db.write() as session:
        await service.approve(session, world.approver, booking.id)
    assert await place_approved(db)
    async with db.read() as session:
        placed = await service.get(session, booking.id)
    assert placed.state is BookingState.CONFIRMED
    assert placed.terminal_name in places
