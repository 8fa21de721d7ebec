"""Help days from the template to the figures: planned, replanned, run over, carried over, counted."""

from datetime import timedelta

import pytest

from core import clock as core_clock
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import new_id
from legalaid import service, tasks
from legalaid.days import DayOver
from legalaid.model import Coming, QuestionState, TurnState
from legalaid.moving import QuestionMoved, TurnMoved
from legalaid.setup import TemplateForm
from legalaid.turns import Occupied
from people.model import Identity, Role
from tests.conftest import FakeClock
from tests.legalaid.place import Place, counsel
from tests.scheduler.world import ADMIN, identity

PLANNED, DONE, CARRIED = TurnState.PLANNED, TurnState.DONE, TurnState.CARRIED
TO_NINE = timedelta(hours=17)  # from Saturday 16:00 to Sunday 9:00


async def do(here: Place, act: object, actor: Identity, *args: object) -> None:
    async with here.db.write() as session:
        await act(session, actor, *args)  # type: ignore[operator]  # a use case of the service


async def test_days_are_made_once_and_planned_before_they_begin(here: Place, clock: FakeClock) -> None:
    day = await here.help_day()
    assert await tasks.materialise(here.db) == 0
    for _ in range(2):
        await here.ask(await here.inmate())
    assert await tasks.plan(here.db) == 0  # too early
    clock.move(hours=2)
    assert await tasks.plan(here.db) == 2
    assert await tasks.plan(here.db) == 0
    turns = await here.turns(day, PLANNED)
    assert {turn.starts_at for turn in turns} == {core_clock.now() - timedelta(hours=2) + TO_NINE}
    assert {turn.lawyer_id for turn in turns} == {here.sun.subject.id, here.lin.subject.id}
    clock.move(days=1)
    assert await tasks.materialise(here.db) == 1  # the Sunday that has come into sight
    assert await tasks.materialise(here.db) == 0


async def test_topic_language_and_conflict_find_their_lawyer(here: Place) -> None:
    day = await here.help_day()
    poor, divorced, southern = await here.inmate(), await here.inmate(), await here.inmate()
    debt = await here.ask(poor)
    family = await here.ask(divorced, "family")
    cantonese = await here.ask(southern, "work", language="yue")
    nobody = await here.ask(southern, "family", language="yue")
    await do(here, service.declare_conflict, here.lin, poor.inmate_id)
    assert await here.plan(day) == 3
    lawyer_of = {turn.question_id: turn.lawyer_id for turn in await here.turns(day, PLANNED)}
    assert lawyer_of == {
        debt.id: here.sun.subject.id,
        family.id: here.sun.subject.id,
        cantonese.id: here.lin.subject.id,
    }
    assert (await here.get(nobody.id)).state is QuestionState.ASKED


async def test_a_conflict_that_shows_late_hands_the_turn_to_another(here: Place) -> None:
    day = await here.help_day()
    desk = await here.inmate()
    view = await here.ask(desk)
    await here.plan(day)
    (turn,) = await here.turns(day, PLANNED)
    first = here.sun if turn.lawyer_id == here.sun.subject.id else here.lin
    await do(here, service.declare_conflict, first, desk.inmate_id)
    (turn,) = await here.turns(day, PLANNED)
    assert turn.lawyer_id != first.subject.id
    assert turn.question_id == view.id
    with pytest.raises(Conflict):
        await do(here, service.declare_conflict, first, desk.inmate_id)


async def test_a_sick_call_plans_the_day_anew_and_the_thread_keeps_its_lawyer(here: Place) -> None:
    day = await here.help_day()
    desk = await here.inmate()
    first = await here.ask(desk)
    async with here.db.write() as session:
        await service.write(session, here.means, here.lin, first.id, "Do not sign anything.")
    follow_up = await here.ask(desk, follows=first.id)
    await here.plan(day)
    (turn,) = await here.turns(day, PLANNED)
    assert turn.lawyer_id == here.lin.subject.id
    await do(here, service.say_coming, here.lin, day, Coming.SICK)
    (turn,) = await here.turns(day, PLANNED)
    assert (turn.lawyer_id, turn.question_id) == (here.sun.subject.id, follow_up.id)
    await do(here, service.say_coming, here.sun, day, Coming.AWAY)
    assert await here.turns(day, PLANNED) == []
    assert (await here.get(follow_up.id)).state is QuestionState.ASKED
    await do(here, service.say_coming, here.lin, day, Coming.COMES)  # somebody steps in
    assert len(await here.turns(day, PLANNED)) == 1


