"""`kinbridge migrate`: brings the database to this version. Safe to run again."""

import argparse
import asyncio
import json

from core import schema
from core import settings as core_settings
from web.cli.parts import make_data_dir


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="report as one JSON object")


def run(args: argparse.Namespace) -> int:
    settings = core_settings.from_environment()
    make_data_dir(settings)
    before, after = asyncio.run(_migrate(settings.sqlalchemy_url))
    if args.json:
        print(json.dumps({"before": before, "after": after}))
    else:
        print(
            f"The database is at revision {after}."
            if before == after
            else f"Migrated: {before or 'empty'} → {after}."
        )
    return 0


async def _migrate(url: str) -> tuple[str | None, str | None]:
    before = await schema.present_revision(url)
    await schema.migrate(url)
    return before, await schema.present_revision(url)
