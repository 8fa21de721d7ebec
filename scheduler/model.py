"""Template -> slot -> place -> booking. Pure values and the table of moves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.errors import Reason
from core.ids import Ref

TICK_MINUTES = 5  # people and terminals are claimed in ticks; every beginning and raster is a multiple


class VisitKind(StrEnum):
    FAMILY = "family"
    LEGAL = "legal"


class BookingState(StrEnum):
    HELD = "held"  # picked, not yet confirmed by the family; expires
    REQUESTED = "requested"
    APPROVED = "approved"
    ASSIGNED = "assigned"  # terminal and time fixed
    CONFIRMED = "confirmed"  # everybody was told
    COMPLETED = "completed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"  # by the family
    CANCELLED = "cancelled"  # by the prison
    EXPIRED = "expired"
    NO_SHOW = "no_show"


# From which states each state may be reached; nothing else is ever allowed.
MOVES: Mapping[BookingState, frozenset[BookingState]] = {
    BookingState.HELD: frozenset(),
    BookingState.REQUESTED: frozenset({BookingState.HELD}),
    BookingState.APPROVED: frozenset({BookingState.REQUESTED}),
    BookingState.ASSIGNED: frozenset({BookingState.APPROVED}),
    BookingState.CONFIRMED: frozenset({BookingState.ASSIGNED}),
    BookingState.COMPLETED: frozenset({BookingState.CONFIRMED}),
    BookingState.NO_SHOW: frozenset({BookingState.CONFIRMED}),
    BookingState.REFUSED: frozenset({BookingState.REQUESTED}),
    BookingState.WITHDRAWN: frozenset(
        {
            BookingState.HELD,
            BookingState.REQUESTED,
            BookingState.APPROVED,
            BookingState.ASSIGNED,
            BookingState.CONFIRMED,
        }
    ),
    BookingState.CANCELLED: frozenset(
        {
            BookingState.HELD,
            BookingState.REQUESTED,
            BookingState.APPROVED,
            BookingState.ASSIGNED,
            BookingState.CONFIRMED,
        }
    ),
    BookingState.EXPIRED: frozenset(
        {BookingState.HELD, BookingState.REQUESTED, BookingState.APPROVED, BookingState.ASSIGNED}
    ),
}

# States in which a booking keeps its place, its people and its terminal from others.
OPEN_STATES = frozenset(
    {
        BookingState.HELD,
        BookingState.REQUESTED,
        BookingState.APPROVED,
        BookingState.ASSIGNED,
        BookingState.CONFIRMED,
    }
)
# States in which a booking counts against the month's allowance: pending ones too, failed ones not.
COUNTED_STATES = OPEN_STATES | {BookingState.COMPLETED, BookingState.NO_SHOW}


class Fault(StrEnum):
    """On whose side it lay that a visit did not take place as promised (rules N14)."""

    NOBODY = "nobody"
    FAMILY = "family"
    PRISON = "prison"
    PLATFORM = "platform"


class ClaimKind(StrEnum):
    """What can be claimed once per number. For an allowance the number is the how-manieth visit of the period that the
    owner's id names, for a limit the how-manieth unit of a slot's; for all others it is a tick. The owner of a
    booth's is one of its seats."""

    INMATE = "inmate"
    VISITOR = "visitor"
    TERMINAL = "terminal"
    ALLOWANCE = "allowance"
    LIMIT = "limit"
    BOOTH = "booth"


def ticks(starts_at: datetime, ends_at: datetime) -> range:
    """The ticks since 1970 that the half-open interval touches."""
    width = TICK_MINUTES * 60
    return range(int(starts_at.timestamp()) // width, -(-int(ends_at.timestamp()) // width))


@dataclass(frozen=True, slots=True)
class Prison:
    """`zone` is an IANA name; `help_phone` is whom a family may ask."""

    id: str
    name: str
    zone: str
    help_phone: str
    active: bool


@dataclass(frozen=True, slots=True)
class Wing:
    id: str
    prison_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """`wing_id` None: shared by all wings. `device_id`: of `people`, when one is enrolled. `room_name`: of the
    prison's room in which it stands, if that is known."""

    id: str
    prison_id: str
    wing_id: str | None
    name: str
    device_id: str | None
    active: bool
    room_name: str | None = None

    @property
    def place(self) -> str:
        """Room and terminal, as people are sent there."""
        return f"{self.room_name} · {self.name}" if self.room_name else self.name


@dataclass(frozen=True, slots=True)
class VisitorChoice:
    """Whom the family wants to bring: an approved relationship with the inmate."""

    relationship_id: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """One person of a booking. `person` is known when that relative has an account."""

    id: str
    person: Ref | None
    name: str
    kinship: str
    born: date | None
    minor: bool
    relationship_id: str


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking as the layers above see it. All times aware UTC; `minutes` is what was granted.

    The call may last till `slot_ends_at` at the very most (given-back time included): then the next begins.
    """

    id: str
    reference: str
    kind: VisitKind
    state: BookingState
    inmate_id: str
    inmate_name: str
    prison_id: str
    prison_name: str
    zone: str  # IANA name of the prison's time zone
    wing_id: str
    wing_name: str
    slot_id: str
    starts_at: datetime
    slot_ends_at: datetime
    minutes: int
    opens_at: datetime  # when the lobby opens
    requested_by: str  # relative id
    visitors: tuple[Visitor, ...]
    terminal_id: str | None
    terminal_name: str | None
    policy_version: str
    state_since: datetime
    state_by: Ref
    reply_by: datetime | None  # when the prison must have answered
    held_until: datetime | None
    reason: Reason | None  # why refused, cancelled or expired
    words: str  # what the officer, or the family on withdrawing, wrote
    fault: Fault
    replaces: str | None = None  # the booking that ends when this one is approved
    link: str | None = None  # bookings of one link belong together
    part: str = "main"
    exceptions: tuple[Reason, ...] = ()  # rules that an office must let pass
    chain: tuple[str, ...] = ()  # those offices, the nearest first


@dataclass(slots=True)  # not frozen, as `case.SlotFacts`
class SlotOffer:
    """One slot as a family sees it: free, or every reason why not. `exceptions`: what the prison must let pass
    first; such a slot can be asked for."""

    slot_id: str
    starts_at: datetime
    minutes: int
    free_places: int
    reasons: tuple[Reason, ...]
    exceptions: tuple[Reason, ...] = ()

    @property
    def offered(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class DayOffer:
    """One day of the prison's calendar with its slots; `closed`: why it has none, if it was closed."""

    date: date
    slots: tuple[SlotOffer, ...]
    closed: Reason | None = None

    @property
    def offered(self) -> bool:
        return any(slot.offered for slot in self.slots)

    def __iter__(self) -> Iterator[SlotOffer]:
        return iter(self.slots)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The visits of the period in which a day lies, over all channels and all who visit the inmate."""

    period: str  # "2026-12", or the first and last day of a special window
    used: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)
