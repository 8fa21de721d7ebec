"""Queries on recordings. Every change of state is one conditional UPDATE; its row count is the truth."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, or_, select, update

from core.db import Session
from core.errors import Conflict, NotFound
from core.ids import Ref
from recording.model import (
    MOVES,
    EventView,
    Gap,
    RecordingState,
    RecordingView,
    RetentionClass,
    SealView,
    TrackView,
)
from recording.tables import EventRow, RecordingRow, TrackRow
from rooms.client import MediaKind
from scheduler.tables import BookingRow


async def prison_of(session: Session, booking_id: str) -> str:
    """The prison of a booking; raises `NotFound`."""
    found = await session.scalar(select(BookingRow.prison_id).where(BookingRow.id == booking_id))
    if found is None:
        raise NotFound
    return found


async def row(session: Session, recording_id: str) -> RecordingRow:
    """Raises `NotFound`."""
    found = await session.get(RecordingRow, recording_id, populate_existing=True)
    if found is None:
        raise NotFound
    return found


async def latest_of(session: Session, booking_id: str) -> str | None:
    """The id of the newest take of a visit."""
    found: str | None = await session.scalar(
        select(RecordingRow.id)
        .where(RecordingRow.booking_id == booking_id)
        .order_by(RecordingRow.started_at.desc(), RecordingRow.id.desc())
        .limit(1)
    )
    return found


async def move(
    session: Session,
    recording_id: str,
    old: RecordingState,
    new: RecordingState,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> None:
    """Raises `ValueError` for a move that the table does not have, `Conflict` if the state was another
    one or a further condition did not hold; nothing has changed then."""
    if new not in MOVES[old]:
        raise ValueError(f"no move from {old} to {new}")
    where = (RecordingRow.id == recording_id, RecordingRow.state == old.value, *conditions)
    if await _changed(session, *where, state=new.value, **values) != 1:
        raise Conflict


async def beat(session: Session, node_id: str, recording_ids: Iterable[str], now: datetime) -> set[str]:
    """Tells that `node_id` still writes these; answers those that are its own no more."""
    lost = set()
    for recording_id in recording_ids:
        mine = (
            RecordingRow.id == recording_id,
            RecordingRow.state == RecordingState.WRITING.value,
            RecordingRow.node_id == node_id,
        )
        if await _changed(session, *mine, beat_at=now) != 1:
            lost.add(recording_id)
    return lost


async def claim(session: Session, recording_id: str, token: str, now: datetime, until: datetime) -> bool:
    """Takes (or keeps) the right to seal till `until`; False where another has it."""
    free = or_(
        RecordingRow.claim == token, RecordingRow.claimed_until.is_(None), RecordingRow.claimed_until < now
    )
    where = (RecordingRow.id == recording_id, RecordingRow.state == RecordingState.SEALING.value, free)
    return await _changed(session, *where, claim=token, claimed_until=until) == 1


async def stored(session: Session, recording_id: str, store: str, now: datetime) -> None:
    """Its files lie in the store from here on. Raises `Conflict`."""
    where = (
        RecordingRow.id == recording_id,
        RecordingRow.state == RecordingState.SEALED.value,
        RecordingRow.store.is_(None),
    )
    if await _changed(session, *where, store=store, stored_at=now) != 1:
        raise Conflict


async def try_again(session: Session, recording_id: str, token: str, not_before: datetime) -> bool:
    """Gives a failed try back; False where another has the claim."""
    where = (RecordingRow.id == recording_id, RecordingRow.claim == token)
    values = {"claim": None, "claimed_until": not_before, "tries": RecordingRow.tries + 1}
    return await _changed(session, *where, **values) == 1


async def due(session: Session, now: datetime) -> Sequence[str]:
    """What waits to be sealed, the oldest first (a take's manifest names the one before it)."""
    free = or_(RecordingRow.claimed_until.is_(None), RecordingRow.claimed_until < now)
    return (
        await session.scalars(
            select(RecordingRow.id)
            .where(RecordingRow.state == RecordingState.SEALING.value, free)
            .order_by(RecordingRow.started_at, RecordingRow.id)
        )
    ).all()


async def left_over(session: Session, beaten_before: datetime) -> Sequence[RecordingRow]:
    """Armed and writing ones whose node has not told for too long."""
    open_states = (RecordingState.ARMED.value, RecordingState.WRITING.value)
    return (
        await session.scalars(
            select(RecordingRow)
            .where(RecordingRow.state.in_(open_states), RecordingRow.beat_at < beaten_before)
            .order_by(RecordingRow.started_at, RecordingRow.id)
        )
    ).all()


async def of_booking(session: Session, booking_id: str) -> list[RecordingView]:
    rows = await session.scalars(
        select(RecordingRow)
        .where(RecordingRow.booking_id == booking_id)
        .order_by(RecordingRow.started_at, RecordingRow.id)
    )
    return await views(session, rows.all())


async def recent(session: Session, prison_id: str, limit: int) -> list[RecordingView]:
    rows = await session.scalars(
        select(RecordingRow)
        .where(RecordingRow.prison_id == prison_id)
        .order_by(RecordingRow.started_at.desc(), RecordingRow.id.desc())
        .limit(limit)
    )
    return await views(session, rows.all())


async def views(session: Session, rows: Sequence[RecordingRow]) -> list[RecordingView]:
    """The rows with their tracks and events, in three queries however many they are."""
    ids = [one.id for one in rows]
    tracks: dict[str, list[TrackView]] = {one: [] for one in ids}
    for track in await session.scalars(
        select(TrackRow).where(TrackRow.recording_id.in_(ids)).order_by(TrackRow.position)
    ):
        tracks[track.recording_id].append(_track(track))
    events: dict[str, list[EventView]] = {one: [] for one in ids}
    for event in await session.scalars(
        select(EventRow).where(EventRow.recording_id.in_(ids)).order_by(EventRow.number)
    ):
        events[event.recording_id].append(EventView(event.offset_ms, event.tag, json.loads(event.details)))
    return [_view(one, tracks[one.id], events[one.id]) for one in rows]


def _track(track: TrackRow) -> TrackView:
    return TrackView(
        track.id,
        Ref(track.person_kind, track.person_id),
        track.role,
        track.name,
        tuple(MediaKind(kind) for kind in track.kinds.split(",") if kind),
        tuple(codec for codec in track.codecs.split(",") if codec),
        track.file_name,
        track.bytes,
        track.offset_ms,
        track.duration_ms,
        tuple(Gap(MediaKind(kind), start, end) for kind, start, end in json.loads(track.gaps)),
    )


def _view(one: RecordingRow, tracks: list[TrackView], events: list[EventView]) -> RecordingView:
    seal = None
    if one.manifest_digest and one.key_id and one.sealed_at:
        seal = SealView(one.manifest_digest, one.key_id, one.sealed_at)
    return RecordingView(
        one.id,
        one.booking_id,
        one.room_id,
        RecordingState(one.state),
        one.started_at,
        one.ended_at,
        one.reason,
        tuple(tracks),
        tuple(events),
        seal,
        one.keep_until,
        one.holds,
        one.deleted_at,
        one.damage,
        RetentionClass(one.retention),
    )


async def _changed(session: Session, *where: ColumnElement[bool], **values: Any) -> int:
    result = await session.execute(
        update(RecordingRow).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE always gives
    return result.rowcount
