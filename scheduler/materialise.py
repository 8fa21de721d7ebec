"""Timetable -> slots and places in the database, for as far ahead as the policy lets people book.

May be run at any time and as often as one likes, by several at once: what stands stays, what is new is
added, what the timetable no longer wants is closed (never deleted: somebody may have it), what it wants
again is opened again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, select

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import new_id
from policy import repository as policies
from scheduler import places, seating, timetable
from scheduler.fitting import Time, fitting
from scheduler.model import VisitKind, ticks
from scheduler.seating import Seat, Span
from scheduler.tables import ClosedDateRow, PlaceRow, PrisonRow, SlotRow, SpecialDateRow, TemplateRow
from scheduler.timetable import ClosedDate, PlannedSlot, Run, SpecialDate, WeeklyTemplate

_Key = tuple[str, datetime]
_SPARE_DAYS = 1  # so that the last bookable day is there before the nightly run


async def materialise(session: Session, prison_id: str) -> int:
    """Brings the slots of one prison in line with its timetable; answers how many were added.

    Raises `NotFound` for an unknown prison, and what `policy.repository.current` raises.
    """
    prison = await session.get(PrisonRow, prison_id)
    if prison is None:
        raise NotFound
    now = clock.now()
    rules = (await policies.current(session, prison_id, now)).values
    first = now.astimezone(ZoneInfo(prison.zone)).date()
    last = first + timedelta(days=rules.horizon_days + _SPARE_DAYS)
    templates = await _templates(session, prison)
    closed = await _closed(session, prison_id, first, last)
    planned = timetable.plan(
        [weekly_of(row, prison.zone) for row in templates],
        [ClosedDate(row.day, row.template_id) for row in closed],
        await _special(session, prison, first, last),
        first,
        last,
    )
    sources = {row.id: row for row in templates}
    ahead = [slot for slot in planned if slot.starts_at > now]
    standing = await _standing(session, prison_id, now, last)
    fitted = await _fitting(session, prison_id, ahead, sources, standing)
    wanted = {(slot.source, slot.starts_at): slot for slot in fitted}
    await _reconcile(session, standing, wanted, closed, sources)
    new = [slot for key, slot in wanted.items() if key not in standing]
    return await _add(session, prison_id, new, sources)


def weekly_of(row: TemplateRow, zone: str) -> WeeklyTemplate:
    """The row as the timetable's value."""
    run = Run(row.starts, row.minutes, row.raster, row.count, row.capacity)
    return WeeklyTemplate(
        row.id, row.weekday, run, zone, row.valid_from, row.valid_to, row.every_weeks, active=row.active
    )


async def _templates(session: Session, prison: PrisonRow) -> Sequence[TemplateRow]:
    return (await session.scalars(select(TemplateRow).where(TemplateRow.prison_id == prison.id))).all()


async def _closed(session: Session, prison_id: str, first: date, last: date) -> Sequence[ClosedDateRow]:
    query = select(ClosedDateRow).where(
        ClosedDateRow.prison_id == prison_id, ClosedDateRow.day.between(first, last)
    )
    return (await session.scalars(query)).all()


async def _special(session: Session, prison: PrisonRow, first: date, last: date) -> list[SpecialDate]:
    rows = await session.scalars(
        select(SpecialDateRow).where(
            SpecialDateRow.prison_id == prison.id, SpecialDateRow.day.between(first, last)
        )
    )
    return [
        SpecialDate(
            row.id, row.day, Run(row.starts, row.minutes, row.raster, row.count, row.capacity), prison.zone
        )
        for row in rows
    ]


async def _fitting(
    session: Session,
    prison_id: str,
    planned: Sequence[PlannedSlot],
    sources: Mapping[str, TemplateRow],
    standing: Mapping[_Key, SlotRow],
) -> list[PlannedSlot]:
    """The slots with places for no more visits than terminals are left where some are promised to what is no visit
    (a help day, a lawyer's meeting); elsewhere the timetable's number is the prison's own word."""
    if not planned:
        return []
    span = min(slot.starts_at for slot in planned), max(slot.ends_at for slot in planned)
    taken = await seating.elsewhere(session, prison_id, span)
    touched = {number for spans in taken.values() for one in spans for number in ticks(*one)}
    seats = await seating.seats(session, prison_id) if taken else []
    serving, left = {}, {}
    scarce: dict[date, set[str]] = defaultdict(set)  # terminals of times that lack one
    for slot in planned:
        if not touched.isdisjoint(ticks(slot.starts_at, slot.ends_at)):
            serving[slot] = _serving(seats, sources.get(slot.source))
            left[slot] = [one for one in serving[slot] if _free(slot, taken.get(one, ()))]
            if len(left[slot]) < len(serving[slot]):
                scarce[slot.day].update(serving[slot])
    short = [slot for slot in serving if not scarce[slot.day].isdisjoint(serving[slot])]
    rows = {slot: row.id for slot in short if (row := standing.get((slot.source, slot.starts_at)))}
    had = await _seats(session, list(rows.values()), PlaceRow.booking_id.is_not(None))
    times = [
        Time(slot.starts_at, slot.ends_at, slot.capacity, had.get(rows.get(slot, ""), 0), left[slot])
        for slot in short
    ]
    fewer = dict(zip(short, fitting(times), strict=True))
    return [replace(slot, capacity=fewer.get(slot, slot.capacity)) for slot in planned]


