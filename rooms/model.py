"""Rooms and seats: pure values and the tables of their moves."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.ids import Ref
from rooms.bandwidth import CAP
from rooms.codec import VideoCodec
from rooms.confidentiality import Confidentiality, RoomKind
from scheduler.model import Fault


class Phase(StrEnum):
    LOBBY = "lobby"  # open, not begun: the only phase in which faces are checked before anybody is shown
    LIVE = "live"
    PAUSED = "paused"  # begun, and nobody hears or sees the other end
    ENDED = "ended"


MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.LOBBY: frozenset({Phase.LIVE, Phase.ENDED}),
    Phase.LIVE: frozenset({Phase.PAUSED, Phase.ENDED}),
    Phase.PAUSED: frozenset({Phase.LIVE, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}


class SeatRole(StrEnum):
    RELATIVE = "relative"
    INMATE = "inmate"
    COUNSEL = "counsel"
    MEDIATOR = "mediator"
    COUNSELLOR = "counsellor"
    ASSISTANT = "assistant"  # of a lawyer
    INTERPRETER = "interpreter"
    MONITOR = "monitor"

    @property
    def visits(self) -> bool:
        """From outside: family, counsel, and who helps them."""
        return self not in (SeatRole.INMATE, SeatRole.MONITOR)

    @property
    def side(self) -> str:
        """The first part of a ledger tag."""
        return _SIDES.get(self.value, self.value)


# Whoever comes from outside to help has an account of kind counsel.
_SIDES = {
    "relative": "family",
    "monitor": "officer",
    **dict.fromkeys(("mediator", "counsellor", "assistant", "interpreter"), "counsel"),
}


class SeatState(StrEnum):
    AWAY = "away"  # never came, or was gone for longer than the reconnect window
    LOBBY = "lobby"
    ADMITTED = "admitted"  # stays so while the person is away within the reconnect window
    REMOVED = "removed"


SEAT_MOVES: dict[SeatState, frozenset[SeatState]] = {
    SeatState.AWAY: frozenset({SeatState.LOBBY, SeatState.REMOVED}),
    SeatState.LOBBY: frozenset({SeatState.AWAY, SeatState.ADMITTED, SeatState.REMOVED}),
    SeatState.ADMITTED: frozenset({SeatState.AWAY, SeatState.LOBBY, SeatState.REMOVED}),
    SeatState.REMOVED: frozenset(),
}


class IllegalMoveError(Exception):
    """A move that the table does not have was tried: a mistake in the code, nothing was changed."""


def check_move(present: Phase, wanted: Phase) -> Phase:
    """`wanted`, if the table has this move; else `IllegalMoveError`."""
    if wanted not in MOVES[present]:
        raise IllegalMoveError(f"{present} -> {wanted}")
    return wanted


def check_seat_move(present: SeatState, wanted: SeatState) -> SeatState:
    """`wanted`, if the table has this move; else `IllegalMoveError`."""
    if wanted not in SEAT_MOVES[present]:
        raise IllegalMoveError(f"{present} -> {wanted}")
    return wanted


class Waiting(StrEnum):
    """Why the visit is not live: told to everybody, in these words of the protocol."""

    START = "for-start"
    OFFICER = "for-officer"
    INMATE = "for-inmate"
    FAMILY = "for-family"
    ADMISSION = "for-admission"
    RECORDER = "for-recorder"
    RESUME = "for-resume"


class Hold(StrEnum):
    """What keeps a begun visit paused. Several may hold at once; the first in this order is shown."""

    BY_OFFICER = "by-officer"
    MONITOR_LOST = "monitor-lost"
    RECORDER_LOST = "recorder-lost"
    PERSON_AWAY = "person-away"


class EndReason(StrEnum):
    TIME_UP = "time-up"
    SLOT_OVER = "slot-over"  # the next visit begins
    BY_OFFICER = "by-officer"
    REMOVED = "removed"  # an officer removed the inmate or every visitor
    MONITOR_LOST = "monitor-lost"
    RECORDER_LOST = "recorder-lost"
    PAUSED_TOO_LONG = "paused-too-long"
    FAMILY_NO_SHOW = "family-no-show"
    PRISON_NO_SHOW = "prison-no-show"  # inmate or officer never came: never the family's strike
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a visit ends. `code` and `words` are the officer's, where one ended it."""

    reason: EndReason
    fault: Fault
    code: str = ""
    words: str = ""


