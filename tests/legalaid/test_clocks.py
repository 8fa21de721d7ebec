"""Clocks as rows: desks are told before red, matters move up, two changes at once are one."""

from datetime import timedelta

import pytest

from core.ids import Ref
from legalaid import clocks, tasks
from legalaid.model import QuestionView
from legalaid.tables import DeskRow
from notices import outbox
from policy.lights import Colour
from policy.promises import PROMISES
from policy.running import (
    ClockMoved,
    ClockState,
    ExtensionAsked,
    SecondSupplement,
    TooLateToAsk,
)
from tests.conftest import FakeClock
from tests.legalaid.place import Place


async def asked(here: Place, **more: str) -> tuple[QuestionView, Ref, str]:
    view = await here.ask(await here.inmate(), **more)
    matter = Ref("question", view.id)
    async with here.db.read() as session:
        row = await clocks.of_matter(session, matter)
    assert row is not None
    return view, matter, row.id


async def told(here: Place, desk: str) -> list[str]:
    """Templates of the notices to a desk, the first one first."""
    async with here.db.read() as session:
        return [notice.template for notice in await outbox.of(session, Ref("desk", desk))][::-1]


async def steps(here: Place, matter: Ref) -> list[str]:
    async with here.db.read() as session:
        return [event.what for event in await clocks.history(session, matter)]


async def test_a_question_says_which_desk_holds_it_and_till_when(here: Place, clock: FakeClock) -> None:
    view, _, _ = await asked(here)
    assert view.light is not None
    assert (view.light.desk, view.light.colour, view.light.level) == ("Station", Colour.GREEN, 0)
    assert timedelta(days=14) < view.light.due_at - clock.now() < timedelta(days=17)
    urgent, _, _ = await asked(here, limitation="2026-11-25")
    assert urgent.urgent
    assert urgent.light is not None
    assert urgent.light.due_at - clock.now() == timedelta(hours=24)


async def test_the_desk_is_told_then_it_moves_up_then_to_discipline(here: Place, clock: FakeClock) -> None:
    _, matter, _ = await asked(here, limitation="2026-11-25")
    assert await tasks.turn_lights(here.db) == 0
    clock.move(hours=18)
    assert await tasks.turn_lights(here.db) == 1
    assert await tasks.turn_lights(here.db) == 0  # told once
    assert await told(here, here.station) == ["clock-yellow"]
    clock.move(hours=6)
    assert await tasks.turn_lights(here.db) == 1
    assert await told(here, here.station) == ["clock-yellow", "clock-passed"]
    assert await told(here, here.bureau) == ["clock-yours"]
    async with here.db.read() as session:
        light = await clocks.light(session, matter)
    assert light is not None
    assert (light.desk, light.colour, light.level) == ("Bureau", Colour.RED, 1)
    assert light.due_at - clock.now() == timedelta(hours=6)
    clock.move(hours=5)
    await tasks.turn_lights(here.db)
    clock.move(hours=1)
    await tasks.turn_lights(here.db)
    assert await told(here, here.discipline) == ["clock-yours"]
    assert await steps(here, matter) == ["started", "told", "escalated", "told", "discipline"]
    clock.move(days=30)
    assert await tasks.turn_lights(here.db) == 0


async def test_a_worker_that_slept_tells_first_and_waits_a_moment(here: Place, clock: FakeClock) -> None:
    _, matter, _ = await asked(here, limitation="2026-11-25")
    clock.move(days=3)
    await tasks.turn_lights(here.db)
    await tasks.turn_lights(here.db)
    assert await steps(here, matter) == ["started", "told-late"]
    clock.move(minutes=15)
    await tasks.turn_lights(here.db)
    assert await steps(here, matter) == ["started", "told-late", "escalated"]


