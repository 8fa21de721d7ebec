"""The server's end of a page's signaling, in the hands of a test: real HTTP and real sockets, which say or keep to
themselves what the test wants. The page's time is the test's, too, and stands still while anything is under way."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import uvicorn
from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from core import clock

SCRIPTS = Path(__file__).parents[2] / "web" / "static" / "js"
PAGE_SIDE = Path(__file__).with_name("far_end.js").read_text(encoding="utf-8")
PATIENCE = 60.0  # real seconds


class FarEnd:
    """`door`: what becomes of a new socket: welcomed, refused, or left hanging. `answers`: whether what is asked
    from now on is answered; `refusal`: the code that is, instead of a ticket. `seats`: the sockets that said hello."""

    def __init__(self) -> None:
        self.door: Literal["open", "refused", "half"] = "open"
        self.answers = True
        self.refusal = ""
        self.counts: Counter[str] = Counter(
            dict.fromkeys(("made", "opened", "failed", "sent", "heard", "asked", "answered"), 0)
        )
        self.seats: list[WebSocket] = []
        self.left = asyncio.Event()  # the page: nothing is withheld from it any more
        self._withheld: list[asyncio.Event] = []
        self._owed: list[tuple[WebSocket, dict[str, Any]]] = []
        self._dead: set[WebSocket] = set()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", lambda _: HTMLResponse("<!doctype html><title>far end</title>")),
                Route("/ticket", self._ticket, methods=["POST"]),
                WebSocketRoute("/signal", self._signal),
                Mount("/js", StaticFiles(directory=SCRIPTS)),
            ]
        )

    def die(self) -> None:
        """The network through which everything of now came is dead: no socket says anything more."""
        self._dead.update(self.seats)

    async def let_go(self) -> None:
        """What was withheld arrives after all."""
        self.answers = True
        for event in self._withheld:
            event.set()
        for socket, message in self._owed:
            await self.say(socket, message)
        self._withheld.clear()
        self._owed.clear()

    async def _ticket(self, _: Request) -> JSONResponse:
        self.counts["asked"] += 1
        if not self.answers:
            self._withheld.append(event := asyncio.Event())
            await event.wait()
        self.counts["answered"] += 1
        if self.refusal:
            return JSONResponse({"code": self.refusal, "text": ""}, status_code=409)
        return JSONResponse({"ticket": f"kbt_{self.counts['answered']}", "expires_in": 60})

    async def _signal(self, socket: WebSocket) -> None:
        self.counts["made"] += 1
        if self.door == "half":
            await self.left.wait()
        if self.door == "refused":
            self.counts["failed"] += 1
        if self.door != "open" or self.left.is_set():
            await socket.close(4403)
            return
        await socket.accept()
        self.counts["opened"] += 1
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await self._hear(socket, json.loads(await socket.receive_text()))

    async def _hear(self, socket: WebSocket, message: dict[str, Any]) -> None:
        self.counts["sent"] += 1
        if message["type"] == "hello":
            self.seats.append(socket)
            await self.say(socket, {"type": "welcome"})
        elif message["type"] == "ping" and self.answers:
            await self.say(socket, {"type": "pong", "at": message["at"]})
        elif message["type"] == "ping":
            self._owed.append((socket, {"type": "pong", "at": message["at"]}))

    async def say(self, socket: WebSocket, message: dict[str, Any]) -> None:
        if socket not in self._dead:
            self.counts["heard"] += 1
            await socket.send_text(json.dumps(message))


class Near:
    """The page, whose time passes when the test says so."""

    def __init__(self, page: Page, far: FarEnd) -> None:
        self.page = page
        self._far = far
        self._looked = 0

    async def begins(self, window: int = 120_000) -> None:
        await self.page.evaluate(f"begin({window})")
        await self.settled()
        await self.passes(3000)
        assert (await self.log())[-2:] == ["connecting", "open"]

    async def passes(self, milliseconds: float) -> None:
        while milliseconds > 0:
            milliseconds = await self.page.evaluate(f"pass({milliseconds})")
            await self.settled()

    async def flow(self, flows: bool) -> None:
        """Whether media come from now on."""
        await self.page.evaluate(f"media.flow = {json.dumps(flows)}")

    async def settled(self) -> None:
        """All that was sent has arrived, at both ends, save what the far end withholds."""
        deadline = clock.monotonic() + PATIENCE
        while (counts := await self.page.evaluate("counts")) != self._far.counts:
            assert clock.monotonic() < deadline, (counts, self._far.counts)
            await asyncio.sleep(0.002)

    async def log(self) -> list[str]:
        """What happened since the last look."""
        return [what for _, what in await self.times()]

    async def times(self) -> list[tuple[int, str]]:
        """The same, with the page's milliseconds since the look before that."""
        found, now = await self.page.evaluate("[log.splice(0), Math.round(performance.now())]")
        since, self._looked = self._looked, now
        return [(at - since, what) for at, what in found]


@contextlib.asynccontextmanager
async def connected(browser: Browser, window: int = 120_000) -> AsyncIterator[tuple[Near, FarEnd]]:
    """A page with a seat, whose media came all the time. `window`: milliseconds for which it tries to come back."""
    far = FarEnd()
    config = uvicorn.Config(
        far.app(), host="127.0.0.1", port=0, ws="websockets-sansio", log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.add_init_script(PAGE_SIDE)
        await page.goto(f"http://127.0.0.1:{port}/")
        near = Near(page, far)
        await near.begins(window)
        yield near, far
    finally:
        far.left.set()
        await far.let_go()
        await context.close()
        server.should_exit = True
        await serving
