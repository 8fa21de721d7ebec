"""Scenarios of the field about templates, with the database: one that takes over from another, names, several
capacities, times that are meant for some."""

from datetime import time
from typing import Any

import pytest
from sqlalchemy import select

from core.errors import Refused
from scheduler import service, templates
from scheduler.audience import Audience
from scheduler.setup import NameTooLong
from scheduler.tables import ClaimRow, SlotRow
from tests.scheduler.test_booking_scenarios import codes
from tests.scheduler.world import ADMIN, World


async def template(world: World, **more: Any) -> str:
    async with world.db.write() as session:
        return await service.create_template(
            session, ADMIN, world.prison_id, **{"weekday": 2, "starts": time(9), "capacity": 2, **more}
        )


async def slot_of(world: World, template_id: str) -> str:
    async with world.db.read() as session:
        found = select(SlotRow.id).where(SlotRow.template_id == template_id).order_by(SlotRow.starts_at)
        return str((await session.scalars(found)).first())


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({}, None),
        ({"weekday": 3}, "no-such-time"),
        ({"starts": time(10)}, "no-such-time"),
        ({"minutes": 20, "raster": 40}, "too-short"),
        ({"capacity": 1}, "no-room"),
        ({"audience": Audience(include=("B",))}, "not-meant"),
        ({"audience": Audience(levels=("ordinary",))}, None),
    ],
)
async def test_f41_all_bookings_move_or_none(world: World, target: dict[str, Any], code: str | None) -> None:
    source_id, target_id = await template(world), await template(world, **target)
    slot_id = await slot_of(world, source_id)
    views = [await world.request(await world.family(), slot_id) for _ in range(2)]
    if code is None:
        async with world.db.write() as session:
            moved = await templates.move_bookings(session, ADMIN, source_id, target_id)
        assert {view.slot_id for view in moved} == {await slot_of(world, target_id)}
        return
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await templates.move_bookings(session, ADMIN, source_id, target_id)
    assert code in [reason.code for reason in caught.value.reasons]
    assert [(await world.get(view.id)).slot_id for view in views] == [slot_id] * 2


async def test_f41_a_day_is_named_by_the_prisons_clock(world: World) -> None:
    """Half past seven on Tuesday in Beijing, where it is still Monday in UTC."""
    source_id, target_id = await template(world, starts=time(7, 30)), await template(world)
    await world.request(await world.family(), await slot_of(world, source_id))
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await templates.move_bookings(session, ADMIN, source_id, target_id)
    assert [reason.params["day"] for reason in caught.value.reasons] == ["2026-11-24"]


async def test_f42_names_have_an_end_and_overlaps_are_reported_only(world: World) -> None:
    with pytest.raises(NameTooLong):
        await template(world, name="x" * 101)
    one, other = await template(world, name="x" * 100), await template(world, starts=time(9, 15))
    async with world.db.read() as session:
        assert [found.template_id for found in await templates.overlapping(session, one)] == [other]


async def test_f50_a_limit_of_its_own_besides_the_places(world: World) -> None:
    slot_id = await slot_of(world, await template(world, limits={"video": 1, "adults": 5}))
    await world.request(await world.family(), slot_id)
    assert await codes(world, await world.family(), slot_id) == ["limit-reached"]


async def test_f50_a_video_visit_of_three_takes_a_group_and_a_link_and_no_adult(world: World) -> None:
    slot_id = await slot_of(world, await template(world, capacity=5, limits={"video": 4, "adults": 10}))
    family = await world.family()
    coming = [family, *[await world.relative(family.inmate_id) for _ in range(2)]]
    held = await world.hold(family, slot_id)
    async with world.db.write() as session:
        choice = [one.choice[0] for one in coming]
        await service.request(session, family.actor, held.id, choice, "k")
    other = await world.family()
    async with world.db.read() as session:
        offer, _ = await service.why_not(session, other.actor, other.inmate_id, slot_id)
        claims = (
            await session.scalars(select(ClaimRow.owner_id).where(ClaimRow.booking_id == held.id))
        ).all()
    assert offer.free_places == 4
    assert sorted(owner for owner in claims if owner.startswith(slot_id)) == [f"{slot_id}/video"]


async def test_f19_a_time_that_is_meant_for_others_is_not_shown(world: World) -> None:
    await template(world, audience=Audience(levels=("enhanced",)))
    family, enhanced = await world.family(), await world.family(level="enhanced")
    async with world.db.read() as session:
        seen = [
            sum(len(day.slots) for day in await service.month(session, one.actor, one.inmate_id, 2026, 12))
            for one in (family, enhanced)
        ]
    assert seen[0] == 0 < seen[1]