async def test_papers_once_more_time_once_and_all_of_it_in_the_history(here: Place, clock: FakeClock) -> None:
    _, matter, clock_id = await asked(here)
    async with here.db.write() as session:
        await clocks.ask_extension(session, here.sun, clock_id, 5, "The court's files are not here.")
    with pytest.raises(ExtensionAsked):
        async with here.db.write() as session:
            await clocks.ask_extension(session, here.sun, clock_id, 5, "")
    async with here.db.write() as session:
        await clocks.answer_extension(session, here.admin, clock_id, granted=True, words="")
    async with here.db.write() as session:
        await clocks.pause(session, here.sun, clock_id, "The contract, and the receipts.")
    clock.move(days=60)
    assert await tasks.turn_lights(here.db) == 0
    async with here.db.write() as session:
        await clocks.resume(session, here.sun, clock_id)
    with pytest.raises(SecondSupplement):
        async with here.db.write() as session:
            await clocks.pause(session, here.sun, clock_id, "And a photograph.")
    expected = ["started", "extension-asked", "extension-granted", "paused", "resumed"]
    assert await steps(here, matter) == expected


async def test_after_the_end_nothing_more_can_be_asked_for(here: Place, clock: FakeClock) -> None:
    _, _, clock_id = await asked(here)
    clock.move(days=40)
    with pytest.raises(TooLateToAsk):
        async with here.db.write() as session:
            await clocks.pause(session, here.sun, clock_id, "")
    with pytest.raises(TooLateToAsk):
        async with here.db.write() as session:
            await clocks.ask_extension(session, here.sun, clock_id, 1, "")


async def test_the_desk_above_sets_its_own_deadline(here: Place, clock: FakeClock) -> None:
    _, matter, clock_id = await asked(here, limitation="2026-11-25")
    with pytest.raises(ClockMoved):
        async with here.db.write() as session:
            await clocks.set_second(session, here.admin, clock_id, 12)
    clock.move(hours=18)
    await tasks.turn_lights(here.db)
    clock.move(hours=6)
    await tasks.turn_lights(here.db)
    async with here.db.write() as session:
        await clocks.set_second(session, here.admin, clock_id, 12)
        light = await clocks.light(session, matter)
    assert light is not None
    assert light.due_at - clock.now() == timedelta(hours=12)


async def test_two_changes_of_one_version_are_one(here: Place) -> None:
    _, matter, clock_id = await asked(here)
    async with here.db.read() as session:
        stale = await clocks.row_of(session, clock_id)
    async with here.db.write() as session:
        await clocks.pause(session, here.sun, clock_id, "")
    with pytest.raises(ClockMoved):
        async with here.db.write() as session:
            await clocks.change(session, here.sun, stale, clocks.clock_of(stale), "done")
    assert await steps(here, matter) == ["started", "paused"]


async def test_a_question_that_becomes_urgent_gets_the_shorter_clock(here: Place, clock: FakeClock) -> None:
    view, matter, _ = await asked(here, limitation="2026-11-29")
    assert not view.urgent
    assert await tasks.hurry(here.db) == 0
    clock.move(days=2)
    assert await tasks.hurry(here.db) == 1
    assert await tasks.hurry(here.db) == 0
    hurried = await here.get(view.id)
    assert hurried.urgent
    assert hurried.light is not None
    assert hurried.light.due_at - clock.now() == timedelta(hours=24)
    assert await steps(here, matter) == ["started", "hurried"]


async def test_an_ended_clock_is_let_be(here: Place, clock: FakeClock) -> None:
    _, matter, clock_id = await asked(here)
    for _ in range(2):
        async with here.db.write() as session:
            await clocks.end(session, here.sun, matter, ClockState.DONE)
    assert await steps(here, matter) == ["started", "done"]
    with pytest.raises(ClockMoved):
        async with here.db.write() as session:
            await clocks.resume(session, here.sun, clock_id)
    clock.move(days=40)
    assert await tasks.turn_lights(here.db) == 0


@pytest.mark.parametrize("code", sorted(PROMISES))
async def test_every_kind_of_clock_can_stand_in_a_row(here: Place, code: str) -> None:
    view, _, _ = await asked(here)
    async with here.db.write() as session:
        station = await session.get_one(DeskRow, here.station)
        light = await clocks.start(
            session, here.admin, code, Ref("matter", view.id), station, "Asia/Shanghai", "AAAA-BBBB"
        )
        row = await clocks.of_matter(session, Ref("matter", view.id))
        assert row is not None
        assert clocks.clock_of(row).promise is PROMISES[code]
    assert light.due_at == row.due_at
