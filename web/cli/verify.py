"""`kinbridge verify ledger | recording PATH | bundle PATH | day PATH | receipt FILE`: 0 if intact, 1 if broken."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import ledger.read
from core import keys
from core import settings as core_settings
from core.db import Database
from legalaid import receipts
from recording import bundle, day, days, seal, timestamp


def configure(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    whole = kinds.add_parser("ledger", help="the whole hash chain in the database")
    recording = kinds.add_parser("recording", help="a sealed recording's folder, offline")
    handed = kinds.add_parser("bundle", help="recordings that were handed out, offline: a zip or its folder")
    handed.add_argument("path", type=Path, help="the zip as it was fetched, or the folder it was unpacked to")
    one_day = kinds.add_parser("day", help="a sealed day's file, offline")
    receipt = kinds.add_parser("receipt", help="the signed receipt of a confidential meeting, offline")
    receipt.add_argument("path", type=Path, help="the file that was saved after the meeting")
    for one in (whole, recording, handed, one_day, receipt):
        one.add_argument("--json", action="store_true", help="report as one JSON object")
    recording.add_argument("path", type=Path, help="the folder with manifest.json in it")
    one_day.add_argument("path", type=Path, help="<date>.json, with <date>.json.sig beside it")
    one_day.add_argument(
        "--roots", type=Path, help="PEM with the certificates that the authority of time stamps is trusted by"
    )
    for one in (recording, handed, one_day, receipt):
        one.add_argument(
            "--keys", type=Path, help="folder with the public keys (*.pub); default: this installation's own"
        )


def run(args: argparse.Namespace) -> int:
    if args.kind == "ledger":
        intact, report = asyncio.run(_ledger())
    elif args.kind == "receipt":
        found = receipts.verify_file(args.path, _public(args.keys))
        intact, report = found.intact, found.report()
    elif args.kind == "bundle":
        if not args.path.exists():
            sys.stderr.write(f"kinbridge: {args.path} is not there\n")
            return 2
        handed = bundle.verify(args.path, _public(args.keys))
        intact, report = handed.intact, handed.report()
    elif args.kind == "day":
        if not args.path.is_file():
            sys.stderr.write(f"kinbridge: {args.path} is not a file\n")
            return 2
        try:
            roots = timestamp.read_roots(args.roots) if args.roots else ()
        except (OSError, ValueError):
            sys.stderr.write(f"kinbridge: {args.roots} holds no certificates\n")
            return 2
        intact, report = _day(args.path, args.keys, roots)
    else:
        if not args.path.is_dir():
            sys.stderr.write(f"kinbridge: {args.path} is not a folder\n")
            return 2
        intact, report = _recording(args.path, args.keys)
    print(json.dumps(report, ensure_ascii=False) if args.json else report["text"])
    return 0 if intact else 1


async def _ledger() -> tuple[bool, dict[str, Any]]:
    settings = core_settings.from_environment()
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


def _day(path: Path, key_folder: Path | None, roots: timestamp.Roots) -> tuple[bool, dict[str, Any]]:
    verdict = day.verify_file(path, _public(key_folder), roots)
    return verdict.intact, verdict.report()


def _public(key_folder: Path | None) -> keys.PublicKeys:
    return keys.public_keys(key_folder or core_settings.from_environment().data_dir / "keys")


def _recording(path: Path, key_folder: Path | None) -> tuple[bool, dict[str, Any]]:
    verdict = seal.verify_folder(path, _public(key_folder))
    return verdict.intact, verdict.report()
