"""What else a resident procurator looks at in a month: the tasks that were put before officers, the calls that were to
be listened to again, and each call with its log, where it stands who could see and hear whom.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, case, func, or_, select

from core.db import Session
from recording.reviews import State
from rooms.desk_tables import DeskTaskRow, ReviewRow
from rooms.desk_tasks import BY_ITSELF, TEXTS, Kind
from rooms.tables import ActRow, RoomRow
from scheduler.tables import BookingRow
from web.audit import Month

MOST = 200  # calls of a month that one page lists


@dataclass(frozen=True, slots=True)
class TaskLine:
    """Tasks of one kind: how many were put, what came of them, and the longest that one waited for an officer's end."""

    text: str
    put: int
    done: int  # by an officer
    passed: int  # by themselves
    longest: timedelta | None

    @property
    def left(self) -> int:
        return self.put - self.done - self.passed


@dataclass(frozen=True, slots=True)
class Reviews:
    """Calls to be listened to again that came into the queue in the month."""

    put: int
    in_time: int
    late: int  # done after their time, or not yet and over it

    @property
    def coming(self) -> int:
        return self.put - self.in_time - self.late


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call that had a room. `acts`: what officers did in it."""

    booking_id: str
    reference: str
    starts_at: datetime
    reason: str  # why it ended: a code
    acts: int


async def tasks(session: Session, prison_id: str, month: Month) -> list[TaskLine]:
    """By kind, the most urgent first; kinds of which there was none are left out."""
    rows = await session.execute(
        select(DeskTaskRow.kind, DeskTaskRow.made_at, DeskTaskRow.done_at, DeskTaskRow.outcome).where(
            DeskTaskRow.prison_id == prison_id,
            DeskTaskRow.made_at >= month.begin,
            DeskTaskRow.made_at < month.end,
        )
    )
    found = rows.all()
    return [
        _line(kind, [row for row in found if row[0] == kind]) for kind in _present({row[0] for row in found})
    ]


def _present(kinds: set[str]) -> list[Kind]:
    return [kind for kind in Kind if kind.value in kinds]


def _line(kind: Kind, rows: Sequence[Row[str, datetime, datetime | None, str]]) -> TaskLine:
    ended = [(row[3], row[2] - row[1]) for row in rows if row[2] is not None]
    by_hand = [waited for outcome, waited in ended if outcome != BY_ITSELF]
    return TaskLine(
        TEXTS[kind], len(rows), len(by_hand), len(ended) - len(by_hand), max(by_hand, default=None)
    )


async def reviews(session: Session, prison_id: str, month: Month, now: datetime) -> Reviews:
    """Those that were left out by lot are not in the queue."""
    ended = func.coalesce(ReviewRow.done_at, now)
    done = ReviewRow.done_at.is_not(None)
    row = (
        await session.execute(
            select(
                func.count(),
                func.sum(case((done & (ended <= ReviewRow.due_at), 1), else_=0)),
                func.sum(case((ended > ReviewRow.due_at, 1), else_=0)),
            ).where(
                ReviewRow.prison_id == prison_id,
                ReviewRow.made_at >= month.begin,
                ReviewRow.made_at < month.end,
                ReviewRow.state != State.LEFT_OUT.value,
            )
        )
    ).one()
    return Reviews(row[0], row[1] or 0, row[2] or 0)


async def calls(session: Session, prison_id: str, month: Month, words: str = "") -> list[CallLine]:
    """The calls of a month, the newest first; `words`: the beginning of a reference, or of the inmate's name."""
    acts = select(func.count()).where(ActRow.room_id == RoomRow.id).correlate(RoomRow).scalar_subquery()
    query = (
        select(BookingRow.id, BookingRow.reference, BookingRow.starts_at, RoomRow.end_reason, acts)
        .join(RoomRow, RoomRow.booking_id == BookingRow.id)
        .where(
            BookingRow.prison_id == prison_id,
            BookingRow.starts_at >= month.begin,
            BookingRow.starts_at < month.end,
        )
        .order_by(BookingRow.starts_at.desc(), BookingRow.id.desc())
        .limit(MOST)
    )
    if typed := words.strip():
        query = query.where(
            or_(
                BookingRow.reference.startswith(typed.upper(), autoescape=True),
                BookingRow.inmate_name.startswith(typed, autoescape=True),
            )
        )
    return [
        CallLine(row[0], row[1], row[2], row[3] or "", row[4]) for row in (await session.execute(query)).all()
    ]
