"""The month as a family sees it: free slots, and why the others are not offered."""

from datetime import date, time

import pytest
from sqlalchemy import event

from core.db import Database
from core.errors import NotFound
from scheduler import service
from scheduler.model import Allowance, DayOffer
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import ADMIN, Family, World


async def month(world: World, family: Family, year: int = 2026, number: int = 11) -> list[DayOffer]:
    async with world.db.read() as session:
        return await service.month(session, family.actor, family.inmate_id, year, number)


async def codes(world: World, family: Family, year: int = 2026, number: int = 11) -> dict[int, list[str]]:
    days = await month(world, family, year, number)
    return {day.date.day: [r.code for slot in day.slots for r in slot.reasons] for day in days if day.slots}


async def test_every_day_is_there_and_every_slot_says_why_not(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, lead_days=2, lead_unit="days", horizon_days=7, visits_per_month=1)
    family = await world.family()
    slots = {days: await world.slot(days=days) for days in (2, 3, 4, 8)}  # 23, 24, 25 and 29 November
    await world.request(await world.family(), slots[4])
    days = await month(world, family)
    assert [day.date for day in days] == [date(2026, 11, n) for n in range(1, 31)]
    assert await codes(world, family) == {23: ["too-soon"], 24: [], 25: ["slot-full"], 29: ["too-far"]}
    await world.request(family, slots[3])
    assert await codes(world, family) == {
        23: ["too-soon", "allowance-used"],
        24: ["slot-full", "allowance-used", "inmate-busy", "visitor-busy"],
        25: ["slot-full", "allowance-used"],
        29: ["too-far", "allowance-used"],
    }


async def test_a_pick_of_ones_own_does_not_stand_in_the_way(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, visits_per_month=1)
    family = await world.family()
    first, _second = await world.slot(days=1), await world.slot(days=2)
    await world.hold(family, first)
    assert await codes(world, family) == {22: [], 23: []}
    assert await codes(world, await world.family()) == {22: ["slot-full"], 23: []}


async def test_other_wings_times_are_not_shown(world: World) -> None:
    async with world.db.write() as session:
        wing = await service.create_wing(session, ADMIN, world.prison_id, "Wing 2")
    await world.slot(days=1, wing_id=wing)
    await world.slot(days=2, wing_id=world.wing_id)
    assert list(await codes(world, await world.family())) == [23]


async def test_a_closed_day_says_so_even_without_slots(world: World) -> None:
    async with world.db.write() as session:
        await service.create_template(session, ADMIN, world.prison_id, weekday=3, starts=time(9))
        for day in (25, 26):
            await service.close_date(session, ADMIN, world.prison_id, date(2026, 11, day), "flood")
    family = await world.family()
    days = await month(world, family)
    assert {day.date.day: day.closed.params for day in days if day.closed} == {
        25: {"words": "flood"},
        26: {"words": "flood"},
    }
    assert await codes(world, family) == {25: ["prison-closed"]}
    assert not days[24].offered


async def test_a_month_takes_the_same_few_queries_however_many_slots(world: World) -> None:
    family = await world.family()
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement != "BEGIN":
            statements.append(statement)

    event.listen(world.db.engine.sync_engine, "before_cursor_execute", count)
    await month(world, family)
    few = len(statements)
    async with world.db.write() as session:
        for weekday in range(1, 8):
            await service.create_template(
                session, ADMIN, world.prison_id, weekday=weekday, starts=time(9), count=6, capacity=3
            )
    statements.clear()
    days = await month(world, family, 2026, 12)
    assert sum(len(day.slots) for day in days) > 100
    # who asks about whom under which rules, slots, what stands in the way
    assert len(statements) == 3 <= few


async def test_the_three_nearest_others(world: World) -> None:
    family = await world.family()
    slots = {days: await world.slot(days=days) for days in (1, 2, 3, 4, 6, 9)}
    await world.request(await world.family(), slots[3])
    async with world.db.read() as session:
        nearest = await service.alternatives(session, family.actor, family.inmate_id, slots[3])
    assert [offer.slot_id for offer in nearest] == [slots[2], slots[4], slots[1]]
    assert all(offer.offered for offer in nearest)


async def test_an_allowance_counts_pending_bookings(world: World) -> None:
    family = await world.family()
    await world.request(family, await world.slot())
    async with world.db.read() as session:
        november = await service.allowance(session, family.inmate_id, date(2026, 11, 30))
        december = await service.allowance(session, family.inmate_id, date(2026, 12, 1))
    assert (november, november.left) == (Allowance("2026-11", 1, 20), 19)
    assert december == Allowance("2026-12", 0, 20)


async def test_everybody_who_is_approved_may_be_brought(world: World) -> None:
    family = await world.family()
    other = await world.relative(family.inmate_id)
    await world.relative(family.inmate_id, state="pending")
    async with world.db.read() as session:
        found = await service.candidates(session, family.actor, family.inmate_id)
    assert {relation.id for relation in found} == {family.relationship_id, other.relationship_id}


async def test_strangers_see_no_month(world: World) -> None:
    family, stranger = await world.family(), await world.family()
    async with world.db.read() as session:
        with pytest.raises(NotFound):
            await service.month(session, stranger.actor, family.inmate_id, 2026, 11)
        with pytest.raises(NotFound):
            await service.candidates(session, stranger.actor, family.inmate_id)


async def test_the_nearest_others_are_possible_for_the_visitors_who_would_come(world: World) -> None:
    family = await world.family()
    other = await world.relative(family.inmate_id)
    busy = await world.relative((await world.family()).inmate_id, relative_id=other.relative_id)
    slots = {days: await world.slot(days=days) for days in (2, 3, 4, 5, 6)}
    elsewhere = await world.slot(days=3)
    await world.request(busy, elsewhere)
    await world.request(await world.family(), slots[4])
    async with world.db.read() as session:
        _, alone = await service.why_not(session, family.actor, family.inmate_id, slots[4])
        offer, both = await service.why_not(
            session,
            family.actor,
            family.inmate_id,
            slots[4],
            [family.relationship_id, other.relationship_id],
        )
    assert [one.slot_id for one in alone] == [slots[3], slots[5], slots[2]]
    assert [one.slot_id for one in both] == [slots[5], slots[2], slots[6]]
    assert [reason.code for reason in offer.reasons] == ["slot-full"]


async def test_the_nearest_to_a_time_beyond_what_can_be_chosen_are_the_last_ones(
    db: Database, clock: FakeClock
) -> None:
    del clock
    world = await worlds.build(db, lead_days=0, lead_unit="days", horizon_days=7)
    family = await world.family()
    slots = {days: await world.slot(days=days) for days in (1, 2, 3, 5, 6, 9)}
    async with world.db.read() as session:
        offer, others = await service.why_not(session, family.actor, family.inmate_id, slots[9])
    assert [reason.code for reason in offer.reasons] == ["too-far"]
    assert [one.slot_id for one in others] == [slots[6], slots[5], slots[3]]
