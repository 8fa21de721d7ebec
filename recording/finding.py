"""Finding recorded visits: by person, wing, day, officer, mark, reason, state, words in notes.

Each question is answered from `recording_term` in the order of time, newest first, a page at a time: the most telling
term is walked through, the others are looked up for what it gives. Ten million recordings make no difference to that.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, delete, exists, insert, or_, select
from sqlalchemy.orm import aliased

import ledger.read
from core.db import Database, Session
from core.ids import Ref
from recording import repository, terms
from recording.model import GOING, RecordingState
from recording.tables import EventRow, RecordingRow
from recording.term_table import TermRow
from rooms.desk_tables import NoteRow
from scheduler.tables import BookingRow, VisitorRow

PAGE = 50
_BATCH = 100
_NOTES = ("text", "note", "words")  # where an event keeps what somebody wrote


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for; empty: everything. `within` half-open, when the recording began; `state`: its light.
    `before`: the last of the page before (`Found.next`)."""

    prison_id: str
    words: str = ""
    wing_id: str = ""
    officer_id: str = ""
    event: str = ""  # a tag of the time line
    reason: str = ""  # a code
    states: tuple[RecordingState, ...] = ()
    within: tuple[datetime, datetime] | None = None
    before: tuple[datetime, str] | None = None

    @property
    def wanted(self) -> list[str]:
        """The most telling first."""
        given = [
            (terms.OFFICER, self.officer_id),
            (terms.REASON, self.reason),
            (terms.EVENT, self.event),
            (terms.WING, self.wing_id),
        ]
        return [*terms.asked(self.words), *(kind + value for kind, value in given if value)]


@dataclass(frozen=True, slots=True)
class Found:
    """Ids of bookings, the latest first; `following`: where the next page begins, `None` on the last."""

    bookings: tuple[str, ...] = field(default=())
    following: tuple[datetime, str] | None = None


async def visits(session: Session, question: Question, limit: int = PAGE) -> Found:
    """The visits of a page. What was typed and holds nothing to look for finds nothing."""
    if question.words.strip() and not terms.asked(question.words):
        return Found()
    rows = (await session.execute(statement(question, limit + 1))).all()
    following = (rows[limit - 1][1], rows[limit - 1][2]) if len(rows) > limit else None
    return Found(tuple(dict.fromkeys(row[0] for row in rows[:limit])), following)


def statement(question: Question, limit: int) -> Select[str, datetime, str]:
    """Booking, start and id of recordings."""
    wanted = question.wanted
    first = aliased(TermRow)
    began, identity = (
        (first.started_at, first.recording_id) if wanted else (RecordingRow.started_at, RecordingRow.id)
    )
    query = select(RecordingRow.booking_id, began, identity)
    if wanted:
        query = query.join(first, first.recording_id == RecordingRow.id)
        query = query.where(first.prison_id == question.prison_id, first.term == wanted[0])
    else:
        query = query.where(RecordingRow.prison_id == question.prison_id)
    query = query.where(*(_has(question.prison_id, term, first) for term in wanted[1:]))
    if question.within is not None:
        query = query.where(began >= question.within[0], began < question.within[1])
    if question.before is not None:
        moment, last = question.before
        query = query.where(or_(began < moment, and_(began == moment, identity < last)))
    if question.states:
        query = query.where(RecordingRow.state.in_([state.value for state in question.states]))
    return query.order_by(began.desc(), identity.desc()).limit(limit)


def _has(prison_id: str, term: str, first: type[TermRow]) -> ColumnElement[bool]:
    return exists().where(
        TermRow.prison_id == prison_id,
        TermRow.term == term,
        TermRow.started_at == first.started_at,
        TermRow.recording_id == first.recording_id,
    )


async def index(session: Session, recording_id: str) -> None:
    """Enters what a recording is found by now, in place of what it was found by before."""
    await session.flush()
    one = await repository.row(session, recording_id)
    found = await _terms(session, one)
    await session.execute(delete(TermRow).where(TermRow.recording_id == recording_id))
    common = {"prison_id": one.prison_id, "started_at": one.started_at, "recording_id": recording_id}
    if found:
        await session.execute(insert(TermRow), [{**common, "term": term} for term in sorted(found)])
    one.indexed = True


async def add_note(session: Session, booking_id: str, officer_id: str, words: str) -> None:
    """What an officer wrote about a visit afterwards: its recordings are found by the words and the officer, too."""
    rows = await session.scalars(select(RecordingRow).where(RecordingRow.booking_id == booking_id))
    for one in rows.all():
        if RecordingState(one.state) in GOING:
            continue
        there = set(await session.scalars(select(TermRow.term).where(TermRow.recording_id == one.id)))
        common = {"prison_id": one.prison_id, "started_at": one.started_at, "recording_id": one.id}
        if fresh := (terms.of_text(words) | terms.of_kind(terms.OFFICER, [officer_id])) - there:
            await session.execute(insert(TermRow), [{**common, "term": term} for term in sorted(fresh)])


async def index_old(db: Database) -> int:
    """Indexes recordings of before there was an index, some at a time; answers how many."""
    async with db.read() as session:
        query = select(RecordingRow.id).where(RecordingRow.indexed.is_(None)).order_by(RecordingRow.id.desc())
        ids = (await session.scalars(query.limit(_BATCH))).all()
    for recording_id in ids:
        async with db.write() as session:
            await index(session, recording_id)
    return len(ids)


async def _terms(session: Session, one: RecordingRow) -> set[str]:
    booking = await session.get(BookingRow, one.booking_id)
    found: set[str] = set()
    if booking is not None:
        names = await session.scalars(select(VisitorRow.name).where(VisitorRow.booking_id == booking.id))
        found |= terms.of_text(booking.reference, booking.inmate_name, *names)
        found |= terms.of_kind(terms.WING, [booking.wing_id])
    if RecordingState(one.state) in GOING:
        return found
    entries = await ledger.read.about(session, Ref("booking", one.booking_id))
    acted = [entry.actor_id for entry in entries if entry.actor_kind == "officer"]
    found |= terms.of_kind(terms.OFFICER, acted) | terms.of_kind(terms.REASON, [one.reason])
    notes = await session.scalars(select(NoteRow.words).where(NoteRow.booking_id == one.booking_id))
    found |= terms.of_text(*notes)
    events = await session.scalars(select(EventRow).where(EventRow.recording_id == one.id))
    return found | _of_events(events.all())


def _of_events(events: Iterable[EventRow]) -> set[str]:
    found: set[str] = set()
    for event in events:
        details = json.loads(event.details)
        found |= terms.of_kind(terms.EVENT, [event.tag])
        found |= terms.of_kind(terms.REASON, [str(details.get(name, "")) for name in ("code", "reason")])
        found |= terms.of_text(*(str(details.get(name, "")) for name in _NOTES))
    return found
