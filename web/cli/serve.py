"""`kinbridge serve`: one web process; with the embedded media node and worker it is the whole platform."""

import argparse
import asyncio
import contextlib
import sys

import uvicorn

from core import garbage, log
from core import settings as core_settings
from core.settings import Settings
from web.app import create_app
from web.cli.parts import require_parts

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
    asyncio.run(require_parts(settings))
    return listen(settings)


def listen(settings: Settings) -> int:
    """Serves until it is told to stop. 1 when it could not begin."""
    log.configure(settings.log_level)
    config = uvicorn.Config(
        create_app(settings),
        host="" if settings.host == "*" else settings.host,  # none named: IPv4 and IPv6
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
    with contextlib.suppress(SystemExit):  # so it says that it could not start, after its log has said why
        server.run()
    if server.started:
        return 0
    sys.stderr.write(
        f"kinbridge: could not serve on {settings.host}:{settings.port}; what stands above says why\n"
    )
    return 1
