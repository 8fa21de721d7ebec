"""The monitoring officer's day: a board of visits that keeps itself fresh, and the call list."""

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Database, Session
from core.errors import Forbidden
from people import repository as people
from people.model import Identity, Role
from rooms import service as rooms
from scheduler import flags, roster
from scheduler import repository as scheduler
from scheduler import shifts as shifts_of
from scheduler.model import BookingState, BookingView
from web import board, duty
from web.deps import Db, Who
from web.duty import Monitor, Officer
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

# Where a member of staff begins; the first role that fits decides.
DESKS = {
    Role.MONITOR: "/officer",
    Role.APPROVER: "/approvals",
    Role.ADMIN: "/admin",
    Role.COUNSEL: "/counsel",
    Role.AUDITOR: "/audit",
}
TO_BRING = frozenset({BookingState.ASSIGNED, BookingState.CONFIRMED})


@router.get("/staff")
async def desk(who: Who) -> Response:
    """To the page of one's first role."""
    for role, path in DESKS.items():
        if role in who.roles:
            return redirect(path)
    raise Forbidden


@router.get("/officer")
async def home(request: Request, db: Db, who: Monitor) -> Response:
    return render(request, "officer/home.html", **await _board(db, who))


@router.get("/officer/board")
async def fresh_board(request: Request, db: Db, who: Monitor) -> Response:
    """The board alone, for the script that keeps the page fresh."""
    return render(request, "officer/board.html", **await _board(db, who))


async def _board(db: Database, who: Identity) -> dict[str, Any]:
    async with db.read() as session:
        on = await duty.of(session, who)
        bookings = await scheduler.on_day(session, on.prison.id, on.today)
        visits = [
            (booking, await rooms.room_of(session, booking.id))
            for booking in bookings
            if booking.state in board.SHOWN
        ]
    return {
        "rows": board.rows(visits, on.now),
        "today": on.today,
        "zone": on.zone,
        "prison_name": on.prison.name,
    }


@router.get("/officer/call-list")
async def call_list(request: Request, db: Db, who: Officer, date: str = "", wing: str = "") -> Response:
    """Whom to bring when to which terminal, on one day, by wing or of one wing; made to be printed.

    Terminals are interchangeable until call time, so their numbers stand only on the list of the day itself.
    """
    async with db.read() as session:
        on = await duty.of(session, who)
        day = _day(date) or on.today
        bookings = [
            booking
            for booking in await scheduler.on_day(session, on.prison.id, day)
            if booking.state in TO_BRING and wing in ("", booking.wing_id)
        ]
        numbers = await _numbers(session, bookings)
        watches = await _watches(session, on, day, bookings)
        flagged = {flag.booking_id for flag in await flags.open_in(session, on.prison.id)}
        wings_named = [(one.id, one.name) for one in await scheduler.wings(session, on.prison.id)]
    bookings.sort(key=lambda b: (b.wing_name, b.starts_at, b.id))
    return render(
        request,
        "officer/call_list.html",
        wings=[(name, list(group)) for name, group in groupby(bookings, key=lambda b: b.wing_name)],
        numbers=numbers,
        watches=watches,
        flagged=flagged,
        wings_named=wings_named,
        wing=wing,
        at_call_time=day != on.today,
        date=day,
        before=day - timedelta(days=1),
        after=day + timedelta(days=1),
        now=on.now,
        zone=on.zone,
        prison_name=on.prison.name,
    )


async def _watches(
    session: Session, on: duty.Duty, day: date, bookings: list[BookingView]
) -> dict[str, list[str]]:
    """Booking id -> the officers who supervise it, by the roster; empty where there is none."""
    shifts = await roster.on_duty(session, on.prison.id, *on.bounds(day))
    calls = sorted(bookings, key=lambda b: (b.starts_at, b.id))
    spans = [(b.starts_at, b.starts_at + timedelta(minutes=b.minutes)) for b in calls]
    parts = shifts_of.watches(shifts, spans)
    return {b.id: [watch.officer_name for watch in part] for b, part in zip(calls, parts, strict=True)}


async def _numbers(session: Session, bookings: list[BookingView]) -> dict[str, str]:
    """Inmate id -> number."""
    found = [await people.inmate(session, inmate_id) for inmate_id in {b.inmate_id for b in bookings}]
    return {inmate.id: inmate.number for inmate in found if inmate}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
