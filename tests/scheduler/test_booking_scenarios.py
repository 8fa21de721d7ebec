"""Scenarios of the field that need the database: counting, overbooking, people kept apart, court dates, what a visit
that ended otherwise costs. Those of templates stand in test_template_scenarios."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core import clock as core_clock
from core.db import Database
from core.errors import NotFound, Refused
from core.ids import Ref, new_id
from ledger import read as ledger
from people.tables import InmateRow
from policy.rulebook import Channel
from scheduler import accounts, linked, overbooking, service, tasks
from scheduler.allowance import What
from scheduler.audience import Audience, stored
from scheduler.happenings import Kind
from scheduler.model import BookingState, BookingView
from scheduler.planning_tables import HappeningRow
from scheduler.tables import SlotRow
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import ADMIN, Family, World


async def codes(world: World, family: Family, slot_id: str) -> list[str]:
    """Why this cannot be picked, asked before anything is sent."""
    async with world.db.read() as session:
        offer, _ = await service.why_not(session, family.actor, family.inmate_id, slot_id)
    return [reason.code for reason in offer.reasons]


async def test_f11_what_counts_against_a_time(world: World, clock: FakeClock) -> None:
    slot_id = await world.slot(capacity=5)
    await world.hold(await world.family(), slot_id)
    clock.move(minutes=11)  # a pick that has run out counts no more
    await world.hold(await world.family(), slot_id)
    await world.approved(await world.family(), slot_id)
    gone = await world.family()
    withdrawn = await world.request(gone, slot_id)
    async with world.db.write() as session:
        await service.withdraw(session, gone.actor, withdrawn.id)
    family = await world.family()
    async with world.db.read() as session:
        offer, _ = await service.why_not(session, family.actor, family.inmate_id, slot_id)
    assert offer.free_places == 3


async def test_f12_a_full_time_and_overbooking_as_an_act_of_staff(world: World) -> None:
    slot_id = await world.slot()
    await world.request(await world.family(), slot_id)
    family = await world.family()
    assert await codes(world, family, slot_id) == ["slot-full"]

    async def overbooked() -> BookingView:
        async with world.db.write() as session:
            words = "He leaves for hospital."
            return await service.overbook(
                session, world.approver, family.relationship_id, slot_id, words, "k"
            )

    view, _ = await asyncio.gather(overbooked(), overbooked())  # sent twice is sent once, at once as well
    assert (await overbooked()).id == view.id
    assert (view.state, view.requested_by) == (BookingState.REQUESTED, family.relative_id)
    assert await codes(world, await world.family(), slot_id) == ["slot-full"]  # nobody else gets in by it
    async with world.db.read() as session:
        entries = await ledger.about(session, Ref("slot", slot_id))
        report = await overbooking.report(session, world.prison_id, date(2026, 11, 1), date(2026, 12, 31))
        assert await overbooking.unused(session, world.prison_id) == []
    assert [entry.tag for entry in entries][-1] == "officer:slot:overbooked"
    assert [(one.id, places) for one, places in report] == [(view.id, 1)]


async def test_f12_without_a_reason_nobody_overbooks(world: World) -> None:
    family, slot_id = await world.family(), await world.slot()
    with pytest.raises(overbooking.OverbookingWords):
        async with world.db.write() as session:
            await service.overbook(session, world.approver, family.relationship_id, slot_id, " ", "k")
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await service.overbook(session, world.approver, "rsh_unknown", slot_id, "why", "k")


async def befall(world: World, kind: Kind, starts_at: datetime, **more: Any) -> None:
    made = {
        "cause": new_id("cause"),
        "words": "",
        "state": "open",
        "made_by_kind": "officer",
        "made_by_id": "off_1",
    }
    async with world.db.write() as session:
        session.add(
            HappeningRow(
                id=new_id("hap"),
                prison_id=world.prison_id,
                kind=kind,
                starts_at=starts_at,
                made_at=core_clock.now(),
                **made,
                **more,
            )
        )


@pytest.mark.parametrize(("days", "refused"), [(1, True), (2, False)])
async def test_f23_f35_inmates_who_are_kept_apart_have_no_visits_on_one_day(
    world: World, days: int, refused: bool
) -> None:
    family, other = await world.family(), await world.family()
    await befall(
        world, Kind.KEEP_APART, core_clock.now(), inmate_id=family.inmate_id, other_id=other.inmate_id
    )
    assert await codes(world, family, await world.slot(days=1, hour=9)) == []
    held = await world.hold(other, await world.slot(days=days, hour=2))
    found = await codes(world, family, await world.slot(days=1, hour=9))
    assert found == (["inmate-unavailable"] if refused else [])
    async with world.db.write() as session:
        await service.release(session, other.actor, held.id)
    assert await codes(world, family, await world.slot(days=1, hour=9)) == []


async def test_f23_a_visit_in_another_prison_or_one_that_was_refused_keeps_nobody_away(world: World) -> None:
    family, other = await world.family(), await world.family()
    pair = {"inmate_id": family.inmate_id, "other_id": other.inmate_id}
    await befall(world, Kind.KEEP_APART, core_clock.now(), **pair)
    wanted = await world.slot(days=1, hour=9)
    asked = await world.request(other, await world.slot(days=1, hour=2))
    assert await codes(world, family, wanted) == ["inmate-unavailable"]
    async with world.db.write() as session:
        await service.refuse(session, world.approver, asked.id, "inmate-away")
    assert await codes(world, family, wanted) == []
    elsewhere = await worlds.build(world.db, name="Elsewhere")
    async with world.db.write() as session:
        moved = update(InmateRow).where(InmateRow.id == other.inmate_id)
        await session.execute(moved.values(prison_id=elsewhere.prison_id, wing_id=elsewhere.wing_id))
    await elsewhere.request(other, await elsewhere.slot(days=1, hour=2), "there")
    assert await codes(world, family, wanted) == []


async def test_f25_fourteen_days_of_the_unconvicted(db: Database, clock: FakeClock) -> None:
    """Two a week from Monday on: once a week has two, its other times are gone, and those that are not counted stay."""
    clock.set(datetime(2026, 11, 22, 8, tzinfo=UTC))  # a Sunday
    world = await worlds.build(
        db, remand_visits_per_week=2, visits_per_month=20, lead_days=0, horizon_days=14
    )
    family, convicted = await world.family(), await world.family()
    async with db.write() as session:
        remand = update(InmateRow).where(InmateRow.id == family.inmate_id)
        await session.execute(remand.values(convicted=False))
    slots = [await world.slot(days=n, capacity=9) for n in range(1, 15)]
    free = await world.slot(days=3, hour=5)
    async with db.write() as session:
        uncounted = update(SlotRow).where(SlotRow.id == free)
        await session.execute(uncounted.values(audience=stored(Audience(counted=False))))
    for number in (1, 3, 9):  # Tuesday and Thursday of the first week, Wednesday of the second
        await world.request(family, slots[number], f"k{number}")
        await world.request(convicted, slots[number], f"k{number}")
    flagged = [
        number for number, slot in enumerate(slots) if "remand-week-used" in await codes(world, family, slot)
    ]
    assert flagged == list(range(7))
    assert await codes(world, family, free) == []
    assert await codes(world, convicted, slots[0]) == []


@pytest.mark.parametrize(
    ("hour", "minutes", "refused"),
    [(11, 0, True), (10, 30, False), (13, 0, True), (16, 0, True), (16, 30, False)],
)
async def test_f31_half_an_hour_around_a_court_link(
    world: World, hour: int, minutes: int, refused: bool
) -> None:
    family = await world.family()
    day = core_clock.now() + timedelta(days=1)
    court = day.replace(hour=12, minute=0)
    await befall(world, Kind.COURT, court, inmate_id=family.inmate_id, ends_at=day.replace(hour=16, minute=0))
    async with world.db.write() as session:
        slot_id = await service.create_slot(
            session, ADMIN, world.prison_id, day.replace(hour=hour, minute=minutes)
        )
    assert await codes(world, family, slot_id) == (["inmate-appointment"] if refused else [])


async def test_a_lockdown_of_the_wing_closes_its_times(world: World) -> None:
    family, slot_id = await world.family(), await world.slot()
    now = core_clock.now()
    await befall(world, Kind.LOCKDOWN, now, wing_id=world.wing_id, ends_at=now + timedelta(days=2))
    assert await codes(world, family, slot_id) == ["lockdown"]


async def test_f43_the_nearest_three_others(world: World) -> None:
    family, other = await world.family(), await world.family()
    wanted = await world.slot(days=2, hour=9)
    near = [await world.slot(days=2, hour=hour) for hour in (8, 10, 11)]
    far = [await world.slot(days=days, hour=9) for days in (9, 10)]
    await world.request(other, wanted)
    async with world.db.read() as session:
        offer, others = await service.why_not(session, family.actor, family.inmate_id, wanted)
    assert [reason.code for reason in offer.reasons] == ["slot-full"]
    assert [one.slot_id for one in others] == near
    assert not set(far) & {one.slot_id for one in others}


# -- a ledger of visits


@pytest.fixture
async def one_a_month(db: Database, clock: FakeClock) -> World:
    del clock
    return await worlds.build(
        db,
        visits_per_month=1,
        strikes=2,
        strike_suspends_days=30,
        consumed_by=["completed", "late-withdrawal"],
    )


async def lines(world: World, family: Family) -> list[tuple[What, int]]:
    async with world.db.read() as session:
        return [(line.what, line.visits) for line in await service.allowance_lines(session, family.inmate_id)]


async def test_one_channel_of_the_pool_uses_the_month_of_all(one_a_month: World) -> None:
    world, family = one_a_month, await one_a_month.family()
    async with world.db.write() as session:
        await service.record_use(
            session, world.approver, family.inmate_id, date(2026, 11, 23), Channel.ONSITE_GLASS, "On site."
        )
    assert await codes(world, family, await world.slot(days=1)) == ["allowance-used"]
    with pytest.raises(accounts.OtherPool):
        async with world.db.write() as session:
            await service.record_use(
                session, world.approver, family.inmate_id, date(2026, 11, 23), Channel.VOICE
            )
    assert await lines(world, family) == [(What.USED, -1)]


@pytest.mark.parametrize(("hours", "again"), [(25, True), (23, False)])
async def test_f70_a_visit_withdrawn_late_is_noted_and_used(
    one_a_month: World, clock: FakeClock, hours: int, again: bool
) -> None:
    world, family = one_a_month, await one_a_month.family()
    view = await world.approved(family, await world.slot(days=4))
    clock.set(view.starts_at - timedelta(hours=hours))
    async with world.db.write() as session:
        ended = await service.withdraw(session, family.actor, view.id)
    assert (ended.reason is None) is again
    assert ended.reason is None or ended.reason.code == "withdrawn-late"
    found = await codes(world, family, await world.slot(days=3, hour=9))
    assert found == ([] if again else ["allowance-used"])
    assert await lines(world, family) == [(What.USED, -1), *([(What.REFUNDED, 1)] if again else [])]


async def missed(world: World, clock: FakeClock, family: Family, fault: str) -> BookingView:
    view = await world.confirmed(family, await world.slot(days=1, hour=20), f"k{core_clock.now()}")
    clock.set(view.slot_ends_at)
    async with world.db.write() as session:
        return await service.complete(session, view.id, BookingState.NO_SHOW, fault=fault)


async def test_f70_one_missed_visit_too_many_suspends(one_a_month: World, clock: FakeClock) -> None:
    world, family = one_a_month, await one_a_month.family()
    await world.terminal()
    await missed(world, clock, family, "prison")
    await missed(world, clock, family, "family")
    assert await codes(world, family, await world.slot(days=2)) == []
    await missed(world, clock, family, "family")
    assert await codes(world, family, await world.slot(days=2)) == ["visits-suspended"]


@pytest.fixture
async def saving(db: Database, clock: FakeClock) -> World:
    del clock
    grant = {"visits": 2, "every_days": 14, "extra": 1, "extra_every_days": 28}
    return await worlds.build(db, allowance_span="balance", grants={"ordinary": grant}, grants_expire_days=28)


async def bring_up(world: World, family: Family) -> int:
    async with world.db.write() as session:
        return await accounts.bring_up(session, family.inmate_id)


async def test_f53_visits_are_granted_used_given_back_and_lost(saving: World, clock: FakeClock) -> None:
    world, family = saving, await saving.family()
    assert await codes(world, family, await world.slot()) == ["allowance-used"]
    assert await bring_up(world, family) == await bring_up(world, family) == 3
    first = await world.request(family, await world.slot(days=1), "a")
    await world.request(family, await world.slot(days=2), "b")
    await world.hold(family, await world.slot(days=3), "c")
    other = await world.relative(family.inmate_id)
    assert await codes(world, other, await world.slot(days=4)) == ["allowance-used"]
    async with world.db.write() as session:
        await service.withdraw(session, family.actor, first.id)
    assert await codes(world, other, await world.slot(days=4)) == []
    clock.move(days=28)
    assert await bring_up(world, family) == 3  # two were lost, three are new
    assert sorted(await lines(world, family)) == [
        (What.EARNED, 1), (What.EARNED, 1), (What.EARNED, 2), (What.EARNED, 2), (What.EXPIRED, -2),
        (What.REFUNDED, 1), (What.USED, -1), (What.USED, -1),
    ]  # fmt: skip


async def test_f53_staff_may_go_below_nothing_as_far_as_the_rules_say(saving: World) -> None:
    world, family = saving, await saving.family()
    async with world.db.write() as session:
        await service.adjust_allowance(session, world.approver, family.inmate_id, -5, "Paid ahead.")
    with pytest.raises(Refused):
        async with world.db.write() as session:
            await service.adjust_allowance(session, world.approver, family.inmate_id, -1, "And more.")
    assert await bring_up(world, family) == -2


async def test_f53_the_worker_grants_where_visits_are_saved_and_nowhere_else(saving: World) -> None:
    monthly = await worlds.build(saving.db, name="Monthly")
    family, other = await saving.family(), await monthly.family()
    assert await tasks.grant_visits(saving.db) == await tasks.grant_visits(saving.db) == 1
    assert sorted(await lines(saving, family)) == [(What.EARNED, 1), (What.EARNED, 2)]
    assert await lines(monthly, other) == []


# -- parts that belong together


async def test_f48_all_parts_or_none(world: World) -> None:
    family = await world.family()
    slots = [await world.slot(hour=hour) for hour in (2, 3, 4)]
    parts = list(zip(("pre", "main", "post"), slots, strict=True))
    async with world.db.write() as session:
        views = await linked.request(session, family.actor, family.inmate_id, parts, family.choice, "k")
    async with world.db.write() as session:
        again = await linked.request(session, family.actor, family.inmate_id, parts, family.choice, "k")
    assert [view.part for view in views] == ["pre", "main", "post"]
    assert [view.id for view in views] == [view.id for view in again]
    assert len({view.link for view in views}) == 1
    other = await world.family()
    wanted = [("main", await world.slot(hour=1)), ("post", slots[2])]
    with pytest.raises(Refused):
        async with world.db.write() as session:
            await linked.request(session, other.actor, other.inmate_id, wanted, other.choice, "k")
    async with world.db.read() as session:
        assert await service.of_relative(session, other.relative_id) == []


async def test_two_half_hours_of_a_month_are_had_as_one_hour(db: Database, clock: FakeClock) -> None:
    """An allowance that can be split (rules N10: twice 30 minutes or once 60): a visit is half an hour, and an hour is
    two of them that adjoin, asked for together; each counts, and one that is given back counts no more."""
    world = await worlds.build(db, visits_per_month=2, minutes=30, turnaround_minutes=0)
    family, slots = await world.family(), [await world.slot(hour=hour) for hour in (2, 4)]
    async with db.write() as session:
        begins = clock.now().replace(hour=2, minute=30, second=0, microsecond=0) + timedelta(days=1)
        slots.insert(1, await service.create_slot(session, ADMIN, world.prison_id, begins))
        parts = [("main", slots[0]), ("post", slots[1])]
        hour = await linked.request(session, family.actor, family.inmate_id, parts, family.choice, "k")
    assert hour[0].slot_ends_at == hour[1].starts_at
    assert await codes(world, family, slots[2]) == ["allowance-used"]
    async with db.write() as session:
        await service.withdraw(session, family.actor, hour[1].id)
    assert await codes(world, family, slots[2]) == []


@pytest.mark.parametrize("parts", [["other"], ["main", "later"], []])
async def test_f48_a_part_of_no_known_kind(world: World, parts: list[str]) -> None:
    family = await world.family()
    wanted = [(part, await world.slot(hour=number + 2)) for number, part in enumerate(parts)]
    with pytest.raises(linked.BadParts):
        async with world.db.write() as session:
            await linked.request(session, family.actor, family.inmate_id, wanted, family.choice, "k")
