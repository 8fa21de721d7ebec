"""Reports about what a lawyer did at a meeting: owed after a stop, written by the prison, answered by the bureau."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock as core_clock
from core.errors import Forbidden, KinbridgeError, NotFound, Refused
from core.ids import Ref, new_id
from ledger import read
from legalaid import conduct, conduct_owed, setup, tasks
from legalaid.conduct import ReportAboutYou, ReportMoved
from legalaid.conduct_model import Report, ReportForm, ReportState
from legalaid.confidential import OfficerRule
from legalaid.meetings import MeetingMoved
from people.model import Identity, Role
from rooms import repository as rooms
from rooms import sittings
from rooms.actions import Note
from rooms.powers import Act
from rooms.tables import RoomRow, SittingRow
from tests.conftest import FakeClock
from tests.legalaid.case_place import Offices
from tests.legalaid.place import Place
from tests.legalaid.test_meetings import allow, arranged, asked, do, officer
from tests.scheduler.world import ADMIN, identity

GUARD = Ref("officer", "off_one")
WORDS = "At 10:12 she held a phone before the camera, and went on after a warning."
ANSWER = "She was heard, and has been warned by the lawyers' association."


def stopped_room(sitting: SittingRow, why: str) -> RoomRow:
    """`why`: the officer's reason; "" for one that came to its end."""
    now = core_clock.now()
    return RoomRow(
        id=new_id("room"),
        sitting_id=sitting.id,
        confidentiality=sitting.confidentiality,
        epoch=1,
        phase="ended",
        used_ms=60_000,
        lost_ms=0,
        given_back_ms=0,
        live_at=now,
        ended_at=now,
        end_reason="by-officer" if why else "time-up",
        end_code=why,
        end_words="",
        fault="nobody",
        pause_code="",
        pause_words="",
    )


async def held(place: Place, *, stopped: str = "rules-broken") -> str:
    """A meeting that an officer looked on at and stopped for that reason, after a warning."""
    await allow(place, OfficerRule.LOOKS_ON)
    meeting = await asked(place, "petition")
    sitting = await arranged(place, meeting)
    async with place.db.write() as session:
        row = await session.get_one(SittingRow, sitting)
        room = stopped_room(row, stopped)
        session.add(room)
        await session.flush()
        for act, code in ((Act.WARN, "no-recording"), (Act.ADMIT, ""), (Act.END, stopped)):
            rooms.add_act(session, room.id, Note(act, "", GUARD, code, ""), 30.0)
        await sittings.cancel(session, GUARD, sitting, "over")
    return meeting


async def owed(place: Place, meeting: str) -> str:
    await tasks.settle_meetings(place.db)
    async with place.db.read() as session:
        found = await conduct.of_meetings(session, place.world.prison_id)
    return found[meeting].id


def form(place: Place, offices: Offices, **more: Any) -> ReportForm:
    given: dict[str, Any] = {
        "lawyer_id": place.sun.subject.id,
        "bureau_id": offices.justice,
        "breaches": ("recording",),
        "words": WORDS,
        **more,
    }
    return ReportForm(**given)


async def opened(place: Place, who: Identity, report: str) -> Report:
    async with place.db.write() as session:
        return await conduct.opened(session, place.means, who, report)


