"""The tables of recordings. What is on the disk is proven by the manifest; these rows are its index."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

import recording.erasure_table
import recording.export_table
import recording.term_table  # noqa: F401 - one metadata, in several files
from core.db import Base


class RecordingRow(Base):
    """One take of a visit. `state` as in `recording.model.RecordingState`."""

    __tablename__ = "recording"
    __table_args__ = (Index("ix_recording_prison_started", "prison_id", "started_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(index=True)
    room_id: Mapped[str]
    prison_id: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    node_id: Mapped[str]  # who writes
    beat_at: Mapped[datetime]  # when it last told so
    folder: Mapped[str]  # below data_dir/recordings
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="")  # why it ended, or why it failed
    previous_id: Mapped[str | None]  # the take before this one, of the same visit
    tries: Mapped[int] = mapped_column(default=0)  # attempts at sealing
    claim: Mapped[str | None]  # who seals now …
    claimed_until: Mapped[datetime | None]  # … and till when nobody else may
    manifest_digest: Mapped[str | None]
    key_id: Mapped[str | None]
    sealed_at: Mapped[datetime | None]
    retention: Mapped[str]  # as in `recording.model.RetentionClass`
    keep_until: Mapped[datetime] = mapped_column(index=True)
    holds: Mapped[int] = mapped_column(default=0)  # changed only together with `recording_hold`
    deleted_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]  # when it was last read again whole
    damage: Mapped[str] = mapped_column(default="")  # of a damaged one: a code and the file
    store: Mapped[str | None]  # "s3": its files lie in the store; NULL: in its folder
    stored_at: Mapped[datetime | None] = mapped_column(index=True)
    indexed: Mapped[bool | None]  # whether it stands in `recording_term`; NULL: from before there was one


class KeyRow(Base):
    """What a recording's files are locked with, wrapped by a master key (`recording.masters`). A recording from
    before that has no row."""

    __tablename__ = "recording_key"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    fingerprint: Mapped[str]
    version: Mapped[int] = mapped_column(index=True)  # of the master key
    wrapped: Mapped[bytes | None]  # NULL once it is destroyed
    made_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


class TrackRow(Base):
    """A finished track; as in `recording.model.TrackView`."""

    __tablename__ = "recording_track"

    id: Mapped[str] = mapped_column(primary_key=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    position: Mapped[int]
    person_kind: Mapped[str]
    person_id: Mapped[str]
    role: Mapped[str]
    name: Mapped[str]
    kinds: Mapped[str]  # comma-separated
    codecs: Mapped[str]  # comma-separated
    file_name: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    offset_ms: Mapped[int]
    duration_ms: Mapped[int]
    gaps: Mapped[str] = mapped_column(Text)  # JSON: [[kind, from_ms, to_ms], …]


class EventRow(Base):
    """A mark on the time line, for pages; the file `events.jsonl` is what is sealed."""

    __tablename__ = "recording_event"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset_ms: Mapped[int]
    tag: Mapped[str]
    details: Mapped[str] = mapped_column(Text)  # JSON


class DayRow(Base):
    """A sealed day (UTC). `content` is the signed head (`recording.day`), the rest is its index."""

    __tablename__ = "recording_day"

    day: Mapped[str] = mapped_column(primary_key=True)  # ISO date
    first_seq: Mapped[int]
    last_seq: Mapped[int]  # `first_seq - 1` for a day without entries
    recordings: Mapped[int]
    ledger_head: Mapped[str]
    root: Mapped[str]
    content: Mapped[str] = mapped_column(Text)
    signature: Mapped[str]  # hexadecimal
    key_id: Mapped[str]
    sealed_at: Mapped[datetime]
    stamp: Mapped[bytes | None]  # the outside authority's answer (`recording.timestamp`)


class RecheckRow(Base):
    """A night's re-check of all recordings, and its report."""

    __tablename__ = "recording_recheck"

    id: Mapped[str] = mapped_column(primary_key=True)  # the date (UTC) on which the night began
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    reached: Mapped[str]  # the last recording that was read
    checked: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    damaged: Mapped[int]
    claim: Mapped[str]  # who reads now …
    claimed_until: Mapped[datetime]  # … and till when nobody else may


class HoldRow(Base):
    """A legal hold on all recordings of a visit: nothing of them is deleted until somebody releases it."""

    __tablename__ = "recording_hold"

    id: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[str] = mapped_column(index=True)
    prison_id: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]  # a code of `recording.holds.REASONS`
    words: Mapped[str] = mapped_column(Text)
    placed_kind: Mapped[str]
    placed_id: Mapped[str]
    placed_at: Mapped[datetime]
    until: Mapped[datetime]  # when it is thought to end; it does not end by itself
    review_at: Mapped[datetime]  # when somebody has to look at it again
    reviewed_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
