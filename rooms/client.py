"""What a room needs of those who are in it: media legs, recorders, sockets. Implemented above.

A *leg* is one peer's media connection. It publishes at most one audio and one video stream *up* and gets,
*down*, a fixed number of numbered lines (each one audio and one video stream) and one announce line, all
negotiated at its start, so that nothing is renegotiated in a call. The room alone decides what flows: the
default of every line is silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from core.ids import Ref
from rooms.bandwidth import CAP
from rooms.codec import VideoCodec


class MediaKind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Way:
    """What one direction of a leg carries, as far as it is known. Seconds are monotonic."""

    bits: int  # per second
    loss: float  # 0..1, smoothed
    queue_ms: float | None  # that packets wait beyond the least
    calm_since: float | None  # since when nothing spoke against more
    limited: bool  # more may pass than was ever sent


@dataclass(frozen=True, slots=True)
class LegStatistics:
    """Counters since the leg was opened, and present values. `None`: not known yet."""

    packets_up: int
    bytes_up: int
    lost_up: int
    packets_down: int
    bytes_down: int
    round_trip_ms: float | None
    jitter_ms: float | None
    loss_percent: float | None  # what the peer last reported of what we send, 0..100
    last_heard: float  # core.clock.monotonic() of the last authentic packet of any kind
    up: Way | None = None
    down: Way | None = None
    level: int = 127  # -dBov, the loudest since statistics were last taken; 127 is silence
    picture_age: float | None = None  # seconds since the last packet of its picture came
    low: bool = False  # its small picture comes, too


class TrackSink(Protocol):
    """Takes a copy of what a leg publishes. Called on the event loop; must neither block nor raise."""

    def packet(self, kind: MediaKind, packet: bytes, arrived: float) -> None:
        """One decrypted RTP packet (header and payload), in arrival order; `arrived` in monotonic seconds."""

    def sender_report(self, kind: MediaKind, ntp: int, rtp: int) -> None:
        """The sender's own mapping: 64-bit NTP time to RTP timestamp (RFC 3550 section 6.4.1)."""


class Leg(Protocol):
    """One peer's media connection."""

    @property
    def id(self) -> str: ...

    @property
    def codec(self) -> VideoCodec:
        """Of the pictures, in both directions: the call's."""

    @property
    def publishes(self) -> frozenset[MediaKind]:
        """What its m-lines let it send."""

    def can(self, codec: VideoCodec) -> bool:
        """Whether it can be shown pictures of this coding."""

    async def offer(self) -> str:
        """The SDP offer; m-lines in order: own audio, own video (when it publishes), announce audio, then
        for each line n = 0, 1, …: audio, video."""

    async def answer(self) -> str:
        """Our answer to the offer that the peer made (`LegFactory.open(offer=)`); then it connects."""

    async def accept(self, answer: str) -> None:
        """Takes the SDP answer; raises `rooms.errors.BadSdp` and leaves the leg usable for another try."""

    def show(
        self, line: int, publisher: "Leg | None", *, audio: bool, video: bool, low: bool = False
    ) -> None:
        """Line `line` carries what `publisher` sends, as far as `audio` and `video` say; `None` clears it.
        What the line was not opened for is never carried. Idempotent. A key frame is asked for when video
        starts to flow. `low`: the small picture instead, if there is one; changed without a gap."""

    def limit(self, bits: int | None) -> None:
        """All who watch this peer can use so many bit/s at most; it is told so (REMB)."""

    def assume(self, direction: Literal["up", "down"], bits: int) -> None:
        """It is about to be tried whether so many bit/s pass."""

    def recall(self, up: int, down: int) -> None:
        """What the ways of the same person carried a moment ago, bit/s: no more is believed at first."""

    async def restart(self, remote: tuple[str, str] | None = None) -> str:
        """The offer with new ICE credentials, for a peer whose addresses changed; keys and streams go on. The
        same one until `accept` has taken its answer. `remote`: the new ufrag and password of a peer that made the
        offer itself; the answer to it with new ones of ours."""

    def announce(self, publisher: "Leg | None") -> None:
        """The announce line carries the audio of `publisher` (an officer who speaks in)."""

    def tap(self, sink: TrackSink, *, sound: bool = True) -> None:
        """Copies all that this leg publishes to `sink`, whatever is forwarded; without `sound`, pictures alone. Who
        taps again changes that."""

    def untap(self, sink: TrackSink) -> None: ...

    def request_keyframe(self) -> None: ...

    def statistics(self) -> LegStatistics: ...

    async def close(self) -> None:
        """Ends the connection; idempotent. No event is sent for it."""


