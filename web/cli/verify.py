"""`kinbridge verify ledger` and `kinbridge verify recording PATH`: exit 0 if intact, 1 with the first broken place."""

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
from recording import seal


def configure(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    whole = kinds.add_parser("ledger", help="the whole hash chain in the database")
    recording = kinds.add_parser("recording", help="a sealed recording's folder, offline")
    for one in (whole, recording):
        one.add_argument("--json", action="store_true", help="report as one JSON object")
    recording.add_argument("path", type=Path, help="the folder with manifest.json in it")
    recording.add_argument(
        "--keys", type=Path, help="folder with the public keys (*.pub); default: this installation's own"
    )


def run(args: argparse.Namespace) -> int:
    if args.kind == "ledger":
        intact, report = asyncio.run(_ledger())
    else:
        if not args.path.is_dir():
            sys.stderr.write(f"kinbridge: {args.path} is not a folder\n")
            return 2
        intact, report = _recording(args.path, args.keys)
    print(json.dumps(report, ensure_ascii=False) if args.json else report["text"])
    return 0 if intact else 1


async def _ledger() -> tuple[bool, dict[str, Any]]:
    db = Database.connect(core_settings.from_environment().sqlalchemy_url)
    try:
        verdict = await ledger.read.verify(db)
    finally:
        await db.close()
    text = (
        f"Intact: {verdict.entries} entries, head {verdict.head}"
        if verdict.intact
        else f"BROKEN at entry {verdict.broken_at}: {verdict.problem}"
    )
    report = {
        "intact": verdict.intact, "entries": verdict.entries, "head": verdict.head, "broken_at": verdict.broken_at,
        "problem": verdict.problem, "text": text,
    }  # fmt: skip
    return verdict.intact, report


def _recording(path: Path, key_folder: Path | None) -> tuple[bool, dict[str, Any]]:
    folder = key_folder or core_settings.from_environment().data_dir / "keys"
    verdict = seal.verify_folder(path, keys.public_keys(folder))
    return verdict.intact, verdict.report()
