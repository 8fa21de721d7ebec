"""The native back-end: flows in C, run by a thread outside the interpreter lock (docs/decisions/0010-native-relay.md).

Python keeps every decision; here is how it tells them to the thread, and how it hears what it must know: STUN,
DTLS, RTCP and packets of unknown SSRCs at once, copies for recorders in batches.
"""

import asyncio
import atexit
import itertools
import logging
from collections import Counter
from collections.abc import Callable
from struct import Struct
from typing import Any

from signaling.library import ffi, functions, owned
from signaling.nativeflows import (
    ADDRESS,
    Address,
    LegEvents,
    NativeInflow,
    NativeLeg,
    NativeOutflow,
    packed,
    unpacked,
)

log = logging.getLogger(__name__)

_URGENT, _COPIES = 1 << 20, 8 << 20  # bytes of the two rings: 40 calls fill the second one in some 0.5 s
_TURN = 512  # records of the urgent ring per turn of the event loop
_SLOT = 2048  # bytes, the C side's buffers
_RECORD = Struct("=IHHIIdqq")
_DATAGRAM, _RTP, _RTCP, _SKIPPED, _CAME_LATE, _BEGAN, _COPY = range(1, 8)


class NativeCore:
    """The thread, its sockets, and the reading of what it hands over."""

    def __init__(
        self,
        library: Any,
        counters: Counter[str],
        datagram: Callable[[int, bytes, Address, float], None],
        *,
        encrypted: bool = True,
    ) -> None:
        """`datagram(socket, data, address, now)` takes STUN and DTLS. Not `encrypted`: for benches alone."""
        self.library = library
        self.legs: dict[int, NativeLeg] = {}
        self.inflows: dict[int, NativeInflow] = {}
        self.outflows: dict[int, NativeOutflow] = {}
        self.scratch = ffi.new("uint8_t[]", _SLOT)
        self.seen = ffi.new("struct inflow_view *")  # as scratch: the event loop's, for one answer at a time
        self._counters = counters
        self._datagram = datagram
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        made = library.kb_open(*functions(library, encrypted=encrypted), _URGENT, _COPIES)
        self.handle: Any = owned(made, library.kb_close)
        self._rings = [self._ring(0), self._ring(1)]
        self._tails = [0, 0]
        self._names: list[str] = ffi.string(library.kb_counter_names()).decode().split()
        self._counts = ffi.new("uint64_t[]", len(self._names))

    def _ring(self, copies: int) -> memoryview:
        size = ffi.new("uint64_t *")
        start = self.library.kb_ring(self.handle, copies, size)
        return memoryview(ffi.buffer(start, size[0]))

    def next_number(self) -> int:
        return next(self._numbers) & 0xFFFFFFFF

    def socket(self, fd: int) -> int:
        """The number of a socket that the thread reads from its start on."""
        number = int(self.library.kb_socket(self.handle, fd))
        if number < 0:
            raise OSError("too many local addresses for the native relay")
        return number

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.library.kb_wake_descriptor(self.handle), self._woken)
        if self.library.kb_start(self.handle):
            raise OSError("the native relay's thread could not be started")
        atexit.register(self.stop)  # whatever ends the process: sessions must not go before the thread

    def stop(self) -> None:
        """The thread has ended when this returns; idempotent."""
        if self._loop is not None:
            self._loop.remove_reader(self.library.kb_wake_descriptor(self.handle))
            self._loop = None
        self.library.kb_stop(self.handle)
        atexit.unregister(self.stop)

    def leg(self, events: LegEvents) -> NativeLeg:
        leg = NativeLeg(self, events)
        self.legs[leg.number] = leg
        return leg

    # --- ICE ---

    def claim(self, number: int, address: Address, leg: NativeLeg, now: float) -> None:
        self.library.kb_claim(self.handle, number, packed(address), leg.view, now)

    def release(self, number: int, address: Address, leg: NativeLeg) -> None:
        self.library.kb_release(self.handle, number, packed(address), leg.view)

    def heard(self, number: int, address: Address) -> float:
        """When something last came from there; below 0: nobody has claimed it."""
        return float(self.library.kb_heard(self.handle, number, packed(address)))

    # --- what it hands over ---

    def _woken(self) -> None:
        self.library.kb_awake(self.handle)
        if self.read() and self._loop is not None:
            self._loop.call_soon(self._again)

    def _again(self) -> None:
        if self._loop is not None and self.read():
            self._loop.call_soon(self._again)

    def tick(self) -> None:
        """Several times a second: not everything wakes by itself while it is little."""
        self._read_copies()
        self._again()
        self.library.kb_counters(self.handle, self._counts)
        for name, count in zip(self._names, self._counts, strict=True):
            if count:
                self._counters[name] += count

    def read(self) -> bool:
        """Reads what is urgent, and copies where they are many; True: there is more than one turn's work."""
        if self.library.kb_ring_head(self.handle, 1) - self._tails[1] > _COPIES // 4:
            self._read_copies()
        ring, tail = self._rings[0], self._tails[0]
        head = self.library.kb_ring_head(self.handle, 0)
        for _ in range(_TURN):
            if tail == head:
                break
            at = tail & (len(ring) - 1)
            size, what, number, who, length, now, a, b = _RECORD.unpack_from(ring, at)
            tail += size
            if what:
                data = bytes(ring[at + _RECORD.size : at + _RECORD.size + length])
                try:
                    self._handle(what, number, who, data, now, a, b)
                except Exception:  # one datagram of whatever kind never ends the reading of the others
                    self._counters["internal"] += 1
                    log.exception("x record %s", what)
        self._tails[0] = tail
        self.library.kb_ring_done(self.handle, 0, tail)
        return bool(tail != head)

    def _handle(self, what: int, number: int, who: int, data: bytes, now: float, a: int, b: int) -> None:
        if what == _DATAGRAM:
            self._datagram(number, data[ADDRESS.size :], unpacked(data), now)
        elif what in (_RTP, _RTCP):
            self._read_copies()  # a sender report tells of packets that came before it
            if (leg := self.legs.get(who)) is not None:
                (leg.events.took_rtp if what == _RTP else leg.events.took_rtcp)(data, now)
        elif what == _BEGAN:
            if (outflow := self.outflows.get(who)) is not None:
                outflow.events.began(now)
        elif (inflow := self.inflows.get(who)) is not None:
            if what == _SKIPPED:
                inflow.events.skipped(a, b, now)
            else:
                inflow.events.came_late(a)

    def _read_copies(self) -> None:
        ring, tail = self._rings[1], self._tails[1]
        head = self.library.kb_ring_head(self.handle, 1)
        if tail == head:
            return
        inflows, mask, unpack, begin = self.inflows, len(ring) - 1, _RECORD.unpack_from, _RECORD.size
        while tail != head:
            at = tail & mask
            size, what, _, who, length, now, _, _ = unpack(ring, at)
            tail += size
            if what and (inflow := inflows.get(who)) is not None:
                inflow.events.copy(bytes(ring[at + begin : at + begin + length]), now)
        self._tails[1] = tail
        self.library.kb_ring_done(self.handle, 1, tail)
