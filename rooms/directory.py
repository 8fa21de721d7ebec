"""Which node hosts which room: leases in the database, by conditional updates alone.

A lease lasts 5 s and is renewed each second together with the used time. A host that could not renew for
4 s lets go of its rooms by itself (`FENCE`), so that at no moment two hosts run one room, as long as the
machines' clocks agree within a second. Each claim raises the room's `epoch`; a host whose epoch is not the
row's any more has lost it, and its writes change nothing.
"""

import fcntl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from sqlalchemy import Update, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from core import clock
from core.db import Session
from core.ids import Ref, new_id
from rooms.clock import VisitClock, given_back
from rooms.confidentiality import Confidentiality
from rooms.model import Phase, RoomRecord, Visit
from rooms.tables import NodeRow, RoomRow
from rooms.view import milliseconds

LEASE = timedelta(seconds=5)
FENCE = 4.0  # seconds without a renewal after which a host gives up its rooms


class LeaseLostError(Exception):
    """The room is another host's now: nothing was written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a room and to write its row."""

    room_id: str
    about: Ref
    node_id: str
    epoch: int


@dataclass(slots=True)
class NodeName:
    """The name of a process among the nodes, its own for as long as it holds `lock`."""

    id: str
    lock: IO[str] | None = None

    def release(self) -> None:
        if self.lock is not None:
            self.lock.close()


def node_name(data_dir: Path) -> NodeName:
    """The name kept in `data_dir`, if no living process has it: then what it hosted is ours to take at once.

    The lock is the kernel's and ends with its process, however that ends; a second process in the same
    folder gets a new name and waits for leases to run out.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "node").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return NodeName(new_id("node"))
    lock.seek(0)
    name = lock.read().strip()
    if not name:
        name = new_id("node")
        lock.write(name)
        lock.flush()
    return NodeName(name, lock)


def _column(about: Ref) -> InstrumentedAttribute[str | None]:
    return RoomRow.sitting_id if about.kind == "sitting" else RoomRow.booking_id


def about(row: RoomRow) -> Ref:
    """The booking or the sitting that this room is for."""
    return Ref("sitting", row.sitting_id) if row.sitting_id else Ref("booking", row.booking_id or "")


async def ensure_room(session: Session, of: Ref, confidentiality: Confidentiality) -> str:
    """The id of its room, made now if there is none; unique by the table, whoever comes first."""
    column = _column(of)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(RoomRow)
        .values(
            **{column.key: of.id},
            id=new_id("room"),
            confidentiality=confidentiality.value,
            epoch=0,
            phase=Phase.LOBBY.value,
            used_ms=0,
            lost_ms=0,
            given_back_ms=0,
            end_code="",
            end_words="",
            fault="nobody",
            pause_code="",
            pause_words="",
        )
        .on_conflict_do_nothing(index_elements=[column.key])
    )
    return (await session.scalars(select(RoomRow.id).where(column == of.id))).one()


async def unhosted(session: Session) -> list[Ref]:
    """Whose room is open and hosted by nobody: new ones, and those of dead nodes."""
    rows = await session.scalars(
        select(RoomRow).where(
            RoomRow.phase != Phase.ENDED.value,
            or_(RoomRow.lease_until.is_(None), RoomRow.lease_until <= clock.now()),
        )
    )
    return [about(row) for row in rows]


async def claim(session: Session, of: Ref, node_id: str) -> Claim | None:
    """Takes the lease of an open room that nobody holds; `None`: somebody does, or it has ended."""
    now = clock.now()
    taken = await session.execute(
        update(RoomRow)
        .where(
            _column(of) == of.id,
            RoomRow.phase != Phase.ENDED.value,
            or_(RoomRow.lease_until.is_(None), RoomRow.lease_until <= now),
        )
        .values(node_id=node_id, lease_until=now + LEASE, epoch=RoomRow.epoch + 1)
        .returning(RoomRow.id, RoomRow.epoch)
    )
    row = taken.first()
    return None if row is None else Claim(row.id, of, node_id, row.epoch)


async def renew(session: Session, held: Claim, clock_of_visit: VisitClock, counted_till: datetime) -> None:
    """Holds the lease for another 5 s and stores the time used so far, nothing else. Raises `LeaseLostError`."""
    changed = await session.execute(
        _held(held)
        .values(
            lease_until=clock.now() + LEASE,
            used_ms=milliseconds(clock_of_visit.used),
            lost_ms=milliseconds(clock_of_visit.lost),
            given_back_ms=milliseconds(clock_of_visit.given_back()),
            ticked_at=counted_till,
        )
        .returning(RoomRow.id)
    )
    if changed.first() is None:
        raise LeaseLostError(held.room_id)


def _held(held: Claim) -> Update:
    return update(RoomRow).where(
        RoomRow.id == held.room_id,
        RoomRow.node_id == held.node_id,
        RoomRow.epoch == held.epoch,
        RoomRow.lease_until > clock.now(),
    )


async def write(session: Session, held: Claim, record: RoomRecord, visit: Visit) -> None:
    """Stores the room's row, if the lease is still ours. Raises `LeaseLostError`."""
    lost = record.lost if visit.rules.gives_back else 0.0
    back = given_back(visit.granted, visit.slot_ends_at, record.live_at, lost)
    changed = await session.execute(
        _held(held)
        .values(
            phase=record.phase.value,
            used_ms=milliseconds(record.used),
            lost_ms=milliseconds(record.lost),
            given_back_ms=milliseconds(back),
            ticked_at=record.ticked_at,
            live_at=record.live_at,
            ended_at=record.ended_at,
            end_reason=record.end_reason.value if record.end_reason else None,
            end_code=record.end_code,
            end_words=record.end_words,
            fault=record.fault.value,
            pause_code=record.pause_code,
            pause_words=record.pause_words,
        )
        .returning(RoomRow.id)
    )
    if changed.first() is None:
        raise LeaseLostError(held.room_id)


async def release(session: Session, held: Claim) -> None:
    """Gives a lease back, so that the next host need not wait; nothing happens if it is not ours."""
    await session.execute(
        update(RoomRow)
        .where(RoomRow.id == held.room_id, RoomRow.node_id == held.node_id, RoomRow.epoch == held.epoch)
        .values(lease_until=None)
    )


async def release_all(session: Session, node_id: str) -> None:
    """What a dead process of this name still held is free at once (see `node_name`)."""
    await session.execute(update(RoomRow).where(RoomRow.node_id == node_id).values(lease_until=None))


async def locate(session: Session, room_id: str) -> str | None:
    """The node that hosts the room now, or None."""
    node: str | None = await session.scalar(
        select(RoomRow.node_id).where(RoomRow.id == room_id, RoomRow.lease_until > clock.now())
    )
    return node


async def beat(session: Session, node_id: str, rooms: int) -> None:
    """The node is alive and hosts that many rooms."""
    node = await session.get(NodeRow, node_id)
    if node is None:
        session.add(NodeRow(id=node_id, seen_at=clock.now(), rooms=rooms))
    else:
        node.seen_at, node.rooms = clock.now(), rooms


async def nodes(session: Session) -> list[tuple[str, int]]:
    """The living nodes and how many rooms each hosts, the least loaded first."""
    rows = await session.scalars(
        select(NodeRow).where(NodeRow.seen_at > clock.now() - LEASE).order_by(NodeRow.rooms, NodeRow.id)
    )
    return [(row.id, row.rooms) for row in rows]
