"""`kinbridge import-timetable` as an operator meets it: reports, exit codes, nothing done twice."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import CaptureText, installation
from tests.scheduler import timetables
from tests.scheduler.timetables import MISSPELT, SHUT, WHOLE
from web.cli import main

__all__ = ["installation"]

COMMAND = "import-timetable"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of our own, and one that is no timetable and has another ending."""
    made = tmp_path / "timetables"
    made.mkdir()
    for name, text in {"b.yml": WHOLE, "a.yaml": SHUT, "c.yml": MISSPELT, "README.md": "words"}.items():
        (made / name).write_text(text, encoding="utf-8")
    return made


def _rows(data: Path, table: str) -> int:
    with sqlite3.connect(data / "kinbridge.sqlite3") as raw:
        (count,) = raw.execute(f"SELECT count(*) FROM {table}").fetchone()
    raw.close()
    return int(count)


def _json(capsys: CaptureText, *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main([COMMAND, *words, "--json"])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, report


@pytest.mark.usefixtures("clock")
def test_a_folder_is_taken_once(installation: Path, folder: Path, capsys: CaptureText) -> None:
    main(["migrate"])
    capsys.readouterr()
    assert main([COMMAND, str(folder), "--create", "--policy", "demo", "--zone", "Europe/Dublin"]) == 0
    out = capsys.readouterr().out
    assert "a.yaml: took 1 prison\n" in out
    assert "c.yml: took 1 prison, 3 weekly times" in out
    assert (
        "  odd     adult age (line 7): adult age is not known and was left aside; adult_age may be meant."
        in out
    )
    assert out.endswith("Files: 3. Refused: 0, odd: 2, noted: 10 (--json names them all).\n")
    entries = _rows(installation, "ledger_entry")
    assert main([COMMAND, str(folder)]) == 0
    assert "b.yml: nothing to change, 1 prison, 3 weekly times" in capsys.readouterr().out
    assert (_rows(installation, "prison"), _rows(installation, "template")) == (3, 6)
    assert _rows(installation, "ledger_entry") == entries
    assert main(["verify", "ledger"]) == 0


def test_a_refused_file_is_1_and_the_others_are_taken(
    installation: Path, folder: Path, capsys: CaptureText
) -> None:
    main(["migrate"])
    (folder / "d.yml").write_text(WHOLE.replace("1400-1600", "2630-2730"), encoding="utf-8")
    (folder / "b.yml").unlink()
    code, report = _json(capsys, str(folder), "--create")
    assert code == 1
    assert {Path(one["path"]).name: one["taken"] for one in report["files"]} == {
        "a.yaml": True,
        "c.yml": True,
        "d.yml": False,
    }
    assert report["refused"] == 1
    (refused,) = [one for file in report["files"] for one in file["findings"] if one["grade"] == "refused"]
    assert refused == {
        "file": "d.yml",
        "grade": "refused",
        "code": "bad-time",
        "key": "recurring.mon[0]",
        "line": 14,
        "text": "2630-2730 is not a time of the day from HHMM to HHMM.",
    }
    assert _rows(installation, "prison") == 2
    assert main([COMMAND, str(folder / "d.yml"), "--create"]) == 1
    assert "d.yml: refused, nothing of it was taken" in capsys.readouterr().out


def test_a_prison_that_is_not_there_is_1(installation: Path, folder: Path, capsys: CaptureText) -> None:
    main(["migrate"])
    assert main([COMMAND, str(folder / "b.yml")]) == 1
    assert "No prison has the name Northgate. With --create it is set up." in capsys.readouterr().out
    assert main([COMMAND, str(folder / "b.yml"), "--prison", "prs_none"]) == 1
    assert _rows(installation, "prison") == 0


def test_into_one_prison_by_its_id(installation: Path, folder: Path, capsys: CaptureText) -> None:
    main(["migrate"])
    _, report = _json(capsys, str(folder / "b.yml"), "--create", "--policy", "demo")
    prison_id = report["files"][0]["prison_id"]
    code, report = _json(capsys, str(folder / "c.yml"), "--prison", prison_id, "--from", "2026-12-01")
    assert code == 0
    assert report["files"][0]["changed"] == {}
    assert "other-name" in [one["code"] for one in report["files"][0]["findings"]]


def test_a_dry_run_changes_nothing_and_needs_no_database(
    installation: Path, folder: Path, capsys: CaptureText
) -> None:
    code, report = _json(capsys, str(folder), "--dry-run")
    assert (code, report["dry_run"]) == (0, True)
    assert report["stated"] == {"enabled": 2, "weekly": 6, "closed": 4, "special": 4}
    assert not (installation / "kinbridge.sqlite3").exists()
    main(["migrate"])
    capsys.readouterr()
    assert main([COMMAND, str(folder / "b.yml"), "--create", "--dry-run"]) == 0
    assert "b.yml: would take 1 prison, 3 weekly times" in capsys.readouterr().out
    assert _rows(installation, "prison") == 0


def test_what_one_file_does_not_show_is_told_too(
    installation: Path, folder: Path, capsys: CaptureText
) -> None:
    """Files that bear one number or one name, and times of a prison that nobody can book."""
    (folder / "a.yaml").write_text(WHOLE.replace("enabled: true", "enabled: false"), encoding="utf-8")
    assert main([COMMAND, str(folder), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "a.yaml: can be read; it is not enabled, nobody can book\n" in out
    assert "b.yml: can be read\n" in out
    assert (
        out.count("nomis_id: b.yml has the same nomis_id") == out.count("nomis_id: a.yaml has the same") == 1
    )
    assert out.count("name: b.yml is about a prison of this name too") == 1
    assert "Each time is one visit for one family: the files state no capacities.\n" in out
    assert not (installation / "kinbridge.sqlite3").exists()


@pytest.mark.usefixtures("installation")
def test_all_files_are_read_with_their_sums(tmp_path: Path, capsys: CaptureText) -> None:
    contents, expected = timetables.real_or_own()
    for number, content in enumerate(contents):
        (tmp_path / f"{number:03}.yml").write_bytes(content)
    code, report = _json(capsys, str(tmp_path), "--dry-run")
    assert (code, len(report["files"])) == (0, expected["files"])
    assert report["stated"] == {name: expected[name] for name in ("enabled", "weekly", "closed", "special")}
    told = Counter(
        one["code"] for file in report["files"] for one in file["findings"] if one["grade"] == "odd"
    )
    assert told.pop("same-number", 0) == expected["same-number"]
    assert told == expected["codes"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["FILE", "--from", "tomorrow"],
        ["FILE", "--create", "--zone", "Europe/Nowhere"],
        ["FILE", "--create", "--zone", "../../etc/passwd"],
        ["FILE", "--create", "--policy", "atlantis"],
        ["FILE", "--create", "--prison", "prs_1"],
    ],
)
@pytest.mark.usefixtures("installation")
def test_what_the_parser_refuses_is_2(words: list[str], folder: Path, capsys: CaptureText) -> None:
    with pytest.raises(SystemExit) as ended:
        main([COMMAND, *[str(folder / "b.yml") if word == "FILE" else word for word in words]])
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.yml"], "there is no file"),
        (["EMPTY"], "there are no timetable files"),
        (["FOLDER", "--prison", "prs_1"], "--prison takes one file"),
        (["FOLDER", "--zone", "Europe/Paris"], "for prisons that --create sets up"),
        (["FOLDER", "--create"], "kinbridge migrate"),
    ],
)
@pytest.mark.usefixtures("installation")
def test_bad_use_is_2_with_a_sentence(
    words: list[str], said: str, folder: Path, tmp_path: Path, capsys: CaptureText
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"FOLDER": str(folder), "EMPTY": str(tmp_path / "empty")}
    assert main([COMMAND, *[places.get(word, word) for word in words]]) == 2
    assert said in capsys.readouterr().err
