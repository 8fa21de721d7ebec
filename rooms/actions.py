"""What can happen to a room (actions, in) and what it wants done (effects, out). Pure values.

`conn` is the id of one socket, and of the one media leg that belongs to it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.ids import Ref
from rooms.client import MediaKind
from rooms.codec import VideoCodec
from rooms.fitting import Plan
from rooms.model import Quality, SeatView

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attached:
    """A socket showed a good ticket for this seat. `seat` is stored already, or new (a monitor's).

    `offer`: it makes the offer itself and has no page (WHIP, WHEP); `sends`: it may publish at all.
    """

    conn: str
    seat: SeatView
    codecs: frozenset[VideoCodec] = frozenset({VideoCodec.VP8})
    offer: str = ""
    sends: bool = True
    language: str = "zh"
    extends: bool = False  # an officer whom policy lets give more time


@dataclass(frozen=True, slots=True)
class Detached:
    """The socket is gone; `bye` when its person left on purpose."""

    conn: str
    bye: bool = False


@dataclass(frozen=True, slots=True)
class OfLeg:
    """Something about the leg of one conn."""

    conn: str


class LegConnected(OfLeg):
    """Its media can flow."""


@dataclass(frozen=True, slots=True)
class LegLost(OfLeg):
    """Nothing was heard for `silent` seconds; the leg may come back."""

    silent: float = 0.0


class LegBack(OfLeg):
    """It is heard again."""


class LegFailed(OfLeg):
    """Its connection is over."""


@dataclass(frozen=True, slots=True)
class LegRated(OfLeg):
    quality: Quality


@dataclass(frozen=True, slots=True)
class Fitted:
    """Who sends what picture to whom has changed."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Devices(OfLeg):
    camera: bool
    microphone: bool


@dataclass(frozen=True, slots=True)
class Looks:
    """What an officer wants to hear and see on this connection."""

    conn: str
    sound: bool
    pictures: bool


@dataclass(frozen=True, slots=True)
class KeyTold:
    """A browser's digest of its public key, and the key, both in base64; "none" for one that cannot seal."""

    conn: str
    commit: str
    public: str


@dataclass(frozen=True, slots=True)
class SecretGiven:
    """The sender's key for `seat`, in a box that only that browser can open."""

    conn: str
    seat: str
    box: str


@dataclass(frozen=True, slots=True)
class Help:
    conn: str
    text: str


@dataclass(frozen=True, slots=True)
class Acted:
    """An act of supervision as the officer's page sent it; `seat` may be empty."""

    conn: str
    id: str
    act: str
    seat: str = ""
    code: str = ""  # `warning` or `reason` of the message
    text: str = ""
    aloud: bool = False  # of a warning: its recorded words are played, too
    minutes: int = 0  # of more time


@dataclass(frozen=True, slots=True)
class RecorderStarted:
    recording_id: str


@dataclass(frozen=True, slots=True)
class RecorderFailed:
    """It could not be started, or is no longer healthy."""


@dataclass(frozen=True, slots=True)
class RecorderBehind:
    """The recording has fallen behind the call, or lacks somebody; or no longer."""

    behind: bool


@dataclass(frozen=True, slots=True)
class TracksMissing:
    """What is expected and does not reach the recording, by seat: all of it, each time it has changed."""

    tracks: frozenset[tuple[str, MediaKind]]


@dataclass(frozen=True, slots=True)
class BookingCancelled:
    """The booking behind the room is no longer confirmed."""


@dataclass(frozen=True, slots=True)
class Extended:
    """More time was agreed. `granted` in seconds, all in all."""

    granted: float
    slot_ends_at: datetime


@dataclass(frozen=True, slots=True)
class TopologyClosed:
    """What is held here must be more closed from now on, or has one party more: not for the room, which cannot
    change what it is, but for its host, which gives it up and opens it anew."""


@dataclass(frozen=True, slots=True)
class VisitorDropped:
    """Somebody is no longer a visitor of this booking: their relationship ended after it was made."""

    seat_id: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; at least twice a second."""


Action = (
    Attached | Detached | LegConnected | LegLost | LegBack | LegFailed | LegRated | Fitted | Devices | Help | Acted
    | Looks
    | KeyTold | SecretGiven | RecorderStarted | RecorderFailed | RecorderBehind | TracksMissing | BookingCancelled
    | Extended | VisitorDropped | Tick
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Send:
    conn: str
    message: Message


@dataclass(frozen=True, slots=True)
class Close:
    """Ends the socket with a code of docs/protocol.md; `ended` is its regular end."""

    conn: str
    code: str


@dataclass(frozen=True, slots=True)
class OpenLeg:
    conn: str
    publishes: frozenset[MediaKind]
    lines: tuple[frozenset[MediaKind], ...]  # what each can carry
    announce: bool
    codec: VideoCodec = VideoCodec.VP8
    offer: str = ""  # the peer's, to be answered


class CloseLeg(OfLeg):
    """It goes at once."""


@dataclass(frozen=True, slots=True)
class StartRecorder:
    """Answered by `RecorderStarted` or `RecorderFailed`."""


@dataclass(frozen=True, slots=True)
class FinishRecorder:
    reason: str


@dataclass(frozen=True, slots=True)
class Say:
    """The words recorded for a warning are played to all."""

    code: str
    language: str


@dataclass(frozen=True, slots=True)
class Prolong:
    """So many minutes more are asked of the timetable, which may refuse them; whoever carries it out answers the
    act `id` of `conn`."""

    conn: str
    id: str
    officer: Ref
    minutes: int


@dataclass(frozen=True, slots=True)
class Mark:
    """An event for the recording's timeline."""

    tag: str
    details: Message


@dataclass(frozen=True, slots=True)
class Enter:
    """An entry for the ledger, about the booking; details name people by id only."""

    tag: str
    actor: Ref
    details: Message = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """An officer's act with its own words, for the prison's page of this visit (the ledger has no words)."""

    act: str
    seat: str
    by: Ref
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The visit is over: the record tells how; the booking is to be completed with it."""


Effect = (
    Send | Close | OpenLeg | CloseLeg | StartRecorder | FinishRecorder | Prolong | Mark | Say | Enter | Note | Ended
)  # fmt: skip
