"""Legal holds: what lies under one is not deleted, whatever its time (rules P7, P17).

A hold is on all recordings of a visit. It names who, why, until when it is thought to last and when it has to
be looked at again, three months on at the latest; it ends by somebody's decision only, never by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, case, func, select, update

import ledger.record
from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused
from core.ids import Ref, new_id
from people.model import Identity, Role
from policy import repository as policies
from policy.model import BadPolicy, PolicyIncomplete, PolicyUnknown
from recording.errors import BeingDeleted
from recording.model import GOING
from recording.tables import HoldRow, RecordingRow

REASONS = frozenset({"investigation", "court", "complaint", "discipline", "authority"})
REVIEW_WITHIN = timedelta(days=92)  # three months (rules P17)
WORDS_MAX = 300
_PLACES = frozenset({Role.MONITOR, Role.APPROVER, Role.ADMIN})
_DECIDES = frozenset({Role.APPROVER, Role.ADMIN})
_GOING = tuple(state.value for state in GOING)


@dataclass(frozen=True, slots=True)
class Term:
    """`until`: when it is thought to end; `review_at`: when it is looked at again."""

    until: datetime | None
    review_at: datetime | None


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold that lies on a visit's recordings."""

    id: str
    booking_id: str
    prison_id: str
    reason: str
    words: str
    placed_by: Ref
    placed_at: datetime
    until: datetime
    review_at: datetime
    reviewed_at: datetime | None


async def place(
    session: Session, actor: Identity, booking_id: str, reason: str, words: str, term: Term
) -> str:
    """Holds all recordings of a visit; answers the hold's id.

    Raises `Forbidden`, `NotFound` (no recording, or another prison's), `Refused`, or `BeingDeleted`.
    """
    _may(actor, _PLACES)
    prison_id = await session.scalar(
        select(RecordingRow.prison_id).where(RecordingRow.booking_id == booking_id).limit(1)
    )
    if prison_id is None or not _reaches(actor, prison_id):
        raise NotFound
    until, review_at = _checked(reason, words, term, await _review_within(session, prison_id))
    if not await _count(session, booking_id, RecordingRow.holds + 1):
        raise BeingDeleted
    hold = HoldRow(
        id=new_id("hld"),
        booking_id=booking_id,
        prison_id=prison_id,
        reason=reason,
        words=words.strip(),
        placed_kind=actor.subject.kind,
        placed_id=actor.subject.id,
        placed_at=clock.now(),
        until=until,
        review_at=review_at,
    )
    session.add(hold)
    _enter(session, actor, "placed", hold, reason=reason, words=hold.words, **_dates(until, review_at))
    return hold.id


async def keep(session: Session, actor: Identity, hold_id: str, words: str, term: Term) -> None:
    """A review that lets the hold last. Raises as `place`; `Conflict` if it was released meanwhile."""
    hold = await _theirs(session, actor, hold_id)
    within = await _review_within(session, hold.prison_id)
    until, review_at = _checked(hold.reason, words, term, within)
    await _change(session, hold_id, until=until, review_at=review_at, reviewed_at=clock.now())
    _enter(session, actor, "kept", hold, words=words.strip(), **_dates(until, review_at))


async def release(session: Session, actor: Identity, hold_id: str, words: str) -> None:
    """A review that ends the hold; what is past its time is deleted at the next turn. Raises as `keep`."""
    hold = await _theirs(session, actor, hold_id)
    _refuse(_words_problems(words))
    now = clock.now()
    await _change(session, hold_id, released_at=now, reviewed_at=now)
    fewer = case((RecordingRow.holds > 0, RecordingRow.holds - 1), else_=0)
    await _count(session, hold.booking_id, fewer)
    _enter(session, actor, "released", hold, words=words.strip())


async def active(session: Session, prison_id: str | None) -> list[HoldView]:
    """All holds of a prison (`None`: of all prisons) that last, the one to be reviewed first first."""
    query = select(HoldRow).where(HoldRow.released_at.is_(None)).order_by(HoldRow.review_at, HoldRow.id)
    if prison_id is not None:
        query = query.where(HoldRow.prison_id == prison_id)
    return [_view(row) for row in await session.scalars(query)]


