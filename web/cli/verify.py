"""`kinbridge verify ledger | [recording | bundle | day | receipt] PATH`: 0 if intact, 1 if broken, 2 for bad use."""

import argparse
import asyncio
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import ledger.read
from core import keys
from core import settings as core_settings
from core.db import Database
from legalaid import receipts
from recording import bundle, day, days, seal, timestamp
from web.cli.parts import require_migrated

KINDS = ("recording", "bundle", "day", "receipt")


class _Verdict(Protocol):
    @property
    def intact(self) -> bool: ...
    def report(self) -> dict[str, Any]: ...


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="ledger: the whole hash chain in the database. Offline, on a copy: recording (the folder with its "
        "manifest.json), bundle (a zip as it was fetched, or its folder), day (<date>.json, its .sig beside it), "
        "receipt (of a confidential meeting). Or only a path: what lies there tells which of these it is",
    )
    parser.add_argument("path", metavar="PATH", nargs="?", type=Path, help="not for the ledger")
    parser.add_argument(
        "--keys", type=Path, help="folder with the public keys (*.pub); default: this installation's own"
    )
    parser.add_argument(
        "--roots",
        type=Path,
        help="PEM with the certificates that a day's authority of time stamps is trusted by",
    )
    parser.add_argument("--json", action="store_true", help="report as one JSON object")


def run(args: argparse.Namespace) -> int:
    try:
        kind, path = _asked(args.what, args.path)
        roots = _roots(args.roots) if args.roots else ()
    except ValueError as error:
        sys.stderr.write(f"kinbridge: {error}\n")
        return 2
    if kind == "ledger":
        intact, report = asyncio.run(_ledger())
    else:
        public = _public(args.keys)
        if not public:
            sys.stderr.write("kinbridge: there are no public keys (--keys FOLDER): nothing can be proved\n")
        verdict = _offline(kind, path, public, roots)
        intact, report = verdict.intact, verdict.report()
    print(json.dumps(report, ensure_ascii=False) if args.json else report["text"])
    return 0 if intact else 1


def _asked(what: str, path: Path | None) -> tuple[str, Path]:
    """The kind and its path. Raises `ValueError` where a person must say more."""
    if what == "ledger":
        if path is not None:
            raise ValueError("the ledger lies in the database: it takes no path")
        return what, Path()
    if what not in KINDS:
        if path is not None:
            raise ValueError(f"{what} is none of: ledger, {', '.join(KINDS)}")
        path = Path(what)
        what = _kind(path)
    elif path is None:
        raise ValueError(f"verify {what} needs a path")
    if not (path.is_dir() if what == "recording" else path.exists()):
        raise ValueError(f"{path} is not {'a folder' if what == 'recording' else 'there'}")
    return what, path


def _kind(path: Path) -> str:
    """Which of `KINDS` lies there. Only what it is looked at as depends on this, never the verdict."""
    if path.is_dir():
        return "bundle" if (path / bundle.EXPORT).exists() else "recording"
    if not path.is_file():
        raise ValueError(f"{path} is not there; it is none of: ledger, {', '.join(KINDS)} either")
    if path.suffix != day.HEAD:
        return "bundle"
    try:
        date.fromisoformat(path.stem)
    except ValueError:
        return "receipt"
    return "day"


def _offline(kind: str, path: Path, public: keys.PublicKeys, roots: timestamp.Roots) -> _Verdict:
    if kind == "receipt":
        return receipts.verify_file(path, public)
    if kind == "bundle":
        return bundle.verify(path, public)
    if kind == "day":
        return day.verify_file(path, public, roots)
    return seal.verify_folder(path, public)


async def _ledger() -> tuple[bool, dict[str, Any]]:
    settings = core_settings.from_environment()
    await require_migrated(settings)
    db = Database.connect(settings.sqlalchemy_url)
    try:
        verdict = await ledger.read.verify(db)
        sealed = await days.check(db, settings.data_dir)
    finally:
        await db.close()
    text = (
        f"Intact: {verdict.entries} entries, {sealed.days} sealed days, head {verdict.head}"
        if verdict.intact
        else f"BROKEN at entry {verdict.broken_at}: {verdict.problem}"
    )
    if verdict.intact and not sealed.intact:
        text = f"BROKEN at day {sealed.broken_at}: {sealed.problem}"
    intact = verdict.intact and sealed.intact
    report = {
        "intact": intact,
        "entries": verdict.entries,
        "head": verdict.head,
        "broken_at": verdict.broken_at,
        "days": sealed.days,
        "broken_day": sealed.broken_at,
        "problem": verdict.problem or sealed.problem,
        "text": text,
    }
    return intact, report


def _roots(path: Path) -> timestamp.Roots:
    try:
        return timestamp.read_roots(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} holds no certificates") from error


def _public(key_folder: Path | None) -> keys.PublicKeys:
    return keys.public_keys(key_folder or core_settings.from_environment().data_dir / "keys")
