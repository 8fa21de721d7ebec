"""One UDP port for all legs of a process, with an ICE-lite agent on it (RFC 8445 section 2.5).

There is one socket per local address, all bound to the same port, so that a reply leaves from the address that
was asked. Datagrams are told apart by their first byte (RFC 7983). Nothing but authenticated STUN can claim an
address for a leg; whatever comes from an address that nobody has claimed is dropped and counted.
"""

import asyncio
import errno
import logging
import secrets
import socket
from base64 import b64encode
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aioice import stun

from core import clock
from core.errors import Misconfigured, Unavailable
from core.log import fields
from signaling.addresses import bound, is_address, is_own, own_addresses
from signaling.binding import authentic, parse_binding
from signaling.floods import Floodgate
from signaling.post import Post
from signaling.srtp import LARGEST, Scratch

if TYPE_CHECKING:
    from signaling.native import NativeCore
    from signaling.nativeflows import NativeLeg

log = logging.getLogger(__name__)

Address = tuple[Any, ...]  # (host, port) or (host, port, flow, scope), as the socket tells it

_BATCH = 128  # datagrams per wake-up; then the rest of the loop gets its turn
_CREDENTIALS = 3  # pairs that hold at once
_CLAIMS = 16  # addresses a leg may have at once
_REMEMBERED = 128  # STUN transactions per leg, against replay from elsewhere
_HOLD = 5.0  # seconds for which an address stays with the leg that was last heard there
_REBOUND = 1.5  # seconds of silence after which a peer's check from elsewhere is believed without nomination
_PORT_TRIES = 20


class Owner(Protocol):
    """What a leg does with what comes for it. Neither method blocks."""

    def media(self, size: int, now: float) -> None:
        """`size` bytes of SRTP or SRTCP lie in the port's inbox."""

    def dtls(self, data: bytes) -> None: ...

    def heard(self, now: float) -> None:
        """Something authentic came at monotonic second `now`."""

    def reachable(self) -> None:
        """An address was nominated for the first time."""


@dataclass(eq=False, slots=True)
class Claim:
    """An address of a leg's peer."""

    agent: "Agent"
    heard: float  # monotonic second of the last datagram from there


@dataclass(eq=False, slots=True)
class Endpoint:
    """The socket of one local address."""

    host: str
    sock: socket.socket
    number: int = -1  # with the native relay
    claims: dict[Address, Claim] = field(default_factory=dict)


