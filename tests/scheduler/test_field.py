"""Scenarios of the field at the moment of confirming, of picks that nobody finished, and of requests that nobody
decided (F15, F26, F28, F52; a day closed after the pick, F27, stands in test_holds)."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from core import clock as core_clock
from core.db import Database, Session
from core.errors import Refused
from people.tables import InmateRow
from policy.rulebook import Apart, Channel
from scheduler import befalling, service, tasks
from scheduler.audience import Audience, stored
from scheduler.happenings import Happening, Kind
from scheduler.model import BookingState
from scheduler.suspensions import ban
from scheduler.tables import BookingRow, SlotRow
from scheduler.timetable import OffTheRaster
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import ADMIN, Family, World


async def test_f15_picks_of_before_are_forgotten_a_day_later(world: World, clock: FakeClock) -> None:
    """Ended 25 hours, 24 hours and a moment ago: the first two go. What was sent stays, whatever became of it."""
    families = [await world.family() for _ in range(4)]
    slots = [await world.slot(days=5, hour=hour) for hour in (2, 3, 4, 5)]
    sent = await world.request(families[3], slots[3])
    async with world.db.write() as session:
        await service.withdraw(session, families[3].actor, sent.id)
    held = []
    for family, slot_id, hours in zip(families, slots, (1, 24, 0), strict=False):
        pick = await world.hold(family, slot_id)
        held.append(pick.id)
        async with world.db.write() as session:
            await service.release(session, family.actor, pick.id)
        clock.move(hours=hours)
    assert await tasks.forget_picks(world.db) == 2
    assert await tasks.forget_picks(world.db) == 0
    async with world.db.read() as session:
        left = set(await session.scalars(select(BookingRow.id)))
    assert left == {held[2], sent.id}


# -- F26: what has changed between the pick and its confirmation


async def moved_away(session: Session, _world: World, family: Family) -> None:
    await session.execute(update(InmateRow).where(InmateRow.id == family.inmate_id).values(status="away"))


async def no_visits_at_level(session: Session, _world: World, family: Family) -> None:
    await session.execute(update(InmateRow).where(InmateRow.id == family.inmate_id).values(level="strict"))


async def for_another_place(session: Session, _world: World, _family: Family) -> None:
    await session.execute(update(SlotRow).values(audience=stored(Audience(include=("B",)))))


async def for_another_category(session: Session, _world: World, _family: Family) -> None:
    await session.execute(update(SlotRow).values(audience=stored(Audience(categories=("A",)))))


async def suspended(session: Session, world: World, family: Family) -> None:
    day = date(2026, 11, 22)
    await ban(session, ADMIN, world.prison_id, day, day, "x", relative_id=family.relative_id)


async def locked_down(session: Session, world: World, _family: Family) -> None:
    first = core_clock.now()
    shut = Happening("", world.prison_id, Kind.LOCKDOWN, first, first + timedelta(days=2))
    await befalling.report(session, world.approver, shut)


async def at_court(session: Session, world: World, family: Family) -> None:
    first = core_clock.now().replace(hour=1) + timedelta(days=1)
    court = Happening(
        "", world.prison_id, Kind.COURT, first, first + timedelta(hours=3), inmate_id=family.inmate_id
    )
    await befalling.report(session, world.approver, court)


async def kept_apart(session: Session, world: World, family: Family) -> None:
    """From somebody who has a visit on that day."""
    other = await worlds.family(session, world.prison_id, world.wing_id)
    day = core_clock.now().replace(hour=6, minute=0) + timedelta(days=1)
    slot_id = await service.create_slot(session, ADMIN, world.prison_id, day)
    await service.hold(session, other.actor, other.inmate_id, slot_id, "other")
    now, one = core_clock.now(), family.inmate_id
    pair = Happening("", world.prison_id, Kind.KEEP_APART, now, None, inmate_id=one, other_id=other.inmate_id)
    await befalling.report(session, world.approver, pair)


async def used_on_site(session: Session, world: World, family: Family) -> None:
    """The month's visits take place elsewhere, one by one."""
    day = date(2026, 11, 23)
    for _ in range((await service.allowance(session, family.inmate_id, day)).limit):
        await service.record_use(
            session, world.approver, family.inmate_id, day, Channel.ONSITE_GLASS, "On site."
        )


Change = Callable[[Session, World, Family], Awaitable[None]]
F26: list[tuple[list[Change], set[str]]] = [
    ([], set()),
    ([moved_away], {"inmate-away"}),
    ([no_visits_at_level], {"no-visits-at-level"}),
    ([for_another_place], {"other-group"}),
    ([for_another_category], {"other-group"}),
    ([suspended], {"visits-suspended"}),
    ([locked_down], {"lockdown"}),
    ([at_court], {"inmate-appointment"}),
    ([kept_apart], {"inmate-unavailable"}),
    ([used_on_site], {"allowance-used"}),
    ([kept_apart, used_on_site], {"inmate-unavailable", "allowance-used"}),
    ([no_visits_at_level, suspended], {"no-visits-at-level", "visits-suspended"}),
    (
        [moved_away, for_another_place, suspended, locked_down, at_court],
        {"inmate-away", "other-group", "visits-suspended", "lockdown", "inmate-appointment"},
    ),
]


