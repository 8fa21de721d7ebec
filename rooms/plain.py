"""The flows in Python: always there, and the measure for the native ones. Pure."""

from collections import Counter

from rooms.client import MediaKind
from rooms.flows import FRAME, JUMP, Inflow, InflowEvents, OutflowEvents, Port
from rooms.history import Ring
from rooms.rtp import CLOCK_RATE, HEADER, PAYLOAD_TYPE, begins_keyframe, extend


class PlainInflow:
    """See `rooms.flows.Inflow`."""

    def __init__(self, kind: MediaKind, events: InflowEvents, dropped: Counter[str]) -> None:
        self.payload_type = PAYLOAD_TYPE[kind]
        self.key_wanted = False
        self.copying = False
        self.outs: tuple[PlainOutflow, ...] = ()
        self.packets = 0
        self.octets = 0
        self.last_packet = float("-inf")
        self._events = events
        self._dropped = dropped
        self._clock = CLOCK_RATE[kind]
        self._video = kind is MediaKind.VIDEO
        self._lost_before = 0  # of numberings that have ended
        self._clear()

    def _clear(self) -> None:
        self._ring = Ring()
        self.highest = -1
        self.first = self.received = self.arrived = 0
        self.transit = 0
        self.jitter = 0.0

    def standing(self) -> tuple[int, int, int]:
        return self.highest, self.highest - self.first + 1, self.arrived

    @property
    def lost(self) -> int:
        missing = self.highest - self.first + 1 - self.received if self.highest >= 0 else 0
        return self._lost_before + max(0, missing)

    def begin(self) -> None:
        self._lost_before = self.lost
        self._clear()
        self._restart()

    def end(self) -> None:
        self._ring = Ring()

    def kept(self, number: int) -> bytes | None:
        return self._ring.get(number)

    def _restart(self) -> None:
        for out in self.outs:
            out.restart(self)
        self.key_wanted = self._video

    def packet(self, packet: bytes, now: float) -> None:
        if packet[1] & 0x7F != self.payload_type:
            self._dropped["rtp-payload-type"] += 1
            return
        sequence = packet[2] << 8 | packet[3]
        highest = self.highest
        skipped = False
        if highest < 0:
            # Counting from 2**16 keeps a packet that comes before the first one above zero.
            number = self.highest = self.first = sequence + 0x10000
        else:
            number = highest + 1
            if sequence != number & 0xFFFF:
                number = extend(sequence, highest)
                if number <= highest:
                    if not self._late(number):
                        return
                else:
                    skipped = True
                    if number - highest - 1 > JUMP:
                        self._jump(number)
            if number > highest:
                self.highest = number
        timestamp = int.from_bytes(packet[4:8], "big")
        self._measure(timestamp, now)
        self.arrived += 1
        self._accept(number, timestamp, packet, now)
        if skipped:
            self._events.skipped(highest + 1, number, now)

    def recovered(self, packet: bytes, now: float) -> None:
        if self.highest < 0:
            return
        number = extend(packet[2] << 8 | packet[3], self.highest)
        if number <= self.highest and self._late(number):
            self._accept(number, int.from_bytes(packet[4:8], "big"), packet, now)

    def _jump(self, number: int) -> None:
        self._lost_before = self.lost
        self.first = number
        self.received = self.arrived = 0
        self._restart()

    def _late(self, number: int) -> bool:
        """Whether a packet from before the newest is still of use: neither too old nor had already."""
        if number < self.first or number <= self.highest - JUMP:
            self._dropped["rtp-too-late"] += 1
            return False
        if self._ring.get(number) is not None:
            self._dropped["rtp-duplicate"] += 1
            return False
        self._events.came_late(number)
        return True

    def _accept(self, number: int, timestamp: int, packet: bytes, now: float) -> None:
        self.received += 1
        self.packets += 1
        self.octets += len(packet)
        self.last_packet = now
        self._ring.put(number, packet)
        key = False
        if self.key_wanted:
            key = begins_keyframe(packet, self.payload_type)
            self.key_wanted = not key
        for out in self.outs:
            out.forward(self, packet, number, timestamp, now, key=key)
        if self.copying:
            self._events.copy(packet, now)

    def _measure(self, timestamp: int, now: float) -> None:
        transit = (int(now * self._clock) - timestamp) & 0xFFFFFFFF
        difference = abs(((transit - self.transit + 0x80000000) & 0xFFFFFFFF) - 0x80000000)
        self.transit = transit
        if self.received and difference < 10 * self._clock:
            self.jitter += (difference - self.jitter) / 16


