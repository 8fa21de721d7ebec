"""The coming weeks of a prison as a rehearsal gives them out: the times of its timetable, when lawyers' meetings may
begin, and what runs out: terminals of each class, officers on the roster, less the terminals that help days take.

What is booked or arranged already is left out: it is part of the demand that is simulated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core import clock
from core.db import Session
from scheduler import befalling, repository, roster, seating
from scheduler.happenings import Happening, Kind
from scheduler.meetings import Meetings, Usual, call_of
from scheduler.model import VisitKind
from scheduler.openings import Call, Supply
from scheduler.seating import Seat
from scheduler.simulation import Beginning, Lawyers, Time
from scheduler.tables import PlaceRow, PrisonRow, SlotRow

WEEKS = 4
_SHUTTING = frozenset({Kind.LOCKDOWN, Kind.DATE_CLOSED})
_MOSTLY = 0.5  # share of watched meetings from which on one is taken to be watched


@dataclass(frozen=True, slots=True)
class Weeks:
    """`capacity`: of what times and beginnings take."""

    times: tuple[Time, ...] = ()
    lawyers: Lawyers = field(default_factory=Lawyers)
    capacity: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Slot:
    row: SlotRow
    places: int


async def read(session: Session, prison_id: str, meetings: Meetings) -> Weeks:
    """As the prison stands in this session."""
    now = clock.now()
    until = now + timedelta(weeks=WEEKS)
    slots = await _slots(session, prison_id, now, until)
    usual = await meetings.usual(session, prison_id, now, until)
    zone = ZoneInfo((await session.get_one(PrisonRow, prison_id)).zone)
    supply = Supply(
        tuple(_without(await seating.seats(session, prison_id), usual)),
        tuple(await roster.on_duty(session, prison_id, now, until)),
        (),
        zone,
    )
    begins = [*(slot.row.starts_at for slot in slots), *usual.beginnings]
    house = _House(
        now,
        zone,
        tuple(wing.id for wing in await repository.wings(session, prison_id)),
        tuple(one for one in await befalling.open_in(session, prison_id) if one.kind in _SHUTTING),
        supply,
        tuple(supply.moments(begins)),
    )
    return Weeks(
        tuple(house.time(slot.row, slot.places) for slot in slots),
        Lawyers(usual.weekly, usual.lawyers, house.beginnings(usual)),
        supply.capacities(house.at),
    )


async def _slots(session: Session, prison_id: str, first: datetime, last: datetime) -> list[_Slot]:
    """The open slots, each with its places."""
    rows = await session.execute(
        select(SlotRow, func.count(PlaceRow.id))
        .outerjoin(PlaceRow, PlaceRow.slot_id == SlotRow.id)
        .where(SlotRow.prison_id == prison_id, SlotRow.closed == "", SlotRow.starts_at.between(first, last))
        .group_by(SlotRow.id)
        .order_by(SlotRow.starts_at, SlotRow.id)
    )
    return [_Slot(row, places) for row, places in rows]


@dataclass(frozen=True, slots=True)
class _House:
    """`wings`: ids; `shut`: what keeps time closed; `at`: moments at which something may run out."""

    now: datetime
    zone: ZoneInfo
    wings: tuple[str, ...]
    shut: tuple[Happening, ...]
    supply: Supply
    at: tuple[datetime, ...]

    def time(self, row: SlotRow, places: int) -> Time:
        span = (row.starts_at, row.ends_at)
        usable = sum(
            seat.usable(span)
            and seat.use in ("", VisitKind.FAMILY)
            and (row.wing_id is None or seat.wing_id in (None, row.wing_id))
            for seat in self.supply.seats
        )
        talk_ends = row.starts_at + timedelta(minutes=row.minutes)
        wings = (row.wing_id,) if row.wing_id else self.wings
        takes = self._takes(Call(*span, talk_ends, wing) for wing in wings)
        left = 0 if self._shut(*span, row.wing_id or "") else min(places, usable)
        return Time(row.id, row.wing_id or "", self._week(row.starts_at), row.day, left, takes)

    def beginnings(self, usual: Usual) -> tuple[Beginning, ...]:
        """When a lawyer's meeting of the usual length may begin."""
        watched = usual.watched >= _MOSTLY
        found = []
        for begin in usual.beginnings:
            ends = begin + timedelta(minutes=usual.minutes)
            if not self._shut(begin, ends, ""):
                moments = tuple(one.isoformat() for one in self.at if begin <= one < ends)
                takes = self._takes(
                    call_of(begin, usual.minutes, wing, watched=watched) for wing in self.wings
                )
                day = begin.astimezone(self.zone).date()
                found.append(Beginning(self._week(begin), day, moments, takes))
        return tuple(found)

    def _week(self, at: datetime) -> int:
        return (at - self.now).days // 7

    def _takes(self, calls: Iterable[Call]) -> tuple[tuple[str, ...], ...]:
        """What the call takes, once for each class of terminals that it, or one of its likes, may have."""
        found = {
            kept: tuple(rows) for call in calls for kept, rows in self.supply.ways(call, self.at).items()
        }
        return tuple(found.values())

    def _shut(self, first: datetime, last: datetime, wing_id: str) -> bool:
        return any(
            one.wing_id in (None, wing_id)
            and (one.ends_at is None or first < one.ends_at)
            and last > one.starts_at
            for one in self.shut
        )


def _without(seats: Iterable[Seat], usual: Usual) -> list[Seat]:
    """The terminals, each out of use while it is kept for a help day."""
    return [
        replace(
            seat,
            out=(*seat.out, *((first, last) for first, last, kept in usual.help_days if kept == seat.id)),
        )
        for seat in seats
    ]
