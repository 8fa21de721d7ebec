"""The officers' roster of a week: who supervises when, with breaks, and how many calls at once."""

from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Database
from core.errors import KinbridgeError, NotFound
from people import repository as people
from people.model import Identity, Role
from scheduler import roster
from scheduler.planning_tables import ShiftRow
from scheduler.timetable import instant
from web import duty
from web.deps import Db, Svc
from web.duty import Approver
from web.forms import Text, at_fields
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/officer/roster")
async def page(request: Request, db: Db, who: Approver, week: str = "") -> Response:
    return render(request, "officer/roster.html", **await _context(db, who, week))


async def _context(db: Database, who: Identity, week: str) -> dict[str, Any]:
    async with db.read() as session:
        on = await duty.of(session, who)
        first = _monday(week, on.today)
        days = [first + timedelta(days=n) for n in range(7)]
        rows = await roster.rows(session, on.prison.id, on.bounds(days[0])[0], on.bounds(days[-1])[1])
        staff = [one for one in await people.staff_of(session, on.prison.id) if Role.MONITOR in one.roles]
        bounds = {day: on.bounds(day) for day in days}
    return {
        "days": [
            (day, [row for row in rows if bounds[day][0] <= row.starts_at < bounds[day][1]]) for day in days
        ],
        "officers": [(one.id, one.name) for one in staff],
        "first": first,
        "before": first - timedelta(days=7),
        "after": first + timedelta(days=7),
        "zone": on.zone,
        "prison_name": on.prison.name,
        "errors": {},
        "values": {"day": str(max(first, on.today)), "starts": "08:30", "ends": "17:30", "at_once": "4"},
    }


def _monday(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    return day - timedelta(days=day.weekday())


@router.post("/officer/roster")
async def add(
    request: Request, services: Svc, who: Approver, officer: Text = "", day: Text = "", starts: Text = "",
    ends: Text = "", break_starts: Text = "", break_ends: Text = "", at_once: Text = "",
) -> Response:  # fmt: skip
    typed = {"officer": officer, "day": day, "starts": starts, "ends": ends, "break_starts": break_starts,
             "break_ends": break_ends, "at_once": at_once}  # fmt: skip
    try:
        async with services.db.write() as session:
            on = await duty.of(session, who)
            span, pause = _times(typed, on.zone)
            count = int(at_once) if at_once.isdecimal() else 0
            await roster.add_shift(session, who, officer, span, pause, count)
    except KinbridgeError as error:
        context = await _context(services.db, who, day) | {"values": typed}
        context["errors"] = at_fields(request, error)
        return render(request, "officer/roster.html", status=error.status, **context)
    return redirect(f"/officer/roster?week={day}")


def _times(
    typed: dict[str, str], zone: str
) -> tuple[tuple[datetime, datetime], tuple[datetime, datetime] | None]:
    """(shift, break) by the prison's clocks; what ends before it begins ends on the next day."""
    try:
        day = date.fromisoformat(typed["day"])
        span = _span(day, typed["starts"], typed["ends"], zone)
        if not typed["break_starts"] and not typed["break_ends"]:
            return span, None
        return span, _span(day, typed["break_starts"], typed["break_ends"], zone)
    except ValueError as error:
        raise roster.BadShift from error


def _span(day: date, starts: str, ends: str, zone: str) -> tuple[datetime, datetime]:
    first = datetime.fromisoformat(f"{day}T{starts}").time()
    last = datetime.fromisoformat(f"{day}T{ends}").time()
    end_day = day if last > first else day + timedelta(days=1)
    return instant(day, first, zone), instant(end_day, last, zone)


@router.post("/officer/roster/{shift_id}/remove")
async def remove(services: Svc, who: Approver, shift_id: str, week: Text = "") -> Response:
    async with services.db.write() as session:
        on = await duty.of(session, who)
        row = await session.get(ShiftRow, shift_id)
        if row is None or row.prison_id != on.prison.id:
            raise NotFound
        await roster.remove_shift(session, who, shift_id)
    return redirect(f"/officer/roster?week={week}")