async def test_a_stop_is_reported_answered_and_read_by_the_lawyer(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    report = await owed(place, await held(place))
    await tasks.settle_meetings(place.db)  # once only
    with pytest.raises(NotFound):
        await opened(place, place.sun, report)  # nothing was sent yet
    mine = await opened(place, officer(place), report)
    assert (mine.view.state, mine.view.lawyer, mine.words) == (ReportState.OWED, "sun", "")
    assert [(step.act, step.code) for step in mine.steps] == [
        ("warn", "no-recording"),
        ("end", "rules-broken"),
    ]
    assert mine.view.light is not None
    assert mine.view.light.desk == "Station"  # there is no visits office here
    await do(place, conduct.send, place.means, officer(place), report, form(place, offices))
    with pytest.raises(ReportMoved):
        await do(place, conduct.send, place.means, officer(place), report, form(place, offices))
    with pytest.raises(ReportMoved):
        await do(place, conduct.drop, place.means, officer(place), report, WORDS)
    sent = await opened(place, place.sun, report)
    assert (sent.words, sent.view.breaches, sent.bureau) == (WORDS, ("recording",), "Justice")
    assert sent.view.light is not None
    assert timedelta(days=15) <= sent.view.light.due_at - clock.now() <= timedelta(days=24)
    async with place.db.read() as session:
        assert [one.id for one in await conduct.at_desks(session, offices.judge)] == [report]
        assert await conduct.at_desks(session, offices.clerk) == []
        assert list(await conduct.of_lawyer(session, place.sun.subject.id))
        assert await conduct.of_lawyer(session, place.lin.subject.id) == {}
    await do(place, conduct.answer, place.means, offices.judge, report, ANSWER)
    for who in (officer(place), place.sun, offices.judge):
        assert (await opened(place, who, report)).answer == ANSWER
    async with place.db.read() as session:
        tags = {entry.tag for entry in await read.about(session, conduct_owed.matter(report))}
    assert {
        "system:conduct-report:opened",
        "officer:conduct-report:sent",
        "counsel:conduct-report:answered",
        "counsel:conduct-report:read",
    } <= tags


@pytest.mark.parametrize("stopped", ["", "technical"])
async def test_nothing_is_owed_after_a_meeting_that_ended_otherwise_but_the_prison_may_begin_one(
    offices: Offices, stopped: str
) -> None:
    place = offices.place
    meeting = await held(place, stopped=stopped)
    with pytest.raises(MeetingMoved):
        await do(place, conduct.begin, officer(place), meeting)  # it is not over
    await tasks.settle_meetings(place.db)
    async with place.db.read() as session:
        assert await conduct.of_meetings(session, place.world.prison_id) == {}
    report = await do(place, conduct.begin, officer(place), meeting)
    assert await do(place, conduct.begin, officer(place), meeting) == report
    with pytest.raises(Refused):
        await do(place, conduct.drop, place.means, officer(place), report, "No.")
    await do(place, conduct.drop, place.means, officer(place), report, "It was the inmate's own watch.")
    with pytest.raises(NotFound):
        await opened(place, place.sun, report)  # the lawyer is told of what was sent
    assert (await opened(place, officer(place), report)).words == "It was the inmate's own watch."


async def test_everything_that_is_missing_is_said_at_once_in_the_order_of_the_form(offices: Offices) -> None:
    place = offices.place
    report = await owed(place, await held(place))
    for wrong, codes in (
        (ReportForm("", "", (), ""), ["lawyer_id", "breaches", "words", "bureau_id"]),
        (form(place, offices, lawyer_id=place.lin.subject.id), ["lawyer_id"]),  # was not there
        (form(place, offices, bureau_id=offices.centre), ["bureau_id"]),
        (form(place, offices, breaches=("recording", "singing")), ["breaches"]),
        (form(place, offices, words="x" * 5000), ["words"]),
    ):
        with pytest.raises(Refused) as refused:
            await do(place, conduct.send, place.means, officer(place), report, wrong)
        assert [one.params["field"] for one in refused.value.reasons] == codes


async def test_who_neither_writes_nor_reads_nor_answers(offices: Offices) -> None:
    """Sun, whom it is about, sits at the bureau as well."""
    place = offices.place
    async with place.db.write() as session:
        await setup.seat_at_desk(session, ADMIN, place.sun.subject.id, offices.justice)
    report = await owed(place, await held(place))
    prison = place.world.prison_id
    monitor = identity("officer", "off_two", Role.MONITOR, prison_id=prison)
    elsewhere = identity("officer", "off_three", Role.APPROVER, prison_id="pri_other")
    nobody: list[tuple[Identity, type[KinbridgeError]]] = [(monitor, Forbidden), (elsewhere, NotFound)]
    for who, error in nobody:
        with pytest.raises(error):
            await opened(place, who, report)
        with pytest.raises(error):
            await do(place, conduct.send, place.means, who, report, form(place, offices))
    await do(place, conduct.send, place.means, officer(place), report, form(place, offices))
    strangers: list[tuple[Identity, type[KinbridgeError]]] = [
        (place.sun, ReportAboutYou),
        (place.lin, NotFound),
        (offices.clerk, NotFound),
        (officer(place), Forbidden),
    ]
    for who, error in strangers:
        with pytest.raises(error):
            await do(place, conduct.answer, place.means, who, report, ANSWER)
    for who in (place.lin, offices.clerk):
        with pytest.raises(NotFound):
            await opened(place, who, report)
    async with place.db.read() as session:
        assert await conduct.at_desks(session, place.sun) == []


async def test_what_the_bureau_does_not_answer_moves_up(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    report = await owed(place, await held(place))
    await do(place, conduct.send, place.means, officer(place), report, form(place, offices))
    for _ in range(2):  # told in time, then over
        clock.move(days=30)
        await tasks.turn_lights(place.db)
    view = (await opened(place, offices.judge, report)).view
    assert view.light is not None
    assert (view.light.desk, view.light.level) == ("Bureau", 1)
