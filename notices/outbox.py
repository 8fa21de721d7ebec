"""Putting notices into the outbox, taking them back, and reading it."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.ids import Ref, new_id
from notices import quiet, texts
from notices.model import MOVES, Notice, NoticeState
from notices.tables import NoticeRow


async def post(
    session: Session,
    *,
    to: Ref,
    address: str,
    template: str,
    language: str,
    params: Mapping[str, str | int],
    due: datetime | None = None,
    dedupe: str | None = None,
    expires: datetime | None = None,
    zone: str = "Asia/Shanghai",
    night: quiet.Night = quiet.USUAL,
) -> str | None:
    """Queues one notice for `due` (now, if None); answers its id, or None if `dedupe` was there before.

    `expires`: it is pointless afterwards (a visit's start). `zone`: where the quiet hours, `night`, are kept. A
    template or parameter that does not fit raises at once (`KeyError`, `ValueError`), not when nobody looks any more.
    """
    texts.render(template, language, params)
    if dedupe is not None and await _queued_before(session, dedupe):
        return None
    now = clock.now()
    due_at = due or now
    kind = texts.TEMPLATES[template]
    if kind.reminder and not kind.loud:
        due_at = quiet.moved(due_at, zone, expires, now, night)
    row = NoticeRow(
        id=new_id("ntc"),
        to_kind=to.kind,
        to_id=to.id,
        address=address,
        template=template,
        language=language,
        params=json.dumps(dict(params), ensure_ascii=False, sort_keys=True),
        dedupe=dedupe,
        state=NoticeState.QUEUED,
        due_at=due_at,
        expires_at=expires,
        tries=0,
        claim=None,
        claimed_until=None,
        problem="",
        created_at=now,
        ended_at=None,
    )
    session.add(row)
    return row.id


async def _queued_before(session: Session, dedupe: str) -> bool:
    return await session.scalar(select(NoticeRow.id).where(NoticeRow.dedupe == dedupe)) is not None


async def cancel(session: Session, dedupe_prefix: str) -> int:
    """Takes back what is still queued under keys that begin so; the keys may be used again."""
    taken = await session.scalars(
        update(NoticeRow)
        .where(
            NoticeRow.dedupe.startswith(dedupe_prefix, autoescape=True),
            NoticeRow.state.in_(MOVES[NoticeState.CANCELLED]),
        )
        .values(state=NoticeState.CANCELLED, ended_at=clock.now(), dedupe=None)
        .returning(NoticeRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(taken.all())


async def latest(session: Session, limit: int = 50) -> list[Notice]:
    """The newest first, for the demo's outbox page; reminders that are not due yet are among them."""
    rows = await session.scalars(
        select(NoticeRow).order_by(NoticeRow.created_at.desc(), NoticeRow.id.desc()).limit(limit)
    )
    return [as_notice(row) for row in rows]


async def of(session: Session, to: Ref, limit: int = 50) -> list[Notice]:
    """What was told, or will be told, to one person, the newest first."""
    rows = await session.scalars(
        select(NoticeRow)
        .where(NoticeRow.to_kind == to.kind, NoticeRow.to_id == to.id)
        .order_by(NoticeRow.created_at.desc(), NoticeRow.id.desc())
        .limit(limit)
    )
    return [as_notice(row) for row in rows]


def as_notice(row: NoticeRow) -> Notice:
    text = texts.render(row.template, row.language, json.loads(row.params)) if row.params else None
    return Notice(
        id=row.id,
        to=Ref(row.to_kind, row.to_id),
        address=row.address,
        template=row.template,
        language=row.language,
        subject=text.subject if text else "",
        text=text.sms if text else "",
        state=NoticeState(row.state),
        due_at=row.due_at,
        tries=row.tries,
        problem=row.problem,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
