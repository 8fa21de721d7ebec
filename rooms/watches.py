"""Who supervises which call: the roster's plan, unless somebody took a call over, was handed it or was paged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import delete, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from people import repository as people
from people.model import Identity, Role
from rooms import desk_rules
from rooms.desk_tables import HandOverRow, WatchRow
from scheduler import places, roster, shifts
from scheduler.model import BookingView
from scheduler.shifts import Shift

_WORDS = 1000


class Why(StrEnum):
    ROSTER = "roster"
    TAKEN = "taken"
    HANDED_OVER = "handed-over"
    PAGED = "paged"  # the one before was missing


class TooManyCalls(Conflict):
    code = "too-many-calls"
    text = "You supervise {most} calls already; that is as many as your shift allows at once."


class BadHandOver(Malformed):
    code = "bad-hand-over"
    text = "Please choose a colleague who supervises calls here, and write what is open."
    status = 422


class ColleagueFull(Conflict):
    code = "colleague-full"
    text = (
        "{name} would then supervise {calls} calls; {most} at once are allowed. "
        "Let another colleague take some of them over first."
    )


@dataclass(frozen=True, slots=True)
class Watcher:
    officer_id: str
    name: str
    why: Why


@dataclass(frozen=True, slots=True)
class HandOver:
    id: str
    from_name: str
    words: str
    calls: int


async def of(session: Session, prison_id: str, calls: Sequence[BookingView]) -> dict[str, Watcher]:
    """Booking id -> who supervises it now, or is to; whoever nobody supervises is left out."""
    if not calls:
        return {}
    rows = await session.scalars(select(WatchRow).where(WatchRow.booking_id.in_([b.id for b in calls])))
    found = {row.booking_id: Watcher(row.officer_id, row.officer_name, Why(row.why)) for row in rows}
    ordered = sorted(calls, key=lambda b: (b.starts_at, b.id))
    spans = [(b.starts_at, b.starts_at + timedelta(minutes=b.minutes)) for b in ordered]
    duty = await roster.on_duty(session, prison_id, spans[0][0], max(last for _, last in spans))
    now = clock.now()
    for booking, parts in zip(ordered, shifts.watches(duty, spans), strict=True):
        if parts and booking.id not in found:
            begun = [part for part in parts if part.from_ <= now] or parts[:1]
            found[booking.id] = Watcher(begun[-1].officer_id, begun[-1].officer_name, Why.ROSTER)
    return found


async def most_at_once(session: Session, prison_id: str, officer_id: str) -> int:
    """How many calls this officer may supervise now."""
    now = clock.now()
    duty = await roster.on_duty(session, prison_id, now, now + timedelta(minutes=1))
    own = [shift.at_once for shift in duty if shift.officer_id == officer_id]
    return max(own) if own else (await desk_rules.of(session, prison_id, now)).at_once


async def take(session: Session, who: Identity, booking: BookingView, calls: Sequence[BookingView]) -> None:
    """`who` supervises this call from now on; `calls`: those that run or wait now.

    Raises `TooManyCalls`, and `NotFound` for another prison's.
    """
    if booking.prison_id != who.prison_id:
        raise NotFound
    present = await of(session, booking.prison_id, calls)
    mine = {one for one, watcher in present.items() if watcher.officer_id == who.subject.id}
    most = await most_at_once(session, booking.prison_id, who.subject.id)
    if booking.id not in mine and len(mine) >= most:
        raise TooManyCalls(most=most)
    await _put(session, booking, who.subject.id, who.name, Why.TAKEN)
    record(session, "officer:watch:taken", actor=who.subject, subject=Ref("booking", booking.id))


async def page(session: Session, booking: BookingView, officer: Shift) -> None:
    """The platform calls the next officer: the one before is missing."""
    await _put(session, booking, officer.officer_id, officer.officer_name, Why.PAGED)
    about = Ref("booking", booking.id)
    record(session, "system:watch:paged", actor=SYSTEM, subject=about, officer=officer.officer_id)


async def paged_lately(session: Session, booking_id: str, within: timedelta) -> bool:
    row = await session.get(WatchRow, booking_id, populate_existing=True)
    return row is not None and row.why == Why.PAGED and clock.now() - row.since < within


async def _put(session: Session, booking: BookingView, officer_id: str, name: str, why: Why) -> None:
    row = {
        "booking_id": booking.id,
        "prison_id": booking.prison_id,
        "officer_id": officer_id,
        "officer_name": name,
        "why": why.value,
        "since": clock.now(),
    }
    await session.execute(delete(WatchRow).where(WatchRow.booking_id == booking.id))
    await places.insert_new(session, WatchRow, [row], WatchRow.booking_id)


async def next_free(
    session: Session, prison_id: str, calls: Sequence[BookingView], without: frozenset[str]
) -> Shift | None:
    """Who on duty supervises the fewest of `calls` for what their shift allows, and could take one more."""
    now = clock.now()
    present = await of(session, prison_id, calls)
    load: dict[str, int] = {}
    for watcher in present.values():
        load[watcher.officer_id] = load.get(watcher.officer_id, 0) + 1
    duty = await roster.on_duty(session, prison_id, now, now + timedelta(minutes=1))
    free = [
        shift
        for shift in duty
        if shift.on_duty(now)
        and shift.officer_id not in without
        and load.get(shift.officer_id, 0) < shift.at_once
    ]
    return min(free, key=lambda s: (load.get(s.officer_id, 0) / s.at_once, s.officer_id), default=None)


async def hand_over(
    session: Session, who: Identity, to_id: str, words: str, calls: Sequence[BookingView]
) -> str:
    """All calls of `who` among `calls` go to a colleague, with a note of what is open; answers the hand-over's id.

    Raises `BadHandOver`, and `ColleagueFull` where they would be more than the colleague's shift, or the rules, allow.
    """
    to = await people.staff(session, to_id)
    fits = to is not None and to.prison_id == who.prison_id and Role.MONITOR in to.roles
    if to is None or not fits or to_id == who.subject.id or not words.strip() or len(words) > _WORDS:
        raise BadHandOver
    present = await of(session, to.prison_id or "", calls)
    mine = [one for one in calls if one.id in present and present[one.id].officer_id == who.subject.id]
    most = await most_at_once(session, to.prison_id or "", to_id)
    together = len(mine) + sum(watcher.officer_id == to_id for watcher in present.values())
    if mine and together > most:
        raise ColleagueFull(name=to.name, calls=together, most=most)
    for booking in mine:
        await _put(session, booking, to_id, to.name, Why.HANDED_OVER)
    row = HandOverRow(
        id=new_id("hov"),
        prison_id=to.prison_id,
        from_id=who.subject.id,
        from_name=who.name,
        to_id=to_id,
        to_name=to.name,
        words=words.strip(),
        bookings=[booking.id for booking in mine],
        made_at=clock.now(),
        seen_at=None,
    )
    session.add(row)
    about = Ref("hand-over", row.id)
    record(session, "officer:watch:handed-over", actor=who.subject, subject=about, to=to_id, calls=len(mine))
    return row.id


async def left_to(session: Session, officer_id: str) -> list[HandOver]:
    """What was handed over to this officer and not read yet, oldest first."""
    rows = await session.scalars(
        select(HandOverRow)
        .where(HandOverRow.to_id == officer_id, HandOverRow.seen_at.is_(None))
        .order_by(HandOverRow.id)
    )
    return [HandOver(row.id, row.from_name, row.words, len(row.bookings)) for row in rows]


async def seen(session: Session, who: Identity, hand_over_id: str) -> None:
    """Read; raises `NotFound` for what is not `who`'s or was read before."""
    done = await session.scalar(
        update(HandOverRow)
        .where(
            HandOverRow.id == hand_over_id,
            HandOverRow.to_id == who.subject.id,
            HandOverRow.seen_at.is_(None),
        )
        .values(seen_at=clock.now())
        .returning(HandOverRow.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise NotFound
    about = Ref("hand-over", hand_over_id)
    record(session, "officer:watch:hand-over-read", actor=who.subject, subject=about)
