"""The ICE-lite agent on real loopback sockets: who may claim an address, and what is dropped."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
from aioice import stun
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock as core_clock
from core.errors import Misconfigured, Unavailable
from signaling.addresses import own_addresses
from signaling.binding import parse_binding
from signaling.ice import Agent, UdpPort
from tests.conftest import FakeClock


class Owner:
    """A leg that remembers what it got."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.handshake: list[bytes] = []
        self.last_heard = float("-inf")
        self.reached = 0
        self.port: UdpPort | None = None

    def media(self, size: int, now: float) -> None:
        assert self.port is not None
        self.got.append(bytes(self.port.inbox.view[:size]))

    def dtls(self, data: bytes) -> None:
        self.handshake.append(data)

    def heard(self, now: float) -> None:
        self.last_heard = now

    def reachable(self) -> None:
        self.reached += 1


class Peer:
    """A UDP socket that speaks STUN; closed by the fixture `port`."""

    opened: ClassVar[list[socket.socket]] = []

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.settimeout(30)
        self.host = host
        Peer.opened.append(self.sock)

    def send(self, port: UdpPort, data: bytes) -> None:
        self.sock.sendto(data, (self.host, port.number))

    async def receive(self) -> tuple[bytes, tuple[str, int]]:
        data, address = await asyncio.to_thread(self.sock.recvfrom, 2000)
        return data, address[:2]


def check(agent: Agent, *, password: str | None = None, ufrag: str | None = None, use: bool = False) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{ufrag or agent.ufrag}:peer"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    if use:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity((password or agent.password).encode())
    return bytes(message)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0.01)


@pytest.fixture
async def port() -> AsyncIterator[UdpPort]:
    udp = UdpPort(Counter())
    udp.open(0, ["127.0.0.1", "::1"])
    yield udp
    udp.close()
    while Peer.opened:
        Peer.opened.pop().close()


def leg(port: UdpPort) -> tuple[Owner, Agent]:
    owner = Owner()
    owner.port = port
    return owner, port.agent(owner)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_check_is_answered_from_the_address_that_was_asked(port: UdpPort, host: str) -> None:
    owner, agent = leg(port)
    peer = Peer(host)
    peer.send(port, check(agent, use=True))
    data, source = await peer.receive()
    answer = stun.parse_message(data)
    assert source == (host, port.number)
    assert answer.message_class == stun.Class.RESPONSE
    assert answer.check_message_integrity(agent.password.encode())
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == peer.sock.getsockname()[:2]
    assert owner.reached == 1
    agent.send(b"\x80hello")
    assert (await peer.receive())[0] == b"\x80hello"


async def test_media_and_dtls_go_to_the_leg_that_claimed_the_address(port: UdpPort) -> None:
    (one, first), (two, second) = leg(port), leg(port)
    here, there = Peer(), Peer()
    here.send(port, check(first, use=True))
    there.send(port, check(second, use=True))
    await settle()
    here.send(port, b"\x80one")
    there.send(port, b"\x80two")
    there.send(port, b"\x16handshake")
    await settle()
    assert (one.got, two.got, two.handshake) == ([b"\x80one"], [b"\x80two"], [b"\x16handshake"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x80media of a stranger", "unclaimed"),
        (b"\x16handshake of a stranger", "unclaimed"),
        (b"", "unknown-protocol"),
        (b"\xff", "unknown-protocol"),
        (b"\x47TURN channel", "unknown-protocol"),
        (b"\x00", "stun-malformed"),
        (b"\x00\x01\x00\x00" + bytes(16), "stun-malformed"),
        (b"\x80" + bytes(5000), "too-large"),
    ],
)
async def test_what_nobody_sent_for_is_dropped_and_counted(port: UdpPort, data: bytes, reason: str) -> None:
    peer = Peer()
    peer.send(port, data)
    await settle()
    assert port.counters == {reason: 1}


