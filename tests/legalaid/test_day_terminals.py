"""Terminals that are kept for a help day: no visit, no lawyer's meeting is put there, and families' places give way."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core import clock as clocks
from core.errors import Refused
from core.ids import SYSTEM
from legalaid import days, repository, service
from legalaid.setup import TemplateForm
from legalaid.tables import HelpDayTemplateRow
from scheduler import flags, openings, placement, setup
from scheduler import service as schedule
from scheduler.happenings import Kind
from scheduler.tables import ClaimRow, PlaceRow, SlotRow
from tests.legalaid.place import Place
from tests.scheduler.test_befalling import report
from tests.scheduler.world import ADMIN

FORM = TemplateForm(7, time(9), 60, 2, 20)  # Sundays, tomorrow, 9 to 10


async def arrange(here: Place, *terminals: str) -> str:
    async with here.db.write() as session:
        form = replace(FORM, terminals=terminals)
        return await service.create_template(session, ADMIN, here.station, form)


async def look(here: Place, template: str) -> None:
    """What the worker does every ten minutes."""
    async with here.db.write() as session:
        await days.materialise(session, await session.get_one(HelpDayTemplateRow, template))
        await schedule.materialise(session, here.world.prison_id)


async def places(here: Place) -> dict[str, int]:
    """Wall time of tomorrow's slots -> places that nobody has."""
    day = clocks.now().date() + timedelta(days=1)
    async with here.db.read() as session:
        rows = await session.execute(
            select(SlotRow.starts_at, func.count(PlaceRow.id))
            .outerjoin(PlaceRow, (PlaceRow.slot_id == SlotRow.id) & PlaceRow.booking_id.is_(None))
            .where(SlotRow.day == day, SlotRow.template_id.is_not(None))
            .group_by(SlotRow.starts_at)
        )
    return {f"{at.hour + 8}:{at:%M}": free for at, free in rows}


async def times(here: Place, capacity: int = 3, wing_id: str | None = None) -> None:
    async with here.db.write() as session:
        await schedule.create_template(
            session, ADMIN, here.world.prison_id, weekday=7, starts=time(8), count=4, capacity=capacity,
            minutes=30, raster=45, valid_from=clocks.now().date(), wing_id=wing_id,
        )  # fmt: skip


async def held(here: Place) -> int:
    async with here.db.read() as session:
        days_ahead = await repository.help_days(
            session, here.station, clocks.now(), clocks.now() + days.HORIZON
        )
        count = select(func.count()).where(ClaimRow.booking_id == days_ahead[0].id)
        return (await session.execute(count)).scalar_one()


async def test_families_places_give_way_and_come_back(here: Place, clock: Any) -> None:
    terminals = [await here.world.terminal(name) for name in ("T1", "T2", "T3")]
    await times(here)
    assert set((await places(here)).values()) == {3}
    template = await arrange(here, *terminals[:2])
    await look(here, template)
    assert await places(here) == {"8:00": 3, "8:45": 1, "9:30": 1, "10:15": 3}
    await look(here, template)  # as often as one likes
    assert await held(here) == 2 * 12
    async with here.db.read() as session:  # and the weekly plan has one terminal less of each
        now = clocks.now()
        supply = await openings.supply(session, here.world.prison_id, (now, now + timedelta(days=2)), ())
    nine = (now + timedelta(days=1)).replace(hour=1, minute=0)
    for moment, left in ((nine - timedelta(hours=1), 3), (nine, 1), (nine + timedelta(hours=1), 3)):
        assert sum(supply.left(moment)[0].values()) == left
    async with here.db.write() as session:
        (day, *_) = await repository.help_days(
            session, here.station, clocks.now(), clocks.now() + days.HORIZON
        )
        await days.close(session, day.id)
        await schedule.materialise(session, here.world.prison_id)
    assert set((await places(here)).values()) == {3}


async def test_wings_that_share_terminals_give_way_once(here: Place) -> None:
    """Two wings with two places each on the same four terminals, two of which are kept: two places in all are left;
    a third wing with a terminal of its own loses nothing."""
    async with here.db.write() as session:
        second, third = [
            await schedule.create_wing(session, ADMIN, here.world.prison_id, one) for one in "BC"
        ]
    shared = [await here.world.terminal(f"T{n}", wing_id=None) for n in range(4)]
    await here.world.terminal("own", wing_id=third)
    for wing_id, capacity in ((here.world.wing_id, 2), (second, 2), (third, 1)):
        await times(here, capacity, wing_id)
    assert set((await places(here)).values()) == {5}
    await look(here, await arrange(here, *shared[:2]))
    assert await places(here) == {"8:00": 5, "8:45": 3, "9:30": 3, "10:15": 5}


async def test_who_has_a_terminal_already_keeps_it(here: Place) -> None:
    first, second = [await here.world.terminal(name) for name in ("T1", "T2")]
    slot = await here.world.slot(days=1, hour=1, capacity=2)
    view = await here.world.assigned(await here.world.family(), slot)
    assert view.terminal_id is not None
    template = await arrange(here, first, second)
    await look(here, template)
    assert (await here.world.get(view.id)).terminal_id == view.terminal_id
    assert 12 < await held(here) < 24
    other = await here.world.approved(await here.world.family(), slot, "k2")
    async with here.db.read() as session:
        assert await placement.why_unplaced(session, other.id) == (placement.NO_TERMINAL,)
    async with here.db.write() as session:
        await schedule.cancel(session, here.world.approver, view.id, "staff")
    await look(here, template)  # what is free now is asked for again
    assert await held(here) == 24


async def test_a_terminal_that_fails_has_no_stand_in_that_is_kept(here: Place) -> None:
    """The only other terminal is the help day's: whoever sits at the broken one is told, not left there."""
    first = await here.world.terminal("T1")
    view = await here.world.assigned(await here.world.family(), await here.world.slot(days=1, hour=1))
    assert view.terminal_id == first
    await look(here, await arrange(here, await here.world.terminal("T2")))
    await report(here.world, Kind.TERMINAL_BROKEN, view.starts_at, view.slot_ends_at, terminal_id=first)
    async with here.db.read() as session:
        found = await flags.of_booking(session, view.id)
    assert [one.state for one in found] == [flags.FlagState.OPEN]


async def for_lawyers(here: Place, count: int) -> list[str]:
    """So many terminals in a room for lawyers alone."""
    async with here.db.write() as session:
        await setup.visit_room(session, SYSTEM, here.world.prison_id, "L", use="legal")
        return [
            await schedule.create_terminal(session, SYSTEM, here.world.prison_id, None, f"L{n}", room="L")
            for n in range(count)
        ]


async def test_where_nobody_chose_it_takes_what_is_for_lawyers_alone(here: Place) -> None:
    """One of those for each room; families lose nothing."""
    await here.world.terminal("T1")
    await for_lawyers(here, 3)
    await times(here, capacity=1)
    await look(here, await arrange(here))
    assert await held(here) == 2 * 12
    assert set((await places(here)).values()) == {1}


async def test_another_prisons_terminal_is_refused(here: Place) -> None:
    with pytest.raises(Refused) as caught:
        await arrange(here, "trm_none")
    assert [one.params["field"] for one in caught.value.reasons] == ["terminals"]
