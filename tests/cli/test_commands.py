"""The command line as an operator meets it: help, exit codes, reports."""

import asyncio
import json
import os
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import ledger.record
from core import keys
from core.db import Database
from core.ids import SYSTEM, Ref
from core.settings import from_environment
from recording import days
from tests.conftest import FakeClock
from tests.scheduler.world import build
from web.cli import COMMANDS, main

CaptureText = pytest.CaptureFixture[str]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty installation whose settings come from the environment, as in production."""
    data = tmp_path / "var"
    values = {"MODE": "production", "SECRET_KEY": "k" * 40, "RECORDING_DAYS": "180", "MEDIA_PORT": "40123"}
    for name, value in {**values, "DATA_DIR": str(data)}.items():
        monkeypatch.setenv(f"KINBRIDGE_{name}", value)
    return data


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: CaptureText) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"kinbridge {command}" in capsys.readouterr().out


def test_bad_use_is_2(capsys: CaptureText) -> None:
    for words in ([], ["dance"], ["verify"], ["assign"], ["serve", "--port", "eighty"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize("command", ["serve", "worker", "media", "migrate", "doctor"])
def test_bad_settings_are_named_and_2(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: CaptureText
) -> None:
    monkeypatch.setenv("KINBRIDGE_SECRET_KEY", "short")
    assert main([command]) == 2
    assert "KINBRIDGE_SECRET_KEY" in capsys.readouterr().err


@pytest.mark.usefixtures("installation")
def test_an_old_database_is_not_served(capsys: CaptureText) -> None:
    assert main(["serve"]) == 2
    assert "kinbridge migrate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", "refused"),
        ("DATA_DIR", "/dev/null/var", "Not a directory"),
    ],
)
@pytest.mark.parametrize(
    "words", [["serve"], ["worker"], ["migrate"], ["verify", "ledger"], ["vault", "status"]]
)
@pytest.mark.usefixtures("installation")
def test_a_part_that_is_not_there_is_named_and_2(
    words: list[str], name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: CaptureText
) -> None:
    monkeypatch.setenv(f"KINBRIDGE_{name}", value)
    assert main(words) == 2
    told = capsys.readouterr().err
    assert f"KINBRIDGE_{name}" in told
    assert said in told


@pytest.mark.usefixtures("installation")
def test_without_its_redis_nothing_is_served_and_a_garbled_database_is_named(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: CaptureText
) -> None:
    main(["migrate"])
    monkeypatch.setenv("KINBRIDGE_REDIS_URL", "redis://127.0.0.1:1/0")
    for command in ("serve", "media", "worker"):
        assert main([command]) == 2
        assert "KINBRIDGE_REDIS_URL: Redis does not answer" in capsys.readouterr().err
    (installation / "kinbridge.sqlite3").write_bytes(b"no database" * 999)
    assert main(["migrate"]) == 2
    assert "file is not a database" in capsys.readouterr().err


def test_a_port_that_is_taken_is_1_and_said(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: CaptureText
) -> None:
    main(["migrate"])
    assert installation.is_dir()
    monkeypatch.setenv("KINBRIDGE_EMBED_MEDIA", "false")
    monkeypatch.setenv("KINBRIDGE_EMBED_WORKER", "false")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    assert "could not serve on 127.0.0.1" in capsys.readouterr().err


def test_the_vault_says_what_it_cannot_do(installation: Path, capsys: CaptureText) -> None:
    main(["migrate"])
    file = installation / "vault.keys"
    assert main(["vault", "make", str(file)]) == 0
    assert main(["vault", "status"]) == 0
    capsys.readouterr()
    for words, said in (
        (["make", str(file)], "there is a file already"),
        (["make", "/dev/null/keys"], "Not a directory"),
        (["drop", "7"], "has no version 7"),
    ):
        assert main(["vault", *words]) == 2
        assert said in capsys.readouterr().err


def test_a_plan_never_lands_on_its_instance_and_a_key_stands_once(
    tmp_path: Path, capsys: CaptureText
) -> None:
    week = tmp_path / "week.json"
    week.write_text('{"requests": [], "requests": []}')
    assert main(["assign", str(week), "--out", str(tmp_path / "plan.json"), "--json"]) == 2
    assert "stands twice" in _report(capsys)["problems"][0]
    empty: dict[str, list[int]] = {"prisons": [], "inmates": [], "lawyers": [], "booths": [], "requests": []}
    before = json.dumps({"format": "kinbridge-assign/1", **empty})
    week.write_text(before)
    assert main(["assign", str(week), "--out", str(week), "--json"]) == 2
    assert _report(capsys) == {"error": "not-written", "problems": ["it is the instance itself"]}
    assert week.read_text() == before


def test_a_plan_stays_until_the_next_one_is_whole(
    tmp_path: Path, capsys: CaptureText, monkeypatch: pytest.MonkeyPatch
) -> None:
    week, out, link = tmp_path / "week.json", tmp_path / "plan.json", tmp_path / "link.json"
    empty: dict[str, list[int]] = {"prisons": [], "inmates": [], "lawyers": [], "booths": [], "requests": []}
    week.write_text(json.dumps({"format": "kinbridge-assign/1", **empty}))
    out.write_text("the one before")
    link.symlink_to(out)

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert main(["assign", str(week), "--out", str(link), "--json"]) == 2
    assert _report(capsys)["error"] == "not-written"
    assert out.read_text() == "the one before"
    assert sorted(tmp_path.iterdir()) == sorted([week, out, link])
    assert main(["assign", str(week), "--out", str(link), "--json"]) == 0
    assert json.loads(out.read_text())["format"] == "kinbridge-plan/1"
    assert link.is_symlink()


def test_migrate_then_doctor(installation: Path, capsys: CaptureText) -> None:
    assert main(["migrate", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["before"] is None
    assert report["after"]
    assert main(["migrate"]) == 0
    capsys.readouterr()
    assert main(["doctor", "--json"]) == 0, capsys.readouterr().out
    findings = {f["what"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["ledger"]["text"] == "0 entries, 0 sealed days"
    assert findings["signing key"]["good"]
    assert findings["faces in pictures"]["text"].startswith("off: ")
    assert len(keys.public_keys(installation / "keys")) == 1


def test_what_an_installation_writes_is_for_its_owner_only(installation: Path, capsys: CaptureText) -> None:
    before = os.umask(0o022)  # as nearly everywhere
    try:
        main(["migrate"])
        main(["doctor"])
    finally:
        os.umask(before)
    written = [installation, *installation.rglob("*")]
    assert {"kinbridge.sqlite3", "signing.key", "vault.keys"} <= {path.name for path in written}
    assert not [path for path in written if path.stat().st_mode & 0o077]
    installation.chmod(0o755)
    capsys.readouterr()
    assert main(["doctor"]) == 1
    assert f"✗ data folder: {installation} can be read by others" in capsys.readouterr().out


def test_the_doctor_finds_what_is_wrong(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: CaptureText
) -> None:
    monkeypatch.setenv("KINBRIDGE_HOST", "0.0.0.0")
    monkeypatch.setenv("KINBRIDGE_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("KINBRIDGE_STORE_URL", "s3://recordings")
    monkeypatch.setenv("KINBRIDGE_STORE_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("KINBRIDGE_TIMESTAMP_URL", "https://stamps.example.org")
    monkeypatch.setenv("KINBRIDGE_TIMESTAMP_ROOTS", __file__)  # no certificate is in it
    installation.mkdir()
    assert main(["doctor", "--json"]) == 1
    bad = {f["what"] for f in json.loads(capsys.readouterr().out)["findings"] if not f["good"]}
    assert {"database", "bus", "address", "object store", "time stamps"} <= bad
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "SELECT" not in said
    assert all(line.lstrip()[0] in "✓✗" for line in said.splitlines())


@pytest.mark.parametrize(
    ("detector", "good"), [("recording.faces:Faces", True), ("recording.no:Faces", False)]
)
def test_the_doctor_says_whether_faces_are_counted_where_they_should_be(
    installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: CaptureText, detector: str, good: bool
) -> None:
    monkeypatch.setenv("KINBRIDGE_DETECTOR", detector)
    main(["migrate"])

    async def rules() -> str:
        db = Database.connect(f"sqlite+aiosqlite:///{installation / 'kinbridge.sqlite3'}")
        ledger.record.install(db)
        try:
            return (await build(db, watch_pictures="on")).prison_id
        finally:
            await db.close()

    asyncio.run(rules())
    capsys.readouterr()
    code = main(["doctor", "--json"])
    (found,) = [one for one in _report(capsys)["findings"] if one["what"] == "faces in pictures"]
    assert found["good"] is good
    assert good or code == 1
    assert found["text"].startswith("on in ")
    assert f"{detector} is {'there' if good else 'not there'}" in found["text"]


def _fill(installation: Path, count: int) -> None:
    async def fill() -> None:
        db = Database.connect(f"sqlite+aiosqlite:///{installation / 'kinbridge.sqlite3'}")
        ledger.record.install(db)
        async with db.write() as session:
            for number in range(count):
                ledger.record.record(session, "system:test:done", actor=SYSTEM, subject=Ref("t", str(number)))
        await db.close()

    asyncio.run(fill())


def _report(capsys: CaptureText) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_verify_ledger_is_0_intact_and_1_broken(installation: Path, capsys: CaptureText) -> None:
    main(["migrate"])
    _fill(installation, 5)
    capsys.readouterr()
    assert main(["verify", "ledger", "--json"]) == 0
    assert _report(capsys)["entries"] == 5
    with sqlite3.connect(installation / "kinbridge.sqlite3") as raw:
        raw.execute("DROP TRIGGER ledger_entry_no_update")
        raw.execute("UPDATE ledger_entry SET actor_id = 'somebody else' WHERE seq = 3")
    raw.close()
    assert main(["verify", "ledger", "--json"]) == 1
    assert _report(capsys)["broken_at"] == 3
    assert main(["verify", "ledger"]) == 1
    assert "BROKEN at entry 3" in capsys.readouterr().out


def test_verify_finds_a_ledger_that_was_cut_off_and_proves_a_day(
    installation: Path, capsys: CaptureText, clock: FakeClock
) -> None:
    main(["migrate"])
    _fill(installation, 5)
    clock.move(days=1)
    settings = from_environment()

    async def seal() -> None:
        db = Database.connect(settings.sqlalchemy_url)
        ledger.record.install(db)
        assert await days.seal_days(db, settings) == 1
        await db.close()

    asyncio.run(seal())
    capsys.readouterr()
    assert main(["verify", "ledger", "--json"]) == 0
    assert _report(capsys)["days"] == 1
    head = installation / "days" / "2026-11-21.json"
    for words in (["day", str(head)], [str(head)]):  # what it is can be told from what lies there
        assert main(["verify", *words, "--keys", str(installation / "keys")]) == 0
        assert "Intact: day 2026-11-21, 5 entries" in capsys.readouterr().out
    with sqlite3.connect(installation / "kinbridge.sqlite3") as raw:
        raw.execute("DROP TRIGGER ledger_entry_no_delete")
        raw.execute("DELETE FROM ledger_entry WHERE seq > 3")
        (digest,) = raw.execute("SELECT digest FROM ledger_entry WHERE seq = 3").fetchone()
        raw.execute("UPDATE ledger_head SET seq = 3, digest = ?", (digest,))
    raw.close()
    assert main(["verify", "ledger", "--json"]) == 1
    report = _report(capsys)
    assert (report["broken_at"], report["broken_day"]) == (None, "2026-11-21")
    assert "reaches entry 5, the ledger 3" in report["text"]
    head.write_bytes(head.read_bytes().replace(b"2026", b"2027"))
    assert main(["verify", "day", str(head), "--json"]) == 1
    assert main(["verify", "day", str(installation / "nowhere")]) == 2


def test_verify_recording_of_no_folder_is_bad_use(installation: Path, capsys: CaptureText) -> None:
    assert main(["verify", "recording", str(installation / "nowhere")]) == 2
    assert "not a folder" in capsys.readouterr().err
    empty = installation / "empty"
    empty.mkdir(parents=True)
    for words in (["recording", str(empty)], [str(empty)]):
        assert main(["verify", *words, "--json"]) == 1
        assert not _report(capsys)["intact"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("receipt.json", b"{}", "this is not a receipt"),
        ("2026-11-21.json", b"{}", "cannot be read as the head of a day"),
        ("copy.zip", b"no zip", "at export.json"),
    ],
)
def test_verify_tells_from_the_path_what_it_is(
    installation: Path, capsys: CaptureText, name: str, content: bytes, said: str
) -> None:
    installation.mkdir(exist_ok=True)
    (installation / name).write_bytes(content)
    assert main(["verify", str(installation / name)]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("words", [["dance"], ["dance", "here"], ["ledger", "here"], ["day"]])
def test_verify_of_nothing_that_it_knows_is_bad_use(installation: Path, words: list[str]) -> None:
    assert not installation.exists() or not (installation / words[0]).exists()
    assert main(["verify", *words]) == 2
