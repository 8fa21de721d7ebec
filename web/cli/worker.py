"""`kinbridge worker`: the periodic tasks as a process of their own."""

import argparse
import asyncio
import contextlib

import uvloop

import ledger.record
from core import log
from core import settings as core_settings
from core.bus import open_bus
from core.db import Database
from core.settings import Settings
from web import working_days
from web.cli.media import told_to_stop
from web.cli.parts import require_parts
from web.worker import Worker


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="run every task once and end")


def run(args: argparse.Namespace) -> int:
    settings = core_settings.from_environment()
    log.configure(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, once=args.once))


async def _serve(settings: Settings, *, once: bool) -> int:
    await require_parts(settings)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    bus = open_bus(settings.redis_url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(db.close)
        stack.push_async_callback(bus.close)
        await stack.enter_async_context(working_days.known(db))
        worker = Worker(settings, db, bus)
        if once:
            return 1 if await worker.run_once() else 0
        worker.start()
        stack.push_async_callback(worker.stop)
        await told_to_stop()
    return 0
