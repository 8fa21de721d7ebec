"""`kinbridge demo`: sets up a demonstration and serves it; nothing has to be prepared."""

import argparse
import asyncio
import shutil
import socket

import segno
from aioice.ice import get_host_addresses

import ledger.record
from core import certificate, log, schema
from core import settings as core_settings
from core.db import Database
from core.errors import Misconfigured
from core.settings import Settings
from web import demo
from web.cli.parts import make_data_dir
from web.cli.serve import listen


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000, help="TCP port (8000)")
    parser.add_argument("--lan", action="store_true", help="HTTPS for phones on this network, with a QR code")
    parser.add_argument("--fresh", action="store_true", help="begin with an empty database")


def run(args: argparse.Namespace) -> int:
    settings = core_settings.from_environment(mode="demo", port=args.port)
    make_data_dir(settings)
    if args.lan:
        settings = _for_the_network(settings)
    log.configure("warning")
    asyncio.run(prepare(settings, fresh=args.fresh))
    _greet(settings, lan=args.lan)
    return listen(settings)


def _for_the_network(settings: Settings) -> Settings:
    addresses = get_host_addresses(use_ipv4=True, use_ipv6=False) or ["127.0.0.1"]
    cert, key = certificate.make(settings.data_dir / "tls", [*addresses, "127.0.0.1"])
    return settings.model_copy(
        update={
            "host": "0.0.0.0",  # noqa: S104 - asked for with --lan
            "base_url": f"https://{addresses[0]}:{settings.port}",
            "tls_cert": cert,
            "tls_key": key,
        }
    )


async def prepare(settings: Settings, *, fresh: bool) -> None:
    """Makes the demonstration, anew if it is to be `fresh`. Raises `Misconfigured`."""
    if fresh:
        _clear_away(settings)
    await schema.migrate(settings.sqlalchemy_url)
    db = Database.connect(settings.sqlalchemy_url)
    ledger.record.install(db)
    try:
        await demo.prepare(db, settings)
    finally:
        await db.close()


def _clear_away(settings: Settings) -> None:
    """What an earlier demonstration left: its database, who is who in it, and what people put there."""
    if settings.database_url:
        raise Misconfigured(problem="--fresh empties the database in the data folder, and no other.")
    for path in (*settings.data_dir.glob("kinbridge.sqlite3*"), settings.data_dir / "demo.json"):
        path.unlink(missing_ok=True)
    for folder in ("recordings", "days", "handouts", "proofs"):
        shutil.rmtree(settings.data_dir / folder, ignore_errors=True)


def _greet(settings: Settings, *, lan: bool) -> None:
    print(f"\n  亲桥 Kinbridge — demonstration on {socket.gethostname()}\n\n    {settings.public_url}/demo\n")
    print("  Open it in three browser windows and sign in as:")
    for card in demo.CARDS:
        print(f"    {card.role:<24} {card.name}")
    print(
        "\n  One visit is due right now. Stop with Ctrl-C; start over with `kinbridge demo --fresh`.\n",
        flush=True,
    )
    if lan:
        segno.make(f"{settings.public_url}/demo").terminal(compact=True)
        print("  The phone will ask whether to trust this certificate: it was made just now.\n", flush=True)
