"""Weekly templates and closed dates."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from core.db import Session
from core.errors import KinbridgeError, Malformed, NotFound
from people.model import Identity
from scheduler import capacity as capacity_names
from scheduler import service as scheduler
from scheduler import templates
from scheduler.audience import Audience, read
from scheduler.tables import ClosedDateRow, TemplateRow
from web.deps import Svc
from web.duty import Admin, Duty
from web.forms import Text, at_fields
from web.i18n import N_
from web.routes.admin import scope
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

WEEKDAYS = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)


_AUDIENCE = ("include", "exclude", "categories", "levels")
_LIMITS = (capacity_names.VIDEO, capacity_names.ADULTS, capacity_names.OFFICERS)
_MORE = ("name", "valid_from", "valid_to", "every_weeks", *_AUDIENCE, *_LIMITS)


class BadField(Malformed):
    code = "bad-field"
    status = 422
    text = "Please check the numbers, dates and times you entered."


@router.get("/admin/timetable")
async def timetable(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    return await _page(request, services, who, prison)


async def _page(
    request: Request, services: Services, who: Identity, prison: str, *, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        wings = await scheduler.wings(session, on.prison.id)
        shown: dict[str, Any] = {
            "prison": on.prison,
            "prisons": prisons,
            "wings": wings,
            "wing_names": {wing.id: wing.name for wing in wings},
            "templates": [
                (row, read(row.audience)) for row in await templates.templates_of(session, on.prison.id)
            ],
            "closed": await _closed(session, on),
            "weekdays": WEEKDAYS,
            "today": on.today,
        }
    context = {
        "template_errors": {},
        "closed_errors": {},
        "values": {},
        "affected": None,
        "overlaps": None,
        **more,
    }
    return render(request, "admin/timetable.html", status=status, **shown, **context)


async def _closed(session: Session, on: Duty) -> list[ClosedDateRow]:
    rows = await session.scalars(
        select(ClosedDateRow)
        .where(ClosedDateRow.prison_id == on.prison.id, ClosedDateRow.day >= on.today)
        .order_by(ClosedDateRow.day)
    )
    return list(rows)


@router.post("/admin/timetable/templates")
async def add_template(
    request: Request,
    services: Svc,
    who: Admin,
    weekday: Text = "",
    starts: Text = "",
    count: Text = "",
    capacity: Text = "",
    wing: Text = "",
    prison: Text = "",
) -> Response:
    """The length and the pause come from the rules; slots of the present horizon are made at once. What overlaps with
    it is reported, and stands."""
    form = await request.form()
    more = {name: str(form.get(name, "")).strip() for name in _MORE}
    values = {
        "weekday": weekday,
        "starts": starts,
        "count": count,
        "capacity": capacity,
        "wing": wing,
        **more,
    }
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            template_id = await scheduler.create_template(
                session,
                who.subject,
                on.prison.id,
                weekday=_number(weekday),
                starts=_time(starts),
                count=_number(count),
                capacity=_number(capacity),
                wing_id=wing or None,
                name=more["name"],
                valid_from=_date(more["valid_from"]) if more["valid_from"] else None,
                valid_to=_date(more["valid_to"]) if more["valid_to"] else None,
                every_weeks=_number(more["every_weeks"] or "1"),
                audience=_audience(more),
                limits={name: _number(more[name]) for name in _LIMITS if more[name]},
            )
            overlaps = await templates.overlapping(session, template_id)
    except KinbridgeError as error:
        errors = at_fields(request, error)
        return await _page(
            request, services, who, prison, status=error.status, template_errors=errors, values=values
        )
    if overlaps:
        return await _page(request, services, who, on.prison.id, overlaps=overlaps)
    return redirect(f"/admin/timetable?prison={on.prison.id}")


def _audience(typed: Mapping[str, str]) -> Audience:
    include, exclude, categories, levels = (_names(typed[name]) for name in _AUDIENCE)
    return Audience(include, exclude, categories, levels)


def _names(text: str) -> tuple[str, ...]:
    """Names with commas between, of either kind."""
    return tuple(name for part in text.replace("，", ",").split(",") if (name := part.strip()))


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:
        raise BadField
    return int(text)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise BadField from error


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadField from error


@router.post("/admin/timetable/templates/{template_id}/end")
async def end_template(services: Svc, who: Admin, template_id: str) -> Response:
    """No more slots from it; what is booked stays."""
    async with services.db.write() as session:
        row = await session.get(TemplateRow, template_id)
        if row is None or who.prison_id not in (None, row.prison_id):
            raise NotFound
        await scheduler.end_template(session, who.subject, template_id)
    return redirect(f"/admin/timetable?prison={row.prison_id}")


@router.post("/admin/timetable/closed")
async def close(
    request: Request, services: Svc, who: Admin, day: Text = "", words: Text = "", prison: Text = ""
) -> Response:
    """Nothing is cancelled by it: the visits of that day are shown, for an officer to decide on each."""
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            affected = await scheduler.close_date(
                session, who.subject, on.prison.id, _date(day), words.strip()[:200]
            )
    except KinbridgeError as error:
        errors, values = at_fields(request, error), {"day": day, "words": words}
        return await _page(
            request, services, who, prison, status=error.status, closed_errors=errors, values=values
        )
    if affected:
        return await _page(request, services, who, on.prison.id, affected=affected)
    return redirect(f"/admin/timetable?prison={on.prison.id}")


@router.post("/admin/timetable/closed/{closed_id}/reopen")
async def reopen(services: Svc, who: Admin, closed_id: str) -> Response:
    async with services.db.write() as session:
        row = await session.get(ClosedDateRow, closed_id)
        if row is None or who.prison_id not in (None, row.prison_id):
            raise NotFound
        await scheduler.reopen_date(session, who.subject, row.prison_id, row.day, row.template_id)
    return redirect(f"/admin/timetable?prison={row.prison_id}")
