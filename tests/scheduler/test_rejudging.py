"""A new version of the rules judges what is booked already: flagged with reasons, never cancelled."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock as core_clock
from core.errors import Conflict
from core.ids import Ref
from ledger import read as ledger
from policy import repository as policies
from policy import service as policy_service
from policy.model import BadPolicy, Draft, LegalBasis
from policy.tables import PolicyRow
from scheduler import flags, offering, rehearsal, rejudging, service
from scheduler.model import BookingState
from scheduler.offering import OfferState
from tests.conftest import FakeClock
from tests.scheduler.world import ADMIN, World

OTHER = Ref("admin", "adm_other")
BASIS = [LegalBasis(title="A new rule", says="so", seen="own")]


async def propose(world: World, **more: Any) -> Draft:
    values = more.pop("values")
    async with world.db.write() as session:
        policy_id = await policy_service.draft(session, ADMIN, world.prison_id, values, BASIS, **more)
        found = await policies.draft_of(session, policy_id)
    assert found is not None
    return found


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"minutes": 30}, []),
    ({"minutes": 25}, ["minutes-shorter"]),
    ({"relations": ["parent"]}, ["relation-not-listed"]),
    ({"visit_weekdays": []}, ["wing-day"]),
    ({"visits_per_month": 1}, ["allowance-beyond"]),
    ({"visits_per_month": 1, "minutes": 10}, ["allowance-beyond", "minutes-shorter"]),
    ({"lead_days": 30, "lead_unit": "days", "horizon_days": 1}, []),  # how to book is not asked again
    ({"relations": ["parent"], "exceptions": {"relation-not-listed": ["ward"]}}, []),
]


@pytest.mark.parametrize(("values", "codes"), CASES)
async def test_what_a_new_version_flags_is_what_its_preview_says(
    world: World, clock: FakeClock, values: dict[str, Any], codes: list[str]
) -> None:
    family = await world.family()
    first = await world.request(family, await world.slot(days=1), "a")
    clock.move(minutes=1)
    second = await world.request(family, await world.slot(days=2), "b")
    draft = await propose(world, values=values)
    async with world.db.read() as session:
        preview = await rejudging.preview(session, draft)
    async with world.db.write() as session:
        effects = await rejudging.approve(session, OTHER, draft.layer.id)
        open_flags = await flags.open_in(session, world.prison_id)
    assert [(one.booking.id, one.reasons) for one in preview.effects] == [
        (one.booking.id, one.reasons) for one in effects
    ]
    assert sorted({reason.code for one in effects for reason in one.reasons}) == codes
    assert sorted({one.reason.code for one in open_flags}) == codes
    for view in (first, second):  # nothing is cancelled, and each keeps the version it was judged by
        now = await world.get(view.id)
        assert (now.state, now.policy_version) == (BookingState.REQUESTED, view.policy_version)


async def test_a_version_judges_only_what_lies_in_its_time(world: World) -> None:
    family = await world.family()
    await world.request(family, await world.slot(days=1), "a")
    later = await world.request(family, await world.slot(days=9), "b")
    from_then = core_clock.now() + timedelta(days=5)
    draft = await propose(world, values={"minutes": 10}, valid_from=from_then)
    async with world.db.write() as session:
        effects = await rejudging.approve(session, OTHER, draft.layer.id)
    assert [one.booking.id for one in effects] == [later.id]


async def test_two_persons_stand_in_the_ledger(world: World) -> None:
    draft = await propose(world, values={"minutes": 25})
    with pytest.raises(policy_service.SamePerson):
        async with world.db.write() as session:
            await rejudging.approve(session, ADMIN, draft.layer.id)
    async with world.db.write() as session:
        await rejudging.approve(session, OTHER, draft.layer.id)
    async with world.db.read() as session:
        entries = await ledger.about(session, Ref("policy", draft.layer.id))
    assert [(entry.tag, entry.actor_id) for entry in entries] == [
        ("admin:policy:drafted", "adm_test"),
        ("admin:policy:approved", "adm_other"),
    ]


async def test_a_dropped_proposal_is_not_approved(world: World) -> None:
    draft = await propose(world, values={"minutes": 25})
    async with world.db.write() as session:
        await policy_service.drop(session, OTHER, draft.layer.id)
    for act in (policy_service.drop, policy_service.approve):
        with pytest.raises(Conflict):
            async with world.db.write() as session:
                await act(session, OTHER, draft.layer.id)


async def test_what_contradicts_a_wider_scope_is_refused_with_both_names(world: World) -> None:
    with pytest.raises(BadPolicy, match=r"most_minutes = 90 contradicts CN \(most 60\)"):
        await propose(world, values={"most_minutes": 90})
    with pytest.raises(BadPolicy, match="least is above its most"):
        await propose(world, values={}, bounds={"minutes": {"least": 9, "most": 5}})
    with pytest.raises(BadPolicy, match="beds"):
        await propose(world, values={}, bounds={"beds": {"most": 5}})


async def test_a_scope_does_not_draw_its_bounds_tighter_than_what_stands_below(world: World) -> None:
    async with world.db.write() as session:
        ward = await policy_service.draft(session, ADMIN, world.wing_id, {"max_visitors": 4}, BASIS)
        await policy_service.approve(session, OTHER, ward)
    with pytest.raises(BadPolicy, match="max_visitors = 4 contradicts"):
        await propose(world, values={}, bounds={"max_visitors": {"most": 3}})
    await propose(world, values={}, bounds={"max_visitors": {"most": 4}})


async def approve(world: World, **values: Any) -> list[rejudging.Effect]:
    draft = await propose(world, values=values)
    async with world.db.write() as session:
        return await rejudging.approve(session, OTHER, draft.layer.id)


async def open_flags(world: World) -> list[flags.Flag]:
    async with world.db.read() as session:
        return await flags.open_in(session, world.prison_id)


async def test_a_later_version_flags_nothing_twice_and_clears_what_it_mends(world: World) -> None:
    await world.terminal()
    family = await world.family()
    view = await world.request(family, await world.slot(days=1), "a")
    await world.slot(days=2)
    await approve(world, minutes=25)
    (first,) = await open_flags(world)
    async with world.db.write() as session:
        (made,) = await offering.offer_all(session, world.approver, [first])
    assert made.slot is not None
    effects = await approve(world, minutes=25, supplements=0)  # another matter
    assert [one.booking.id for one in effects] == [view.id]
    assert await open_flags(world) == [first]
    async with world.db.read() as session:
        assert (await offering.of_bookings(session, [view.id]))[view.id].state is OfferState.OPEN
    assert await approve(world, minutes=30) == []
    assert await open_flags(world) == []
    async with world.db.read() as session:
        assert (await offering.of_bookings(session, [view.id]))[view.id].state is OfferState.TAKEN_BACK


async def test_what_an_officer_let_stay_is_not_asked_again(world: World) -> None:
    family = await world.family()
    await world.request(family, await world.slot(days=1), "a")
    await approve(world, minutes=25)
    (flag,) = await open_flags(world)
    async with world.db.write() as session:
        await flags.keep(session, world.approver, flag.id, "Promised")
    assert await approve(world, minutes=25, supplements=0) == []
    assert await open_flags(world) == []
    await approve(world, minutes=20)  # shorter still: nobody has decided on that
    assert [one.reason.params for one in await open_flags(world)] == [{"minutes": 20}]


async def test_rules_that_contradict_each_other_are_never_put_in_force(world: World) -> None:
    """Neither within one scope, nor where a wider scope's change meets what a narrower one states."""
    with pytest.raises(BadPolicy, match="minutes, most_minutes"):
        await propose(world, values={"minutes": 50, "most_minutes": 40})
    async with world.db.write() as session:
        ward = await policy_service.draft(session, ADMIN, world.wing_id, {"minutes": 50}, BASIS)
    await approve(world, most_minutes=40)
    with pytest.raises(BadPolicy, match="minutes, most_minutes"):
        async with world.db.write() as session:
            await policy_service.approve(session, OTHER, ward)
    await approve(world, most_minutes=60)
    async with world.db.write() as session:
        await policy_service.approve(session, OTHER, ward)
    with pytest.raises(BadPolicy, match="minutes, most_minutes"):
        await propose(world, values={"most_minutes": 40})


