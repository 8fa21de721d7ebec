"""The tables of the scheduler. What must never happen is forbidden here, by unique keys, and only asked
politely elsewhere:

    place (slot_id, seat)           a seat of a slot is one row; a booking takes it or does not
    place (booking_id)              a booking takes one place
    claim (kind, owner_id, number)  an inmate, a visitor or a terminal has one booking per tick of 5 minutes;
                                    an inmate's n-th visit of a period exists once
    booking (requested_by, hold_key)  a pick that is sent twice is one pick
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

import people.tables  # noqa: F401 - the foreign keys below point into it
import policy.tables  # noqa: F401 - likewise
import scheduler.merge_table
import scheduler.planning_tables  # noqa: F401 - one metadata, in two files
from core.db import Base


class PrisonRow(Base):
    __tablename__ = "prison"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    zone: Mapped[str]  # IANA name
    help_phone: Mapped[str]
    active: Mapped[bool]
    created_at: Mapped[datetime]


class WingRow(Base):
    __tablename__ = "wing"
    __table_args__ = (UniqueConstraint("prison_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    name: Mapped[str]


class VisitRoomRow(Base):
    """A room of the prison in which terminals stand (会见室); not the video room of a visit.

    `wing_id`: the wing that owns it, whose visits alone take place there. `use`: "" any visit, else a VisitKind.
    """

    __tablename__ = "visit_room"
    __table_args__ = (UniqueConstraint("prison_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    name: Mapped[str]
    wing_id: Mapped[str | None] = mapped_column(ForeignKey("wing.id"))
    use: Mapped[str] = mapped_column(default="")


class TerminalRow(Base):
    """`wing_id` NULL: shared by all wings. `visit_room_id` NULL: it stands in no room of its own. `kind`: "" or what
    sets it apart (as in `capacity.TERMINAL`)."""

    __tablename__ = "terminal"
    __table_args__ = (UniqueConstraint("prison_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    wing_id: Mapped[str | None] = mapped_column(ForeignKey("wing.id"))
    visit_room_id: Mapped[str | None] = mapped_column(ForeignKey("visit_room.id"))
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="")
    device_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"), unique=True)
    active: Mapped[bool]


class TemplateRow(Base):
    """A `timetable.WeeklyTemplate`. `wing_id` NULL: for every wing. `audience`: `audience.Audience` as text;
    `limits`: further capacities (`capacity`) beside the places."""

    __tablename__ = "template"

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    wing_id: Mapped[str | None] = mapped_column(ForeignKey("wing.id"))
    kind: Mapped[str]
    weekday: Mapped[int]
    starts: Mapped[time]
    minutes: Mapped[int]
    raster: Mapped[int]
    count: Mapped[int]
    capacity: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    every_weeks: Mapped[int]
    active: Mapped[bool]
    name: Mapped[str] = mapped_column(default="")
    audience: Mapped[str] = mapped_column(default="")
    limits: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)


class ClosedDateRow(Base):
    """`template_id` NULL: the whole prison is closed on that day."""

    __tablename__ = "closed_date"
    __table_args__ = (
        Index(
            "uq_closed_date_prison",
            "prison_id",
            "day",
            unique=True,
            sqlite_where=text("template_id IS NULL"),
            postgresql_where=text("template_id IS NULL"),
        ),
        UniqueConstraint("prison_id", "day", "template_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    template_id: Mapped[str | None] = mapped_column(ForeignKey("template.id"))
    day: Mapped[date]
    words: Mapped[str] = mapped_column(Text)  # what families read


class SpecialDateRow(Base):
    """Times of one day that replace its weekly ones; several rows a day."""

    __tablename__ = "special_date"
    __table_args__ = (UniqueConstraint("prison_id", "day", "starts"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    kind: Mapped[str]
    day: Mapped[date]
    starts: Mapped[time]
    minutes: Mapped[int]
    raster: Mapped[int]
    count: Mapped[int]
    capacity: Mapped[int]
    audience: Mapped[str] = mapped_column(default="")
    limits: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)


class SlotRow(Base):
    """A time that can be booked. Without template and special date: opened by hand.

    `closed`: why it cannot be booked although it stands; empty while it can.
    """

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("template_id", "starts_at"),
        UniqueConstraint("special_id", "starts_at"),
        Index("ix_slot_prison_id_day", "prison_id", "day"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    wing_id: Mapped[str | None] = mapped_column(ForeignKey("wing.id"))
    template_id: Mapped[str | None] = mapped_column(ForeignKey("template.id"))
    special_id: Mapped[str | None] = mapped_column(ForeignKey("special_date.id"))
    kind: Mapped[str]
    day: Mapped[date]  # in the prison's zone
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]  # when the next may begin
    minutes: Mapped[int]
    closed: Mapped[str]  # "", "prison-closed", "slot-closed", "withdrawn"
    closed_words: Mapped[str] = mapped_column(Text)
    audience: Mapped[str] = mapped_column(default="")
    limits: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)


class BookingRow(Base):
    """A booking. Names are kept as they stood when it was made: it is the record of who was to meet whom.

    `replaces`: the booking whose place this one takes once it is approved. `link`: bookings of one name belong
    together (`linked`), `part` says as what. `exceptions`: rules that were broken and sent to approval, as (code,
    text, params); `chain`: the offices that must sign, in order.
    """

    __tablename__ = "booking"
    __table_args__ = (
        UniqueConstraint("requested_by", "hold_key"),
        Index("ix_booking_prison_id_state", "prison_id", "state", "starts_at"),
        Index("ix_booking_state_held_until", "state", "held_until"),
        Index("ix_booking_terminal_id", "terminal_id", "starts_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    state: Mapped[str]
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    inmate_name: Mapped[str]
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    wing_id: Mapped[str] = mapped_column(ForeignKey("wing.id"))
    slot_id: Mapped[str] = mapped_column(ForeignKey("slot.id"), index=True)
    day: Mapped[date]  # in the prison's zone; decides the month it counts in
    starts_at: Mapped[datetime]
    slot_ends_at: Mapped[datetime]
    minutes: Mapped[int]
    opens_at: Mapped[datetime]
    requested_by: Mapped[str] = mapped_column(ForeignKey("relative.id"))
    hold_key: Mapped[str]
    request_key: Mapped[str | None]
    policy_version: Mapped[str]
    terminal_id: Mapped[str | None] = mapped_column(ForeignKey("terminal.id"))
    held_until: Mapped[datetime | None]
    reply_by: Mapped[datetime | None]
    state_since: Mapped[datetime]
    state_by_kind: Mapped[str]
    state_by_id: Mapped[str]
    reason_code: Mapped[str | None]
    reason_text: Mapped[str | None] = mapped_column(Text)
    reason_params: Mapped[dict[str, Any]] = mapped_column(JSON)
    words: Mapped[str] = mapped_column(Text)
    fault: Mapped[str]
    created_at: Mapped[datetime]
    replaces: Mapped[str | None] = mapped_column(ForeignKey("booking.id"), index=True)
    link: Mapped[str | None] = mapped_column(index=True)
    part: Mapped[str] = mapped_column(default="main")
    exceptions: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    chain: Mapped[list[str]] = mapped_column(JSON, default=list)


class PlaceRow(Base):
    """One seat of one slot. `booking_id` NULL: free. `extra`: put there by staff beyond the capacity."""

    __tablename__ = "place"
    __table_args__ = (UniqueConstraint("slot_id", "seat"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slot.id"))
    seat: Mapped[int]
    booking_id: Mapped[str | None] = mapped_column(ForeignKey("booking.id"), unique=True)
    extra: Mapped[bool] = mapped_column(default=False)


class VisitorRow(Base):
    __tablename__ = "booking_visitor"
    __table_args__ = (UniqueConstraint("booking_id", "relative_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"))
    relationship_id: Mapped[str] = mapped_column(ForeignKey("relationship.id"), index=True)
    relative_id: Mapped[str] = mapped_column(ForeignKey("relative.id"), index=True)
    name: Mapped[str]
    kinship: Mapped[str]
    born: Mapped[date]
    minor: Mapped[bool]


class ClaimRow(Base):
    """`kind`, `number`: see `model.ClaimKind`. `booking_id`: the booking, or the sitting of `rooms`, that holds it;
    NULL: used by a visit that was not booked here."""

    __tablename__ = "claim"

    kind: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    booking_id: Mapped[str | None] = mapped_column(index=True)


class SignatureRow(Base):
    """An office that let an exception pass: each signs once, and each by another person."""

    __tablename__ = "booking_signature"
    __table_args__ = (UniqueConstraint("booking_id", "signed_by"),)

    booking_id: Mapped[str] = mapped_column(ForeignKey("booking.id"), primary_key=True)
    office: Mapped[str] = mapped_column(primary_key=True)
    signed_by: Mapped[str]  # id of the officer
    signed_at: Mapped[datetime]


class AllowanceRow(Base):
    """One line of an inmate's allowance. `what`: `allowance.What`; `visits` is what the balance changes by."""

    __tablename__ = "allowance_entry"
    __table_args__ = (Index("ix_allowance_entry_inmate_id_period", "inmate_id", "period"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"))
    period: Mapped[str]  # key of `policy.Period`
    what: Mapped[str]
    visits: Mapped[int]
    extra: Mapped[bool]  # of the privileged visits, which ride on an ordinary grant
    day: Mapped[date]  # of the visit, or from which it counts
    expires_on: Mapped[date | None]  # first day on which a grant is worth nothing
    channel: Mapped[str]
    booking_id: Mapped[str | None] = mapped_column(ForeignKey("booking.id"), index=True)
    words: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]


class AccountRow(Base):
    """What an inmate has under the span `balance`: the sum of the entries, guarded by conditional updates."""

    __tablename__ = "allowance_account"

    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), primary_key=True)
    balance: Mapped[int]


class BanRow(Base):
    """A suspension (rules F7): of a relative, of an inmate, or of the two together; `last_day` included."""

    __tablename__ = "ban"

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    relative_id: Mapped[str | None] = mapped_column(ForeignKey("relative.id"), index=True)
    inmate_id: Mapped[str | None] = mapped_column(ForeignKey("inmate.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    words: Mapped[str] = mapped_column(Text)
    made_by_kind: Mapped[str]
    made_by_id: Mapped[str]
    made_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
