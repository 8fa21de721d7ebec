"""Terminals: of the wing, the least loaded, one visit at a time; the officer may choose."""

from datetime import date, time

import pytest

from core.errors import Refused
from core.ids import SYSTEM
from ledger import read as ledger
from scheduler import moves, service, tasks
from scheduler.model import BookingState
from tests.scheduler.world import ADMIN, World


def codes(refused: Refused) -> list[str]:
    return [reason.code for reason in refused.reasons]


async def other_wing(world: World) -> str:
    async with world.db.write() as session:
        return await service.create_wing(session, ADMIN, world.prison_id, "Wing 2")


async def test_the_least_loaded_terminal_of_the_wing(world: World) -> None:
    first, second = await world.terminal("T1"), await world.terminal("T2")
    await world.terminal("T0", await other_wing(world))  # another wing's is never taken
    chosen = [
        (await world.assigned(await world.family(), await world.slot(days=1, hour=hour))).terminal_id
        for hour in (1, 2, 3, 4)
    ]
    assert chosen == [first, second, first, second]
    tomorrow = await world.assigned(await world.family(), await world.slot(days=2))
    assert tomorrow.terminal_id == first  # the load is counted by the day


async def test_a_shared_terminal_comes_last(world: World) -> None:
    shared, own = await world.terminal("A", None), await world.terminal("B")
    slots = [await world.slot(days=1) for _ in range(3)]
    views = [await world.approved(await world.family(), slot) for slot in slots]
    async with world.db.write() as session:
        chosen = [(await service.assign(session, SYSTEM, view.id)).terminal_id for view in views[:2]]
    assert chosen == [own, shared]
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.assign(session, SYSTEM, views[2].id)
    assert codes(caught.value) == ["no-terminal"]


async def test_what_cannot_be_placed_stays_approved_and_says_why(world: World) -> None:
    view = await world.approved(await world.family(), await world.slot())
    assert await tasks.place_approved(world.db) == 0
    async with world.db.read() as session:
        (waiting,) = await service.unplaced(session, world.prison_id)
        reasons = await service.why_unplaced(session, view.id)
    assert waiting.id == view.id
    assert [reason.code for reason in reasons] == ["no-terminal"]
    await world.terminal()
    async with world.db.read() as session:
        assert await service.why_unplaced(session, view.id) == ()
    assert await tasks.place_approved(world.db) == 1
    assert (await world.get(view.id)).state is BookingState.CONFIRMED


async def test_the_officer_chooses(world: World) -> None:
    first, second = await world.terminal("T1"), await world.terminal("T2")
    elsewhere = await world.terminal("T3", await other_wing(world))
    view = await world.approved(await world.family(), await world.slot())
    for wrong in (elsewhere, "trm_none"):
        with pytest.raises(Refused) as caught:
            async with world.db.write() as session:
                await service.assign(session, world.approver, view.id, wrong)
        assert codes(caught.value) == ["terminal-elsewhere"]
    async with world.db.write() as session:
        assigned = await service.assign(session, world.approver, view.id, second)
    assert (assigned.state, assigned.terminal_id) == (BookingState.ASSIGNED, second)
    same_time = await world.approved(await world.family(), await world.slot(), "b")
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.assign(session, world.approver, same_time.id, second)
    assert codes(caught.value) == ["terminal-busy"]
    async with world.db.write() as session:
        other = await service.assign(session, world.approver, same_time.id, first)
    assert other.terminal_id == first


async def test_a_confirmed_visit_may_move_to_another_terminal(world: World) -> None:
    first = await world.terminal("T1")
    view = await world.confirmed(await world.family(), await world.slot())
    second = await world.terminal("T2")
    async with world.db.write() as session:
        moved = await service.assign(session, world.approver, view.id, second)
    assert (moved.state, moved.terminal_id) == (BookingState.CONFIRMED, second)
    async with world.db.read() as session:
        newest = (await ledger.latest(session, about=view.id))[0]
    assert newest.tag == "officer:booking:reassigned"
    freed = await world.assigned(await world.family(), await world.slot(), "b")
    assert freed.terminal_id == first


async def test_assigning_again_changes_nothing(world: World) -> None:
    await world.terminal("T1")
    await world.terminal("T2")
    view = await world.assigned(await world.family(), await world.slot())
    async with world.db.write() as session:
        assert await service.assign(session, world.approver, view.id, view.terminal_id) == view
        assert await service.assign(session, world.approver, view.id) == view


async def test_only_approved_visits_get_a_terminal(world: World) -> None:
    await world.terminal()
    view = await world.request(await world.family(), await world.slot())
    with pytest.raises(moves.Moved):
        async with world.db.write() as session:
            await service.assign(session, world.approver, view.id)


async def test_a_terminal_that_is_off_is_not_taken(world: World) -> None:
    off = await world.terminal("T1")
    async with world.db.write() as session:
        await service.set_terminal_active(session, ADMIN, off, active=False)
    view = await world.approved(await world.family(), await world.slot())
    assert await tasks.place_approved(world.db) == 0
    async with world.db.write() as session:
        await service.set_terminal_active(session, ADMIN, off, active=True)
    assert await tasks.place_approved(world.db) == 1
    assert (await world.get(view.id)).terminal_id == off


async def test_a_time_that_was_closed_since_is_not_promised(world: World) -> None:
    await world.terminal()
    family = await world.family()
    async with world.db.write() as session:
        await service.create_template(session, ADMIN, world.prison_id, weekday=3, starts=time(9))
    async with world.db.read() as session:
        month = await service.month(session, family.actor, family.inmate_id, 2026, 11)
    (slot,) = [slot for day in month for slot in day.slots]
    view = await world.approved(family, slot.slot_id)
    async with world.db.write() as session:
        await service.close_date(session, ADMIN, world.prison_id, date(2026, 11, 25), "flood")
    assert await tasks.place_approved(world.db) == 0
    async with world.db.read() as session:
        assert [r.code for r in await service.why_unplaced(session, view.id)] == ["place-lost"]
    async with world.db.write() as session:
        await service.reopen_date(session, ADMIN, world.prison_id, date(2026, 11, 25))
    assert await tasks.place_approved(world.db) == 1
