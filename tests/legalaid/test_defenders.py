"""A notice that somebody has no defender: entered once, its days kept, a lawyer appointed, and nobody listens."""

from datetime import date, timedelta
from typing import Any

import pytest

from core import clock as core_clock
from core.errors import Forbidden, NotFound, Refused
from core.ids import Ref, new_id
from ledger import read
from legalaid import case_work, cases, defence, defenders, meetings, review, reviews, service, tasks
from legalaid.case_file import CaseMoved, NoCentre, matter
from legalaid.case_model import CaseState, CaseView, Entry, StepState, way
from legalaid.cases import AskedByAuthority
from legalaid.confidential import CaseState as Stands
from legalaid.defence import NoticeForm
from legalaid.defenders import NotForNotices
from legalaid.meeting_model import MeetingForm
from legalaid.model import AtDesk
from legalaid.review import Group
from notices import outbox
from people import repository as people
from people.model import InmateStatus, Role
from people.tables import InmateRow
from policy.running import ClockState
from rooms import sittings
from rooms.confidentiality import Confidentiality
from tests.conftest import FakeClock
from tests.legalaid.case_place import LONG, Offices
from tests.legalaid.place import Place
from tests.legalaid.test_meetings import FILES, PAPERS, arranged, asked, officer, view
from tests.legalaid.test_meetings import allow as allow_video
from tests.scheduler.world import identity

NUMBER = "（2026）皖01刑初88号"
ZONE = "Asia/Shanghai"
TODAY = date(2026, 11, 21)  # a Saturday


def notice(desk: AtDesk | None, **more: Any) -> NoticeForm:
    given: dict[str, Any] = {
        "inmate_number": desk.inmate_id if desk else "nobody",
        "inmate_name": "陈志强",
        "authority": "court",
        "office": "合肥市中级人民法院",
        "number": NUMBER,
        "accused_of": "Robbery",
        "ground": "gravest",
        "found_on": "2026-11-19",
        "received_on": "2026-11-21",
        "key": new_id("key"),
        **more,
    }
    return NoticeForm(**given)


async def enter(offices: Offices, desk: AtDesk, actor: Any = None, **more: Any) -> str:
    place = offices.place
    async with place.db.write() as session:
        return await defenders.enter(session, place.means, actor or offices.clerk, notice(desk, **more))


async def seen(offices: Offices, desk: AtDesk) -> list[CaseView]:
    async with offices.place.db.read() as session:
        return await defenders.told(session, desk)


