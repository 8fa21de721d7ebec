"""Lawyers' meetings: papers, clocks, who may listen, late lawyers, missed ones, and a case that is opened meanwhile."""

import io
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from core import clock as core_clock
from core.box import Box
from core.errors import Forbidden, KinbridgeError, NotFound, Refused
from core.ids import Ref, new_id
from ledger import read
from legalaid import clocks, meeting_desk, meetings, service
from legalaid.confidential import OfficerRule
from legalaid.meeting_desk import NotLate
from legalaid.meeting_model import MeetingForm, MeetingState, MeetingView, Paper
from legalaid.meetings import INTERPRETER, MATTER, MeetingMoved
from people.model import Identity, Role
from people.proofs import Upload
from policy.running import ClockState
from rooms import service as rooms
from rooms import sittings
from rooms.agreed import SittingState
from rooms.confidentiality import Confidentiality
from scheduler import service as scheduler
from tests.conftest import FakeClock
from tests.legalaid.place import Place
from tests.rooms.closed import prove
from tests.scheduler.world import ADMIN, identity

PAPERS = Box("a secret of thirty-two characters", "lawyer-paper")


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "#ffffff").save(file, "PNG")
    return file.getvalue()


FILES = {paper: Upload(f"{paper.value}.png", picture()) for paper in Paper}


async def do(here: Place, use_case: Any, *arguments: Any, **more: Any) -> Any:
    async with here.db.write() as session:
        return await use_case(session, *arguments, **more)


def officer(here: Place) -> Identity:
    return identity("officer", "off_desk", Role.APPROVER, prison_id=here.world.prison_id)


async def allow(here: Place, rule: OfficerRule = OfficerRule.LOOKS_ON) -> None:
    await do(
        here,
        meeting_desk.set_rule,
        ADMIN,
        here.world.prison_id,
        remote=True,
        officer=rule,
        basis="省监狱局〔2026〕3号",
    )


async def asked(here: Place, ground: str = "defence", case: str = "none", **more: Any) -> str:
    desk = await here.inmate()
    given = {"key": new_id("key"), **more}
    form = MeetingForm(desk.inmate_id, "陈志强", ground, case, **given)
    meeting_id: str = await do(here, meetings.ask, PAPERS, here.sun, form, FILES)
    return meeting_id


async def arranged(here: Place, meeting_id: str, hours: float = 1) -> str:
    terminal = await here.world.terminal(new_id("t"))
    starts = core_clock.now() + timedelta(hours=hours)
    sitting: str = await do(here, meeting_desk.arrange, officer(here), meeting_id, starts, terminal)
    return sitting


async def view(here: Place, meeting_id: str) -> MeetingView:
    async with here.db.read() as session:
        return next(one for one in await meetings.of_lawyer(session, here.sun) if one.id == meeting_id)


async def light(here: Place, kind: str, meeting_id: str) -> Any:
    async with here.db.read() as session:
        return await clocks.of_matter(session, Ref(kind, meeting_id))


async def codes(here: Place, form: MeetingForm, files: Any = None) -> set[str]:
    with pytest.raises(Refused) as refused:
        await do(here, meetings.ask, PAPERS, here.sun, form, FILES if files is None else files)
    return {one.code for one in refused.value.reasons}


async def test_everything_that_is_missing_is_said_at_once(here: Place) -> None:
    form = MeetingForm("nobody", "Nobody", "", "", "key", minutes=5, second="nobody")
    assert await codes(here, form, {}) == {
        "remote-not-allowed",
        "ground-missing",
        "case_state-missing",
        "minutes-invalid",
        "second-invalid",
        "inmate_number-invalid",
        "licence-missing",
        "firm-letter-missing",
        "mandate-missing",
    }


async def test_a_meeting_by_video_needs_its_local_rule(here: Place) -> None:
    with pytest.raises(Refused):
        await do(
            here,
            meeting_desk.set_rule,
            ADMIN,
            here.world.prison_id,
            remote=True,
            officer=OfficerRule.PRESENT,
            basis=" ",
        )
    await allow(here)
    assert await asked(here)


