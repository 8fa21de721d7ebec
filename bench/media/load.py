"""The peers' process: handshakes by aiortc, traffic by load.c. Speaks JSON lines on its pipes.

{"offer": …, "call": 0, "role": 0}  an offer to answer: {"answer": …}
{"publish": 0, "call": 0}           Janus wants the publisher's offer: {"offer": …}; then {"answered": …}
{"connected": n}                    waits until n peers are connected: {}
{"run": seconds, "loss": 200}       sends and takes; {} at once, and {"figures": …} at the end
{"measure": true}                   {"figures": …} so far; the delays since the last time
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import aioice.ice
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc import rtcdtlstransport as dtls
from cffi import FFI
from pylibsrtp import _binding

from bench.media import asset
from bench.media.bare import BarePeer
from signaling.library import context
from tests.signaling.raw_client import CONFIGURATION

_srtp: Any = _binding
_BUCKETS = 20_000
_factory: Any = FFI
ffi = _factory()
ffi.cdef("""
typedef struct load load;
load *ld_open(void *, void *, void *, void *);
void ld_asset(load *, int place, const void *items, int count, const void *data, int64_t length);
int ld_peer(load *, int fd, const char *host, int port, void *transmit, void *receive, int call, int role,
            uint32_t sound, uint32_t picture, uint32_t small, int sound_type, int picture_type, int shown_type);
void ld_run(load *, double seconds, int loss);
void ld_stop(load *);
void ld_results(load *, uint64_t *figures, uint64_t *delays);
int ld_no_protect(void *, void *, int *);
int ld_no_unprotect(void *, void *, int *);
""")
_NAMES = ("sent", "dropped", "resent", "received", "decrypted", "broken", "plis", "nacks", "pictures")


class Load:
    """load.c with its assets; `encrypted` false: both sides leave cryptography out."""

    def __init__(self, *, encrypted: bool, small: bool = False) -> None:
        with tempfile.TemporaryDirectory() as home:
            library = Path(home) / "load.so"
            source = Path(__file__).with_name("load.c")
            subprocess.run(["cc", "-O2", "-fPIC", "-shared", "-pthread", "-o", library, source], check=True)
            self.library = ffi.dlopen(str(library))
        names = ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp")
        functions = [int(_srtp.ffi.cast("uintptr_t", _srtp.ffi.addressof(_srtp.lib, name))) for name in names]
        if not encrypted:
            functions = [
                int(ffi.cast("uintptr_t", one))
                for one in [self.library.ld_no_protect, self.library.ld_no_unprotect] * 2
            ]
        self.handle = self.library.ld_open(*(ffi.cast("void *", one) for one in functions))
        self._assets = [asset.kept(role, small=small) for role in (0, 1)]
        self._kept: list[Any] = []
        for role, one in enumerate(self._assets):
            items, data = ffi.from_buffer(one.items), ffi.from_buffer(one.data)
            self._kept += [items, data]
            self.library.ld_asset(self.handle, role, items, one.count, data, asset.SECONDS * 1_000_000)

    def add(self, peer: "Peer", call: int, role: int) -> None:
        fd, (host, port) = peer.taken_over()
        sessions = [ffi.cast("void *", int(ffi.cast("uintptr_t", context(one)))) for one in peer.sessions()]
        done = self.library.ld_peer(
            self.handle, fd, host.encode(), port, *sessions, call, role, *peer.ssrcs, *peer.types, peer.shown
        )
        if done < 0:
            raise SystemExit("too many peers")

    def figures(self) -> dict[str, Any]:
        """Counts since the start; since the last time, the delays of sound in ms, and how long the peers' own thread
        took to look at what lay in their sockets."""
        figures, delays = ffi.new("uint64_t[9]"), ffi.new("uint64_t[]", 2 * _BUCKETS)
        self.library.ld_results(self.handle, figures, delays)
        told: dict[str, Any] = dict(zip(_NAMES, figures, strict=True))
        told["delay_ms"] = _parts(list(delays[0:_BUCKETS]))
        told["peers_looked_after_ms"] = _parts(list(delays[_BUCKETS : 2 * _BUCKETS]))
        return told


def _parts(counts: list[int]) -> dict[str, float]:
    """Percentiles in ms of a histogram by 10 microseconds."""
    total, told = sum(counts), {}
    for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)):
        seen = at = 0
        while total and at < _BUCKETS - 1 and seen + counts[at] < part * total:
            seen += counts[at]
            at += 1
        told[name] = round(at / 100, 2)
    return told


class Peer:
    """A connection of aiortc until it is connected; then its socket and keys are load.c's."""

    def __init__(self) -> None:
        self.pc = RTCPeerConnection(CONFIGURATION)
        self.ssrcs = [1, 2, 0]  # sound, picture, its small copy: 0 is none
        self.types, self.shown = [111, 96], 96

    async def answer(self, offer: str) -> str:
        await self.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in self.pc.getTransceivers():
            if (
                transceiver._offerDirection in ("sendonly", "recvonly")
                and transceiver._offerDirection == "sendonly"
            ):
                transceiver.direction = "sendonly"
        self._no_decoders()
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        self._note()
        return str(self.pc.localDescription.sdp)

    async def offer(self) -> str:
        """To publish, as Janus wants it."""
        for kind in ("audio", "video"):
            self.pc.addTransceiver(kind, direction="sendonly")
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def answered(self, answer: str) -> None:
        self._no_decoders()
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        self._note()

    def _no_decoders(self) -> None:
        for transceiver in self.pc.getTransceivers():
            transport: Any = transceiver.receiver.transport
            transport._handle_rtp_data = transport._handle_rtcp_data = _forget

    def _note(self) -> None:
        """What it sends under: its first sound and its first picture."""
        found: dict[str, tuple[int, int | None]] = {}
        small = 0
        pictures = (one for each in self.pc.getTransceivers() for one in each._codecs if one.name == "VP8")
        self.shown = next((one.payloadType or 96 for one in pictures), 96)
        for transceiver in self.pc.getTransceivers():
            sends = "send" in (transceiver.direction or "") and transceiver.currentDirection != "inactive"
            codecs = [codec for codec in transceiver._codecs if codec.name in ("opus", "VP8")]
            if sends and codecs and transceiver.kind not in found:
                found[transceiver.kind] = transceiver.sender._ssrc, codecs[0].payloadType
            elif sends and codecs and transceiver.kind == "video":
                small = transceiver.sender._ssrc
        if len(found) == 2:
            self.ssrcs = [found["audio"][0], found["video"][0], small]
            self.types = [found["audio"][1] or 111, found["video"][1] or 96]

    @property
    def _dtls(self) -> Any:
        return self.pc.getTransceivers()[0].receiver.transport

    @property
    def connected(self) -> bool:
        return str(self.pc.connectionState) == "connected"

    def sessions(self) -> tuple[Any, Any]:
        return self._dtls._tx_srtp, self._dtls._rx_srtp

    def taken_over(self) -> tuple[int, tuple[str, int]]:
        """Its socket, which the event loop reads no longer, and where it sends to. aiortc sends nothing more: its
        sessions are used in another thread from now on. Nor does aioice ask for consent: it would not hear the answers
        and close the socket after half a minute."""
        transport: Any = self._dtls
        transport._send_rtp = _forget
        connection = self._dtls.transport._connection
        connection._query_consent_task.cancel()
        pair = connection._nominated[1]
        fd = pair.protocol.transport.get_extra_info("socket").fileno()
        asyncio.get_running_loop()._remove_reader(fd)  # type: ignore[attr-defined]
        return fd, pair.remote_addr


