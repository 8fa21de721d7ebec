"""What may befall booked visits (rules N13 and more), as a table: whom it is about, what families are told, and what
may be done about it. Pure.

Nothing here cancels a visit: a booking that is touched is flagged, and moved by an offer that the family accepts or
by an officer's decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import Reason

COURT_BUFFER = timedelta(minutes=30)  # before and after a court link, for the way there and back


class Kind(StrEnum):
    RELEASED = "released"
    TRANSFERRED = "transferred"
    HOSPITAL = "hospital"
    ILLNESS = "illness"
    COURT = "court"
    ISOLATION = "isolation"
    RESTRICTION = "restriction"
    VISITOR_UNAPPROVED = "visitor-unapproved"
    KEEP_APART = "keep-apart"
    DETAILS_CHANGED = "details-changed"
    LOCKDOWN = "lockdown"
    DATE_CLOSED = "date-closed"
    SESSION_CLOSED = "session-closed"
    TERMINAL_BROKEN = "terminal-broken"
    ROOM_BLOCKED = "room-blocked"
    OFFICER_AWAY = "officer-away"


class Remedy(StrEnum):
    """What follows a flag."""

    NONE = "none"  # no other time helps
    OFFER = "offer"  # another time is offered at once
    DECIDE = "decide"  # an officer decides whether the visit stays, and only then another time is offered


@dataclass(frozen=True, slots=True)
class Nature:
    """`needs`: which ids must be given. `ends`: whether it needs an end. `buffer` on both sides. `text`: for the
    family, never naming others. `refuses`: requests that nobody has decided yet are refused at once."""

    name: str
    needs: tuple[str, ...]
    text: str
    remedy: Remedy
    ends: bool = True
    buffer: timedelta = timedelta(0)
    refuses: bool = False


NATURES: Mapping[Kind, Nature] = {
    Kind.RELEASED: Nature(
        "Released",
        ("inmate_id",),
        "Your family member leaves the prison before this visit. Please ask the prison if you have questions.",
        Remedy.NONE,
        ends=False,
        refuses=True,
    ),
    Kind.TRANSFERRED: Nature(
        "Moved to another prison",
        ("inmate_id",),
        "Your family member is being moved to another prison. Please book there.",
        Remedy.NONE,
        ends=False,
        refuses=True,
    ),
    Kind.HOSPITAL: Nature(
        "In hospital",
        ("inmate_id",),
        "Your family member cannot come to the terminal at this time.",
        Remedy.OFFER,
    ),
    Kind.ILLNESS: Nature(
        "Ill", ("inmate_id",), "Your family member cannot come to the terminal at this time.", Remedy.OFFER
    ),
    Kind.COURT: Nature(
        "At court",
        ("inmate_id",),
        "Your family member has another appointment at this time.",
        Remedy.OFFER,
        buffer=COURT_BUFFER,
    ),
    Kind.ISOLATION: Nature(
        "Separated from others",
        ("inmate_id",),
        "Visits are restricted at this time. The prison decides and tells you.",
        Remedy.DECIDE,
    ),
    Kind.RESTRICTION: Nature(
        "A visitor is restricted",
        ("relative_id",),
        "Visits are restricted at this time. The prison decides and tells you.",
        Remedy.DECIDE,
    ),
    Kind.VISITOR_UNAPPROVED: Nature(
        "A visitor is no longer approved",
        ("relative_id", "inmate_id"),
        "One of the visitors is no longer approved. The prison decides and tells you.",
        Remedy.DECIDE,
        ends=False,
    ),
    Kind.KEEP_APART: Nature(
        "Two inmates are to be kept apart",
        ("inmate_id", "other_id"),
        "The prison must look at the time of this visit again. It decides and tells you.",
        Remedy.DECIDE,
        ends=False,
    ),
    Kind.DETAILS_CHANGED: Nature(
        "Wing or treatment level has changed",
        ("inmate_id",),
        "The rules for this visit have changed. The prison decides and tells you.",
        Remedy.DECIDE,
        ends=False,
    ),
    Kind.LOCKDOWN: Nature("Lockdown", (), "There are no visits at this time for safety.", Remedy.OFFER),
    Kind.DATE_CLOSED: Nature(
        "A day is closed", (), "The prison has closed this day for visits.", Remedy.OFFER
    ),
    Kind.SESSION_CLOSED: Nature(
        "A session is closed", ("template_id",), "The prison has closed this time for visits.", Remedy.OFFER
    ),
    Kind.TERMINAL_BROKEN: Nature(
        "A terminal is broken",
        ("terminal_id",),
        "A terminal has failed and no other is free at this time.",
        Remedy.OFFER,
    ),
    Kind.ROOM_BLOCKED: Nature(
        "A room is blocked",
        ("visit_room_id",),
        "A room cannot be used and no other is free at this time.",
        Remedy.OFFER,
    ),
    Kind.OFFICER_AWAY: Nature(
        "A supervising officer is away",
        ("officer_id",),
        "Too few officers are there to supervise at this time.",
        Remedy.OFFER,
    ),
}
# Which are over when an inmate is back (F34).
AWAY = frozenset({Kind.RELEASED, Kind.TRANSFERRED, Kind.HOSPITAL, Kind.ILLNESS})


@dataclass(frozen=True, slots=True)
class Happening:
    """One of them. `ends_at` None: until it is closed."""

    id: str
    prison_id: str
    kind: Kind
    starts_at: datetime
    ends_at: datetime | None
    inmate_id: str | None = None
    other_id: str | None = None
    relative_id: str | None = None
    wing_id: str | None = None
    terminal_id: str | None = None
    visit_room_id: str | None = None
    template_id: str | None = None
    officer_id: str | None = None
    words: str = ""
    open: bool = True

    @property
    def nature(self) -> Nature:
        return NATURES[self.kind]

    @property
    def span(self) -> tuple[datetime, datetime | None]:
        """When visits are touched: the time itself with its buffer."""
        buffer = self.nature.buffer
        return self.starts_at - buffer, None if self.ends_at is None else self.ends_at + buffer

    @property
    def cause(self) -> str:
        """Equal for what was reported twice: the second report flags nothing anew (F35)."""
        if self.kind is Kind.KEEP_APART:
            return ":".join((self.kind, *sorted((self.inmate_id or "", self.other_id or ""))))
        about = (
            self.inmate_id, self.relative_id, self.wing_id, self.terminal_id, self.visit_room_id,
            self.template_id, self.officer_id,
        )  # fmt: skip
        named = [one for one in about if one is not None] or [self.prison_id]
        if not self.nature.ends:
            return ":".join((self.kind, *named))
        return ":".join((self.kind, *named, f"{self.starts_at:%Y%m%dT%H%M}"))

    @property
    def reason(self) -> Reason:
        return Reason(f"happened-{self.kind}", self.nature.text)
