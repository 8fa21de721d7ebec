"""Every sentence of people that somebody may read has a Chinese translation with the same placeholders."""

import ast
import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import people
from core.errors import KinbridgeError
from people import errors, model

PACKAGE = Path(people.__file__).parent
CATALOG = PACKAGE.parent / "web" / "locale" / "zh" / "people.po"


def _in_calls() -> set[str]:
    """The sentences handed to `reason(field, problem, text)`, `_reason(code, text)`, or put in `text` first."""
    found = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                values = node.args if name in ("reason", "_reason") else []
            elif isinstance(node, ast.Assign) and [getattr(one, "id", "") for one in node.targets] == [
                "text"
            ]:
                values = [node.value]
            found |= {
                value.value
                for value in values
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and " " in value.value
            }
    return found


def _sentences() -> set[str]:
    tables = (model.KINSHIP_TEXTS, model.DOCUMENT_TEXTS, model.REFUSAL_TEXTS, model.ENDING_TEXTS)
    leaves = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, KinbridgeError) and one.__module__ == errors.__name__
    ]
    return _in_calls() | {text for table in tables for text in table.values()} | {one.text for one in leaves}


SENTENCES = sorted(_sentences())


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("english", SENTENCES)
def test_translated(english: str) -> None:
    with CATALOG.open("rb") as file:
        translations = {str(message.id): str(message.string) for message in read_po(file) if message.id}
    assert translations.get(english), f"no translation of: {english}"
    assert fields(translations[english]) == fields(english)
    assert any("\u4e00" <= c <= "\u9fff" for c in translations[english])


def test_there_are_sentences() -> None:
    assert len(SENTENCES) > 70


def test_codes_are_stable_names() -> None:
    leaves = [
        one for one in vars(errors).values() if isinstance(one, type) and one.__module__ == errors.__name__
    ]
    codes = [one.code for one in leaves if issubclass(one, KinbridgeError)]
    assert len(codes) == len(set(codes))
    assert all(code.replace("-", "").isalpha() and code.islower() for code in codes)
