"""Legs and flows in C, as Python sees them: the same names as `rooms.flows` gives them."""

import socket
from collections.abc import Callable
from operator import attrgetter
from struct import Struct
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pylibsrtp import Session

from rooms.client import MediaKind
from rooms.flows import Inflow, InflowEvents, OutflowEvents
from rooms.rtp import CLOCK_RATE, PAYLOAD_TYPE
from signaling.library import context, ffi, owned

if TYPE_CHECKING:
    from signaling.native import NativeCore

ADDRESS = Struct("=HHI16s")  # as csrc/core.h has it

Address = tuple[Any, ...]  # as the socket tells it
_T = TypeVar("_T")


class LegEvents(Protocol):
    """What comes for a leg: authentic and decrypted."""

    def took_rtp(self, packet: bytes, now: float) -> None: ...

    def took_rtcp(self, packet: bytes, now: float) -> None: ...


class _Seen(Protocol):
    view: Any  # what the C side shows without its lock


def _shown(name: str) -> Any:
    """A number of that name in the view. Read a hundred times a second for each stream, so without a step in Python."""
    return property(attrgetter(f"view.{name}"))


class _Settable(Generic[_T]):
    """One that Python sets, or that is no number in Python."""

    def __init__(self, kind: Callable[[Any], _T]) -> None:
        self._kind = kind
        self._name = ""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, flow: _Seen, _owner: type) -> _T:
        return self._kind(getattr(flow.view, self._name))

    def __set__(self, flow: _Seen, value: _T) -> None:
        setattr(flow.view, self._name, value)


class NativeInflow:
    """See `rooms.flows.Inflow`."""

    def __init__(self, core: "NativeCore", kind: MediaKind, events: InflowEvents) -> None:
        self._core, self._library, self.events = core, core.library, events
        self.number = core.next_number()
        made = core.library.kb_inflow(
            self.number, kind is MediaKind.VIDEO, CLOCK_RATE[kind], PAYLOAD_TYPE[kind]
        )
        self.view: Any = owned(made, core.library.kb_inflow_free)

    payload_type = _Settable(int)
    key_wanted = _Settable(bool)
    copying = _Settable(bool)
    highest: int = _shown("highest")
    first: int = _shown("first")
    received: int = _shown("received")
    arrived: int = _shown("arrived")
    packets: int = _shown("packets")
    octets: int = _shown("octets")
    last_packet: float = _shown("last_packet")
    jitter: float = _shown("jitter")
    transit: int = _shown("transit")

    def standing(self) -> tuple[int, int, int]:
        view = self._together()
        return view.highest, view.highest - view.first + 1, view.arrived

    @property
    def lost(self) -> int:
        view = self._together()
        missing = view.highest - view.first + 1 - view.received if view.highest >= 0 else 0
        return int(view.lost_before + max(0, missing))

    def _together(self) -> Any:
        """All members as of one moment, until this is asked again of any flow."""
        view = self._core.seen
        self._library.kb_inflow_view(self._core.handle, self.view, view)
        return view

    def begin(self) -> None:
        self._library.kb_inflow_begin(self._core.handle, self.view)

    def packet(self, packet: bytes, now: float) -> None:
        self._library.kb_inflow_packet(self._core.handle, self.view, packet, len(packet), now, 0)

    def recovered(self, packet: bytes, now: float) -> None:
        self._library.kb_inflow_packet(self._core.handle, self.view, packet, len(packet), now, 1)

    def kept(self, number: int) -> bytes | None:
        place = self._core.scratch
        size = self._library.kb_inflow_kept(self._core.handle, self.view, number, place)
        return bytes(ffi.buffer(place, size)) if size else None

    def end(self) -> None:
        self._library.kb_inflow_end(self._core.handle, self.view)


