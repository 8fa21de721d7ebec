"""Re-listening: which recorded calls are to be heard again, by what happened in them, until when; and notes on them.

What happened weighs (`WEIGHTS`); of the calls without anything a share is taken by lot, the lot being a digest of
their id: nobody can choose it. Share and deadlines are policy (rules R7).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import select, update

from core import clock
from core.db import Database, Session
from core.errors import Conflict, Malformed, NotFound
from core.ids import Ref, new_id
from ledger import read as ledger
from ledger.chain import Entry
from ledger.record import record
from people import repository as people
from people.model import Identity
from policy import repository as policies
from recording import finding
from recording.model import RecordingState
from recording.tables import RecordingRow
from rooms.desk_tables import NoteRow, ReviewRow
from rooms.words import MARKS
from scheduler import places
from scheduler import repository as scheduling

WEIGHTS: Mapping[tuple[str, str], int] = {
    ("officer:visit:marked", "look-again"): 3,
    ("officer:visit:marked", "sign"): 3,
    ("officer:visit:marked", "third-person"): 3,
    ("officer:visit:marked", "identity"): 3,
    ("officer:visit:marked", "unclear"): 2,
    ("officer:visit:marked", "language"): 2,  # with somebody who understands it (rules G3)
    ("officer:visit:marked", "upset"): 1,
    ("officer:visit:warned", ""): 1,
    ("officer:visit:ended", "rules-broken"): 3,
    ("officer:visit:ended", "unapproved-person"): 3,
    ("officer:seat:removed", ""): 3,
}
HIGH = 3  # risk from which the shorter deadline holds
_LOOK_BACK = timedelta(days=30)
_AT_ONCE = 50
_WORDS = 500


class State(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"
    LEFT_OUT = "left-out"  # by lot


MOVES: Mapping[State, frozenset[State]] = {
    State.TAKEN: frozenset({State.OPEN, State.TAKEN}),
    State.DONE: frozenset({State.OPEN, State.TAKEN}),
}
WHY: Mapping[str, str] = {
    "marked": "An officer marked it",
    "warned": "There was a warning",
    "ended": "An officer broke it off",
    "lot": "Taken by lot",
}
BREACH = "violation"
OUTCOMES: Mapping[str, str] = {
    "nothing": "Nothing to note",
    "noted": "Noted, nothing further",
    BREACH: "Breach of the rules: passed on",
}


class ReviewGone(Conflict):
    code = "review-gone"
    text = "This call has been listened to in the meantime."


class BadNote(Malformed):
    code = "bad-note"
    text = "Please choose a mark or write a note of 500 characters at most."
    status = 422


@dataclass(frozen=True, slots=True)
class Review:
    booking_id: str
    why: str
    risk: int
    due_at: datetime
    state: State
    taken_name: str


@dataclass(frozen=True, slots=True)
class Note:
    at_ms: int
    code: str
    words: str
    officer_name: str
    made_at: datetime


def risk_of(entries: Iterable[Entry]) -> tuple[int, str]:
    """How much speaks for listening again, and the first of `WHY` that does; 0 and "lot" where nothing does."""
    risk, why = 0, ""
    for entry in entries:
        code = str(entry.parsed().get("code", ""))
        weight = WEIGHTS.get((entry.tag, code)) or WEIGHTS.get((entry.tag, ""), 0)
        risk += weight
        if weight and not why:
            what = entry.tag.rpartition(":")[2]
            why = {"marked": "marked", "warned": "warned"}.get(what, "ended")
    return risk, why or "lot"


def drawn(booking_id: str, percent: int) -> bool:
    """Whether the lot falls on this call, `percent` of all being drawn."""
    number = int.from_bytes(sha256(booking_id.encode()).digest()[:4])
    return number * 100 < percent << 32


async def enqueue(db: Database) -> int:
    """Looks at the calls whose recordings were sealed since; answers how many were put into the queue."""
    async with db.read() as session:
        known = select(ReviewRow.booking_id)
        rows = await session.execute(
            select(RecordingRow.booking_id, RecordingRow.prison_id, RecordingRow.started_at)
            .where(
                RecordingRow.state == RecordingState.SEALED.value,
                RecordingRow.started_at > clock.now() - _LOOK_BACK,
                RecordingRow.booking_id.not_in(known),
            )
            .limit(_AT_ONCE)
        )
        found = {row[0]: (row[1], row[2]) for row in rows}
    put = 0
    for booking_id, (prison_id, started_at) in found.items():
        async with db.write() as session:
            put += await _judge(session, booking_id, prison_id, started_at)
    return put


async def _judge(session: Session, booking_id: str, prison_id: str, started_at: datetime) -> bool:
    risk, why = risk_of(await ledger.about(session, Ref("booking", booking_id)))
    booking = await scheduling.get(session, booking_id)
    rules = (await policies.current(session, booking.wing_id, started_at)).values
    inmate = await people.inmate(session, booking.inmate_id)
    days = rules.relisten_days_by_level.get(inmate.level if inmate else "", rules.relisten_days)
    chosen = risk > 0 or drawn(booking_id, rules.relisten_share_percent)
    if risk >= HIGH:
        days = min(days, rules.relisten_risk_days)
    row = {
        "booking_id": booking_id,
        "prison_id": prison_id,
        "why": why,
        "risk": risk,
        "due_at": started_at + timedelta(days=days),
        "state": (State.OPEN if chosen else State.LEFT_OUT).value,
        "made_at": clock.now(),
        "taken_by": None,
        "taken_name": "",
        "done_at": None,
        "outcome": "",
        "words": "",
    }
    return bool(await places.insert_new(session, ReviewRow, [row], ReviewRow.booking_id)) and chosen


async def waiting(session: Session, prison_id: str, limit: int = 200) -> list[Review]:
    """What is to be listened to, the most urgent first."""
    rows = await session.scalars(
        select(ReviewRow)
        .where(ReviewRow.prison_id == prison_id, ReviewRow.state.in_(MOVES[State.DONE]))
        .order_by(ReviewRow.due_at, ReviewRow.booking_id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [
        Review(row.booking_id, row.why, row.risk, row.due_at, State(row.state), row.taken_name)
        for row in rows
    ]


async def take(session: Session, who: Identity, booking_id: str) -> None:
    """`who` listens to it. Raises `ReviewGone`, `NotFound`."""
    await _move(session, who, booking_id, State.TAKEN, taken_by=who.subject.id, taken_name=who.name)


async def finish(session: Session, who: Identity, booking_id: str, outcome: str, words: str) -> None:
    """It was listened to. Raises `ReviewGone`, `NotFound`."""
    if outcome not in OUTCOMES:
        raise NotFound
    await _move(
        session, who, booking_id, State.DONE, done_at=clock.now(), outcome=outcome, words=words[:_WORDS]
    )


async def _move(session: Session, who: Identity, booking_id: str, to: State, **values: object) -> None:
    theirs = (ReviewRow.booking_id == booking_id, ReviewRow.prison_id == who.prison_id)
    moved = await session.scalar(
        update(ReviewRow)
        .where(*theirs, ReviewRow.state.in_(MOVES[to]))
        .values(state=to.value, **values)
        .returning(ReviewRow.booking_id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        known = await session.scalar(select(ReviewRow.booking_id).where(*theirs))
        raise NotFound if known is None else ReviewGone
    tag = "officer:review:taken" if to is State.TAKEN else "officer:review:done"
    outcome = {"outcome": str(values["outcome"])} if to is State.DONE else {}
    record(session, tag, actor=who.subject, subject=Ref("booking", booking_id), **outcome)


async def note(session: Session, who: Identity, booking_id: str, at_ms: int, code: str, words: str) -> None:
    """A note at a second of the recordings; others who listen see it. Raises `BadNote`."""
    words = words.strip()
    if (code and code not in MARKS) or not (code or words) or len(words) > _WORDS:
        raise BadNote
    row = NoteRow(
        id=new_id("not"),
        booking_id=booking_id,
        at_ms=at_ms,
        code=code,
        words=words,
        officer_id=who.subject.id,
        officer_name=who.name,
        made_at=clock.now(),
    )
    session.add(row)
    await finding.add_note(session, booking_id, who.subject.id, words)
    about = Ref("booking", booking_id)
    record(session, "officer:note:written", actor=who.subject, subject=about, note=row.id, at_ms=at_ms)


async def notes(session: Session, booking_id: str) -> list[Note]:
    """All officers' notes, in the order of the timeline."""
    rows = await session.scalars(
        select(NoteRow).where(NoteRow.booking_id == booking_id).order_by(NoteRow.at_ms, NoteRow.id)
    )
    return [Note(row.at_ms, row.code, row.words, row.officer_name, row.made_at) for row in rows]