async def test_strangers_and_forgers_get_no_answer_and_claim_nothing(port: UdpPort) -> None:
    owner, agent = leg(port)
    peer = Peer()
    peer.sock.settimeout(0.1)
    peer.send(port, check(agent, password="x" * 22, use=True))
    peer.send(port, check(agent, ufrag="nobody", use=True))
    good = check(agent, use=True)
    peer.send(port, good[:-1] + bytes([good[-1] ^ 1]))  # fingerprint
    without = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    without.attributes["USERNAME"] = f"{agent.ufrag}:peer"
    without.add_fingerprint()
    peer.send(port, bytes(without))
    indication = stun.Message(stun.Method.BINDING, stun.Class.INDICATION)
    indication.add_fingerprint()
    peer.send(port, bytes(indication))
    with pytest.raises(TimeoutError):
        await peer.receive()
    assert port.counters == {"stun-forged": 2, "stun-unknown": 1, "stun-malformed": 1}
    assert (agent.path, owner.reached) == (None, 0)


async def test_a_nomination_from_elsewhere_moves_the_leg(port: UdpPort) -> None:
    owner, agent = leg(port)
    wifi, mobile = Peer(), Peer("::1")
    wifi.send(port, check(agent, use=True))
    await wifi.receive()
    mobile.send(port, check(agent))
    await mobile.receive()
    agent.send(b"\x80a")
    assert (await wifi.receive())[0] == b"\x80a"
    mobile.send(port, check(agent, use=True))
    await mobile.receive()
    agent.send(b"\x80b")
    assert (await mobile.receive())[0] == b"\x80b"
    assert owner.reached == 1


async def test_a_router_that_gave_a_new_address_moves_the_leg_once_the_old_one_is_silent(
    port: UdpPort, clock: FakeClock
) -> None:
    _, agent = leg(port)
    old, new = Peer(), Peer()
    old.send(port, check(agent, use=True))
    await old.receive()
    clock.move(seconds=1)
    old.send(port, b"\x80still here")
    await settle()
    clock.move(seconds=1)
    new.send(port, check(agent))
    await new.receive()
    assert agent.path is not None
    assert agent.path[1] == old.sock.getsockname()
    clock.move(seconds=1)
    new.send(port, b"\x80of this leg, but from elsewhere")
    await settle()
    new.send(port, check(agent))
    await new.receive()
    agent.send(b"\x80moved")
    assert (await new.receive())[0] == b"\x80moved"


async def test_a_check_that_was_overheard_moves_nothing(port: UdpPort) -> None:
    _, agent = leg(port)
    peer, thief = Peer(), Peer()
    overheard = check(agent, use=True)
    peer.send(port, overheard)
    await peer.receive()
    peer.send(port, overheard)  # the peer itself may repeat it
    await peer.receive()
    thief.send(port, overheard)
    await settle()
    assert port.counters == {"stun-replayed": 1}
    assert agent.path is not None
    assert agent.path[1] == peer.sock.getsockname()


async def test_an_address_in_use_cannot_be_taken_by_another_leg(port: UdpPort) -> None:
    (one, first), (_, second) = leg(port), leg(port)
    peer = Peer()
    peer.send(port, check(first, use=True))
    await peer.receive()
    peer.send(port, check(second, use=True))
    await settle()
    peer.send(port, b"\x80mine")
    await settle()
    assert one.got == [b"\x80mine"]
    assert second.path is None
    first.close()
    peer.send(port, check(second, use=True))
    await peer.receive()
    assert second.path is not None


async def test_a_leg_holds_few_addresses_and_leaves_none_behind(port: UdpPort) -> None:
    _, agent = leg(port)
    peers = [Peer() for _ in range(30)]
    for peer in peers:
        peer.send(port, check(agent, use=peer is peers[0]))
        await peer.receive()
    assert sum(len(endpoint.claims) for endpoint in port._endpoints) == 16
    assert agent.path is not None
    assert agent.path[1] == peers[0].sock.getsockname()
    agent.close()
    assert sum(len(endpoint.claims) for endpoint in port._endpoints) == 0
    assert port._agents == {}
    peers[0].send(port, check(agent, use=True))
    await settle()
    assert port.counters["stun-unknown"] == 1


async def test_a_probe_is_believed_only_when_the_peer_signed_the_answer(port: UdpPort) -> None:
    owner, agent = leg(port)
    agent.remote = ("browser", "p" * 24)
    peer = Peer()
    peer.send(port, check(agent, use=True))
    await peer.receive()
    agent.probe(core_clock.monotonic())
    request = stun.parse_message((await peer.receive())[0])
    assert request.check_message_integrity(b"p" * 24)
    assert request.attributes["USERNAME"] == f"browser:{agent.ufrag}"
    before = owner.last_heard
    for password in (b"q" * 24, b"p" * 24):
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", port.number)
        answer.add_message_integrity(password)
        peer.send(port, bytes(answer))
        await settle()
        assert (agent.round_trip is not None) is (password == b"p" * 24)
    assert owner.last_heard > before
    assert port.counters == {"stun-unknown": 1}


