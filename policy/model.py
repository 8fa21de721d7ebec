"""What a prison's rules are: one frozen object of typed values, merged from scopes. Pure.

Nation, province, prison and ward each state what they decide; the lower one wins, value by value. A value
that nobody states is an error, never a default: no number of this field can be assumed (rules, finding 1).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from core.errors import Malformed, Reason, Unavailable
from policy.bounds import contradictions
from policy.rulebook import AllowanceWindow, FamilyPolicy, LeadUnit, Period, as_approved, bounds_of

__all__ = [
    "AllowanceWindow",
    "BadPolicy",
    "Draft",
    "FamilyPolicy",
    "Layer",
    "LeadUnit",
    "LegalBasis",
    "Period",
    "PolicyIncomplete",
    "PolicySet",
    "PolicyUnknown",
    "Scope",
    "check",
    "check_bounds",
    "merge",
]


class Scope(StrEnum):
    """From the widest to the narrowest."""

    NATION = "nation"
    PROVINCE = "province"
    PRISON = "prison"
    WARD = "ward"


class PolicyIncomplete(Unavailable):
    code = "policy-incomplete"
    text = "The rules of this prison are not complete yet ({missing}). Please tell the prison."


class PolicyUnknown(Unavailable):
    code = "policy-missing"
    text = "The rules of this prison are not set up yet. Please tell the prison."


class BadPolicy(Malformed):
    """`problem`: for logs and the command line; `reasons`: the same for people, each with its `field`, as far as it is
    one value's."""

    code = "bad-policy"
    text = "These rules cannot be used: {problem}."
    status = 422

    def __init__(self, *, problem: str, reasons: Sequence[Reason] = ()) -> None:
        super().__init__(problem=problem)
        self.reasons = tuple(reasons)


_OUT_OF_RANGE = Reason("value-out-of-range", "This must lie between {least} and {most}.")
_UNUSABLE = Reason("value-unusable", "This value cannot be used.")
_NOT_TOGETHER = Reason("values-contradict", "This does not hold together with another value of the rules.")


class LegalBasis(BaseModel):
    """On what values rest. `seen`: how well its text is known; nothing but `text` is printed as law. `fields`: the
    values that rest on it; none named: it stands for the set as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    says: str
    seen: Literal["text", "secondary", "own"]  # the text itself; a report of it; a choice of this product
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """What one scope states, in one version."""

    id: str
    scope_id: str
    version: int
    values: Mapping[str, Any]
    legal_basis: tuple[LegalBasis, ...]
    bounds: Mapping[str, Any] = field(default_factory=dict)  # field -> `bounds.Bound`, for narrower scopes


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
    dropped: bool = False

    @property
    def open(self) -> bool:
        """Whether it waits for a second person."""
        return self.approved_by is None and not self.dropped


def check(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a scope states, in JSON form; raises `BadPolicy` naming every unknown or wrong value."""
    problems, reasons, clean = [], [], {}
    for name, value in values.items():
        known = FamilyPolicy.model_fields.get(name)
        if known is None:
            problems.append(f"{name} is not known")
            continue
        constrained: Any = Annotated[known.annotation, known]
        adapter: TypeAdapter[Any] = TypeAdapter(constrained)
        try:
            clean[name] = adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValidationError as error:
            problems.append(f"{name}: {error.errors()[0]['msg']}")
            reasons.append(_why_not(name))
    if problems:
        raise BadPolicy(problem="; ".join(problems), reasons=reasons)
    return clean


def _why_not(name: str) -> Reason:
    limits = bounds_of(name)
    if limits is None:
        return replace(_UNUSABLE, params={"field": name})
    return replace(_OUT_OF_RANGE, params={"field": name, "least": limits[0], "most": limits[1]})


def merge(layers: Sequence[Layer]) -> PolicySet:
    """`layers` from the widest scope to the narrowest.

    Raises `PolicyIncomplete` naming what is missing, `BadPolicy` where a scope goes beyond a wider one's bounds or
    values of several scopes cannot hold together.
    """
    if not layers:
        raise PolicyUnknown
    values = as_approved(_overlaid(layers))
    check_bounds(layers)
    missing = [
        name
        for name, field in FamilyPolicy.model_fields.items()
        if field.is_required() and name not in values
    ]
    if missing:
        raise PolicyIncomplete(missing=", ".join(missing))
    try:
        merged = FamilyPolicy.model_validate(values)
    except ValidationError as error:
        problem = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        apart = [name for name in re.findall(r"\w+", problem) if name in FamilyPolicy.model_fields]
        reasons = [replace(_NOT_TOGETHER, params={"field": name}) for name in dict.fromkeys(apart)]
        raise BadPolicy(problem=problem, reasons=reasons) from error
    return PolicySet(
        id="+".join(layer.id for layer in layers),
        version="+".join(f"{layer.scope_id}.{layer.version}" for layer in layers),
        values=merged,
        legal_basis=tuple(basis for layer in layers for basis in layer.legal_basis),
    )


def _overlaid(layers: Sequence[Layer]) -> dict[str, Any]:
    return {name: value for layer in layers for name, value in layer.values.items()}


def unfinished(layers: Sequence[Layer]) -> dict[str, Any]:
    """What the scopes state, and what holds where nobody states anything, in JSON form: what a form begins with while
    the rules are incomplete or cannot be used."""
    supposed = FamilyPolicy.model_construct().model_dump(mode="json", warnings=False)
    return {**supposed, **as_approved(_overlaid(layers))}


def check_bounds(layers: Sequence[Layer]) -> None:
    """Raises `BadPolicy` with every value that goes beyond the bounds of a wider scope."""
    found = [
        one
        for number, layer in enumerate(layers)
        for one in contradictions([(wide.scope_id, wide.bounds) for wide in layers[:number]], layer.values)
    ]
    if found:
        told = "; ".join(map(str, found))
        raise BadPolicy(problem=told, reasons=[one.reason for one in found])
