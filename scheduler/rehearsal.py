"""A change tried out before it is made: which visits it would strand, which other times those could be offered, and how
weeks of seeded demand would go with it and without it.

The change is really made, in a transaction that is rolled back whatever happens: what is shown is what the product
would do, and nothing stays of it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum

from sqlalchemy import select

from core import clock
from core.db import Database, Session
from core.errors import Malformed, NotFound
from core.ids import SYSTEM
from people.model import Identity
from policy.tables import PolicyRow
from scheduler import befalling, flags, offering, rejudging, repository, setup, simulation, weeks
from scheduler.access import DECIDERS, require
from scheduler.happenings import Happening, Kind
from scheduler.meetings import Meetings, NoMeetings, OutOfUse
from scheduler.model import OPEN_STATES, BookingState, BookingView
from scheduler.offering import Found
from scheduler.simulation import Demand, Figures, Lawyers
from scheduler.tables import BookingRow, SlotRow, TemplateRow
from scheduler.timetable import instant
from scheduler.weeks import WEEKS, Weeks

NO_MEETINGS = NoMeetings()
_LOAD = 1.1  # of the places there are now: how many wish for one
_BATCH = 200  # bookings that are looked at


class EditKind(StrEnum):
    CLOSE_DAY = "close-day"
    END_TEMPLATE = "end-template"
    TERMINAL_OUT = "terminal-out"
    LOCKDOWN = "lockdown"


class BadEdit(Malformed):
    code = "bad-edit"
    text = "Please choose what is to change and fill in what belongs to it."
    status = 422


@dataclass(frozen=True, slots=True)
class Edit:
    """`first` and `last`: days, both included, of a lockdown or a terminal that is out."""

    kind: EditKind
    day: date | None = None
    last: date | None = None
    template_id: str = ""
    terminal_id: str = ""
    wing_id: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`stranded`: visits that could not take place, each with the time it could be offered, or why none. `meetings`
    and `turns`: of lawyers, that lie in time that would be out of use."""

    stranded: tuple[Found, ...]
    before: Figures
    after: Figures
    meetings: int = 0
    turns: int = 0

    @property
    def offered(self) -> int:
        return sum(found.slot is not None for found in self.stranded)


class _RolledBackError(Exception):
    """Ends the transaction; never leaves this module."""


async def rehearse(
    db: Database, actor: Identity, prison_id: str, edit: Edit, seed: int = 1, meetings: Meetings = NO_MEETINGS
) -> Rehearsal:
    """Tries the change out. Raises `BadEdit`, `NotFound`, and what the change itself would raise."""
    require(actor, prison_id, DECIDERS)
    async with db.read() as session:
        before = await weeks.read(session, prison_id, meetings)
        out = await _out_of_use(session, prison_id, edit)
        held, turns = (0, 0) if out is None else await meetings.touched(session, prison_id, out)
    stranded, after = await _tried(db, actor, prison_id, edit, meetings)
    demand = _demand(before)
    figures = [
        await asyncio.to_thread(simulation.simulate, one.times, demand(one), WEEKS, seed, one.capacity)
        for one in (before, after)
    ]
    return Rehearsal(tuple(stranded), figures[0], figures[1], held, turns)


async def rehearse_rules(db: Database, policy_id: str) -> list[Found]:
    """Which visits a proposed version of the rules would strand, and what their families could be offered by it, as
    if it held from now on. Raises `NotFound`, and what approving it would raise."""
    stranded: list[Found] = []
    with contextlib.suppress(_RolledBackError):
        async with db.write() as session:
            effects = await rejudging.approve(session, SYSTEM, policy_id)
            row = await session.get_one(PolicyRow, policy_id)
            row.valid_from = min(row.valid_from, clock.now())  # offers are looked for by the new rules
            await session.flush()
            stranded = await _offers(session, [effect.booking for effect in effects])
            raise _RolledBackError
    return stranded


async def _offers(session: Session, views: Sequence[BookingView]) -> list[Found]:
    """Other times for these visits, prison by prison: a change may be the province's."""
    found = []
    for prison_id in sorted({view.prison_id for view in views}):
        there = [view for view in views if view.prison_id == prison_id]
        found += await offering.work_out(session, there[:_BATCH])
    return sorted(found, key=lambda one: one.view.starts_at)