async def test_48_hours_run_over_the_night_and_the_interpreter_does_not_hold_them_up(
    here: Place, clock: FakeClock
) -> None:
    await allow(here)
    began = core_clock.now()
    meeting_id = await asked(here, interpreter="Ma Lin")
    assert (await light(here, MATTER, meeting_id)).due_at == began + timedelta(hours=48)
    clock.move(hours=1)
    await arranged(here, meeting_id)
    assert (await light(here, MATTER, meeting_id)).state == ClockState.DONE
    assert (await light(here, INTERPRETER, meeting_id)).state == ClockState.RUNNING
    await do(here, meeting_desk.decide_interpreter, officer(here), meeting_id, admitted=True)
    assert (await light(here, INTERPRETER, meeting_id)).state == ClockState.DONE
    with pytest.raises(MeetingMoved):
        await do(here, meeting_desk.decide_interpreter, officer(here), meeting_id, admitted=False, words="no")


async def test_the_visits_office_holds_the_clock_and_the_lawyer_sees_till_when(here: Place) -> None:
    """Who is to act is told before time runs out, not the station that waits for it."""
    await do(
        here, service.create_desk, ADMIN, here.world.prison_id, "Office", "office", "0551 400", here.bureau
    )
    await allow(here)
    began = core_clock.now()
    seen = await view(here, await asked(here, interpreter="Ma Lin"))
    assert seen.light is not None
    assert (seen.light.desk, seen.light.due_at) == ("Office", began + timedelta(hours=48))
    assert seen.interpreter_light is not None
    assert (seen.interpreter_light.desk, seen.interpreter_light.due_at > seen.light.due_at) == (
        "Office",
        True,
    )


async def test_an_interpreter_is_refused_in_writing(here: Place) -> None:
    await allow(here)
    meeting_id = await asked(here, interpreter="Ma Lin")
    decide = (meeting_desk.decide_interpreter, officer(here), meeting_id)
    with pytest.raises(Refused):
        await do(here, *decide, admitted=False, words=" ")
    await do(here, *decide, admitted=False, words="资格证已过期")
    found = await view(here, meeting_id)
    assert (found.interpreter_state, found.interpreter_words) == ("refused", "资格证已过期")


async def test_originals_are_looked_at_on_the_day(here: Place) -> None:
    """Art. 5: copies are enough to ask; the originals are shown when the lawyer comes."""
    await allow(here)
    meeting_id = await asked(here)
    papers = (await view(here, meeting_id)).papers
    with pytest.raises(MeetingMoved):  # nothing is arranged that they could be shown at
        await do(here, meeting_desk.original_seen, officer(here), papers[Paper.LICENCE])
    await arranged(here, meeting_id)
    elsewhere = identity("officer", "off_far", Role.APPROVER, prison_id="prs_far")
    with pytest.raises(NotFound):
        await do(here, meeting_desk.original_seen, elsewhere, papers[Paper.LICENCE])
    with pytest.raises(NotFound):
        await do(here, meeting_desk.original_seen, officer(here), "ppr_none")
    for _ in range(2):
        await do(here, meeting_desk.original_seen, officer(here), papers[Paper.LICENCE])
    assert (await view(here, meeting_id)).originals == {Paper.LICENCE}
    async with here.db.read() as session:
        tags = [entry.tag for entry in await read.about(session, Ref(MATTER, meeting_id))]
    assert tags.count("officer:meeting-original:seen") == 1


@pytest.mark.parametrize(("hours", "late"), [(23, True), (25, False)])
async def test_cancelled_23_hours_before_is_noted(here: Place, hours: float, late: bool) -> None:
    """F70: late, and no strike."""
    await allow(here)
    meeting_id = await asked(here)
    await arranged(here, meeting_id, hours)
    await do(here, meetings.withdraw, here.sun, meeting_id, "")
    assert (await view(here, meeting_id)).late is late
    async with here.db.read() as session:
        tags = [entry.tag for entry in await read.about(session, Ref(MATTER, meeting_id))]
        assert await meetings.strikes(session, here.sun.subject.id) == 0
    assert ("counsel:meeting:withdrawn-late" in tags) is late