async def test_a_turn_from_begin_to_done_ends_question_and_clock(here: Place, clock: FakeClock) -> None:
    day = await here.help_day()
    view = await here.ask(await here.inmate(), "family")
    await here.plan(day)
    clock.move(hours=17)
    (turn,) = await here.turns(day, PLANNED)
    with pytest.raises(NotFound):  # another lawyer's
        await do(here, service.begin, here.lin, turn.id)
    with pytest.raises(TurnMoved):
        await do(here, service.done, here.sun, turn.id)
    await do(here, service.begin, here.sun, turn.id)
    assert (await here.get(view.id)).state is QuestionState.IN_TURN
    desk = await here.inmate()
    with pytest.raises(NotFound):
        async with here.db.write() as session:
            await service.withdraw(session, desk, view.id)
    clock.move(minutes=10)
    await do(here, service.done, here.sun, turn.id)
    answered = await here.get(view.id)
    assert answered.state is QuestionState.ANSWERED
    assert answered.lawyer_id == here.sun.subject.id
    assert answered.light is not None
    assert answered.light.state == "done"
    with pytest.raises(TurnMoved):
        await do(here, service.done, here.sun, turn.id)


async def test_a_turn_that_runs_over_moves_the_rest_and_says_who_is_lost(
    here: Place, clock: FakeClock
) -> None:
    day = await here.help_day(rooms=1)
    for _ in range(3):
        await here.ask(await here.inmate(), "family")
    await here.plan(day)
    clock.move(hours=17)
    nine = core_clock.now()
    first, second, third = await here.turns(day, PLANNED)
    await do(here, service.begin, here.sun, first.id)
    with pytest.raises(Occupied):
        await do(here, service.begin, here.sun, second.id)
    with pytest.raises(Refused):
        await do(here, service.run_over, here.sun, first.id, 0)
    await do(here, service.run_over, here.sun, first.id, 10)
    assert [turn.id for turn in await here.turns(day, PLANNED)] == [second.id]
    (moved,) = await here.turns(day, PLANNED)
    assert (moved.starts_at, moved.moved_from) == (nine + timedelta(minutes=30), second.starts_at)
    assert [turn.id for turn in await here.turns(day, CARRIED)] == [third.id]
    clock.move(minutes=12)
    await do(
        here, service.done, here.sun, first.id
    )  # shorter after all: all are drawn forward, the lost one too
    again = await here.turns(day, PLANNED)
    assert [turn.question_id for turn in again] == [second.question_id, third.question_id]
    assert again[0].starts_at == nine + timedelta(minutes=12)


async def test_what_was_not_reached_ages_and_comes_first(here: Place, clock: FakeClock) -> None:
    day = await here.help_day(rooms=1, minutes=20)
    older = await here.ask(await here.inmate(), "family")
    clock.move(seconds=1)
    newer = await here.ask(await here.inmate(), "family")
    await here.plan(day)
    clock.move(hours=17)
    (turn,) = await here.turns(day, PLANNED)
    assert turn.question_id == older.id
    await do(here, service.begin, here.sun, turn.id)
    await do(here, service.carry_over, here.sun, turn.id)  # nobody came
    clock.move(hours=1)
    assert await tasks.close(here.db) == 2
    assert await tasks.close(here.db) == 0
    assert [(await here.get(one.id)).carried for one in (older, newer)] == [1, 1]
    late = await here.ask(await here.inmate(), "family")
    assert late.carried == 0
    clock.move(days=6, hours=10)
    assert await tasks.plan(here.db) == 1
    async with here.db.read() as session:
        states = {key: (await service.get(session, key)).state for key in (older.id, newer.id, late.id)}
    assert states[older.id] is QuestionState.PLANNED
    with pytest.raises(DayOver):
        await do(here, service.say_coming, here.sun, day, Coming.COMES)
    with pytest.raises(DayOver):
        await here.plan(day)


async def test_written_advice_frees_the_turn(here: Place) -> None:
    day = await here.help_day()
    view = await here.ask(await here.inmate())
    await here.plan(day)
    async with here.db.write() as session:
        await service.write(session, here.means, here.sun, view.id, "Three years.")
        await service.write(session, here.means, here.sun, view.id, "And do not sign.")
    assert await here.turns(day, PLANNED) == []
    assert (await here.get(view.id)).state is QuestionState.ANSWERED
    with pytest.raises(Refused):
        async with here.db.write() as session:
            await service.write(session, here.means, here.sun, view.id, " ")
    other = await here.inmate()
    gone = await here.ask(other)
    async with here.db.write() as session:
        await service.withdraw(session, other, gone.id)
    with pytest.raises(QuestionMoved):
        async with here.db.write() as session:
            await service.write(session, here.means, here.sun, gone.id, "Too late.")


