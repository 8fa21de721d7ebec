"""Queries of the scheduler: rows to values. Nobody is narrowed here; services narrow by the asking actor."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ColumnExpressionArgument, Select, and_, bindparam, or_, select

from core import clock
from core.db import Session
from core.errors import NotFound, Reason
from core.ids import Ref
from scheduler.model import (
    BookingState,
    BookingView,
    Fault,
    Prison,
    Terminal,
    VisitKind,
    Visitor,
    Wing,
)
from scheduler.places import offered, stale
from scheduler.tables import BookingRow, PrisonRow, TerminalRow, VisitorRow, VisitRoomRow, WingRow


def as_prison(row: PrisonRow) -> Prison:
    return Prison(row.id, row.name, row.zone, row.help_phone, row.active)


def as_wing(row: WingRow) -> Wing:
    return Wing(row.id, row.prison_id, row.name)


def as_terminal(row: TerminalRow, room_name: str | None) -> Terminal:
    return Terminal(row.id, row.prison_id, row.wing_id, row.name, row.device_id, row.active, room_name)


def _terminals() -> Select[TerminalRow, str | None]:
    return (
        select(TerminalRow, VisitRoomRow.name)
        .outerjoin(VisitRoomRow, VisitRoomRow.id == TerminalRow.visit_room_id)
        .order_by(TerminalRow.name)
    )


async def _terminal_where(session: Session, which: ColumnElement[bool]) -> Terminal | None:
    found = (await session.execute(_terminals().where(which))).first()
    return as_terminal(found[0], found[1]) if found else None


async def prison(session: Session, prison_id: str) -> Prison | None:
    row = await session.get(PrisonRow, prison_id)
    return as_prison(row) if row else None


async def prisons(session: Session) -> list[Prison]:
    """The active prisons by name."""
    rows = await session.scalars(select(PrisonRow).where(PrisonRow.active).order_by(PrisonRow.name))
    return [as_prison(row) for row in rows]


async def wings(session: Session, prison_id: str) -> list[Wing]:
    rows = await session.scalars(select(WingRow).where(WingRow.prison_id == prison_id).order_by(WingRow.name))
    return [as_wing(row) for row in rows]


async def terminals(session: Session, prison_id: str) -> list[Terminal]:
    rows = await session.execute(_terminals().where(TerminalRow.prison_id == prison_id))
    return [as_terminal(row[0], row[1]) for row in rows]


async def terminal(session: Session, terminal_id: str) -> Terminal | None:
    return await _terminal_where(session, TerminalRow.id == terminal_id)


async def terminal_of_device(session: Session, device_id: str) -> Terminal | None:
    """The terminal whose browser is the enrolled device of `people`."""
    return await _terminal_where(session, TerminalRow.device_id == device_id)


_Joined = Select[BookingRow, PrisonRow, str, TerminalRow, VisitRoomRow]


def _joined() -> _Joined:
    return (
        select(BookingRow, PrisonRow, WingRow.name, TerminalRow, VisitRoomRow)
        .join(PrisonRow, PrisonRow.id == BookingRow.prison_id)
        .join(WingRow, WingRow.id == BookingRow.wing_id)
        .outerjoin(TerminalRow, TerminalRow.id == BookingRow.terminal_id)
        .outerjoin(VisitRoomRow, VisitRoomRow.id == TerminalRow.visit_room_id)
        .execution_options(populate_existing=True)  # the guarded updates go past the session's memory
    )


async def _views(
    session: Session, query: _Joined, given: Mapping[str, Any] | None = None
) -> list[BookingView]:
    found = (await session.execute(query, given)).all()
    visitors: dict[str, list[Visitor]] = {}
    named = [
        row[0].id for row in found if row[0].state != BookingState.HELD
    ]  # who comes is named with the request
    if named:
        rows = await session.scalars(
            select(VisitorRow).where(VisitorRow.booking_id.in_(named)).order_by(VisitorRow.id)
        )
        for row in rows:
            visitors.setdefault(row.booking_id, []).append(_visitor(row))
    return [_view(*row, tuple(visitors.get(row[0].id, ()))) for row in found]


def _visitor(row: VisitorRow) -> Visitor:
    return Visitor(
        id=row.id,
        person=Ref("relative", row.relative_id),
        name=row.name,
        kinship=row.kinship,
        born=row.born,
        minor=row.minor,
        relationship_id=row.relationship_id,
    )


def in_order(visitors: Iterable[Visitor], requested_by: str) -> tuple[Visitor, ...]:
    """Who asked comes first, minors last."""
    asked = Ref("relative", requested_by)
    return tuple(sorted(visitors, key=lambda visitor: (visitor.person != asked, visitor.minor)))


BOOKING_COLUMNS = tuple(column.name for column in BookingRow.__table__.columns)


def fresh(values: Mapping[str, Any], prison: Prison, wing_name: str) -> BookingView:
    """The view of a pick whose row, with every column, was just written."""
    return _view(BookingRow(**values), prison, wing_name, None, None, ())


def _view(
    row: BookingRow,
    prison: Prison | PrisonRow,
    wing_name: str,
    terminal_row: TerminalRow | None,
    room_row: VisitRoomRow | None,
    visitors: tuple[Visitor, ...],
) -> BookingView:
    reason = None
    if row.reason_code is not None and row.reason_text is not None:
        reason = Reason(row.reason_code, row.reason_text, row.reason_params)
    return BookingView(
        id=row.id,
        reference=row.reference,
        kind=VisitKind(row.kind),
        state=BookingState(row.state),
        inmate_id=row.inmate_id,
        inmate_name=row.inmate_name,
        prison_id=row.prison_id,
        prison_name=prison.name,
        zone=prison.zone,
        wing_id=row.wing_id,
        wing_name=wing_name,
        slot_id=row.slot_id,
        starts_at=row.starts_at,
        slot_ends_at=row.slot_ends_at,
        minutes=row.minutes,
        opens_at=row.opens_at,
        requested_by=row.requested_by,
        visitors=in_order(visitors, row.requested_by),
        terminal_id=row.terminal_id,
        terminal_name=as_terminal(terminal_row, room_row.name if room_row else None).place
        if terminal_row
        else None,
        policy_version=row.policy_version,
        state_since=row.state_since,
        state_by=Ref(row.state_by_kind, row.state_by_id),
        reply_by=row.reply_by,
        held_until=row.held_until,
        reason=reason,
        words=row.words,
        fault=Fault(row.fault),
        replaces=row.replaces,
        link=row.link,
        part=row.part,
        exceptions=tuple(Reason(**one) for one in row.exceptions),
        chain=tuple(row.chain),
    )


async def views(
    session: Session,
    *where: ColumnElement[bool],
    order: Sequence[ColumnExpressionArgument[Any]] = (),
    limit: int | None = None,
) -> list[BookingView]:
    """Bookings by conditions on `BookingRow`, in order of time unless `order` says otherwise."""
    query = _joined().where(*where).order_by(*(order or (BookingRow.starts_at, BookingRow.id)))
    return await _views(session, query if limit is None else query.limit(limit))


_BY_ID = _joined().where(BookingRow.id == bindparam("booking"))


async def view(session: Session, booking_id: str) -> BookingView | None:
    found = await _views(session, _BY_ID, {"booking": booking_id})
    return found[0] if found else None


async def get(session: Session, booking_id: str) -> BookingView:
    """Any booking, whoever asks; raises `NotFound`."""
    found = await view(session, booking_id)
    if found is None:
        raise NotFound
    return found


def involving(relative_id: str) -> ColumnElement[bool]:
    """Bookings that this relative asked for or takes part in."""
    takes_part = select(VisitorRow.booking_id).where(VisitorRow.relative_id == relative_id)
    return or_(BookingRow.requested_by == relative_id, BookingRow.id.in_(takes_part))


async def of_relative(session: Session, relative_id: str, limit: int = 100) -> list[BookingView]:
    """The relative's bookings, latest visit first; picks that ran out or were let go are left out."""
    return await views(
        session,
        involving(relative_id),
        ~stale(clock.now()),
        or_(BookingRow.request_key.is_not(None), and_(BookingRow.state == BookingState.HELD, ~offered())),
        order=(BookingRow.starts_at.desc(), BookingRow.id.desc()),
        limit=limit,
    )


