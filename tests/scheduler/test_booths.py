"""Seats outside the prison for families without a device: when booking by hand, in changes, and in offers."""

import pytest
from sqlalchemy import func, select

from core.errors import NotFound, Refused
from scheduler import booking, booths, changing, inviting, linked, service
from scheduler.booths import Booth
from scheduler.happenings import Kind
from scheduler.model import BookingState, BookingView, ClaimKind
from scheduler.tables import ClaimRow
from tests.scheduler import world as worlds
from tests.scheduler.test_befalling import at, report
from tests.scheduler.test_inviting import invite
from tests.scheduler.test_offering import accept, offer_of, offered
from tests.scheduler.world import ADMIN, Family, World


async def booth(world: World, seats: int = 1, name: str = "司法所") -> str:
    async with world.db.write() as session:
        return await booths.create(session, ADMIN, world.prison_id, name, "长江路 1 号", seats)


async def request(
    world: World, family: Family, slot_id: str, where: str | None, key: str = "k"
) -> BookingView:
    held = await world.hold(family, slot_id, key)
    async with world.db.write() as session:
        return await booking.request(session, family.actor, held.id, family.choice, key, where)


async def approved(world: World, family: Family, slot_id: str, where: str, key: str = "k") -> BookingView:
    asked = await request(world, family, slot_id, where, key)
    async with world.db.write() as session:
        return await service.approve(session, world.approver, asked.id)


async def sits(world: World, booking_id: str) -> str | None:
    async with world.db.read() as session:
        found = (await booths.of_bookings(session, [booking_id])).get(booking_id)
    return found.id if found else None


async def open_at(world: World, view: BookingView, *without: str) -> list[Booth]:
    async with world.db.read() as session:
        return await booths.open_at(session, view.prison_id, view.starts_at, view.slot_ends_at, without)


async def change(
    world: World, family: Family, booking_id: str, slot_id: str, where: str | None, key: str = "change"
) -> BookingView:
    async with world.db.write() as session:
        return await changing.change(session, family.actor, booking_id, slot_id, family.choice, key, where)


async def test_who_books_by_hand_gets_a_seat_or_keeps_the_pick(world: World) -> None:
    where, slot = await booth(world), await world.slot(days=1, capacity=2)
    first, second = await world.family(), await world.family()
    view = await request(world, first, slot, where)
    assert await sits(world, view.id) == where
    assert await open_at(world, view) == []
    assert [one.id for one in await open_at(world, view, view.id)] == [where]
    async with world.db.write() as session:  # sent twice, it is one seat
        again = await booking.request(session, first.actor, view.id, first.choice, "k", where)
    assert again.id == view.id
    with pytest.raises(Refused) as caught:
        await request(world, second, slot, where)
    assert [(one.code, one.params) for one in caught.value.reasons] == [("booth-full", {"field": "booth"})]
    held = await world.hold(second, slot)
    assert held.state is BookingState.HELD  # and nothing of the refused request stays
    async with world.db.write() as session:
        await service.withdraw(session, first.actor, view.id)
        view = await booking.request(session, second.actor, held.id, second.choice, "k2", where)
    assert await sits(world, view.id) == where


async def test_another_prisons_booth_and_a_closed_one_are_refused(world: World) -> None:
    elsewhere = await worlds.build(world.db, name="Other")
    family, slot = await world.family(), await world.slot(days=1)
    with pytest.raises(NotFound):
        await request(world, family, slot, await booth(elsewhere))
    mine = await booth(world)
    async with world.db.write() as session:
        await booths.close(session, ADMIN, world.prison_id, mine)
    with pytest.raises(Refused):
        await request(world, family, slot, mine)


async def test_a_change_takes_the_seat_along_where_both_times_share_it(world: World) -> None:
    """A quarter of an hour later on the same single seat; refused, the visit still has all of its own."""
    where, family = await booth(world), await world.family()
    old = await approved(world, family, await world.slot(days=1, hour=2), where)
    async with world.db.write() as session:
        near = await service.create_slot(session, ADMIN, world.prison_id, old.starts_at.replace(minute=15))
    before = await seat_ticks(world, old.id)
    new = await change(world, family, old.id, near, where)
    assert await seat_ticks(world, old.id) == before
    async with world.db.write() as session:
        await service.refuse(session, world.approver, new.id, "no-capacity")
    assert await seat_ticks(world, old.id) == before
    new = await change(world, family, old.id, near, where, key="again")
    async with world.db.write() as session:
        await service.approve(session, world.approver, new.id)
    assert await seat_ticks(world, old.id) == 0
    assert await seat_ticks(world, new.id) == before  # all of its time, as long as the other


async def seat_ticks(world: World, booking_id: str) -> int:
    mine = select(func.count()).where(ClaimRow.kind == ClaimKind.BOOTH, ClaimRow.booking_id == booking_id)
    async with world.db.read() as session:
        return (await session.execute(mine)).scalar_one()