class Agent:
    """The ICE-lite side of one leg: its credentials, its addresses, and the one it sends to."""

    def __init__(self, port: "UdpPort", owner: Owner) -> None:
        # RFC 8445 section 5.3: 24 and 128 bits at least
        self.ufrag, self.password = _letters(6), _letters(18)
        self.passwords = {self.ufrag: self.password}  # all by which the peer may check, the oldest first
        self.remote: tuple[str, str] | None = None  # the peer's ufrag and password
        self._agreed = self.ufrag  # which of ours belongs to `remote`
        self.path: tuple[Endpoint, Address] | None = None
        self.round_trip: float | None = None  # seconds, of the last probe
        self.owner = owner
        self.native: NativeLeg | None = None  # it is told of every change of claims and path
        self._port = port
        self._claims: OrderedDict[tuple[Endpoint, Address], Claim] = OrderedDict()
        self._seen: OrderedDict[bytes, Address] = OrderedDict()  # transaction -> where it came from
        self._probes: OrderedDict[bytes, float] = OrderedDict()  # transaction -> when it was sent

    def restart(self) -> None:
        """New credentials (RFC 8445 section 9). The old ones hold until the peer nominates by the new ones."""
        while len(self.passwords) > _CREDENTIALS - 1:
            self._port.forget(self, next(iter(self.passwords)))
        self.ufrag, self.password = _letters(6), _letters(18)
        self.passwords[self.ufrag] = self.password
        self._port.know(self)

    def agree(self, remote: tuple[str, str]) -> None:
        """The peer's credentials, which belong to our newest."""
        self.remote, self._agreed = remote, self.ufrag

    def retire(self) -> None:
        """The newest credentials are in use: no others are believed any more."""
        for ufrag in [*self.passwords][:-1]:
            self._port.forget(self, ufrag)

    def close(self) -> None:
        for ufrag in [*self.passwords]:
            self._port.forget(self, ufrag)
        while self._claims:
            self._release(next(iter(self._claims)))
        self.path = None

    def send(self, data: bytes) -> None:
        """To the nominated address. What the kernel does not take is dropped and counted."""
        self._port.post.send(self.path, data)

    def checked(self, endpoint: Endpoint, address: Address, message: stun.Message, now: float) -> bool:
        """An authenticated binding request came. False: a replay, or the address is another leg's."""
        transaction = message.transaction_id
        if self._seen.setdefault(transaction, address) != address:
            return False
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if not self._claim(endpoint, address, now):
            return False
        # A router that forgot the old way gives the peer a new address without the peer knowing of it: it
        # nominates nothing then, but nothing comes from the old address any more.
        old = self._claims.get(self.path) if self.path is not None else None
        rebound = self.path is not None and (old is None or now - self._port.heard(self.path, old) > _REBOUND)
        self.owner.heard(now)
        if self.path != (endpoint, address) and ("USE-CANDIDATE" in message.attributes or rebound):
            first = self.path is None
            log.debug("- path %s", fields(ufrag=self.ufrag, first=first, rebound=rebound))
            self.path = (endpoint, address)
            if self.native is not None:
                self.native.path(endpoint.number, address)
            if first:
                self.owner.reachable()
        return True

    def _claim(self, endpoint: Endpoint, address: Address, now: float) -> bool:
        place = (endpoint, address)
        holder = endpoint.claims.get(address)
        if holder is not None and holder.agent is not self and now - self._port.heard(place, holder) < _HOLD:
            return False
        self._claims[place] = endpoint.claims[address] = Claim(self, now)
        if self._port.core is not None and self.native is not None:
            self._port.core.claim(endpoint.number, address, self.native, now)
        self._claims.move_to_end(place)
        if len(self._claims) > _CLAIMS:
            self._release(next(claim for claim in self._claims if claim != self.path))
        return True

    def _release(self, place: tuple[Endpoint, Address]) -> None:
        claim = self._claims.pop(place)
        endpoint, address = place
        if endpoint.claims.get(address) is claim:
            del endpoint.claims[address]
            if self._port.core is not None and self.native is not None:
                self._port.core.release(endpoint.number, address, self.native)

    def probe(self, now: float) -> None:
        """Asks the peer for a sign of life: a binding request, which every full agent answers.

        A lite agent need not do this (RFC 8445 section 6.1), but a browser that has nothing to send may be
        silent for 6 s, and a lost leg must be known after 3 s. The answer tells the round trip too.
        """
        if self.remote is None or self.path is None:
            return
        name, password = self.remote
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{name}:{self._agreed}"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLED"] = 0
        request.add_message_integrity(password.encode())
        self._probes[request.transaction_id] = now
        if len(self._probes) > 8:
            self._probes.popitem(last=False)
        self.send(bytes(request))

    def answered(self, message: stun.Message, now: float) -> bool:
        """A response came from one of our addresses. False: not ours, or not authentic."""
        sent = self._probes.get(message.transaction_id)
        if sent is None or self.remote is None or not authentic(message, self.remote[1]):
            return False
        del self._probes[message.transaction_id]
        self.round_trip = now - sent
        self.owner.heard(now)
        return True


