"""The other end of docs/protocol.md, for load generators, benchmarks and tests: a client without a browser.

It speaks the socket and leaves the media to whoever uses it: `answer` is called with the server's offer.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from signaling.messages import MAX_BYTES, VERSION, Message

Answer = Callable[[str], Awaitable[str]]
"""The server's SDP offer -> our SDP answer."""
_PING_EVERY = 5.0  # seconds


class ClosedByServerError(Exception):
    """The server closed the socket; `code` and `reason` as in docs/protocol.md."""

    def __init__(self, code: int, error: str) -> None:
        super().__init__(f"{code} {error}")
        self.code = code
        self.error = error


class Client:
    """One socket. `messages` is all that was heard, in order; `state` the last state."""

    def __init__(self, socket: ClientConnection, answer: Answer) -> None:
        self.messages: list[Message] = []
        self.state: Message = {}
        self.closed: ClosedByServerError | None = None
        self._socket = socket
        self._answer = answer
        self._news = asyncio.Condition()
        self._acts = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, url: str, origin: str, ticket: str, answer: Answer) -> AsyncIterator["Client"]:
        """Says `hello` with the ticket, answers offers and pings by itself until the block ends."""
        async with connect(url, origin=origin, max_size=16 * MAX_BYTES, proxy=None) as socket:  # type: ignore[arg-type]
            client = cls(socket, answer)
            tasks = [asyncio.create_task(client._listen()), asyncio.create_task(client._ping())]
            await client.send({"type": "hello", "ticket": ticket, "version": VERSION})
            try:
                yield client
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def send(self, message: Message) -> None:
        await self.send_raw(json.dumps(message))

    async def send_raw(self, frame: str | bytes) -> None:
        await self._socket.send(frame)

    async def act(self, act: str, **fields: Any) -> Message:
        """Does an act of supervision; answers `done` or `refused`."""
        self._acts += 1
        number = f"a{self._acts}"
        await self.send({"type": "act", "id": number, "act": act, **fields})
        return await self.heard(lambda m: m["type"] in ("done", "refused") and m["id"] == number)

    async def heard(self, wanted: Callable[[Message], bool], within: float = 10.0) -> Message:
        """The first message like this, heard already or to come. Raises `ClosedByServerError`, `TimeoutError`."""

        def found() -> Message | None:
            return next((message for message in self.messages if wanted(message)), None)

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: found() is not None or self.closed is not None)
        message = found()
        if message is None:
            raise self.closed or TimeoutError
        return message

    async def until(self, wanted: Callable[[Message], bool], within: float = 10.0) -> Message:
        """The present state, as soon as it is like this."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(
                lambda: (bool(self.state) and wanted(self.state)) or self.closed is not None
            )
        if not wanted(self.state):
            raise self.closed or TimeoutError
        return self.state

    async def ended(self, within: float = 10.0) -> ClosedByServerError:
        """How the server closed the socket."""
        async with asyncio.timeout(within), self._news:
            while self.closed is None:
                await self._news.wait()
            return self.closed

    async def _listen(self) -> None:
        error = ""
        try:
            async for frame in self._socket:
                message = json.loads(frame)
                if message["type"] == "error":
                    error = message["code"]
                await self._take(message)
        except ConnectionClosed:
            pass
        async with self._news:
            self.closed = ClosedByServerError(self._socket.close_code or 1006, error)
            self._news.notify_all()

    async def _take(self, message: Message) -> None:
        async with self._news:
            self.messages.append(message)
            if message["type"] == "state":
                self.state = message
            self._news.notify_all()
        if message["type"] == "offer":
            await self.send(
                {"type": "answer", "offer": message["id"], "sdp": await self._answer(message["sdp"])}
            )

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_EVERY)
            await self.send({"type": "ping", "at": 0})