async def test_the_seat_changes_without_the_time(world: World) -> None:
    first, other, family = await booth(world), await booth(world, name="Other"), await world.family()
    view = await approved(world, family, await world.slot(days=1), first)
    for where in (other, other, None, first):
        await change(world, family, view.id, view.slot_id, where)
        assert await sits(world, view.id) == where
    taken = await world.family()
    await request(world, taken, await slot_beside(world, view), other)
    with pytest.raises(Refused):
        await change(world, family, view.id, view.slot_id, other)
    assert await sits(world, view.id) == first


async def slot_beside(world: World, view: BookingView) -> str:
    async with world.db.write() as session:
        return await service.create_slot(session, ADMIN, world.prison_id, view.starts_at)


async def test_offers_keep_a_seat_too(world: World) -> None:
    """Two families of one booth must move; at the nearest time it has one seat: one goes there, the other later."""
    for name in ("T1", "T2", "T3"):
        await world.terminal(name)
    where = await booth(world, seats=2)
    families = [await world.family() for _ in range(2)]
    slot = await world.slot(days=1, capacity=2)
    views = [await approved(world, family, slot, where) for family in families]
    near, far = await world.slot(days=2, capacity=3), await world.slot(days=5, capacity=2)
    await request(world, await world.family(), near, where)
    await report(world, Kind.LOCKDOWN, at(0, 0), at(0, 23))
    found = await offered(world)
    assert {one.slot.id for one in found if one.slot} == {near, far}
    for family, view in zip(families, views, strict=True):
        offer = await offer_of(world, view)
        assert await sits(world, offer.hold_id) == where
        moved = await accept(world, family, offer)
        assert await sits(world, moved.id) == where
        assert await sits(world, view.id) is None


async def test_an_offer_without_a_seat_is_none(world: World) -> None:
    await world.terminal()
    where, family = await booth(world), await world.family()
    view = await approved(world, family, await world.slot(days=1), where)
    await world.slot(days=2)
    async with world.db.write() as session:
        await booths.close(session, ADMIN, world.prison_id, where)
    await report(world, Kind.LOCKDOWN, at(0, 0), at(0, 23))
    (found,) = await offered(world)
    assert (found.view.id, found.slot, found.reason) == (view.id, None, booths.NO_SEAT)


async def test_every_part_has_its_seat_or_none_is_had(world: World) -> None:
    where, family = await booth(world), await world.family()
    slots = [await world.slot(hour=hour) for hour in (2, 3)]
    parts = list(zip(("main", "post"), slots, strict=True))
    taken = await request(world, await world.family(), await world.slot(hour=3), where)
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await linked.request(session, family.actor, family.inmate_id, parts, family.choice, "k", where)
    assert [one.code for one in caught.value.reasons] == ["booth-full"]
    async with world.db.read() as session:
        assert await service.of_relative(session, family.relative_id) == []
    async with world.db.write() as session:
        await service.refuse(session, world.approver, taken.id, "no-capacity")
        views = await linked.request(
            session, family.actor, family.inmate_id, parts, family.choice, "k", where
        )
    assert [await sits(world, view.id) for view in views] == [where, where]


async def test_whoever_is_invited_names_a_seat_with_the_yes(world: World) -> None:
    where, family = await booth(world), await world.family()
    asked = await invite(world, family, await world.slot())
    full = await request(world, await world.family(), await world.slot(), where)
    with pytest.raises(Refused):
        async with world.db.write() as session:
            await inviting.accept(session, family.actor, asked.id, (), where)
    async with world.db.write() as session:
        await service.refuse(session, world.approver, full.id, "no-capacity")
        view = await inviting.accept(session, family.actor, asked.id, (), where)
    assert (view.state, await sits(world, view.id)) == (BookingState.REQUESTED, where)


async def test_a_booth_of_two_prisons_has_each_seat_once(world: World) -> None:
    """Families of both prisons take its one seat in turn; taken back, it is for the first prison's alone again."""
    other = await worlds.build(world.db, name="Other")
    where = await booth(world)
    async with world.db.write() as session:
        for _ in range(2):  # said twice, it is lent once
            await booths.lend(session, ADMIN, where, other.prison_id)
        with pytest.raises(NotFound):
            await booths.lend(session, ADMIN, where, "prs_none")
    assert await booths_of(other) == await booths_of(world) == [where]
    first, second = await world.family(), await other.family()
    view = await request(world, first, await world.slot(), where)
    with pytest.raises(Refused):
        await request(other, second, await other.slot(), where, "k1")
    async with world.db.write() as session:
        await service.refuse(session, world.approver, view.id, "no-capacity")
    view = await request(other, second, await other.slot(), where, "k2")
    with pytest.raises(Refused):
        await request(world, first, await world.slot(), where, "k2")
    async with world.db.write() as session:
        await booths.take_back(session, ADMIN, where, other.prison_id)
    assert (await booths_of(other), await booths_of(world)) == ([], [where])
    assert await sits(other, view.id) == where  # who is booked there stays
    with pytest.raises(NotFound):
        await request(other, await other.family(), await other.slot(days=2), where)


async def booths_of(world: World) -> list[str]:
    async with world.db.read() as session:
        return [one.id for one in await booths.of_prison(session, world.prison_id)]
