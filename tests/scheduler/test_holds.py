"""Picking, changing one's mind, confirming too late."""

from datetime import date, time, timedelta

import pytest

from core.errors import Forbidden, KinbridgeError, NotFound, Refused
from scheduler import booking, service, tasks
from scheduler.model import BookingState, VisitorChoice
from tests.conftest import FakeClock
from tests.scheduler.world import ADMIN, World


def codes(refused: Refused) -> list[str]:
    return [reason.code for reason in refused.reasons]


async def test_a_pick_with_the_same_key_is_the_same_pick(world: World) -> None:
    family, slot_id = await world.family(), await world.slot(capacity=3)
    first = await world.hold(family, slot_id, "a")
    assert await world.hold(family, slot_id, "a") == first


@pytest.mark.parametrize("key", ["", "x" * 101])
async def test_a_key_must_be_usable(world: World, key: str) -> None:
    family, slot_id = await world.family(), await world.slot()
    with pytest.raises(booking.BadKey):
        await world.hold(family, slot_id, key)


async def test_picking_another_time_lets_the_first_go(world: World) -> None:
    family = await world.family()
    first_slot, second_slot = await world.slot(days=1), await world.slot(days=2)
    first = await world.hold(family, first_slot, "a")
    second = await world.hold(family, second_slot, "b")
    assert (await world.get(first.id)).state is BookingState.WITHDRAWN
    assert (await world.get(second.id)).state is BookingState.HELD
    await world.request(await world.family(), first_slot)


async def test_a_refused_second_pick_leaves_the_first(world: World) -> None:
    family = await world.family()
    full = await world.slot(days=2)
    await world.request(await world.family(), full)
    first = await world.hold(family, await world.slot(days=1), "a")
    with pytest.raises(Refused) as caught:
        await world.hold(family, full, "b")
    assert codes(caught.value) == ["slot-full"]
    assert (await world.get(first.id)).state is BookingState.HELD


async def test_others_are_told_until_when_a_place_is_only_held(world: World) -> None:
    slot_id = await world.slot()
    await world.hold(await world.family(), slot_id)
    with pytest.raises(Refused) as caught:
        await world.hold(await world.family(), slot_id)
    (reason,) = caught.value.reasons
    assert (reason.code, reason.params) == ("slot-full", {"time": "16:10"})


async def test_letting_go_twice_is_letting_go_once(world: World) -> None:
    family, slot_id = await world.family(), await world.slot()
    held = await world.hold(family, slot_id)
    for _ in range(2):
        async with world.db.write() as session:
            await service.release(session, family.actor, held.id)
    assert (await world.get(held.id)).state is BookingState.WITHDRAWN
    await world.request(await world.family(), slot_id)


async def test_letting_go_never_takes_back_a_request(world: World) -> None:
    family = await world.family()
    view = await world.request(family, await world.slot())
    async with world.db.write() as session:
        await service.release(session, family.actor, view.id)
    assert (await world.get(view.id)).state is BookingState.REQUESTED


@pytest.mark.parametrize("swept", [False, True])
async def test_confirming_too_late_is_refused_politely(world: World, clock: FakeClock, swept: bool) -> None:
    family, slot_id = await world.family(), await world.slot()
    held = await world.hold(family, slot_id)
    clock.move(minutes=10)
    if swept:
        assert await tasks.expire(world.db) == 1
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.request(session, family.actor, held.id, family.choice, "c")
    assert codes(caught.value) == ["hold-expired"]


async def test_confirming_after_somebody_else_took_the_place_is_refused(
    world: World, clock: FakeClock
) -> None:
    family, slot_id = await world.family(), await world.slot()
    held = await world.hold(family, slot_id)
    clock.move(minutes=10)
    taken = await world.request(await world.family(), slot_id)
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.request(session, family.actor, held.id, family.choice, "c")
    assert codes(caught.value) == ["hold-expired"]
    assert (await world.get(taken.id)).state is BookingState.REQUESTED


async def test_a_hold_lasts_to_its_last_second(world: World, clock: FakeClock) -> None:
    family, slot_id = await world.family(), await world.slot()
    held = await world.hold(family, slot_id)
    clock.move(minutes=9, seconds=59)
    with pytest.raises(Refused):
        await world.hold(await world.family(), slot_id)
    async with world.db.write() as session:
        view = await service.request(session, family.actor, held.id, family.choice, "c")
    assert view.state is BookingState.REQUESTED


async def test_confirming_again_with_another_key_tells_that_it_was_done(world: World) -> None:
    family = await world.family()
    view = await world.request(family, await world.slot(), "a")
    with pytest.raises(booking.AlreadyRequested):
        async with world.db.write() as session:
            await service.request(session, family.actor, view.id, family.choice, "other")


async def test_somebody_elses_pick_does_not_exist(world: World) -> None:
    held = await world.hold(await world.family(), await world.slot())
    stranger = await world.family()
    for use in ("request", "release", "withdraw"):
        with pytest.raises(NotFound):
            async with world.db.write() as session:
                match use:
                    case "request":
                        await service.request(session, stranger.actor, held.id, stranger.choice, "x")
                    case "release":
                        await service.release(session, stranger.actor, held.id)
                    case _:
                        await service.withdraw(session, stranger.actor, held.id)
    assert (await world.get(held.id)).state is BookingState.HELD


