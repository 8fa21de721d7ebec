"""Offers of another time: worked out together, held for the family, taken with one tap, gone when they run out."""

from datetime import timedelta

import pytest

from core.errors import NotFound, Refused
from core.ids import Ref
from ledger import read as ledger
from notices import outbox
from scheduler import befalling, flags, offering, service
from scheduler.flags import Flag, FlagState
from scheduler.happenings import Happening, Kind
from scheduler.model import BookingState, BookingView
from scheduler.offering import Found, Offer, OfferState
from scheduler.planning_tables import ShiftRow
from tests.conftest import FakeClock
from tests.scheduler.test_befalling import at, open_flags, report, visit
from tests.scheduler.world import ADMIN, Family, World


async def all_flags(world: World) -> list[Flag]:
    async with world.db.read() as session:
        return await flags.open_in(session, world.prison_id)


async def offered(world: World) -> list[Found]:
    wanted = await all_flags(world)
    async with world.db.write() as session:
        return await offering.offer_all(session, world.approver, wanted)


async def offer_of(world: World, view: BookingView) -> Offer:
    async with world.db.read() as session:
        return (await offering.of_bookings(session, [view.id]))[view.id]


async def locked_down(world: World) -> Happening:
    made, _ = await report(world, Kind.LOCKDOWN, at(0, 0), at(0, 23))
    return made


async def accept(world: World, family: Family, offer: Offer) -> BookingView:
    async with world.db.write() as session:
        return await offering.accept(session, family.actor, offer.id)


async def test_the_nearest_time_is_kept_and_taken_with_one_tap(world: World) -> None:
    await world.terminal()
    family = await world.family()
    old = await visit(world, family, 0, 2)
    near, far = await world.slot(days=2, hour=2), await world.slot(days=6, hour=2)
    made = await locked_down(world)
    (found,) = await offered(world)
    assert found.slot is not None
    assert found.slot.id == near != far
    offer = await offer_of(world, old)
    assert offer.state is OfferState.OPEN
    other = await world.family()
    with pytest.raises(Refused):  # the seat is kept for the family
        await world.hold(other, near)
    async with world.db.read() as session:
        told = [notice.template for notice in await outbox.of(session, Ref("relative", family.relative_id))]
        listed = [view.id for view in await service.of_relative(session, family.relative_id)]
    assert "booking-offer" in told
    assert listed == [old.id]  # an offer is no visit yet
    new = await accept(world, family, offer)
    assert (new.state, new.slot_id) == (BookingState.APPROVED, near)
    assert (await world.get(old.id)).state is BookingState.WITHDRAWN
    assert await accept(world, family, offer) == await world.get(new.id)  # tapped twice
    async with world.db.write() as session:
        assert [flag.state for flag in await flags.of_booking(session, old.id)] == [FlagState.MOVED]
        entries = [entry.tag for entry in await ledger.latest(session, about=old.id)]
        await befalling.close(session, ADMIN, made.id)
    assert {"officer:booking:offered", "family:booking:offer-accepted"} <= set(entries)


async def test_more_are_stranded_than_can_be_offered(world: World) -> None:
    """Three are touched, two places are open: two get one each, the third is told why not; nothing else moves."""
    for name in ("T1", "T2", "T3"):
        await world.terminal(name)
    families = [await world.family() for _ in range(3)]
    for family in families:
        await visit(world, family, 0, 2)
    standing = await visit(world, await world.family(), 3, 5)
    await world.slot(days=2, hour=2, capacity=2)
    await locked_down(world)
    found = await offered(world)
    assert sum(one.slot is not None for one in found) == 2
    (nothing,) = [one for one in found if one.slot is None]
    assert nothing.reason in (offering.NOTHING_OPEN, offering.TAKEN_BY_OTHERS)
    assert (await world.get(standing.id)).state is BookingState.APPROVED


async def test_terminals_limit_what_is_offered(world: World) -> None:
    await world.terminal("T1")
    for family in [await world.family(), await world.family()]:
        await visit(world, family, 0, 2)
    await world.slot(days=2, hour=2, capacity=2)  # two places, one terminal
    await locked_down(world)
    assert sum(one.slot is not None for one in await offered(world)) == 1