async def test_figures_are_computed_and_hold_no_text(here: Place, clock: FakeClock) -> None:
    day = await here.help_day(rooms=1, minutes=20)
    for _ in range(2):
        await here.ask(await here.inmate(), "family")
    await here.ask(await here.inmate(), "family", limitation="2026-11-22")
    await here.plan(day)
    clock.move(hours=17)
    (turn,) = await here.turns(day, PLANNED)
    await do(here, service.begin, here.sun, turn.id)
    await do(here, service.done, here.sun, turn.id)
    clock.move(hours=1)
    await tasks.close(here.db)
    since = core_clock.now() - timedelta(days=30)
    async with here.db.read() as session:
        report = await service.report(session, here.admin, here.world.prison_id, since)
        assert await service.fairness(session, here.sun) == [("lin", 0), ("sun", 1)]
        for nosy in (here.sun, here.world.approver):
            with pytest.raises(Forbidden):
                await service.report(session, nosy, here.world.prison_id, since)
    assert (report.prison.answered, report.prison.carried, report.prison.waiting) == (1, 2, 2)
    assert report.prison.percent == 33
    assert report.prison.wait_hours == 17
    assert [(name, one.percent) for name, one in report.stations] == [("Station", 33)]
    (held,) = report.days
    assert (held.station, held.figures.answered, held.figures.carried) == ("Station", 1, 2)
    assert (held.figures.percent, held.figures.wait_hours) == (33, 17)
    assert report.channels == {"inmate": 3, "relative": 0, "hotline": 0}
    assert report.urgent == 1


async def test_the_roster_and_its_feed(here: Place) -> None:
    day = await here.help_day()
    async with here.db.write() as session:
        (shown, *_) = await service.roster(session, here.sun)
        assert (shown.day.id, shown.mine, shown.others) == (day, Coming.COMES, ("lin",))
        token = await service.new_feed(session, here.sun)
    await do(here, service.say_coming, here.sun, day, Coming.AWAY)
    async with here.db.read() as session:
        text = await service.feed(session, token, "Days", "Help day", "{rooms} rooms")
    assert text.count("BEGIN:VEVENT") == 4
    assert text.count("STATUS:CANCELLED") == 1
    async with here.db.write() as session:
        await service.new_feed(session, here.sun)
    with pytest.raises(NotFound):  # the address before does not work any more
        async with here.db.read() as session:
            await service.feed(session, token, "Days", "Help day", "{rooms} rooms")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"weekday": 0}, "weekday-invalid"),
        ({"rooms": 0}, "rooms-invalid"),
        ({"turn_minutes": 4}, "turn_minutes-invalid"),
        ({"minutes": 10}, "minutes-invalid"),
        ({"roster": ("nobody",)}, "roster-invalid"),
        ({"topics": ("weather",)}, "topics-invalid"),
    ],
)
async def test_templates_that_make_no_sense(here: Place, change: dict[str, object], code: str) -> None:
    from datetime import time

    values = {"weekday": 3, "starts": time(9), "minutes": 60, "rooms": 1, "turn_minutes": 20, **change}
    with pytest.raises(Refused) as caught:
        async with here.db.write() as session:
            await service.create_template(session, ADMIN, here.station, TemplateForm(**values))  # type: ignore[arg-type]
    assert [one.code for one in caught.value.reasons] == [code]


async def test_desks_and_lawyers_are_the_administrators(here: Place) -> None:
    prison = here.world.prison_id
    with pytest.raises(Forbidden):
        await do(here, service.create_desk, here.sun, prison, "x", "station", "0551 1")
    with pytest.raises(Refused) as caught:
        await do(here, service.create_desk, here.admin, prison, "", "throne", "", "nobody")
    assert len(caught.value.reasons) == 4
    with pytest.raises(NotFound):
        await do(here, service.add_lawyer, here.admin, "nobody", here.station, ("debt",), ("zh",))
    with pytest.raises(Refused):
        await do(here, service.add_lawyer, here.admin, here.sun.subject.id, here.station, (), ())
    await do(here, service.add_lawyer, here.admin, here.sun.subject.id, here.station, ("debt",), ("en",))


