"""Template -> slot -> place -> booking. Pure values and the table of moves."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.errors import Reason
from core.ids import Ref


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


@dataclass(frozen=True, slots=True)
class Visitor:
    """One person of a booking. `person` is known when that relative has an account."""

    id: str
    person: Ref | None
    name: str
    kinship: str
    born: date | None
    minor: bool


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


@dataclass(frozen=True, slots=True)
class SlotOffer:
    """One slot as a family sees it: free, or every reason why not."""

    slot_id: str
    starts_at: datetime
    minutes: int
    free_places: int
    reasons: tuple[Reason, ...]

    @property
    def offered(self) -> bool:
        return not self.reasons
