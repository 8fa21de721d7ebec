"""Rules that are set to approval: the request lists all that is broken, and every office of the chain signs (F68)."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock as core_clock
from core.db import Database
from core.errors import Refused
from people.model import Role
from scheduler import service, signing
from scheduler.model import BookingState, BookingView
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import ADMIN, Family, World, identity

ALL = {
    "relation-not-listed": ["division", "deputy"],
    "wing-day": ["division"],
    "allowance-used": ["warden"],
    "visits-suspended": ["province"],
    "no-visits-at-level": ["deputy"],
}
NO_DAY: dict[str, Any] = {"visit_weekdays": []}
NARROW: dict[str, Any] = {"relations": ["parent"]}


async def codes(world: World, family: Family, slot_id: str) -> list[str]:
    with pytest.raises(Refused) as caught:
        await world.hold(family, slot_id)
    return [reason.code for reason in caught.value.reasons]


# what the prison states, the inmate's level, what is broken
BROKEN: list[tuple[dict[str, Any], str, list[str]]] = [
    (NO_DAY, "ordinary", ["wing-day"]),
    (NARROW, "ordinary", ["relation-not-listed"]),
    ({}, "strict", ["no-visits-at-level"]),
    ({**NO_DAY, **NARROW}, "strict", ["relation-not-listed", "no-visits-at-level", "wing-day"]),
]


@pytest.mark.parametrize(("values", "level", "broken"), BROKEN)
async def test_f68_a_rule_refuses_or_is_sent_to_whoever_may_let_it_pass(
    db: Database, clock: FakeClock, values: dict[str, Any], level: str, broken: list[str]
) -> None:
    del clock
    strict = await worlds.build(db, **values)
    family = await strict.family(level=level)
    assert await codes(strict, family, await strict.slot()) == broken
    lenient = await worlds.build(db, name="Lenient", exceptions=ALL, **values)
    family = await lenient.family(level=level)
    view = await lenient.request(family, await lenient.slot())
    assert view.state is BookingState.REQUESTED
    assert [reason.code for reason in view.exceptions] == broken
    assert set(view.chain) == {office for code in broken for office in ALL[code]}
    assert await lenient.get(view.id) == view


async def test_what_nobody_can_give_refuses_whatever_else_could_pass(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, exceptions=ALL, **NO_DAY)
    family, other = await world.family(), await world.family()
    slot_id = await world.slot()
    await world.request(other, slot_id)
    assert await codes(world, family, slot_id) == ["wing-day", "slot-full"]


def officer(world: World, name: str) -> Any:
    return identity("officer", name, Role.APPROVER, prison_id=world.prison_id)


async def approve(world: World, who: Any, booking_id: str) -> BookingView:
    async with world.db.write() as session:
        return await service.approve(session, who, booking_id)


async def test_every_office_signs_once_by_another_person(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, exceptions=ALL, **NARROW)
    view = await world.request(await world.family(), await world.slot())
    assert view.chain == ("division", "deputy")
    assert (await approve(world, officer(world, "off_1"), view.id)).state is BookingState.REQUESTED
    with pytest.raises(signing.SignedBefore):
        await approve(world, officer(world, "off_1"), view.id)
    async with db.read() as session:
        assert await signing.missing(session, view) == ["deputy"]
    assert (await approve(world, officer(world, "off_2"), view.id)).state is BookingState.APPROVED


async def test_a_visit_beyond_the_allowance_is_claimed_beyond_it(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, exceptions=ALL, visits_per_month=1)
    family = await world.family()
    first = await world.request(family, await world.slot(days=1), "a")
    second = await world.request(family, await world.slot(days=2), "b")
    assert (first.chain, second.chain) == ((), ("warden",))
    async with db.read() as session:
        day = (core_clock.now() + timedelta(days=2)).date()
        assert (await service.allowance(session, family.inmate_id, day)).used == 2


async def test_a_suspension_that_may_be_let_pass(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, exceptions=ALL)
    family = await world.family()
    today = core_clock.now().date()
    async with db.write() as session:
        await service.ban(
            session,
            ADMIN,
            world.prison_id,
            today,
            today + timedelta(days=9),
            "",
            relative_id=family.relative_id,
        )
    view = await world.request(family, await world.slot())
    assert view.chain == ("province",)
    assert (await approve(world, world.approver, view.id)).state is BookingState.APPROVED