async def _tried(
    db: Database, actor: Identity, prison_id: str, edit: Edit, meetings: Meetings
) -> tuple[list[Found], Weeks]:
    """What the change strands, and the weeks there would be; rolled back."""
    stranded: list[Found] = []
    after = Weeks()
    with contextlib.suppress(_RolledBackError):
        async with db.write() as session:
            views = await _make(session, actor, prison_id, edit)
            stranded = await _offers(session, views)
            after = await weeks.read(session, prison_id, meetings)
            raise _RolledBackError
    return stranded, after


async def _out_of_use(session: Session, prison_id: str, edit: Edit) -> OutOfUse | None:
    """The time that the change takes away, where it takes away any by itself."""
    prison = await repository.prison(session, prison_id)
    if prison is None or edit.day is None or edit.kind is EditKind.END_TEMPLATE:
        return None
    last = edit.day if edit.kind is EditKind.CLOSE_DAY else edit.last or edit.day
    return OutOfUse(
        instant(edit.day, time(), prison.zone),
        instant(last + timedelta(days=1), time(), prison.zone),
        edit.wing_id if edit.kind is EditKind.LOCKDOWN else "",
        edit.terminal_id if edit.kind is EditKind.TERMINAL_OUT else "",
    )


async def _make(session: Session, actor: Identity, prison_id: str, edit: Edit) -> list[BookingView]:
    """Makes the change; answers the visits that it strands."""
    prison = await repository.prison(session, prison_id)
    if prison is None:
        raise NotFound
    if edit.kind is EditKind.END_TEMPLATE:
        return await _end_template(session, actor, prison_id, edit.template_id)
    if edit.day is None or (edit.kind is EditKind.TERMINAL_OUT and not edit.terminal_id):
        raise BadEdit
    before = {flag.id for flag in await flags.open_in(session, prison_id)}
    if edit.kind is EditKind.CLOSE_DAY:
        await befalling.close_date(session, actor.subject, prison_id, edit.day, "-")
    else:
        await befalling.report(session, actor, _happening(prison_id, prison.zone, edit.day, edit))
    mine = {flag.booking_id for flag in await flags.open_in(session, prison_id) if flag.id not in before}
    return [await repository.get(session, booking_id) for booking_id in sorted(mine)]


def _happening(prison_id: str, zone: str, day: date, edit: Edit) -> Happening:
    first = instant(day, time(), zone)
    last = instant((edit.last or day) + timedelta(days=1), time(), zone)
    if edit.kind is EditKind.LOCKDOWN:
        return Happening("", prison_id, Kind.LOCKDOWN, first, last, wing_id=edit.wing_id or None)
    return Happening("", prison_id, Kind.TERMINAL_BROKEN, first, last, terminal_id=edit.terminal_id or None)


async def _end_template(
    session: Session, actor: Identity, prison_id: str, template_id: str
) -> list[BookingView]:
    if not template_id:
        raise BadEdit
    row = await session.get(TemplateRow, template_id)
    if row is None or row.prison_id != prison_id:
        raise NotFound
    await setup.end_template(session, actor.subject, template_id)
    slots = select(SlotRow.id).where(SlotRow.template_id == template_id)
    return await repository.views(
        session,
        BookingRow.slot_id.in_(slots),
        BookingRow.state.in_(OPEN_STATES - {BookingState.HELD}),
        BookingRow.starts_at > clock.now(),
    )


def _demand(before: Weeks) -> Callable[[Weeks], Demand]:
    """The same for both columns: a little more wishes of each wing than it has places now, and as many lawyers'
    requests as usual; only when these may begin is of the weeks themselves."""
    places: dict[str, int] = {}
    for one in before.times:
        places[one.wing] = places.get(one.wing, 0) + one.places
    families = {wing: max(1, round(_LOAD * count / WEEKS)) for wing, count in places.items()}
    weekly, number = before.lawyers.weekly, before.lawyers.number
    return lambda one: Demand(families, Lawyers(weekly, number, one.lawyers.beginnings))
