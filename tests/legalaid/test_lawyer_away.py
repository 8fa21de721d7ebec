"""A lawyer is away: each meeting arranged for that time is flagged, freed and given another time, or waits for the next
weekly plan with its place in the queue. Nothing else moves."""

from datetime import date, time, timedelta
from typing import Any

import pytest

from core import clock as core_clock
from core.errors import Forbidden, NotFound, Refused
from core.ids import Ref
from ledger import read
from legalaid import absence, clocks, meeting_desk, meeting_flags, meeting_offers, meetings, tasks
from legalaid.absence_table import MeetingFlagRow
from legalaid.meeting_flags import Flag, FlagState
from legalaid.meeting_model import MeetingState
from legalaid.meeting_offers import OfferGone
from legalaid.meeting_tables import MeetingRow
from legalaid.meetings import MATTER, MeetingMoved
from legalaid.planned import PlannedMeetings
from people.model import Identity, Role
from policy.running import ClockState
from rooms import sittings
from rooms.agreed import SittingState
from scheduler.timetable import instant
from tests.conftest import FakeClock
from tests.legalaid import test_meetings, test_planned
from tests.legalaid.place import Place
from tests.legalaid.test_meetings import do, officer
from tests.legalaid.test_planned import TUESDAY, ZONE, at, suits, view
from tests.scheduler.world import identity

MONDAY = date(2026, 11, 23)  # the clock stands at Saturday the 21st, 16:00: 48 hours end on Monday at 16:00
DAY = timedelta(days=1)


def monday(hour: str) -> Any:
    return instant(MONDAY, time.fromisoformat(hour), ZONE)


def monitor(here: Place) -> Identity:
    return identity("officer", "off_1", Role.MONITOR, prison_id=here.world.prison_id)


async def away(here: Place, who: Identity, first: Any, last: Any) -> tuple[Flag, ...]:
    told = await do(here, absence.report, monitor(here), who.subject.id, first, last)
    flagged: tuple[Flag, ...] = told.meetings
    return flagged


async def state(here: Place, flag: Flag) -> FlagState:
    async with here.db.read() as session:
        (found,) = await meeting_flags.find(session, MeetingFlagRow.id == flag.id)
    return found.state


async def meeting_row(here: Place, meeting_id: str) -> MeetingRow:
    async with here.db.read() as session:
        return await session.get_one(MeetingRow, meeting_id)


@pytest.fixture
async def here_by_video(here: Place) -> Place:
    await test_meetings.allow(here)
    return here


@pytest.fixture
async def terminal(here_by_video: Place) -> str:
    return await here_by_video.world.terminal()


async def arranged(here: Place, terminal: str, hour: str = "10:00", **more: Any) -> str:
    """On Tuesday, of Sun's."""
    meeting_id = await test_meetings.asked(here, "advice", **more)
    await do(here, meeting_desk.arrange, officer(here), meeting_id, at(hour), terminal)
    return meeting_id


