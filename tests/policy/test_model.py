"""Rules merge by scope; a missing value is an error; periods and allowances."""

from datetime import date, time
from typing import Any

import pytest
from pydantic import ValidationError

from core.errors import Misconfigured
from policy import model, presets, wording
from policy.bounds import Bound
from policy.model import BadPolicy, FamilyPolicy, Layer, Period, PolicyIncomplete, PolicyUnknown

WHOLE = {**presets.load("cn").values, **presets.load("demo").values}


def layer(scope: str, version: int = 1, **values: Any) -> Layer:
    return Layer(f"pol_{scope}", scope, version, values, ())


def test_the_narrower_scope_wins_value_by_value() -> None:
    merged = model.merge(
        [
            Layer("pol_n", "CN", 3, WHOLE, ()),
            layer("prs", 7, minutes=25, max_visitors=2),
            layer("wng", 1, max_visitors=1),
        ]
    )
    assert (merged.values.minutes, merged.values.max_visitors) == (25, 1)
    assert merged.values.hold_minutes == 10
    assert merged.version == "CN.3+prs.7+wng.1"


def test_a_missing_value_is_an_error_that_names_it() -> None:
    lacking = {name: value for name, value in WHOLE.items() if name not in ("minutes", "lead_days")}
    with pytest.raises(PolicyIncomplete) as caught:
        model.merge([Layer("pol_n", "CN", 1, lacking, ())])
    assert caught.value.params == {"missing": "minutes, lead_days"}


def test_rules_approved_before_a_value_existed_mean_what_they_meant() -> None:
    later = (
        "record_while_muted",
        "most_kbit_s",
        "reason_told_to",
        "watch_pictures",
        "monitor_page_s",
        "calls_at_once",
        "relisten_days",
        "relisten_days_by_level",
        "relisten_risk_days",
        "relisten_share_percent",
        "make_good_percent",
        "quiet_from",
        "quiet_to",
    )
    before = {name: value for name, value in WHOLE.items() if name not in later}
    values = model.merge([Layer("pol_n", "CN", 1, before, ())]).values
    assert (values.record_while_muted, values.most_kbit_s) == (True, 1500)
    assert values.reason_told_to == ("family", "inmate")
    assert (values.relisten_days, values.relisten_risk_days, values.relisten_share_percent) == (7, 2, 10)
    assert (values.watch_pictures, values.make_good_percent) == ("off", 50)
    assert (values.quiet_from, values.quiet_to) == (time(21), time(8))
    assert (values.monitor_page_s, values.calls_at_once, values.relisten_days_by_level) == (20, 16, {})
    assert [name for name, field in FamilyPolicy.model_fields.items() if not field.is_required()] == [*later]


def test_no_rules_at_all_are_another_error() -> None:
    with pytest.raises(PolicyUnknown):
        model.merge([])


@pytest.mark.parametrize(
    "values",
    [
        {"minuts": 30},
        {"minutes": "half an hour"},
        {"minutes": 3},
        {"hold_minutes": 0},
        {"most_kbit_s": 299},
        {"most_kbit_s": 1501},
        {"record_while_muted": "at times"},
        {"lead_unit": "fortnights"},
        {"visits_by_level": {"strict": "none"}},
        {"reminder_minutes": [30]},
        {"office_closes": "25:00"},
        {"release_time": "08:00Z"},  # could not be compared with the prison's clocks
        {"quiet_from": "21:00:30"},
        {"confidentiality": "unmonitored"},  # a family visit is never anything but monitored
        {"recording": "forbidden"},
        {"face_check": "optional"},
        {"fee": "per-minute"},
    ],
)
def test_unknown_and_wrong_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(BadPolicy) as caught:
        model.check({**values, "max_visitors": 3})
    assert next(iter(values)) in str(caught.value)


def test_what_is_checked_can_be_stored_and_read_again() -> None:
    stored = model.check(WHOLE)
    assert stored["office_closes"] == "18:00:00"
    assert FamilyPolicy.model_validate(stored) == FamilyPolicy.model_validate(WHOLE)


def test_rules_are_frozen() -> None:
    rules = FamilyPolicy.model_validate(WHOLE)
    with pytest.raises(ValidationError):
        rules.minutes = 60


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2027, 1, 31), Period("2027-01", 2, date(2027, 1, 31))),
        (date(2027, 2, 1), Period("2027-02", 2, date(2027, 2, 28))),
        (date(2026, 12, 31), Period("2026-12", 2, date(2026, 12, 31))),
        (date(2028, 2, 29), Period("2028-02", 2, date(2028, 2, 29))),
    ],
)
def test_the_period_is_the_month_of_the_visit(day: date, expected: Period) -> None:
    rules = FamilyPolicy.model_validate({**WHOLE, "visits_per_month": 2})
    assert rules.period_of(day, "ordinary") == expected


