"""Giving an approved visit its terminal: one of the inmate's wing, the least loaded of that day."""

from sqlalchemy import func, or_, select, update

from core.db import Session
from core.errors import Reason, Refused
from ledger.record import record
from scheduler import booking, moves, places, seating
from scheduler.access import DECIDERS, Actor, booking_ref, ref, require, tag
from scheduler.model import OPEN_STATES, BookingState, BookingView, ClaimKind, ticks
from scheduler.tables import BookingRow, ClaimRow, SlotRow, TerminalRow, VisitRoomRow

_MOVABLE = frozenset({BookingState.ASSIGNED, BookingState.CONFIRMED})

NO_TERMINAL = Reason(
    "no-terminal",
    "No terminal of this wing is free at that time. Free one, or cancel and offer another time.",
)
TERMINAL_BUSY = Reason(
    "terminal-busy", "This terminal has another visit at that time. Please choose another."
)
TERMINAL_ELSEWHERE = Reason(
    "terminal-elsewhere", "This terminal is switched off or belongs to another wing. Please choose another."
)
PLACE_LOST = Reason(
    "place-lost", "The prison has closed this time since. Cancel the visit, or open the time again."
)


async def assign(
    session: Session, actor: Actor, booking_id: str, terminal_id: str | None = None
) -> BookingView:
    """Gives the visit a terminal; `None` chooses one. An assigned or confirmed visit may change terminals.

    Raises `Refused` with `no-terminal`, `terminal-busy`, `terminal-elsewhere` or `place-lost`; the booking
    then stays as it was.
    """
    view = await booking.get(session, booking_id)
    require(actor, view.prison_id, DECIDERS)
    if view.state in _MOVABLE and view.terminal_id == terminal_id:
        return view
    await _check_slot(session, view)
    if view.state in _MOVABLE:
        return await _reassign(session, actor, view, terminal_id)
    if view.state is not BookingState.APPROVED:
        raise moves.Moved
    chosen = await _claim_terminal(session, view, terminal_id)
    await moves.move(
        session,
        actor,
        booking_id,
        BookingState.ASSIGNED,
        values={"terminal_id": chosen},
        details={"terminal": chosen},
    )
    return await booking.get(session, booking_id)


async def why_unplaced(session: Session, booking_id: str) -> tuple[Reason, ...]:
    """What keeps an approved visit from getting its terminal; nothing is changed."""
    view = await booking.get(session, booking_id)
    try:
        await _check_slot(session, view)
    except Refused as refused:
        return refused.reasons
    busy = await _busy_terminals(session, view)
    free = [terminal_id for terminal_id, _ in await _candidates(session, view) if terminal_id not in busy]
    return () if free else (NO_TERMINAL,)


async def _check_slot(session: Session, view: BookingView) -> None:
    slot = await session.get_one(SlotRow, view.slot_id, populate_existing=True)
    if slot.closed:
        raise Refused([PLACE_LOST])


async def _candidates(session: Session, view: BookingView) -> list[tuple[str, int]]:
    """(terminal, visits it has that day): the wing's own before shared ones, the least loaded first."""
    load = (
        select(BookingRow.terminal_id, func.count().label("visits"))
        .where(BookingRow.prison_id == view.prison_id, BookingRow.state.in_(OPEN_STATES))
        .where(BookingRow.day == select(SlotRow.day).where(SlotRow.id == view.slot_id).scalar_subquery())
        .group_by(BookingRow.terminal_id)
        .subquery()
    )
    visits = func.coalesce(load.c.visits, 0)
    rows = await session.execute(
        select(TerminalRow.id, visits)
        .outerjoin(load, load.c.terminal_id == TerminalRow.id)
        .outerjoin(VisitRoomRow, VisitRoomRow.id == TerminalRow.visit_room_id)
        .where(
            # a room may be a wing's own, or for one kind of visit
            or_(VisitRoomRow.wing_id.is_(None), VisitRoomRow.wing_id == view.wing_id),
            or_(VisitRoomRow.id.is_(None), VisitRoomRow.use.in_(("", view.kind))),
            TerminalRow.prison_id == view.prison_id,
            TerminalRow.active,
            or_(TerminalRow.wing_id.is_(None), TerminalRow.wing_id == view.wing_id),
        )
        .order_by(TerminalRow.wing_id.is_(None), visits, TerminalRow.name)
    )
    broken = await seating.out(session, view.prison_id, (view.starts_at, view.slot_ends_at))
    return [(terminal_id, count) for terminal_id, count in rows if terminal_id not in broken]


async def _busy_terminals(session: Session, view: BookingView) -> set[str]:
    """Terminals that others have in this time: visits, lawyers' meetings, help days."""
    numbers = ticks(view.starts_at, view.slot_ends_at)
    rows = await session.scalars(
        select(ClaimRow.owner_id)
        .join(TerminalRow, TerminalRow.id == ClaimRow.owner_id)
        .where(
            ClaimRow.kind == ClaimKind.TERMINAL,
            ClaimRow.number.between(numbers.start, numbers.stop - 1),
            ClaimRow.booking_id.is_distinct_from(view.id),
            TerminalRow.prison_id == view.prison_id,
        )
        .distinct()
    )
    return set(rows)


async def _claim_terminal(session: Session, view: BookingView, wanted: str | None) -> str:
    """Claims the wanted terminal, or the first free candidate; the claim decides, not the look before."""
    numbers = ticks(view.starts_at, view.slot_ends_at)
    candidates = [terminal_id for terminal_id, _ in await _candidates(session, view)]
    if wanted is not None:
        if wanted not in candidates:
            raise Refused([TERMINAL_ELSEWHERE])
        candidates = [wanted]
    for terminal_id in candidates:
        if await places.claim(session, places.ticks_of(ClaimKind.TERMINAL, terminal_id, numbers), view.id):
            return terminal_id
    raise Refused([NO_TERMINAL if wanted is None else TERMINAL_BUSY])


async def _reassign(session: Session, actor: Actor, view: BookingView, wanted: str | None) -> BookingView:
    if wanted is None:
        return view
    chosen = await _claim_terminal(session, view, wanted)
    if view.terminal_id is not None:
        old = places.ticks_of(ClaimKind.TERMINAL, view.terminal_id, ticks(view.starts_at, view.slot_ends_at))
        await places.unclaim(session, old, view.id)
    changed = await session.scalar(
        update(BookingRow)
        .where(
            BookingRow.id == view.id,
            BookingRow.state.in_(_MOVABLE),
            BookingRow.terminal_id == view.terminal_id,
        )
        .values(terminal_id=chosen)
        .returning(BookingRow.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise moves.Moved
    record(
        session,
        tag(actor, "booking:reassigned"),
        actor=ref(actor),
        subject=booking_ref(view.id),
        came_from=view.terminal_id,
        terminal=chosen,
    )
    return await booking.get(session, view.id)
