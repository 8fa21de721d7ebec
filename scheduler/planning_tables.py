"""The tables of planning ahead and of what befalls: wishes, plans and their proposals, officers' shifts,
happenings, the flags they leave on bookings, and the offers of another time.

    booking_flag (booking_id, cause)  one cause flags a booking once, however often it is reported
    proposal (plan_id, wish_id)       a plan serves a wish once
    meeting_proposal (plan_id, meeting_id)  and a lawyer's request
    visit_offer (hold_id)             an offered seat is held by one booking in state `held`
    invitation (open_for)             an inmate waits for one answer at a time

`scheduler.tables` imports this module: both stand in one metadata.
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class HappeningRow(Base):
    """What befell. `kind`: `happenings.Kind`, which also says what the ids name. `ends_at` NULL: until closed."""

    __tablename__ = "happening"
    __table_args__ = (Index("ix_happening_prison_id_state", "prison_id", "state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    kind: Mapped[str]
    cause: Mapped[str] = mapped_column(index=True)  # equal for what was reported twice
    inmate_id: Mapped[str | None] = mapped_column(ForeignKey("inmate.id"), index=True)
    other_id: Mapped[str | None] = mapped_column(ForeignKey("inmate.id"))  # the second of a keep-apart pair
    relative_id: Mapped[str | None] = mapped_column(ForeignKey("relative.id"))
    wing_id: Mapped[str | None] = mapped_column(ForeignKey("wing.id"))
    terminal_id: Mapped[str | None] = mapped_column(ForeignKey("terminal.id"), index=True)
    visit_room_id: Mapped[str | None] = mapped_column(ForeignKey("visit_room.id"))
    template_id: Mapped[str | None] = mapped_column(ForeignKey("template.id"))
    officer_id: Mapped[str | None]  # of `people`
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    words: Mapped[str] = mapped_column(Text)
    state: Mapped[str]  # open, closed
    made_by_kind: Mapped[str]
    made_by_id: Mapped[str]
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class FlagRow(Base):
    """A booking that may not stand as it is. `cause`: that of a happening, or a policy version."""

    __tablename__ = "booking_flag"
    __table_args__ = (
        UniqueConstraint("booking_id", "cause"),
        Index("ix_booking_flag_prison_id_state", "prison_id", "state"),
        Index("ix_booking_flag_cause", "cause"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"))
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    cause: Mapped[str]
    code: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str]  # flags.FlagState
    words: Mapped[str] = mapped_column(Text)  # why it was decided so
    made_at: Mapped[datetime]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class OfferRow(Base):
    """Another time for a flagged booking. `hold_id`: the booking in state `held` that keeps its seat."""

    __tablename__ = "visit_offer"
    __table_args__ = (Index("ix_visit_offer_state_expires_at", "state", "expires_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    flag_id: Mapped[str] = mapped_column(ForeignKey("booking_flag.id"), index=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), index=True)
    hold_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), unique=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slot.id"))
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    state: Mapped[str]  # offering.OfferState
    expires_at: Mapped[datetime]
    made_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class InvitationRow(Base):
    """A visit that an inmate asked for. `hold_id`: as in an offer. `open_for`: the inmate's id while no answer is
    there, so that only one can be waited for; NULL afterwards. `terminal_id`: the device at which it was asked."""

    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("inmate_id", "request_key"),
        Index("ix_invitation_state_expires_at", "state", "expires_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"))
    relationship_id: Mapped[str] = mapped_column(ForeignKey("relationship.id"), index=True)
    hold_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), unique=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slot.id"))
    request_key: Mapped[str]
    open_for: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[str]  # offering.OfferState
    terminal_id: Mapped[str]
    expires_at: Mapped[datetime]
    made_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class WishRow(Base):
    """A request with ranked times. `waiting_since` is older than `made_at` when an earlier wish went unserved or a
    visit was lost: waiting is not begun anew."""

    __tablename__ = "wish"
    __table_args__ = (
        UniqueConstraint("requested_by", "request_key"),
        Index("ix_wish_prison_id_state", "prison_id", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    requested_by: Mapped[str] = mapped_column(ForeignKey("relative.id"), index=True)
    request_key: Mapped[str]
    state: Mapped[str]  # wishes.WishState
    ground: Mapped[str]  # "": ordinary; else why it comes before others, a code of wishes.GROUNDS
    ground_by: Mapped[str | None]  # id of the officer who granted it
    ground_evidence: Mapped[str] = mapped_column(Text, default="", server_default="")  # the paper seen
    waiting_since: Mapped[datetime]
    last_day: Mapped[date]  # of the days wished for
    booking_id: Mapped[str | None] = mapped_column(ForeignKey("booking.id"))
    made_at: Mapped[datetime]
    state_since: Mapped[datetime]
    booth_id: Mapped[str | None]  # where they would sit; no foreign key, for it came to a table that stood


class WishChoiceRow(Base):
    """One time wished for: from `starts` to `ends` on `day` by the prison's clocks; `rank` 0 is the dearest, and
    several may share one ("any of these days")."""

    __tablename__ = "wish_choice"

    wish_id: Mapped[str] = mapped_column(ForeignKey("wish.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rank: Mapped[int]
    day: Mapped[date]
    starts: Mapped[time]
    ends: Mapped[time]


class WishVisitorRow(Base):
    __tablename__ = "wish_visitor"

    wish_id: Mapped[str] = mapped_column(ForeignKey("wish.id"), primary_key=True)
    relationship_id: Mapped[str] = mapped_column(ForeignKey("relationship.id"), primary_key=True)


class PlanRow(Base):
    """One planning of one week. `read` is what was read: it tells how old the plan is. `report`: `planning.Report`."""

    __tablename__ = "plan"
    __table_args__ = (Index("ix_plan_prison_id_made_at", "prison_id", "made_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    state: Mapped[str] = mapped_column(index=True)  # plans.PlanState
    stage: Mapped[str]  # what is being done, a code of plans.STAGES
    done: Mapped[int]  # percent of the stage
    lease_until: Mapped[datetime | None]  # whoever works on it renews this; after it another takes over
    read: Mapped[dict[str, Any]] = mapped_column(JSON)
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    certificate: Mapped[dict[str, Any]] = mapped_column(JSON)  # row -> price, as in kinbridge-plan/1
    made_by_kind: Mapped[str]
    made_by_id: Mapped[str]
    made_at: Mapped[datetime]
    state_since: Mapped[datetime]


class ProposalRow(Base):
    """What a plan proposes for one wish, or why it proposes nothing (`slot_id` NULL)."""

    __tablename__ = "proposal"
    __table_args__ = (UniqueConstraint("plan_id", "wish_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"))
    wish_id: Mapped[str] = mapped_column(ForeignKey("wish.id"))
    slot_id: Mapped[str | None] = mapped_column(ForeignKey("slot.id"))
    rank: Mapped[int | None]  # of the choice that it meets
    state: Mapped[str]  # plans.ProposalState
    booking_id: Mapped[str | None] = mapped_column(ForeignKey("booking.id"))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # why not, or why stale: code, text, params


class MeetingProposalRow(Base):
    """What a plan proposes for a lawyer's request, or why it proposes nothing (`starts_at` NULL). `meeting_id`,
    `sitting_id`: of the packages above."""

    __tablename__ = "meeting_proposal"
    __table_args__ = (UniqueConstraint("plan_id", "meeting_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"))
    meeting_id: Mapped[str]
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"))
    wing_id: Mapped[str] = mapped_column(ForeignKey("wing.id"))
    minutes: Mapped[int]
    watched: Mapped[bool]  # by an officer who is present
    starts_at: Mapped[datetime | None]
    rank: Mapped[int | None]  # of the lawyer's time that it meets
    state: Mapped[str]  # plans.ProposalState
    sitting_id: Mapped[str | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # as those of a proposal


class BoothRow(Base):
    """A place outside the prison where families sit who have no device. `place`: where it is, for people."""

    __tablename__ = "booth"
    __table_args__ = (UniqueConstraint("prison_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    name: Mapped[str]
    place: Mapped[str] = mapped_column(Text)
    seats: Mapped[int]
    active: Mapped[bool]


class BoothPrisonRow(Base):
    """Another prison, beside the one that keeps the booth, whose families may sit there."""

    __tablename__ = "booth_prison"

    booth_id: Mapped[str] = mapped_column(ForeignKey("booth.id"), primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), primary_key=True, index=True)


class ShiftRow(Base):
    """When a supervising officer is on duty, and how many calls they watch at once."""

    __tablename__ = "shift"
    __table_args__ = (
        UniqueConstraint("officer_id", "starts_at"),
        Index("ix_shift_prison_id_starts_at", "prison_id", "starts_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    officer_id: Mapped[str]  # of `people`
    officer_name: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    break_starts_at: Mapped[datetime | None]
    break_ends_at: Mapped[datetime | None]
    at_once: Mapped[int]
