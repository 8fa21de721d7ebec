"""What the worker does with the outbox: deliver what is due, and forget what is over.

At least once: a notice is claimed, sent, and marked, in this order. A worker that dies in between leaves a
claim that runs out, and another sends the notice again under the same id.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update

from core import clock, log
from core.db import Database, Session
from notices.channels import AT_ONCE, Channel, DeliveryError
from notices.model import BACKOFF, ENDED, MOVES, Notice, NoticeState
from notices.outbox import as_notice
from notices.tables import NoticeRow

_BATCH = 40
_CLAIM = timedelta(minutes=3)  # longer than a whole batch of them takes with a gateway that never answers
_CODES_KEPT = timedelta(hours=1)
_KEPT = timedelta(days=30)
_log = logging.getLogger(__name__)


async def deliver_due(db: Database, channel: Channel | None) -> int:
    """Delivers one batch; answers how many left the queue for good. Call again while it answers more than 0."""
    await _lapse(db)
    claim = secrets.token_hex(8)
    notices = await _claim(db, claim)
    at_once = asyncio.Semaphore(AT_ONCE)

    async def deliver(notice: Notice) -> bool:
        async with at_once:
            state, problem = await _try(channel, notice)
        return await _settle(db, notice, claim, state, problem)

    return sum(await asyncio.gather(*(deliver(notice) for notice in notices)))


async def _lapse(db: Database) -> None:
    """What nobody needs to hear any more is not sent."""
    now = clock.now()
    async with db.write() as session:
        await session.execute(
            update(NoticeRow)
            .where(_waiting(), NoticeRow.expires_at <= now)
            .values(state=NoticeState.LAPSED, ended_at=now)
        )


def _waiting() -> ColumnElement[bool]:
    """Queued, or claimed by a worker that did not come back."""
    now = clock.now()
    return or_(
        NoticeRow.state == NoticeState.QUEUED,
        and_(NoticeRow.state == NoticeState.SENDING, NoticeRow.claimed_until <= now),
    )


async def _claim(db: Database, claim: str) -> Sequence[Notice]:
    now = clock.now()
    due = (
        select(NoticeRow.id)
        .where(_waiting(), NoticeRow.due_at <= now)
        .order_by(NoticeRow.due_at, NoticeRow.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    async with db.write() as session:
        rows = await session.scalars(
            update(NoticeRow)
            .where(NoticeRow.id.in_(due), _waiting())
            .values(
                state=NoticeState.SENDING, claim=claim, claimed_until=now + _CLAIM, tries=NoticeRow.tries + 1
            )
            .returning(NoticeRow)
        )
        return [as_notice(row) for row in rows]


async def _try(channel: Channel | None, notice: Notice) -> tuple[NoticeState, str]:
    if channel is None:
        return NoticeState.SHOWN, ""
    try:
        await channel.send(notice)
    except DeliveryError as error:
        _log.warning("x notice %s", log.fields(id=notice.id, tries=notice.tries, reason=error))
        return (NoticeState.QUEUED if notice.tries <= len(BACKOFF) else NoticeState.FAILED), str(error)
    _log.info("> notice %s", log.fields(id=notice.id, template=notice.template))
    return NoticeState.SENT, ""


async def _settle(db: Database, notice: Notice, claim: str, state: NoticeState, problem: str) -> bool:
    """Marks what came of it, unless the claim ran out and another worker has it now."""
    now = clock.now()
    ended = state in ENDED
    due_at = notice.due_at if ended else now + BACKOFF[notice.tries - 1]
    async with db.write() as session:
        settled = await session.execute(
            update(NoticeRow)
            .where(NoticeRow.id == notice.id, NoticeRow.claim == claim, NoticeRow.state.in_(MOVES[state]))
            .values(state=state, problem=problem, claim=None, due_at=due_at, ended_at=now if ended else None)
            .returning(NoticeRow.id)
        )
        return settled.first() is not None and ended


async def forget(db: Database) -> None:
    """Blanks codes an hour after they ended, and every address and text after 30 days (PIPL art. 19)."""
    now = clock.now()
    async with db.write() as session:
        await _blank(session, NoticeRow.template == "code", NoticeRow.ended_at < now - _CODES_KEPT)
        await _blank(session, NoticeRow.ended_at < now - _KEPT)


async def _blank(session: Session, *which: ColumnElement[bool]) -> None:
    await session.execute(
        update(NoticeRow)
        .where(*which, NoticeRow.state.in_(ENDED), NoticeRow.params != "")
        .values(address="", params="")
    )
