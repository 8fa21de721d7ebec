"""`kinbridge import-timetable PATH…`: timetable files into prisons. Exit 1 if anything was refused, 2 for bad use."""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ledger.record
from core import schema
from core import settings as core_settings
from core.db import Database
from core.errors import KinbridgeError, Misconfigured, Refused
from core.ids import SYSTEM
from core.settings import Settings
from policy import presets
from scheduler import findings, imported, importer
from scheduler.findings import Finding, Grade
from scheduler.imported import Outcome, Target
from scheduler.importer import Reading
from web.cli.parts import require_migrated

_WORDS = {
    "prison": ("prison", "prisons"),
    "rules": ("rule", "rules"),
    "weekly": ("weekly time", "weekly times"),
    "closed": ("closed date", "closed dates"),
    "special": ("special time", "special times"),
    "switched": ("switch on or off", "switches on or off"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a file, or a folder of *.yml")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--prison", metavar="ID", help="the prison it is for; default: the one of the file's name"
    )
    which.add_argument("--create", action="store_true", help="set up the prisons that are not there yet")
    parser.add_argument(
        "--policy", choices=presets.names(), metavar="NAME", help="rules of new prisons (england)"
    )
    parser.add_argument("--zone", type=_zone, help="time zone of new prisons (Europe/London)")
    parser.add_argument(
        "--from", type=_day, dest="since", metavar="DATE", help="the day from which it holds (today)"
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing, say what would be changed")
    parser.add_argument("--json", action="store_true", help="report as one JSON object, with all notes")


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time zone") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from error


def run(args: argparse.Namespace) -> int:
    files = [file for path in args.paths for file in _files(path)]
    problem = _bad_use(args, files)
    if problem:
        sys.stderr.write(f"kinbridge: {problem}\n")
        return 2
    target = Target(
        prison_id=args.prison,
        create=args.create,
        policy=args.policy or imported.DEFAULT_POLICY,
        zone=args.zone or imported.DEFAULT_ZONE,
        since=args.since,
        dry=args.dry_run,
    )
    try:
        readings = [(file, importer.read(file.read_bytes())) for file in files]
    except OSError as error:
        sys.stderr.write(f"kinbridge: {error.filename} cannot be read: {error.strerror}\n")
        return 2
    results = asyncio.run(_all(core_settings.from_environment(), _with_namesakes(readings), target))
    if args.json:
        print(json.dumps(_document(results, dry=args.dry_run), ensure_ascii=False))
    else:
        _print(results, dry=args.dry_run)
    return 1 if any(result.outcome.refused for result in results) else 0


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in (".yml", ".yaml"))


def _bad_use(args: argparse.Namespace, files: Sequence[Path]) -> str:
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        return f"there is no file {missing[0]}"
    if not files:
        return "there are no timetable files (*.yml)"
    if args.prison and len(files) > 1:
        return "--prison takes one file"
    if not args.create and (args.policy or args.zone):
        return "--policy and --zone are for prisons that --create sets up"
    return ""


def _with_namesakes(readings: Sequence[tuple[Path, Reading]]) -> list[tuple[Path, Reading]]:
    """Each file also names the others that bear its prison's number or name."""
    bearing: dict[tuple[str, str], list[str]] = {}
    for path, reading in readings:
        for borne in _borne(reading):
            bearing.setdefault(borne, []).append(path.name)
    return [
        (path, replace(reading, findings=(*reading.findings, *_namesakes(path.name, reading, bearing))))
        for path, reading in readings
    ]


def _borne(reading: Reading) -> list[tuple[str, str]]:
    """(code of what is said when another file bears it too, what it is)."""
    if reading.file is None:
        return []
    return [
        ("same-name", reading.file.name),
        *([("same-number", reading.file.number)] * bool(reading.file.number)),
    ]


def _namesakes(
    name: str, reading: Reading, bearing: Mapping[tuple[str, str], Sequence[str]]
) -> list[Finding]:
    return [
        findings.finding(borne[0], "name" if borne[0] == "same-name" else "nomis_id", file=other)
        for borne in _borne(reading)
        for other in bearing[borne]
        if other != name
    ]


class _Result:
    """One file: what it says, and what was made of it."""

    def __init__(self, path: Path, reading: Reading, outcome: Outcome) -> None:
        self.path, self.reading, self.outcome = path, reading, outcome

    def document(self) -> dict[str, Any]:
        file = self.reading.file
        return {
            "path": str(self.path),
            "prison_id": self.outcome.prison_id,
            "taken": not self.outcome.refused,
            "stated": None if file is None else file.counts(),
            "changed": self.outcome.changed,
            "stood": self.outcome.stood,
            "findings": [{"file": self.path.name, **one.document()} for one in self.outcome.findings],
        }


async def _all(settings: Settings, readings: Sequence[tuple[Path, Reading]], target: Target) -> list[_Result]:
    """Every file in a transaction of its own. A dry run needs no database."""
    if target.dry and not await _has_database(settings):
        return [await _one(None, file, reading, target) for file, reading in readings]
    await require_migrated(settings)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    try:
        return [await _one(db, file, reading, target) for file, reading in readings]
    finally:
        await db.close()


async def _has_database(settings: Settings) -> bool:
    path = settings.data_dir / "kinbridge.sqlite3"
    if not settings.database_url and not path.exists():
        return False
    return await schema.present_revision(settings.sqlalchemy_url) is not None


async def _one(db: Database | None, path: Path, reading: Reading, target: Target) -> _Result:
    outcome = Outcome()
    if reading.file is not None and db is not None:
        try:
            async with db.read() if target.dry else db.write() as session:
                outcome = await imported.bring_in(session, SYSTEM, reading.file, target)
        except Misconfigured:
            raise
        except KinbridgeError as error:  # nothing of the file was kept
            reasons = error.reasons if isinstance(error, Refused) else (error.reason,)
            outcome = Outcome(findings=[findings.refused("", 0, reason) for reason in reasons])
    outcome.findings[:0] = reading.findings
    return _Result(path, reading, outcome)


# --- the report -----------------------------------------------------------------------------------------


def _document(results: Sequence[_Result], *, dry: bool) -> dict[str, Any]:
    grades = Counter(one.grade.value for result in results for one in result.outcome.findings)
    stated: Counter[str] = Counter()
    for result in results:
        stated.update({} if result.reading.file is None else result.reading.file.counts())
    return {
        "dry_run": dry,
        "files": [result.document() for result in results],
        "stated": dict(stated),
        **{grade.value: grades[grade.value] for grade in Grade},
    }


def _print(results: Sequence[_Result], *, dry: bool) -> None:
    for result in results:
        print(f"{result.path.name}: {_done(result, dry=dry)}")
        for one in result.outcome.findings:
            if one.code != "not-kept":
                print(f"  {one.grade.value:<8}{_place(one)}{one.reason}")
    total = _document(results, dry=dry)
    if total["stated"].get("weekly") or total["stated"].get("special"):
        print("Each time is one visit for one family: the files state no capacities.")
    print(
        f"Files: {len(results)}. Refused: {total['refused']}, odd: {total['odd']}, noted: {total['noted']}"
        " (--json names them all)."
    )


def _place(one: Finding) -> str:
    line = f" (line {one.line})" if one.line else ""
    return f"{one.key}{line}: " if one.key or line else ""


def _done(result: _Result, *, dry: bool) -> str:
    if result.outcome.refused:
        return "refused, nothing of it was taken"
    return _changes(result, dry=dry) + _closed_to_all(result)


def _closed_to_all(result: _Result) -> str:
    """A prison with times that is not enabled would look as if it could be booked."""
    file = result.reading.file
    shut = file is not None and not file.enabled and (file.weekly or file.special)
    return "; it is not enabled, nobody can book" if shut else ""


def _changes(result: _Result, *, dry: bool) -> str:
    if not result.outcome.changed and not result.outcome.stood:
        return "can be read"
    if not result.outcome.changed:
        return f"nothing to change, {_list(result.outcome.stood)} stood already"
    there = f"; {_list(result.outcome.stood)} stood already" if result.outcome.stood else ""
    return f"{'would take' if dry else 'took'} {_list(result.outcome.changed)}{there}"


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {_WORDS[kind][count != 1]}" for kind, count in counts.items())
