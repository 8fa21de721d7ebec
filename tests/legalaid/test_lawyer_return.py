"""A lawyer's absence is taken back: what has no new time yet is as it was, what was arranged anew stays."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock as core_clock
from core.errors import Forbidden, NotFound
from legalaid import absence, days, lawyer_return, meeting_desk, meeting_flags, meeting_offers
from legalaid.absence import Absence
from legalaid.lawyer_return import AbsenceOver
from legalaid.meeting_flags import Flag, FlagState
from legalaid.meeting_model import MeetingState
from legalaid.meeting_offers import OfferGone
from legalaid.model import Coming, TurnState
from people.model import Identity, Role
from scheduler import befalling
from scheduler.happenings import Happening, Kind
from tests.conftest import FakeClock
from tests.legalaid import test_planned
from tests.legalaid.place import Place
from tests.legalaid.test_lawyer_away import (
    DAY,
    arranged,
    away,
    here_by_video,
    monday,
    monitor,
    state,
    terminal,
)
from tests.legalaid.test_meetings import do, officer
from tests.legalaid.test_planned import at, view
from tests.scheduler.world import identity

__all__ = ["here_by_video", "terminal"]


async def standing(here: Place) -> list[str]:
    async with here.db.read() as session:
        return [one.id for one in await lawyer_return.standing(session, here.world.prison_id)]


async def back(here: Place, who: Identity | None = None) -> Absence:
    """The first absence that stands is taken back, by the prison if nobody is named."""
    told: Absence = await do(here, lawyer_return.take_back, who or monitor(here), (await standing(here))[0])
    return told


async def away_on_tuesday(here: Place) -> Flag:
    (flag,) = await away(here, here.sun, at("00:00"), at("00:00") + DAY)
    return flag


async def test_an_offered_time_goes_and_the_old_one_comes_back(here_by_video: Place, terminal: str) -> None:
    here = here_by_video
    meeting = await arranged(here, terminal)
    flag = await away_on_tuesday(here)
    assert flag.state is FlagState.OFFERED
    (absence_id,) = await standing(here)
    told = await back(here, here.sun)  # the lawyer's own word
    assert [(one.id, one.state) for one in told.meetings] == [(flag.id, FlagState.TAKEN_BACK)]
    again = await do(here, lawyer_return.take_back, monitor(here), absence_id)  # said twice
    assert (again, await standing(here)) == (Absence(0, ()), [])
    held = await view(here, meeting)
    assert (held.state, held.starts_at) == (MeetingState.ARRANGED, at("10:00"))
    with pytest.raises(OfferGone):
        await do(here, meeting_offers.accept, here.sun, flag.id)
    rival = await test_planned.asked(here, who=here.lin)
    await do(
        here, meeting_desk.arrange, officer(here), rival, monday("09:00"), terminal
    )  # what was kept is free
    async with here.db.read() as session:
        assert await meeting_flags.away(session, [here.sun.subject.id], (at("00:00"), at("23:00"))) == []
        assert await meeting_offers.of_inmate(session, held.inmate_id) == []
    assert (await away_on_tuesday(here)).state is FlagState.OFFERED  # and away after all, in the same words
    assert (await view(here, meeting)).state is MeetingState.ASKED
    assert await standing(here) == [absence_id]


@pytest.mark.parametrize("before", [FlagState.FREED, FlagState.DECLINED, FlagState.EXPIRED])
async def test_what_waits_for_the_weekly_plan_has_its_time_again(
    here_by_video: Place, terminal: str, clock: FakeClock, before: FlagState
) -> None:
    here = here_by_video
    meeting = await arranged(here, terminal)
    first = monday("00:00") if before is FlagState.FREED else at("00:00")
    (flag,) = await away(here, here.sun, first, at("00:00") + DAY)
    if before is FlagState.DECLINED:
        await do(here, meeting_offers.decline, here.sun, flag.id)
    elif before is FlagState.EXPIRED:
        clock.move(hours=24)
        async with here.db.write() as session:
            await meeting_flags.expire(session)
    assert await state(here, flag) is before
    assert [one.state for one in (await back(here)).meetings] == [FlagState.TAKEN_BACK]
    assert (await view(here, meeting)).starts_at == at("10:00")


@pytest.mark.parametrize("taken_by", ["somebody", "court"])
async def test_a_time_that_is_not_free_any_more_does_not_come_back(
    here_by_video: Place, terminal: str, taken_by: str
) -> None:
    here = here_by_video
    meeting = await arranged(here, terminal)
    (flag,) = await away(here, here.sun, monday("00:00"), at("00:00") + DAY)
    inmate_id = (await view(here, meeting)).inmate_id
    if taken_by == "somebody":
        rival = await test_planned.asked(here, who=here.lin)
        await do(here, meeting_desk.arrange, officer(here), rival, at("10:00"), terminal)
    else:
        court = Happening("", here.world.prison_id, Kind.COURT, at("09:00"), at("11:00"), inmate_id=inmate_id)
        async with here.db.write() as session:
            await befalling.report(session, here.admin, court)
    assert (await back(here)).meetings == ()
    assert (await state(here, flag), (await view(here, meeting)).state) == (
        FlagState.FREED,
        MeetingState.ASKED,
    )
    _, found = await test_planned.plan(here)  # of this very day, now that the lawyer is there
    assert found[meeting].starts_at not in (None, at("10:00"))


async def test_a_time_that_was_taken_stays_and_so_do_others(here_by_video: Place, terminal: str) -> None:
    here = here_by_video
    meeting = await arranged(here, terminal)
    other = await arranged(here, terminal, "15:00")
    flags: tuple[Flag, ...] = await away(here, here.sun, at("00:00"), at("00:00") + DAY)
    await do(here, meeting_offers.accept, here.sun, flags[0].id)
    moved = await view(here, meeting)
    assert [one.id for one in (await back(here)).meetings] == [flags[1].id]
    assert await view(here, meeting) == moved
    assert (await view(here, other)).starts_at == at("15:00")


async def test_an_officer_has_nothing_to_decide_any_more(here_by_video: Place, terminal: str) -> None:
    here = here_by_video
    await do(here, meeting_offers.set_rule, here.admin, here.world.prison_id, decides=True)
    meeting = await arranged(here, terminal)
    flag = await away_on_tuesday(here)
    before = await view(here, meeting)
    assert [one.state for one in (await back(here)).meetings] == [FlagState.TAKEN_BACK]
    assert await view(here, meeting) == before
    async with here.db.read() as session:
        assert await meeting_offers.of_prison(session, here.world.prison_id) == []
    assert (await away_on_tuesday(here)).id == flag.id
    assert await state(here, flag) is FlagState.WAITING


async def test_it_is_enough_that_one_lawyer_of_the_mandate_comes(here_by_video: Place, terminal: str) -> None:
    """Both are away; the one who was named first comes after all, the other stays away."""
    here = here_by_video
    meeting = await arranged(here, terminal, second=f"lin-{here.lin.subject.id}")
    await away(here, here.sun, at("09:00"), at("12:00"))
    (flag,) = await away(here, here.lin, at("09:30"), at("12:00"))
    assert flag.state is FlagState.OFFERED
    await back(here)
    assert (await view(here, meeting)).starts_at == at("10:00")
    assert len(await standing(here)) == 1


async def test_help_days_count_on_the_lawyer_again(here: Place) -> None:
    day = await here.help_day()
    await here.ask(await here.inmate())
    now = core_clock.now()
    await do(here, absence.report, monitor(here), here.lin.subject.id, now, now + 2 * DAY)
    await do(here, absence.report, monitor(here), here.sun.subject.id, now, now + 2 * DAY)
    await do(here, absence.report, monitor(here), here.sun.subject.id, now, now + 3 * DAY)
    await here.plan(day)
    assert await here.turns(day, TurnState.PLANNED) == []
    told: list[Any] = [
        await do(here, lawyer_return.take_back, monitor(here), one) for one in (await standing(here))[:2]
    ]
    assert [one.days for one in told] == [1, 0]  # of the second lawyer another absence still stands
    (turn,) = await here.turns(day, TurnState.PLANNED)
    assert turn.lawyer_id == here.lin.subject.id
    assert (await back(here)).days == 1


async def test_what_a_lawyer_said_of_a_day_stays_said(here: Place) -> None:
    day = await here.help_day()
    now = core_clock.now()
    await do(here, absence.report, monitor(here), here.lin.subject.id, now, now + 2 * DAY)
    await do(here, days.say_coming, here.lin, day, Coming.AWAY)
    assert (await back(here)).days == 0


async def test_who_may_take_it_back_and_until_when(here: Place, clock: FakeClock) -> None:
    now = core_clock.now()
    await do(here, absence.report, monitor(here), here.lin.subject.id, now, now + timedelta(hours=2))
    (absence_id,) = await standing(here)
    elsewhere = identity("officer", "off_2", Role.MONITOR, prison_id="prs_other")
    for who in (
        here.sun,
        elsewhere,
        identity("officer", "off_3", Role.AUDITOR, prison_id=here.world.prison_id),
    ):
        with pytest.raises((NotFound, Forbidden)):
            await do(here, lawyer_return.take_back, who, absence_id)
    with pytest.raises(NotFound):
        await do(here, lawyer_return.take_back, monitor(here), "abs_none")
    async with here.db.read() as session:
        assert [one.id for one in await lawyer_return.own(session, here.lin)] == [absence_id]
        assert await lawyer_return.own(session, here.sun) == []
    clock.move(hours=2)
    assert await standing(here) == []
    with pytest.raises(AbsenceOver):
        await do(here, lawyer_return.take_back, here.lin, absence_id)