async def _forget(*_: object, **__: object) -> None:
    """Takes what came between handshake and takeover."""


class Process:
    """Reads commands until its pipe is closed."""

    def __init__(self, host: str, *, encrypted: bool, small: bool) -> None:
        aioice.ice.get_host_addresses = lambda **_: [host]
        # One profile for everybody, so that everybody is measured with the same.
        dtls.SRTP_PROFILES[:] = [dtls.SRTP_AEAD_AES_128_GCM]
        self.load = Load(encrypted=encrypted, small=small)
        self.peers: list[tuple[Peer, int, int]] = []
        self.publishers: dict[tuple[int, int], Peer] = {}
        self.running: asyncio.Task[None] | None = None
        self.extra: list[BarePeer] = []

    async def handle(self, message: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = await getattr(self, f"_{next(iter(message))}")(message)
        return answer

    async def _bare(self, message: dict[str, Any]) -> dict[str, Any]:
        peer = BarePeer()
        self.extra.append(peer)
        return {"answer": await peer.answer(message["bare"])}

    async def _offer(self, message: dict[str, Any]) -> dict[str, Any]:
        peer = Peer()
        self.peers.append((peer, message["call"], message["role"]))
        return {"answer": await peer.answer(message["offer"])}

    async def _publish(self, message: dict[str, Any]) -> dict[str, Any]:
        peer = self.publishers[message["call"], message["publish"]] = Peer()
        self.peers.append((peer, message["call"], message["publish"]))
        return {"offer": await peer.offer()}

    async def _answered(self, message: dict[str, Any]) -> dict[str, Any]:
        await self.publishers[message["call"], message["role"]].answered(message["answered"])
        return {}

    async def _connected(self, message: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while sum(peer.connected for peer, _, _ in self.peers) < message["connected"]:  # noqa: ASYNC110 - there is a state to look at, no event
                await asyncio.sleep(0.05)
        return {}

    async def _run(self, message: dict[str, Any]) -> dict[str, Any]:
        for one in self.peers:
            self.load.add(*one)
        self.running = asyncio.create_task(asyncio.to_thread(self._send, message["run"], message["loss"]))
        return {}

    async def _measure(self, _message: dict[str, Any]) -> dict[str, Any]:
        return {"figures": self.load.figures()}

    async def _end(self, message: dict[str, Any]) -> dict[str, Any]:
        self.load.library.ld_stop(self.load.handle)
        if self.running is not None:
            await self.running
        return await self._measure(message)

    def _send(self, seconds: float, loss: int) -> None:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        self.load.library.ld_run(self.load.handle, seconds, loss)


async def serve(host: str, *, encrypted: bool, small: bool) -> None:
    process = Process(host, encrypted=encrypted, small=small)
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        print(json.dumps(await process.handle(json.loads(line))), flush=True)
    os._exit(0)  # aiortc's tasks are not worth waiting for


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], encrypted=sys.argv[2] != "bare", small=sys.argv[2] == "small"))
