"""What a room is opened for: a booking of the scheduler, or a sitting. Pure values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.ids import Ref
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import Companion, RoomRules, SeatRole, Visit
from rooms.powers import Topology


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody for whom a seat is kept. The last two are a relative's."""

    role: SeatRole
    person: Ref
    name: str
    kinship: str = ""
    relationship_id: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """`about`: ("booking" or "sitting", id). `scope_id`: whose policy counts. All times aware UTC.

    `terminal_id` None: the inmate comes in from whichever terminal they show their personal code at.
    """

    about: Ref
    reference: str
    kind: RoomKind
    confidentiality: Confidentiality
    prison_id: str
    scope_id: str
    inmate_name: str
    terminal_id: str | None
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    minutes: int
    parties: Sequence[Party]
    companions: tuple[Companion, ...] = ()

    @property
    def topology(self) -> Topology:
        return Topology(self.kind, self.confidentiality)

    @property
    def inmate_id(self) -> str:
        return next((p.person.id for p in self.parties if p.role is SeatRole.INMATE), "")

    def party(self, person: Ref) -> Party | None:
        return next((party for party in self.parties if party.person == person), None)

    def visit(self, room_id: str, rules: RoomRules) -> Visit:
        return Visit(
            room_id=room_id,
            about=self.about,
            reference=self.reference,
            kind=self.kind,
            confidentiality=self.confidentiality,
            starts_at=self.starts_at,
            slot_ends_at=self.ends_at,
            granted=self.minutes * 60,
            inmate_name=self.inmate_name,
            companions=self.companions,
            rules=rules,
        )


class SittingState(StrEnum):
    AGREED = "agreed"
    OVER = "over"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SittingView:
    """A sitting for pages. `basis`: the code of the reason for its confidentiality; `end_reason` of its room."""

    agreed: Agreed
    basis: str
    matter: Ref
    state: SittingState
    end_reason: str
    live_at: datetime | None
    ended_at: datetime | None
    used_ms: int

    @property
    def id(self) -> str:
        return self.agreed.about.id
