"""Years of working days: what is known, what is missing, and a new year entered by one and approved by another."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from starlette.responses import Response

from core.errors import Reason, Refused
from legalaid import recounting
from people.model import Identity
from policy import calendar, horizon, year_text, years
from policy.service import SamePerson
from web.deps import Svc
from web.duty import Admin
from web.forms import Text, at_fields
from web.routes.admin import scope
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
BYTES_MAX = 64 * 1024


@router.get("/admin/years")
async def page(
    request: Request,
    services: Svc,
    who: Admin,
    year: str = "",
    counted: str = "",
    chosen: Annotated[str, Query(alias="calendar")] = "",
) -> Response:
    values = {"calendar": chosen, "year": year}
    return await _page(request, services, who, values, counted=counted)


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    values: dict[str, str],
    *,
    errors: dict[str, str] | None = None,
    lines: list[tuple[int, str]] | None = None,
    counted: str = "",
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        entries = await years.listed(session)
        on, _ = await scope.duty_of(session, who)
    return render(
        request,
        "admin/years.html",
        status=status,
        calendars=[(name, _known(name)) for name in calendar.names()],
        gaps=[gap for name in calendar.names() for gap in horizon.gaps(calendar.load(name), on.today)],
        entries=entries,
        me=who.subject,
        values=values,
        errors=errors or {},
        lines=lines or [],
        findings=year_text.FINDINGS,
        counted=int(counted) if counted.isdecimal() else None,
        bytes_max=BYTES_MAX,
        zone=on.zone,
    )


def _known(name: str) -> list[tuple[int, calendar.YearTable]]:
    return sorted((calendar.load(name).years or {}).items(), reverse=True)


@router.post("/admin/years")
async def enter(
    request: Request,
    services: Svc,
    who: Admin,
    calendar_name: Annotated[str, Form(alias="calendar")] = "",
    year: Text = "",
    days: Text = "",
    source: Text = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """The days come as a file or typed; typed ones are added to those of the file."""
    values = {"calendar": calendar_name, "year": year, "days": days, "source": source}
    try:
        text = await _text(file) + days
        number = int(year) if year.isdecimal() and len(year) == 4 else 0
        async with services.db.write() as session:
            await years.enter(session, who.subject, calendar_name, number, text, source)
    except Refused as error:
        lines = [(int(r.params["line"]), r.code) for r in error.reasons if "line" in r.params]
        fields = [r for r in error.reasons if "line" not in r.params]
        errors = at_fields(request, Refused(fields)) if fields else {}
        return await _page(request, services, who, values, errors=errors, lines=lines, status=422)
    return redirect("/admin/years")


async def _text(file: UploadFile | None) -> str:
    """Raises `Refused` for what is no text."""
    data = await file.read(BYTES_MAX + 1) if file else b""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding) + "\n" if len(data) <= BYTES_MAX else _no_text()
        except UnicodeDecodeError:
            continue
    return _no_text()


def _no_text() -> str:
    raise Refused([Reason("file-invalid", "The file is no text, or larger than 64 kB.", {"field": "file"})])


@router.post("/admin/years/{entry_id}/approve")
async def approve(request: Request, services: Svc, who: Admin, entry_id: str) -> Response:
    """Puts the year in force; deadlines that were reckoned with other days of it are reckoned again."""
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who)
            before = calendar.supposed(await years.in_force(session))
            await years.approve(session, who.subject, entry_id, on.today)
            after = calendar.supposed(await years.in_force(session))
            changed = await recounting.recount(session, who.subject, before, after)
    except (years.PastDays, SamePerson) as error:
        errors = at_fields(request, error)
        return await _page(request, services, who, {}, errors=errors, status=error.status)
    await years.refresh(services.db)
    return redirect(f"/admin/years?counted={changed}")


@router.post("/admin/years/{entry_id}/drop")
async def drop(services: Svc, who: Admin, entry_id: str) -> Response:
    async with services.db.write() as session:
        await years.drop(session, who.subject, entry_id)
    return redirect("/admin/years")
