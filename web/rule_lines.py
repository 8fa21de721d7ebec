"""The rules as lines of a page: what is in force, in words, and as a form asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.db import Session
from core.errors import Unavailable
from policy import repository as policy
from policy.model import BadPolicy, LegalBasis, PolicySet, unfinished
from web import rule_values
from web.rule_names import GROUPS, NAMES, unit


@dataclass(frozen=True, slots=True)
class Line:
    """One value as it is shown: `key`, message ids of its name and unit, the value in lines of words, the bases that
    name it; and as a form asks for it: `kind` and `choices` of `web.rule_values`, `typed` in the field."""

    key: str
    name: str
    unit: str
    value: tuple[str, ...]
    bases: tuple[LegalBasis, ...]
    kind: str
    choices: tuple[tuple[str, str], ...]
    typed: str
    hint: str


Groups = list[tuple[str, list[Line]]]


def lines(language: str, values: Mapping[str, Any], bases: Sequence[LegalBasis]) -> Groups:
    """Of every value; of none that is not stated."""
    return [
        (title, [_line(language, key, values.get(key), bases) for key in names]) for title, names in GROUPS
    ]


def _line(language: str, key: str, value: Any, bases: Sequence[LegalBasis]) -> Line:
    kind = rule_values.kind(key)
    choices = rule_values.choices(language, key) if kind in ("yes-no", "one", "several") else []
    stated = value is not None
    return Line(
        key,
        NAMES[key],
        unit(key),
        tuple(rule_values.said(language, key, value)) if stated else (),
        tuple(basis for basis in bases if key in basis.fields),
        kind,
        tuple(choices),
        rule_values.typed(language, key, value) if stated else "",
        rule_values.HINTS.get(key, ""),
    )


def stated(found: PolicySet) -> Mapping[str, Any]:
    return found.values.model_dump(mode="json")


async def standing(session: Session, scope_id: str, now: datetime) -> Mapping[str, Any]:
    """The values in force for a scope now; where they are not complete or cannot be used, as far as they are stated."""
    try:
        return stated(await policy.current(session, scope_id, now))
    except (Unavailable, BadPolicy):
        return unfinished(await policy.layers(session, scope_id, now))


def changes(
    language: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[str, list[str], list[str]]]:
    """(name, before, after) of the values that differ from what is in force, in lines of words."""
    return [
        (
            NAMES[key],
            rule_values.said(language, key, before[key]) if key in before else [],
            rule_values.said(language, key, value),
        )
        for key, value in after.items()
        if key not in before or not rule_values.same(key, before[key], value)
    ]
