"""What the worker runs for legal aid. Each may run in several processes at once."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_, select, update

from core import clock
from core.db import Database, Session
from core.errors import Conflict, KinbridgeError
from core.ids import SYSTEM, Ref
from core.log import fields
from ledger.record import record
from legalaid import cases, clocks, days, gathering_desk, meeting_desk, meeting_flags
from legalaid.case_model import CaseState
from legalaid.case_tables import CaseRow
from legalaid.means import LegalMeans
from legalaid.model import WAITING, is_urgent
from legalaid.tables import HelpDayRow, HelpDayTemplateRow, MatterClockRow, QuestionRow
from policy.running import ClockState
from scheduler.tables import PrisonRow

_log = logging.getLogger(__name__)
_AT_ONCE = 200  # rows handled in one run; the next run takes the rest
_PLAN_BEFORE = timedelta(hours=16)  # a day is planned the evening before
_CLOSE_AFTER = timedelta(minutes=15)  # turns that run over the end may still be marked


async def _each(
    db: Database, which: ColumnElement[bool], act: Callable[[Session, str], Awaitable[int]]
) -> int:
    """Does `act` to each such help day, the first one first, each in a transaction of its own."""
    async with db.read() as session:
        days_of = select(HelpDayRow.id).where(which).order_by(HelpDayRow.starts_at, HelpDayRow.id)
        found = (await session.scalars(days_of.limit(_AT_ONCE))).all()
    count = 0
    for help_day_id in found:
        try:
            async with db.write() as session:
                count += await act(session, help_day_id)
        except Conflict as error:  # another worker was faster
            _log.info("x help day %s", fields(day=help_day_id, why=error))
    return count


async def turn_lights(db: Database) -> int:
    """Tells desks whose time runs out, and hands up what they let pass; answers how many clocks changed."""
    now = clock.now()
    async with db.read() as session:
        due = (
            await session.scalars(
                select(MatterClockRow.id)
                .where(
                    MatterClockRow.state == ClockState.RUNNING,
                    or_(
                        and_(MatterClockRow.told_at.is_(None), MatterClockRow.yellow_at <= now),
                        and_(MatterClockRow.told_at.is_not(None), MatterClockRow.due_at <= now),
                    ),
                )
                .order_by(MatterClockRow.due_at)
                .limit(_AT_ONCE)
            )
        ).all()
    changed = 0
    for clock_id in due:
        try:
            async with db.write() as session:
                changed += await clocks.turn(session, clock_id)
        except KinbridgeError as error:  # another worker was faster, or a calendar's year is missing
            _log.warning("x clock not turned %s", fields(clock=clock_id, why=error))
    return changed


async def hurry(db: Database) -> int:
    """Questions whose limitation has come nearer than seven days become urgent; answers how many."""
    now = clock.now()
    async with db.read() as session:
        rows = (
            await session.execute(
                select(QuestionRow.id, QuestionRow.limitation_on, PrisonRow.zone)
                .join(PrisonRow, PrisonRow.id == QuestionRow.prison_id)
                .where(
                    QuestionRow.state.in_(WAITING),
                    QuestionRow.urgent.is_(False),
                    QuestionRow.limitation_on.is_not(None),
                )
            )
        ).all()
    near = [key for key, day, zone in rows if is_urgent(day, now.astimezone(ZoneInfo(zone)).date())]
    for question_id in near:
        async with db.write() as session:
            subject = Ref("question", question_id)
            await session.execute(
                update(QuestionRow)
                .where(QuestionRow.id == question_id)
                .values(urgent=True)
                .execution_options(synchronize_session=False)
            )
            await clocks.hurry(session, SYSTEM, subject, "question-urgent")
            record(session, "system:question:urgent", actor=SYSTEM, subject=subject)
    return len(near)


async def materialise(db: Database) -> int:
    """Makes the help days of the next four weeks; answers how many were added."""
    async with db.read() as session:
        templates = (
            await session.scalars(select(HelpDayTemplateRow.id).where(HelpDayTemplateRow.active))
        ).all()
    added = 0
    for template_id in templates:
        async with db.write() as session:
            template = await session.get_one(HelpDayTemplateRow, template_id, with_for_update=True)
            added += await days.materialise(session, template)
    return added


async def plan(db: Database) -> int:
    """Plans the days that come within hours and were not planned yet; answers how many turns they have."""
    now = clock.now()
    return await _each(
        db,
        and_(
            HelpDayRow.planned_at.is_(None),
            HelpDayRow.starts_at <= now + _PLAN_BEFORE,
            HelpDayRow.ends_at > now,
        ),
        lambda session, key: days.plan(session, SYSTEM, key),
    )


async def close(db: Database) -> int:
    """Closes the days that are over; answers how many questions were carried over."""
    over = and_(HelpDayRow.closed_at.is_(None), HelpDayRow.ends_at <= clock.now() - _CLOSE_AFTER)
    return await _each(db, over, days.close)


async def lapse(db: Database, means: LegalMeans) -> int:
    """Applications whose missing papers did not come count as taken back; answers how many."""
    now = clock.now()
    async with db.read() as session:
        due = (
            await session.scalars(
                select(CaseRow.id)
                .where(CaseRow.state == CaseState.SUPPLEMENT, CaseRow.until < now.date() + timedelta(days=1))
                .limit(_AT_ONCE)
            )
        ).all()
    lapsed = 0
    for case_id in due:
        try:
            async with db.write() as session:
                lapsed += await cases.lapse(session, means, SYSTEM, case_id, now)
        except Conflict as error:  # the papers came this very moment
            _log.info("x case %s", fields(case=case_id, why=error))
    return lapsed


async def settle_meetings(db: Database) -> int:
    """What became of lawyers' meetings whose room is over, and of times kept that nobody took; answers how many."""
    async with db.write() as session:
        return await meeting_desk.sweep(session) + await meeting_flags.expire(session)


async def settle_gatherings(db: Database) -> int:
    """What became of mediations and counsellors' hours whose room is over; answers how many."""
    async with db.write() as session:
        return await gathering_desk.sweep(session)