async def test_an_offer_runs_out_and_the_seat_is_free_again(world: World, clock: FakeClock) -> None:
    await world.terminal()
    family = await world.family()
    old = await visit(world, family, 3, 2)
    near = await world.slot(days=6, hour=2)
    await report(world, Kind.LOCKDOWN, at(3, 0), at(3, 23))
    await offered(world)
    offer = await offer_of(world, old)
    clock.move(hours=49)
    with pytest.raises(offering.OfferGone):
        await accept(world, family, offer)
    async with world.db.write() as session:
        assert await offering.expire(session) == 1
    assert (await offer_of(world, old)).state is OfferState.EXPIRED
    assert old.id in await open_flags(world)  # an officer sees that it is still to be settled
    assert (await world.hold(await world.family(), near)).slot_id == near


async def test_no_thank_you(world: World) -> None:
    await world.terminal()
    family = await world.family()
    old = await visit(world, family, 0, 2)
    near = await world.slot(days=2, hour=2)
    await locked_down(world)
    await offered(world)
    offer = await offer_of(world, old)
    stranger = await world.family()
    with pytest.raises(NotFound):  # somebody else's
        async with world.db.write() as session:
            await offering.decline(session, stranger.actor, offer.id)
    async with world.db.write() as session:
        await offering.decline(session, family.actor, offer.id)
    assert (await offer_of(world, old)).state is OfferState.DECLINED
    assert (await world.hold(await world.family(), near)).slot_id == near


async def test_the_cause_is_gone_and_the_offer_with_it(world: World) -> None:
    await world.terminal()
    family = await world.family()
    old = await visit(world, family, 0, 2)
    await world.slot(days=2, hour=2)
    made = await locked_down(world)
    await offered(world)
    async with world.db.write() as session:
        await befalling.close(session, world.approver, made.id)
    assert (await offer_of(world, old)).state is OfferState.TAKEN_BACK
    assert (await world.get(old.id)).state is BookingState.APPROVED


async def test_a_moved_visit_still_counts_once_in_its_month(world: World) -> None:
    """The month's only visit can be moved within the month: the old one is given up for the new."""
    async with world.db.write() as session:
        prison = await service.create_prison(
            session, ADMIN, name="Strict", zone="Asia/Shanghai", policy="demo", values={"visits_per_month": 1}
        )
        wing = await service.create_wing(session, ADMIN, prison, "Wing")
    strict = World(world.db, prison, wing, world.approver)
    async with world.db.write() as session:
        await service.create_terminal(session, ADMIN, prison, wing, "T1")
    family = await strict.family()
    held = await strict.request(family, await strict.slot(days=1))
    async with world.db.write() as session:
        await service.approve(session, ADMIN, held.id)
        new_slot = await service.create_slot(session, ADMIN, prison, at(4, 2))
        _, flagged = await befalling.report(
            session, ADMIN, Happening("", prison, Kind.LOCKDOWN, at(0, 0), at(0, 23))
        )
        found = await offering.offer_all(session, ADMIN, await flags.open_in(session, prison))
    assert [one.slot.id for one in found if one.slot] == [new_slot]
    new = await accept(strict, family, await offer_of(strict, flagged[0]))
    assert new.starts_at == at(4, 2) > held.starts_at + timedelta(days=1)


async def test_days_whose_roster_is_not_written_are_offered_too(world: World) -> None:
    """An officer is entered for the day of the visit alone; the other time lies where nobody is entered yet."""
    await world.terminal()
    family = await world.family()
    view = await world.approved(family, await world.slot(days=1))
    later = await world.slot(days=6)
    async with world.db.write() as session:
        session.add(
            ShiftRow(
                id="shf_1", prison_id=world.prison_id, officer_id="off_1", officer_name="Zhao", starts_at=at(0, 0),
                ends_at=at(0, 8), break_starts_at=None, break_ends_at=None, at_once=1,
            )
        )  # fmt: skip
    await report(world, Kind.LOCKDOWN, at(0, 0), at(0, 23))
    (found,) = await offered(world)
    assert (found.view.id, found.slot.id if found.slot else found.reason) == (view.id, later)
