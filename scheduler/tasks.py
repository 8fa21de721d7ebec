"""What the worker runs for the scheduler. Each may run in several processes at once."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, exists, or_, select

from core import clock
from core.db import Database, Session
from core.errors import KinbridgeError, Reason, Refused
from core.ids import SYSTEM
from core.log import fields
from people.model import InmateStatus
from people.tables import InmateRow
from policy import repository as policies
from policy.rulebook import Span
from scheduler import accounts, booking, decision, moves, placement, repository
from scheduler.materialise import materialise as materialise_prison
from scheduler.model import BookingState
from scheduler.places import offered, stale
from scheduler.tables import AllowanceRow, BookingRow, VisitorRow

_log = logging.getLogger(__name__)
_PICKS_KEPT = timedelta(hours=24)  # after they ended (rules N11: 1,440 minutes)
_AT_ONCE = 200  # bookings handled in one run; the next run takes the rest

NOT_DECIDED = Reason(
    "not-decided-in-time",
    "The prison did not answer before the time of the visit. We are sorry. Please pick another time; this "
    "request does not count against your visits.",
)
# States whose bookings are pointless once the lobby would open.
_UNDECIDED = (BookingState.REQUESTED, BookingState.APPROVED, BookingState.ASSIGNED)


async def expire(db: Database) -> int:
    """Ends holds that ran out, and what nobody decided before its time; answers how many.

    What was asked for when its time had come already (policy: late booking) can be decided till its end.
    """
    now = clock.now()
    async with db.read() as session:
        held = (await session.scalars(select(BookingRow.id).where(stale(now)).limit(_AT_ONCE))).all()
        late = (
            await session.scalars(
                select(BookingRow.id)
                .where(BookingRow.state.in_(_UNDECIDED), BookingRow.opens_at <= now)
                .where(or_(BookingRow.state_since < BookingRow.opens_at, BookingRow.slot_ends_at <= now))
                .limit(_AT_ONCE)
            )
        ).all()
    ended = 0
    for booking_id in held:
        async with db.write() as session:
            ended += await booking.expire_hold(session, booking_id)
    for booking_id in late:
        async with db.write() as session:
            came_from = await moves.try_move(
                session,
                SYSTEM,
                booking_id,
                BookingState.EXPIRED,
                only_if=BookingRow.state.in_(_UNDECIDED),
                reason=NOT_DECIDED,
            )
            ended += came_from is not None
    return ended


async def forget_picks(db: Database) -> int:
    """Picks that were never sent and ended a day ago are deleted: nobody need remember what somebody nearly booked.
    Those that kept an offered time stay with their offer. Answers how many are gone; the ledger keeps its entries."""
    before = clock.now() - _PICKS_KEPT
    async with db.write() as session:
        gone = await session.scalars(
            delete(BookingRow)
            .where(
                BookingRow.state.in_((BookingState.EXPIRED, BookingState.WITHDRAWN)),
                BookingRow.request_key.is_(None),
                BookingRow.state_since <= before,
                ~offered(),
                ~exists().where(VisitorRow.booking_id == BookingRow.id),
                ~exists().where(AllowanceRow.booking_id == BookingRow.id),
            )
            .returning(BookingRow.id)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())


async def place_approved(db: Database) -> int:
    """Takes approved visits to their terminals and promises them; answers how many were confirmed.

    What cannot be placed stays approved; the officer sees why (`service.why_unplaced`).
    """
    async with db.read() as session:
        waiting = (
            await session.execute(
                select(BookingRow.id, BookingRow.state)
                .where(BookingRow.state.in_((BookingState.APPROVED, BookingState.ASSIGNED)))
                .order_by(BookingRow.starts_at, BookingRow.id)
                .limit(_AT_ONCE)
            )
        ).all()
    confirmed = 0
    for booking_id, state in waiting:
        try:
            async with db.write() as session:
                if state == BookingState.APPROVED:
                    await placement.assign(session, SYSTEM, booking_id)
                await decision.confirm(session, SYSTEM, booking_id)
            confirmed += 1
        except (Refused, moves.Moved) as error:
            _log.info("x booking not placed %s", fields(booking=booking_id, why=error))
    return confirmed


async def materialise(db: Database) -> int:
    """Brings every prison's slots in line with its timetable; answers how many slots were added.

    A prison whose rules are not complete is passed over with a line in the log.
    """
    async with db.read() as session:
        prisons = await repository.prisons(session)
    added = 0
    for prison in prisons:
        try:
            async with db.write() as session:
                added += await materialise_prison(session, prison.id)
        except KinbridgeError as error:
            _log.warning("x timetable not brought up to date %s", fields(prison=prison.id, why=error))
    return added


async def grant_visits(db: Database) -> int:
    """Where visits are granted and saved: gives every inmate what is due today and lets expire what is over; answers
    how many inmates were looked at. Doing it again on the same day changes nothing."""
    async with db.read() as session:
        prisons = await repository.prisons(session)
    looked_at = 0
    for prison in prisons:
        try:
            async with db.read() as session:
                values = (await policies.current(session, prison.id, clock.now())).values
                inmates = (
                    await _who_saves(session, prison.id) if values.allowance_span is Span.BALANCE else []
                )
            for inmate_id in inmates:
                async with db.write() as session:
                    await accounts.bring_up(session, inmate_id)
                looked_at += 1
        except KinbridgeError as error:
            _log.warning("x visits not granted %s", fields(prison=prison.id, why=error))
    return looked_at


async def _who_saves(session: Session, prison_id: str) -> Sequence[str]:
    rows = await session.scalars(
        select(InmateRow.id)
        .where(
            InmateRow.prison_id == prison_id, InmateRow.status.in_((InmateStatus.PRESENT, InmateStatus.AWAY))
        )
        .order_by(InmateRow.id)
    )
    return rows.all()