class Quality(StrEnum):
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    UNKNOWN = "unknown"


class Purpose(StrEnum):
    """What a ticket lets its holder do."""

    SEAT = "seat"
    CHECK = "check"
    WALL = "wall"  # the pictures of rooms of one node, that of the ticket's room


@dataclass(frozen=True, slots=True)
class Moment:
    """The present on both clocks: `wall` for what was agreed, `mono` (seconds) for what is measured."""

    wall: datetime
    mono: float


@dataclass(frozen=True, slots=True)
class RoomRules:
    """What the prison's policy says about a room. Durations in seconds."""

    reconnect_window: float
    monitor_absent_end: float
    pause_end: float
    late_cutoff: float  # after the start; a family that was never seen by then has not come
    record_while_paused: bool
    warnings: tuple[str, ...]  # codes of rooms.words.WARNINGS
    reasons: tuple[str, ...]  # codes of rooms.words.REASONS
    ladder: tuple[str, ...] = ()  # acts against a breach, the mildest first; the last wants one before it
    codec: VideoCodec = VideoCodec.VP8  # of the pictures, where everybody can do it
    record_while_muted: bool = True  # the sound of whom an officer has muted
    most_bits: int = CAP  # per second, that one leg may send
    prison_ends: bool = True  # an officer may end the visit; time and absence end it in any case
    gives_back: bool = True  # lost time is added at the end, as far as the slot reaches
    start_needs: frozenset[str] = frozenset(
        {"monitor", "recorder"}
    )  # of what the topology has: without it no call
    most_granted: float = 0.0  # with what an officer gives
    extend_by: tuple[str, ...] = ()  # offices that may give more time
    reason_told_to: tuple[str, ...] = ("family", "inmate")  # who reads why an officer paused or ended


@dataclass(frozen=True, slots=True)
class SeatView:
    """A seat as it is stored: who sits there, and what was decided about it."""

    id: str
    role: SeatRole
    person: Ref
    name: str
    kinship: str = ""
    relationship_id: str = ""  # whose proof the officer compares the face with
    state: SeatState = SeatState.AWAY
    muted: bool = False
    joined_at: datetime | None = None  # first time their media was connected


@dataclass(frozen=True, slots=True)
class Companion:
    """A visitor without an account, a minor: comes on a relative's device, has no seat of their own."""

    name: str
    kinship: str
    relationship_id: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What was agreed. While the room stands only its end may move, when a turn runs over. `granted` in seconds."""

    room_id: str
    about: Ref  # the booking or the sitting
    reference: str
    kind: RoomKind
    confidentiality: Confidentiality
    starts_at: datetime
    slot_ends_at: datetime
    granted: float
    inmate_name: str
    companions: tuple[Companion, ...]
    rules: RoomRules

    @property
    def booking_id(self) -> str | None:
        """None for a sitting."""
        return self.about.id if self.about.kind == "booking" else None


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """All of a room that survives a restart. Durations in seconds."""

    phase: Phase = Phase.LOBBY
    used: float = 0.0
    lost: float = 0.0
    ticked_at: datetime | None = None  # till when `used` and `lost` count
    live_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    end_code: str = ""  # the officer's reason, a code of rooms.words.REASONS
    end_words: str = ""  # the officer's own words: for the prison, never shown to the others
    fault: Fault = Fault.NOBODY
    pause_code: str = ""  # set while an officer's pause stands
    pause_words: str = ""
    seats: tuple[SeatView, ...] = field(default=())
    # Kinds of acts that officers have done before this process; only read.
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room for pages: the record, where it runs, and whether its node is heard."""

    id: str
    about: Ref
    record: RoomRecord
    node_id: str | None
    hosted: bool
    given_back: float


@dataclass(frozen=True, slots=True)
class ActView:
    """What an officer did in a room. `at_ms`: of the visit's used time; `words` are for the prison only."""

    at: datetime
    at_ms: int
    act: str
    seat_id: str
    officer_id: str
    code: str
    words: str
