"""A peer of our own on our own port: ICE, DTLS and SRTP as a browser does them, without a browser or a codec.

For the canary, which must send real packets and see every packet that comes back. It answers the server's offer,
checks the server's address itself (RFC 8445, controlling), opens the handshake, and counts what it is sent.
"""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass, field

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate

from rooms.client import MediaKind
from rooms.rtp import HEADER, PAYLOAD_TYPE, BadPacket, payload_span
from signaling.dtls import LegDtls, Pipe

_CHECK_EVERY = 0.2  # seconds between two binding requests until the server has answered one
_WITHIN = 40.0  # seconds until media must flow, on a busy machine, too


@dataclass(frozen=True, slots=True)
class Offered:
    """What a probe needs of an offer."""

    ufrag: str
    password: str
    fingerprint: tuple[str, str]
    hosts: tuple[str, ...]
    port: int
    media: tuple[tuple[str, str, str], ...]  # kind, formats, direction that the server wants


def read(offer: str) -> Offered:
    """Reads an offer of `signaling.sdp`; only ever our own."""
    lines = offer.splitlines()

    def first(name: str) -> str:
        return next(line for line in lines if line.startswith(f"a={name}:")).partition(":")[2]

    media = []
    for line in lines:
        if line.startswith("m="):
            kind, _, _, *formats = line[2:].split()
            media.append([kind, " ".join(formats), ""])
        elif line in ("a=sendonly", "a=recvonly"):
            media[-1][2] = line[2:]
    candidates = [line.split() for line in lines if line.startswith("a=candidate:")]
    algorithm, _, digits = first("fingerprint").partition(" ")
    return Offered(
        ufrag=first("ice-ufrag"),
        password=first("ice-pwd"),
        fingerprint=(algorithm, digits),
        hosts=tuple(dict.fromkeys(candidate[4] for candidate in candidates)),
        port=int(candidates[0][5]),
        media=tuple((kind, formats, direction) for kind, formats, direction in media),
    )


@dataclass
class Probe(asyncio.DatagramProtocol):
    """`sound`, `pictures`: packets that came; `payloads` what they carried. One connection, `close` at the end."""

    certificate: RTCCertificate
    sound: int = 0
    pictures: int = 0
    payloads: list[bytes] = field(default_factory=list)
    offered: Offered | None = None
    _sequence: Counter[MediaKind] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(16)
        self._ssrc = {kind: secrets.randbits(31) + 1 for kind in MediaKind}
        self._transport: asyncio.DatagramTransport | None = None
        self._pipe = Pipe(self._out, Counter())
        self._dtls = LegDtls(self._pipe, self.certificate)
        self._path = asyncio.Event()

    @property
    def lines_for_sound(self) -> int:
        """m-lines on which the server could send sound."""
        media = self.offered.media if self.offered is not None else ()
        return sum(kind == MediaKind.AUDIO and way == "sendonly" for kind, _, way in media)

    def answer(self, offer: str) -> str:
        """Takes every line as it is offered."""
        self.offered = read(offer)
        fingerprint = self._dtls.getLocalParameters().fingerprints[0].value
        mids = " ".join(str(n) for n in range(len(self.offered.media)))
        text = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
        for mid, (kind, formats, direction) in enumerate(self.offered.media):
            text += [
                f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}",
                "c=IN IP4 0.0.0.0",
                f"a=mid:{mid}",
                "a=recvonly" if direction == "sendonly" else "a=sendonly",
                "a=rtcp-mux",
                f"a=ice-ufrag:{self._ufrag}",
                f"a=ice-pwd:{self._password}",
                f"a=fingerprint:sha-256 {fingerprint}",
                "a=setup:active",
            ]
        return "\r\n".join(text) + "\r\n"

    async def connect(self) -> None:
        """Till packets can be sent. Raises `TimeoutError`, `ConnectionError`."""
        offered = self.offered
        if offered is None:
            raise ConnectionError("nothing was offered")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_WITHIN):
            for host in offered.hosts:  # the first that answers
                self._transport, _ = await loop.create_datagram_endpoint(
                    lambda: self, remote_addr=(host, offered.port)
                )
                if await self._check(offered):
                    break
                self._transport.close()
            if not await self._dtls.shake_hands((offered.fingerprint,), server=False):
                raise ConnectionError("no handshake")

    async def _check(self, offered: Offered) -> bool:
        for _ in range(round(2 / _CHECK_EVERY)):
            request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
            request.attributes["USERNAME"] = f"{offered.ufrag}:{self._ufrag}"
            request.attributes["PRIORITY"] = 1
            request.attributes["ICE-CONTROLLING"] = 0
            request.attributes["USE-CANDIDATE"] = None
            request.add_message_integrity(offered.password.encode())
            self._out(bytes(request))
            try:
                async with asyncio.timeout(_CHECK_EVERY):
                    await self._path.wait()
            except TimeoutError:
                continue
            return True
        return False

    def send(self, kind: MediaKind, payload: bytes) -> None:
        """One packet of sound (20 ms) or one picture."""
        number = self._sequence[kind] = self._sequence[kind] + 1
        clock = number * (960 if kind is MediaKind.AUDIO else 9000)
        header = HEADER.pack(0x80, 0x80 | PAYLOAD_TYPE[kind], number, clock, self._ssrc[kind])
        _, sending = self._dtls.sessions()
        self._out(sending.protect(header + payload))

    def _out(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        if not data:
            return
        if data[0] < 4:
            self._path.set()  # an answer, or the server's own question: it knows us
        elif 19 < data[0] < 64:
            self._pipe.put(data)
        elif 127 < data[0] < 192 and not 191 < data[1] < 224:
            self._media(data)

    def _media(self, data: bytes) -> None:
        receiving, _ = self._dtls.sessions()
        packet = receiving.unprotect(data)
        if packet[1] & 0x7F == PAYLOAD_TYPE[MediaKind.AUDIO]:
            self.sound += 1
        else:
            self.pictures += 1
        try:
            start, end = payload_span(packet)
        except BadPacket:
            start, end = 12, len(packet)
        self.payloads.append(bytes(packet[start:end]))

    async def close(self) -> None:
        await self._dtls.finish()
        if self._transport is not None:
            self._transport.close()
