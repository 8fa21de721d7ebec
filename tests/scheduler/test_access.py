"""Who sees which booking, and what the lists hold."""

from datetime import date, timedelta

import pytest

from core import clock as core_clock
from core.errors import Conflict, NotFound
from core.ids import SYSTEM, new_id
from people.model import Identity, Role
from people.tables import DeviceRow
from scheduler import service, suspensions
from scheduler.model import BookingState
from tests.conftest import FakeClock
from tests.scheduler.world import ADMIN, World, identity


async def device(world: World, prison_id: str | None = None) -> str:
    device_id = new_id("dev")
    async with world.db.write() as session:
        session.add(
            DeviceRow(
                id=device_id,
                prison_id=prison_id or world.prison_id,
                name=device_id,
                state="enrolled",
                created_by="adm",
                created_at=core_clock.now(),
            )
        )
    return device_id


async def sees(world: World, actor: Identity, booking_id: str) -> bool:
    async with world.db.read() as session:
        try:
            return (await service.get_for(session, actor, booking_id)).id == booking_id
        except NotFound:
            return False


async def test_who_sees_a_booking(world: World) -> None:
    terminal_id, other_terminal = await world.terminal("T1"), await world.terminal("T2")
    here, there = await device(world), await device(world)
    async with world.db.write() as session:
        await service.link_device(session, ADMIN, terminal_id, here)
        await service.link_device(session, ADMIN, other_terminal, there)
    family = await world.family()
    companion, stranger = await world.relative(family.inmate_id), await world.relative(family.inmate_id)
    held = await world.hold(family, await world.slot())
    async with world.db.write() as session:
        await service.request(session, family.actor, held.id, [*family.choice, *companion.choice], "c")
        await service.approve(session, world.approver, held.id)
        view = await service.assign(session, SYSTEM, held.id, terminal_id)
    prison = view.prison_id
    assert [
        await sees(world, actor, held.id)
        for actor in (
            family.actor,
            companion.actor,
            identity("officer", "off_m", Role.MONITOR, prison_id=prison),
            identity("admin", "adm", Role.ADMIN, prison_id=None),
            identity("terminal", here, Role.TERMINAL, prison_id=prison),
        )
    ] == [True] * 5
    assert [
        await sees(world, actor, held.id)
        for actor in (
            stranger.actor,
            identity("officer", "off_x", Role.MONITOR, prison_id="prs_elsewhere"),
            identity("counsel", "cns", Role.COUNSEL, prison_id=prison),
            identity("terminal", there, Role.TERMINAL, prison_id=prison),
            identity("terminal", "dev_unknown", Role.TERMINAL, prison_id=prison),
        )
    ] == [False] * 5
    assert not await sees(world, family.actor, "bkg_none")


async def test_a_device_stands_at_one_terminal_of_its_prison(world: World) -> None:
    first, second = await world.terminal("T1"), await world.terminal("T2")
    mine, foreign = await device(world), await device(world, "prs_elsewhere")
    async with world.db.write() as session:
        await service.link_device(session, ADMIN, first, mine)
        await service.link_device(session, ADMIN, second, mine)
    async with world.db.read() as session:
        found = await service.terminal_of_device(session, mine)
        assert found is not None
        assert found.id == second
        names = [(t.name, t.device_id) for t in await service.terminals(session, world.prison_id)]
    assert names == [("T1", None), ("T2", mine)]
    for terminal_id, device_id in ((first, foreign), (first, "dev_none"), ("trm_none", mine)):
        with pytest.raises(NotFound):
            async with world.db.write() as session:
                await service.link_device(session, ADMIN, terminal_id, device_id)


async def test_the_lists(world: World, clock: FakeClock) -> None:
    terminal_id = await world.terminal()
    family = await world.family()
    early = await world.confirmed(family, await world.slot(days=1, hour=2), "a")
    late = await world.assigned(await world.family(), await world.slot(days=1, hour=4), "b")
    async with world.db.write() as session:
        await service.confirm(session, SYSTEM, late.id)
    waiting = await world.request(family, await world.slot(days=4), "c")
    await world.hold(family, await world.slot(days=5), "d")
    async with world.db.read() as session:
        assert [b.id for b in await service.pending(session, world.prison_id)] == [waiting.id]
        day = date(2026, 11, 22)
        assert [b.id for b in await service.on_day(session, world.prison_id, day)] == [early.id, late.id]
        states = [b.state for b in await service.of_relative(session, family.relative_id)]
        assert states == [BookingState.HELD, BookingState.REQUESTED, BookingState.CONFIRMED]
        assert await service.due(session, early.opens_at - timedelta(seconds=1)) == []
        assert [b.id for b in await service.due(session, early.opens_at)] == [early.id]
        assert await service.due(session, early.slot_ends_at) == []
        for moment, expected in (
            (core_clock.now(), early.id),
            (early.slot_ends_at - timedelta(seconds=1), early.id),
            (early.slot_ends_at, late.id),
        ):
            at = await service.at_terminal(session, terminal_id, moment)
            assert at is not None
            assert at.id == expected
        assert await service.at_terminal(session, terminal_id, late.slot_ends_at) is None


async def test_a_suspension_begins_ends_and_is_lifted(world: World) -> None:
    family = await world.family()
    slots = {days: await world.slot(days=days) for days in (1, 2, 3)}
    async with world.db.write() as session:
        ban_id = await service.ban(
            session, ADMIN, world.prison_id, date(2026, 11, 22), date(2026, 11, 23), "conduct",
            relative_id=family.relative_id,
        )  # fmt: skip

    async def reasons() -> list[list[str]]:
        async with world.db.read() as session:
            month = await service.month(session, family.actor, family.inmate_id, 2026, 11)
        return [[reason.code for reason in slot.reasons] for day in month for slot in day.slots]

    assert await reasons() == [["visits-suspended"], ["visits-suspended"], []]
    async with world.db.write() as session:
        await service.lift_ban(session, ADMIN, ban_id)
    assert await reasons() == [[], [], []]
    with pytest.raises(Conflict):
        async with world.db.write() as session:
            await service.lift_ban(session, ADMIN, ban_id)
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await service.lift_ban(session, ADMIN, "ban_none")
    assert len(slots) == 3


async def test_a_suspension_names_somebody_and_days_in_order(world: World) -> None:
    family = await world.family()
    day = date(2026, 11, 22)
    cases: list[tuple[dict[str, str], date, type[Exception]]] = [
        ({}, day, suspensions.NobodyNamed),
        ({"relative_id": family.relative_id}, day - timedelta(days=1), suspensions.DaysReversed),
        ({"relative_id": "rel_none"}, day, NotFound),
        ({"inmate_id": "inm_none"}, day, NotFound),
        ({"relative_id": family.relative_id}, day + timedelta(days=92), suspensions.WrongLength),
    ]
    for whom, last, error in cases:
        with pytest.raises(error):
            async with world.db.write() as session:
                await service.ban(session, ADMIN, world.prison_id, day, last, "x", **whom)
