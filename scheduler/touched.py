"""Which open bookings a happening touches. One query per kind; a table says which."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select

from core import clock
from core.db import Session
from people import repository as people
from scheduler import facts, repository, roster, seating
from scheduler.happenings import Happening, Kind
from scheduler.model import OPEN_STATES, BookingState, BookingView
from scheduler.rules import RULES, Rule, level_without_visits, refusals, wing_day
from scheduler.tables import BookingRow, SlotRow, VisitorRow

_LIVE = OPEN_STATES - {BookingState.HELD}  # a pick that is not confirmed is judged when it is
# What may no longer hold once an inmate's wing or level is another.
_DETAILS: tuple[Rule, ...] = tuple(rule for rule in RULES if rule in (wing_day, level_without_visits))


async def bookings(session: Session, happening: Happening) -> list[BookingView]:
    """The bookings that it touches, in order of time; those that began are left alone."""
    return await _FINDERS[happening.kind](session, happening)


async def _where(session: Session, happening: Happening, *where: ColumnElement[bool]) -> list[BookingView]:
    """Open bookings of the prison still to come that meet the happening's span."""
    conditions = [
        BookingRow.prison_id == happening.prison_id,
        BookingRow.state.in_(_LIVE),
        BookingRow.starts_at > clock.now(),
        *where,
    ]
    found = await repository.views(session, *conditions)
    return [view for view in found if meets(view, happening.span)]


def meets(view: BookingView, span: tuple[datetime, datetime | None]) -> bool:
    """Whether the talk itself, half-open, meets the span."""
    first, last = span
    ends = view.starts_at + timedelta(minutes=view.minutes)
    return ends > first and (last is None or view.starts_at < last)


async def _of_inmate(session: Session, happening: Happening) -> list[BookingView]:
    return await _where(session, happening, BookingRow.inmate_id == happening.inmate_id)


async def _of_visitor(session: Session, happening: Happening) -> list[BookingView]:
    coming = select(VisitorRow.booking_id).where(VisitorRow.relative_id == happening.relative_id)
    where: list[ColumnElement[bool]] = [BookingRow.id.in_(coming)]
    if happening.inmate_id is not None:
        where.append(BookingRow.inmate_id == happening.inmate_id)
    return await _where(session, happening, *where)


async def _of_pair(session: Session, happening: Happening) -> list[BookingView]:
    """Both bookings of each pair on one date in this prison (F35)."""
    found = await _where(
        session, happening, BookingRow.inmate_id.in_((happening.inmate_id, happening.other_id))
    )
    days = await _days(session, found)
    sides: dict[object, set[str]] = {}
    for view in found:
        sides.setdefault(days[view.id], set()).add(view.inmate_id)
    return [view for view in found if len(sides[days[view.id]]) > 1]


async def _days(session: Session, found: Sequence[BookingView]) -> dict[str, object]:
    rows = await session.execute(
        select(BookingRow.id, BookingRow.day).where(BookingRow.id.in_([view.id for view in found]))
    )
    return {row[0]: row[1] for row in rows}


async def _of_wing(session: Session, happening: Happening) -> list[BookingView]:
    if happening.wing_id is None:
        return await _where(session, happening)
    return await _where(session, happening, BookingRow.wing_id == happening.wing_id)


async def _of_template(session: Session, happening: Happening) -> list[BookingView]:
    slots = select(SlotRow.id).where(SlotRow.template_id == happening.template_id)
    return await _where(session, happening, BookingRow.slot_id.in_(slots))


async def _of_seats(session: Session, happening: Happening) -> list[BookingView]:
    """Terminals are interchangeable: only whom no other terminal can take is touched."""
    return await seating.left_over(session, happening.prison_id, happening.span)


async def _of_supervision(session: Session, happening: Happening) -> list[BookingView]:
    """Those beyond what the officers on duty can watch at once, the latest booked first."""
    found = await _where(session, happening)
    return await roster.beyond(session, happening.prison_id, found)


async def _rejudged(session: Session, happening: Happening) -> list[BookingView]:
    found = await _where(session, happening, BookingRow.inmate_id == happening.inmate_id)
    return [view for view in found if await _no_longer_fits(session, view)]


async def _no_longer_fits(session: Session, view: BookingView) -> bool:
    ground = await facts.ground(session, view.inmate_id)
    known = [await people.relationship_by_id(session, v.relationship_id) for v in view.visitors]
    relations = [relation for relation in known if relation is not None]
    ignoring = BookingRow.id == view.id
    (slot,) = await facts.slots(session, [SlotRow.id == view.slot_id], ignoring=ignoring)
    case = await facts.judge(session, ground, relations, [slot], ignoring=ignoring)
    return bool(refusals(case, slot, _DETAILS))


_Finder = Callable[[Session, Happening], Awaitable[list[BookingView]]]
_FINDERS: Mapping[Kind, _Finder] = {
    Kind.RELEASED: _of_inmate,
    Kind.TRANSFERRED: _of_inmate,
    Kind.HOSPITAL: _of_inmate,
    Kind.ILLNESS: _of_inmate,
    Kind.COURT: _of_inmate,
    Kind.ISOLATION: _of_inmate,
    Kind.RESTRICTION: _of_visitor,
    Kind.VISITOR_UNAPPROVED: _of_visitor,
    Kind.KEEP_APART: _of_pair,
    Kind.DETAILS_CHANGED: _rejudged,
    Kind.LOCKDOWN: _of_wing,
    Kind.DATE_CLOSED: _of_wing,
    Kind.SESSION_CLOSED: _of_template,
    Kind.TERMINAL_BROKEN: _of_seats,
    Kind.ROOM_BLOCKED: _of_seats,
    Kind.OFFICER_AWAY: _of_supervision,
}
