"""What a prison's rules are: one frozen object of typed values, merged from scopes. Pure.

Nation, province, prison and ward each state what they decide; the lower one wins, value by value. A value
that nobody states is an error, never a default: no number of this field can be assumed (rules, finding 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import Malformed, Unavailable


class Scope(StrEnum):
    """From the widest to the narrowest."""

    NATION = "nation"
    PROVINCE = "province"
    PRISON = "prison"
    WARD = "ward"


class LeadUnit(StrEnum):
    """How `lead_days` is counted: whole days that lie between today and the visit."""

    DAYS = "days"
    WORKING_DAYS = "working-days"
    SAME_DAY = "same-day"  # no whole day: whatever has not begun yet can be booked


class PolicyIncomplete(Unavailable):
    code = "policy-incomplete"
    text = "The rules of this prison are not complete yet ({missing}). Please tell the prison."


class PolicyUnknown(Unavailable):
    code = "policy-missing"
    text = "The rules of this prison are not set up yet. Please tell the prison."


class BadPolicy(Malformed):
    code = "bad-policy"
    text = "These rules cannot be used: {problem}."
    status = 422


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AllowanceWindow(_Frozen):
    """Days that count as one period of their own, whatever months they touch (Spring Festival)."""

    first: date
    last: date
    visits: int = Field(ge=0)


@dataclass(frozen=True, slots=True)
class Period:
    """Days that share one allowance. `key` names them, `last` is the last of them."""

    key: str
    visits: int
    last: date


class FamilyPolicy(_Frozen):
    """The rules of family visits. Minutes unless the name tells another unit."""

    # allowance
    visits_per_month: int = Field(ge=0)  # of the month in which the visit lies; all channels together
    visits_by_level: Mapping[str, int]  # treatment levels that differ; 0: no visits
    allowance_windows: tuple[AllowanceWindow, ...]
    # time
    minutes: int = Field(ge=5, le=240)
    turnaround_minutes: int = Field(ge=0, le=120)
    early_minutes: int = Field(ge=0, le=120)  # how long before its time the lobby opens
    late_cutoff_minutes: int = Field(ge=1)  # who is not there by then has not come
    reconnect_window_s: int = Field(ge=10, le=600)
    monitor_absent_end_minutes: int = Field(ge=1)
    pause_end_minutes: int = Field(ge=1)
    # people
    max_visitors: int = Field(ge=1, le=10)
    adult_age: int = Field(ge=5, le=21)  # years; 5 to 18 occur (rules N12)
    child_counts_below: int = Field(ge=0)  # children younger than this are not counted; 0: all are
    require_guardian: bool  # minors come with an adult only
    # booking
    lead_days: int = Field(ge=0)
    lead_unit: LeadUnit
    horizon_days: int = Field(ge=1, le=366)
    hold_minutes: int = Field(ge=1, le=60)
    late_booking_minutes: int = Field(ge=0, le=30)  # how long after its start a time may still be taken
    visit_weekdays: tuple[int, ...]  # ISO weekdays on which this ward has visits; 1 is Monday
    # decision
    calendar: str  # a name of policy/calendars
    reply_working_days: int = Field(ge=0)
    office_closes: time  # wall time at which a reply day ends
    # supervision
    record_while_paused: bool
    video_codec: Literal["vp8", "h264"]  # where every device of a call can do it; otherwise VP8
    warnings: tuple[str, ...]  # codes of rooms.words
    reasons: tuple[str, ...]  # codes of rooms.words: why an officer ends a call
    refusal_reasons: tuple[str, ...]  # codes of policy.wording, as are the next two
    cancel_reasons: tuple[str, ...]
    # people-facing
    reminder_minutes: tuple[Literal[1440, 120, 15], ...]  # before the visit; each has its text
    cautions: tuple[str, ...]

    def allowance(self, level: str) -> int:
        """Visits in a month for an inmate of this treatment level."""
        return self.visits_by_level.get(level, self.visits_per_month)

    def period_of(self, day: date, level: str) -> Period:
        """The period in which a visit on `day` counts: the month of the visit, or a special window."""
        limit = self.allowance(level)
        for window in self.allowance_windows:
            if window.first <= day <= window.last:
                return Period(f"{window.first}..{window.last}", min(window.visits, limit), window.last)
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return Period(f"{day:%Y-%m}", limit, following - timedelta(days=1))


class LegalBasis(_Frozen):
    """On what a value rests. `seen`: how well its text is known; nothing but `text` is printed as law."""

    title: str
    says: str
    seen: Literal["text", "secondary", "own"]  # the text itself; a report of it; a choice of this product


@dataclass(frozen=True, slots=True)
class Layer:
    """What one scope states, in one version."""

    id: str
    scope_id: str
    version: int
    values: Mapping[str, Any]
    legal_basis: tuple[LegalBasis, ...]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The merged rules of a prison or ward. `version` names every layer and is kept with each booking."""

    id: str
    version: str
    values: FamilyPolicy
    legal_basis: tuple[LegalBasis, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A version of one scope's rules as administrators see it. In force from `valid_from` once approved."""

    layer: Layer
    valid_from: datetime
    valid_to: datetime | None
    drafted_by: str
    approved_by: str | None


def check(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a scope states, in JSON form; raises `BadPolicy` naming every unknown or wrong value."""
    problems, clean = [], {}
    for name, value in values.items():
        field = FamilyPolicy.model_fields.get(name)
        if field is None:
            problems.append(f"{name} is not known")
            continue
        constrained: Any = Annotated[field.annotation, field]
        adapter: TypeAdapter[Any] = TypeAdapter(constrained)
        try:
            clean[name] = adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValidationError as error:
            problems.append(f"{name}: {error.errors()[0]['msg']}")
    if problems:
        raise BadPolicy(problem="; ".join(problems))
    return clean


def merge(layers: Sequence[Layer]) -> PolicySet:
    """`layers` from the widest scope to the narrowest. Raises `PolicyIncomplete` naming what is missing."""
    if not layers:
        raise PolicyUnknown
    values: dict[str, Any] = {}
    for layer in layers:
        values.update(layer.values)
    missing = [name for name in FamilyPolicy.model_fields if name not in values]
    if missing:
        raise PolicyIncomplete(missing=", ".join(missing))
    return PolicySet(
        id="+".join(layer.id for layer in layers),
        version="+".join(f"{layer.scope_id}.{layer.version}" for layer in layers),
        values=FamilyPolicy.model_validate(values),
        legal_basis=tuple(basis for layer in layers for basis in layer.legal_basis),
    )
