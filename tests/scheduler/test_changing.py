"""Another time without losing the present one; other visitors where the slot is full (F17)."""

from datetime import date

import pytest

from core.db import Database
from core.errors import Refused
from scheduler import changing, picking, service
from scheduler.allowance import What
from scheduler.model import BookingState, BookingView, VisitorChoice
from scheduler.picking import Purpose
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import Family, World


@pytest.fixture
async def strict(db: Database, clock: FakeClock) -> World:
    """One visit a month."""
    del clock
    return await worlds.build(db, visits_per_month=1)


async def change(
    world: World, family: Family, booking_id: str, slot_id: str, *more: Family, key: str = "change"
) -> BookingView:
    visitors = [VisitorChoice(one.relationship_id) for one in (family, *more)]
    async with world.db.write() as session:
        return await changing.change(session, family.actor, booking_id, slot_id, visitors, key)


async def left(world: World, family: Family) -> int:
    async with world.db.read() as session:
        return (await service.allowance(session, family.inmate_id, date(2026, 11, 25))).left


async def test_f17_the_visit_stands_until_the_change_is_approved(strict: World) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    new = await change(strict, family, old.id, await strict.slot(days=2))
    assert (new.state, new.replaces) == (BookingState.REQUESTED, old.id)
    assert (await strict.get(old.id)).state is BookingState.APPROVED
    assert await left(strict, family) == 0
    async with strict.db.write() as session:
        await service.approve(session, strict.approver, new.id)
    ended = await strict.get(old.id)
    assert (ended.state, ended.reason and ended.reason.code) == (BookingState.WITHDRAWN, "changed")
    assert await left(strict, family) == 0  # the one visit of the month went over


async def test_f17_a_full_session_refuses_and_the_visit_stays(strict: World) -> None:
    family, other = await strict.family(), await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    taken = await strict.slot(days=2)
    await strict.request(other, taken)
    with pytest.raises(Refused) as caught:
        await change(strict, family, old.id, taken)
    assert [reason.code for reason in caught.value.reasons] == ["slot-full"]
    assert await strict.get(old.id) == old


async def test_f17_other_visitors_in_a_full_session(strict: World) -> None:
    family = await strict.family()
    sister = await strict.relative(family.inmate_id)
    old = await strict.approved(family, await strict.slot(days=1))
    same = await change(strict, family, old.id, old.slot_id, sister)
    assert (same.id, same.state, len(same.visitors)) == (old.id, BookingState.APPROVED, 2)
    alone = await change(strict, sister_of(family, sister), old.id, old.slot_id)
    assert [visitor.relationship_id for visitor in alone.visitors] == [sister.relationship_id]


def sister_of(family: Family, sister: Family) -> Family:
    """Who asked acts, and only the sister comes."""
    return Family(family.inmate_id, family.relative_id, sister.relationship_id, family.actor)


async def test_a_refused_change_leaves_everything_as_it_was(strict: World) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    new = await change(strict, family, old.id, await strict.slot(days=2))
    async with strict.db.write() as session:
        await service.refuse(session, strict.approver, new.id, "no-capacity")
    assert await strict.get(old.id) == old
    assert await left(strict, family) == 0
    again = await change(strict, family, old.id, await strict.slot(days=3), key="again")
    assert again.state is BookingState.REQUESTED


async def test_a_change_by_a_quarter_of_an_hour_shares_the_time_of_both(strict: World) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1, hour=2))
    async with strict.db.write() as session:
        near = await service.create_slot(
            session, worlds.ADMIN, strict.prison_id, old.starts_at.replace(minute=15)
        )
    new = await change(strict, family, old.id, near)
    async with strict.db.write() as session:
        await service.approve(session, strict.approver, new.id)
    with pytest.raises(Refused) as caught:  # the inmate is still taken where the two overlapped
        await strict.hold(await strict.relative(family.inmate_id), await strict.slot(days=1, hour=2))
    assert "inmate-busy" in [reason.code for reason in caught.value.reasons]


async def test_the_prison_cancels_the_first_and_the_change_keeps_what_it_needs(strict: World) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    new = await change(strict, family, old.id, await strict.slot(days=2))
    async with strict.db.write() as session:
        await service.cancel(session, strict.approver, old.id, "staff")
    assert await left(strict, family) == 0
    async with strict.db.write() as session:
        approved = await service.approve(session, strict.approver, new.id)
        lines = await service.allowance_lines(session, family.inmate_id)
    assert approved.state is BookingState.APPROVED
    assert [(line.what, line.booking_id) for line in lines] == [(What.USED, new.id)]


async def test_a_withdrawn_visit_takes_its_change_with_it(strict: World) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    new = await change(strict, family, old.id, await strict.slot(days=2))
    async with strict.db.write() as session:
        await service.withdraw(session, family.actor, old.id)
    assert (await strict.get(new.id)).state is BookingState.WITHDRAWN
    assert await left(strict, family) == 1


async def test_a_change_sent_twice_is_one(strict: World) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    slot_id = await strict.slot(days=2)
    assert (await change(strict, family, old.id, slot_id)).id == (
        await change(strict, family, old.id, slot_id)
    ).id


async def test_what_is_over_cannot_be_changed(strict: World, clock: FakeClock) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    later = await strict.slot(days=3)
    clock.set(old.starts_at)
    with pytest.raises(changing.NotToChange):
        await change(strict, family, old.id, later)


async def test_one_change_at_a_time_and_no_change_of_a_change(strict: World) -> None:
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    new = await change(strict, family, old.id, await strict.slot(days=2))
    later = await strict.slot(days=3)
    with pytest.raises(changing.ChangeWaits):
        await change(strict, family, old.id, later, key="again")
    with pytest.raises(changing.NotToChange):
        await change(strict, family, new.id, later, key="of the change")
    async with strict.db.write() as session:
        await service.approve(session, strict.approver, new.id)
    moved = await change(strict, family, new.id, later, key="afterwards")
    assert moved.replaces == new.id


async def test_another_request_for_a_visit_that_has_moved_ends_with_it(strict: World) -> None:
    """An offer of the prison was taken while the family's own change waited."""
    family = await strict.family()
    old = await strict.approved(family, await strict.slot(days=1))
    waits = await change(strict, family, old.id, await strict.slot(days=2))
    third = await strict.slot(days=3)
    async with strict.db.write() as session:
        purpose = Purpose(replaces=await service.get(session, old.id), link="offer:1")
        held = await picking.hold(session, family.actor, family.inmate_id, third, "o", purpose)
        await service.request(session, family.actor, held.id, family.choice, "o")
        await service.approve(session, strict.approver, held.id)
    assert (await strict.get(waits.id)).state is BookingState.WITHDRAWN
    assert await left(strict, family) == 0