class NativeOutflow:
    """See `rooms.flows.Outflow`."""

    def __init__(
        self, leg: "NativeLeg", kind: MediaKind, ssrc: int, numbers: tuple[int, int], events: OutflowEvents
    ) -> None:
        self._core, self.events = leg.core, events
        self._leg = leg  # what the C side points to must live as long
        self.number = leg.core.next_number()
        library = leg.core.library
        made = library.kb_outflow(
            leg.view, self.number, kind is MediaKind.VIDEO, CLOCK_RATE[kind], ssrc, *numbers
        )
        self.view: Any = owned(made, library.kb_outflow_free)

    waiting = _Settable(bool)
    changing = _Settable(bool)
    first: int = _shown("first")
    newest: int = _shown("newest")
    sequence_shift: int = _shown("sequence_shift")
    timestamp_shift: int = _shown("timestamp_shift")
    last_sequence: int = _shown("last_sequence")
    packets: int = _shown("packets")
    octets: int = _shown("octets")

    def take(self, source: Inflow | None) -> None:
        self._connect(source, seamless=False)

    def change(self, source: Inflow) -> None:
        self._connect(source, seamless=True)

    def _connect(self, source: Inflow | None, *, seamless: bool) -> None:
        view = source.view if isinstance(source, NativeInflow) else ffi.NULL
        self._core.library.kb_outflow_take(self._core.handle, self.view, view, seamless)


class NativeLeg:
    """The flows of one leg (`rooms.flows.Flows`), its keys and its path, as the thread knows them."""

    def __init__(self, core: "NativeCore", events: LegEvents) -> None:
        self.core, self.events = core, events
        self.number = core.next_number()
        self.view: Any = owned(core.library.kb_leg(self.number), core.library.kb_leg_free)
        self._sessions: tuple[Session, Session] | None = None  # own what the C side points to
        self._inflows: list[NativeInflow] = []
        self._outflows: list[NativeOutflow] = []

    @property
    def heard(self) -> float:
        """When something authentic last came, in monotonic seconds; 0: never."""
        return float(self.view.heard)

    def inflow(self, kind: MediaKind, events: InflowEvents) -> NativeInflow:
        flow = NativeInflow(self.core, kind, events)
        self._inflows.append(flow)
        self.core.inflows[flow.number] = flow
        return flow

    def outflow(
        self, kind: MediaKind, ssrc: int, numbers: tuple[int, int], events: OutflowEvents
    ) -> NativeOutflow:
        flow = NativeOutflow(self, kind, ssrc, numbers, events)
        self._outflows.append(flow)
        self.core.outflows[flow.number] = flow
        return flow

    def bind(self, ssrc: int, flow: Inflow | None) -> None:
        view = flow.view if isinstance(flow, NativeInflow) else ffi.NULL
        self.core.library.kb_leg_bind(self.core.handle, self.view, ssrc, view)

    def key(self, receive: Session, send: Session) -> None:
        """From now on media is decrypted and encrypted with these."""
        self._sessions = receive, send
        self.core.library.kb_leg_keys(self.core.handle, self.view, context(receive), context(send))

    def translate(self, types_in: bytes, types_out: bytes) -> None:
        """128 payload types each: what the peer calls them, and what it is told."""
        self.core.library.kb_leg_types(self.core.handle, self.view, types_in, types_out)

    def path(self, number: int, address: Address) -> None:
        """What it is sent goes from socket `number` to `address` from now on."""
        self.core.library.kb_leg_path(self.core.handle, self.view, number, packed(address))

    def rtp(self, header: bytes, packet: bytes) -> None:
        if len(packet) >= len(header):
            self.core.library.kb_send_rtp(self.core.handle, self.view, header, packet, len(packet))

    def rtcp(self, packet: bytes) -> None:
        self.core.library.kb_send_rtcp(self.core.handle, self.view, packet, len(packet))

    def close(self) -> None:
        """The thread forgets it; idempotent."""
        if self.core.legs.pop(self.number, None) is None:
            return
        for outflow in self._outflows:
            outflow.take(None)
            del self.core.outflows[outflow.number]
        for inflow in self._inflows:
            inflow.end()
            del self.core.inflows[inflow.number]
        self.core.library.kb_leg_close(self.core.handle, self.view)
        self._sessions = None


def packed(address: Address) -> Any:
    """An address of the sockets' kind as the C side has it."""
    host = address[0].partition("%")[0]
    six = len(address) == 4
    ip = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, host)
    made = ffi.new("struct address *")
    made.family, made.port, made.scope = (6, address[1], address[3]) if six else (4, address[1], 0)
    ffi.buffer(made.ip)[0 : len(ip)] = ip
    return made


def unpacked(data: bytes) -> Address:
    """The other way round; what follows the address is left alone."""
    family, port, scope, ip = ADDRESS.unpack_from(data)
    if family == 4:
        return socket.inet_ntop(socket.AF_INET, ip[:4]), port
    return socket.inet_ntop(socket.AF_INET6, ip), port, 0, scope
