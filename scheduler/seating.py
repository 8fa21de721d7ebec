"""Which terminal a visit has is decided late: terminals are interchangeable, so that one that breaks usually
displaces nobody.

A visit keeps a terminal from its approval on, which proves that there is one; the number is given to people at call
time, and may change until the lobby opens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update

from core import clock
from core.db import Session
from ledger.record import record
from scheduler import places, repository
from scheduler.access import Actor, booking_ref, ref, tag
from scheduler.happenings import Kind
from scheduler.model import OPEN_STATES, TICK_MINUTES, BookingView, ClaimKind, VisitKind, ticks
from scheduler.planning_tables import HappeningRow
from scheduler.tables import BookingRow, ClaimRow, TerminalRow, VisitRoomRow

Span = tuple[datetime, datetime]
_BROKEN = (Kind.TERMINAL_BROKEN, Kind.ROOM_BLOCKED)


@dataclass(frozen=True, slots=True)
class Seat:
    """A terminal. `wing_id` None: for every wing. `out`: when it cannot be used; `None` as an end: until told. `use`:
    a VisitKind if it stands in a room for that kind alone, else empty."""

    id: str
    wing_id: str | None
    out: tuple[tuple[datetime, datetime | None], ...] = ()
    use: str = ""

    def serves(self, kind: str, wing_id: str) -> bool:
        """Whether calls of this kind, with an inmate of this wing, may take place here."""
        return self.use in ("", kind) and self.wing_id in (None, wing_id)

    @property
    def kept_as(self) -> str:
        """The class of terminals that serve the same calls."""
        return f"{self.wing_id or '*'}/{self.use or '*'}"

    def usable(self, span: Span) -> bool:
        return not any(first < span[1] and (last is None or span[0] < last) for first, last in self.out)

    def until_out(self, span: Span) -> float:
        """Seconds from the end of the span until it fails next; infinite if it does not. What fails soon is used
        first: it is of no use to those who come later."""
        return min(
            ((first - span[1]).total_seconds() for first, _ in self.out if first >= span[1]), default=math.inf
        )


@dataclass(frozen=True, slots=True)
class Sitting:
    """A call that needs a terminal for a span. `fixed`: people are on their way to this one. `kind`: a VisitKind."""

    id: str
    wing_id: str
    span: Span
    seat_id: str | None
    fixed: bool = False
    kind: str = VisitKind.FAMILY


def _meet(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def arrange(sittings: Sequence[Sitting], seats: Sequence[Seat]) -> tuple[dict[str, str], list[str]]:
    """(visit -> terminal, visits that no terminal can take). Whoever can stay does; if that leaves somebody out, all
    that is not fixed is seated anew, and that is taken if it leaves out fewer."""
    by_id = {seat.id: seat for seat in seats}
    stay = [s for s in sittings if s.seat_id in by_id and (s.fixed or by_id[s.seat_id].usable(s.span))]
    gentle = _fill({s.id: s for s in stay}, sittings, seats)
    if not gentle[1]:
        return gentle
    anew = _fill({s.id: s for s in stay if s.fixed}, sittings, seats)
    return anew if len(anew[1]) < len(gentle[1]) else gentle


def _fill(
    seated: dict[str, Sitting], sittings: Sequence[Sitting], seats: Sequence[Seat]
) -> tuple[dict[str, str], list[str]]:
    """Seats whoever is not seated, in order of time: a terminal for this kind of call first, then the wing's own, then
    the one that fails soonest, then the one free shortest."""
    taken: dict[str, list[Span]] = {seat.id: [] for seat in seats}
    for sitting in seated.values():
        taken[sitting.seat_id or ""].append(sitting.span)
    answer = {sitting.id: sitting.seat_id or "" for sitting in seated.values()}
    left_over = []
    for sitting in sorted(sittings, key=lambda s: (s.span[0], s.id)):
        if sitting.id in seated:
            continue
        free = [
            seat
            for seat in seats
            if seat.serves(sitting.kind, sitting.wing_id)
            and seat.usable(sitting.span)
            and not any(_meet(sitting.span, other) for other in taken[seat.id])
        ]
        if not free:
            left_over.append(sitting.id)
            continue
        start = sitting.span[0]
        before = {s.id: max((o[1] for o in taken[s.id] if o[1] <= start), default=None) for s in free}
        left = {s.id: s.until_out(sitting.span) for s in free}
        best = min(
            free, key=lambda s: (not s.use, s.wing_id is None, left[s.id], _idle(before[s.id], start), s.id)
        )
        taken[best.id].append(sitting.span)
        answer[sitting.id] = best.id
    return answer, left_over


def _idle(before: datetime | None, start: datetime) -> float:
    """Seconds a terminal has stood empty; a long time if it was not used before."""
    return (start - before).total_seconds() if before else 1e9


async def seats(session: Session, prison_id: str) -> list[Seat]:
    """The prison's active terminals with the times at which they are out of order."""
    broken = (
        await session.scalars(
            select(HappeningRow).where(
                HappeningRow.prison_id == prison_id,
                HappeningRow.kind.in_(_BROKEN),
                HappeningRow.state == "open",
            )
        )
    ).all()
    terminals = await session.execute(
        select(TerminalRow, VisitRoomRow.wing_id, VisitRoomRow.use)
        .outerjoin(VisitRoomRow, VisitRoomRow.id == TerminalRow.visit_room_id)
        .where(TerminalRow.prison_id == prison_id, TerminalRow.active)
        .order_by(TerminalRow.name)
        .execution_options(populate_existing=True)
    )
    return [
        Seat(
            row.id,
            row.wing_id or room_wing,
            tuple(
                (b.starts_at, b.ends_at)
                for b in broken
                if b.terminal_id == row.id
                or (b.visit_room_id is not None and b.visit_room_id == row.visit_room_id)
            ),
            use or "",
        )
        for row, room_wing, use in terminals
    ]