class UdpPort:
    """The sockets, and the way of each datagram to its leg."""

    def __init__(self, counters: Counter[str]) -> None:
        self.counters = counters
        self.inbox = Scratch()
        self.post = Post(counters)
        self._floodgate = Floodgate()
        self.number = 0
        self.offered: tuple[str, ...] = ()  # hosts to be named in offers, best first
        self._endpoints: list[Endpoint] = []
        self._agents: dict[str, Agent] = {}
        self.core: NativeCore | None = None  # reads the sockets in our place; set before `open`

    def open(self, number: int, wanted: Sequence[str]) -> None:
        """Binds all of `wanted` (empty: every address of this machine) to UDP port `number` (0: any).

        An address that is not this machine's own is offered without being bound, and then every own one is
        bound: such is a server behind one-to-one address translation. Raises `Unavailable` when the port is
        taken, `Misconfigured` for an address that is none.
        """
        for host in wanted:
            if not is_address(host):
                raise Misconfigured(problem=f"KINBRIDGE_MEDIA_ADDRESSES: {host!r} is not an IP address")
        own = own_addresses()
        foreign = [host for host in wanted if not is_own(host)]
        hosts = [*own] if foreign or not wanted else [*wanted]
        for _ in range(_PORT_TRIES if number == 0 else 1):
            if self._bind(number, hosts):
                break
        else:
            log.error("x media port %s", fields(port=number, hosts=",".join(hosts)))
            raise Unavailable
        hosts_bound = [endpoint.host for endpoint in self._endpoints]
        self.offered = tuple(
            [*foreign, *(host for host in hosts_bound if host in wanted)] if wanted else hosts_bound
        )
        loop = asyncio.get_running_loop()
        for endpoint in self._endpoints:
            if self.core is not None:
                endpoint.number = self.core.socket(endpoint.sock.fileno())
            else:
                loop.add_reader(endpoint.sock.fileno(), self._drain, endpoint)
        if self.core is not None:
            self.core.start()
        log.info(
            "- media %s",
            fields(port=self.number, bound=",".join(hosts_bound), offered=",".join(self.offered)),
        )

    def _bind(self, number: int, hosts: Sequence[str]) -> bool:
        """False: the port is taken at one of the addresses, or none can be bound; nothing stays open."""
        for host in hosts:
            try:
                sock = bound(host, number)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    self._close_sockets()
                    return False
                log.warning("x address %s", fields(host=host, error=error.strerror))
                continue
            number = sock.getsockname()[1]
            self._endpoints.append(Endpoint(host, sock))
        self.number = number
        return bool(self._endpoints)

    def _close_sockets(self) -> None:
        for endpoint in self._endpoints:
            endpoint.sock.close()
        self._endpoints.clear()

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        if self.core is not None:
            self.core.stop()
        for endpoint in self._endpoints:
            loop.remove_reader(endpoint.sock.fileno())
        self._close_sockets()
        self._agents.clear()

    def agent(self, owner: Owner) -> Agent:
        agent = Agent(self, owner)
        self.know(agent)
        return agent

    def know(self, agent: Agent) -> None:
        """From now on checks by its newest credentials are its own."""
        self._agents[agent.ufrag] = agent

    def forget(self, agent: Agent, ufrag: str) -> None:
        """Its credentials of that name are worth nothing any more."""
        del agent.passwords[ufrag]
        self._agents.pop(ufrag, None)

    def _drain(self, endpoint: Endpoint) -> None:
        self.post.hold()
        try:
            self._read(endpoint)
        finally:
            self.post.let_go()

    def _read(self, endpoint: Endpoint) -> None:
        receive, view = endpoint.sock.recvfrom_into, self.inbox.view
        now = clock.monotonic()
        for _ in range(_BATCH):
            try:
                size, address = receive(view, LARGEST + 1)
            except BlockingIOError:
                return
            except OSError:
                self.counters["receive-failed"] += 1
                return
            if size > LARGEST:  # cut off, or about to be
                self.counters["too-large"] += 1
                continue
            try:
                self._sort(endpoint, size, address, now)
            except Exception:  # one datagram of whatever kind never ends the reading of the others
                self.counters["internal"] += 1
                log.exception("x datagram")

    def heard(self, place: tuple[Endpoint, Address], claim: Claim) -> float:
        """When something last came from a claimed address."""
        if self.core is not None:
            claim.heard = max(claim.heard, self.core.heard(place[0].number, place[1]))
        return claim.heard

    def datagram(self, number: int, data: bytes, address: Address, now: float) -> None:
        """STUN or DTLS that the native relay hands over."""
        endpoint = self._endpoints[number]
        if data[0] < 4:
            self._stun(endpoint, data, address, now)
        elif (claim := endpoint.claims.get(address)) is not None:
            claim.agent.owner.dtls(data)
        else:
            self.counters["unclaimed"] += 1

    def _sort(self, endpoint: Endpoint, size: int, address: Address, now: float) -> None:
        """RFC 7983 section 7."""
        first = self.inbox.view[0] if size else 255
        if first < 4:
            self._stun(endpoint, bytes(self.inbox.view[:size]), address, now)
        elif 127 < first < 192 or 19 < first < 64:
            claim = endpoint.claims.get(address)
            if claim is None:
                self.counters["unclaimed"] += 1
                return
            claim.heard = now
            if first > 127:
                claim.agent.owner.media(size, now)
            else:
                claim.agent.owner.dtls(bytes(self.inbox.view[:size]))
        else:
            self.counters["unknown-protocol"] += 1

    def _stun(self, endpoint: Endpoint, data: bytes, address: Address, now: float) -> None:
        if not self._floodgate.admits(address, now, held=address in endpoint.claims):
            self.counters["stun-flood"] += 1
            return
        message = parse_binding(data)
        if message is None:
            self.counters["stun-malformed"] += 1
        elif message.message_class == stun.Class.REQUEST:
            self._request(endpoint, message, address, now)
        elif message.message_class == stun.Class.RESPONSE:
            claim = endpoint.claims.get(address)
            if claim is None or not claim.agent.answered(message, now):
                self.counters["stun-unknown"] += 1
        elif message.message_class == stun.Class.ERROR:
            self.counters["stun-refused"] += 1

    def _request(self, endpoint: Endpoint, message: stun.Message, address: Address, now: float) -> None:
        ufrag = str(message.attributes.get("USERNAME", "")).partition(":")[0]
        agent = self._agents.get(ufrag)
        if agent is None:
            self.counters["stun-unknown"] += 1
        elif not authentic(message, password := agent.passwords[ufrag]):
            self.counters["stun-forged"] += 1
        elif not agent.checked(endpoint, address, message, now):
            self.counters["stun-replayed"] += 1
        else:
            response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
            response.attributes["XOR-MAPPED-ADDRESS"] = (address[0].partition("%")[0], address[1])
            response.add_message_integrity(password.encode())
            if ufrag == agent.ufrag and "USE-CANDIDATE" in message.attributes:
                agent.retire()
            try:
                endpoint.sock.sendto(bytes(response), address)
            except OSError:
                self.counters["send-failed"] += 1


def _letters(octets: int) -> str:
    """So many by chance, four letters of ICE's (RFC 8445 section 5.3: those of base64) for three of them."""
    return b64encode(secrets.token_bytes(octets)).decode()
