"""Every English sentence that may be shown, found in templates and code: what the catalogs must translate."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, nodes

import legalaid.case_wording
import legalaid.confidential
import legalaid.directory_csv
import legalaid.gathering_model
import legalaid.meeting_model
import legalaid.wording
import people.model
import policy.presets
import policy.wording
import policy.year_text
import recording.reviews
import rooms.desk_tasks
import rooms.words
import scheduler.happenings
import scheduler.plans
import scheduler.rules
import scheduler.wishes

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "core",
    "people",
    "notices",
    "policy",
    "scheduler",
    "rooms",
    "signaling",
    "recording",
    "legalaid",
    "web",
)
_MARKERS = {"_", "N_", "_gettext"}


def of_templates() -> Iterator[tuple[str, str]]:
    """(message, where) of each `_("…")` and `ngettext("…", …)` in the templates."""
    environment = Environment(autoescape=True)
    for path in sorted((ROOT / "web" / "templates").rglob("*.html")):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("_", "ngettext") and call.args:
                first = call.args[0]
                if isinstance(first, nodes.Const) and isinstance(first.value, str):
                    yield first.value, f"{path.relative_to(ROOT)}:{call.lineno}"


def of_code() -> Iterator[tuple[str, str]]:
    """Marked sentences, texts of `Reason(code, text)`, of `reason(field, problem, text)`, and of errors."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                for text in _of_node(node):
                    yield text, f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def of_tables() -> Iterator[tuple[str, str]]:
    """Sentences that stand in tables by their code."""
    tables: dict[str, Mapping[Any, str]] = {
        "people.model.KINSHIP_TEXTS": people.model.KINSHIP_TEXTS,
        "people.model.DOCUMENT_TEXTS": people.model.DOCUMENT_TEXTS,
        "people.model.REFUSAL_TEXTS": people.model.REFUSAL_TEXTS,
        "people.model.ENDING_TEXTS": people.model.ENDING_TEXTS,
        "rooms.desk_tasks.TEXTS": rooms.desk_tasks.TEXTS,
        "rooms.desk_tasks.OUTCOMES": rooms.desk_tasks.OUTCOMES,
        "recording.reviews.WHY": recording.reviews.WHY,
        "recording.reviews.OUTCOMES": recording.reviews.OUTCOMES,
        "rooms.words.MARKS": rooms.words.MARKS,
        "scheduler.rules.CLOSED": scheduler.rules.CLOSED,
        "scheduler.happenings: names": {k: n.name for k, n in scheduler.happenings.NATURES.items()},
        "scheduler.happenings: texts": {k: n.text for k, n in scheduler.happenings.NATURES.items()},
        "scheduler.plans.STAGES": scheduler.plans.STAGES,
        "scheduler.wishes.GROUNDS": scheduler.wishes.GROUNDS,
        **{f"policy.wording: {name}": table for name, table in policy.wording.KNOWN.items()},
        "legalaid.wording.TOPICS": legalaid.wording.TOPICS,
        "legalaid.wording.LANGUAGES": legalaid.wording.LANGUAGES,
        "legalaid.wording.CHANNELS": legalaid.wording.CHANNELS,
        "legalaid.wording.HANDS": legalaid.wording.HANDS,
        "legalaid.wording.QUESTION_STATES": legalaid.wording.QUESTION_STATES,
        "legalaid.wording.TURN_STATES": legalaid.wording.TURN_STATES,
        "legalaid.wording.ADVICE": legalaid.wording.ADVICE,
        **{
            f"{module.__name__}.{name}": table
            for module in (legalaid.case_wording,)
            for name, table in vars(module).items()
            if name.isupper()
        },
        **{
            f"legalaid.meeting_model.{name}": table
            for name, table in vars(legalaid.meeting_model).items()
            if name in ("PAPERS", "GROUNDS", "CASES", "STATES", "ENGAGED", "INTERPRETERS")
        },
        "legalaid.confidential.BASES": legalaid.confidential.BASES,
        "legalaid.directory_csv.FINDINGS": legalaid.directory_csv.FINDINGS,
        "policy.year_text.FINDINGS": policy.year_text.FINDINGS,
        **{
            f"legalaid.gathering_model.{name}": vars(legalaid.gathering_model)[name]
            for name in ("KINDS", "STATES", "ANSWERS", "VERDICTS", "RESULTS")
        },
        "rooms.words.WARNINGS": rooms.words.WARNINGS,
        "rooms.words.REASONS": rooms.words.REASONS,
        "rooms.words.MISSING": rooms.words.MISSING,
        "rooms.words.PAUSES": rooms.words.PAUSES,
        "policy.presets: legal bases": {
            f"{name} {number}": basis.says
            for name in policy.presets.names()
            for number, basis in enumerate(policy.presets.load(name).legal_basis)
        },
    }
    for name, table in tables.items():
        for text in table.values():
            yield text, name


def _of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        place = {"Reason": 1, "reason": 2, **dict.fromkeys(_MARKERS, 0)}.get(name)
        if place is not None and len(node.args) > place:
            yield from _text(node.args[place])
    elif isinstance(node, ast.ClassDef):
        yield from _error_text(node)


def _error_text(node: ast.ClassDef) -> Iterator[str]:
    """`text` of a class that also states a `code`: a leaf of the error tree."""
    stated: dict[str, ast.expr] = {}
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            stated[line.targets[0].id] = line.value
        elif isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value:
            stated[line.target.id] = line.value
    if "code" in stated and "text" in stated:
        yield from _text(stated["text"])


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
