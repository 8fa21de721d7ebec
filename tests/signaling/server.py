"""The signaling endpoint behind a real uvicorn on a free port, in the test's own loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from core.bus import Bus
from core.db import Database
from core.settings import Settings
from signaling.client import Answer, Client
from signaling.endpoint import serve_socket


@dataclass
class Services:
    settings: Settings
    db: Database
    bus: Bus


def translate(language: str, english: str, params: dict[str, Any]) -> str:
    """Not the catalogs, but visibly a translation."""
    return f"[{language}] " + english.format(**params)


async def plain_answer(offer: str) -> str:
    """What the fake legs take for an answer."""
    return f"answer to {offer}"


class Server:
    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"ws://127.0.0.1:{port}/signal"

    def client(
        self, ticket: str, answer: Answer = plain_answer
    ) -> contextlib.AbstractAsyncContextManager[Client]:
        return Client.open(self.url, self.origin, ticket, answer)


@contextlib.asynccontextmanager
async def serving(settings: Settings, db: Database, bus: Bus) -> AsyncIterator[Server]:
    services = Services(settings, db, bus)

    async def signal(websocket: WebSocket) -> None:
        await serve_socket(websocket, services, translate)

    app = Starlette(routes=[WebSocketRoute("/signal", signal)])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, ws="websockets-sansio", log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(port)
    finally:
        server.should_exit = True
        await task
