"""A lawyer whom the prison reports as away: the day is planned without them, others keep their turns."""

from datetime import timedelta

import pytest

from core import clock as core_clock
from core.errors import Forbidden, NotFound
from legalaid import absence
from legalaid.model import QuestionState, TurnState
from people.model import Role
from tests.legalaid.place import Place
from tests.scheduler.world import identity


async def test_a_day_is_planned_without_the_lawyer(here: Place) -> None:
    day = await here.help_day()
    questions = [await here.ask(await here.inmate()) for _ in range(2)]
    await here.plan(day)
    monitor = identity("officer", "off_1", Role.MONITOR, prison_id=here.world.prison_id)
    now = core_clock.now()
    for _ in range(2):  # reported twice
        async with here.db.write() as session:
            told = await absence.report(session, monitor, here.lin.subject.id, now, now + timedelta(days=2))
    assert (told.days, told.meetings) == (0, ())
    turns = await here.turns(day, TurnState.PLANNED)
    assert {turn.lawyer_id for turn in turns} == {here.sun.subject.id}
    assert len(turns) == 2  # the other lawyer takes both
    async with here.db.write() as session:
        told = await absence.report(session, monitor, here.sun.subject.id, now, now + timedelta(days=2))
    assert told.days == 1
    assert await here.turns(day, TurnState.PLANNED) == []
    assert [(await here.get(one.id)).state for one in questions] == [QuestionState.ASKED] * 2


async def test_what_is_no_absence(here: Place) -> None:
    now = core_clock.now()
    monitor = identity("officer", "off_1", Role.MONITOR, prison_id=here.world.prison_id)
    elsewhere = identity("officer", "off_2", Role.MONITOR, prison_id="prs_other")
    later = now + timedelta(hours=1)
    for actor, lawyer, first, last, error in (
        (monitor, here.lin.subject.id, later, now, absence.BadAbsence),
        (monitor, here.lin.subject.id, now - timedelta(days=2), now, absence.BadAbsence),
        (monitor, "stf_none", now, later, NotFound),
        (elsewhere, here.lin.subject.id, now, later, (Forbidden, NotFound)),
    ):
        with pytest.raises(error):
            async with here.db.write() as session:
                await absence.report(session, actor, lawyer, first, last)