def _serving(seats: Iterable[Seat], source: TemplateRow | None) -> list[str]:
    """Terminals that serve visits at the template's times; `None`: a special date's, for every wing."""
    wing_id = source.wing_id if source else None
    return [
        seat.id
        for seat in seats
        if seat.use in ("", VisitKind.FAMILY) and (wing_id is None or seat.wing_id in (None, wing_id))
    ]


def _free(slot: PlannedSlot, spans: Iterable[Span]) -> bool:
    return not any(first < slot.ends_at and slot.starts_at < last for first, last in spans)


async def _standing(session: Session, prison_id: str, now: datetime, last: date) -> dict[_Key, SlotRow]:
    rows = await session.scalars(
        select(SlotRow).where(SlotRow.prison_id == prison_id, SlotRow.starts_at > now, SlotRow.day <= last)
    )
    found: dict[_Key, SlotRow] = {}
    for row in rows:
        source = row.template_id or row.special_id
        if source is not None:  # a slot by hand follows no timetable
            found[source, row.starts_at] = row
    return found


async def _reconcile(
    session: Session,
    standing: dict[_Key, SlotRow],
    wanted: dict[_Key, PlannedSlot],
    closed: Iterable[ClosedDateRow],
    sources: Mapping[str, TemplateRow],
) -> None:
    reasons = {(row.day, row.template_id): row.words for row in closed}
    seats = await _seats(session, [row.id for row in standing.values()])
    for key, row in standing.items():
        planned = wanted.get(key)
        if planned is not None:
            row.closed, row.closed_words = "", ""
            if (template := sources.get(planned.source)) is not None:
                row.audience, row.limits = template.audience, template.limits
            await _resize(session, row.id, seats.get(row.id, 0), planned.capacity)
        elif (row.day, None) in reasons:
            row.closed, row.closed_words = "prison-closed", reasons[row.day, None]
        elif (row.day, row.template_id) in reasons:
            row.closed, row.closed_words = "slot-closed", reasons[row.day, row.template_id]
        else:
            row.closed, row.closed_words = "withdrawn", ""
    await session.flush()


async def _seats(session: Session, slot_ids: Sequence[str], *which: ColumnElement[bool]) -> dict[str, int]:
    """Slot -> its places, those beyond its capacity aside."""
    rows = await session.execute(
        select(PlaceRow.slot_id, func.count())
        .where(PlaceRow.slot_id.in_(slot_ids), ~PlaceRow.extra, *which)
        .group_by(PlaceRow.slot_id)
    )
    return {row[0]: row[1] for row in rows}


async def _resize(session: Session, slot_id: str, seats: int, capacity: int) -> None:
    """Adds seats, or takes free ones away; a seat that somebody has stays."""
    if capacity > seats:
        highest = (
            await session.scalar(select(func.max(PlaceRow.seat)).where(PlaceRow.slot_id == slot_id)) or 0
        )
        rows = places.new_places(slot_id, highest + 1, highest + capacity - seats)
        await places.insert_new(session, PlaceRow, rows, PlaceRow.id)
    elif capacity < seats:
        free = select(PlaceRow.id).where(
            PlaceRow.slot_id == slot_id, PlaceRow.booking_id.is_(None), ~PlaceRow.extra
        )
        surplus = await session.scalars(free.order_by(PlaceRow.seat.desc()).limit(seats - capacity))
        await session.execute(
            delete(PlaceRow).where(PlaceRow.id.in_(surplus.all()), PlaceRow.booking_id.is_(None))
        )


async def _add(
    session: Session, prison_id: str, new: Sequence[PlannedSlot], sources: Mapping[str, TemplateRow]
) -> int:
    capacity: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for slot in new:
        slot_id = new_id("slt")
        capacity[slot_id] = slot.capacity
        template = None if slot.special else sources[slot.source]
        rows.append(
            {
                "id": slot_id,
                "prison_id": prison_id,
                "wing_id": template.wing_id if template else None,
                "template_id": None if slot.special else slot.source,
                "special_id": slot.source if slot.special else None,
                "kind": "family",
                "day": slot.day,
                "starts_at": slot.starts_at,
                "ends_at": slot.ends_at,
                "minutes": slot.minutes,
                "closed": "",
                "closed_words": "",
                "audience": template.audience if template else "",
                "limits": template.limits if template else {},
            }
        )
    added = await places.insert_new(session, SlotRow, rows, SlotRow.id)
    seats = [row for slot_id in added for row in places.new_places(slot_id, 1, capacity[slot_id])]
    await places.insert_new(session, PlaceRow, seats, PlaceRow.id)
    return len(added)
