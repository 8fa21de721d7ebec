"""What the two commands stand on: locks with hashes and without addresses, and no word of where they were made."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["run", "dev"])
def test_every_locked_package_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    packages = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(packages) > 50
    for package in packages:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==", package), package[:60]
        assert "--hash=sha256:" in package, package[:60]


def test_what_a_demonstration_needs_is_part_of_what_the_tests_need() -> None:
    def pins(name: str) -> set[str]:
        return set(
            re.findall(r"^[a-z0-9._-]+==\S+", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)
        )

    assert pins("run") <= pins("dev")


def test_make_help_names_every_command() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("demo", "test", "check", "bench"):
        assert f"make {command}" in said


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    said = subprocess.run(
        [ROOT / "tools/python-check", str(old)], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert "3.11" in said.stderr
