"""A whole server without its handshakes: both back-ends get the same datagrams at the same moments.

Keys, SSRCs, first numbers and the clock are given, so every byte that leaves is determined. Peers are UDP sockets;
the native core is stepped by hand instead of running its thread.
"""

import random
import socket
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aioice import stun
from pylibsrtp import Policy, Session

from rooms.client import MediaKind
from rooms.rtp import RTX
from signaling.library import Wanted
from signaling.native import NativeCore
from signaling.peer import PeerFactory, PeerLeg
from signaling.srtp import Srtp
from tests.conftest import FakeClock
from tests.fakes.rtp import FakeSink
from tests.signaling.raw_client import Events

GCM, SHA1 = Policy.SRTP_PROFILE_AEAD_AES_128_GCM, Policy.SRTP_PROFILE_AES128_CM_SHA1_80
KEY_SIZE = {GCM: 28, SHA1: 30}


def session(name: str, profile: int, direction: int) -> Session:
    """The same name is the same key."""
    key = random.Random(name).randbytes(KEY_SIZE[profile])
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=profile))


@dataclass
class Peer:
    """One leg and the socket of its peer."""

    name: str
    leg: PeerLeg
    socket: socket.socket
    seal: Session  # what the peer encrypts with
    open: Session
    rtp: list[bytes] = field(default_factory=list)  # as they came, encrypted
    rtcp: list[bytes] = field(default_factory=list)
    plain: list[bytes] = field(default_factory=list)  # RTP, decrypted
    sink: FakeSink = field(default_factory=FakeSink)

    def take(self) -> None:
        """Reads what came for it."""
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            if 191 < data[1] < 224:
                self.rtcp.append(data)
            else:
                self.rtp.append(data)
                self.plain.append(self.open.unprotect(data))


class World:
    """One server on one back-end."""

    def __init__(
        self,
        backend: Wanted,
        clock: FakeClock,
        monkeypatch: pytest.MonkeyPatch,
        *,
        threaded: bool = False,
        host: str = "127.0.0.1",
    ) -> None:
        """`threaded`: the native core runs as it does in the product."""
        chance = random.Random(11)
        drawn = SimpleNamespace(randbelow=chance.randrange, randbits=chance.getrandbits)
        monkeypatch.setattr("rooms.relay.randbits", chance.getrandbits)
        monkeypatch.setattr("rooms.downstream.secrets", drawn)
        if not threaded:
            monkeypatch.setattr(NativeCore, "start", lambda _core: None)
        self.clock, self.host = clock, host
        self.factory = PeerFactory(0, [host], backend=backend)
        assert (self.factory.udp.core is not None) is (backend == "native")
        self.factory.udp.open(0, [host])
        self.peers: dict[str, Peer] = {}

    async def add(self, name: str, profile: int = GCM, *, low: bool = False) -> Peer:
        leg = await self.factory.open(name, Events(), publishes=frozenset(MediaKind), lines=2, low=low)
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind((self.host, 0))
        sock.connect((self.host, self.factory.port))
        sock.setblocking(False)
        inbound, outbound = Policy.SSRC_ANY_INBOUND, Policy.SSRC_ANY_OUTBOUND
        receive, send = session(name + "-up", profile, inbound), session(name + "-down", profile, outbound)
        leg._srtp = Srtp(receive, send, self.factory.udp.inbox, self.factory.outbox)
        if leg._native is not None:
            leg._native.key(receive, send)
        self.nominate(leg, sock.getsockname())
        for down in leg.relay.downs.values():
            down.takes |= {RTX} if name != "plain" else set()
        leg.relay.update(self.clock.monotonic())
        peer = Peer(
            name,
            leg,
            sock,
            session(name + "-up", profile, outbound),
            session(name + "-down", profile, inbound),
        )
        self.peers[name] = peer
        return peer

    def nominate(self, leg: PeerLeg, address: tuple[Any, ...]) -> None:
        """As an authentic check with USE-CANDIDATE does."""
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USE-CANDIDATE"] = None
        endpoint = self.factory.udp._endpoints[0]
        assert leg._agent.checked(endpoint, address, message, self.clock.monotonic())

    def step(self) -> None:
        """The server works off what has come, the peers read what it sent."""
        udp = self.factory.udp
        if udp.core is None:
            for endpoint in udp._endpoints:
                udp._drain(endpoint)
        else:
            udp.core.library.kb_step(udp.core.handle, self.clock.monotonic())
            self.pump()
        self.read()

    def pump(self) -> None:
        """Python hears what the native core hands over; what it does about it may make more."""
        core = self.factory.udp.core
        while core is not None:
            tails: list[Any] = [*core._tails]
            core.read()
            core.tick()
            if tails == core._tails:
                return

    def read(self) -> None:
        for peer in self.peers.values():
            peer.take()

    async def close(self) -> None:
        for peer in self.peers.values():
            peer.socket.close()
        await self.factory.close()