async def pending(session: Session, prison_id: str) -> list[BookingView]:
    """What waits for an officer's decision, the earliest deadline first."""
    return await views(
        session,
        BookingRow.prison_id == prison_id,
        BookingRow.state == BookingState.REQUESTED,
        order=(BookingRow.reply_by, BookingRow.id),
    )


async def unplaced(session: Session, prison_id: str) -> list[BookingView]:
    """What is approved and has no terminal yet, the earliest visit first."""
    return await views(session, BookingRow.prison_id == prison_id, BookingRow.state == BookingState.APPROVED)


async def on_day(session: Session, prison_id: str, day: date) -> list[BookingView]:
    """What is, was or may be on a day of the prison's calendar, picks left out; in order of time."""
    return await views(
        session,
        BookingRow.prison_id == prison_id,
        BookingRow.day == day,
        BookingRow.request_key.is_not(None),
    )


async def due(session: Session, now: datetime) -> list[BookingView]:
    """Confirmed visits whose lobby is open and whose slot is not over."""
    return await views(
        session,
        BookingRow.state == BookingState.CONFIRMED,
        BookingRow.opens_at <= now,
        BookingRow.slot_ends_at > now,
    )


async def at_terminal(session: Session, terminal_id: str, now: datetime) -> BookingView | None:
    """The visit that is at this terminal now, else the next one there."""
    found = await views(
        session,
        BookingRow.state == BookingState.CONFIRMED,
        BookingRow.terminal_id == terminal_id,
        BookingRow.slot_ends_at > now,
        limit=1,
    )
    return found[0] if found else None


async def visit_rooms(session: Session, prison_id: str) -> list[tuple[str, str]]:
    """(id, name) of the prison's visit rooms, by name."""
    rows = await session.execute(
        select(VisitRoomRow.id, VisitRoomRow.name)
        .where(VisitRoomRow.prison_id == prison_id)
        .order_by(VisitRoomRow.name, VisitRoomRow.id)
    )
    return [(room_id, name) for room_id, name in rows]
