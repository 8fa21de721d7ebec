"""Wishes, the weekly plan, and publishing it proposal by proposal."""

import asyncio
import dataclasses
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from core.db import Session
from core.errors import NotFound, Refused
from core.ids import Ref
from ledger import read
from scheduler import booths, places, planner, planning, plans, service, wishes
from scheduler.meetings import NoMeetings
from scheduler.model import BookingState, ClaimKind, ticks
from scheduler.plans import Plan, PlanState, Proposal, ProposalState
from scheduler.tables import SlotRow
from scheduler.wishes import Choice, Wish, WishState
from tests.conftest import FakeClock
from tests.scheduler.world import ADMIN, Family, World

DAY = date(2026, 11, 24)  # Tuesday; the clock stands at Saturday the 21st


def choice(rank: int = 0, day: date = DAY, first: int = 9, last: int = 18) -> Choice:
    return Choice(rank, day, time(first), time(last))


async def wish(world: World, family: Family, choices: Sequence[Choice] = (choice(),), key: str = "w") -> Wish:
    async with world.db.write() as session:
        return await wishes.make(session, family.actor, family.inmate_id, family.choice, choices, key)


async def plan(world: World, first: date = DAY, last: date = DAY + timedelta(days=6)) -> Plan:
    async with world.db.write() as session:
        asked = await plans.ask(session, world.approver, world.prison_id, first, last, date(2026, 11, 21))
    assert await planner.work(world.db) == 1
    async with world.db.read() as session:
        return await plans.get(session, asked.id)


async def proposals(world: World, made: Plan) -> dict[str, Proposal]:
    async with world.db.read() as session:
        return {one.wish_id: one for one in await plans.proposals(session, made.id)}


async def publish(world: World, made: Plan) -> int:
    async with world.db.write() as session:
        await plans.publish(session, world.approver, made.id)
    return await planner.publish(world.db)


async def state(world: World, made: Plan) -> PlanState:
    async with world.db.read() as session:
        return (await plans.get(session, made.id)).state


async def tuesday(world: World, capacity: int = 1, hour: int = 2) -> str:
    return await world.slot(days=3, capacity=capacity, hour=hour)  # 10:00 in Beijing


async def test_who_waits_longest_is_served_and_the_other_told_why(world: World, clock: FakeClock) -> None:
    await world.terminal()
    late, early = await world.family(), await world.family()
    slot = await tuesday(world)
    first = await wish(world, early)
    clock.move(hours=30)
    second = await wish(world, late)
    made = await plan(world)
    assert made.state is PlanState.READY
    found = await proposals(world, made)
    assert (found[first.id].slot_id, found[first.id].rank) == (slot, 0)
    assert [reason.code for reason in found[second.id].reasons] == ["no-time-left"]
    assert (made.report["served"], made.report["wishes"]) == (1, 2)
    assert made.report["gap_percent"] <= 0.01
    assert made.read["wishes"] == 2
    assert await publish(world, made) == 1
    async with world.db.read() as session:
        served = await wishes.get(session, first.id)
        waiting = await wishes.get(session, second.id)
        (view,) = await service.of_relative(session, early.relative_id)
    assert (served.state, served.booking_id) == (WishState.SERVED, view.id)
    assert (view.state, view.slot_id) == (BookingState.APPROVED, slot)
    assert waiting.state is WishState.OPEN
    assert await state(world, made) is PlanState.PUBLISHED


async def test_the_dearest_time_that_is_left(world: World) -> None:
    await world.terminal()
    family = await world.family()
    await tuesday(world, hour=2)
    noon = await tuesday(world, hour=6)
    asked = await wish(world, family, [choice(0, first=13), choice(1, first=9, last=12)])
    found = await proposals(world, await plan(world))
    assert (found[asked.id].slot_id, found[asked.id].rank) == (noon, 0)


async def test_a_ground_comes_first_but_only_for_a_share_of_the_places(
    world: World, clock: FakeClock
) -> None:
    """Three places: one at most goes to priority as such; the rest by waiting."""
    for name in ("T1", "T2", "T3"):
        await world.terminal(name)
    await tuesday(world, capacity=3)
    old = [await wish(world, await world.family()) for _ in range(3)]
    clock.move(days=1)
    new = [await wish(world, await world.family()) for _ in range(2)]
    for one in new:
        async with world.db.write() as session:
            await wishes.grant(session, world.approver, one.id, "grave-illness", "hospital letter")
    found = await proposals(world, await plan(world))
    assert sum(found[one.id].slot_id is not None for one in new) == 1
    assert sum(found[one.id].slot_id is not None for one in old) == 2


