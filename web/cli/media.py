"""`kinbridge media`: a media node of its own, for installations with several processes."""

import argparse
import asyncio
import contextlib
import signal

import uvloop

import ledger.record
from core import garbage, log
from core import settings as core_settings
from core.bus import open_bus
from core.db import Database
from core.errors import Misconfigured
from core.settings import Settings
from web.cli.parts import require_parts
from web.media import MediaNode


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = "A media node; needs KINBRIDGE_REDIS_URL and the database of the web processes."


def run(args: argparse.Namespace) -> int:
    del args
    settings = core_settings.from_environment()
    if not settings.redis_url:
        raise Misconfigured(problem="KINBRIDGE_REDIS_URL: a media node of its own is reached through Redis")
    log.configure(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    await require_parts(settings)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    bus = open_bus(settings.redis_url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(db.close)
        stack.push_async_callback(bus.close)
        node = MediaNode(settings, db, bus)
        await node.start()
        stack.push_async_callback(node.stop)
        garbage.settle()
        await told_to_stop()


async def told_to_stop() -> None:
    """Returns at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