async def test_without_another_time_it_goes_into_the_next_plan_with_its_place_in_the_queue(
    here_by_video: Place, terminal: str, clock: FakeClock
) -> None:
    """Away from Monday until Wednesday: nothing within 48 hours; another lawyer's meeting beside it stays."""
    here = here_by_video
    meeting = await arranged(here, terminal)
    before = await view(here, meeting)
    stays = await test_planned.asked(here, who=here.lin)
    await do(here, meeting_desk.arrange, officer(here), stays, at("15:00"), terminal)
    kept = await view(here, stays, here.lin)
    clock.move(hours=1)
    for _ in range(2):  # reported twice
        (flag,) = await away(here, here.sun, monday("00:00"), at("00:00") + DAY)
        assert (flag.meeting_id, flag.was_at, flag.state) == (meeting, at("10:00"), FlagState.FREED)
    row = await meeting_row(here, meeting)
    assert (row.state, row.sitting_id, row.asked_at) == (MeetingState.ASKED, None, before.asked_at)
    assert row.admitted_at is not None
    assert await view(here, stays, here.lin) == kept
    async with here.db.read() as session:
        assert before.sitting_id
        assert (await sittings.get(session, before.sitting_id)).state is SittingState.CANCELLED
        promise = await clocks.of_matter(session, Ref(MATTER, meeting))
        assert promise is not None
        assert (promise.state, promise.due_at) == (
            ClockState.RUNNING,
            core_clock.now() + timedelta(hours=48),
        )
        entries = await read.about(session, Ref("meeting-flag", flag.id))
        assert {one.tag for one in entries} == {"officer:meeting-flag:flagged", "officer:meeting-flag:freed"}
        (told,) = await meeting_offers.of_inmate(session, row.inmate_id)
        assert (told.was_at, told.state, told.starts_at) == (at("10:00"), FlagState.FREED, None)
        (wanted,) = await PlannedMeetings().wanted(
            session, here.world.prison_id, at("00:00"), at("00:00") + 2 * DAY
        )
        assert wanted.waiting_since == before.asked_at
        assert {begins.astimezone(at("10:00").tzinfo).date() for begins, _ in wanted.beginnings} == {
            TUESDAY + DAY
        }
    made, found = await test_planned.plan(here, days=2)
    assert found[meeting].starts_at == at("09:00") + DAY
    assert await test_planned.publish(here, made) == 1
    async with here.db.read() as session:
        (told,) = await meeting_offers.of_inmate(session, row.inmate_id)
    assert (told.state, told.starts_at) == (FlagState.ACCEPTED, at("09:00") + DAY)


async def test_another_time_is_kept_and_taken_with_one_tap(here_by_video: Place, terminal: str) -> None:
    """The first hour of Monday is another lawyer's: the next one is offered, and nobody else gets it meanwhile."""
    here = here_by_video
    meeting = await arranged(here, terminal)
    other = await test_planned.asked(here, who=here.lin)
    await do(here, meeting_desk.arrange, officer(here), other, monday("09:00"), terminal)
    (flag,) = await away(here, here.sun, at("00:00"), at("00:00") + DAY)
    assert flag.state is FlagState.OFFERED
    assert flag.starts_at is not None
    assert monday("09:30") <= flag.starts_at <= monday("09:45")
    rival = await test_planned.asked(here, who=here.lin)
    with pytest.raises(sittings.PlaceTaken):
        await do(here, meeting_desk.arrange, officer(here), rival, flag.starts_at, terminal)
    async with here.db.read() as session:
        wanted = await PlannedMeetings().wanted(session, here.world.prison_id, at("00:00"), at("23:00"))
    assert meeting not in {one.id for one in wanted}
    with pytest.raises(NotFound):
        await do(here, meeting_offers.accept, here.lin, flag.id)
    for _ in range(2):  # the same tap twice
        await do(here, meeting_offers.accept, here.sun, flag.id)
    after = await view(here, meeting)
    assert (after.state, after.starts_at) == (MeetingState.ARRANGED, flag.starts_at)
    with pytest.raises(OfferGone):
        await do(here, meeting_offers.decline, here.sun, flag.id)


@pytest.mark.parametrize("how", ["declined", "expired", "withdrawn", "by-hand"])
async def test_an_offer_that_is_not_taken_frees_its_time(
    here_by_video: Place, terminal: str, clock: FakeClock, how: str
) -> None:
    here = here_by_video
    meeting = await arranged(here, terminal)
    (flag,) = await away(here, here.sun, at("00:00"), at("00:00") + DAY)
    assert flag.starts_at == monday("09:00")
    if how == "declined":
        await do(here, meeting_offers.decline, here.sun, flag.id)
    elif how == "expired":
        clock.move(hours=24)
        with pytest.raises(OfferGone):
            await do(here, meeting_offers.accept, here.sun, flag.id)
        assert await tasks.settle_meetings(here.db) == 1
    elif how == "withdrawn":
        await do(here, meetings.withdraw, here.sun, meeting, "")
    else:
        await do(here, meeting_desk.arrange, officer(here), meeting, monday("14:00"), terminal)
    ended = {"declined": FlagState.DECLINED, "expired": FlagState.EXPIRED}.get(how, FlagState.ENDED)
    assert await state(here, flag) is ended
    async with here.db.read() as session:
        wanted = await PlannedMeetings().wanted(session, here.world.prison_id, at("00:00"), at("23:00"))
    assert (meeting in {one.id for one in wanted}) == (how in ("declined", "expired"))
    rival = await test_planned.asked(here, who=here.lin)
    await do(here, meeting_desk.arrange, officer(here), rival, monday("09:00"), terminal)