async def test_terminals_and_rosters_are_what_there_is(world: World) -> None:
    await world.terminal()
    await tuesday(world, capacity=2)
    asked = [await wish(world, await world.family()) for _ in range(2)]
    first = await plan(world)
    found = await proposals(world, first)
    assert sum(found[one.id].slot_id is not None for one in asked) == 1
    (left,) = [one.id for one in asked if found[one.id].slot_id is None]
    assert [one.code for one in found[left].reasons] == ["no-time-left"]
    assert await publish(world, first) == 1
    again = await proposals(world, await plan(world))  # a place is left, and no terminal
    assert [one.code for one in again[left].reasons] == ["nothing-left"]


async def test_a_lawyers_meeting_takes_its_terminal_and_its_inmate_out_of_the_plan(world: World) -> None:
    """Two terminals, two wishes for one time; a meeting begins in the middle of it at one of the terminals."""
    await world.terminal("T1")
    taken = await world.terminal("T2")
    slot = await tuesday(world, capacity=2)
    asked = [await wish(world, await world.family()) for _ in range(2)]
    async with world.db.write() as session:
        row = await session.get_one(SlotRow, slot)
        middle = ticks(row.starts_at + timedelta(minutes=20), row.ends_at + timedelta(minutes=20))
        assert await places.claim(session, places.ticks_of(ClaimKind.TERMINAL, taken, middle), "sit_1")
    found = await proposals(world, await plan(world))
    assert sum(found[one.id].slot_id is not None for one in asked) == 1
    busy = await world.family()
    await tuesday(world, hour=5)
    async with world.db.write() as session:
        keys = places.ticks_of(ClaimKind.INMATE, busy.inmate_id, middle)
        assert await places.claim(session, keys, "sit_2")
    last = await wish(world, busy, [choice(last=12)])
    assert [one.code for one in (await proposals(world, await plan(world)))[last.id].reasons] == [
        "inmate-busy"
    ]


async def test_seats_of_a_booth_outside_are_given_out_with_the_times(world: World) -> None:
    """Two terminals, one seat in the booth, three families, two of whom have no device: one of these waits. What is
    booked keeps its seat; where it was given away meanwhile the proposal is stale."""
    for name in ("T1", "T2", "T3"):
        await world.terminal(name)
    slot = await tuesday(world, capacity=3)
    async with world.db.write() as session:
        booth = await booths.create(session, ADMIN, world.prison_id, "司法所", "长江路 1 号", 1)
    families = [await world.family() for _ in range(3)]
    asked = []
    for family, where in zip(families, (booth, booth, None), strict=True):
        async with world.db.write() as session:
            more = (session, family.actor, family.inmate_id, family.choice, [choice()], "w")
            asked.append(await wishes.make(*more, booth_id=where))
    made = await plan(world)
    found = await proposals(world, made)
    assert [found[one.id].slot_id is not None for one in asked].count(True) == 2
    assert found[asked[2].id].slot_id == slot
    assert await publish(world, made) == 2
    served = next(n for n in (0, 1) if found[asked[n].id].slot_id)
    async with world.db.read() as session:
        (view,) = await service.of_relative(session, families[served].relative_id)
        assert (await booths.of_bookings(session, [view.id]))[view.id].name == "司法所"
        assert await booths.free(session, world.prison_id, [view.starts_at]) == {(booth, view.starts_at): 0}
    again = await plan(world)  # the seat is gone, although a place and a terminal are left
    other = asked[1 - served].id
    assert [one.code for one in (await proposals(world, again))[other].reasons] == ["nothing-left"]
    async with world.db.write() as session:
        await service.withdraw(session, families[served].actor, view.id)
    freed = await plan(world)
    assert (await proposals(world, freed))[other].slot_id == slot
    async with world.db.write() as session:
        await booths.take(session, booth, view.starts_at, view.slot_ends_at, "bkg_by_hand")
    assert await publish(world, freed) == 0
    assert [one.code for one in (await proposals(world, freed))[other].reasons] == ["booth-full"]


@pytest.mark.parametrize("left", [0, 1])
async def test_nobody_is_planned_into_a_booth_that_was_closed(world: World, left: int) -> None:
    await world.terminal()
    await tuesday(world)
    family = await world.family()
    async with world.db.write() as session:
        booth = await booths.create(session, ADMIN, world.prison_id, "A", "1", 1)
        await wishes.make(
            session, family.actor, family.inmate_id, family.choice, [choice()], "w", booth_id=booth
        )
        if not left:
            await booths.close(session, ADMIN, world.prison_id, booth)
        asked = await plans.ask(session, world.approver, world.prison_id, DAY, DAY + timedelta(days=6), DAY)
        posed = planning.pose(await planning.read(session, asked, NoMeetings()))
    assert len(posed.meant) == left


