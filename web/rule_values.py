"""Values of the rules as people read them and as a form takes them, in the reader's language.

A table is written one entry a line, `left = right`; words stand for codes on both sides, and the codes themselves are
understood too. What is shown in a form is read back as the same value.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import time
from typing import Any

from core.errors import Malformed
from policy.rulebook import FamilyPolicy, bounds_of
from web.i18n import N_, translate
from web.rule_names import unit
from web.rule_words import KEYS, LEVELS, WORDS, Words


class BadValue(Malformed):
    code = "bad-rule-value"
    status = 422
    text = "This value cannot be read. The hint beside it says how it is written."


NOBODY_ELSE = N_("any other level")
EVERY_LEVEL = N_("every level")
YES, NO = N_("yes"), N_("no")
# How each table is written; the right side of `=` in words.
HINTS: Mapping[str, str] = {
    "visits_by_level": N_("One level a line: level = visits"),
    "minutes_by_level": N_("One level a line: level = minutes"),
    "relisten_days_by_level": N_("One level a line: level = days"),
    "allowance_weights": N_("One way a line: way to meet = visits it counts for"),
    "allowance_windows": N_("One period a line: 2027-01-28 .. 2027-02-28 = visits"),
    "restricted_days": N_(
        "One period a line: 2027-02-01 .. 2027-02-07 = levels, with commas; or: every level"
    ),
    "grants": N_("One level a line: level = visits / every so many days / more visits / every so many days"),
    "relations_by_case": N_("One kind of case a line: kind = relatives, with commas"),
    "decision_steps": N_("One desk a line, in their order: desk = working days"),
    "exceptions": N_("One rule a line: rule = offices, with commas; the others refuse"),
}


def kind(name: str) -> str:
    """How the field is asked for: number, yes-no, one, several, table, or text."""
    annotation = str(FamilyPolicy.model_fields[name].annotation)
    if name in HINTS:
        return "table"
    if bounds_of(name) is not None:
        return "number"
    if annotation == "<class 'bool'>":
        return "yes-no"
    if name not in WORDS:
        return "text"
    return "several" if annotation.startswith("tuple") else "one"


def choices(language: str, name: str) -> list[tuple[str, str]]:
    """(code, words) of what may be chosen."""
    if kind(name) == "yes-no":
        return [("yes", translate(language, YES)), ("no", translate(language, NO))]
    return [(code, translate(language, text)) for code, text in WORDS[name].items()]


def said(language: str, name: str, value: Any) -> list[str]:
    """The value, in JSON form, in lines of words; none for an empty list or table."""
    match kind(name):
        case "number":
            words = unit(name)
            return [f"{value} {translate(language, words)}" if words else str(value)]
        case "yes-no":
            return [translate(language, YES if value else NO)]
        case "one":
            return [_word(language, WORDS[name], value)]
        case "several":
            named = [_word(language, WORDS[name], one) for one in value]
            return [_joined(language, named)] if sum(map(len, named)) < 60 else named
        case "table":
            return _lines(language, name, value)
    return [str(value)[:5] if name in _TIMES else str(value)]


_TIMES = frozenset({"office_closes", "release_time", "quiet_from", "quiet_to"})


def typed(language: str, name: str, value: Any) -> str:
    """The value as the field of a form has it; of a list that is ticked, its codes with commas."""
    match kind(name):
        case "table":
            return "\n".join(_lines(language, name, value))
        case "yes-no":
            return "yes" if value else "no"
        case "several":
            return ",".join(str(one) for one in value)
    return str(value)[:5] if name in _TIMES else str(value)


def read(language: str, name: str, given: Sequence[str]) -> Any:
    """What a form sent for the field, in JSON form; raises `BadValue` naming it. Whether it is allowed is for
    `policy.model.check` to say."""
    try:
        return _read(language, name, given)
    except (ValueError, LookupError) as error:
        raise BadValue(field=name) from error


def _read(language: str, name: str, given: Sequence[str]) -> Any:
    text = given[0].strip() if given else ""
    match kind(name):
        case "number":
            return int(text)
        case "yes-no":
            return {"yes": True, "no": False}[text]
        case "several":
            entries = [one.strip() for part in given for one in part.split(",") if one.strip()]
            return [int(one) if one.isdecimal() else one for one in entries]
        case "table":
            return _table(language, name, text)
    return str(time.fromisoformat(text)) if name in _TIMES else text


def same(name: str, one: Any, other: Any) -> bool:
    """Whether two values, in JSON form, say the same; of what is ticked the order says nothing."""
    if kind(name) == "several" and isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return set(one) == set(other)
    return bool(one == other)


def _word(language: str, words: Words, code: Any) -> str:
    text = words.get(str(code))
    return str(code) if text is None else translate(language, text)


def _code(language: str, words: Words, text: str) -> str:
    """The code that is meant: by its word in either language, or by itself."""
    for code, word in words.items():
        if text in (word, translate(language, word)):
            return code
    return text


def _joined(language: str, names: Sequence[str]) -> str:
    return translate(language, ", ").join(names)


def _split(text: str) -> list[str]:
    for mark in ("，", "、"):
        text = text.replace(mark, ",")
    return [one.strip() for one in text.split(",") if one.strip()]


def _lines(language: str, name: str, value: Any) -> list[str]:
    entries = value.items() if isinstance(value, dict) else [_pair(one) for one in value]
    keys = KEYS.get(name, {})
    return [
        f"{_word(language, keys, left) or translate(language, NOBODY_ELSE)} = {_right(language, name, right)}"
        for left, right in entries
    ]


def _right(language: str, name: str, value: Any) -> str:
    """The right side of a table's entry."""
    if name == "grants":
        return " / ".join(str(value[part]) for part in ("visits", "every_days", "extra", "extra_every_days"))
    if not isinstance(value, list | tuple):
        return str(value)
    if name == "restricted_days" and not value:
        return translate(language, EVERY_LEVEL)
    words = LEVELS if name == "restricted_days" else WORDS[name]
    return _joined(language, [_word(language, words, one) for one in value])