async def test_from_the_notice_to_the_lawyer_and_the_person_sees_it(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    desk = await place.inmate()
    case_id = await enter(offices, desk, words="Judge Wang, 0551 6000")
    (told,) = await seen(offices, desk)
    assert (told.id, told.state, told.desk, told.late) == (case_id, CaseState.APPROVED, "Centre", False)
    assert told.notice_due == date(2026, 11, 23)  # Thursday and three days are a Sunday
    assert told.light is not None
    assert told.light.due_at - clock.now() == timedelta(days=3, hours=8)  # Tuesday, 24:00
    async with place.db.write() as session:
        await case_work.assign(session, place.means, offices.clerk, case_id, place.lin.subject.id)
        await case_work.note_progress(session, place.means, place.lin, case_id, "The file has been read.")
    (told,) = await seen(offices, desk)
    assert (told.state, told.lawyer) == (CaseState.ASSIGNED, "lin")
    file = await offices.file(desk, case_id)
    assert [letter.kind.value for letter in file.letters] == ["notice", "assigned", "progress"]
    assert file.letters[0].words == "Judge Wang, 0551 6000"
    assert (file.facts["office"], file.facts["beneficiary"]) == ("合肥市中级人民法院", "陈志强")
    async with place.db.write() as session:
        await case_work.close(session, place.means, place.lin, case_id, "The court has judged.")
    assert await seen(offices, desk) == []
    async with place.db.read() as session:
        history = await service.history(session, matter(case_id))
    done = [step.code for step in history if step.what == "done"]
    assert done == ["notice", "appoint", "progress", "progress"]


async def test_what_the_centre_lets_pass_turns_yellow_and_goes_up(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    case_id = await enter(offices, await place.inmate())
    assert await tasks.turn_lights(place.db) == 0
    clock.move(days=2, hours=9)  # Tuesday, 1:00
    await tasks.turn_lights(place.db)
    one = await offices.view(case_id)
    assert one.light is not None
    assert (one.light.colour, one.desk) == ("yellow", "Centre")
    clock.move(days=1)
    await tasks.turn_lights(place.db)
    one = await offices.view(case_id)
    assert one.light is not None
    assert (one.light.colour, one.light.level, one.desk) == ("red", 1, "Bureau")
    async with place.db.write() as session:  # late, and still the centre's to do
        await case_work.assign(session, place.means, offices.clerk, case_id, place.sun.subject.id)


async def test_a_late_notice_is_marked_and_counted_and_counts_all_the_same(offices: Offices) -> None:
    place = offices.place
    desk = await place.inmate()
    late = await enter(offices, desk, found_on="2026-11-16", number="1")
    in_time = await enter(offices, desk, found_on="2026-11-18", number="2")
    free = await enter(offices, desk, found_on="2026-11-02", number="3", ground="ordinary")
    marked = {one: (await offices.view(one)).late for one in (late, in_time, free)}
    assert marked == {late: True, in_time: False, free: False}
    span = review.span("2026-11", "", TODAY)
    prison = place.world.prison_id
    async with place.db.read() as session:
        lines = {
            line.code: line.counts for line in await reviews.summary(session, place.admin, prison, span, ZONE)
        }
        behind = await reviews.drill(session, place.admin, prison, span, ZONE, "notice", Group.LATE)
    assert (lines["notice"][Group.IN_TIME], lines["notice"][Group.LATE]) == (2, 1)
    assert lines["appoint"][Group.CARRIED] == 3
    assert [one.matter for one in behind] == [matter(late)]


async def test_entering_late_gains_the_centre_no_day_and_it_is_told_before_it_is_red(
    offices: Offices,
) -> None:
    place = offices.place
    case_id = await enter(offices, await place.inmate(), found_on="2026-11-16", received_on="2026-11-17")
    one = await offices.view(case_id)
    assert not one.late
    assert one.light is not None
    assert one.light.due_at < core_clock.now()  # over on Friday
    await tasks.turn_lights(place.db)
    one = await offices.view(case_id)
    assert one.light is not None
    assert (one.light.level, one.desk) == (0, "Centre")  # told first, with a moment to act


async def test_the_prison_enters_and_reads_nothing_and_the_centre_is_told(offices: Offices) -> None:
    place = offices.place
    liaison = officer(place)
    case_id = await enter(offices, await place.inmate(), liaison)
    with pytest.raises(Forbidden):
        await offices.file(liaison, case_id)
    async with place.db.read() as session:
        told = await outbox.of(session, Ref("desk", offices.centre))
        tags = {entry.tag for entry in await read.latest(session, limit=12)}
    assert [one.template for one in told] == ["clock-handed"]
    assert {"officer:case:noticed", "officer:case:reading-refused"} <= tags
    assert (await offices.file(place.sun, case_id)).view.entry is Entry.NOTICE  # the station's people may


async def test_who_may_not_enter_and_where_nobody_appoints(offices: Offices) -> None:
    place = offices.place
    desk = await place.inmate()
    prison = place.world.prison_id
    for actor in (
        offices.judge,
        offices.helper,
        place.admin,
        identity("officer", "off_two", Role.MONITOR, prison_id=prison),
        identity("relative", "rel_one", Role.RELATIVE),
        identity("officer", "off_three", Role.APPROVER, prison_id=None),
    ):
        with pytest.raises(NotForNotices):
            await enter(offices, desk, actor)


async def test_without_a_centre_it_is_said(here: Place) -> None:
    desk = await here.inmate()
    with pytest.raises(NoCentre):
        async with here.db.write() as session:
            await defenders.enter(session, here.means, officer(here), notice(desk))


async def test_the_same_form_is_one_case_and_the_same_notice_too(offices: Offices) -> None:
    place = offices.place
    desk = await place.inmate()
    key = new_id("key")
    case_id = await enter(offices, desk, key=key)
    assert await enter(offices, desk, key=key) == case_id
    with pytest.raises(Refused) as refused:
        await enter(offices, desk, officer(place), number=" (2026)皖01刑初 88号")
    (known,) = refused.value.reasons
    assert (known.code, known.params["reference"]) == (
        "number-known",
        (await offices.view(case_id)).reference,
    )
    await enter(offices, desk, number="（2026）皖01刑初89号")
    await enter(offices, await place.inmate("李四"), inmate_name="李四")


@pytest.mark.parametrize("status", [InmateStatus.RELEASED, InmateStatus.MOVED])
async def test_only_who_is_held_here(offices: Offices, status: InmateStatus) -> None:
    desk = await offices.place.inmate()
    async with offices.place.db.write() as session:
        (await session.get_one(InmateRow, desk.inmate_id)).status = status
    for more in ({}, {"inmate_name": "陈大山"}, {"inmate_number": "nobody"}):
        with pytest.raises(Refused) as refused:
            await enter(offices, desk, **more)
        assert [one.code for one in refused.value.reasons] == ["inmate_number-invalid"]


async def test_nobody_here_takes_back_what_an_authority_asked_for_but_the_centre(offices: Offices) -> None:
    place = offices.place
    desk = await place.inmate()
    case_id = await enter(offices, desk)
    with pytest.raises(AskedByAuthority):
        async with place.db.write() as session:
            await cases.withdraw(session, place.means, desk, case_id)
    refusals: tuple[tuple[Any, str, type[Exception]], ...] = (
        (offices.clerk, "no", Refused),
        (place.sun, LONG, NotFound),
        (officer(place), LONG, Forbidden),
    )
    for actor, words, error in refusals:
        with pytest.raises(error):
            async with place.db.write() as session:
                await defenders.take_back(session, place.means, actor, case_id, words)
    async with place.db.write() as session:
        await defenders.take_back(session, place.means, offices.clerk, case_id, LONG)
    one = await offices.view(case_id)
    assert one.state is CaseState.WITHDRAWN
    assert one.light is not None
    assert one.light.state is ClockState.WITHDRAWN
    with pytest.raises(CaseMoved):
        async with place.db.write() as session:
            await defenders.take_back(session, place.means, offices.clerk, case_id, LONG)
    applied = await offices.approved(desk)
    with pytest.raises(CaseMoved):  # an application is no notice
        async with place.db.write() as session:
            await defenders.take_back(session, place.means, offices.clerk, applied, LONG)


async def test_meetings_of_the_appointed_lawyer_are_closed_and_those_arranged_close(offices: Offices) -> None:
    place = offices.place
    await allow_video(place)
    before = await asked(place)  # says that no case is running
    sitting = await arranged(place, before)
    meeting = await view(place, before)
    async with place.db.read() as session:
        assert (await sittings.get(session, sitting)).agreed.confidentiality is Confidentiality.VISUAL_ONLY
        inmate = await people.inmate(session, meeting.inmate_id)
    assert inmate is not None
    desk = AtDesk(inmate.id, inmate.prison_id, 1, place.terminal.subject)
    case_id = await enter(offices, desk)
    async with place.db.write() as session:
        await case_work.assign(session, place.means, offices.clerk, case_id, place.sun.subject.id)
    meeting = await view(place, before)
    assert (meeting.case_state, meeting.confidentiality) == (Stands.OPEN, Confidentiality.UNMONITORED)


@pytest.mark.parametrize(("ground", "stands"), [("defence", Stands.OPEN), ("agent", Stands.NONE)])
async def test_a_meeting_asked_for_afterwards_is_closed_by_its_ground(
    offices: Offices, ground: str, stands: Stands
) -> None:
    place = offices.place
    await allow_video(place)
    desk = await place.inmate()
    case_id = await enter(offices, desk)
    async with place.db.write() as session:
        await case_work.assign(session, place.means, offices.clerk, case_id, place.sun.subject.id)
        form = MeetingForm(desk.inmate_id, "陈志强", ground, "none", new_id("key"))
        meeting = await meetings.ask(session, PAPERS, place.sun, form, FILES)
    assert (await view(place, meeting)).case_state is stands


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({}, set()),
        (
            {"authority": "king", "ground": "", "office": " ", "number": "", "accused_of": ""},
            {"authority-missing", "ground-missing", "office-missing", "number-missing", "accused_of-missing"},
        ),
        ({"ground": "ordinary", "authority": "police"}, {"ground-invalid"}),
        ({"office": "x" * 121, "words": "x" * 4001}, {"office-too-long", "words-too-long"}),
        ({"found_on": "", "received_on": "soon"}, {"found_on-missing", "received_on-missing"}),
        ({"found_on": "2025-11-01"}, {"found_on-missing"}),
        ({"received_on": "2026-11-22"}, {"received_on-future"}),
        ({"received_on": "2026-11-18"}, {"found_on-invalid"}),
        ({"key": "x"}, {"key-invalid"}),
    ],
)
def test_every_field_of_the_notice_is_checked(given: dict[str, str], codes: set[str]) -> None:
    assert {one.code for one in defence.problems(notice(None, **given), TODAY)} == codes


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        (CaseState.APPROVED, ["done", "now", "later"]),
        (CaseState.ASSIGNED, ["done", "done", "now"]),
        (CaseState.CLOSED, ["done"] * 3),
        (CaseState.WITHDRAWN, []),
    ],
)
def test_the_way_of_a_notice_has_no_application(state: CaseState, steps: list[str]) -> None:
    found = way(state, Entry.NOTICE)
    assert [stands for _, stands in found] == [StepState(one) for one in steps]
    assert [code for code, _ in found] == ["noticed", "named", "working"][: len(steps)]


async def test_what_is_wrong_is_said_in_the_order_of_the_form(offices: Offices) -> None:
    inmate = await offices.place.inmate()
    with pytest.raises(Refused) as refused:
        await enter(
            offices,
            inmate,
            inmate_number="nobody",
            authority="",
            office="",
            ground="",
            found_on="2026-11-21",
            received_on="2026-11-20",
            words="x" * 5000,
        )
    told = [one.params["field"] for one in refused.value.reasons]
    assert told == ["inmate_number", "authority", "office", "ground", "found_on", "words"]


@pytest.mark.parametrize("ground", sorted(defence.COURTS))
@pytest.mark.parametrize("authority", ["procuratorate", "police"])
def test_on_some_grounds_only_a_court_gives_notice(ground: str, authority: str) -> None:
    """Arts 25 (2), 28."""
    wrong = defence.problems(notice(None, ground=ground, authority=authority), TODAY)
    assert [one.code for one in wrong] == ["ground-invalid"]
    assert defence.problems(notice(None, ground=ground), TODAY) == []