async def test_booths_are_checked(world: World) -> None:
    family = await world.family()
    await tuesday(world)
    async with world.db.write() as session:
        booth = await booths.create(session, ADMIN, world.prison_id, "A", "1", 1)
        assert await booths.create(session, ADMIN, world.prison_id, "A", "2", 3) == booth
        assert [(one.place, one.seats) for one in await booths.of_prison(session, world.prison_id)] == [
            ("2", 3)
        ]
        for wrong in (("", "1", 1), ("B", "", 1), ("B", "1", 0), ("B", "1", 51)):
            with pytest.raises(booths.BadBooth):
                await booths.create(session, ADMIN, world.prison_id, *wrong)
        with pytest.raises(NotFound):
            await booths.close(session, ADMIN, "prs_other", booth)
        await booths.close(session, ADMIN, world.prison_id, booth)
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            more = (session, family.actor, family.inmate_id, family.choice, [choice()], "w")
            await wishes.make(*more, booth_id=booth)


async def test_a_stale_proposal_is_refused_and_explained(world: World) -> None:
    """Between planning and publishing a family books one of the two planned times by hand."""
    await world.terminal("T1")
    await world.terminal("T2")
    slots = [await tuesday(world, hour=2), await tuesday(world, hour=3)]
    asked = [await wish(world, await world.family(), [choice(first=10 + n, last=11 + n)]) for n in range(2)]
    made = await plan(world)
    await world.request(await world.family(), slots[0], key="faster")
    assert await publish(world, made) == 1
    found = await proposals(world, made)
    assert (found[asked[0].id].state, found[asked[1].id].state) == (
        ProposalState.STALE,
        ProposalState.APPLIED,
    )
    assert [reason.code for reason in found[asked[0].id].reasons] == ["slot-full"]
    async with world.db.read() as session:
        assert (await wishes.get(session, asked[0].id)).state is WishState.OPEN  # still waits


async def test_publishing_goes_on_where_it_was_cut_and_books_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.terminal()
    families = [await world.family() for _ in range(3)]
    for hour in (2, 3, 4):
        await tuesday(world, hour=hour)
    for family in families:
        await wish(world, family)
    made = await plan(world)
    real = planner.apply
    calls: list[str] = []

    async def killed(session: Session, actor: Ref, proposal: Proposal) -> bool:
        calls.append(proposal.id)
        applied = await real(session, actor, proposal)
        if len(calls) == 2:
            raise KeyboardInterrupt  # the process ends before the transaction is committed
        return applied

    monkeypatch.setattr(planner, "apply", killed)
    with pytest.raises(KeyboardInterrupt):
        await publish(world, made)
    monkeypatch.setattr(planner, "apply", real)
    assert await planner.publish(world.db) == 2
    assert await planner.publish(world.db) == 0
    async with world.db.read() as session:
        booked = [await service.of_relative(session, family.relative_id) for family in families]
    assert [len(views) for views in booked] == [1, 1, 1]
    assert await state(world, made) is PlanState.PUBLISHED


@pytest.mark.timeout(300)  # three processes, one after the other
async def test_a_publishing_process_may_be_killed_at_any_moment(database_url: str, world: World) -> None:
    """kill -9 for real: in the transaction of one proposal, after it was committed, and between the two entries of a
    stale one; whoever comes next goes on, and nothing is booked twice."""
    await world.terminal()
    families = [await world.family() for _ in range(4)]
    for number, family in enumerate(families):
        await tuesday(world, hour=2 + number)
        await wish(world, family, [choice(first=10 + number, last=11 + number)])
    made = await plan(world)
    *_, last = (await proposals(world, made)).values()
    assert last.slot_id is not None
    await world.request(await world.family(), last.slot_id, key="faster")  # the last proposal is stale by now
    async with world.db.write() as session:
        await plans.publish(session, world.approver, made.id)
    program = Path(__file__).with_name("publisher.py")
    pipe = asyncio.subprocess.PIPE
    workers = await asyncio.create_subprocess_exec(
        sys.executable, str(program), database_url, stdin=pipe, stdout=pipe
    )
    assert workers.stdin is not None
    assert workers.stdout is not None
    for moment in ("inside", "after", "stale"):
        workers.stdin.write(f"{moment}\n".encode())
        ended = await workers.stdout.readline()
        assert (moment, int(ended)) == (moment, -signal.SIGKILL)
        assert await state(world, made) is PlanState.PUBLISHING
    workers.stdin.close()
    assert await workers.wait() == 0
    assert await planner.publish(world.db) == 0  # all but the stale one was done by those who were killed
    found = Counter(one.state for one in (await proposals(world, made)).values())
    assert found == {ProposalState.APPLIED: 3, ProposalState.STALE: 1}
    async with world.db.read() as session:
        booked = [await service.of_relative(session, family.relative_id) for family in families]
        wanted = [await wishes.of_relative(session, family.relative_id) for family in families]
    assert sorted(len(views) for views in booked) == [0, 1, 1, 1]
    assert sorted(len(open_) for open_ in wanted) == [0, 0, 0, 1]
    assert (await read.verify(world.db)).intact