class PlainOutflow:
    """See `rooms.flows.Outflow`."""

    def __init__(
        self, kind: MediaKind, ssrc: int, numbers: tuple[int, int], events: OutflowEvents, port: Port
    ) -> None:
        self.waiting = False
        self.first = 0
        self.newest = -1
        self.sequence_shift = 0
        self.timestamp_shift = 0
        self.last_sequence, self._last_timestamp = numbers
        self.packets = 0
        self.octets = 0
        self._ssrc = ssrc
        self._events = events
        self._port = port
        self._clock = CLOCK_RATE[kind]
        self._video = kind is MediaKind.VIDEO
        self._last_sent: float | None = None
        self._source: PlainInflow | None = None
        self._next: PlainInflow | None = None

    @property
    def changing(self) -> bool:
        return self._next is not None

    def take(self, source: Inflow | None) -> None:
        for left in (self._source, self._next):
            if left is not None:
                left.outs = tuple(out for out in left.outs if out is not self)
        self._source = self._next = None
        self.waiting = source is not None
        if isinstance(source, PlainInflow):
            self._source = source
            source.outs = (*source.outs, self)

    def change(self, source: Inflow) -> None:
        if self._source is None:
            self.take(source)
            return
        if self._next is not None:
            self._next.outs = tuple(out for out in self._next.outs if out is not self)
            self._next = None
        if source is not self._source and isinstance(source, PlainInflow):
            self._next = source
            source.outs = (*source.outs, self)

    def restart(self, source: PlainInflow) -> None:
        """The stream was broken: the next packet (of video: the next key frame) is a new beginning."""
        if source is self._source:
            self.waiting = True

    def forward(
        self, source: PlainInflow, packet: bytes, number: int, timestamp: int, now: float, *, key: bool
    ) -> None:
        """Sends one packet of the source on; `number` is its extended sequence number."""
        if source is not self._source:  # the key frame of the layer that it waits for
            if not key:
                return
            if self._source is not None:
                self._source.outs = tuple(out for out in self._source.outs if out is not self)
            self._source, self._next, self.waiting = source, None, True
        begins = self.waiting
        if begins:
            if self._video and not key:
                return
            self._begin(number, timestamp, now)
        elif number < self.first:
            return  # from before the beginning: its number belongs to what was sent earlier
        sequence = number + self.sequence_shift
        timestamp = (timestamp + self.timestamp_shift) & 0xFFFFFFFF
        if number > self.newest:
            self.newest = number
            self.last_sequence = sequence
            self._last_timestamp = timestamp
            self._last_sent = now
        self._port.rtp(HEADER.pack(packet[0], packet[1], sequence & 0xFFFF, timestamp, self._ssrc), packet)
        self.packets += 1
        self.octets += len(packet) - 12
        if begins:
            self._events.began(now)

    def _begin(self, number: int, timestamp: int, now: float) -> None:
        self.waiting = False
        self.first = number
        self.newest = -1
        passed = FRAME if self._last_sent is None else max(FRAME, now - self._last_sent)
        self.sequence_shift = self.last_sequence + 1 - number
        self.timestamp_shift = (self._last_timestamp + int(passed * self._clock) - timestamp) & 0xFFFFFFFF


class PlainFlows:
    """See `rooms.flows.Flows`."""

    def __init__(self, port: Port, dropped: Counter[str]) -> None:
        self._port = port
        self._dropped = dropped

    def inflow(self, kind: MediaKind, events: InflowEvents) -> PlainInflow:
        return PlainInflow(kind, events, self._dropped)

    def outflow(
        self, kind: MediaKind, ssrc: int, numbers: tuple[int, int], events: OutflowEvents
    ) -> PlainOutflow:
        return PlainOutflow(kind, ssrc, numbers, events, self._port)

    def bind(self, ssrc: int, flow: Inflow | None) -> None:
        """Every packet goes by the relay."""
