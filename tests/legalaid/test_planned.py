"""Lawyers' requests in the weekly plan: the same engine and terminals as families', arranged when it is published."""

from datetime import date, time, timedelta
from typing import Any

import pytest

from core.db import Session
from core.errors import KinbridgeError, NotFound, Refused
from core.ids import SYSTEM, Ref
from legalaid import meeting_desk, meeting_times, meetings
from legalaid.meeting_model import MeetingForm, MeetingState, MeetingView
from legalaid.meeting_tables import MeetingRow
from legalaid.meeting_times import Time
from legalaid.meetings import MeetingMoved
from legalaid.planned import PlannedMeetings
from people.model import Identity
from scheduler import befalling, meeting_proposals, planner, plans, setup, solving, wishes
from scheduler.happenings import Happening, Kind
from scheduler.meeting_proposals import MeetingProposal
from scheduler.plans import Plan, PlanState, ProposalState
from scheduler.tables import TerminalRow
from scheduler.timetable import instant
from scheduler.wishes import Choice
from tests.legalaid import test_meetings
from tests.legalaid.place import Place
from tests.legalaid.test_meetings import PAPERS, do, officer
from tests.scheduler import solving_here

ZONE, TUESDAY = "Asia/Shanghai", date(2026, 11, 24)  # the clock stands at Saturday the 21st


def suits(first: str, last: str, rank: int = 0, day: date = TUESDAY) -> Time:
    return Time(rank, day, time.fromisoformat(first), time.fromisoformat(last))


async def asked(here: Place, *times: Time, who: Identity | None = None, **more: Any) -> str:
    """A request whose papers were found in order."""
    lawyer = who or here.sun
    desk = await here.inmate()
    form = MeetingForm(desk.inmate_id, "陈志强", more.get("ground", "advice"), "none", desk.inmate_id)
    meeting_id: str = await do(here, meetings.ask, PAPERS, lawyer, form, test_meetings.FILES)
    if times:
        await do(here, meeting_times.name, lawyer, meeting_id, times)
    await do(here, meeting_times.admit, officer(here), meeting_id, admitted=True)
    return meeting_id


@pytest.fixture(autouse=True)
def _solved_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "solve", solving_here.solve)


async def plan(here: Place, days: int = 1) -> tuple[Plan, dict[str, MeetingProposal]]:
    async with here.db.write() as session:
        last = TUESDAY + timedelta(days=days - 1)
        made = await plans.ask(session, officer(here), here.world.prison_id, TUESDAY, last, TUESDAY)
    assert await planner.work(here.db, PlannedMeetings()) == 1
    async with here.db.read() as session:
        found = {one.meeting_id: one for one in await meeting_proposals.of_plan(session, made.id)}
        return await plans.get(session, made.id), found


async def publish(here: Place, made: Plan) -> int:
    await do(here, plans.publish, officer(here), made.id)
    return await planner.publish(here.db, PlannedMeetings())


async def view(here: Place, meeting_id: str, who: Identity | None = None) -> MeetingView:
    async with here.db.read() as session:
        return next(one for one in await meetings.of_lawyer(session, who or here.sun) if one.id == meeting_id)


def at(hour: str) -> Any:
    return instant(TUESDAY, time.fromisoformat(hour), ZONE)


def codes(proposal: MeetingProposal) -> list[str]:
    return [reason.code for reason in proposal.reasons]


@pytest.fixture
async def open_here(here: Place) -> Place:
    await test_meetings.allow(here)
    return here