async def test_who_presses_publish_decides_and_twice_is_once(world: World) -> None:
    """The ledger names the officer who published, not the one who had asked for the plan."""
    await world.terminal()
    await tuesday(world)
    wanted = await wish(world, await world.family())
    made = await plan(world)
    other = dataclasses.replace(world.approver, subject=Ref("officer", "off_other"))
    for _ in range(2):
        async with world.db.write() as session:
            await plans.publish(session, other, made.id)
    assert await planner.publish(world.db) == 1
    booking_id = (await proposals(world, made))[wanted.id].booking_id
    assert booking_id is not None
    async with world.db.read() as session:
        decided = {entry.tag: entry.actor_id for entry in await read.latest(session, about=booking_id)}
    assert decided["officer:booking:approved"] == "off_other"


async def test_a_plan_whose_process_died_is_taken_over(world: World, clock: FakeClock) -> None:
    await world.terminal()
    await tuesday(world)
    await wish(world, await world.family())
    async with world.db.write() as session:
        asked = await plans.ask(session, world.approver, world.prison_id, DAY, DAY, date(2026, 11, 21))
        until = clock.now() + plans.LEASE
        assert await plans.move(session, world.approver, asked.id, PlanState.WORKING, lease_until=until)
    assert await planner.work(world.db) == 0  # somebody is at it
    clock.move(minutes=2)
    assert await planner.work(world.db) == 1
    assert await state(world, asked) is PlanState.READY


async def test_a_plan_can_be_stopped_and_a_new_one_stops_the_old(world: World) -> None:
    async with world.db.write() as session:
        first = await plans.ask(session, world.approver, world.prison_id, DAY, DAY, date(2026, 11, 21))
        second = await plans.ask(session, world.approver, world.prison_id, DAY, DAY, date(2026, 11, 21))
        await plans.stop(session, world.approver, second.id)
    assert await state(world, first) is PlanState.STOPPED
    assert await planner.work(world.db) == 0
    with pytest.raises(plans.PlanMoved):
        async with world.db.write() as session:
            await plans.publish(session, world.approver, second.id)
    with pytest.raises(plans.BadWeek):
        async with world.db.write() as session:
            await plans.ask(session, world.approver, world.prison_id, DAY, date(2026, 11, 1), DAY)


async def test_wishes_are_checked(world: World) -> None:
    family = await world.family()
    with pytest.raises(Refused):  # a request that nobody can serve: no time of the timetable lies there
        await wish(world, family)
    await tuesday(world)
    for wrong in ([], [choice(3)], [choice(first=12, last=12)], [choice(day=date(2027, 11, 24))]):
        with pytest.raises(wishes.BadWish):
            await wish(world, family, wrong)
    made = await wish(world, family)
    assert (await wish(world, family)).id == made.id  # sent twice
    with pytest.raises(wishes.WishOpen):
        await wish(world, family, key="another")
    async with world.db.write() as session:
        await wishes.withdraw(session, family.actor, made.id)
    with pytest.raises(wishes.WishOver):
        async with world.db.write() as session:
            await wishes.withdraw(session, family.actor, made.id)


async def test_waiting_goes_on_from_a_wish_that_nobody_could_serve(world: World, clock: FakeClock) -> None:
    family = await world.family()
    await tuesday(world)
    first = await wish(world, family)
    clock.move(days=5)
    async with world.db.write() as session:
        assert await wishes.expire(session, world.prison_id, date(2026, 11, 26)) == 1
    await world.slot(days=2)
    second = await wish(world, family, [choice(day=date(2026, 11, 28))], key="again")
    assert second.waiting_since == first.waiting_since
    assert second.waited_days(clock.now()) == 5
