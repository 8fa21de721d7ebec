"""What a stranger reads leads somewhere, and names what there is."""

import re
from pathlib import Path

import pytest

from core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link}
    assert not [link for link in links if not (page.parent / link).exists()]


def test_each_decision_stands_in_the_map() -> None:
    text = (DECISIONS / "README.md").read_text(encoding="utf-8")
    assert not [one.name for one in DECISIONS.glob("0*.md") if f"]({one.name})" not in text]


def test_each_setting_stands_in_the_operators_table() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `KINBRIDGE_")]
    named = tuple(
        re.findall(r"`(\w+)`", " ".join(rows))
    )  # whole, or the end that differs from the one before
    assert not [name for name in Settings.model_fields if not f"KINBRIDGE_{name.upper()}".endswith(named)]
