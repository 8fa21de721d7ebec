"""Legs and recorders without a network: they remember what they were told to show and to take."""

import asyncio
from collections.abc import Mapping
from typing import Literal

from core import clock
from core.errors import Unavailable
from core.ids import Ref, new_id
from rooms.bandwidth import CAP
from rooms.client import Leg, LegEvents, LegStatistics, MediaKind, TrackSink, Way
from rooms.codec import VideoCodec
from rooms.errors import BadSdp
from rooms.lines import BOTH, Lines

Shown = tuple[str, bool, bool]  # leg id of the publisher, audio, video


class FakeLeg:
    """`lines[n]` is what line n carries; absent: nothing."""

    def __init__(
        self,
        leg_id: str,
        events: LegEvents,
        publishes: frozenset[MediaKind],
        lines: Lines,
        *,
        announce: bool = True,
    ) -> None:
        self._id = leg_id
        self.events = events
        self.publishes = publishes
        self.codec = VideoCodec.VP8
        self.codings = frozenset(VideoCodec)  # that its peer can do
        self.theirs = ""  # the offer the peer made
        self.most_bits = CAP
        self.carries = [BOTH] * lines if isinstance(lines, int) else list(lines)
        self.announced = announce
        self.lines: dict[int, Shown] = {}
        self.small: dict[int, bool] = {}
        self.limited: int | None = None
        self.assumed: list[tuple[str, int]] = []
        self.recalled: tuple[int, int] | None = None
        self.up: Way | None = None
        self.down: Way | None = None
        self.announcer: str | None = None
        self.answers: list[str] = []
        self.restarts = 0
        self.closed = False
        self.calls = 0
        self.round_trip_ms: float | None = 20.0
        self.heard = clock.monotonic()

    @property
    def id(self) -> str:
        return self._id

    def can(self, codec: VideoCodec) -> bool:
        return codec in self.codings

    async def offer(self) -> str:
        return f"v=0 offer {self._id}"

    async def restart(self, remote: tuple[str, str] | None = None) -> str:
        del remote
        self.restarts += 1
        return f"v=0 offer {self._id} again"

    async def answer(self) -> str:
        asyncio.get_running_loop().call_soon(self.events.leg_connected, self._id)
        return f"v=0 answer to {self.theirs}"

    async def accept(self, answer: str) -> None:
        if "bad" in answer:
            raise BadSdp(answer)
        self.answers.append(answer)
        asyncio.get_running_loop().call_soon(self.events.leg_connected, self._id)

    def limit(self, bits: int | None) -> None:
        self.limited = bits

    def recall(self, up: int, down: int) -> None:
        self.recalled = (up, down)

    def assume(self, direction: Literal["up", "down"], bits: int) -> None:
        self.assumed.append((direction, bits))

    def show(self, line: int, publisher: Leg | None, *, audio: bool, video: bool, low: bool = False) -> None:
        carries = self.carries[line]
        audio, video = audio and MediaKind.AUDIO in carries, video and MediaKind.VIDEO in carries
        self.calls += 1
        if publisher is None or not (audio or video):
            self.lines.pop(line, None)
        else:
            self.lines[line] = (publisher.id, audio, video)
            self.small[line] = low

    def announce(self, publisher: Leg | None) -> None:
        self.announcer = publisher.id if publisher is not None and self.announced else None

    def tap(self, sink: TrackSink, *, sound: bool = True) -> None:
        raise AssertionError("only a real recorder taps")

    def untap(self, sink: TrackSink) -> None:
        raise AssertionError("only a real recorder taps")

    def request_keyframe(self) -> None:
        raise AssertionError("showing asks for it")

    def statistics(self) -> LegStatistics:
        return LegStatistics(
            10, 1000, 0, 10, 1000, self.round_trip_ms, 1.0, 0.0, self.heard, self.up, self.down
        )

    async def close(self) -> None:
        self.closed = True


class FakeVoice:
    """Speaks until it is told that all is said."""

    def __init__(self, leg: FakeLeg) -> None:
        self.leg = leg
        self.said = asyncio.Event()

    async def speak(self) -> None:
        await self.said.wait()

    async def close(self) -> None:
        await self.leg.close()


class FakeLegs:
    """A `rooms.client.LegFactory`."""

    def __init__(self) -> None:
        self.legs: dict[str, FakeLeg] = {}
        self.loopbacks: set[str] = set()
        self.said: list[tuple[str, str]] = []  # language and code of pre-recorded words
        self.voices: list[FakeVoice] = []

    async def open(
        self,
        leg_id: str,
        events: LegEvents,
        *,
        publishes: frozenset[MediaKind],
        lines: Lines,
        announce: bool = True,
        loopback: bool = False,
        low: bool = False,
        codec: VideoCodec = VideoCodec.VP8,
        also: frozenset[VideoCodec] = frozenset(),
        most_bits: int = CAP,
        offer: str = "",
    ) -> FakeLeg:
        if "bad" in offer:
            raise BadSdp(offer)
        if offer:  # what it offers to send, by name
            publishes &= {kind for kind in MediaKind if kind in offer}
        leg = self.legs[leg_id] = FakeLeg(leg_id, events, publishes, lines, announce=announce)
        leg.codec, leg.theirs, leg.most_bits = codec, offer, most_bits
        if loopback:
            self.loopbacks.add(leg_id)
        return leg

    async def voice(self, leg_id: str, events: LegEvents, language: str, code: str) -> "FakeVoice":
        made = FakeVoice(FakeLeg(leg_id, events, frozenset({MediaKind.AUDIO}), 0, announce=False))
        self.said.append((language, code))
        self.voices.append(made)
        return made

    @property
    def open_legs(self) -> list[FakeLeg]:
        return [leg for leg in self.legs.values() if not leg.closed]


class FakeRecorder:
    def __init__(self) -> None:
        self._recording_id = new_id("rec")
        self.healthy = True
        self.behind = False
        self.taking: dict[str, tuple[Ref, str, str]] = {}
        self.took: list[str] = []
        self.heard: list[tuple[str, bool]] = []  # whose sound is taken from then on
        self.missing: set[tuple[str, MediaKind]] = set()  # roles, and what of them does not come
        self.marks: list[tuple[str, dict[str, object]]] = []
        self.finished: str | None = None

    @property
    def recording_id(self) -> str:
        return self._recording_id

    def add(self, leg: Leg, person: Ref, role: str, name: str) -> None:
        self.taking[leg.id] = (person, role, name)
        self.took.append(role)

    def remove(self, leg: Leg) -> None:
        del self.taking[leg.id]

    def hear(self, leg: Leg, *, heard: bool) -> None:
        self.heard.append((leg.id, heard))

    def arrived(self, leg: Leg) -> Mapping[MediaKind, float]:
        """Everything comes just now, but what `missing` has."""
        role = self.taking[leg.id][1]
        return {kind: clock.monotonic() for kind in MediaKind if (role, kind) not in self.missing}

    def mark(self, tag: str, **details: object) -> None:
        self.marks.append((tag, details))

    async def finish(self, reason: str) -> None:
        self.finished = reason
        self.taking.clear()


class FakeRecorders:
    """A `rooms.client.RecorderFactory`; `refuse` as long as no disk is there."""

    def __init__(self) -> None:
        self.recorders: list[FakeRecorder] = []
        self.refuse = False

    async def start(self, room_id: str, booking_id: str) -> FakeRecorder:
        assert room_id
        assert booking_id
        if self.refuse:
            raise Unavailable
        recorder = FakeRecorder()
        self.recorders.append(recorder)
        return recorder

    @property
    def last(self) -> FakeRecorder:
        return self.recorders[-1]
