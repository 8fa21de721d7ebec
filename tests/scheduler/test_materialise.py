"""Templates become slots and places; running it again changes nothing; changes of the timetable follow."""

import asyncio
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, update

from core import clock as core_clock
from core.db import Database
from core.errors import NotFound
from scheduler import closures, service, setup, tasks
from scheduler.model import BookingState
from scheduler.tables import PlaceRow, SlotRow, TemplateRow
from scheduler.timetable import BadTimetable
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import ADMIN, World

# The clock of the tests stands at Saturday 21 November 2026, 16:00 in Beijing; the horizon is 30 days.
WEDNESDAYS = [date(2026, 11, 25), date(2026, 12, 2), date(2026, 12, 9), date(2026, 12, 16)]


async def template(world: World, weekday: int = 3, **more: object) -> str:
    async with world.db.write() as session:
        return await service.create_template(
            session,
            ADMIN,
            world.prison_id,
            weekday=weekday,
            starts=time(9),
            **more,  # type: ignore[arg-type] # a bag of keywords
        )


async def slots(db: Database) -> list[SlotRow]:
    async with db.read() as session:
        return list(await session.scalars(select(SlotRow).order_by(SlotRow.starts_at)))


async def seats(db: Database, slot_id: str) -> int:
    async with db.read() as session:
        return await session.scalar(select(func.count()).where(PlaceRow.slot_id == slot_id)) or 0


async def test_a_template_makes_slots_of_the_policys_length(world: World) -> None:
    await template(world, count=2, capacity=3, wing_id=world.wing_id)
    rows = await slots(world.db)
    assert [row.day for row in rows] == [day for day in WEDNESDAYS for _ in range(2)]
    assert [f"{row.starts_at:%H:%M}-{row.ends_at:%H:%M}" for row in rows[:2]] == [
        "01:00-01:40",
        "01:40-02:20",
    ]
    assert {(row.minutes, row.wing_id, row.closed) for row in rows} == {(30, world.wing_id, "")}
    assert await seats(world.db, rows[0].id) == 3


async def test_doing_it_again_adds_nothing_and_a_day_later_only_what_is_new(
    world: World, clock: FakeClock
) -> None:
    await template(world)
    assert await tasks.materialise(world.db) == 0
    clock.move(days=2)  # the horizon now reaches Wednesday 23 December
    assert await tasks.materialise(world.db) == 1
    assert [row.day for row in await slots(world.db)] == [*WEDNESDAYS, date(2026, 12, 23)]


async def test_a_slot_of_today_that_has_begun_is_not_made(world: World) -> None:
    await template(world, weekday=6, count=12)  # Saturday, 09:00 to 17:00; it is 16:00
    today = [row for row in await slots(world.db) if row.day == date(2026, 11, 21)]
    assert [f"{row.starts_at:%H:%M}" for row in today] == ["08:20"]


async def test_a_closed_date_closes_and_reopens(world: World) -> None:
    await template(world)
    async with world.db.write() as session:
        await service.close_date(session, ADMIN, world.prison_id, WEDNESDAYS[1], "flood")
    assert [(row.closed, row.closed_words) for row in await slots(world.db)][:2] == [
        ("", ""),
        ("prison-closed", "flood"),
    ]
    async with world.db.write() as session:
        await service.reopen_date(session, ADMIN, world.prison_id, WEDNESDAYS[1])
    assert {row.closed for row in await slots(world.db)} == {""}
    assert len(await slots(world.db)) == 4


async def test_one_session_of_a_day_may_be_closed(world: World) -> None:
    first, second = await template(world), await template(world, count=2)
    async with world.db.write() as session:
        await service.close_date(session, ADMIN, world.prison_id, WEDNESDAYS[0], "staff", second)
    day = [row for row in await slots(world.db) if row.day == WEDNESDAYS[0]]
    assert {row.template_id: row.closed for row in day} == {first: "", second: "slot-closed"}


async def test_closing_answers_the_bookings_and_cancels_none(world: World) -> None:
    await template(world, capacity=2)
    slot_id = (await slots(world.db))[0].id
    view = await world.request(await world.family(), slot_id)
    async with world.db.write() as session:
        affected = await service.close_date(session, ADMIN, world.prison_id, WEDNESDAYS[0], "flood")
    assert [booking.id for booking in affected] == [view.id]
    assert (await world.get(view.id)).state is BookingState.REQUESTED


async def test_f37_dates_that_cannot_be_closed(world: World) -> None:
    template_id = await template(world)
    async with world.db.write() as session:
        await service.close_date(session, ADMIN, world.prison_id, WEDNESDAYS[0], "flood")
    cases: list[tuple[date, str | None, type[Exception]]] = [
        (date(2026, 11, 20), None, closures.DatePassed),
        (WEDNESDAYS[0], None, closures.ClosedAlready),
        (date(2026, 11, 26), template_id, closures.NothingOnThatDay),
        (WEDNESDAYS[1], "tpl_none", NotFound),
    ]
    for day, which, error in cases:
        with pytest.raises(error):
            async with world.db.write() as session:
                await service.close_date(session, ADMIN, world.prison_id, day, "again", which)


