"""Queries of rooms and seats."""

from collections.abc import Iterable

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.ids import Ref, new_id
from policy.model import FamilyPolicy
from rooms import directory
from rooms.actions import Note
from rooms.codec import VideoCodec
from rooms.model import (
    ActView,
    EndReason,
    Phase,
    RoomRecord,
    RoomRules,
    RoomView,
    SeatRole,
    SeatState,
    SeatView,
)
from rooms.tables import ActRow, RoomRow, SeatRow
from rooms.view import milliseconds
from scheduler.model import BookingView, Fault


def rules_of(policy: FamilyPolicy) -> RoomRules:
    """What of the prison's rules concerns a room, in seconds."""
    return RoomRules(
        reconnect_window=policy.reconnect_window_s,
        monitor_absent_end=policy.monitor_absent_end_minutes * 60,
        pause_end=policy.pause_end_minutes * 60,
        late_cutoff=policy.late_cutoff_minutes * 60,
        gives_back=policy.time_back == "inside-slot",
        start_needs=frozenset(policy.start_needs),
        prison_ends="prison" in policy.cut_by,
        record_while_paused=policy.record_while_paused,
        warnings=policy.warnings,
        reasons=policy.reasons,
        ladder=policy.ladder,
        codec=VideoCodec(policy.video_codec),
        record_while_muted=policy.record_while_muted,
        most_bits=policy.most_kbit_s * 1000,
        most_granted=policy.most_minutes * 60,
        extend_by=tuple(policy.extension_by),
        reason_told_to=policy.reason_told_to,
    )


def as_seat(row: SeatRow) -> SeatView:
    return SeatView(
        id=row.id,
        role=SeatRole(row.role),
        person=Ref(row.person_kind, row.person_id),
        name=row.name,
        kinship=row.kinship,
        relationship_id=row.relationship_id,
        state=SeatState(row.state),
        muted=row.muted,
        joined_at=row.joined_at,
    )


def as_record(row: RoomRow, seats: tuple[SeatView, ...]) -> RoomRecord:
    return RoomRecord(
        phase=Phase(row.phase),
        used=row.used_ms / 1000,
        lost=row.lost_ms / 1000,
        ticked_at=row.ticked_at,
        live_at=row.live_at,
        ended_at=row.ended_at,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        end_code=row.end_code,
        end_words=row.end_words,
        fault=Fault(row.fault),
        pause_code=row.pause_code,
        pause_words=row.pause_words,
        seats=seats,
    )


async def room_row(session: Session, booking_id: str) -> RoomRow | None:
    row: RoomRow | None = await session.scalar(select(RoomRow).where(RoomRow.booking_id == booking_id))
    return row


async def seats(session: Session, room_id: str) -> tuple[SeatView, ...]:
    """In their fixed order: that in which they were made."""
    rows = await session.scalars(select(SeatRow).where(SeatRow.room_id == room_id).order_by(SeatRow.id))
    return tuple(as_seat(row) for row in rows)


async def seat_of(session: Session, room_id: str, person: Ref) -> SeatView | None:
    row = await session.scalar(
        select(SeatRow).where(
            SeatRow.room_id == room_id, SeatRow.person_kind == person.kind, SeatRow.person_id == person.id
        )
    )
    return as_seat(row) if row else None


async def add_seat(session: Session, room_id: str, seat: SeatView) -> SeatView:
    session.add(
        SeatRow(
            id=seat.id,
            room_id=room_id,
            role=seat.role.value,
            person_kind=seat.person.kind,
            person_id=seat.person.id,
            name=seat.name,
            kinship=seat.kinship,
            relationship_id=seat.relationship_id,
            state=seat.state.value,
            muted=seat.muted,
            joined_at=seat.joined_at,
        )
    )
    await session.flush()
    return seat


async def seat(session: Session, seat_id: str) -> SeatView | None:
    row = await session.get(SeatRow, seat_id)
    return as_seat(row) if row else None


async def save_seats(session: Session, seats: Iterable[SeatView]) -> None:
    """Stores what may change of seats. Only the room's host calls this, after its own row was written."""
    for view in seats:
        await session.execute(
            update(SeatRow)
            .where(SeatRow.id == view.id)
            .values(state=view.state.value, muted=view.muted, joined_at=view.joined_at)
        )


def add_act(session: Session, room_id: str, note: Note, used: float) -> None:
    session.add(
        ActRow(
            id=new_id("act"),
            room_id=room_id,
            at=clock.now(),
            at_ms=milliseconds(used),
            act=note.act,
            seat_id=note.seat,
            officer_id=note.by.id,
            code=note.code,
            words=note.words,
        )
    )


async def acts(session: Session, room_id: str) -> list[ActView]:
    """What officers did in this room, in order."""
    rows = await session.scalars(
        select(ActRow).where(ActRow.room_id == room_id).order_by(ActRow.at, ActRow.id)
    )
    return [
        ActView(row.at, row.at_ms, row.act, row.seat_id, row.officer_id, row.code, row.words) for row in rows
    ]


async def view(session: Session, booking: BookingView) -> RoomView | None:
    row = await room_row(session, booking.id)
    if row is None:
        return None
    record = as_record(row, await seats(session, row.id))
    hosted = row.lease_until is not None and row.lease_until > clock.now()
    return RoomView(row.id, directory.about(row), record, row.node_id, hosted, row.given_back_ms / 1000)
