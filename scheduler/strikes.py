"""Visits missed by the family's own fault: so many within so many days suspend it for a while (policy `strikes`)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core import clock
from core.db import Session
from core.ids import SYSTEM
from policy import repository as policies
from scheduler import suspensions
from scheduler.model import BookingState, BookingView, Fault
from scheduler.tables import BanRow, BookingRow

WORDS = "strikes"  # what the ledger and the officer's page know such a suspension by


async def count(session: Session, view: BookingView) -> str | None:
    """Counts the missed visit; answers the id of the suspension, if it was one too many.

    What the prison or the platform was to blame for never counts (rules, section 8, 20).
    """
    values = (await policies.current(session, view.wing_id, clock.now())).values
    if not values.strikes or view.fault is not Fault.FAMILY:
        return None
    missed = await session.scalar(
        select(func.count()).where(
            BookingRow.requested_by == view.requested_by,
            BookingRow.prison_id == view.prison_id,
            BookingRow.state == BookingState.NO_SHOW,
            BookingRow.fault == Fault.FAMILY,
            BookingRow.starts_at > await _since(session, view, values.strike_days),
        )
    )
    if (missed or 0) < values.strikes:
        return None
    today = clock.now().astimezone(ZoneInfo(view.zone)).date()
    last = today + timedelta(days=values.strike_suspends_days)
    return await suspensions.ban(
        session, SYSTEM, view.prison_id, today, last, WORDS, relative_id=view.requested_by
    )


async def _since(session: Session, view: BookingView, days: int) -> datetime:
    """The earliest moment that counts: what was suspended for once is not counted again."""
    since = clock.now() - timedelta(days=days)
    last = await session.scalar(
        select(func.max(BanRow.made_at)).where(
            BanRow.relative_id == view.requested_by, BanRow.prison_id == view.prison_id, BanRow.words == WORDS
        )
    )
    return since if last is None else max(since, last)
