"""`kinbridge serve`: one web process; with the embedded media node and worker it is the whole platform."""

import argparse
import asyncio
import sys

import uvicorn

from core import garbage, log, schema
from core import settings as core_settings
from core.errors import Misconfigured
from core.settings import Settings
from web.app import create_app

# A frame above the protocol's 64 KiB is read only so far that it can be refused by name; see docs/protocol.md.
_FRAME_LIMIT = 128 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (KINBRIDGE_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="TCP port (KINBRIDGE_PORT, 8000)")


def overrides(args: argparse.Namespace) -> dict[str, object]:
    """The settings that the command line gives; they win over the environment."""
    return {name: value for name in ("host", "port") if (value := getattr(args, name)) is not None}


def run(args: argparse.Namespace) -> int:
    settings = core_settings.from_environment(**overrides(args))
    asyncio.run(require_migrated(settings))
    listen(settings)
    return 0


async def require_migrated(settings: Settings) -> None:
    """Raises `Misconfigured` when the database is older or newer than this program."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    present, needed = await schema.present_revision(settings.sqlalchemy_url), schema.newest_revision()
    if present != needed:
        raise Misconfigured(
            problem=f"the database is at revision {present or 'none'}, this program needs {needed}: "
            "run `kinbridge migrate`"
        )


def listen(settings: Settings) -> None:
    """Serves until it is told to stop."""
    log.configure(settings.log_level)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=_FRAME_LIMIT,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.split("trusted_proxies")),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    garbage.settle()
    server.run()
    if not server.started:
        sys.stderr.write(f"kinbridge: could not listen on {settings.host}:{settings.port}\n")
        raise SystemExit(1)
