"""Complaints: whose matter, which desk, till when; answered once, in writing, and not by the one it is about."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from core.errors import Forbidden, KinbridgeError, NotFound, Refused
from core.ids import Ref, new_id
from ledger import read
from legalaid import (
    answering,
    case_work,
    cases,
    clocks,
    complaint_matter,
    complaints,
    erasing,
    setup,
    tasks,
)
from legalaid.case_tables import DeskStaffRow
from legalaid.complaint_table import ComplaintRow
from legalaid.complaints import (
    AboutYou,
    Complaint,
    ComplaintForm,
    ComplaintMoved,
    ComplaintOpen,
    ComplaintState,
    NoComplaintDesk,
    Reader,
)
from legalaid.forms import WORDS_MAX
from legalaid.model import AtDesk
from legalaid.personal import NotYou
from legalaid.tables import DeskRow
from notices import outbox
from people.erasing import ERASED
from people.model import Identity, Role
from policy.running import ClockState
from tests.conftest import FakeClock
from tests.legalaid.case_place import Offices
from tests.legalaid.case_place import form as application
from tests.legalaid.place import Place
from tests.legalaid.test_handover import another, hand
from tests.scheduler.world import ADMIN, identity

WORDS = "He has not come once in three months, and asked my wife for money."
ANSWER = "We heard him and read the file. The money is paid back; he was warned."


async def make(place: Place, who: Reader, matter: Ref, words: str = WORDS, key: str = "") -> str:
    async with place.db.write() as session:
        form = ComplaintForm(matter, words, key or new_id("key"))
        return await complaints.make(session, place.means, who, form)


async def answer(place: Place, who: Identity, complaint: str, words: str = ANSWER) -> None:
    async with place.db.write() as session:
        await complaints.answer(session, place.means, who, complaint, words)


async def opened(place: Place, who: Reader, complaint: str) -> Complaint:
    async with place.db.write() as session:
        return await complaints.opened(session, place.means, who, complaint)


async def tags(place: Place, complaint: str) -> list[str]:
    async with place.db.read() as session:
        return [entry.tag for entry in await read.about(session, complaints.matter(complaint))]


async def with_lawyer(offices: Offices, lawyer: Identity) -> tuple[AtDesk, Ref]:
    """An inmate whose case the lawyer works on."""
    inmate = await offices.place.inmate()
    case_id = await offices.approved(inmate)
    async with offices.place.db.write() as session:
        means = offices.place.means
        await case_work.assign(session, means, offices.clerk, case_id, lawyer.subject.id, "")
    return inmate, Ref("case", case_id)


async def test_it_goes_to_the_bureau_and_is_answered_once_in_writing(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    inmate, case = await with_lawyer(offices, place.lin)
    complaint = await make(place, inmate, case, key="a-key-of-mine")
    assert await make(place, inmate, case, key="a-key-of-mine") == complaint
    mine = await opened(place, inmate, complaint)
    assert (mine.words, mine.answer, mine.view.state) == (WORDS, "", ComplaintState.MADE)
    assert (mine.view.desk, mine.view.lawyers, mine.view.about.matter) == ("Justice", ("lin",), case)
    assert mine.view.light is not None
    assert timedelta(days=15) <= mine.view.light.due_at - clock.now() <= timedelta(days=24)
    async with place.db.read() as session:
        (row,) = (await session.scalars(select(ComplaintRow))).all()
        assert WORDS.encode() not in row.words_sealed
        assert [one.id for one in await complaints.at_desks(session, offices.judge)] == [complaint]
        assert await complaints.at_desks(session, offices.clerk) == []
    with pytest.raises(Refused):
        await answer(place, offices.judge, complaint, "No.")
    await answer(place, offices.judge, complaint)
    with pytest.raises(ComplaintMoved):
        await answer(place, offices.judge, complaint)
    mine = await opened(place, inmate, complaint)
    assert (mine.answer, mine.view.state) == (ANSWER, ComplaintState.ANSWERED)
    assert mine.view.light is not None
    assert mine.view.light.state is ClockState.DONE
    assert {"inmate:complaint:made", "inmate:complaint:read", "counsel:complaint:answered"} <= set(
        await tags(place, complaint)
    )
    assert await make(place, inmate, case) != complaint  # once answered, one may complain again


async def test_the_lawyer_it_is_about_neither_reads_nor_answers_it(offices: Offices) -> None:
    """Lin sits at the bureau as well, and stays closed out after another lawyer took over."""
    place = offices.place
    async with place.db.write() as session:
        await setup.seat_at_desk(session, ADMIN, place.lin.subject.id, offices.justice)
    inmate, case = await with_lawyer(offices, place.lin)
    complaint = await make(place, inmate, case)
    async with place.db.write() as session:
        await case_work.ask_change(session, place.means, inmate, case.id, "He does not come.")
        sun = place.sun.subject.id
        await case_work.decide_change(session, place.means, offices.clerk, case.id, sun, "")
        assert await complaints.at_desks(session, place.lin) == []
        assert len(await complaints.at_desks(session, offices.judge)) == 1
    for act in (answer(place, place.lin, complaint), opened(place, place.lin, complaint)):
        with pytest.raises(AboutYou):
            await act
    assert {"counsel:complaint:answer-refused", "counsel:complaint:reading-refused"} <= set(
        await tags(place, complaint)
    )
    assert (await opened(place, offices.judge, complaint)).view.lawyers == ("lin", "sun")


async def test_whoever_wrote_the_answer_is_the_one_complained_about(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = await place.ask(inmate)
    matter = Ref("question", question.id)
    async with place.db.read() as session:
        assert await complaint_matter.lawyers(session, matter) == {}
    async with place.db.write() as session:
        await answering.write(session, place.means, place.sun, question.id, "You owe nothing.")
        assert await complaint_matter.lawyers(session, matter) == {place.sun.subject.id: "sun"}
    complaint = await make(place, inmate, matter)
    assert (await opened(place, inmate, complaint)).view.about.reference == question.reference


@pytest.mark.parametrize(
    ("words", "key", "codes"),
    [
        ("Bad.", "a-key-of-mine", {"words-missing"}),
        ("x" * (WORDS_MAX + 1), "a-key-of-mine", {"words-too-long"}),
        ("  ", "short", {"words-missing", "key-invalid"}),
    ],
)
async def test_every_field_is_checked(offices: Offices, words: str, key: str, codes: set[str]) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = await place.ask(inmate)
    with pytest.raises(Refused) as refused:
        await make(place, inmate, Ref("question", question.id), words, key)
    assert {one.code for one in refused.value.reasons} == codes


async def test_one_complaint_waits_at_a_time_and_only_about_ones_own(offices: Offices) -> None:
    place = offices.place
    inmate, other = await place.inmate(), await place.inmate("李四")
    question = Ref("question", (await place.ask(inmate)).id)
    await make(place, inmate, question)
    officer = identity("officer", "off_one", Role.MONITOR, prison_id=place.world.prison_id)
    gone = AtDesk(inmate.inmate_id, inmate.prison_id, inmate.generation + 1, inmate.terminal)
    relative = await place.relative(inmate.inmate_id)
    refusals: list[tuple[Reader, Ref, type[KinbridgeError]]] = [
        (inmate, question, ComplaintOpen),
        (other, question, NotFound),
        (relative.actor, question, NotFound),  # the inmate asked it, not she
        (place.sun, question, Forbidden),
        (officer, question, Forbidden),
        (gone, question, NotYou),
        (inmate, Ref("question", "qst_none"), NotFound),
        (inmate, Ref("booking", "bkg_none"), NotFound),
    ]
    for who, matter, error in refusals:
        with pytest.raises(error):
            await make(place, who, matter)


async def test_a_relative_complains_about_what_she_brought_and_is_told(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    mei = (await place.relative(inmate.inmate_id)).actor
    async with place.db.write() as session:
        case = await cases.by_relative(session, place.means, mei, inmate.inmate_id, application())
    complaint = await make(place, mei, Ref("case", case))
    stranger = (await place.relative(inmate.inmate_id)).actor
    for other in (stranger, inmate, offices.neighbour, place.sun):
        with pytest.raises(NotFound):
            await opened(place, other, complaint)
    with pytest.raises(NotFound):
        await answer(place, offices.clerk, complaint)
    ids = [mei.subject.id]
    async with place.db.write() as session:
        (questions, _) = await erasing.legal_aid(session, place.means, ids)
        assert (questions.erased, questions.kept) == (0, 1)  # it is still being looked into
    await answer(place, offices.judge, complaint)
    async with place.db.write() as session:
        told = await outbox.of(session, mei.subject)
        assert "matter-moved" in {notice.template for notice in told}
        assert [one.id for one in await complaints.made_by(session, mei.subject)] == [complaint]
        (questions, _) = await erasing.legal_aid(session, place.means, ids)
        assert (questions.erased, questions.kept) == (1, 0)
    mine = await opened(place, mei, complaint)
    assert (mine.words, mine.answer) == (ERASED, ERASED)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MONITOR, Role.APPROVER])
async def test_prison_staff_read_no_complaint_and_the_attempt_is_entered(
    offices: Offices, role: Role
) -> None:
    place = offices.place
    inmate = await place.inmate()
    complaint = await make(place, inmate, Ref("question", (await place.ask(inmate)).id))
    kind = "admin" if role is Role.ADMIN else "officer"
    officer = identity(kind, "off_one", role, prison_id=place.world.prison_id)
    for act in (opened(place, officer, complaint), answer(place, officer, complaint)):
        with pytest.raises(Forbidden):
            await act
    assert f"{kind}:complaint:reading-refused" in await tags(place, complaint)


async def test_what_nobody_answers_moves_up(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    inmate = await place.inmate()
    complaint = await make(place, inmate, Ref("question", (await place.ask(inmate)).id))
    async with place.db.write() as session:
        await setup.seat_at_desk(session, ADMIN, place.lin.subject.id, place.bureau)  # above it
    for _ in range(2):  # told in time, then over
        clock.move(days=30)
        await tasks.turn_lights(place.db)
    async with place.db.read() as session:
        light = await clocks.light(session, complaints.matter(complaint))
    assert light is not None
    assert (light.desk, light.level) == ("Bureau", 1)
    await answer(place, place.lin, complaint)


async def test_without_a_bureau_the_centre_takes_it_and_without_both_nobody(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = await place.ask(inmate)
    another = await place.ask(inmate)
    async with place.db.write() as session:
        await session.execute(delete(DeskStaffRow).where(DeskStaffRow.desk_id == offices.justice))
        await session.execute(delete(DeskRow).where(DeskRow.id == offices.justice))
    complaint = await make(place, inmate, Ref("question", question.id))
    assert (await opened(place, offices.clerk, complaint)).view.desk == "Centre"
    async with place.db.write() as session:
        desk = await session.get_one(DeskRow, offices.centre)
        desk.kind = "welfare"
    with pytest.raises(NoComplaintDesk):
        await make(place, inmate, Ref("question", another.id))


async def test_what_was_made_can_be_taken_back_and_made_anew(offices: Offices) -> None:
    place = offices.place
    inmate, other = await place.inmate(), await place.inmate("李四")
    question = Ref("question", (await place.ask(inmate)).id)
    complaint = await make(place, inmate, question)
    for who in (other, offices.judge, officer_of(place)):
        with pytest.raises(NotFound):
            await take_back(place, who, complaint)
    await take_back(place, inmate, complaint)
    for again in (take_back(place, inmate, complaint), answer(place, offices.judge, complaint)):
        with pytest.raises(ComplaintMoved):
            await again
    mine = (await opened(place, inmate, complaint)).view
    assert mine.state is ComplaintState.WITHDRAWN
    assert mine.light is not None
    assert mine.light.state is ClockState.WITHDRAWN
    async with place.db.read() as session:
        assert await complaints.at_desks(session, offices.judge) == []
    assert "inmate:complaint:withdrawn" in await tags(place, complaint)
    assert await make(place, inmate, question) != complaint


async def take_back(place: Place, who: Reader, complaint: str) -> None:
    async with place.db.write() as session:
        await complaints.take_back(session, who, complaint)


def officer_of(place: Place) -> Identity:
    return identity("officer", "off_one", Role.APPROVER, prison_id=place.world.prison_id)


async def test_two_that_are_made_at_the_same_moment_are_one(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = Ref("question", (await place.ask(inmate)).id)
    both = (make(place, inmate, question), make(place, inmate, question))
    made = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["ComplaintOpen", "str"]


async def test_the_database_holds_one_open_complaint_of_one_matter(offices: Offices) -> None:
    """Also for whoever got past the question before."""
    place = offices.place
    inmate = await place.inmate()
    complaint = await make(place, inmate, Ref("question", (await place.ask(inmate)).id))
    async with place.db.read() as session:
        row = await session.get_one(ComplaintRow, complaint)
        values = {column.key: getattr(row, column.key) for column in ComplaintRow.__table__.columns}
    another = {**values, "id": new_id("cmp"), "reference": "another", "make_key": "another"}
    with pytest.raises(IntegrityError):
        async with place.db.write() as session:
            session.add(ComplaintRow(**another))
    async with place.db.write() as session:
        session.add(ComplaintRow(**{**another, "state": ComplaintState.WITHDRAWN}))


async def test_it_is_handed_to_another_bureau_but_not_by_the_lawyer_it_is_about(offices: Offices) -> None:
    place = offices.place
    county, judge = await another(offices, "bureau", "county")
    async with place.db.write() as session:
        await setup.seat_at_desk(session, ADMIN, place.lin.subject.id, offices.justice)
    inmate, case = await with_lawyer(offices, place.lin)
    complaint = await make(place, inmate, case)
    before = (await opened(place, inmate, complaint)).view.light
    with pytest.raises(AboutYou):
        await hand(offices, place.lin, complaints.matter(complaint), county)
    await hand(offices, offices.judge, complaints.matter(complaint), county)
    after = (await opened(place, inmate, complaint)).view
    assert before is not None
    assert after.light is not None
    assert (after.desk, after.light.due_at) == ("bureau of the county", before.due_at)
    with pytest.raises(NotFound):
        await answer(place, offices.judge, complaint)
    assert (await opened(place, offices.judge, complaint)).words == WORDS  # its part stays readable
    await answer(place, judge, complaint)
