"""Reviews count what histories say: a month's numbers are a year's, seen from closer."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Forbidden, NotFound
from core.ids import Ref
from legalaid import answering, cases, review, reviews, service, tasks
from legalaid.review import Group, Line, Phase, Step
from people.model import Role
from tests.conftest import FakeClock
from tests.legalaid.case_place import Offices
from tests.scheduler.world import identity

ZONE = "Asia/Shanghai"
NOVEMBER = review.span("2026-11", "", date(2026, 11, 21))


@pytest.mark.parametrize(
    ("key", "first", "last", "before", "after"),
    [
        ("2026-11-21", date(2026, 11, 21), date(2026, 11, 21), "2026-11-20", "2026-11-22"),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31), "2026-11", "2027-01"),
        ("2028-02", date(2028, 2, 1), date(2028, 2, 29), "2028-01", "2028-03"),
        ("2026-Q4", date(2026, 10, 1), date(2026, 12, 31), "2026-Q3", "2027-Q1"),
        ("2026-Q1", date(2026, 1, 1), date(2026, 3, 31), "2025-Q4", "2026-Q2"),
    ],
)
def test_a_span_knows_its_days_and_its_neighbours(
    key: str, first: date, last: date, before: str, after: str
) -> None:
    made = review.span(key, "", date(2000, 1, 1))
    assert (made.key, made.first, made.last, made.before, made.after) == (key, first, last, before, after)


@pytest.mark.parametrize(
    ("key", "by", "expected"),
    [
        ("", "day", "2026-11-21"),
        ("", "quarter", "2026-Q4"),
        ("", "year", "2026-11"),
        ("2026-13", "month", "2026-11"),
        ("2026-02-30", "day", "2026-11-21"),
        ("0000-01", "month", "2026-11"),
        ("x" * 50, "month", "2026-11"),
    ],
)
def test_what_is_no_span_is_the_present_one(key: str, by: str, expected: str) -> None:
    assert review.span(key, by, date(2026, 11, 21)).key == expected


DAY0 = datetime(2026, 11, 1, tzinfo=UTC)


def at(day: int) -> datetime:
    return DAY0 + timedelta(days=day)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase("c", "x", at(1), "d", at(2), "done"), {Group.CAME, Group.IN_TIME}),
        (Phase("c", "x", at(1), "d", at(2), "done", late=True), {Group.CAME, Group.LATE}),
        (Phase("c", "x", at(-9), "d", at(2), "withdrawn"), {Group.WITHDRAWN}),
        (Phase("c", "x", at(-9), "d"), {Group.CARRIED}),
        (Phase("c", "x", at(1), "d", at(40), "done"), {Group.CAME, Group.CARRIED}),
        (Phase("c", "x", at(1), "d", handed_up=at(5)), {Group.CAME, Group.CARRIED, Group.OVERDUE}),
        (Phase("c", "x", at(1), "d", handed_up=at(31)), {Group.CAME, Group.CARRIED}),
        (Phase("c", "x", at(31), "d"), set()),
        (Phase("c", "x", at(-5), "d", at(-1), "done"), set()),
    ],
)
def test_where_a_phase_counts(phase: Phase, expected: set[Group]) -> None:
    assert review.groups(phase, at(0), at(30)) == expected


@given(
    st.lists(
        st.tuples(st.integers(-40, 70), st.one_of(st.none(), st.integers(0, 60)), st.booleans()), max_size=20
    )
)
def test_what_came_in_is_solved_taken_back_or_carried_and_months_add_up(
    given_: list[tuple[int, int | None, bool]],
) -> None:
    found = [
        Phase(f"c{n}", "x", at(began), "d", None if took is None else at(began + took), "done", late=late)
        for n, (began, took, late) in enumerate(given_)
    ]

    def count(group: Group, first: int, last: int) -> int:
        return sum(group in review.groups(phase, at(first), at(last)) for phase in found)

    for group in (Group.CAME, Group.IN_TIME, Group.LATE):
        assert count(group, 0, 30) + count(group, 30, 60) == count(group, 0, 60)
    solved = count(Group.IN_TIME, 0, 30) + count(Group.LATE, 0, 30)
    carried_in = sum(phase.began < at(0) and (phase.ended is None or phase.ended >= at(0)) for phase in found)
    assert carried_in + count(Group.CAME, 0, 30) == solved + count(Group.CARRIED, 0, 30)


def test_one_history_is_several_phases() -> None:
    told = [
        ("started", "forward", False),
        ("done", "forward", True),
        ("started", "decide", False),
        ("paused", "decide", False),
        ("escalated", "decide", True),
    ]
    steps = [Step("c", at(n), what, code, late, f"desk {n}") for n, (what, code, late) in enumerate(told)]
    first, second = review.phases([Step("other", at(0), "done", "x", False, "d"), *steps])
    assert (first.code, first.ended, first.late) == ("forward", at(1), True)
    assert (second.code, second.ended, second.handed_up, second.desk) == ("decide", None, at(4), "desk 4")


def test_the_share_in_time_is_of_what_was_solved() -> None:
    counts = dict.fromkeys(Group, 0)
    assert Line("x", counts).percent is None
    assert Line("x", {**counts, Group.IN_TIME: 3, Group.LATE: 1}).percent == 75


async def test_the_numbers_open_into_the_matters_behind_them(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    prison = place.world.prison_id
    inmate = await place.inmate()
    answered = await place.ask(inmate)
    await place.ask(inmate, limitation="2026-11-25")
    case_id = await offices.forwarded(inmate)
    async with place.db.write() as session:
        await answering.write(session, place.means, place.sun, answered.id, "Go to the court.")
        await cases.approve(session, place.means, offices.clerk, case_id)
    for hours in (18, 6):
        clock.move(hours=hours)
        await tasks.turn_lights(place.db)
    async with place.db.read() as session:
        lines = await reviews.summary(session, place.admin, prison, NOVEMBER, ZONE)
        late = await reviews.drill(
            session, place.sun, prison, NOVEMBER, ZONE, "question-urgent", Group.OVERDUE
        )
        decided = await reviews.drill(session, place.admin, prison, NOVEMBER, ZONE, "decide", Group.IN_TIME)
        weeks = await reviews.duty(session, place.admin, prison, NOVEMBER, ZONE)
        december = review.span("2026-12", "", date(2026, 12, 1))
        carried = await reviews.summary(session, place.admin, prison, december, ZONE)
    by_code = {line.code: line.counts for line in lines}
    assert by_code["question"][Group.IN_TIME] == 1
    assert by_code["question-urgent"][Group.OVERDUE] == 1
    assert (by_code["forward"][Group.IN_TIME], by_code["assign"][Group.CARRIED]) == (1, 1)
    assert [one.phase.desk for one in late] == ["Bureau"]
    assert [one.matter for one in decided] == [Ref("case", case_id)]
    assert {line.code for line in carried} == {"question-urgent", "assign"}
    (week,) = weeks
    assert (week.week, week.station) == (date(2026, 11, 16), "Station")
    assert (week.consultations, week.written, week.persons, week.cases) == (1, 1, 1, 1)


async def test_a_turn_counts_once_whatever_was_written_after_it(offices: Offices, clock: FakeClock) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = await place.ask(inmate)
    day = await place.help_day()
    await place.plan(day)
    clock.move(hours=17, minutes=5)
    (turn,) = await place.turns(day)
    lawyer = place.sun if turn.lawyer_id == place.sun.subject.id else place.lin
    async with place.db.write() as session:
        await service.begin(session, lawyer, turn.id)
        await service.done(session, lawyer, turn.id)
        await answering.write(session, place.means, lawyer, question.id, "As we said.")
    async with place.db.read() as session:
        (week,) = await reviews.duty(session, place.admin, place.world.prison_id, NOVEMBER, ZONE)
    assert (week.consultations, week.turns, week.written, week.persons) == (1, 1, 0, 1)


async def test_only_administrators_and_lawyers_of_the_prison_see_numbers(offices: Offices) -> None:
    place = offices.place
    prison = place.world.prison_id
    for actor, error in (
        (identity("officer", "off_1", Role.MONITOR, prison_id=prison), Forbidden),
        (identity("admin", "adm_2", Role.ADMIN, prison_id="prs_other"), NotFound),
    ):
        with pytest.raises(error):
            async with place.db.read() as session:
                await reviews.summary(session, actor, prison, NOVEMBER, ZONE)
