"""Scenarios of the field, restated as data: who may see a time, counting and holding, templates beside each other,
parts that belong together, allowances. F01-F10, F46, F55 and F57 stand in test_timetable, F68 in test_exceptions, F17
in test_changing, F27 in test_holds."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from core.errors import KinbridgeError
from policy.model import FamilyPolicy
from policy.presets import load as load_preset
from policy.rulebook import Channel
from scheduler import capacity, linked, rules
from scheduler.allowance import Line, What, due, worth
from scheduler.audience import Audience, BadAudience, read, stored, whereabouts
from scheduler.linked import BadParts, Part, Piece
from scheduler.overlaps import Sitting, overlap
from scheduler.timetable import Run, WeeklyTemplate
from tests.scheduler.rule_pairs import ADULT, CASE, CHILD, DAY, SLOT, case, inmate, policy, slot

MONDAY = date(2026, 9, 7)

# -- who may see a time


@pytest.mark.parametrize(("level", "seen"), [("enhanced", 2), ("standard", 1), ("", 1)])
def test_f19_times_of_one_level_and_of_all(level: str, seen: int) -> None:
    audiences = [Audience(levels=("enhanced",)), Audience()]
    assert sum(audience.admits("", "", level) for audience in audiences) == seen


@pytest.mark.parametrize(("category", "seen"), [("A exceptional", True), ("B", False)])
def test_f20_times_of_categories(category: str, seen: bool) -> None:
    assert Audience(categories=("A exceptional", "A high")).admits("", category, "") is seen


F21 = (
    Audience(exclude=("T",)),
    Audience(include=("A", "B", "D", "E", "F")),
    Audience(include=("A-1", "A-2", "A-3", "B-1")),
    Audience(include=("A-1-100", "A-2-200", "B-1")),
    Audience(include=("A-1-100-1", "A-2-100-3", "B-1")),
)


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("A-1-100-1", (1, 2, 3, 4, 5)),
        ("A-2-100-3", (1, 2, 3, 5)),
        ("A-2-100-2", (1, 2, 3)),
        ("A-1-100", (1, 2, 3, 4)),
        ("A-1", (1, 2, 3)),
        ("A", (1, 2)),
        ("B", (1, 2)),
        ("B-1-100-1", (1, 2, 3, 4, 5)),
        ("B-1", (1, 2, 3, 4, 5)),
        ("C-100-1", (1,)),
        ("D-100-1", (1, 2)),  # at court: the last cell counts
        ("T/D-100-1", (1, 2)),  # in the temporary wing, which has no times of its own
        ("", ()),
        ("A-10", (1, 2)),  # no landing of A-1
    ],
)
def test_f21_times_by_wing_landing_and_cell(location: str, seen: tuple[int, ...]) -> None:
    where = whereabouts(location, F21)
    assert tuple(n for n, audience in enumerate(F21, 1) if audience.admits(where, "", "")) == seen


def test_f21_a_temporary_wing_with_times_of_its_own_sees_only_those() -> None:
    own = (*F21, Audience(include=("T",)))
    where = whereabouts("T/D-100-1", own)
    assert [n for n, audience in enumerate(own, 1) if audience.admits(where, "", "")] == [6]


@pytest.mark.parametrize("entry", ["", " A", "A--1", "x" * 65])
def test_entries_of_an_audience_are_short_names(entry: str) -> None:
    with pytest.raises(BadAudience):
        Audience(include=(entry,))


def test_nobody_is_both_let_in_and_left_out() -> None:
    with pytest.raises(BadAudience):
        Audience(include=("A-1",), exclude=("A",))


def test_an_audience_is_read_as_it_was_stored() -> None:
    one = Audience(("A",), ("A-1",), ("B",), ("enhanced",), counted=False)
    assert read(stored(one)) == one
    assert stored(Audience()) == ""


# -- the unconvicted, a visit each week as many as their own number says


@pytest.mark.parametrize(
    ("convicted", "booked", "counted", "flagged"),
    [(False, 2, True, True), (False, 1, True, False), (False, 5, False, False), (True, 2, True, False)],
)
def test_f25_a_week_of_the_unconvicted(convicted: bool, booked: int, counted: bool, flagged: bool) -> None:
    one = replace(
        inmate(convicted=convicted), used={"2026-11-30+7": booked}, policy=policy(remand_visits_per_week=2)
    )
    reason = rules.allowance_used(one, slot(audience=Audience(counted=counted)))
    assert (reason is not None and reason.code == "remand-week-used") is flagged


def test_f25_weeks_begin_on_monday() -> None:
    values = policy(remand_visits_per_week=2)
    keys = [values.period_of(MONDAY + timedelta(days=n), "", convicted=False).key for n in range(14)]
    assert [keys.count(key) for key in dict.fromkeys(keys)] == [7, 7]


# -- people of a visit


@pytest.mark.parametrize(
    ("visitors", "values", "codes"),
    [
        ((replace(ADULT, born=date(2009, 12, 5)),), {"require_guardian": False}, {"lead-too-young"}),
        ((ADULT,) * 7, {"max_visitors": 6}, {"too-many-visitors"}),
        ((ADULT,) * 4, {"max_adults": 3, "max_visitors": 6}, {"too-many-adults"}),
        ((), {}, {"visitors-missing"}),
        ((ADULT, CHILD, CHILD), {"max_visitors": 3}, set()),
        ((ADULT,) * 4, {"max_visitors": 3}, {"too-many-visitors"}),  # F70: a fourth relative
    ],
)
def test_f14_f59_f70_who_may_come(visitors: Any, values: dict[str, Any], codes: set[str]) -> None:
    found = rules.refusals(case(visitors=visitors, policy=policy(**values)), SLOT)
    assert {reason.code for reason in found} == codes


def test_f70_a_second_visit_in_a_month_and_a_length_beyond_the_rule() -> None:
    guangdong = FamilyPolicy.model_validate(
        {**load_preset("cn").values, **load_preset("demo").values, **load_preset("guangdong").values}
    )
    second = case(policy=guangdong, used={"2026-12": 1})
    assert "allowance-used" in [reason.code for reason in rules.refusals(second, SLOT)]
    assert min(26, guangdong.length("ordinary")) == 25
    assert guangdong.most_minutes == 25


# -- several capacities


F50 = replace(SLOT, id="s", limits={"adults": 10, "video": 4})


def test_f50_a_video_visit_takes_a_group_and_a_link_and_no_adult() -> None:
    wanted = capacity.demand(F50.limits, (ADULT,) * 3, 3, Channel.REMOTE_PHONE)
    assert wanted == {"video": 1}
    taken = {owner: {number} for owner, number in capacity.units(F50, {}, wanted)}
    assert taken == {"s/video": {1}}


@pytest.mark.parametrize("channel", [Channel.ONSITE_OPEN, None])
def test_f50_a_visit_in_person_or_of_unknown_kind_takes_its_adults(channel: Channel | None) -> None:
    assert capacity.demand(F50.limits, (ADULT,) * 3, 3, channel) == {"adults": 3}


def test_f50_the_last_link_taken_hides_the_time_from_others_and_not_from_its_own() -> None:
    one = replace(SLOT, id="s", limits={"adults": 1, "video": 1})
    other, own = case(used_limits={"s/video": {1}}), case(used_limits={})
    assert rules.limit_reached(other, one) is not None
    assert rules.limit_reached(own, one) is None  # the own visit is left out of what is taken


@pytest.mark.parametrize("limits", [{"adults": -1}, {"beds": 1}, {"terminal-": 1}, {"video": 1001}])
def test_limits_that_are_none(limits: dict[str, int]) -> None:
    with pytest.raises(capacity.BadLimits):
        capacity.check(limits)


@pytest.mark.parametrize(("seats", "free"), [(2, True), (1, True), (0, False), (-1, False)])
def test_f67_what_has_no_capacity_is_full(seats: int, free: bool) -> None:
    assert (rules.full(CASE, slot(capacity=seats)) is None) is free


# -- templates beside each other (F40)


def sitting(
    starts: str = "09:00",
    minutes: int = 60,
    *,
    day: date = MONDAY,
    to: date | None = None,
    weeks: int = 1,
    wing: str | None = None,
    **audience: Any,
) -> Sitting:
    run = Run(time.fromisoformat(starts), minutes, minutes, 1, 1)
    template = WeeklyTemplate("t", day.isoweekday(), run, "Europe/London", day, to, weeks)
    return Sitting(template, wing, Audience(**audience))


WEEK = timedelta(weeks=1)
F40: list[tuple[str, Sitting, bool]] = [
    ("the same", sitting(), True),
    ("an hour that begins inside", sitting("09:30"), True),
    ("one inside the other", sitting("09:15", 30), True),
    ("times that touch after", sitting("10:00"), False),
    ("times that touch before", sitting("08:00"), False),
    ("another weekday", sitting(day=MONDAY + timedelta(days=1)), False),
    ("valid before only", sitting(day=MONDAY - 2 * WEEK, to=MONDAY - timedelta(days=1)), False),
    ("valid till its first day", sitting(day=MONDAY - 2 * WEEK, to=MONDAY), True),
    ("valid later, without end", sitting(day=MONDAY + 9 * WEEK), True),
    ("disjoint wings", sitting(wing="w2"), True),
    ("another place", sitting(include=("B",)), True),
    ("every second week", sitting(weeks=2), True),
]


@pytest.mark.parametrize(("_name", "other", "found"), F40, ids=[name for name, *_ in F40])
def test_f40_time_date_week_and_audience_must_all_meet(_name: str, other: Sitting, found: bool) -> None:
    assert (overlap(sitting(), other) is not None) is found
    assert (overlap(other, sitting()) is not None) is found


F40_AUDIENCES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"include": ("A",)}, {"include": ("B",)}, False),
    ({"include": ("A",)}, {"include": ("A-1",)}, True),
    ({"include": ("A-1",)}, {"include": ("A-10",)}, False),
    ({"include": ("A-1",)}, {"exclude": ("A",)}, False),
    ({"include": ("A",)}, {"exclude": ("A-1",)}, True),
    ({"exclude": ("A",)}, {"exclude": ("B",)}, True),
    ({"levels": ("basic",)}, {"levels": ("enhanced",)}, False),
    ({"levels": ("basic",)}, {}, True),
    ({"categories": ("A",)}, {"categories": ("A", "B")}, True),
    ({"categories": ("A",)}, {"categories": ("B",)}, False),
    ({"levels": ("basic",), "categories": ("A",)}, {"levels": ("basic",), "categories": ("B",)}, False),
    ({"wing": "w1"}, {"wing": "w2"}, False),
    ({"wing": "w1"}, {}, True),
]


@pytest.mark.parametrize(("one", "other", "found"), F40_AUDIENCES)
def test_f40_audiences(one: dict[str, Any], other: dict[str, Any], found: bool) -> None:
    assert (overlap(sitting(**one), sitting(**other)) is not None) is found
    assert (overlap(sitting(**other), sitting(**one)) is not None) is found


@pytest.mark.parametrize(
    ("shift", "weeks", "found"), [(1, 2, False), (2, 2, True), (1, 3, True), (3, 6, False)]
)
def test_f40_alternate_weeks(shift: int, weeks: int, found: bool) -> None:
    other = sitting(day=MONDAY + shift * WEEK, weeks=weeks)
    assert (overlap(sitting(weeks=2), other) is not None) is found


# -- parts that belong together (F48)


def piece(part: str, first: int, minutes: int = 30) -> Piece:
    begin = datetime(2026, 12, 4, 2, tzinfo=UTC) + timedelta(minutes=first)
    return Piece(Part(part), f"slt_{first}", begin, begin + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "pieces",
    [
        [piece("pre", 0)],
        [piece("main", 0), piece("main", 60)],
        [piece("pre", 0), piece("pre", 60), piece("main", 120)],
        [piece("pre", 0, 45), piece("main", 30)],
        [piece("main", 0), piece("pre", 30)],
        [],
    ],
)
def test_f48_parts_that_cannot_belong_together(pieces: list[Piece]) -> None:
    with pytest.raises(BadParts):
        linked.check(pieces)


def test_f48_parts_that_touch_belong_together() -> None:
    pieces = [piece("post", 60), piece("main", 30), piece("pre", 0)]
    assert [one.part for one in linked.check(pieces)] == [Part.PRE, Part.MAIN, Part.POST]


# -- earning visits (F53)

TODAY = date(2026, 11, 21)
F53_GRANT = {"visits": 2, "every_days": 14, "extra": 1, "extra_every_days": 28}


def earned(days_ago: int, *, extra: bool = False, visits: int = 1, expires_in: int = 90) -> Line:
    day = TODAY - timedelta(days=days_ago)
    return Line(
        "i", "balance", What.EARNED, visits, day, extra=extra, expires_on=TODAY + timedelta(days=expires_in)
    )


def used(visits: int = 1) -> Line:
    return Line("i", "balance", What.USED, -visits, TODAY)


def saving(grant: dict[str, int] | None = None, **values: Any) -> FamilyPolicy:
    grants = {"standard": F53_GRANT if grant is None else grant}
    return policy(allowance_span="balance", grants=grants, **values)


@pytest.mark.parametrize(
    ("lines", "grant", "granted"),
    [
        ([], None, [(2, False), (1, True)]),
        ([], {**F53_GRANT, "extra": 0}, [(2, False)]),
        ([earned(14), earned(14, extra=True)], None, [(2, False)]),
        ([earned(10), earned(40, extra=True)], None, []),  # privileged visits ride on a grant
        ([earned(14), earned(28, extra=True)], None, [(2, False), (1, True)]),
    ],
)
def test_f53_what_is_granted(lines: list[Line], grant: Any, granted: list[tuple[int, bool]]) -> None:
    found = due("i", saving(grant), "standard", lines, TODAY)
    assert [(line.visits, line.extra) for line in found] == granted


def test_f53_other_levels_earn_nothing() -> None:
    assert due("i", saving(), "basic", [], TODAY) == []


@pytest.mark.parametrize(
    ("lines", "expired", "balance"),
    [
        ([earned(5, visits=2, expires_in=0)], -2, 0),
        ([earned(5, visits=2, expires_in=1)], 0, 2),
        ([earned(5, visits=2, expires_in=0), used()], -1, 0),
        ([earned(5, visits=2, expires_in=0), earned(3, visits=1), used(2)], 0, 1),  # the oldest go first
        ([used(2)], 0, -2),  # below nothing, by what took place elsewhere
    ],
)
def test_f53_what_is_saved_expires_and_may_lie_below_nothing(
    lines: list[Line], expired: int, balance: int
) -> None:
    gone = due("i", saving(), "basic", lines, TODAY)
    assert sum(line.visits for line in gone) == expired
    assert worth([*lines, *gone]) == balance
    assert due("i", saving(), "basic", [*lines, *gone], TODAY) == []  # nothing expires twice


def test_f53_no_more_is_saved_than_may_be() -> None:
    lines = [earned(20, visits=5)]
    found = due("i", saving(balance_most=6), "standard", lines, TODAY)
    assert [line.visits for line in found] == [1, 0]
    assert due("i", saving(balance_most=6), "standard", [*lines, *found], TODAY) == []


def test_a_day_is_a_day_of_the_period_of_its_span() -> None:
    spans = {
        span: policy(allowance_span=span, visits_per_month=2).period_of(DAY, "ordinary").key
        for span in ("month", "four-weeks", "week", "balance")
    }
    assert spans == {
        "month": "2026-12", "four-weeks": "2026-11-23+28", "week": "2026-11-30+7", "balance": "balance"
    }  # fmt: skip


def test_refusals_of_a_template_are_errors_that_people_read() -> None:
    """F42: what is no template."""
    at = time(9)
    wrong: list[Any] = [
        lambda: Run(at, 0, 60, 1, 1),  # ends when it begins
        lambda: Run(at, 60, 60, 1, 0),
        lambda: Run(at, 60, 60, 1, -3),
        lambda: WeeklyTemplate("t", 1, Run(at, 60, 60, 1, 1), "UTC", MONDAY, MONDAY - timedelta(days=1)),
    ]
    for make in wrong:
        with pytest.raises(KinbridgeError):
            make()
    WeeklyTemplate("t", 1, Run(at, 60, 60, 1, 1), "UTC", MONDAY, None)