async def test_families_and_lawyers_share_terminals_in_one_plan(open_here: Place) -> None:
    """One terminal, a visit from 10:00; the lawyer would like 9:45 best, but only 9:00 leaves room for both."""
    here = open_here
    await here.world.terminal()
    family = await here.world.family()
    slot = await here.world.slot(days=3, hour=2)
    async with here.db.write() as session:
        choice = Choice(0, TUESDAY, time(9), time(12))
        wish = await wishes.make(session, family.actor, family.inmate_id, family.choice, [choice], "w")
    meeting = await asked(here, suits("09:45", "10:30"), suits("09:00", "09:45", rank=1))
    made, found = await plan(here)
    assert (found[meeting].starts_at, found[meeting].state) == (at("09:00"), ProposalState.PROPOSED)
    assert (made.report["served"], made.report["meetings_served"], made.report["meetings"]) == (1, 1, 1)
    assert made.report["gap_percent"] <= 0.01
    assert await publish(here, made) == 2
    assert await planner.publish(here.db, PlannedMeetings()) == 0
    arranged = await view(here, meeting)
    assert (arranged.state, arranged.starts_at) == (MeetingState.ARRANGED, at("09:00"))
    async with here.db.read() as session:
        assert (await wishes.get(session, wish.id)).booking_id is not None
        (visit,) = await plans.proposals(session, made.id)
        assert (visit.slot_id, (await plans.get(session, made.id)).state) == (slot, PlanState.PUBLISHED)


async def test_a_lawyer_is_in_one_place_at_a_time_and_others_are_not_held_up(open_here: Place) -> None:
    here = open_here
    for name in ("T1", "T2", "T3"):
        await here.world.terminal(name)
    window = suits("09:00", "09:45")
    first, second = await asked(here, window), await asked(here, window)
    other = await asked(here, window, who=here.lin)
    _, found = await plan(here)
    assert sorted(found[one].state for one in (first, second)) == [
        ProposalState.LEFT_OUT,
        ProposalState.PROPOSED,
    ]
    assert found[other].state is ProposalState.PROPOSED
    left = next(one for one in (first, second) if found[one].state is ProposalState.LEFT_OUT)
    assert codes(found[left]) == ["no-room-left"]


async def test_what_nobody_can_serve_is_said_with_its_reason(open_here: Place) -> None:
    """Outside the prison's hours; an inmate at court; papers that nobody has looked at are not planned at all."""
    here = open_here
    await here.world.terminal()
    night = await asked(here, suits("20:00", "22:00"))
    sunday = await asked(here, suits("09:00", "11:00", day=TUESDAY + timedelta(days=5)))
    court = await asked(here, suits("09:00", "10:00"))
    waiting = await asked(here, suits("10:00", "11:00"))
    await do(here, meeting_times.admit, officer(here), waiting, admitted=False)
    async with here.db.write() as session:
        inmate = (await session.get_one(MeetingRow, court)).inmate_id
        hearing = Happening(
            "", here.world.prison_id, Kind.COURT, at("09:00"), at("10:00"), inmate_id=inmate, words="-"
        )
        await befalling.report(session, SYSTEM, hearing)
    _, found = await plan(here, days=7)
    assert set(found) == {night, sunday, court}
    assert [codes(found[one]) for one in (night, sunday, court)] == [
        ["not-in-hours"],
        ["not-in-hours"],
        ["needed-elsewhere"],
    ]


async def test_without_times_of_its_own_a_request_goes_into_the_prisons_hours(open_here: Place) -> None:
    here = open_here
    await here.world.terminal()
    admin = here.admin
    await do(here, meeting_times.set_hours, admin, here.world.prison_id, "15:00-16:00")
    meeting = await asked(here)
    _, found = await plan(here)
    assert found[meeting].starts_at == at("15:00")


async def test_what_changed_meanwhile_is_refused_and_explained(open_here: Place) -> None:
    """One is withdrawn, one arranged by hand, one loses its terminal: each says why; the fourth is arranged."""
    here = open_here
    terminal = await here.world.terminal()
    withdrawn, by_hand, lost, good = [
        await asked(here, suits(f"{hour}:00", f"{hour}:30")) for hour in (14, 15, 16, 10)
    ]
    made, found = await plan(here)
    assert all(one.state is ProposalState.PROPOSED for one in found.values())
    await do(here, meetings.withdraw, here.sun, withdrawn, "")
    await do(here, meeting_desk.arrange, officer(here), by_hand, at("15:00") + timedelta(days=1), terminal)
    other = await asked(here, who=here.lin)
    await do(here, meeting_desk.arrange, officer(here), other, at("16:00"), terminal)
    assert await publish(here, made) == 1
    async with here.db.read() as session:
        after = {one.meeting_id: one for one in await meeting_proposals.of_plan(session, made.id)}
    assert {one: codes(after[one]) for one in (withdrawn, by_hand, lost, good)} == {
        withdrawn: ["meeting-moved"],
        by_hand: ["meeting-moved"],
        lost: ["no-terminal"],
        good: [],
    }
    assert (await view(here, lost)).state is MeetingState.ASKED  # still waits
    assert (await view(here, good)).starts_at == at("10:00")


