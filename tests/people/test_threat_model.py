"""The threat model names tests; each of them exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "security.md").read_text())))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_named_test_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert name in {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_threat_has_a_test() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = [
        line
        for line in text.partition("## Threats")[2].partition("## What remains")[0].split("\n")
        if line.startswith("| ") and not line.startswith("| threat")
    ]
    assert len(rows) > 30
    assert [row for row in rows if "`tests/" not in row] == []
