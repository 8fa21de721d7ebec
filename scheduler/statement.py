"""The statement of an inmate's visits: period by period, every line with what is left after it, so that any number,
also one below nothing, explains itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from core.db import Session
from policy.rulebook import FamilyPolicy, Span
from scheduler import accounts, facts
from scheduler.allowance import BALANCE, Line
from scheduler.facts import Ground
from scheduler.tables import BookingRow


@dataclass(frozen=True, slots=True)
class Entry:
    """A line and what is left of its period after it; `None` where the rules of today know no such period.
    `reference`: of the visit it is about, "" for what was not booked here; `requested_by`: who asked for that."""

    line: Line
    left: int | None
    reference: str = ""
    requested_by: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One period: its days (`None`: the endless one in which visits are saved), how many visits it has by the rules of
    today, and its lines, the oldest first."""

    key: str
    first: date | None
    last: date | None
    limit: int | None
    entries: tuple[Entry, ...]

    @property
    def left(self) -> int | None:
        if self.entries:
            return self.entries[-1].left
        return self.limit


async def of(session: Session, ground: Ground) -> list[Statement]:
    """All periods that have lines, and the present one; the newest first."""
    lines = await accounts.lines(session, ground.inmate.id)
    booked = await _bookings(session, lines)
    today = ground.now.astimezone(ground.zone).date()
    values = ground.policy.values
    now = _period(values, ground, today)[0]
    keys = dict.fromkeys([now, *(line.period for line in lines)])
    found = []
    for key in keys:
        own = [line for line in lines if line.period == key]
        day = own[-1].day if own else today
        known, limit, last = _period(values, ground, day)
        if known != key:
            limit, last = None, None
        found.append(_statement(key, limit, last, own, booked))
    return sorted(found, key=lambda one: (one.key != BALANCE, one.last or date.min), reverse=True)


def _period(values: FamilyPolicy, ground: Ground, day: date) -> tuple[str, int | None, date | None]:
    """(key, visits, last day) of the period in which a visit on that day counts; what is saved has no number."""
    period = values.period_of(day, ground.inmate.level, convicted=ground.inmate.convicted)
    if values.allowance_span is Span.BALANCE and period.key == BALANCE:
        return period.key, 0, None
    return period.key, period.visits, period.last


def _statement(
    key: str, limit: int | None, last: date | None, lines: Sequence[Line], booked: dict[str, tuple[str, str]]
) -> Statement:
    left = limit
    entries = []
    for line in lines:
        left = None if left is None else left + line.visits
        entries.append(Entry(line, left, *booked.get(line.booking_id or "", ("", ""))))
    return Statement(key, _first(key, last), last, limit, tuple(entries))


def _first(key: str, last: date | None) -> date | None:
    """The first day of a period, which its key begins with."""
    if last is None:
        return None
    return last.replace(day=1) if len(key) == len("2026-12") else date.fromisoformat(key[:10])


async def _bookings(session: Session, lines: Iterable[Line]) -> dict[str, tuple[str, str]]:
    """Booking -> (its reference, who asked for it)."""
    ids = {line.booking_id for line in lines if line.booking_id}
    rows = await session.execute(
        select(BookingRow.id, BookingRow.reference, BookingRow.requested_by).where(BookingRow.id.in_(ids))
    )
    return {booking_id: (reference, requested_by) for booking_id, reference, requested_by in rows}


async def of_inmate(session: Session, inmate_id: str) -> list[Statement]:
    """As `of`; raises `NotFound` for an unknown inmate."""
    return await of(session, await facts.ground(session, inmate_id))
