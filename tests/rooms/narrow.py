"""Two people, one of them behind a line that narrows, on simulated time: real relays between made-up browsers.

A browser here sends sound every 20 ms and pictures as large as it is told, paces them, answers NACK and PLI, asks for
what it misses and reports as real ones do. What it hears goes through a playout buffer like theirs, which makes up what
comes too late, and waits longer from then on.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from rooms import rtcp
from rooms.client import MediaKind, Way
from rooms.fitting import Fitting, Member, Shown
from rooms.ladder import OVERHEAD, RUNGS, Picture
from rooms.lines import media_lines
from rooms.relay import Relay
from rooms.rtp import OPUS, RTX
from tests.fakes.rtp import DELTA, KEY, MORE, packet, retransmission, seen

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
STEP = 0.005  # seconds
WIRE = 54  # bytes of a datagram beside RTP
LARGE = 1100  # bytes of a packet
KEY_FRAME = {720: 30_000, 360: 11_000, 180: 4_500}  # bytes, by lines
WIDE = 6.0  # seconds before the line narrows
PLAYOUT = 0.08  # seconds by which a browser delays sound on a good line
_FIRST, _LINE = 100.0, 0.02  # the first moment; seconds that every line takes


class Time:
    """The moment, and what happens later."""

    def __init__(self) -> None:
        self.now = _FIRST
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, moment: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._later, (moment, self._count, what))

    def go(self, till: float) -> None:
        while self._later and self._later[0][0] <= till:
            self.now, _, what = heapq.heappop(self._later)
            what()
        self.now = till


@dataclass
class Line:
    """One direction. `rate` bit/s, `None`: no limit; `queue`: bytes that wait before something is dropped."""

    time: Time
    arrive: Callable[[bytes], None]
    rate: float | None = None
    queue: int = 19_000
    free: float = 0.0

    def send(self, data: bytes) -> None:
        now, size = self.time.now, len(data) + WIRE
        if self.rate is None:
            self.free = now
        elif max(0.0, self.free - now) * self.rate / 8 + size > self.queue:
            return
        else:
            self.free = max(self.free, now) + size * 8 / self.rate
        self.time.at(self.free + _LINE, partial(self.arrive, data))


@dataclass
class Port:
    """The relay's way out (`rooms.flows.Port`)."""

    line: Line
    ready: bool = True

    def rtp(self, header: bytes, packet: bytes) -> None:
        self.line.send(header + packet[12:])

    def rtcp(self, packet: bytes) -> None:
        self.line.send(packet)


@dataclass
class Stream:
    """What a browser got of one."""

    kind: MediaKind
    highest: int
    came: int = 0
    told: tuple[int, int] = (0, 0)  # highest and came, at the last report
    told_at: float = 0.0