async def test_papers_are_sealed_and_only_the_prisons_desk_reads_them(here: Place) -> None:
    await allow(here)
    papers = (await view(here, await asked(here))).papers
    assert set(papers) == set(Paper)
    media_type, data = await do(here, meeting_desk.paper, PAPERS, officer(here), papers[Paper.LICENCE])
    assert media_type == "image/jpeg" or media_type.startswith("image/")
    assert data
    elsewhere = identity("officer", "off_far", Role.APPROVER, prison_id="prs_far")
    watching = identity("officer", "off_mon", Role.MONITOR, prison_id=here.world.prison_id)
    for who, error in ((elsewhere, NotFound), (watching, Forbidden)):
        with pytest.raises(error):
            await do(here, meeting_desk.paper, PAPERS, who, papers[Paper.LICENCE])


@pytest.mark.parametrize(
    ("ground", "case", "rule", "how", "basis"),
    [
        ("defence", "open", OfficerRule.PRESENT, "unmonitored", "defence-open-case"),
        ("petition", "closed", OfficerRule.LOOKS_ON, "visual_only", "left-to-prison-looks-on"),
        ("advice", "none", OfficerRule.PRESENT, "officer_present", "left-to-prison-present"),
    ],
)
async def test_who_may_listen_is_computed(
    here: Place, ground: str, case: str, rule: OfficerRule, how: str, basis: str
) -> None:
    await allow(here, rule)
    meeting_id = await asked(here, ground, case)
    await arranged(here, meeting_id)
    found = await view(here, meeting_id)
    assert (found.confidentiality, found.basis) == (how, basis)


async def test_a_case_that_is_opened_closes_what_is_arranged(here: Place, clock: FakeClock) -> None:
    """Granting the status counts at once, and an officer who could look on cannot any more."""
    await allow(here)
    meeting_id = await asked(here)
    sitting = await arranged(here, meeting_id, hours=0.1)
    watching = identity("officer", "off_mon", Role.MONITOR, prison_id=here.world.prison_id)
    await prove(here.db)
    clock.move(minutes=6)
    assert await do(here, rooms.issue_sitting_ticket, watching, sitting)
    found = await view(here, meeting_id)
    assert await do(here, meeting_desk.case_opened, here.sun, found.lawyer_id, found.inmate_id) == 1
    assert (await view(here, meeting_id)).confidentiality == Confidentiality.UNMONITORED
    with pytest.raises(Forbidden):
        await do(here, rooms.issue_sitting_ticket, watching, sitting)
    assert await do(here, meeting_desk.case_opened, here.sun, found.lawyer_id, found.inmate_id) == 0


async def test_a_case_that_the_second_lawyer_defends_closes_it_too(here: Place) -> None:
    await allow(here)
    lin = here.lin.subject.id
    meeting_id = await asked(here, second=f"lin-{lin}")
    await arranged(here, meeting_id)
    assert (await view(here, meeting_id)).confidentiality == Confidentiality.VISUAL_ONLY
    inmate = (await view(here, meeting_id)).inmate_id
    assert await do(here, meeting_desk.case_opened, here.lin, lin, inmate) == 1
    assert (await view(here, meeting_id)).confidentiality == Confidentiality.UNMONITORED


async def test_six_minutes_late_and_the_time_may_be_given_away(here: Place, clock: FakeClock) -> None:
    await allow(here)
    meeting_id = await asked(here)
    sitting = await arranged(here, meeting_id)
    clock.move(minutes=65)
    with pytest.raises(NotLate):
        await do(here, meeting_desk.release, officer(here), meeting_id)
    clock.move(minutes=1)
    await do(here, meeting_desk.release, officer(here), meeting_id)
    assert (await view(here, meeting_id)).state is MeetingState.MISSED
    async with here.db.read() as session:
        assert (await sittings.get(session, sitting)).state is SittingState.CANCELLED