class Voice(Protocol):
    """Pre-recorded words on their way into a room."""

    @property
    def leg(self) -> Leg:
        """What is announced and recorded; it has no peer."""

    async def speak(self) -> None:
        """Until all is said."""

    async def close(self) -> None: ...


class LegEvents(Protocol):
    """What a leg tells its owner; called on the event loop."""

    def leg_connected(self, leg_id: str) -> None:
        """DTLS is up: media can flow. Called once."""

    def leg_lost(self, leg_id: str) -> None:
        """Nothing authentic was heard for 3 s; the leg stays and may come back."""

    def leg_back(self, leg_id: str) -> None:
        """Heard again after `leg_lost`."""

    def leg_failed(self, leg_id: str) -> None:
        """The connection is over (DTLS closed or failed, or not connected within 20 s)."""


class LegFactory(Protocol):
    """Opens legs; implemented by `signaling.peer`."""

    async def open(
        self,
        leg_id: str,
        events: LegEvents,
        *,
        publishes: frozenset[MediaKind],
        lines: int | Sequence[frozenset[MediaKind]],
        announce: bool = True,
        loopback: bool = False,
        low: bool = False,
        codec: VideoCodec = VideoCodec.VP8,
        also: frozenset[VideoCodec] = frozenset(),
        most_bits: int = CAP,
        offer: str = "",
    ) -> Leg:
        """`lines`: how many others it can be shown, or what each line can carry: what it cannot has no m-line
        and can never be shown there; nor is there an announce line without `announce`. `loopback`: line 0
        carries back what it publishes (device check); such a leg belongs to no room. `low`: it may be asked
        for its picture a second time, small (`Leg.show`). `also`: other codings than the call's in which it can
        be shown pictures, as far as the peer can do them. `most_bits`: per second, that the peer may send; it is
        told so in the description and by REMB. `offer`: the peer's own, answered by `Leg.answer`;
        raises `rooms.errors.BadSdp` where nothing of it can be taken."""

    async def voice(self, leg_id: str, events: LegEvents, language: str, code: str) -> Voice:
        """The words recorded for `code` (of rooms.words.WARNINGS) in `language`, ready to be spoken; a chime
        where there are none."""


class Recorder(Protocol):
    """The recording of one room, from arming to its end; implemented by `recording.recorder`."""

    @property
    def recording_id(self) -> str: ...

    @property
    def healthy(self) -> bool:
        """False as soon as a write failed, the disk is full, or the writer lags more than 2 s."""

    @property
    def behind(self) -> bool:
        """Media comes, and for 2 s nothing of it could be written: the call goes on, officers are told."""

    def add(self, leg: Leg, person: Ref, role: str, name: str) -> None:
        """Records all that `leg` publishes as a track of its own, from its next key frame on."""

    def remove(self, leg: Leg) -> None:
        """Ends the track of `leg`."""

    def hear(self, leg: Leg, *, heard: bool) -> None:
        """Whether the sound of `leg`, whose track goes on, is taken from now on."""

    def arrived(self, leg: Leg) -> Mapping[MediaKind, float]:
        """When, in monotonic seconds, the newest packet of each kind came to the track of `leg`; without an entry
        while none has."""

    def mark(self, tag: str, **details: object) -> None:
        """Writes an event into the recording's timeline (pause, warning, mute …) at this moment."""

    async def finish(self, reason: str) -> None:
        """Flushes and closes all files. Sealing is done afterwards by `recording.tasks`."""


class RecorderFactory(Protocol):
    """Starts recordings; implemented by `recording.service`."""

    async def start(self, room_id: str, booking_id: str) -> Recorder:
        """Opens the files and makes the row (state `writing`); raises `core.errors.Unavailable` where that
        is not possible, and then the call must not start."""