@dataclass
class Browser:
    """`base`: the SSRC of its sound; pictures and their retransmissions have the next two."""

    time: Time
    base: int
    up: Line
    told: Picture = Picture.P720
    may: int = 1_500_000  # bit/s, by REMB
    sent: dict[int, float] = field(default_factory=dict)  # sound, number: when
    heard: dict[int, float] = field(default_factory=dict)  # sound, timestamp: when
    got: dict[int, Stream] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _kept: dict[int, bytes] = field(default_factory=dict)
    _paced: deque[bytes] = field(default_factory=deque)
    _lines: int = 720
    _key: bool = True
    _budget: float = 0.0
    _frame_at: float = 0.0

    def tell(self, picture: Picture) -> None:
        """`send` of docs/protocol.md."""
        self.told = picture
        if RUNGS[picture].lines != self._lines and RUNGS[picture].lines:
            self._lines, self._key = RUNGS[picture].lines, True

    @property
    def _bits(self) -> float:
        """For pictures."""
        rung = RUNGS[self.told]
        return max(0.0, min(rung.video, self.may - rung.audio - OVERHEAD)) if rung.frames > 10 else 0.0

    def tick(self, step: int) -> None:
        now = self.time.now
        if step % 4 == 0:
            number = self._numbers["sound"] = self._numbers["sound"] + 1
            self.sent[number] = now
            self.up.send(packet(AUDIO, number, number * 960, self.base, bytes(100)))
        waiting = sum(map(len, self._paced)) * 8 / max(1.0, self._bits)
        if now - self._frame_at >= 1 / max(1, RUNGS[self.told].frames) and self._bits > 10_000:
            self._frame_at = now
            if self._key or waiting < 0.25:  # else the encoder leaves one out
                self._frame(now)
        rate = 2.5 * max(30_000.0, self._bits) / 8
        self._budget = min(self._budget + rate * STEP, rate * 0.04)
        while self._paced and self._budget > 0:
            self._budget -= len(self._paced[0])
            self.up.send(self._paced.popleft())

    def _frame(self, now: float) -> None:
        size = KEY_FRAME[self._lines] if self._key else max(60, int(self._bits / RUNGS[self.told].frames / 8))
        begins, self._key = KEY if self._key else DELTA, False
        for left in range(size, 0, -LARGE):
            number = self._numbers["picture"] = self._numbers["picture"] + 1
            payload = (begins if left == size else MORE) + bytes(min(LARGE, left))
            data = packet(VIDEO, number, int(now * 90_000), self.base + 1, payload)
            self._kept[number & 0xFFFF] = data
            self._paced.append(data)

    def receive(self, data: bytes) -> None:
        if 191 < data[1] < 224:
            self._hear(data)
            return
        one = seen(data)
        if one.payload_type == RTX:
            return
        kind = AUDIO if one.payload_type == OPUS else VIDEO
        stream = self.got.setdefault(one.ssrc, Stream(kind, one.sequence))
        stream.came += 1
        ahead = (one.sequence - stream.highest) & 0xFFFF
        if 0 < ahead < 0x8000:
            missed = [(stream.highest + step) & 0xFFFF for step in range(1, ahead)]
            if missed:
                self.up.send(rtcp.nack(1, one.ssrc, missed))
            stream.highest = one.sequence
        if kind is AUDIO:
            self.heard[one.timestamp] = self.time.now

    def _hear(self, data: bytes) -> None:
        if (at := data.find(b"REMB") + 5) > 5:
            mantissa = (data[at] & 3) << 16 | data[at + 1] << 8 | data[at + 2]
            self.may = mantissa << (data[at] >> 2)
        for message in rtcp.parse(data):
            if isinstance(message, rtcp.KeyframeRequest):
                self._key = True
            elif isinstance(message, rtcp.Nack) and message.ssrc == self.base + 1:
                for number in message.lost:
                    self._numbers["again"] += 1
                    again = retransmission(self._kept[number], self._numbers["again"], self.base + 2)
                    self._paced.appendleft(again)

    def report(self) -> None:
        """On pictures each second, on sound every five."""
        blocks = []
        for ssrc, stream in self.got.items():
            if self.time.now - stream.told_at < (1.0 if stream.kind is VIDEO else 5.0):
                continue
            expected, came = (stream.highest - stream.told[0]) & 0xFFFF, stream.came - stream.told[1]
            lost = max(0, expected - came) / max(1, expected) if stream.told_at else 0.0
            stream.told, stream.told_at = (stream.highest, stream.came), self.time.now
            blocks.append(rtcp.ReportBlock(ssrc, min(255, int(lost * 256)), 0, stream.highest, 0, 0, 0))
        if blocks:
            self.up.send(rtcp.receiver_report(1, blocks))