async def test_three_missed_without_excuse_and_no_more_by_video(here: Place, clock: FakeClock) -> None:
    await allow(here)
    missed = []
    for _ in range(3):
        missed.append(await asked(here))
        await arranged(here, missed[-1])
        clock.move(minutes=66)
        await do(here, meeting_desk.release, officer(here), missed[-1])
    desk = await here.inmate()
    form = MeetingForm(desk.inmate_id, "陈志强", "advice", "none", "key")
    assert await codes(here, form) == {"lawyer-suspended"}
    await do(here, meeting_desk.excuse, officer(here), missed[0], "高速公路封闭")
    assert await do(here, meetings.ask, PAPERS, here.sun, form, FILES)


async def test_a_mandate_that_ends_frees_the_time(here: Place) -> None:
    await allow(here)
    meeting_id = await asked(here)
    sitting = await arranged(here, meeting_id)
    with pytest.raises(NotFound):
        await do(here, meetings.withdraw, here.lin, meeting_id, "")
    await do(here, meetings.withdraw, here.sun, meeting_id, "委托终止")
    assert (await view(here, meeting_id)).state is MeetingState.WITHDRAWN
    async with here.db.read() as session:
        assert (await sittings.get(session, sitting)).state is SittingState.CANCELLED
    with pytest.raises(MeetingMoved):
        await do(here, meetings.withdraw, here.sun, meeting_id, "")


async def test_a_conflict_of_interest_has_the_same_answer_as_a_wrong_name(here: Place) -> None:
    await allow(here)
    desk = await here.inmate()
    await do(here, service.declare_conflict, here.sun, desk.inmate_id)
    form = MeetingForm(desk.inmate_id, "陈志强", "advice", "none", "key")
    assert await codes(here, form) == {"inmate_number-invalid"}


async def test_refused_in_writing_and_only_by_who_decides(here: Place) -> None:
    await allow(here)
    meeting_id = await asked(here)
    with pytest.raises(Refused):
        await do(here, meeting_desk.refuse, officer(here), meeting_id, " ")
    await do(here, meeting_desk.refuse, officer(here), meeting_id, "委托书没有签名")
    found = await view(here, meeting_id)
    assert (found.state, found.words) == (MeetingState.REFUSED, "委托书没有签名")
    with pytest.raises(KinbridgeError):
        await arranged(here, meeting_id)


async def test_it_uses_no_allowance_and_two_lawyers_have_two_seats(here: Place) -> None:
    await allow(here)
    family = await here.relative((await here.inmate()).inmate_id)
    today = core_clock.now().date()
    async with here.db.read() as session:
        before = await scheduler.allowance(session, family.inmate_id, today)
    lin = here.lin.subject.id
    form = MeetingForm(family.inmate_id, "陈志强", "defence", "open", "key", second=f"lin-{lin}")
    meeting_id = await do(here, meetings.ask, PAPERS, here.sun, form, FILES)
    sitting = await arranged(here, meeting_id)
    async with here.db.read() as session:
        assert await scheduler.allowance(session, family.inmate_id, today) == before
        roles = [party.role.value for party in (await sittings.get(session, sitting)).agreed.parties]
    assert sorted(roles) == ["counsel", "counsel", "inmate"]


async def test_what_became_of_it(here: Place, clock: FakeClock) -> None:
    await allow(here)
    meeting_id = await asked(here)
    sitting = await arranged(here, meeting_id)
    assert await do(here, meeting_desk.sweep) == 0
    await do(here, sittings.cancel, ADMIN, sitting, "prison-closed")
    assert await do(here, meeting_desk.sweep) == 1
    assert (await view(here, meeting_id)).state is MeetingState.FAILED
    assert await do(here, meetings.strikes, here.sun.subject.id) == 0