async def elsewhere(session: Session, prison_id: str, span: Span) -> dict[str, list[Span]]:
    """The prison's terminals that are promised to what is no visit, a lawyer's meeting or a help day, and when."""
    numbers = ticks(*span)
    rows = await session.execute(
        select(ClaimRow.owner_id, ClaimRow.number)
        .join(TerminalRow, TerminalRow.id == ClaimRow.owner_id)
        .outerjoin(BookingRow, BookingRow.id == ClaimRow.booking_id)
        .where(
            ClaimRow.kind == ClaimKind.TERMINAL,
            ClaimRow.number.between(numbers.start, numbers.stop - 1),
            TerminalRow.prison_id == prison_id,
            BookingRow.id.is_(None),
        )
        .order_by(ClaimRow.owner_id, ClaimRow.number)
    )
    width = timedelta(minutes=TICK_MINUTES)
    found: dict[str, list[Span]] = {}
    for terminal_id, number in rows:
        begins = datetime.fromtimestamp(number * TICK_MINUTES * 60, UTC)
        spans = found.setdefault(terminal_id, [])
        if spans and spans[-1][1] == begins:
            spans[-1] = (spans[-1][0], begins + width)
        else:
            spans.append((begins, begins + width))
    return found


async def left(session: Session, prison_id: str, span: Span) -> list[Seat]:
    """The active terminals, each out of use also while it is promised to what is no visit."""
    taken = await elsewhere(session, prison_id, span)
    return [
        replace(seat, out=(*seat.out, *taken.get(seat.id, ()))) for seat in await seats(session, prison_id)
    ]


async def out(session: Session, prison_id: str, span: Span) -> set[str]:
    """Terminals that are out of order at some time of the span."""
    return {seat.id for seat in await seats(session, prison_id) if not seat.usable(span)}


async def _visits(
    session: Session, prison_id: str, span: tuple[datetime, datetime | None]
) -> list[BookingView]:
    """Visits with a terminal that meet the span, or meet one that does: whoever may have to change places."""
    where: list[ColumnElement[bool]] = [
        BookingRow.prison_id == prison_id,
        BookingRow.state.in_(OPEN_STATES),
        BookingRow.terminal_id.is_not(None),
        BookingRow.slot_ends_at > clock.now(),
        BookingRow.slot_ends_at > span[0],
    ]
    if span[1] is not None:
        where.append(or_(BookingRow.starts_at < span[1]))
    return await repository.views(session, *where)


def _sitting(view: BookingView) -> Sitting:
    fixed = view.opens_at <= clock.now()
    return Sitting(view.id, view.wing_id, (view.starts_at, view.slot_ends_at), view.terminal_id, fixed)


async def _arranged(
    session: Session, prison_id: str, sittings: Sequence[Sitting]
) -> tuple[dict[str, str], list[str]]:
    """`arrange` on what is left of the prison in the time of the sittings."""
    if not sittings:
        return {}, []
    span = min(one.span[0] for one in sittings), max(one.span[1] for one in sittings)
    return arrange(sittings, await left(session, prison_id, span))


async def left_over(
    session: Session, prison_id: str, span: tuple[datetime, datetime | None]
) -> list[BookingView]:
    """Whom no terminal can take in the span as things are; nothing is changed."""
    found = await _visits(session, prison_id, span)
    _, nowhere = await _arranged(session, prison_id, [_sitting(view) for view in found])
    return [view for view in found if view.id in nowhere]


async def reseat(
    session: Session, actor: Actor, prison_id: str, span: tuple[datetime, datetime | None]
) -> int:
    """Gives visits in the span other terminals where theirs cannot be used; answers how many changed places.

    Whom no terminal can take keeps the old one on paper: the flag on the booking tells.
    """
    found = {view.id: view for view in await _visits(session, prison_id, span)}
    sittings = [_sitting(view) for view in found.values()]
    answer, _ = await _arranged(session, prison_id, sittings)
    changed = [replace(s, seat_id=answer[s.id]) for s in sittings if answer.get(s.id, s.seat_id) != s.seat_id]
    for sitting in changed:
        old = found[sitting.id].terminal_id or ""
        keys = places.ticks_of(ClaimKind.TERMINAL, old, ticks(*sitting.span))
        await places.unclaim(session, keys, sitting.id)
    moved = 0
    for sitting in changed:
        moved += await _sit(session, actor, sitting, found[sitting.id].terminal_id or "")
    return moved


async def _sit(session: Session, actor: Actor, sitting: Sitting, old: str) -> int:
    numbers = ticks(*sitting.span)
    new = sitting.seat_id or ""
    if not await places.claim(session, places.ticks_of(ClaimKind.TERMINAL, new, numbers), sitting.id):
        await places.claim(session, places.ticks_of(ClaimKind.TERMINAL, old, numbers), sitting.id)
        return 0
    await session.execute(
        update(BookingRow)
        .where(BookingRow.id == sitting.id, BookingRow.terminal_id == old)
        .values(terminal_id=new)
        .execution_options(synchronize_session=False)
    )
    record(
        session,
        tag(actor, "booking:reassigned"),
        actor=ref(actor),
        subject=booking_ref(sitting.id),
        came_from=old,
        terminal=new,
    )
    return 1
