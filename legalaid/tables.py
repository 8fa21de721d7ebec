"""The tables of legal aid. Texts are boxes of `core.box` (`_sealed`): no query, backup or prison desk reads them."""

from datetime import date, datetime, time

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

import legalaid.absence_table
import legalaid.case_tables
import legalaid.complaint_table
import legalaid.conduct_table
import legalaid.directory_tables
import legalaid.gathering_tables
import legalaid.help_tables
import legalaid.mandate_table
import legalaid.meeting_tables
import legalaid.meeting_time_table
import legalaid.opinion_table  # noqa: F401 - these are part of this package's tables
import people.tables  # noqa: F401 - the foreign keys below point into it
import scheduler.tables  # noqa: F401 - likewise
from core.db import Base


class DeskRow(Base):
    __tablename__ = "desk"
    __table_args__ = (UniqueConstraint("prison_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    name: Mapped[str]
    kind: Mapped[str]
    tier: Mapped[str]  # village, town, county or city; "" where a desk has none
    phone: Mapped[str]  # E.164 or a local duty number
    superior_id: Mapped[str | None] = mapped_column(ForeignKey("desk.id"))
    area: Mapped[str] = mapped_column(Text, server_default="")  # the places it serves (`legalaid.venue`)


class MatterClockRow(Base):
    """A `policy.running.Clock`. `version` grows by one with each change: the guard of every update."""

    __tablename__ = "matter_clock"
    __table_args__ = (
        UniqueConstraint("matter_kind", "matter_id"),
        Index("ix_matter_clock_state_yellow_at", "state", "yellow_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str]
    matter_kind: Mapped[str]
    matter_id: Mapped[str]
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    calendar: Mapped[str]
    zone: Mapped[str]
    version: Mapped[int]
    code: Mapped[str]
    state: Mapped[str]
    level: Mapped[int]
    colour: Mapped[str]
    since: Mapped[datetime]
    units: Mapped[int]
    due_at: Mapped[datetime]
    yellow_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    supplemented: Mapped[bool]
    extension: Mapped[int]
    extended: Mapped[bool]
    told_at: Mapped[datetime | None]
    red_at: Mapped[datetime | None]

    @classmethod
    def of(cls, kind: str, matter_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """That it is the clock of this matter: the end of a join, or a condition."""
        return (cls.matter_kind == kind) & (cls.matter_id == matter_id)


class ClockEventRow(Base):
    """One step of a clock's history; never changed. `words`: the reason an extension was asked or answered with.

    `code`: the promise it is about. `late`: its time was over by then (of an end: the promise was broken).
    """

    __tablename__ = "clock_event"
    __table_args__ = (UniqueConstraint("clock_id", "number"), Index("ix_clock_event_at", "at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    clock_id: Mapped[str] = mapped_column(ForeignKey("matter_clock.id"))
    number: Mapped[int]  # the clock's version that it made
    at: Mapped[datetime]
    what: Mapped[str]
    code: Mapped[str]
    late: Mapped[bool]
    by_kind: Mapped[str]
    by_id: Mapped[str]
    desk_id: Mapped[str] = mapped_column(ForeignKey("desk.id"))
    due_at: Mapped[datetime]
    words: Mapped[str] = mapped_column(Text)


class InmateKeyRow(Base):
    """An inmate's personal code for legal matters. `pin_hash` None: it was taken away, a new one may be set."""

    __tablename__ = "inmate_key"

    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), primary_key=True)
    pin_hash: Mapped[str | None]
    generation: Mapped[int]
    set_at: Mapped[datetime]


class LawyerRow(Base):
    """`feed_digest`: SHA-256 of the token in the address of the calendar feed."""

    __tablename__ = "lawyer"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    station_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    topics: Mapped[list[str]] = mapped_column(JSON)
    languages: Mapped[list[str]] = mapped_column(JSON)
    feed_digest: Mapped[str | None] = mapped_column(unique=True)


class ConflictRow(Base):
    """A conflict of interest that a lawyer declared: never matched with this inmate, never shown their texts."""

    __tablename__ = "lawyer_conflict"

    staff_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"), primary_key=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), primary_key=True)
    declared_at: Mapped[datetime]


class HelpDayTemplateRow(Base):
    """`weekday` ISO; `roster`: staff ids of the lawyers who come unless they say otherwise. `terminals`: ids of those
    that are kept for it; NULL or none: as `day_terminals` chooses."""

    __tablename__ = "help_day_template"

    id: Mapped[str] = mapped_column(primary_key=True)
    station_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    weekday: Mapped[int]
    starts: Mapped[time]
    minutes: Mapped[int]
    rooms: Mapped[int]
    turn_minutes: Mapped[int]
    languages: Mapped[list[str]] = mapped_column(JSON)
    topics: Mapped[list[str]] = mapped_column(JSON)
    roster: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool]
    terminals: Mapped[list[str] | None] = mapped_column(JSON)


class HelpDayRow(Base):
    __tablename__ = "help_day"
    __table_args__ = (UniqueConstraint("template_id", "day"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    template_id: Mapped[str] = mapped_column(ForeignKey("help_day_template.id"))
    station_id: Mapped[str] = mapped_column(ForeignKey("desk.id"))
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"), index=True)
    zone: Mapped[str]
    day: Mapped[date]  # in the prison's zone
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    rooms: Mapped[int]
    turn_minutes: Mapped[int]
    languages: Mapped[list[str]] = mapped_column(JSON)
    topics: Mapped[list[str]] = mapped_column(JSON)
    planned_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    carried: Mapped[int | None]  # questions that waited when it was closed


class ComingRow(Base):
    __tablename__ = "help_day_lawyer"

    help_day_id: Mapped[str] = mapped_column(ForeignKey("help_day.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"), primary_key=True)
    coming: Mapped[str]
    said_at: Mapped[datetime]
    here_at: Mapped[datetime | None]  # the lawyer said "I am here"
    absence_id: Mapped[str | None]  # which `lawyer_absence` took the lawyer out; None: their own word


class QuestionRow(Base):
    __tablename__ = "question"
    __table_args__ = (
        UniqueConstraint("asked_by_kind", "asked_by_id", "ask_key"),
        Index("ix_question_prison_id_state", "prison_id", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    prison_id: Mapped[str] = mapped_column(ForeignKey("prison.id"))
    station_id: Mapped[str] = mapped_column(ForeignKey("desk.id"), index=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    channel: Mapped[str]
    asked_by_kind: Mapped[str]
    asked_by_id: Mapped[str]
    ask_key: Mapped[str]  # a form that is sent twice is one question
    topic: Mapped[str]
    language: Mapped[str]
    words_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    limitation_on: Mapped[date | None]
    urgent: Mapped[bool]
    state: Mapped[str]
    lawyer_id: Mapped[str | None] = mapped_column(ForeignKey("lawyer.staff_id"))
    hand: Mapped[str]  # by whose hand it was written: "" the asker's own, helper, officer
    wish_id: Mapped[str | None] = mapped_column(ForeignKey("directory_entry.id"))  # whom the asker would like
    thread_id: Mapped[str] = mapped_column(index=True)  # the first question of the thread
    generation: Mapped[int]  # of the inmate's personal code when it was asked
    asked_at: Mapped[datetime]
    carried: Mapped[int]
    answered_at: Mapped[datetime | None]
    long: Mapped[bool | None]  # whether it needs two turns; None: nobody has said


class VoiceRow(Base):
    """A spoken question. Sealed under the question's id and `:voice`."""

    __tablename__ = "question_voice"

    question_id: Mapped[str] = mapped_column(ForeignKey("question.id"), primary_key=True)
    media_type: Mapped[str]
    seconds: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class AdviceRow(Base):
    __tablename__ = "advice"

    id: Mapped[str] = mapped_column(primary_key=True)
    question_id: Mapped[str] = mapped_column(ForeignKey("question.id"), index=True)
    lawyer_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"))
    words_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    written_at: Mapped[datetime]
    received_at: Mapped[datetime | None]  # the inmate opened it


class TurnRow(Base):
    __tablename__ = "help_turn"
    __table_args__ = (Index("ix_help_turn_help_day_id_state", "help_day_id", "state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    help_day_id: Mapped[str] = mapped_column(ForeignKey("help_day.id"))
    question_id: Mapped[str] = mapped_column(ForeignKey("question.id"), index=True)
    lawyer_id: Mapped[str] = mapped_column(ForeignKey("lawyer.staff_id"), index=True)
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"))
    room: Mapped[int]
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    state: Mapped[str]
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    first_at: Mapped[datetime | None]  # when it was to begin before it was moved
    brought_at: Mapped[datetime | None]  # the wing has brought the inmate to the room
    carried_why: Mapped[str | None]  # a `Carried`; None: not carried over, or the day had no place for it
