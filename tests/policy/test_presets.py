"""What is known of nations and provinces, number by number (rules, sections 2.2 and 7), and what is not."""

from datetime import date
from typing import Any

import pytest

from policy import presets
from policy.model import Layer, PolicyIncomplete, merge
from policy.rulebook import FamilyPolicy, bounds_of, unit_of

# preset, what it states, what a prison there must still state
KNOWN: list[tuple[str, dict[str, Any], set[str]]] = [
    (
        "anhui",
        {
            "visits_per_month": 1, "minutes": 30, "max_visitors": 3, "reply_working_days": 3,
            "exceptions": {"relation-not-listed": ["division", "deputy"], "wing-day": ["division"]},
        },
        {"lead_days"},
    ),
    (
        "guangdong",
        {
            "visits_per_month": 1, "minutes": 25, "most_minutes": 25, "max_visitors": 3, "lead_days": 5,
            "visit_weekdays": [1, 2, 3, 4, 5],
            "allowance_pool": ["onsite-glass", "onsite-open", "remote-office", "remote-phone"],
        },
        {"reply_working_days"},
    ),
    (
        "hunan",
        {
            "reply_working_days": 5,
            "decision_steps": [{"desk": "bureau", "working_days": 3}, {"desk": "reply", "working_days": 2}],
        },
        {"visits_per_month", "minutes", "max_visitors", "lead_days"},
    ),
    (
        "yunnan",
        {"max_visitors": 3, "foreign_inmates": False, "fee": "none", "started_by": ["family", "inmate"]},
        {"visits_per_month", "minutes", "lead_days", "reply_working_days"},
    ),
    (
        "england",
        {
            "visits_per_month": 2, "minutes": 30, "most_minutes": 60, "max_visitors": 4, "lead_age": 18,
            "lead_days": 2, "horizon_days": 28, "hold_minutes": 10, "remand_visits_per_week": 2,
            "appointment_buffer_minutes": 30,
            "grants": {"": {"visits": 2, "every_days": 14, "extra": 1, "extra_every_days": 28}},
        },
        {"reply_working_days"},
    ),
]  # fmt: skip


def layers(name: str) -> list[Layer]:
    preset = presets.load(name)
    wider = layers(preset.parent) if preset.parent else []
    return [*wider, Layer(name, preset.scope_id, 1, preset.values, preset.legal_basis, preset.bounds)]


@pytest.mark.parametrize(("name", "states", "lacks"), KNOWN, ids=[name for name, *_ in KNOWN])
def test_what_a_preset_states_and_what_is_not_known(
    name: str, states: dict[str, Any], lacks: set[str]
) -> None:
    values = presets.load(name).values
    assert {key: values[key] for key in states} == states
    with pytest.raises(PolicyIncomplete) as caught:
        merge(layers(name))
    assert set(str(caught.value.params["missing"]).split(", ")) == lacks


@pytest.mark.parametrize("name", [name for name, *_ in KNOWN])
def test_a_prison_there_completes_it(name: str) -> None:
    rest = {"visits_per_month": 1, "minutes": 25, "max_visitors": 3, "lead_days": 1, "reply_working_days": 5}
    standing = layers(name)
    stated = {key for layer in standing for key in layer.values}
    own = Layer("own", "prs", 1, {key: value for key, value in rest.items() if key not in stated}, ())
    assert merge([*standing, own]).version.endswith("+prs.1")


def test_a_window_that_spans_two_months_gives_one_visit() -> None:
    """Anhui, Spring Festival 2023: 9 January to 10 February count as one period."""
    values = merge([*layers("anhui"), Layer("own", "prs", 1, {"lead_days": 1}, ())]).values
    days = [date(2023, 1, 9), date(2023, 1, 31), date(2023, 2, 10)]
    periods = {values.period_of(day, "").key for day in days}
    assert len(periods) == 1
    assert values.period_of(days[0], "").visits == 1
    assert values.period_of(date(2023, 2, 11), "").key == "2023-02"


def test_every_number_has_a_unit_and_bounds() -> None:
    for name, field in FamilyPolicy.model_fields.items():
        if field.annotation is int:
            assert unit_of(name), name
            assert bounds_of(name) is not None, name


def test_every_basis_names_values_that_are_stated() -> None:
    for name in presets.names():
        preset = presets.load(name)
        for basis in preset.legal_basis:
            assert set(basis.fields) <= set(FamilyPolicy.model_fields), basis.title
