"""Suspending visits and taking that back, with what is booked: visits in that time are flagged, for an officer to
decide on each, and stand again when the suspension is lifted."""

from datetime import date, time, timedelta

from sqlalchemy import select

from core.db import Session
from core.errors import NotFound
from people.model import Identity
from scheduler import befalling, suspensions
from scheduler.access import DECIDERS, require
from scheduler.happenings import Happening, Kind
from scheduler.model import BookingView
from scheduler.planning_tables import HappeningRow
from scheduler.tables import BanRow, PrisonRow
from scheduler.timetable import instant


async def suspend(
    session: Session,
    actor: Identity,
    prison_id: str,
    first_day: date,
    last_day: date,
    words: str,
    *,
    relative_id: str | None = None,
    inmate_id: str | None = None,
) -> tuple[str, list[BookingView]]:
    """As `suspensions.ban`; answers the suspension's id and the visits that were flagged. Raises `WhyMissing` where
    nothing is said why."""
    require(actor, prison_id, DECIDERS)
    suspensions.check_words(words)
    ban_id = await suspensions.ban(
        session,
        actor.subject,
        prison_id,
        first_day,
        last_day,
        words.strip(),
        relative_id=relative_id,
        inmate_id=inmate_id,
    )
    _, flagged = await befalling.report(session, actor, await _happening(session, ban_id))
    return ban_id, flagged


async def lift(session: Session, actor: Identity, ban_id: str) -> None:
    """Raises `NotFound`, `Conflict` when it was lifted before."""
    row = await session.get(BanRow, ban_id)
    if row is None:
        raise NotFound
    require(actor, row.prison_id, DECIDERS)
    await suspensions.lift_ban(session, actor.subject, ban_id)
    cause = (await _happening(session, ban_id)).cause
    found = await session.scalar(
        select(HappeningRow.id)
        .where(HappeningRow.cause == cause, HappeningRow.state == "open")
        .order_by(HappeningRow.id)
        .limit(1)
    )
    if found is not None:
        await befalling.close(session, actor, found)


async def behind(session: Session, happening: Happening) -> bool:
    """Whether a suspension that stands is what goes on: then lifting it ends that, and nothing else does."""
    if happening.kind not in (Kind.ISOLATION, Kind.RESTRICTION):
        return False
    bans = await session.scalars(
        select(BanRow.id).where(
            BanRow.prison_id == happening.prison_id,
            BanRow.inmate_id.is_not_distinct_from(happening.inmate_id),
            BanRow.relative_id.is_not_distinct_from(happening.relative_id),
            BanRow.lifted_at.is_(None),
        )
    )
    return happening.cause in [(await _happening(session, ban_id)).cause for ban_id in bans.all()]


async def _happening(session: Session, ban_id: str) -> Happening:
    row = await session.get_one(BanRow, ban_id)
    prison = await session.get_one(PrisonRow, row.prison_id)
    kind = Kind.ISOLATION if row.relative_id is None else Kind.RESTRICTION
    first = instant(row.first_day, time(), prison.zone)
    last = instant(row.last_day + timedelta(days=1), time(), prison.zone)
    return Happening(
        "", row.prison_id, kind, first, last, inmate_id=row.inmate_id, relative_id=row.relative_id
    )