@pytest.mark.parametrize(("changes", "codes"), F26)
async def test_f26_confirming_says_all_that_has_changed_at_once(
    world: World, changes: list[Change], codes: set[str]
) -> None:
    family = await world.family()
    held = await world.hold(family, await world.slot())
    async with world.db.write() as session:
        for change in changes:
            await change(session, world, family)
    found: set[str] = set()
    async with world.db.write() as session:
        try:
            await service.request(session, family.actor, held.id, family.choice, "k")
        except Refused as refused:
            found = {reason.code for reason in refused.reasons}
    assert found == codes
    expected = BookingState.HELD if codes else BookingState.REQUESTED
    assert (await world.get(held.id)).state is expected  # refused, the pick stays as it was


async def test_f26_a_balance_that_nobody_wrote_is_none(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, allowance_span="balance")
    with pytest.raises(Refused) as caught:
        await world.hold(await world.family(), await world.slot())
    assert [reason.code for reason in caught.value.reasons] == ["allowance-used"]


# -- F28: what nobody decides


@pytest.mark.parametrize("lead", [0, 1, 4])
async def test_f28_a_request_is_kept_till_its_lobby_would_open(
    db: Database, clock: FakeClock, lead: int
) -> None:
    """Others refuse it the evening before the notice begins. Here the notice is the family's to keep, and no excuse of
    the prison's: the request waits, its light turns red, and it ends when it is pointless. Booked visits stay."""
    world = await worlds.build(db, lead_days=lead, lead_unit="days", late_booking_minutes=0)
    await world.terminal()
    first = await world.request(await world.family(), await world.slot(days=lead + 1))
    second = await world.request(await world.family(), await world.slot(days=lead + 2))
    booked = await world.confirmed(await world.family(), await world.slot(days=lead + 1, hour=6))
    clock.set(first.opens_at - timedelta(seconds=1))
    assert await tasks.expire(db) == 0
    clock.set(first.opens_at)
    assert await tasks.expire(db) == 1
    states = [(await world.get(view.id)).state for view in (first, second, booked)]
    assert states == [BookingState.EXPIRED, BookingState.REQUESTED, BookingState.CONFIRMED]


# -- F52: inmates kept apart


@pytest.mark.parametrize(
    ("apart", "days", "hour", "refused"),
    [
        (Apart.SAME_DAY, 1, 6, True),
        (Apart.SAME_DAY, 2, 2, False),
        (Apart.SAME_TIME, 1, 6, False),
        (Apart.SAME_TIME, 1, 2, True),
        (Apart.OFF, 1, 2, False),
    ],
)
async def test_f52_how_far_inmates_are_kept_apart(
    db: Database, clock: FakeClock, apart: Apart, days: int, hour: int, refused: bool
) -> None:
    del clock
    world = await worlds.build(db, keep_apart=apart.value)
    one, other = await world.family(), await world.family()
    await world.request(other, await world.slot(days=1, hour=2))
    await keep_apart(world, one, other)
    slot_id = await world.slot(days=days, hour=hour, capacity=2)
    async with db.read() as session:
        offer, _ = await service.why_not(session, one.actor, one.inmate_id, slot_id)
    assert [reason.code for reason in offer.reasons] == (["inmate-unavailable"] if refused else [])


async def keep_apart(world: World, one: Family, other: Family) -> None:
    now: datetime = core_clock.now()
    pair = Happening(
        "", world.prison_id, Kind.KEEP_APART, now, None, inmate_id=one.inmate_id, other_id=other.inmate_id
    )
    async with world.db.write() as session:
        await befalling.report(session, world.approver, pair)


@pytest.mark.parametrize(
    ("minute", "raster", "fits"), [(0, None, True), (15, None, True), (5, None, False), (0, 40, False)]
)
async def test_beginnings_lie_on_the_raster_of_the_rules(
    db: Database, clock: FakeClock, minute: int, raster: int | None, fits: bool
) -> None:
    """A visit of 30 minutes and a pause of 10 take three quarters of an hour there."""
    del clock
    world = await worlds.build(db, raster_minutes=15)
    moment = core_clock.now().replace(hour=2, minute=minute) + timedelta(days=1)
    async with db.write() as session:
        act = service.create_slot(session, ADMIN, world.prison_id, moment, raster=raster)
        if not fits:
            with pytest.raises(OffTheRaster):
                await act
            return
        slot = await session.get_one(SlotRow, await act)
    assert slot.ends_at - slot.starts_at == timedelta(minutes=45)
