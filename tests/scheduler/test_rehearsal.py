"""The rehearsal: what a change would strand and what could be offered; nothing of it stays."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from core.errors import Forbidden, NotFound
from ledger.tables import EntryRow
from notices.tables import NoticeRow
from people.model import Role
from scheduler import befalling, flags, rehearsal, service, simulation, weeks
from scheduler.meetings import NoMeetings, Usual
from scheduler.model import BookingState, VisitKind
from scheduler.openings import Supply
from scheduler.planning_tables import ShiftRow
from scheduler.rehearsal import Edit, EditKind
from scheduler.seating import Seat
from scheduler.shifts import Shift
from scheduler.simulation import Beginning, Demand, Lawyers, Time
from tests.scheduler.test_befalling import at, visit
from tests.scheduler.world import World, identity

DAY = at(1, 0).date()
BEIJING = ZoneInfo("Asia/Shanghai")


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
    for half in (
        Edit(EditKind.CLOSE_DAY),
        Edit(EditKind.END_TEMPLATE),
        Edit(EditKind.TERMINAL_OUT, DAY),
    ):
        with pytest.raises(rehearsal.BadEdit):
            await rehearsal.rehearse(world.db, world.approver, world.prison_id, half)
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
    assert simulation.simulate(times(2), Demand({"w": 10}), 3, 7) == simulation.simulate(
        times(2), Demand({"w": 10}), 3, 7
    )


def test_scarcer_places_serve_fewer_and_make_them_wait() -> None:
    plenty = simulation.simulate(times(4), Demand({"w": 12}), 3, 1)
    scarce = simulation.simulate(times(1), Demand({"w": 12}), 3, 1)
    assert plenty.served > scarce.served
    assert plenty.waiting < scarce.waiting
    assert plenty.served_percent > 90
    assert scarce.served + scarce.waiting + scarce.left == scarce.asked
    assert scarce.wait_longest >= plenty.wait_longest


def test_nothing_is_asked_and_nothing_served() -> None:
    assert simulation.simulate([], Demand({}), 2, 1).served_percent == 0


def beginnings(weeks: int = 3, moments: int = 1) -> list[Beginning]:
    """On working days, one at a time; each takes the only terminal, and lasts for so many moments."""
    monday = date(2026, 11, 23)
    return [
        Beginning(
            week,
            monday + timedelta(days=7 * week + day),
            tuple(f"{week}-{day}-{n}" for n in range(moments)),
            ((f"terminal:{week}-{day}",),),
        )
        for week in range(weeks)
        for day in range(5)
    ]


def test_lawyers_take_terminals_that_families_then_lack() -> None:
    """One terminal a day: with six meetings a week some families go without, and the other way round."""
    rows = {f"terminal:{week}-{day}": 1 for week in range(3) for day in range(7)}
    taken = [replace(one, takes=((f"terminal:{one.id}",),)) for one in times(1)]
    alone = simulation.simulate(taken, Demand({"w": 8}), 3, 1, rows)
    both = simulation.simulate(taken, Demand({"w": 8}, Lawyers(4, 2, beginnings())), 3, 1, rows)
    assert alone.meetings_asked == 0 < both.meetings_asked == 12
    assert 0 < both.meetings_served <= 12
    assert both.served < alone.served
    assert both.asked == alone.asked
    assert both.served + both.meetings_served <= 21


def test_a_lawyer_is_in_one_meeting_at_a_time() -> None:
    free = [replace(one, moments=("now",), takes=((),)) for one in beginnings(weeks=1)]
    alone = simulation.simulate([], Demand({}, Lawyers(5, 1, free)), 1, 1)
    several = simulation.simulate([], Demand({}, Lawyers(5, 5, free)), 1, 1)
    assert (alone.meetings_asked, alone.meetings_served + alone.outages) == (5, 1)
    assert several.meetings_served > 1
    assert alone.meetings_wait == 1  # those who go without wait for as long as there are weeks


async def test_officers_on_the_roster_limit_what_is_given_out(world: World) -> None:
    """Two terminals and places, one officer who watches one call: on the day that has a roster one is served at most,
    on the other days the roster is not written and limits nothing."""
    for name in ("T1", "T2"):
        await world.terminal(name)
    for days in (1, 2):
        await world.slot(days=days, capacity=2)
    async with world.db.write() as session:
        session.add(
            ShiftRow(
                id="shf_1",
                prison_id=world.prison_id,
                officer_id="off_1",
                officer_name="Zhao",
                starts_at=at(0, 0),
                ends_at=at(0, 8),
                break_starts_at=None,
                break_ends_at=None,
                at_once=1,
            )
        )
    async with world.db.read() as session:
        found = await weeks.read(session, world.prison_id, NoMeetings())
    rows = {name: left for name, left in found.capacity.items() if name.startswith("officers:")}
    assert set(rows.values()) == {0, 1}
    assert {name[9:19] for name in rows} == {"2026-11-22"}
    assert [one.places for one in found.times] == [2, 2]
    (taken,) = found.times[0].takes
    assert [row.partition(":")[0] for row in taken] == ["terminals", "officers"]


@pytest.mark.parametrize(
    ("day", "hour", "limited"),
    [
        (22, 10, False),  # the day before, whose roster nobody wrote, though both lie on one day in UTC
        (23, 10, True),
        (23, 17, True),  # he has gone home
        (23, 21, True),
        (24, 1, True),  # the night shift lasts
        (24, 10, False),
    ],
)
def test_a_roster_is_written_for_days_of_the_prison(day: int, hour: int, *, limited: bool) -> None:
    def local(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 11, day, hour, minute, tzinfo=BEIJING)

    shifts = (
        Shift("off_1", "Zhao", local(23, 7, 30), local(23, 16), 1),
        Shift("off_2", "Qian", local(23, 20), local(24, 2), 1),
    )
    _, watching = Supply((), shifts, (), BEIJING).left(local(day, hour))
    assert (watching is not None) is limited


async def test_a_terminal_is_out_of_use_while_it_is_kept_for_a_help_day() -> None:
    seats = [
        Seat("one", "wng"),
        Seat("two", None, use=VisitKind.LEGAL),
        Seat("three", None, use=VisitKind.LEGAL),
    ]
    nine = at(0, 1)
    kept = Usual(help_days=((nine, at(0, 4), "two"), (nine, at(0, 4), "three")))
    supply = Supply(tuple(weeks._without(seats, kept)), (), (), BEIJING)
    left = supply.capacities((nine, at(0, 5)))
    assert {name: count for name, count in left.items() if "T01" in name} == {
        f"terminals:wng/*:{nine.isoformat()}": 1,
        f"terminals:*/legal:{nine.isoformat()}": 0,
    }
    assert left[f"terminals:*/legal:{at(0, 5).isoformat()}"] == 2
