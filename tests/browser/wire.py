"""One person's line to the product, in our hands: everything of that browser goes through it, TCP and UDP.

A cut line swallows packets and keeps connections open, as a dead Wi-Fi does; nobody is told. No root is
needed: the page's candidates are rewritten on their way into the browser, so that its media goes through
`UdpPipe`, and the page itself is opened through `TcpPipe`.
"""

import asyncio
import contextlib
import json
import random
from dataclasses import dataclass, field
from typing import cast

Address = tuple[str, int]

# Runs before the page: the server's UDP candidates are replaced by our own port. The port that the server
# itself listens on is told to the test by `wire.server_port`.
_REWRITE = """(() => {
  const original = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = description.sdp.replace(
      /(a=candidate:\\S+ 1 udp \\d+ )(\\S+) (\\d+)/gi,
      (whole, head, host, port) => { window.serverPort = Number(port); return `${head}127.0.0.1 ${PORT}`; });
    return original.call(this, { type: description.type, sdp });
  };
})();"""


class _Relay(asyncio.DatagramProtocol):
    """Gives every datagram to `receive`."""

    def __init__(self, pipe: "UdpPipe", peer: Address | None) -> None:
        self.pipe = pipe
        self.peer = peer  # of the server's side: whose datagrams these are
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: Address) -> None:
        self.pipe.carry(self, data, address)


class UdpPipe:
    """Between a browser's sockets and the media port of the server: one socket of ours for each of theirs."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self._front: _Relay | None = None
        self._back: dict[Address, _Relay] = {}
        self._opening: set[Address] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        loop = asyncio.get_running_loop()
        transport, self._front = await loop.create_datagram_endpoint(
            lambda: _Relay(self, None), local_addr=("127.0.0.1", 0)
        )
        port: int = transport.get_extra_info("sockname")[1]
        return port

    def carry(self, relay: _Relay, data: bytes, address: Address) -> None:
        shape = self._wire.down if relay.peer is not None else self._wire.up
        wait = shape.wait(len(data)) if self._wire.whole else None
        if wait is None:
            self._wire.swallowed += 1
        elif wait > 0:
            asyncio.get_running_loop().call_later(wait, self._pass, relay, data, address)
        else:
            self._pass(relay, data, address)

    def _pass(self, relay: _Relay, data: bytes, address: Address) -> None:
        if relay.peer is not None:
            assert self._front is not None
            if self._front.transport is not None:
                self._front.transport.sendto(data, relay.peer)
        elif (back := self._back.get(address)) is not None and back.transport is not None:
            back.transport.sendto(data, ("127.0.0.1", self._wire.server_port))
        elif address not in self._opening and self._wire.server_port:
            # The first datagram is lost; ICE repeats it.
            self._opening.add(address)
            task = asyncio.get_running_loop().create_task(self._open_back(address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open_back(self, address: Address) -> None:
        _, self._back[address] = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Relay(self, address), local_addr=("127.0.0.1", 0)
        )

    def close(self) -> None:
        for relay in (self._front, *self._back.values()):
            if relay is not None and relay.transport is not None:
                relay.transport.close()


@dataclass
class Shape:
    """What one direction does to datagrams: loses some at random, and carries `rate` bit/s (0: any) behind a queue
    of so many seconds."""

    loss: float = 0.0
    rate: float = 0.0
    queue: float = 0.3
    _free_at: float = 0.0
    _dice: random.Random = field(default_factory=lambda: random.Random(11))

    def wait(self, size: int) -> float | None:
        """Seconds until a datagram of so many bytes has passed; `None`: it is lost."""
        if self._dice.random() < self.loss:
            return None
        if not self.rate:
            return 0.0
        now = asyncio.get_running_loop().time()
        begins = max(now, self._free_at)
        if begins - now > self.queue:
            return None
        self._free_at = begins + (size + 28) * 8 / self.rate
        return self._free_at - now


class Wire:
    """`up`, `down`: what each direction does to media (the page's own TCP is let through whole).

    `whole`: whether the line carries. `server_port`: the product's media port, once the page has seen it."""

    def __init__(self, http_port: int) -> None:
        self.http_port = http_port
        self.server_port = 0
        self.swallowed = 0
        self.whole = True
        self.up, self.down = Shape(), Shape()
        self.port = 0
        self.udp_port = 0
        self._udp = UdpPipe(self)
        self._server: asyncio.Server | None = None
        self._mended = asyncio.Event()
        self._mended.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self.udp_port = await self._udp.open()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def script(self) -> str:
        """To be run in each page of this person before its own scripts."""
        return _REWRITE.replace("${PORT}", json.dumps(self.udp_port))

    def cut(self) -> None:
        self.whole = False
        self._mended.clear()

    def mend(self) -> None:
        self.whole = True
        self._mended.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.http_port)
        self._writers |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.get_running_loop().create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                await self._mended.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
        self._writers.discard(sink)

    async def close(self) -> None:
        self.mend()
        self._udp.close()
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
