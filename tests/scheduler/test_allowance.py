"""The monthly allowance: of the month of the visit, for all who visit the inmate, pending bookings included."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.db import Database
from core.errors import Refused
from core.ids import Ref
from policy import service as policies
from scheduler import service
from scheduler.model import Allowance, BookingState
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import ADMIN, Family, World

BEIJING = ZoneInfo("Asia/Shanghai")


async def slot_at(world: World, year: int, month: int, day: int, hour: int) -> str:
    """A slot at a wall time in Beijing."""
    starts_at = datetime(year, month, day, hour, tzinfo=BEIJING)
    async with world.db.write() as session:
        return await service.create_slot(session, ADMIN, world.prison_id, starts_at)


async def refusal(world: World, family: Family, slot_id: str, key: str) -> list[str]:
    with pytest.raises(Refused) as caught:
        await world.hold(family, slot_id, key)
    return [reason.code for reason in caught.value.reasons]


@pytest.fixture
async def strict(db: Database, clock: FakeClock) -> World:
    """One visit a month, bookable 60 days ahead; it is 31 January in Beijing."""
    clock.set(datetime(2027, 1, 31, 9, tzinfo=BEIJING))
    return await worlds.build(db, visits_per_month=1, horizon_days=60)


async def test_the_month_of_the_visit_counts_not_that_of_the_booking(strict: World) -> None:
    family = await strict.family()
    await strict.request(family, await slot_at(strict, 2027, 2, 3, 10), "a")
    # booked in January as well, and of January: February's visit does not count here
    await strict.request(family, await slot_at(strict, 2027, 1, 31, 15), "b")
    third = await slot_at(strict, 2027, 2, 28, 10)
    assert await refusal(strict, family, third, "c") == ["allowance-used"]
    await strict.request(family, await slot_at(strict, 2027, 3, 1, 10), "d")


async def test_the_month_ends_at_midnight_of_the_prison(strict: World) -> None:
    family = await strict.family()
    await strict.request(family, await slot_at(strict, 2027, 2, 28, 23), "a")  # UTC: 28 February 15:00
    await strict.request(family, await slot_at(strict, 2027, 3, 1, 0), "b")  # UTC: still 28 February
    assert await refusal(strict, family, await slot_at(strict, 2027, 3, 1, 9), "c") == ["allowance-used"]


async def test_the_allowance_is_the_inmates_whoever_asks(strict: World) -> None:
    family = await strict.family()
    other = await strict.relative(family.inmate_id)
    await strict.request(family, await slot_at(strict, 2027, 2, 3, 10))
    assert await refusal(strict, other, await slot_at(strict, 2027, 2, 4, 10), "k") == ["allowance-used"]


async def test_a_special_window_is_one_period_over_two_months(db: Database, clock: FakeClock) -> None:
    clock.set(datetime(2027, 1, 5, 9, tzinfo=BEIJING))
    window = {"first": date(2027, 1, 9), "last": date(2027, 2, 10), "visits": 1}
    world = await worlds.build(db, visits_per_month=1, horizon_days=60, allowance_windows=[window])
    family = await world.family()
    await world.request(family, await slot_at(world, 2027, 1, 20, 10), "a")
    assert await refusal(world, family, await slot_at(world, 2027, 2, 5, 10), "b") == ["allowance-used"]
    await world.request(family, await slot_at(world, 2027, 1, 8, 10), "c")
    await world.request(family, await slot_at(world, 2027, 2, 11, 10), "d")
    async with db.read() as session:
        left = await service.allowance(session, family.inmate_id, date(2027, 2, 1))
    assert left == Allowance("2027-01-09..2027-02-10", 1, 1)


@pytest.mark.parametrize("ending", ["release", "withdraw", "refuse", "cancel", "expire"])
async def test_a_visit_that_failed_gives_its_turn_back(strict: World, clock: FakeClock, ending: str) -> None:
    family = await strict.family()
    first, second = await slot_at(strict, 2027, 2, 3, 10), await slot_at(strict, 2027, 2, 4, 10)
    held = await strict.hold(family, first, "a")
    async with strict.db.write() as session:
        if ending == "release":
            await service.release(session, family.actor, held.id)
        elif ending != "expire":
            await service.request(session, family.actor, held.id, family.choice, "a")
    async with strict.db.write() as session:
        match ending:
            case "withdraw":
                await service.withdraw(session, family.actor, held.id)
            case "refuse":
                await service.refuse(session, strict.approver, held.id, "papers")
            case "cancel":
                await service.cancel(session, strict.approver, held.id, "staff")
            case "expire":
                clock.move(minutes=10)
    assert (await strict.request(family, second, "b")).state is BookingState.REQUESTED


@pytest.mark.parametrize(
    ("outcome", "again"),
    [(BookingState.COMPLETED, False), (BookingState.NO_SHOW, False), (BookingState.CANCELLED, True)],
)
async def test_how_a_visit_ended_decides_whether_it_counts(
    strict: World, clock: FakeClock, outcome: BookingState, again: bool
) -> None:
    family = await strict.family()
    await strict.terminal()
    view = await strict.confirmed(family, await slot_at(strict, 2027, 2, 3, 10))
    clock.set(view.slot_ends_at)
    async with strict.db.write() as session:
        await service.complete(session, view.id, outcome, fault="platform")
    second = await slot_at(strict, 2027, 2, 20, 10)
    if again:
        await strict.request(family, second, "b")
    else:
        assert await refusal(strict, family, second, "b") == ["allowance-used"]


async def test_the_treatment_level_decides_how_many(db: Database, clock: FakeClock) -> None:
    clock.move(days=0)
    world = await worlds.build(db, visits_per_month=1, visits_by_level={"lenient": 2, "strict": 0})
    slots = [await world.slot(days=1 + n) for n in range(3)]
    ordinary, lenient = await world.family(), await world.family(level="lenient")
    strict = await world.family(level="strict")
    await world.request(ordinary, slots[0], "a")
    assert await refusal(world, ordinary, slots[1], "b") == ["allowance-used"]
    await world.request(lenient, slots[1], "a")
    await world.request(lenient, slots[2], "b")
    assert await refusal(world, strict, await world.slot(days=5), "a") == ["no-visits-at-level"]


async def test_an_allowance_that_shrank_counts_what_is_booked(db: Database, clock: FakeClock) -> None:
    world = await worlds.build(db, visits_per_month=3)
    family = await world.family()
    slots = [await world.slot(days=1 + n) for n in range(4)]
    views = [await world.request(family, slot, f"k{n}") for n, slot in enumerate(slots[:3])]
    async with db.write() as session:
        await service.withdraw(session, family.actor, views[0].id)
    await lower(world, clock)
    # numbers 2 and 3 are still taken: with two allowed there is none left, although number 1 is free
    assert await refusal(world, family, slots[3], "z") == ["allowance-used"]


async def lower(world: World, clock: FakeClock) -> None:
    clock.move(seconds=1)
    async with world.db.write() as session:
        draft = await policies.draft(
            session,
            ADMIN,
            world.prison_id,
            {"visits_per_month": 2},
            [],
            valid_from=clock.now() - timedelta(1),
        )
        await policies.approve(session, Ref("admin", "adm_other"), draft)