def _pair(entry: Mapping[str, Any]) -> tuple[str, Any]:
    """An entry of a list of tables as left and right side."""
    if "desk" in entry:
        return entry["desk"], entry["working_days"]
    return f"{entry['first']} .. {entry['last']}", entry.get("visits", entry.get("levels"))


def _table(language: str, name: str, text: str) -> Any:
    pairs = []
    for line in filter(None, (one.strip() for one in text.splitlines())):
        left, mark, right = line.partition("=")
        if not mark:
            raise ValueError(line)
        pairs.append((left.strip(), right.strip()))
    entries = [_READERS[name](language, name, left, right) for left, right in pairs]
    return entries if name in _LISTS else dict(entries)


_LISTS = frozenset({"allowance_windows", "restricted_days", "decision_steps"})


def _number(language: str, name: str, left: str, right: str) -> Any:
    return _code(language, KEYS.get(name, {}), left), int(right)


def _codes(language: str, name: str, left: str, right: str) -> Any:
    named = [_code(language, WORDS[name], one) for one in _split(right)]
    return _code(language, KEYS.get(name, {}), left), named


def _window(_language: str, _name: str, left: str, right: str) -> Any:
    return {**_days(left), "visits": int(right)}


def _restriction(language: str, _name: str, left: str, right: str) -> Any:
    all_of_them = right in (EVERY_LEVEL, translate(language, EVERY_LEVEL))
    levels = [] if all_of_them else [_code(language, LEVELS, one) for one in _split(right)]
    return {**_days(left), "levels": levels}


def _days(text: str) -> dict[str, str]:
    first, _, last = text.partition("..")
    return {"first": first.strip(), "last": last.strip() or first.strip()}


def _grant(language: str, _name: str, left: str, right: str) -> Any:
    visits, every, extra, extra_every = (int(one) for one in right.split("/"))
    other = left in (NOBODY_ELSE, translate(language, NOBODY_ELSE))
    return "" if other else _code(language, LEVELS, left), {
        "visits": visits,
        "every_days": every,
        "extra": extra,
        "extra_every_days": extra_every,
    }


def _step(language: str, name: str, left: str, right: str) -> Any:
    return {"desk": _code(language, KEYS[name], left), "working_days": int(right)}


_READERS: Mapping[str, Callable[[str, str, str, str], Any]] = {
    "visits_by_level": _number,
    "minutes_by_level": _number,
    "relisten_days_by_level": _number,
    "allowance_weights": _number,
    "allowance_windows": _window,
    "restricted_days": _restriction,
    "grants": _grant,
    "relations_by_case": _codes,
    "decision_steps": _step,
    "exceptions": _codes,
}
