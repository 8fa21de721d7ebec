"""Peers for legs: aiortc's own ICE, DTLS and SRTP over real loopback UDP, with packets made by hand."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcdtlstransport import RTCDtlsTransport

from rooms import rtcp
from rooms.client import MediaKind
from signaling.peer import PeerLeg
from tests.fakes.rtp import Seen, packet, seen


class Events:
    """What legs told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def leg_connected(self, leg_id: str) -> None:
        self.told.append(("connected", leg_id))

    def leg_lost(self, leg_id: str) -> None:
        self.told.append(("lost", leg_id))

    def leg_back(self, leg_id: str) -> None:
        self.told.append(("back", leg_id))

    def leg_failed(self, leg_id: str) -> None:
        self.told.append(("failed", leg_id))

    def of(self, leg_id: str) -> list[str]:
        return [what for what, who in self.told if who == leg_id]


# With aiortc's default the second video m-line stays on a transport that was thrown away.
CONFIGURATION = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)


_opened: list[RTCPeerConnection] = []


def connection(configuration: RTCConfiguration = CONFIGURATION) -> RTCPeerConnection:
    """A connection that `close_all` closes."""
    made = RTCPeerConnection(configuration)
    _opened.append(made)
    return made


async def close_all() -> None:
    """The fixture does it, also after a failure: aiortc's decoder threads would keep the whole run from ending."""
    while _opened:
        await _opened.pop().close()


class RawClient:
    """A browser, as far as the server can tell."""

    def __init__(self, configuration: RTCConfiguration = CONFIGURATION) -> None:
        self.pc = connection(configuration)
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.ssrc: dict[MediaKind, int] = {}
        self.offer = ""

    @property
    def dtls(self) -> RTCDtlsTransport:
        return self.pc.getTransceivers()[0].receiver.transport

    async def answer(self, offer: str, *, passive: bool = False) -> str:
        """Takes an offer, gives the answer; publishes where it is offered to."""
        self.offer = offer
        await self.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in self.pc.getTransceivers():
            kind = MediaKind(transceiver.kind)
            # A second line for pictures is for the small copy: it is answered with nothing.
            if transceiver._offerDirection == "sendonly" and kind not in self.ssrc:
                transceiver.direction = "sendonly"
                self.ssrc[kind] = transceiver.sender._ssrc
        if passive:
            self.dtls._set_role("server")
        # Decrypted packets end here instead of in aiortc's decoders.
        self.dtls._handle_rtp_data = self._took_rtp  # type: ignore[method-assign]
        self.dtls._handle_rtcp_data = self._took_rtcp  # type: ignore[method-assign]
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        return self.pc.localDescription.sdp

    async def _took_rtp(self, data: bytes, arrival_time_ms: int) -> None:
        self.rtp.append(data)

    async def _took_rtcp(self, data: bytes) -> None:
        self.rtcp.append(data)

    async def send(
        self, kind: MediaKind, sequence: int, payload: bytes, timestamp: int = 0, *, marker: bool = False
    ) -> None:
        data = packet(kind, sequence, timestamp, self.ssrc[kind], payload, marker=marker)
        await self.dtls._send_rtp(data)

    def got(self, mid: str) -> list[Seen]:
        """The packets of one m-line, by the SSRC that the offer announced for it."""
        section = next(part for part in self.offer.split("m=")[1:] if f"a=mid:{mid}\r" in part)
        ssrc = int(section.split("a=ssrc:")[1].split(" ")[0])
        return [s for s in map(seen, self.rtp) if s.ssrc == ssrc]

    def asked(self, kind: type[rtcp.Message]) -> list[rtcp.Message]:
        return [m for data in self.rtcp for m in rtcp.parse(data) if isinstance(m, kind)]

    async def close(self) -> None:
        await self.pc.close()


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Waits for something that must come true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def join(leg: PeerLeg, client: RawClient, **options: bool) -> None:
    """Offer and answer, until media can flow."""
    await leg.accept(await client.answer(await leg.offer(), **options))
    await until(lambda: leg.ready and client.pc.connectionState == "connected")


class Router(asyncio.DatagramProtocol):
    """Stands between one client and the server as a router does: it loses packets and forgets mappings."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.loss = 0.0  # of media packets
        self.all_loss = 0.0  # of everything, STUN and DTLS too
        self.cut = False
        self._random = random.Random(7)
        self._client: tuple[str, int] | None = None
        self._inner: asyncio.DatagramTransport | None = None
        self._outer: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._inner, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        await self.rebind()

    async def rebind(self) -> None:
        """The server sees another address from now on; what is sent to the old one is lost."""
        if self._outer is not None:
            self._outer.close()
        loop = asyncio.get_running_loop()
        self._outer, _ = await loop.create_datagram_endpoint(
            lambda: _Outside(self), local_addr=("127.0.0.1", 0)
        )

    def close(self) -> None:
        for transport in (self._inner, self._outer):
            if transport is not None:
                transport.close()

    def through(self, offer: str) -> str:
        """The offer, with the router's address in place of the server's."""
        assert self._inner is not None
        own = self._inner.get_extra_info("sockname")[1]
        return offer.replace(f" {self.server[1]} ", f" {own} ")

    def _passes(self, data: bytes) -> bool:
        media = 127 < data[0] < 192 and not 191 < data[1] < 224
        return not self.cut and self._random.random() >= max(self.all_loss, self.loss if media else 0)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._client = addr
        if self._outer is not None and self._passes(data):
            self._outer.sendto(data, self.server)

    def from_server(self, data: bytes) -> None:
        if self._inner is not None and self._client is not None and self._passes(data):
            self._inner.sendto(data, self._client)


class _Outside(asyncio.DatagramProtocol):
    def __init__(self, router: Router) -> None:
        self._router = router

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._router.from_server(data)
