"""The rehearsal: what a change would strand and what could be offered; nothing of it stays."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from core.errors import Forbidden, NotFound
from ledger.tables import EntryRow
from notices.tables import NoticeRow
from people.model import Role
from scheduler import befalling, flags, rehearsal, service, simulation
from scheduler.model import BookingState
from scheduler.rehearsal import Edit, EditKind
from scheduler.simulation import Time
from tests.scheduler.test_befalling import at, visit
from tests.scheduler.world import World, identity

DAY = at(1, 0).date()


async def counts(world: World) -> tuple[int, ...]:
    async with world.db.read() as session:
        tables = (EntryRow, NoticeRow)
        return tuple([await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables])


async def test_an_edit_strands_some_and_offers_what_there_is(world: World) -> None:
    """Three visits on the day that is to be closed, two places elsewhere: 3 stranded, 2 offers, nothing changed."""
    for name in ("T1", "T2", "T3"):
        await world.terminal(name)
    views = [await visit(world, await world.family(), 1, hour) for hour in (2, 3, 4)]
    await world.slot(days=4, hour=2, capacity=2)
    before = await counts(world)
    result = await rehearsal.rehearse(
        world.db, world.approver, world.prison_id, Edit(EditKind.CLOSE_DAY, DAY)
    )
    assert len(result.stranded) == 3
    assert result.offered == 2
    assert result.before.places > result.after.places
    assert result.before.asked == result.after.asked  # the same demand
    assert await counts(world) == before
    async with world.db.read() as session:
        assert await flags.open_in(session, world.prison_id) == []
        assert await befalling.open_in(session, world.prison_id) == []
        assert await service.affected(session, world.prison_id, DAY) == []
    assert {(await world.get(view.id)).state for view in views} == {BookingState.APPROVED}


async def test_a_terminal_out_of_use_and_a_lockdown(world: World) -> None:
    terminal = await world.terminal("T1")
    await world.assigned(await world.family(), await world.slot(days=2))
    day = at(1, 0).date()
    out = Edit(EditKind.TERMINAL_OUT, day, day + timedelta(days=1), terminal_id=terminal)
    result = await rehearsal.rehearse(world.db, world.approver, world.prison_id, out)
    assert len(result.stranded) == 1
    locked = Edit(EditKind.LOCKDOWN, day, wing_id=world.wing_id)
    assert len((await rehearsal.rehearse(world.db, world.approver, world.prison_id, locked)).stranded) == 1


async def test_who_may_and_what_is_needed(world: World) -> None:
    stranger = identity("officer", "off_m", Role.MONITOR, prison_id=world.prison_id)
    with pytest.raises(Forbidden):
        await rehearsal.rehearse(world.db, stranger, world.prison_id, Edit(EditKind.CLOSE_DAY, DAY))
    with pytest.raises(rehearsal.BadEdit):
        await rehearsal.rehearse(world.db, world.approver, world.prison_id, Edit(EditKind.CLOSE_DAY))
    with pytest.raises(NotFound):
        edit = Edit(EditKind.END_TEMPLATE, template_id="tpl_none")
        await rehearsal.rehearse(world.db, world.approver, world.prison_id, edit)


def times(places: int, weeks: int = 3) -> list[Time]:
    monday = date(2026, 11, 23)
    return [
        Time(f"{week}-{day}", "w", week, monday + timedelta(days=7 * week + day), places)
        for week in range(weeks)
        for day in range(7)
    ]


def test_the_same_dice_give_the_same_weeks() -> None:
    assert simulation.simulate(times(2), {"w": 10}, 3, 7) == simulation.simulate(times(2), {"w": 10}, 3, 7)


def test_scarcer_places_serve_fewer_and_make_them_wait() -> None:
    plenty = simulation.simulate(times(4), {"w": 12}, 3, 1)
    scarce = simulation.simulate(times(1), {"w": 12}, 3, 1)
    assert plenty.served > scarce.served
    assert plenty.waiting < scarce.waiting
    assert plenty.served_percent > 90
    assert scarce.served + scarce.waiting + scarce.left == scarce.asked
    assert scarce.wait_longest >= plenty.wait_longest


def test_nothing_is_asked_and_nothing_served() -> None:
    assert simulation.simulate([], {}, 2, 1).served_percent == 0
