"""A case: one application, one request for papers, letters for each decision, and nobody of the prison reads it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core.errors import Forbidden, NotFound, Refused
from ledger import read
from legalaid import application, case_reading, case_work, cases, clocks, personal, service, tasks
from legalaid.case_file import CaseMoved, NoCentre, matter
from legalaid.case_model import CASE_MOVES, WAY, CaseState, LetterKind, StepState, way
from legalaid.case_tables import CaseRow
from legalaid.case_work import ChangeAsked
from notices import outbox
from people.model import Role
from policy.running import ClockState, SecondSupplement
from tests.conftest import FakeClock
from tests.legalaid.case_place import FACTS, LONG, Offices, form
from tests.legalaid.place import Place
from tests.scheduler.world import identity


async def kinds(offices: Offices, reader: case_reading.Reader, case_id: str) -> list[str]:
    return [letter.kind.value for letter in (await offices.file(reader, case_id)).letters]


async def test_from_the_application_to_the_end_each_desk_by_its_own_clock(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.apply(inmate)
    view = await offices.view(case_id)
    assert view.light is not None
    assert (view.desk, view.light.due_at - clock.now()) == ("Station", timedelta(hours=24))
    async with place.db.write() as session:
        await cases.forward(session, place.means, place.sun, case_id)
    view = await offices.view(case_id)
    assert view.light is not None
    assert view.desk == "Centre"
    assert timedelta(days=7) < view.light.due_at - clock.now() <= timedelta(days=10)
    async with place.db.write() as session:
        await cases.approve(session, place.means, offices.clerk, case_id)
        await case_work.assign(session, place.means, offices.clerk, case_id, place.lin.subject.id)
    view = await offices.view(case_id)
    assert (view.state, view.lawyer, view.desk) == (CaseState.ASSIGNED, "lin", "Station")
    async with place.db.write() as session:
        await case_work.note_progress(
            session, place.means, place.lin, case_id, "The arbitration was asked for."
        )
        await case_work.close(session, place.means, place.lin, case_id, "The wages were paid.")
    file = await offices.file(inmate, case_id)
    assert [letter.number for letter in file.letters] == list(range(1, 7))
    expected = ["application", "forwarded", "approved", "assigned", "progress", "closed"]
    assert [letter.kind.value for letter in file.letters] == expected
    assert file.facts["facts"] == FACTS
    assert file.letters[3].lawyer == "lin"
    async with place.db.read() as session:
        history = await service.history(session, matter(case_id))
        assert await session.scalar(select(func.count()).select_from(CaseRow)) == 1
        assert FACTS.encode() not in (await session.get_one(CaseRow, case_id)).facts_sealed
    done = [step.code for step in history if step.what == "done"]
    assert done == ["forward", "decide", "assign", "progress", "progress"]


async def test_the_same_form_twice_is_one_case(offices: Offices) -> None:
    inmate = await offices.place.inmate()
    twice = form()
    async with offices.place.db.write() as session:
        first = await cases.by_inmate(session, offices.place.means, inmate, twice)
        assert await cases.by_inmate(session, offices.place.means, inmate, twice) == first


async def test_papers_are_asked_for_once_and_the_clock_stands(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.forwarded(inmate)
    with pytest.raises(Refused) as refused:
        async with place.db.write() as session:
            await cases.ask_papers(session, place.means, offices.clerk, case_id, "x", 0)
    assert {r.code for r in refused.value.reasons} == {"words-missing", "days-invalid"}
    async with place.db.write() as session:
        await cases.ask_papers(
            session, place.means, offices.clerk, case_id, "The contract and the payslips.", 15
        )
    clock.move(days=10)
    assert await tasks.turn_lights(place.db) == 0  # it stands
    async with place.db.write() as session:
        await cases.supply(session, place.means, inmate, case_id, "The contract; there were no payslips.")
    with pytest.raises(SecondSupplement):
        async with place.db.write() as session:
            await cases.ask_papers(
                session, place.means, offices.clerk, case_id, "And a photograph of the place.", 15
            )
    assert (await offices.view(case_id)).state is CaseState.FORWARDED
    async with place.db.read() as session:
        offered = await case_reading.acts(session, offices.clerk, await case_reading.view(session, case_id))
    assert offered == ["approve", "refuse"]


async def test_papers_that_do_not_come_count_as_taken_back_and_a_letter_says_so(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.forwarded(inmate)
    async with place.db.write() as session:
        await cases.ask_papers(session, place.means, offices.clerk, case_id, "The contract, please.", 5)
    clock.move(days=5)
    assert await tasks.lapse(place.db, place.means) == 0  # the last day is theirs
    clock.move(days=1)
    assert await tasks.lapse(place.db, place.means) == 1
    assert await tasks.lapse(place.db, place.means) == 0
    view = await offices.view(case_id)
    assert view.state is CaseState.WITHDRAWN
    assert view.light is not None
    assert view.light.state is ClockState.WITHDRAWN
    assert (await kinds(offices, inmate, case_id))[-1] == "lapsed"


async def test_a_refusal_has_reasons_an_objection_and_its_decision(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.forwarded(inmate)
    with pytest.raises(Refused):
        async with place.db.write() as session:
            await cases.refuse(session, place.means, offices.clerk, case_id, "no")
    async with place.db.write() as session:
        await cases.refuse(session, place.means, offices.clerk, case_id, LONG)
    async with place.db.write() as session:
        await case_work.object_to(session, place.means, inmate, case_id, LONG)
    view = await offices.view(case_id)
    assert view.desk == "Justice"
    assert view.light is not None
    assert timedelta(days=5) < view.light.due_at - clock.now() <= timedelta(days=8)
    with pytest.raises(NotFound):  # the centre does not judge itself
        async with place.db.write() as session:
            await case_work.decide_objection(
                session, place.means, offices.clerk, case_id, granted=False, words=LONG
            )
    async with place.db.write() as session:
        await case_work.decide_objection(
            session, place.means, offices.judge, case_id, granted=True, words=LONG
        )
    view = await offices.view(case_id)
    assert (view.state, view.desk) == (CaseState.APPROVED, "Centre")
    assert (await kinds(offices, inmate, case_id))[-3:] == ["refused", "objection", "granted"]


async def test_an_objection_that_fails_is_the_end(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.forwarded(inmate)
    async with place.db.write() as session:
        await cases.refuse(session, place.means, offices.clerk, case_id, LONG)
        await case_work.object_to(session, place.means, inmate, case_id, LONG)
        await case_work.decide_objection(
            session, place.means, offices.judge, case_id, granted=False, words=LONG
        )
    assert (await offices.view(case_id)).state is CaseState.UPHELD
    with pytest.raises(CaseMoved):
        async with place.db.write() as session:
            await case_work.object_to(session, place.means, inmate, case_id, LONG)


async def test_another_lawyer_is_asked_for_and_the_answer_is_the_centres(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.approved(inmate)
    async with place.db.write() as session:
        await case_work.assign(session, place.means, offices.clerk, case_id, place.lin.subject.id)
        await case_work.ask_change(
            session, place.means, inmate, case_id, "He never came although he promised."
        )
    view = await offices.view(case_id)
    assert view.change_asked
    assert view.desk == "Centre"
    with pytest.raises(ChangeAsked):
        async with place.db.write() as session:
            await case_work.ask_change(session, place.means, inmate, case_id, "He never came, I said.")
    with pytest.raises(NotFound):  # not by the colleague at the same station
        async with place.db.write() as session:
            await case_work.decide_change(session, place.means, place.lin, case_id, "", LONG)
    with pytest.raises(CaseMoved):
        async with place.db.write() as session:
            await case_work.close(session, place.means, place.lin, case_id, "It is over, I think.")
    async with place.db.write() as session:
        await case_work.decide_change(session, place.means, offices.clerk, case_id, "", LONG)
        await case_work.ask_change(session, place.means, inmate, case_id, "He still has not come here.")
        await case_work.decide_change(session, place.means, offices.clerk, case_id, place.sun.subject.id, "")
    view = await offices.view(case_id)
    assert (view.lawyer, view.change_asked, view.desk) == ("sun", False, "Station")
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await case_work.note_progress(session, place.means, place.lin, case_id, LONG)


async def test_no_lawyer_with_a_conflict_of_interest_is_named(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.approved(inmate)
    async with place.db.write() as session:
        await service.declare_conflict(session, place.lin, inmate.inmate_id)
    for lawyer, code in ((place.lin.subject.id, "lawyer_id-conflict"), ("nobody", "lawyer_id-missing")):
        with pytest.raises(Refused) as refused:
            async with place.db.write() as session:
                await case_work.assign(session, place.means, offices.clerk, case_id, lawyer)
        assert refused.value.reasons[0].code == code


async def test_aid_that_is_ended_can_be_objected_to(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.approved(inmate)
    async with place.db.write() as session:
        await case_work.assign(session, place.means, offices.clerk, case_id, place.sun.subject.id)
    with pytest.raises(CaseMoved):  # the lawyer's station may not end it
        async with place.db.write() as session:
            await case_work.terminate(session, place.means, place.sun, case_id, LONG)
    async with place.db.write() as session:
        await case_work.terminate(session, place.means, offices.clerk, case_id, LONG)
        await case_work.object_to(session, place.means, inmate, case_id, LONG)
        await case_work.decide_objection(
            session, place.means, offices.judge, case_id, granted=True, words=LONG
        )
        await case_work.assign(session, place.means, offices.clerk, case_id, place.sun.subject.id)
    assert (await offices.view(case_id)).state is CaseState.ASSIGNED


async def test_what_the_centre_lets_pass_the_desk_above_decides(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.forwarded(inmate)
    clock.move(days=11)
    for _ in range(3):
        await tasks.turn_lights(place.db)
        clock.move(minutes=20)
    view = await offices.view(case_id)
    assert view.light is not None
    assert (view.desk, view.light.level) == ("Bureau", 1)
    async with place.db.write() as session:  # late, and still the centre's to decide
        await cases.approve(session, place.means, offices.clerk, case_id)
    view = await offices.view(case_id)
    assert view.light is not None
    assert (view.desk, view.light.level) == ("Centre", 0)
    async with place.db.read() as session:
        row = await clocks.of_matter(session, matter(case_id))
        assert row is not None
        assert row.red_at is None  # the next promise is not broken yet


async def test_a_relative_applies_and_sees_how_it_stands_and_the_inmate_too(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    family = await place.relative(inmate.inmate_id)
    async with place.db.write() as session:
        case_id = await cases.by_relative(session, place.means, family.actor, inmate.inmate_id, form())
        await cases.forward(session, place.means, place.sun, case_id)
    assert (await offices.file(family.actor, case_id)).view.desk == "Centre"
    assert (await offices.file(inmate, case_id)).facts["facts"] == FACTS
    async with place.db.read() as session:
        told = await outbox.of(session, family.actor.subject)
    assert [notice.template for notice in told] == ["matter-moved"]
    stranger = await place.relative((await place.inmate("李四")).inmate_id)
    with pytest.raises(NotFound):
        await offices.file(stranger.actor, case_id)
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await cases.by_relative(session, place.means, stranger.actor, inmate.inmate_id, form())
    async with place.db.write() as session:
        await cases.withdraw(session, place.means, family.actor, case_id)
    with pytest.raises(CaseMoved):
        async with place.db.write() as session:
            await cases.approve(session, place.means, offices.clerk, case_id)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MONITOR, Role.APPROVER])
async def test_prison_staff_read_no_case_and_the_attempt_is_entered(offices: Offices, role: Role) -> None:
    place = offices.place
    case_id = await offices.apply(await place.inmate())
    kind = "admin" if role is Role.ADMIN else "officer"
    officer = identity(kind, "off_one", role, prison_id=place.world.prison_id)
    with pytest.raises(Forbidden):
        await offices.file(officer, case_id)
    with pytest.raises(Forbidden):
        async with place.db.write() as session:
            await cases.approve(session, place.means, officer, case_id)
    async with place.db.read() as session:
        entries = await read.latest(session, limit=5)
    assert f"{kind}:case:reading-refused" in {entry.tag for entry in entries}


async def test_desks_that_never_held_it_read_nothing_and_decide_nothing(offices: Offices) -> None:
    place = offices.place
    case_id = await offices.apply(await place.inmate())
    with pytest.raises(NotFound):
        await offices.file(offices.judge, case_id)
    for act in (cases.forward, cases.approve):
        with pytest.raises(NotFound):
            async with place.db.write() as session:
                await act(session, place.means, offices.clerk, case_id)


async def test_from_a_consultation_in_one_step(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = await place.ask(inmate, "work")
    async with place.db.write() as session:
        case_id = await cases.by_lawyer(session, place.means, place.sun, form(question_id=question.id))
    assert (await offices.file(inmate, case_id)).view.question_id == question.id
    another = await place.ask(await place.inmate("李四"))
    with pytest.raises(Refused):
        await offices.apply(inmate, question_id=another.id)


async def test_a_code_that_was_taken_away_shuts_the_file(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.apply(inmate)
    async with place.db.write() as session:
        await personal.reset(session, place.admin, inmate.prison_id, inmate.inmate_id)
    with pytest.raises(NotFound):
        await offices.file(inmate, case_id)


async def test_without_a_centre_people_are_told_whom_to_call(here: Place) -> None:
    inmate = await here.inmate()
    with pytest.raises(NoCentre):
        async with here.db.write() as session:
            await cases.by_inmate(session, here.means, inmate, form())


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({}, set()),
        ({"exemption": ""}, {"household-missing", "income-missing", "commitment-missing"}),
        ({"exemption": "", "household": "4", "income": "0", "commitment": True}, set()),
        (
            {"exemption": "", "household": "0", "income": "-5", "commitment": True},
            {"household-missing", "income-missing"},
        ),
        ({"exemption": "rich"}, {"exemption-invalid"}),
        ({"topic": "", "facts": " ", "goal": ""}, {"topic-missing", "facts-missing", "goal-missing"}),
        ({"facts": "x" * 2001, "beneficiary": "x" * 61}, {"facts-too-long", "beneficiary-too-long"}),
        ({"relation": "neighbour", "venue": ""}, {"relation-invalid", "venue-missing"}),
        ({"against": "x" * 121}, {"against-too-long"}),
        ({"key": "x"}, {"key-invalid"}),
    ],
)
def test_every_field_of_the_application_is_checked(given: dict[str, Any], codes: set[str]) -> None:
    assert {reason.code for reason in application.problems(form(**given))} == codes


def test_means_that_are_not_looked_at_are_not_kept() -> None:
    kept = application.unpacked(application.packed(form(household="4", income="900", commitment=True)))
    assert (kept["household"], kept["income"], kept["commitment"]) == ("", "", False)


@pytest.mark.parametrize("state", list(CaseState))
def test_every_state_has_its_way(state: CaseState) -> None:
    steps = way(state)
    if steps:
        assert len(steps) == len(WAY)
        assert sum(stands is StepState.NOW for _, stands in steps) == (state is not CaseState.CLOSED)
    else:
        assert state in {CaseState.REFUSED, CaseState.TERMINATED, CaseState.UPHELD, CaseState.WITHDRAWN}


def test_every_state_but_the_first_is_reached_and_every_letter_has_its_heading() -> None:
    from legalaid.case_wording import CASE_NEXT, CASE_STATES, LETTERS

    assert {state for state, before in CASE_MOVES.items() if not before} == {CaseState.APPLIED}
    assert set(CASE_STATES) == set(CASE_NEXT) == set(CaseState)
    assert set(LETTERS) == set(LetterKind)