async def test_who_is_ill_is_missed_and_the_one_with_the_fewest_turns_is_asked_first(
    here: Place, clock: FakeClock
) -> None:
    day = await here.help_day()
    async with here.db.write() as session:
        spare = [new_id("stf"), new_id("stf")]
        for number, staff_id in enumerate(spare):
            session.add(counsel(staff_id, f"spare-{number}", here.world.prison_id))
        await session.flush()
        for staff_id in spare:
            await service.add_lawyer(session, ADMIN, staff_id, here.station, ("debt",), ("zh",))
        await service.say_coming(session, here.lin, day, Coming.SICK)
    readers = [
        identity("counsel", key, Role.COUNSEL, prison_id=here.world.prison_id) for key in sorted(spare)
    ]
    async with here.db.read() as session:
        seen = [(await service.roster(session, reader))[0] for reader in readers]
    assert [one.missing for one in seen] == [("lin",), ("lin",)]
    assert [one.asked for one in seen] == [True, False]
    async with here.db.write() as session:
        await service.say_coming(session, readers[1], day, Coming.COMES)
        others = (await service.roster(session, readers[0]))[0].others
    assert len(others) == 2
    assert "sun" in others


async def test_what_a_lawyer_carries_over_is_not_planned_again_that_day(
    here: Place, clock: FakeClock
) -> None:
    day = await here.help_day(rooms=1)
    first, second = [await here.ask(await here.inmate(), "family") for _ in range(2)]
    await here.plan(day)
    clock.move(hours=17)
    turn, _ = await here.turns(day, PLANNED)
    await do(here, service.begin, here.sun, turn.id)
    await do(here, service.carry_over, here.sun, turn.id)
    await here.plan(day)
    left = first if turn.question_id == first.id else second
    assert [one.question_id for one in await here.turns(day, PLANNED)] != [left.id]
    assert (await here.get(left.id)).state is QuestionState.ASKED


async def test_a_lawyer_who_is_late_is_not_counted_on_until_there(here: Place, clock: FakeClock) -> None:
    """Nobody else speaks Cantonese, so the turn waits for lin; what sun can take, sun takes at once."""
    day = await here.help_day(rooms=1)
    southern = await here.ask(await here.inmate(), "work", language="yue")
    await here.ask(await here.inmate(), "family")
    await here.plan(day)
    clock.move(hours=17, minutes=1)
    (first,) = [one for one in await here.turns(day, PLANNED) if one.question_id != southern.id]
    await do(here, service.begin, here.sun, first.id)
    clock.move(minutes=4)
    await do(here, service.done, here.sun, first.id)
    (late,) = await here.turns(day, PLANNED)
    assert late.starts_at == core_clock.now() + timedelta(minutes=10)
    await do(here, service.say_here, here.lin, day)
    (there,) = await here.turns(day, PLANNED)
    assert there.starts_at == core_clock.now()
    clock.move(hours=1)
    with pytest.raises(DayOver):
        await do(here, service.say_here, here.lin, day)


async def test_what_a_lawyer_says_needs_two_turns_gets_them(here: Place, clock: FakeClock) -> None:
    day = await here.help_day(rooms=1)
    long = await here.ask(await here.inmate(), "family")
    for _ in range(2):
        clock.move(minutes=1)
        await here.ask(await here.inmate(), "family")
    await here.plan(day)
    with pytest.raises(Forbidden):
        async with here.db.write() as session:
            await service.say_long(session, here.terminal, long.id, long=True)
    async with here.db.write() as session:
        await service.say_long(session, here.sun, long.id, long=True)
    turns = await here.turns(day, PLANNED)
    assert [turn.minutes for turn in turns] == [20, 20]  # the short ones first: an hour holds no more
    assert long.id not in {turn.question_id for turn in turns}
    async with here.db.write() as session:
        await service.say_long(session, here.sun, long.id, long=False)
    await here.plan(day)
    assert [turn.minutes for turn in await here.turns(day, PLANNED)] == [20, 20, 20]
    clock.move(hours=17)
    (turn, *_) = await here.turns(day, PLANNED)
    await do(here, service.begin, here.sun, turn.id)
    with pytest.raises(QuestionMoved):
        async with here.db.write() as session:
            await service.say_long(session, here.sun, turn.question_id, long=True)
