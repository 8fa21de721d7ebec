"""Suspensions as officers make them: as long as the rules allow, of whom it is about only, flags and all."""

from datetime import date, timedelta

import pytest

from core.db import Database
from core.errors import Conflict, KinbridgeError, NotFound
from scheduler import flags, restricting, service, suspensions
from scheduler.model import BookingState
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import Family, World

FIRST = date(2026, 11, 22)


async def codes(world: World, family: Family, slot_id: str) -> list[str]:
    async with world.db.read() as session:
        offer, _ = await service.why_not(session, family.actor, family.inmate_id, slot_id)
    return [reason.code for reason in offer.reasons]


async def test_of_two_together_others_know_nothing(world: World) -> None:
    family, other = await world.family(), await world.family()
    elsewhere = await world.relative(other.inmate_id, relative_id=family.relative_id)
    sister = await world.relative(family.inmate_id)
    slots = [await world.slot(days=days, capacity=4) for days in (1, 2, 3)]
    booked = await world.approved(family, slots[0])
    async with world.db.write() as session:
        ban_id, flagged = await restricting.suspend(
            session, world.approver, world.prison_id, FIRST, FIRST + timedelta(days=1), "Shouted.",
            relative_id=family.relative_id, inmate_id=family.inmate_id,
        )  # fmt: skip
    assert [view.id for view in flagged] == [booked.id]
    assert [await codes(world, family, slot) for slot in slots[1:]] == [["visits-suspended"], []]
    assert await codes(world, elsewhere, slots[1]) == []
    assert await codes(world, sister, slots[1]) == []
    assert (await world.get(booked.id)).state is BookingState.APPROVED  # an officer decides
    async with world.db.read() as session:
        (one,) = await suspensions.standing(session, world.prison_id, FIRST)
    assert (one.id, one.words) == (ban_id, "Shouted.")
    assert one.review_by.date() == date(2026, 12, 21)  # 30 days
    async with world.db.write() as session:
        await restricting.lift(session, world.approver, ban_id)
        assert await flags.open_in(session, world.prison_id) == []
        assert await suspensions.standing(session, world.prison_id, FIRST) == []
        with pytest.raises(Conflict):
            await restricting.lift(session, world.approver, ban_id)
    assert await codes(world, family, slots[1]) == []


@pytest.mark.parametrize(
    ("days", "words", "error"),
    [
        (29, "why", suspensions.WrongLength),
        (93, "why", suspensions.WrongLength),
        (30, " ", suspensions.WhyMissing),
        (30, "x" * 501, suspensions.WhyMissing),
        (0, "why", suspensions.DaysReversed),
        (30, "why", None),
        (92, "why", None),
    ],
)
async def test_it_lasts_as_long_as_the_rules_allow(
    db: Database, clock: FakeClock, days: int, words: str, error: type[KinbridgeError] | None
) -> None:
    del clock
    world = await worlds.build(db, suspension_least_days=30)
    family = await world.family()
    last = FIRST + timedelta(days=days - 1)
    async with world.db.write() as session:
        act = restricting.suspend(
            session, world.approver, world.prison_id, FIRST, last, words, inmate_id=family.inmate_id
        )
        if error is None:
            await act
        else:
            with pytest.raises(error):
                await act


async def test_what_was_never_suspended_is_not_lifted(world: World) -> None:
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await restricting.lift(session, world.approver, "ban_none")
