"""Sealed days are stamped by a real authority outside, and nothing else passes for such a stamp."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core import keys
from core import settings as core_settings
from core.db import Database
from core.errors import Misconfigured
from core.settings import Settings
from ledger.tables import EntryRow
from recording import day, days, stamping, timestamp
from recording.day import DayVerdict
from recording.stamping import stamp_days
from tests.conftest import FakeClock
from tests.recording.authority import Authority
from tests.recording.test_days import codes, enter
from web.cli import main


@pytest.fixture(scope="module")
def stamps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    authority.open()
    yield authority
    authority.close()


@pytest.fixture
def authority(stamps: Authority) -> Authority:
    stamps.broken = False
    stamps.asked = 0
    return stamps


@pytest.fixture
def stamped(settings: Settings, authority: Authority) -> Settings:
    return settings.model_copy(update={"timestamp_url": authority.url, "timestamp_roots": authority.roots})


@pytest.fixture
async def name(db: Database, stamped: Settings, clock: FakeClock) -> str:
    """A day that is sealed and not stamped yet."""
    await enter(db, 1, 2)
    clock.move(days=1)
    await days.seal_days(db, stamped)
    return "2026-11-21"


def verdict_of(settings: Settings, name: str, roots: Path | None) -> DayVerdict:
    public = keys.public_keys(settings.data_dir / "keys")
    trusted = timestamp.read_roots(roots) if roots else ()
    return day.verify_file(days.home(settings.data_dir) / f"{name}.json", public, trusted)


async def test_a_sealed_day_is_stamped_once_and_the_stamp_is_proved(
    db: Database, stamped: Settings, authority: Authority, name: str
) -> None:
    assert await stamping.unstamped(db) == 1
    assert await stamp_days(db, stamped) == 1
    assert await stamp_days(db, stamped) == 0
    assert (await stamping.unstamped(db), authority.asked) == (0, 1)
    verdict = verdict_of(stamped, name, authority.roots)
    assert verdict.intact
    assert verdict.stamped_at
    assert not any("time stamp" in one for one in verdict.unproved)
    async with db.read() as session:
        details = await session.scalar(select(EntryRow.details).where(EntryRow.tag == "system:day:stamped"))
    assert json.loads(str(details)) == {"stamped_at": verdict.stamped_at}


async def test_what_cannot_be_proved_is_said(
    db: Database, stamped: Settings, authority: Authority, name: str
) -> None:
    before = verdict_of(stamped, name, authority.roots)
    assert before.intact
    assert any("only the house itself" in one for one in before.unproved)
    await stamp_days(db, stamped)
    without_roots = verdict_of(stamped, name, None)
    assert without_roots.intact
    assert without_roots.stamped_at == ""
    assert any("--roots" in one for one in without_roots.unproved)


async def test_an_authority_that_is_away_is_asked_again(
    db: Database, stamped: Settings, authority: Authority, name: str
) -> None:
    authority.broken = True
    assert await stamp_days(db, stamped) == 0
    nobody = stamped.model_copy(update={"timestamp_url": "http://127.0.0.1:9/"})
    assert await stamp_days(db, nobody) == 0
    assert verdict_of(stamped, name, authority.roots).intact
    authority.broken = False
    assert await stamp_days(db, stamped) == 1


async def test_a_lost_file_is_written_anew_from_the_row(
    db: Database, stamped: Settings, authority: Authority, name: str
) -> None:
    await stamp_days(db, stamped)
    file = days.home(stamped.data_dir) / f"{name}{timestamp.STAMP}"
    content = file.read_bytes()
    file.unlink()
    assert await stamp_days(db, stamped) == 0
    assert (file.read_bytes(), authority.asked) == (content, 1)


async def test_no_other_stamp_passes(
    db: Database, stamped: Settings, authority: Authority, name: str, tmp_path: Path
) -> None:
    """The stamp of another head, a cut one, a flipped byte, one of an authority nobody trusts."""
    await stamp_days(db, stamped)
    file = days.home(stamped.data_dir) / f"{name}{timestamp.STAMP}"
    real = file.read_bytes()
    foreign = Authority(tmp_path / "foreign")
    foreign.open()
    head = file.with_name(f"{name}.json").read_bytes()
    flipped = real[:-9] + bytes([real[-9] ^ 1]) + real[-8:]
    others = (
        authority.answer(timestamp.question(b"another head").as_bytes()),
        foreign.answer(timestamp.question(head).as_bytes()),
        real[: len(real) // 2],
        flipped,
        b"",
    )
    foreign.close()
    for answer in others:
        file.write_bytes(answer)
        assert codes(verdict_of(stamped, name, authority.roots)) == ["stamp-wrong"]


async def test_an_old_answer_does_not_pass_for_a_new_one(authority: Authority) -> None:
    """The nonce of the question must be in the answer (RFC 3161 section 2.4.2)."""
    question = timestamp.question(b"head")
    answer = authority.answer(timestamp.question(b"head").as_bytes())
    roots = timestamp.read_roots(authority.roots)
    assert timestamp.check(answer, b"head", roots)
    with pytest.raises(ValueError, match="Nonce"):
        timestamp.check(answer, b"head", roots, nonce=question.nonce)


async def test_the_command_proves_the_stamp_offline(
    db: Database, stamped: Settings, authority: Authority, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await stamp_days(db, stamped)
    head = str(days.home(stamped.data_dir) / f"{name}.json")
    words = ["verify", "day", head, "--keys", str(stamped.data_dir / "keys")]
    assert main([*words, "--roots", str(authority.roots)]) == 0
    assert "seen by an outside authority" in capsys.readouterr().out
    assert main([*words, "--roots", head]) == 2
    assert "holds no certificates" in capsys.readouterr().err


@pytest.mark.parametrize(
    "values",
    [
        {"timestamp_url": "https://stamps.example/tsr"},
        {"timestamp_url": "file:///etc/passwd", "timestamp_roots": "roots.pem"},
    ],
)
def test_half_a_configuration_is_refused(values: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        core_settings.from_environment({}, mode="test", data_dir=tmp_path, **values)
