"""When it would suit a lawyer to meet a client, and the officer's word that lets the weekly plan find the time."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core.errors import KinbridgeError, Refused
from legalaid import meeting_hours, meeting_times, meetings
from legalaid.forms import reason
from legalaid.meeting_times import Span, Time
from people.model import Identity
from people.tables import InmateRow
from web import duty
from web.deps import Svc
from web.duty import Admin, Approver, Counsel
from web.forms import Text, at_fields
from web.routes.wishes import PARTS
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
Texts = Annotated[list[str], Form()]
_DAYS = 14  # from tomorrow on


@router.get("/counsel/meetings/{meeting_id}/times")
async def form(request: Request, services: Svc, who: Counsel, meeting_id: str) -> Response:
    return await _form(request, services, who, meeting_id, {}, {})


async def _form(
    request: Request,
    services: Services,
    who: Identity,
    meeting_id: str,
    errors: Mapping[str, str],
    typed: Mapping[int, Sequence[str]],
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        row = await meetings.own(session, who, meeting_id)
        inmate = await session.get_one(InmateRow, row.inmate_id)
        on = await duty.at(session, row.prison_id)
        said = (await meeting_times.named(session, [row.id])).get(row.id, [])
        until = on.now + timedelta(days=_DAYS)
        hours = await meeting_hours.hours_of(session, row.prison_id, on.now + timedelta(days=1), until)
        spans = await meeting_times.hours(session, row.prison_id)
    parts = {one.rank: _part(one) for one in said}
    chosen = typed or {
        rank: [str(one.day) for one in said if one.rank == rank] for rank in range(meeting_times.RANKS)
    }
    return render(
        request,
        "counsel/meeting_times.html",
        status=status,
        meeting_id=meeting_id,
        inmate=inmate,
        days=list(hours.days),
        hours=_words(spans),
        chosen=chosen,
        parts=parts,
        errors=errors,
        zone=on.zone,
    )


def _part(one: Time) -> str:
    return next((name for name, span in PARTS.items() if span == (one.starts, one.ends)), "any")


@router.post("/counsel/meetings/{meeting_id}/times")
async def name(
    request: Request, services: Svc, who: Counsel, meeting_id: str,
    first: Texts = [], second: Texts = [], third: Texts = [],  # noqa: B006 - FastAPI copies
    first_part: Text = "any", second_part: Text = "any", third_part: Text = "any",
) -> Response:  # fmt: skip
    lists, parts = (first, second, third), (first_part, second_part, third_part)
    try:
        async with services.db.write() as session:
            await meeting_times.name(session, who, meeting_id, _times(lists, parts))
    except Refused as error:
        typed: dict[int, Any] = dict(enumerate(lists))
        errors = at_fields(request, error)
        return await _form(request, services, who, meeting_id, errors, typed, error.status)
    return redirect("/counsel/meetings")


def _times(lists: Sequence[Sequence[str]], parts: Sequence[str]) -> list[Time]:
    """Days ticked as first, second and third choice, each with its part of the day. Raises `Refused`."""
    try:
        return [
            Time(rank, date.fromisoformat(day), *PARTS[part])
            for rank, (days, part) in enumerate(zip(lists, parts, strict=True))
            for day in days
        ]
    except (ValueError, KeyError) as error:
        raise Refused(
            [reason("times", "invalid", "Please give days, and times that end after they begin.")]
        ) from error


@router.post("/officer/meetings/{meeting_id}/admit")
async def admit(services: Svc, who: Approver, meeting_id: str, admitted: Text = "yes") -> Response:
    async with services.db.write() as session:
        await meeting_times.admit(session, who, meeting_id, admitted=admitted == "yes")
    return redirect("/officer/meetings")


@router.post("/admin/meetings/hours")
async def set_hours(request: Request, services: Svc, who: Admin, hours: Text = "") -> Response:
    try:
        async with services.db.write() as session:
            place = await duty.of(session, who)
            await meeting_times.set_hours(session, who, place.prison.id, hours)
    except KinbridgeError as error:
        async with services.db.read() as session:
            place = await duty.of(session, who)
        return render(
            request,
            "admin/meeting_hours.html",
            status=error.status,
            prison=place.prison,
            hours=hours,
            errors=at_fields(request, error),
        )
    return redirect("/admin/meetings")


@router.get("/admin/meetings/hours")
async def hours(request: Request, services: Svc, who: Admin) -> Response:
    async with services.db.read() as session:
        place = await duty.of(session, who)
        spans = await meeting_times.hours(session, place.prison.id)
    return render(request, "admin/meeting_hours.html", prison=place.prison, hours=_words(spans), errors={})


def _words(spans: Sequence[Span]) -> str:
    return ", ".join(f"{first:%H:%M}-{last:%H:%M}" for first, last in spans)
