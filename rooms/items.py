"""What is put to a running room beside actions: what came of sockets, before it is an action. Pure values."""

from dataclasses import dataclass

from rooms.actions import Action, OfLeg
from rooms.codec import VideoCodec


@dataclass(frozen=True, slots=True)
class Join:
    """A socket with a redeemed ticket for this seat; see `rooms.actions.Attached`."""

    conn: str
    seat_id: str
    codecs: frozenset[VideoCodec] = frozenset({VideoCodec.VP8})
    offer: str = ""
    sends: bool = True
    language: str = "zh"


@dataclass(frozen=True, slots=True)
class Answer:
    conn: str
    offer: str
    sdp: str


@dataclass(frozen=True, slots=True)
class Restart(OfLeg):
    """A network changed; see `restart` in docs/protocol.md. `remote`: of who made the offer, its new credentials."""

    remote: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Seen(OfLeg):
    """A page tells how it went since it told last; see `seen` in docs/protocol.md."""

    frozen_ms: int
    concealed: int


Item = Action | Join | Answer | Restart | Seen
