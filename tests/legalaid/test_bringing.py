"""The wing's list of a help day: whom to bring, who is there, who does not come. Never what about."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core import clock as core_clock
from core.errors import Forbidden, NotFound
from legalaid import bringing, service
from legalaid.bringing import Bringing, Place
from legalaid.model import QuestionState, TurnState
from legalaid.moving import TurnMoved
from people.model import Identity, Role
from tests.conftest import FakeClock
from tests.legalaid.place import WORDS
from tests.legalaid.place import Place as Here
from tests.scheduler.world import identity


@pytest.fixture
def officer(here: Here) -> Identity:
    return identity("officer", "off_one", Role.MONITOR, prison_id=here.world.prison_id)


async def listed(here: Here, officer: Identity) -> Bringing:
    async with here.db.read() as session:
        (found,) = await bringing.today(session, officer, core_clock.now())
    return found


def places(found: Bringing) -> dict[str, Place]:
    return {line.turn.question_id: line.place for line in found.lines}


async def test_the_list_follows_the_day(here: Here, officer: Identity, clock: FakeClock) -> None:
    day = await here.help_day(rooms=1)
    first, second, third = [await here.ask(await here.inmate(), "family") for _ in range(3)]
    await here.plan(day)
    clock.move(hours=17)
    found = await listed(here, officer)
    assert sorted(places(found).values()) == sorted([Place.BRING, Place.LATER, Place.LATER])
    assert WORDS not in repr(found)
    assert "family" not in repr(list(found.lines))
    turn, next_turn, last = await here.turns(day, TurnState.PLANNED)
    async with here.db.write() as session:
        await bringing.brought(session, officer, turn.id)
    with pytest.raises(TurnMoved):  # twice
        async with here.db.write() as session:
            await bringing.brought(session, officer, turn.id)
    assert places(await listed(here, officer))[turn.question_id] is Place.AT_ROOM
    async with here.db.write() as session:
        await service.begin(session, here.sun, turn.id)
        await service.run_over(session, here.sun, turn.id, 5)
    found = await listed(here, officer)
    (moved,) = [line.turn for line in found.lines if line.turn.id == next_turn.id]
    assert moved.moved_from == next_turn.starts_at
    assert moved.starts_at == core_clock.now() + timedelta(minutes=25)
    async with here.db.write() as session:
        await bringing.absent(session, officer, next_turn.id)
    with pytest.raises(TurnMoved):
        async with here.db.write() as session:
            await bringing.absent(session, officer, next_turn.id)
    after = await here.turns(day, TurnState.PLANNED)
    assert [(one.question_id, one.starts_at) for one in after] == [(last.question_id, moved.starts_at)]
    assert places(await listed(here, officer)) == {
        turn.question_id: Place.IN_TURN,
        next_turn.question_id: Place.BACK,
        last.question_id: Place.LATER,
    }
    states = {one.id: (await here.get(one.id)).state for one in (first, second, third)}
    assert states[next_turn.question_id] is QuestionState.ASKED
    assert states[last.question_id] is QuestionState.PLANNED


async def test_only_officers_of_that_prison_see_and_mark_it(
    here: Here, officer: Identity, clock: FakeClock
) -> None:
    day = await here.help_day(rooms=1)
    await here.ask(await here.inmate())
    await here.plan(day)
    clock.move(hours=17)
    (turn,) = await here.turns(day, TurnState.PLANNED)
    for nosy in (here.sun, here.admin, here.terminal, replace(officer, prison_id=None)):
        with pytest.raises(Forbidden):
            await listed(here, nosy)
    elsewhere = replace(officer, prison_id="prs_other")
    async with here.db.read() as session:
        assert await bringing.today(session, elsewhere, core_clock.now()) == []
    for act in (bringing.brought, bringing.absent):
        with pytest.raises(NotFound):
            async with here.db.write() as session:
                await act(session, elsewhere, turn.id)
