"""Every sentence of policy and scheduler that somebody may read is in the Chinese catalog, with its fields."""

import ast
import importlib
import pkgutil
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import policy.service
import scheduler
from core.errors import KinbridgeError
from policy import wording
from scheduler import rules

ROOT = Path(scheduler.__path__[0]).parent
CATALOG = ROOT / "web" / "locale" / "zh" / "scheduler.po"
# These have the sentences of their pages too: the planner's, and the desk's.
OTHERS = (CATALOG.with_name("planning.po"), CATALOG.with_name("desk.po"))
# Deadlines (policy.running) and the optimiser (scheduler.assign) have catalogs and readers of their own.
MODULES = ("policy.model", "policy.calendar", "policy.service")


def ours(module: str) -> bool:
    return module in MODULES or (
        module.startswith("scheduler.") and not module.startswith("scheduler.assign")
    )


def leaves(root: type[KinbridgeError]) -> Iterator[type[KinbridgeError]]:
    for leaf in root.__subclasses__():
        yield leaf
        yield from leaves(leaf)


for one in pkgutil.iter_modules(scheduler.__path__, "scheduler."):
    importlib.import_module(one.name)  # else its errors would not be known
ERRORS = [leaf for leaf in leaves(KinbridgeError) if ours(leaf.__module__)]


def in_reasons() -> set[str]:
    """The sentences of `Reason("code", "sentence")` in the scheduler's source."""
    found = set()
    for path in (ROOT / "scheduler").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason" and len(node.args) > 1:
                sentence = node.args[1]
                if isinstance(sentence, ast.Constant):
                    found.add(str(sentence.value))
    return found


SENTENCES = sorted(
    in_reasons()
    | {leaf.text for leaf in ERRORS}
    | set(rules.CLOSED.values())
    | {text for table in wording.KNOWN.values() for text in table.values()}
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.fixture(scope="module")
def catalog() -> dict[str, str]:
    return read(CATALOG) | {key: text for other in OTHERS for key, text in read(other).items()}


def read(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def test_every_sentence_is_translated(catalog: dict[str, str]) -> None:
    assert [sentence for sentence in SENTENCES if not catalog.get(sentence)] == []


def test_nothing_is_translated_that_nobody_says() -> None:
    assert set(read(CATALOG)) - set(SENTENCES) == set()


def test_translations_have_the_same_fields(catalog: dict[str, str]) -> None:
    assert [s for s in SENTENCES if fields(s) != fields(catalog[s])] == []
    assert len(SENTENCES) > 60


def test_codes_are_stable_names() -> None:
    codes = [leaf.code for leaf in ERRORS]
    assert len(codes) == len(set(codes))
    assert all(code.replace("-", "").isalpha() and code.islower() for code in codes)
    assert policy.service.SamePerson in ERRORS