async def test_the_other_lawyer_of_the_mandate_comes_until_both_are_away(
    here_by_video: Place, terminal: str
) -> None:
    here = here_by_video
    meeting = await arranged(here, terminal, second=f"lin-{here.lin.subject.id}")
    (flag,) = await away(here, here.sun, at("09:00"), at("12:00"))
    assert flag.state is FlagState.OTHER
    assert (await view(here, meeting)).starts_at == at("10:00")
    told = await do(here, absence.own, here.lin, at("09:00"), at("11:00"))  # the lawyer's own word
    assert [one.state for one in told.meetings] == [FlagState.OFFERED]
    assert (await view(here, meeting)).state is MeetingState.ASKED
    await do(here, meeting_offers.accept, here.lin, told.meetings[0].id)
    for _ in range(2):
        with pytest.raises(Forbidden):
            await do(here, absence.own, monitor(here), at("09:00"), at("11:00"))
    with pytest.raises(absence.BadAbsence):
        await do(here, absence.own, here.lin, at("11:00"), at("09:00"))


async def test_an_officer_decides_where_the_prisons_rule_says_so(here_by_video: Place, terminal: str) -> None:
    here = here_by_video
    with pytest.raises(NotFound):
        elsewhere = identity("admin", "adm_two", Role.ADMIN, prison_id="prs_other")
        await do(here, meeting_offers.set_rule, elsewhere, "prs_other", decides=True)
    await do(here, meeting_offers.set_rule, here.admin, here.world.prison_id, decides=True)
    first, second = await arranged(here, terminal), await arranged(here, terminal, "15:00")
    one, two = await away(here, here.sun, at("00:00"), at("00:00") + DAY)
    again = await away(here, here.sun, at("01:00"), at("00:00") + DAY)  # said in other words: nothing anew
    assert ([one.state, two.state], again) == ([FlagState.WAITING] * 2, ())
    assert [(await view(here, each)).starts_at for each in (first, second)] == [at("10:00"), at("15:00")]
    with pytest.raises(Forbidden):
        await do(here, meeting_offers.release, monitor(here), one.id)
    with pytest.raises(Refused):
        await do(here, meeting_offers.keep, officer(here), two.id, " ")
    async with here.db.read() as session:
        assert [flag.id for flag in await meeting_offers.of_prison(session, here.world.prison_id)] == [
            one.id,
            two.id,
        ]
    await do(here, meeting_offers.release, officer(here), one.id)
    await do(here, meeting_offers.keep, officer(here), two.id, "A colleague comes.")
    assert [await state(here, each) for each in (one, two)] == [FlagState.OFFERED, FlagState.KEPT]
    assert (await view(here, second)).starts_at == at("15:00")
    for late in (
        do(here, meeting_offers.release, officer(here), one.id),
        do(here, meeting_offers.keep, officer(here), two.id, "once more"),
    ):
        with pytest.raises(MeetingMoved):
            await late


async def test_named_times_that_are_lost_do_not_keep_it_out_of_the_plan(
    here_by_video: Place, terminal: str
) -> None:
    """The lawyer named Tuesday morning alone and is away then: any hour of the prison's will do again."""
    here = here_by_video
    meeting = await test_planned.asked(here, suits("09:00", "11:00"))
    await do(here, meeting_desk.arrange, officer(here), meeting, at("10:00"), terminal)
    (flag,) = await away(here, here.sun, monday("00:00"), at("12:00"))
    assert flag.state is FlagState.FREED
    _, found = await test_planned.plan(here)
    assert found[meeting].starts_at == at("14:00")
