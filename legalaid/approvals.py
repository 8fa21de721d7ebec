"""Clocks for what the prison's visits office decides: requests for visits, papers of kinship.

Those matters live in packages below and know of no clock: this looks at them from above. A request that waits
gets a clock at the office's desk, one that was decided has its clock ended; a prison without such a desk has
none of them. Where the rules name desks that sign one after the other, each has a clock of its own, at its own desk:
with a signature the next one begins, and the last is the office's, until the family is answered.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from core import clock
from core.db import Database, Session
from core.errors import Conflict, KinbridgeError
from core.ids import SYSTEM, Ref
from core.log import fields
from legalaid import clocks
from legalaid.model import DeskKind
from legalaid.tables import DeskRow, MatterClockRow
from people.model import RelationshipState
from people.tables import InmateRow, RelationshipRow, SupplementRow
from policy import repository as policies
from policy.running import OPEN, ClockState
from scheduler import repository, signing
from scheduler.model import BookingState
from scheduler.tables import BookingRow, PrisonRow, SignatureRow

_log = logging.getLogger(__name__)
_AT_ONCE = 200  # of each kind in one run
# A desk of the policy's `decision_steps` -> where its clock stands.
_DESKS = {"prison": DeskKind.OFFICE, "bureau": DeskKind.BUREAU}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a desk. `due`: what the family was promised, or the desk's own day; None: by the
    prison's rules. `days`: the desk's own working days, where it has some."""

    matter: Ref
    code: str
    reference: str
    prison_id: str
    zone: str
    since: datetime
    due: datetime | None
    desk: DeskKind = DeskKind.OFFICE
    days: int | None = None


async def watch(db: Database) -> int:
    """Starts clocks, hands them to the next desk, and ends them; answers how many."""
    async with db.read() as session:
        waiting = [*await _bookings(session), *await _relationships(session)]
        signed = await _signed(session)
        asked, answered = await _asked(session), await _answered(session)
        ended = await _ended(session)
    changed = 0
    for one in waiting:
        changed += await _start(db, one)
    for one in signed:
        changed += await _follow(db, one)
    for clock_id, words in asked:
        changed += await _try(
            db, clock_id, partial(clocks.pause, actor=SYSTEM, clock_id=clock_id, words=words)
        )
    for clock_id in answered:
        changed += await _try(db, clock_id, partial(clocks.resume, actor=SYSTEM, clock_id=clock_id))
    for matter, how in ended:
        changed += await _try(db, matter, partial(clocks.end, actor=SYSTEM, matter=matter, how=how))
    return changed


async def _try(db: Database, about: object, change: Callable[[Session], Awaitable[None]]) -> int:
    """One change of a clock. One whose light turned this very moment is left to the next run."""
    try:
        async with db.write() as session:
            await change(session)
    except Conflict as error:
        _log.info("x clock %s", fields(about=str(about), why=error))
        return 0
    return 1


async def _start(db: Database, one: Waiting) -> int:
    try:
        async with db.write() as session:
            office = await _desk(session, one)
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


async def _follow(db: Database, one: Waiting) -> int:
    """The next desk's clock. One that gets the matter after its own day has its own days from then on: it is not red
    for what others let lie."""
    late = one.due is None or one.due <= clock.now()
    own = {"length": max(1, one.days)} if late and one.days is not None else {"due": one.due}
    try:
        async with db.write() as session:
            desk = await _desk(session, one)
            if desk is None:
                return 0
            await clocks.follow(session, SYSTEM, one.matter, one.code, desk, **own)
    except KinbridgeError as error:  # its light turned this very moment: the next run hands it on
        _log.info("x clock %s", fields(matter=str(one.matter), why=error))
        return 0
    return 1


async def _desk(session: Session, one: Waiting) -> DeskRow | None:
    """Where it waits: the visits office stands in for a desk that the prison does not have."""
    found = await session.scalars(
        select(DeskRow)
        .where(DeskRow.prison_id == one.prison_id, DeskRow.kind.in_((DeskKind.OFFICE, one.desk)))
        .order_by(DeskRow.id)
    )
    desks = found.all()
    if all(desk.kind != DeskKind.OFFICE for desk in desks):
        return None
    return next((desk for desk in desks if desk.kind == one.desk), desks[0])


def _without_clock(kind: str, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return ~select(MatterClockRow.id).where(MatterClockRow.of(kind, column)).exists()


async def _bookings(session: Session) -> Sequence[Waiting]:
    rows = await session.execute(
        select(BookingRow, PrisonRow.zone)
        .join(PrisonRow, PrisonRow.id == BookingRow.prison_id)
        .where(BookingRow.state == BookingState.REQUESTED, _without_clock("booking", BookingRow.id))
        .limit(_AT_ONCE)
    )
    return [await _request(session, row, zone) for row, zone in rows.all()]


async def _request(session: Session, row: BookingRow, zone: str) -> Waiting:
    """A request at the desk that signs next; with the visits office once all have, or none must."""
    due = min(row.reply_by, row.opens_at) if row.reply_by else None
    matter = Ref("booking", row.id)
    office = Waiting(matter, "visit-request", row.reference, row.prison_id, zone, row.state_since, due)
    view = await repository.view(session, row.id) if row.chain else None
    step = None if view is None else await signing.present(session, view)
    if step is None or step.due is None:
        return office
    own = min(step.due, row.opens_at)
    return replace(office, code=f"visit-{step.office}", due=own, desk=_DESKS[step.office], days=step.days)


async def _signed(session: Session) -> Sequence[Waiting]:
    """Requests whose clock is still that of a desk which has signed."""
    of_signed = [and_(MatterClockRow.code == f"visit-{desk}", SignatureRow.office == desk) for desk in _DESKS]
    rows = await session.execute(
        select(BookingRow, PrisonRow.zone)
        .join(PrisonRow, PrisonRow.id == BookingRow.prison_id)
        .join(SignatureRow, SignatureRow.booking_id == BookingRow.id)
        .join(MatterClockRow, MatterClockRow.matter_id == BookingRow.id)
        .where(
            BookingRow.state == BookingState.REQUESTED,
            MatterClockRow.matter_kind == "booking",
            MatterClockRow.state.in_(OPEN),
            or_(*of_signed),
        )
        .limit(_AT_ONCE)
    )
    return [await _request(session, row, zone) for row, zone in rows.all()]


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


async def _asked(session: Session) -> list[tuple[str, str]]:
    """Running clocks of applications from which papers are missing, and which papers."""
    rows = await session.execute(
        select(MatterClockRow.id, SupplementRow.words)
        .join(SupplementRow, SupplementRow.relationship_id == MatterClockRow.matter_id)
        .where(
            MatterClockRow.matter_kind == "relationship",
            MatterClockRow.state == ClockState.RUNNING,
            MatterClockRow.supplemented.is_(False),
            MatterClockRow.due_at > clock.now(),
            SupplementRow.answered_at.is_(None),
        )
        .limit(_AT_ONCE)
    )
    return [(clock_id, words) for clock_id, words in rows]


async def _answered(session: Session) -> list[str]:
    """Clocks that stand still although nothing is waited for any more."""
    waited_for = select(SupplementRow.id).where(
        SupplementRow.relationship_id == MatterClockRow.matter_id, SupplementRow.answered_at.is_(None)
    )
    rows = await session.scalars(
        select(MatterClockRow.id)
        .where(
            MatterClockRow.matter_kind == "relationship",
            MatterClockRow.state == ClockState.PAUSED,
            ~waited_for.exists(),
        )
        .limit(_AT_ONCE)
    )
    return list(rows)


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