async def test_a_prison_that_is_switched_off_keeps_nobody_from_new_rules(world: World) -> None:
    """What is booked there stays until somebody decides, so it is judged like the rest."""
    family = await world.family()
    view = await world.request(family, await world.slot(days=3), "a")
    async with world.db.write() as session:
        await service.set_prison_active(session, ADMIN, world.prison_id, active=False)
    draft = await propose(world, values={"minutes": 25})
    async with world.db.read() as session:
        preview = await rejudging.preview(session, draft)
    assert [one.booking.id for one in preview.effects] == [view.id]
    (found,) = await rehearsal.rehearse_rules(world.db, draft.layer.id)
    assert found.reason is offering.NOTHING_OPEN
    async with world.db.write() as session:
        await rejudging.approve(session, OTHER, draft.layer.id)
    assert [flag.booking_id for flag in await open_flags(world)] == [view.id]
    async with world.db.write() as session:
        assert (await service.withdraw(session, family.actor, view.id)).state is BookingState.WITHDRAWN


async def test_rules_that_mend_are_not_stopped_by_those_that_they_mend(world: World) -> None:
    """Contradictions that came in force before they were refused: what begins tomorrow is judged by itself."""
    await world.request(await world.family(), await world.slot(days=3), "a")
    broken = await propose(world, values={"minutes": 25})
    async with world.db.write() as session:
        await policy_service.approve(session, OTHER, broken.layer.id)
        row = await session.get_one(PolicyRow, broken.layer.id)
        row.values = {"minutes": 50, "most_minutes": 40}
    draft = await propose(world, values={"minutes": 30}, valid_from=core_clock.now() + timedelta(days=1))
    async with world.db.read() as session:
        assert (await rejudging.preview(session, draft)).effects == ()
    async with world.db.write() as session:
        assert await rejudging.approve(session, OTHER, draft.layer.id) == []