def test_a_window_never_gives_more_than_the_level() -> None:
    window = {"first": date(2027, 1, 9), "last": date(2027, 2, 10), "visits": 2}
    rules = FamilyPolicy.model_validate(
        {**WHOLE, "visits_per_month": 3, "visits_by_level": {"strict": 0}, "allowance_windows": [window]}
    )
    assert rules.period_of(date(2027, 2, 10), "ordinary").visits == 2
    assert rules.period_of(date(2027, 2, 11), "ordinary").visits == 3
    assert rules.period_of(date(2027, 2, 10), "strict").visits == 0


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_reads_and_leads_to_a_nation(name: str) -> None:
    preset = presets.load(name)
    assert preset.legal_basis
    while preset.parent is not None:
        preset = presets.load(preset.parent)
    assert preset.scope is model.Scope.NATION


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("demo", set()),
        ("anhui", {"lead_days"}),
        ("guangdong", {"reply_working_days"}),
        ("hunan", {"visits_per_month", "minutes", "max_visitors", "lead_days"}),
        ("yunnan", {"visits_per_month", "minutes", "lead_days", "reply_working_days"}),
        ("england", {"reply_working_days"}),
        ("cn", {"visits_per_month", "minutes", "max_visitors", "lead_days", "reply_working_days"}),
    ],
)
def test_what_a_preset_does_not_know_is_left_to_the_prison(name: str, missing: set[str]) -> None:
    preset = presets.load(name)
    values = dict(preset.values)
    if preset.parent is not None:
        values = {**presets.load(preset.parent).values, **values}
    assert set(FamilyPolicy.model_fields) - set(values) == missing


@pytest.mark.parametrize("name", ["none", "../cn", ""])
def test_an_unknown_preset_is_misconfigured(name: str) -> None:
    with pytest.raises(Misconfigured):
        presets.load(name)


def test_every_code_has_its_sentence() -> None:
    for name in presets.names():
        for field, known in wording.KNOWN.items():
            assert set(presets.load(name).values.get(field, ())) <= set(known)


@pytest.mark.parametrize(
    "values",
    [
        {"minutes": 30, "most_minutes": 25},
        {"minutes_by_level": {"lenient": 90}, "most_minutes": 60},
        {"suspension_least_days": 40, "suspension_most_days": 30},
        {"decision_steps": [{"desk": "bureau", "working_days": 1}]},
        {"decision_steps": [{"desk": "reply", "working_days": 1}, {"desk": "prison", "working_days": 2}]},
        {"decision_steps": [{"desk": "prison", "working_days": 1}, {"desk": "prison", "working_days": 2}]},
        {"exceptions": {"slot-full": ["warden"]}},
        {"quiet_from": "07:00"},  # before they end
    ],
)
def test_values_that_contradict_each_other(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="contradict each other"):
        FamilyPolicy.model_validate({**WHOLE, **values})


def test_what_was_approved_in_other_words_means_what_was_done() -> None:
    """These steered nothing; who stated them otherwise had monitored, recorded visits all the same."""
    old = {**WHOLE, "confidentiality": "officer-present", "recording": "forbidden", "face_check": "optional"}
    rules = FamilyPolicy.model_validate(old)
    assert (rules.confidentiality, rules.recording, rules.face_check) == ("monitored", "required", "off")


def test_more_papers_are_asked_for_once_at_most() -> None:
    """More could be stated while this steered nothing; now it is an error."""
    assert [FamilyPolicy.model_validate({**WHOLE, "supplements": n}).supplements for n in range(4)] == [
        0,
        1,
        1,
        1,
    ]
    with pytest.raises(BadPolicy):
        model.check({"supplements": 2})


@pytest.mark.parametrize(
    ("bound", "value", "fine"),
    [
        ({"holds": ["monitor"]}, ["monitor", "recorder"], True),
        ({"holds": ["monitor"]}, ["recorder"], False),
        ({"holds": ["monitor"], "among": ["monitor"]}, ["monitor", "recorder"], False),
        ({"among": ["monitor"]}, [], True),
        ({"least": 2, "most": 4}, {"strict": 1}, False),
        ({"least": 2, "most": 4}, 4, True),
    ],
)
def test_a_bound_of_a_wider_scope(bound: dict[str, Any], value: Any, fine: bool) -> None:
    assert Bound.model_validate(bound).allows(value) is fine
