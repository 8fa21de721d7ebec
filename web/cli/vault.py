"""`kinbridge vault status | make PATH | rotate | drop VERSION`: the master keys that open the recordings."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import ledger.record
from core import settings as core_settings
from core.db import Database
from core.errors import Misconfigured
from core.settings import Settings
from recording import masters, vault
from web.cli.parts import require_migrated


def configure(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    kinds.add_parser("status", help="which versions there are, and how many recordings each opens")
    make = kinds.add_parser("make", help="a new file with a first key, to be named in KINBRIDGE_VAULT_KEYS")
    make.add_argument("path", type=Path)
    kinds.add_parser(
        "rotate", help="a new master key; all recordings' keys are wrapped anew, no file is touched"
    )
    drop = kinds.add_parser("drop", help="takes a version away for good, once nothing needs it")
    drop.add_argument("version", type=int)


def run(args: argparse.Namespace) -> int:
    if args.kind == "make":
        try:
            masters.make(args.path)
        except OSError as error:
            raise Misconfigured(problem=f"{args.path}: {error.strerror}") from error
        print(f"{args.path}: keep a copy of it in a safe, apart from the recordings and the database")
        return 0
    return asyncio.run(_run(core_settings.from_environment(), args))


async def _run(settings: Settings, args: argparse.Namespace) -> int:
    await require_migrated(settings)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    try:
        if args.kind == "rotate":
            masters.load(settings)
            newest = masters.add(masters.path_of(settings)).newest
            done = await vault.rewrap(db, settings)
            print(f"version {newest} wraps now; {done} keys were wrapped anew")
            return 0
        async with db.read() as session:
            used = await vault.versions(session)
    finally:
        await db.close()
    if args.kind == "drop":
        return _drop(settings, args.version, used)
    found = masters.load(settings)
    there = {version: used.get(version, 0) for version in sorted({*found.versions, *used})}
    print(json.dumps({"file": str(masters.path_of(settings)), "newest": found.newest, "recordings": there}))
    return 0 if set(used) <= set(found.versions) else 1


def _drop(settings: Settings, version: int, used: dict[int, int]) -> int:
    if used.get(version):
        sys.stderr.write(
            f"kinbridge: version {version} still opens {used[version]} recordings: rotate first\n"
        )
        return 1
    masters.drop(masters.path_of(settings), version)
    return 0
