"""What a wider scope lets the narrower ones state, and where one goes beyond it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import Reason
from policy.rulebook import FamilyPolicy, bounds_of


class Bound(BaseModel):
    """`least` and `most` of a number; `among`: the only values, or entries of a list, that may be stated; `holds`: the
    entries that a list must have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least: int | None = None
    most: int | None = None
    among: tuple[str, ...] | None = None
    holds: tuple[str, ...] | None = None

    def allows(self, value: Any) -> bool:
        """Whether `value`, in JSON form, keeps within the bound."""
        if self.among is not None or self.holds is not None:
            entries = {str(entry) for entry in (value if isinstance(value, list | tuple) else (value,))}
            return entries.issuperset(self.holds or ()) and (self.among is None or entries <= {*self.among})
        numbers = list(value.values()) if isinstance(value, dict) else [value]
        return all(
            (self.least is None or number >= self.least) and (self.most is None or number <= self.most)
            for number in numbers
        )


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A value that a wider scope does not allow."""

    field: str
    stated: str
    scope_id: str  # whose bound it is
    bound: Bound

    def __str__(self) -> str:
        told = self.bound.model_dump(mode="json", exclude_none=True).items()
        limits = ", ".join(f"{key} {value}" for key, value in told)
        return f"{self.field} = {self.stated} contradicts {self.scope_id} ({limits})"

    @property
    def reason(self) -> Reason:
        """For whoever filled in the field."""
        if self.bound.most is not None and self.bound.least is None:
            return replace(TOO_MUCH, params={"field": self.field, "most": self.bound.most})
        if self.bound.least is not None and self.bound.most is None:
            return replace(TOO_LITTLE, params={"field": self.field, "least": self.bound.least})
        return replace(NOT_ALLOWED, params={"field": self.field})


TOO_MUCH = Reason("above-wider-rules", "Rules that hold for more prisons allow {most} at most.")
TOO_LITTLE = Reason("below-wider-rules", "Rules that hold for more prisons allow no less than {least}.")
NOT_ALLOWED = Reason("against-wider-rules", "Rules that hold for more prisons do not allow this.")


def check(stated: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(the bounds in JSON form, what is wrong with them)."""
    clean: dict[str, Any] = {}
    problems = []
    for name, value in stated.items():
        if name not in FamilyPolicy.model_fields:
            problems.append(f"the bound of {name}: it is not known")
            continue
        try:
            bound = Bound.model_validate(value)
        except ValidationError as error:
            problems.append(f"the bound of {name}: {error.errors()[0]['msg']}")
            continue
        if bounds_of(name) is None and bound.among is bound.holds is None and not _counts(name):
            problems.append(f"the bound of {name}: it is no number")
        elif bound.least is not None and bound.most is not None and bound.least > bound.most:
            problems.append(f"the bound of {name}: its least is above its most")
        else:
            clean[name] = bound.model_dump(mode="json", exclude_none=True)
    return clean, problems


def _counts(name: str) -> bool:
    """Whether the field is a table of numbers."""
    return "int" in str(FamilyPolicy.model_fields[name].annotation)


def contradictions(
    wider: Sequence[tuple[str, Mapping[str, Any]]], values: Mapping[str, Any]
) -> list[Contradiction]:
    """Where `values` go beyond the bounds of the wider scopes, given as (scope id, its bounds)."""
    found = []
    for scope_id, bounds in wider:
        for name, raw in bounds.items():
            bound = Bound.model_validate(raw)
            if name in values and not bound.allows(values[name]):
                found.append(Contradiction(name, str(values[name]), scope_id, bound))
    return found