class Call:
    """The family, whose line narrows, and the inmate; the server between them looks once a second, as in a room."""

    def __init__(self) -> None:
        self.time = Time()
        self.narrowed = _FIRST + WIDE
        self.people: list[Browser] = []
        self.relays: list[Relay] = []
        self.downs: list[Line] = []
        for place, base in enumerate((0x100, 0x200)):
            self.downs.append(Line(self.time, partial(self._hear, place)))
            self.relays.append(Relay(Port(self.downs[-1]), media_lines(frozenset(MediaKind), 1), Counter()))
            self.people.append(Browser(self.time, base, Line(self.time, partial(self._take, place))))
        for one, other in (self.relays, self.relays[::-1]):
            one.show(0, other, _FIRST, audio=True, video=True)
        self._fitting = Fitting()

    def _hear(self, place: int, data: bytes) -> None:
        self.people[place].receive(data)

    def _take(self, place: int, data: bytes) -> None:
        relay = self.relays[place]
        (relay.rtcp if 191 < data[1] < 224 else relay.rtp)(data, self.time.now)

    def play(self, up: float | None, down: float | None, seconds: float, begins: float = 0.0) -> None:
        """The line carries `up` and `down` bit/s from `WIDE + begins` seconds on."""
        self.narrowed = _FIRST + WIDE + begins
        for step in range(int((WIDE + begins + seconds) / STEP)):
            self.time.go(_FIRST + step * STEP)
            if self.time.now >= self.narrowed:
                self.people[0].up.rate, self.downs[0].rate = up, down
            for person in self.people:
                person.tick(step)
                if step % 20 == 0:
                    person.report()
            if step % 20 == 0:
                for place, relay in enumerate(self.relays):
                    relay.tick(self.time.now, self._round_trip(place))
            if step % 200 == 0:
                self._look(self.time.now)

    def _round_trip(self, place: int) -> float:
        """Of what is asked and answered beside the media, through the same queues."""
        ways = self.people[place].up, self.downs[place]
        return sum(_LINE + max(0.0, way.free - self.time.now) for way in ways)

    def _look(self, now: float) -> None:
        plan = self._fitting.step([self._member(place) for place in range(2)], now)
        for conn, direction, bits in plan.assumed:
            rate = self.relays[int(conn)].rate
            (rate.up if direction == "up" else rate.down).assume(bits, now)
        for place, relay in enumerate(self.relays):
            told, person, way = plan.sent[str(place)], self.people[place], self.downs[place]
            relay.rate.limit = told.limit
            if told.picture is not person.told:
                arrives = max(now, way.free) + 2 * _LINE
                self.time.at(arrives, partial(person.tell, told.picture))
            shown = plan.got[str(place), str(1 - place)].shown in (Shown.WHOLE, Shown.SMALL)
            relay.show(0, self.relays[1 - place], now, audio=True, video=shown)

    def _member(self, place: int) -> Member:
        rate = self.relays[place].rate
        up, down = (
            Way(one.bits_per_second, one.loss, None, one.calm_since, one.limited)
            for one in (rate.up, rate.down)
        )
        return Member(str(place), up, down, publishes=True, watches=False, sees=(str(1 - place),))

    def made_up(self, hears: int, seconds: int) -> list[float]:
        """The part (0…) of each second of sound since the line narrowed that person `hears` had to make up."""
        sent, heard = self.people[1 - hears].sent, self.people[hears].heard
        # The relay numbers times anew: its first packet is the sender's first.
        shift = min(heard, key=lambda stamp: heard[stamp]) - 960 * min(sent)
        found, wait, lately = [0.0] * seconds, PLAYOUT, deque([PLAYOUT], maxlen=400)
        for number, at in sent.items():
            second = int((at - self.narrowed) // 1)
            late = heard.get((number * 960 + shift) & 0xFFFFFFFF, at - 1) - at
            if 0 <= second < seconds:
                found[second] += 0.02 if late < 0 else max(0.0, late - wait)
            if late >= 0:
                lately.append(late)
                wait = max(wait, late)
            wait = max(wait - 0.002, sorted(lately)[int(len(lately) * 0.97)] + 0.02, PLAYOUT)
        return found