async def of_booking(session: Session, booking_id: str) -> list[HoldView]:
    query = select(HoldRow).where(HoldRow.booking_id == booking_id, HoldRow.released_at.is_(None))
    return [_view(row) for row in await session.scalars(query.order_by(HoldRow.placed_at))]


async def count(session: Session, booking_id: str) -> int:
    """How many holds lie on a visit now."""
    where = (HoldRow.booking_id == booking_id, HoldRow.released_at.is_(None))
    return await session.scalar(select(func.count()).select_from(HoldRow).where(*where)) or 0


def _may(actor: Identity, roles: frozenset[Role]) -> None:
    if not actor.roles & roles:
        raise Forbidden


def _reaches(actor: Identity, prison_id: str) -> bool:
    """Administrators without a prison are there for all of them; everybody else for their own."""
    return actor.prison_id == prison_id or (actor.prison_id is None and Role.ADMIN in actor.roles)


async def _theirs(session: Session, actor: Identity, hold_id: str) -> HoldRow:
    _may(actor, _DECIDES)
    hold = await session.get(HoldRow, hold_id, populate_existing=True)
    if hold is None or not _reaches(actor, hold.prison_id):
        raise NotFound
    return hold


async def _review_within(session: Session, prison_id: str) -> timedelta:
    """How soon a hold must be looked at again: by the prison's rules, three months at the latest."""
    try:
        values = (await policies.current(session, prison_id, clock.now())).values
    except (PolicyUnknown, PolicyIncomplete, BadPolicy):
        return REVIEW_WITHIN
    return min(REVIEW_WITHIN, timedelta(days=values.hold_review_days))


def _checked(reason: str, words: str, term: Term, within: timedelta) -> tuple[datetime, datetime]:
    """The term's dates; raises `Refused` with all that is wrong."""
    now = clock.now()
    problems = _words_problems(words)
    if reason not in REASONS:
        problems.append(Reason("hold-reason", "Please choose why it is held.", {"field": "reason"}))
    until, review_at = term.until, term.review_at
    if until is None or until <= now:
        text = "Please give a day in the future until which it is thought to be held."
        problems.append(Reason("hold-until", text, {"field": "until"}))
    if review_at is None or not now < review_at <= now + within:
        text = "Please give a day on which the hold is looked at again, within {days} days."
        problems.append(Reason("hold-review", text, {"field": "review", "days": within.days}))
    elif until is not None and now < until < review_at:
        text = "The hold must be looked at again before the day it is thought to end."
        problems.append(Reason("hold-review-late", text, {"field": "review"}))
    if problems or until is None or review_at is None:
        raise Refused(problems)
    return until, review_at


def _words_problems(words: str) -> list[Reason]:
    if 0 < len(words.strip()) <= WORDS_MAX:
        return []
    text = "Please say why in a few words, or give the file number."
    return [Reason("hold-words", text, {"field": "words"})]


def _refuse(problems: list[Reason]) -> None:
    if problems:
        raise Refused(problems)


async def _count(session: Session, booking_id: str, value: Any) -> int:
    """Sets the count of holds of all takes of a visit that are not being deleted; answers how many those are."""
    result = await session.execute(
        update(RecordingRow)
        .where(RecordingRow.booking_id == booking_id, RecordingRow.state.not_in(_GOING))
        .values(holds=value)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE always gives
    return result.rowcount


async def _change(session: Session, hold_id: str, **values: datetime) -> None:
    result = await session.execute(
        update(HoldRow)
        .where(HoldRow.id == hold_id, HoldRow.released_at.is_(None))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE always gives
    if result.rowcount != 1:
        raise Conflict


def _enter(session: Session, actor: Identity, what: str, hold: HoldRow, **details: str) -> None:
    kind = actor.subject.kind
    subject = Ref("booking", hold.booking_id)
    ledger.record.record(
        session, f"{kind}:hold:{what}", actor=actor.subject, subject=subject, hold=hold.id, **details
    )


def _dates(until: datetime, review_at: datetime) -> Mapping[str, str]:
    return {"until": until.isoformat(), "review_at": review_at.isoformat()}


def _view(row: HoldRow) -> HoldView:
    return HoldView(
        row.id,
        row.booking_id,
        row.prison_id,
        row.reason,
        row.words,
        Ref(row.placed_kind, row.placed_id),
        row.placed_at,
        row.until,
        row.review_at,
        row.reviewed_at,
    )
