"""What a recording is: its states and the table of moves, and the values that pages are given. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.ids import Ref
from rooms.client import MediaKind


class RecordingState(StrEnum):
    ARMED = "armed"  # the row is there, the files are being opened
    WRITING = "writing"  # a node writes and beats
    SEALING = "sealing"  # nothing is written any more, the seal is due
    SEALED = "sealed"
    DAMAGED = "damaged"  # sealed, and no longer as it was: found by the re-check
    FAILED = "failed"
    DELETING = "deleting"  # its time has come: files go one by one, nothing can hold it any more
    DELETED = "deleted"  # only manifest and proof of deletion are left


class RetentionClass(StrEnum):
    """What a recording is kept for; a later one is never kept for less. Each has its own mandatory time (rules P7, R6).
    Only family visits are recorded: what lawyers, helpers and mediators say has no class, for it has no recording."""

    FAMILY = "family"  # nothing out of the ordinary
    FLAGGED = "flagged"  # an officer marked it, warned, sent somebody out or broke it off
    # Whoever listened again passed on a breach, or the recording broke: those it is about may dispute what happened.
    DISPUTED = "disputed"


MOVES: Mapping[RecordingState, frozenset[RecordingState]] = {
    RecordingState.ARMED: frozenset({RecordingState.WRITING, RecordingState.FAILED}),
    RecordingState.WRITING: frozenset({RecordingState.SEALING, RecordingState.FAILED}),
    RecordingState.SEALING: frozenset({RecordingState.SEALED, RecordingState.FAILED}),
    RecordingState.SEALED: frozenset({RecordingState.DAMAGED, RecordingState.DELETING}),
    RecordingState.DAMAGED: frozenset({RecordingState.SEALED, RecordingState.DELETING}),
    RecordingState.FAILED: frozenset({RecordingState.DELETING}),
    RecordingState.DELETING: frozenset({RecordingState.DELETED}),
    RecordingState.DELETED: frozenset(),
}
GOING = frozenset({RecordingState.DELETING, RecordingState.DELETED})  # can no longer be held, read or proved

BEAT_S = 2.0  # a node tells this often that it still writes
LEASE_S = 10.0  # whoever has not told for so long is gone

NEVER_BEGAN = ("never-began", "not-writable")  # the reasons of one that failed before anything was in it
INTERRUPTED = "interrupted"  # the reason of a recording whose node is gone


@dataclass(frozen=True, slots=True)
class Gap:
    """From one frame to the next of this kind more time passed than silence or loss explains; the ends are
    milliseconds since the start of the track."""

    kind: MediaKind
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class TrackView:
    """One person's file. `offset_ms`: where it begins, since the start of the recording; a little below zero
    for what was under way at that moment."""

    id: str
    person: Ref
    role: str
    name: str
    kinds: tuple[MediaKind, ...]  # what is in it; empty where no media ever arrived
    codecs: tuple[str, ...]
    file_name: str  # empty where there is no file
    bytes: int
    offset_ms: int
    duration_ms: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class EventView:
    """One mark on the time line."""

    offset_ms: int
    tag: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SealView:
    """`digest`: SHA-256 of the manifest, hexadecimal."""

    digest: str
    key_id: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class RecordingView:
    """A recording as pages see it; tracks and events are there once it is sealed."""

    id: str
    booking_id: str
    room_id: str
    state: RecordingState
    started_at: datetime
    ended_at: datetime | None
    reason: str
    tracks: tuple[TrackView, ...]
    events: tuple[EventView, ...]
    seal: SealView | None
    keep_until: datetime | None = None
    holds: int = 0  # legal holds under which it lies now
    deleted_at: datetime | None = None  # when its deletion began
    damage: str = ""  # of a damaged one: a code and the file
    kept_as: RetentionClass = RetentionClass.FAMILY