async def test_new_credentials_move_the_leg_and_then_the_old_ones_are_worth_nothing(port: UdpPort) -> None:
    owner, agent = leg(port)
    home, away, late = Peer(), Peer(), Peer()
    agent.agree(("browser", "p" * 24))
    old = (agent.ufrag, agent.password)
    home.send(port, check(agent, use=True))
    await home.receive()
    agent.restart()
    assert agent.ufrag != old[0]
    home.send(port, check(agent, ufrag=old[0], password=old[1]))
    answer = stun.parse_message((await home.receive())[0])
    assert answer.check_message_integrity(old[1].encode()), "until the new ones are used the old ones hold"
    agent.probe(core_clock.monotonic())
    request = stun.parse_message((await home.receive())[0])
    assert request.attributes["USERNAME"] == f"browser:{old[0]}"
    agent.agree(("browser2", "q" * 24))
    away.send(port, check(agent, use=True))
    assert stun.parse_message((await away.receive())[0]).check_message_integrity(agent.password.encode())
    assert agent.path is not None
    assert agent.path[1] == away.sock.getsockname()
    late.send(port, check(agent, ufrag=old[0], password=old[1], use=True))
    await settle()
    assert agent.path[1] == away.sock.getsockname()
    assert port.counters == {"stun-unknown": 1}
    assert owner.reached == 1
    for _ in range(5):
        agent.restart()
    assert len(port._agents) == len(agent.passwords) == 3
    agent.close()
    assert port._agents == {}


async def test_sending_nowhere_or_too_much_is_counted_and_raises_nothing(port: UdpPort) -> None:
    _, agent = leg(port)
    agent.send(b"\x80")
    peer = Peer()
    peer.send(port, check(agent, use=True))
    await peer.receive()
    agent.send(bytes(70_000))
    assert port.counters == {"send-nowhere": 1, "send-failed": 1}


async def test_a_leg_that_fails_does_not_end_the_reading(port: UdpPort) -> None:
    owner, agent = leg(port)
    peer = Peer()
    peer.send(port, check(agent, use=True))
    await peer.receive()
    owner.port = None  # its media() fails now
    peer.send(port, b"\x80boom")
    peer.send(port, check(agent))
    await peer.receive()
    assert port.counters == {"internal": 1}


async def test_a_taken_port_is_unavailable_and_leaves_nothing_open(port: UdpPort) -> None:
    other = UdpPort(Counter())
    with pytest.raises(Unavailable):
        other.open(port.number, ["127.0.0.1"])
    assert other._endpoints == []


async def test_a_name_is_no_address() -> None:
    with pytest.raises(Misconfigured, match=r"visits\.example"):
        UdpPort(Counter()).open(0, ["127.0.0.1", "visits.example"])


async def test_an_address_that_is_not_ours_is_offered_and_all_ours_are_bound() -> None:
    udp = UdpPort(Counter())
    udp.open(0, ["203.0.113.9"])
    assert udp.offered == ("203.0.113.9",)
    assert {endpoint.host for endpoint in udp._endpoints} == set(own_addresses())
    udp.close()


async def test_without_choice_every_address_is_bound_and_offered_loopback_last() -> None:
    udp = UdpPort(Counter())
    udp.open(0, [])
    assert udp.offered == tuple(own_addresses())
    assert udp.offered[-1] in ("127.0.0.1", "::1")
    assert {endpoint.sock.getsockname()[1] for endpoint in udp._endpoints} == {udp.number}
    udp.close()


@settings(deadline=None)
@given(st.binary(max_size=120), st.booleans())
def test_no_datagram_is_too_strange_for_the_parser(data: bytes, framed: bool) -> None:
    if framed:
        data += bytes(-len(data) % 4)
        data = b"\x00\x01" + len(data).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + data
    assert parse_binding(data) is None


@pytest.mark.parametrize("kind", sorted(stun.ATTRIBUTES_BY_TYPE))
@settings(deadline=None)
@given(value=st.binary(max_size=24))
def test_no_attribute_is_too_strange_for_the_parser(kind: int, value: bytes) -> None:
    body = kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
    parse_binding(b"\x00\x01" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + body)