@pytest.mark.parametrize("whole", [True, False])
async def test_who_closes_a_date_twice_at_once_closes_it_once(world: World, whole: bool) -> None:
    template_id = await template(world)

    async def close() -> None:
        async with world.db.write() as session:
            which = None if whole else template_id
            await service.close_date(session, ADMIN, world.prison_id, WEDNESDAYS[0], "flood", which)

    answers = await asyncio.gather(*(close() for _ in range(3)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in answers) == ["ClosedAlready", "ClosedAlready", "NoneType"]


async def test_what_was_never_closed_cannot_be_reopened(world: World) -> None:
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await service.reopen_date(session, ADMIN, world.prison_id, WEDNESDAYS[0])


async def test_special_times_replace_the_weekly_ones(world: World) -> None:
    await template(world)
    for hour in (13, 15):
        async with world.db.write() as session:
            await service.create_special_date(
                session, ADMIN, world.prison_id, WEDNESDAYS[0],
                starts=time(hour), minutes=60, raster=60, capacity=2,
            )  # fmt: skip
    day = [row for row in await slots(world.db) if row.day == WEDNESDAYS[0]]
    assert [(f"{row.starts_at:%H:%M}", row.closed) for row in day] == [
        ("01:00", "withdrawn"), ("05:00", ""), ("07:00", ""),
    ]  # fmt: skip
    assert await seats(world.db, day[1].id) == 2
    with pytest.raises(closures.ClosedAlready):
        async with world.db.write() as session:
            await service.close_date(session, ADMIN, world.prison_id, WEDNESDAYS[0], "both")


async def test_a_closed_day_takes_no_special_times(world: World) -> None:
    async with world.db.write() as session:
        await service.close_date(session, ADMIN, world.prison_id, WEDNESDAYS[0], "flood")
    with pytest.raises(closures.ClosedAlready):
        async with world.db.write() as session:
            await service.create_special_date(
                session, ADMIN, world.prison_id, WEDNESDAYS[0], starts=time(9), minutes=30, raster=40
            )


async def test_an_ended_template_takes_its_slots_back(world: World) -> None:
    template_id = await template(world, capacity=2)
    view = await world.request(await world.family(), (await slots(world.db))[0].id)
    async with world.db.write() as session:
        await service.end_template(session, ADMIN, template_id)
    assert {row.closed for row in await slots(world.db)} == {"withdrawn"}
    assert (await world.get(view.id)).state is BookingState.REQUESTED


async def test_seats_follow_the_capacity_but_nobody_loses_theirs(world: World) -> None:
    await template(world, capacity=3)
    slot_id = (await slots(world.db))[0].id
    views = [await world.request(await world.family(), slot_id) for _ in range(2)]
    for capacity, expected in ((5, 5), (1, 2), (4, 4)):
        async with world.db.write() as session:
            await session.execute(update(TemplateRow).values(capacity=capacity))
            await service.materialise(session, world.prison_id)
        assert await seats(world.db, slot_id) == expected
    async with world.db.read() as session:
        taken = set(await session.scalars(select(PlaceRow.booking_id).where(PlaceRow.slot_id == slot_id)))
    assert {view.id for view in views} <= taken


async def test_an_unbookable_prison_does_not_stop_the_others(db: Database, clock: FakeClock) -> None:
    world = await worlds.build(db)
    await template(world)
    async with db.write() as session:
        await service.create_prison(session, ADMIN, name="Unset", zone="Asia/Shanghai", policy="yunnan")
    clock.move(days=7)
    assert await tasks.materialise(db) == 1


async def test_slots_by_hand_follow_no_timetable(world: World) -> None:
    slot_id = await world.slot(days=2)
    assert await tasks.materialise(world.db) == 0
    (row,) = await slots(world.db)
    assert (row.id, row.closed) == (slot_id, "")


async def test_bad_timetables_are_refused(world: World) -> None:
    for weekday, more in ((8, {}), (1, {"raster": 42}), (1, {"capacity": 0}), (1, {"every_weeks": 0})):
        with pytest.raises(BadTimetable):
            await template(world, weekday, **more)
    with pytest.raises(NotFound):
        await template(world, wing_id="wng_none")
    moment = core_clock.now() + timedelta(days=1, seconds=5)
    with pytest.raises(BadTimetable):
        async with world.db.write() as session:
            await service.create_slot(session, ADMIN, world.prison_id, moment)


async def test_names_and_zones(world: World) -> None:
    async with world.db.write() as session:
        await service.create_terminal(session, ADMIN, world.prison_id, world.wing_id, "T1")
    with pytest.raises(setup.BadZone):
        async with world.db.write() as session:
            await service.create_prison(session, ADMIN, name="X", zone="Asia/Nowhere")
    with pytest.raises(setup.NameTaken):
        async with world.db.write() as session:
            await service.create_prison(session, ADMIN, name="Bridge", zone="Asia/Shanghai")
    with pytest.raises(setup.NameTaken):
        async with world.db.write() as session:
            await service.create_wing(session, ADMIN, world.prison_id, "Wing 1")
    with pytest.raises(setup.NameTaken):
        async with world.db.write() as session:
            await service.create_terminal(session, ADMIN, world.prison_id, None, "T1")


async def test_a_prison_in_london_keeps_its_wall_time_over_the_change_of_clocks(
    db: Database, clock: FakeClock
) -> None:
    clock.set(datetime.fromisoformat("2026-10-12T09:00:00+00:00"))
    world = await worlds.build(db, zone="Europe/London")
    await template(world, weekday=1)
    assert [f"{row.starts_at:%m-%d %H:%M}" for row in await slots(db)] == [
        "10-19 08:00", "10-26 09:00", "11-02 09:00", "11-09 09:00",
    ]  # fmt: skip
