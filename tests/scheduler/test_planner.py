"""Planning, where somebody else is at the same plan, wish or row in the same instant."""

import asyncio
from dataclasses import replace

import pytest

from core.db import Session
from core.errors import Unavailable
from core.ids import Ref
from scheduler import planner, plans, service, wishes
from scheduler.plans import Plan, PlanMoved, PlanState, Proposal, ProposalState
from scheduler.wishes import Wish
from tests.scheduler.test_planning import plan, proposals, publish, state, tuesday, wish
from tests.scheduler.world import Family, World


async def planned(world: World) -> tuple[Family, Wish, Plan]:
    await world.terminal()
    await tuesday(world)
    family = await world.family()
    wanted = await wish(world, family)
    return family, wanted, await plan(world)


async def test_what_is_withdrawn_in_the_same_instant_is_not_booked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL: between the look at the wish and its end."""
    family, wanted, made = await planned(world)
    async with world.db.write() as session:
        await wishes.withdraw(session, family.actor, wanted.id)

    async def as_it_was(_session: Session, _wish_id: str) -> Wish:
        return wanted

    monkeypatch.setattr(wishes, "get", as_it_was)
    assert await publish(world, made) == 0
    found = (await proposals(world, made))[wanted.id]
    assert (found.state, [one.code for one in found.reasons]) == (ProposalState.STALE, ["wish-ended"])
    async with world.db.read() as session:
        assert await service.of_relative(session, family.relative_id) == []


async def test_what_only_the_database_stopped_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock costs no family its time."""
    _, wanted, made = await planned(world)

    async def in_the_way(_session: Session, _actor: Ref, _proposal: Proposal) -> bool:
        raise Unavailable

    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(planner, "apply", in_the_way)
        await publish(world, made)
    assert await state(world, made) is PlanState.PUBLISHING
    assert await planner.publish(world.db) == 1
    assert (await proposals(world, made))[wanted.id].state is ProposalState.APPLIED


async def test_a_plan_that_becomes_ready_in_the_same_instant_keeps_its_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL: between the look at the plan and its move."""
    _, _, made = await planned(world)
    real, seen = plans.get, [replace(made, state=PlanState.WORKING, report={})]

    async def as_it_was(session: Session, plan_id: str) -> Plan:
        return seen.pop() if seen else await real(session, plan_id)

    monkeypatch.setattr(plans, "get", as_it_was)
    with pytest.raises(PlanMoved):
        await publish(world, made)
    assert await publish(world, made) == 1
    async with world.db.read() as session:
        assert (await real(session, made.id)).report["served"] == 1


async def test_who_wishes_twice_at_once_has_one_wish(world: World) -> None:
    """The same one sent twice is one, and a second one is refused although the first was not there when it came."""
    await tuesday(world)
    family = await world.family()
    one, same = await asyncio.gather(wish(world, family), wish(world, family))
    assert one == same
    other = await world.family()
    answers = await asyncio.gather(*(wish(world, other, key=key) for key in "ab"), return_exceptions=True)
    assert sum(isinstance(answer, wishes.WishOpen) for answer in answers) == 1
    async with world.db.read() as session:
        assert len(await wishes.of_relative(session, other.relative_id)) == 1
