"""Clocks for what the prison's visits office decides: requests for visits, papers of kinship.

Those matters live in packages below and know of no clock: this looks at them from above. A request that waits
gets a clock at the office's desk, one that was decided has its clock ended; a prison without such a desk has
none of them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from core.db import Database, Session
from core.errors import Conflict, KinbridgeError
from core.ids import SYSTEM, Ref
from core.log import fields
from legalaid import clocks
from legalaid.model import DeskKind
from legalaid.tables import DeskRow, MatterClockRow
from people.model import RelationshipState
from people.tables import InmateRow, RelationshipRow
from policy import repository as policies
from policy.running import OPEN, ClockState
from scheduler.model import BookingState
from scheduler.tables import BookingRow, PrisonRow

_log = logging.getLogger(__name__)
_AT_ONCE = 200  # of each kind in one run


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for the office. `due`: what the family was promised; None: by the prison's rules."""

    matter: Ref
    code: str
    reference: str
    prison_id: str
    zone: str
    since: datetime
    due: datetime | None


async def watch(db: Database) -> int:
    """Starts and ends clocks; answers how many."""
    async with db.read() as session:
        waiting = [*await _bookings(session), *await _relationships(session)]
        ended = await _ended(session)
    changed = 0
    for one in waiting:
        changed += await _start(db, one)
    for matter, how in ended:
        try:
            async with db.write() as session:
                await clocks.end(session, SYSTEM, matter, how)
                changed += 1
        except Conflict as error:  # its light turned this very moment: the next run ends it
            _log.info("x clock %s", fields(matter=str(matter), why=error))
    return changed


async def _start(db: Database, one: Waiting) -> int:
    try:
        async with db.write() as session:
            office = await session.scalar(
                select(DeskRow)
                .where(DeskRow.prison_id == one.prison_id, DeskRow.kind == DeskKind.OFFICE)
                .order_by(DeskRow.id)
            )
            if office is None or await clocks.of_matter(session, one.matter) is not None:
                return 0
            rules = await policies.current(session, one.prison_id, one.since)
            await clocks.start(
                session,
                SYSTEM,
                one.code,
                one.matter,
                office,
                one.zone,
                one.reference,
                began=one.since,
                length=rules.values.reply_working_days,
                due=one.due,
            )
    except KinbridgeError as error:  # rules or a calendar's year are missing: both are flagged elsewhere
        _log.warning("x clock %s", fields(matter=str(one.matter), why=error))
        return 0
    return 1


def _without_clock(kind: str, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return (
        ~select(MatterClockRow.id)
        .where(MatterClockRow.matter_kind == kind, MatterClockRow.matter_id == column)
        .exists()
    )


async def _bookings(session: Session) -> Sequence[Waiting]:
    rows = await session.execute(
        select(BookingRow, PrisonRow.zone)
        .join(PrisonRow, PrisonRow.id == BookingRow.prison_id)
        .where(BookingRow.state == BookingState.REQUESTED, _without_clock("booking", BookingRow.id))
        .limit(_AT_ONCE)
    )
    return [
        Waiting(
            Ref("booking", row.id),
            "visit-request",
            row.reference,
            row.prison_id,
            zone,
            row.state_since,
            min(row.reply_by, row.opens_at) if row.reply_by else None,
        )
        for row, zone in rows.all()
    ]


async def _relationships(session: Session) -> Sequence[Waiting]:
    rows = await session.execute(
        select(RelationshipRow.id, RelationshipRow.applied_at, InmateRow.prison_id, PrisonRow.zone)
        .join(InmateRow, InmateRow.id == RelationshipRow.inmate_id)
        .join(PrisonRow, PrisonRow.id == InmateRow.prison_id)
        .where(
            RelationshipRow.state == RelationshipState.PENDING,
            _without_clock("relationship", RelationshipRow.id),
        )
        .limit(_AT_ONCE)
    )
    return [
        Waiting(Ref("relationship", key), "kinship", key[-8:].upper(), prison_id, zone, applied_at, None)
        for key, applied_at, prison_id, zone in rows.all()
    ]


async def _ended(session: Session) -> list[tuple[Ref, ClockState]]:
    """Matters with an open clock that wait no more, and how they ended."""
    found = []
    for kind, table, waits in (
        ("booking", BookingRow, BookingState.REQUESTED.value),
        ("relationship", RelationshipRow, RelationshipState.PENDING.value),
    ):
        rows = await session.execute(
            select(MatterClockRow.matter_id, table.state)
            .join(table, table.id == MatterClockRow.matter_id)
            .where(MatterClockRow.matter_kind == kind, MatterClockRow.state.in_(OPEN), table.state != waits)
            .limit(_AT_ONCE)
        )
        for key, state in rows.all():
            taken_back = state in (BookingState.WITHDRAWN.value, RelationshipState.WITHDRAWN.value)
            found.append((Ref(kind, key), ClockState.WITHDRAWN if taken_back else ClockState.DONE))
    return found