async def test_only_relatives_pick(world: World) -> None:
    family, slot_id = await world.family(), await world.slot()
    with pytest.raises(Forbidden):
        async with world.db.write() as session:
            await service.hold(session, world.approver, family.inmate_id, slot_id, "k")


async def test_a_strangers_inmate_and_another_prisons_slot_do_not_exist(world: World) -> None:
    family, stranger = await world.family(), await world.family()
    slot_id = await world.slot()
    for inmate_id, slot in ((stranger.inmate_id, slot_id), (family.inmate_id, "slt_none")):
        with pytest.raises(NotFound):
            async with world.db.write() as session:
                await service.hold(session, family.actor, inmate_id, slot, "k")


async def test_a_pending_relationship_is_refused_with_its_reason(world: World) -> None:
    family = await world.family()
    pending = await world.relative(family.inmate_id, state="pending")
    with pytest.raises(Refused) as caught:
        await world.hold(pending, await world.slot())
    assert codes(caught.value) == ["relationship-not-approved"]


async def test_three_come_and_a_fourth_does_not(world: World) -> None:
    family = await world.family()
    others = [await world.relative(family.inmate_id) for _ in range(3)]
    held = await world.hold(family, await world.slot())
    everybody = [VisitorChoice(f.relationship_id) for f in (family, *others)]
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.request(session, family.actor, held.id, everybody, "a")
    assert codes(caught.value) == ["too-many-visitors"]
    assert (await world.get(held.id)).state is BookingState.HELD  # the pick stays: choose fewer
    async with world.db.write() as session:
        view = await service.request(session, family.actor, held.id, everybody[:3], "a")
    assert len(view.visitors) == 3


@pytest.mark.parametrize("alone", [True, False])
async def test_a_minor_comes_with_an_adult(world: World, alone: bool) -> None:
    family = await world.family()
    child = await world.relative(family.inmate_id, born=date(2018, 1, 1), guardian_id=family.relative_id)
    held = await world.hold(family, await world.slot())
    people = [VisitorChoice(child.relationship_id)] + ([] if alone else family.choice)
    if alone:
        with pytest.raises(Refused) as caught:
            async with world.db.write() as session:
                await service.request(session, family.actor, held.id, people, "a")
        assert codes(caught.value) == ["adult-needed"]
        return
    async with world.db.write() as session:
        view = await service.request(session, family.actor, held.id, people, "a")
    assert sorted(visitor.minor for visitor in view.visitors) == [False, True]


async def test_nobody_chosen_and_somebody_elses_relationship(world: World) -> None:
    family, stranger = await world.family(), await world.family()
    held = await world.hold(family, await world.slot())
    for choice, error in (([], Refused), (stranger.choice, NotFound)):
        wanted: type[KinbridgeError] = error
        with pytest.raises(wanted):
            async with world.db.write() as session:
                await service.request(session, family.actor, held.id, choice, "a")
    assert (await world.get(held.id)).state is BookingState.HELD


async def test_who_asked_for_others_is_free_at_that_time(world: World) -> None:
    family = await world.family()
    other = await world.relative(family.inmate_id)
    elsewhere = await world.family()
    same_time = await world.slot(days=1), await world.slot(days=1)
    held = await world.hold(family, same_time[0])
    async with world.db.write() as session:
        await service.request(session, family.actor, held.id, other.choice, "a")
    second = await world.relative(elsewhere.inmate_id, relative_id=family.relative_id)
    third = await world.relative(elsewhere.inmate_id, relative_id=other.relative_id)
    with pytest.raises(Refused) as caught:
        await world.hold(third, same_time[1], "b")
    assert codes(caught.value) == ["visitor-busy"]
    await world.request(second, same_time[1], "c")


async def test_a_day_closed_after_the_pick_fails_the_confirmation(world: World) -> None:
    """F27."""
    family = await world.family()
    async with world.db.write() as session:
        await service.create_template(session, ADMIN, world.prison_id, weekday=3, starts=time(9))
    async with world.db.read() as session:
        month = await service.month(session, family.actor, family.inmate_id, 2026, 11)
    (day,) = [day for day in month if day.slots]  # Wednesday 25 November
    held = await world.hold(family, day.slots[0].slot_id)
    async with world.db.write() as session:
        affected = await service.close_date(session, ADMIN, world.prison_id, day.date, "flood")
    assert [view.id for view in affected] == [held.id]
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.request(session, family.actor, held.id, family.choice, "c")
    assert codes(caught.value) == ["prison-closed"]


async def test_withdrawing_is_possible_until_the_visit_begins(world: World, clock: FakeClock) -> None:
    await world.terminal()
    family = await world.family()
    view = await world.confirmed(family, await world.slot(days=1))
    clock.set(view.starts_at)
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.withdraw(session, family.actor, view.id)
    assert codes(caught.value) == ["visit-begun"]
    clock.set(view.starts_at - timedelta(seconds=1))
    async with world.db.write() as session:
        withdrawn = await service.withdraw(session, family.actor, view.id, "ill")
    assert (withdrawn.state, withdrawn.words) == (BookingState.WITHDRAWN, "ill")