async def test_publishing_cut_in_the_middle_arranges_nothing_twice(
    open_here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = open_here
    await here.world.terminal()
    asked_for = [await asked(here, suits(f"{hour}:00", f"{hour}:30")) for hour in (14, 15, 16)]
    made, _ = await plan(here)
    real, calls = meeting_proposals.apply, []

    async def killed(session: Session, actor: Ref, proposal: MeetingProposal, of: Any) -> bool:
        calls.append(proposal.id)
        applied = await real(session, actor, proposal, of)
        if len(calls) == 2:
            raise KeyboardInterrupt  # before the transaction is committed
        return applied

    monkeypatch.setattr(meeting_proposals, "apply", killed)
    with pytest.raises(KeyboardInterrupt):
        await publish(here, made)
    monkeypatch.setattr(meeting_proposals, "apply", real)
    assert await planner.publish(here.db, PlannedMeetings()) == 2
    states = [(await view(here, one)).state for one in asked_for]
    assert states == [MeetingState.ARRANGED] * 3


async def test_a_room_for_lawyers_is_theirs_alone(open_here: Place) -> None:
    """The prison's only other terminal stands in a room for lawyers: the family gets none there, the lawyer does."""
    here = open_here
    room = await do(here, setup.visit_room, SYSTEM, here.world.prison_id, "L", use="legal")
    terminal = await here.world.terminal("L1", wing_id=None)
    async with here.db.write() as session:
        (await session.get_one(TerminalRow, terminal)).visit_room_id = room
    family = await here.world.family()
    await here.world.slot(days=3, hour=2)
    async with here.db.write() as session:
        choice = Choice(0, TUESDAY, time(9), time(12))
        await wishes.make(session, family.actor, family.inmate_id, family.choice, [choice], "w")
    meeting = await asked(here, suits("10:00", "10:30"))
    made, found = await plan(here)
    assert found[meeting].state is ProposalState.PROPOSED
    assert made.report["served"] == 0
    assert await publish(here, made) == 1


HOURS = [
    ("09:00-11:30, 14:00-17:00", 2), ("9:00–12:00", 1), ("09:00-09:00", 0), ("14:00-17:00, 09:00-11:00", 0),
    ("25:00-26:00", 0), ("", 0), ("morning", 0), ("09:00-10:00 x", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "spans"), HOURS)
def test_hours_are_read(text: str, spans: int) -> None:
    if spans:
        assert len(meeting_times.read_hours(text)) == spans
    else:
        with pytest.raises(Refused):
            meeting_times.read_hours(text)


async def test_times_are_the_lawyers_own_until_it_is_decided(open_here: Place) -> None:
    here = open_here
    meeting = await asked(here, suits("09:00", "10:00"))
    wrong: list[tuple[Identity, Time, type[KinbridgeError]]] = [
        (here.sun, suits("10:00", "09:00"), Refused),
        (here.sun, suits("09:00", "10:00", rank=3), Refused),
        (here.lin, suits("09:00", "10:00"), NotFound),
    ]
    for who, when, error in wrong:
        with pytest.raises(error):
            await do(here, meeting_times.name, who, meeting, [when])
    await do(here, meetings.withdraw, here.sun, meeting, "")
    for late in (
        do(here, meeting_times.name, here.sun, meeting, []),
        do(here, meeting_times.admit, officer(here), meeting, admitted=True),
    ):
        with pytest.raises(MeetingMoved):
            await late
