"""One set of weekly times: what it overlaps with, what would become of its visits if it ended, moving them."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import NotFound, Refused
from people.model import Identity
from scheduler import rehearsal, templates
from scheduler import service as scheduler
from scheduler.audience import read
from scheduler.model import BookingView
from scheduler.rehearsal import Edit, EditKind, Rehearsal
from scheduler.tables import TemplateRow
from scheduler.templates import Overlap
from web import wording
from web.deps import AtTheDoor, Svc
from web.duty import Admin, Duty
from web.forms import Text
from web.i18n import translate
from web.routes.admin import scope
from web.routes.admin.timetable import WEEKDAYS
from web.services import Services
from web.templating import redirect, render, sentence

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A set of weekly times with all that its page tells."""

    on: Duty
    row: TemplateRow
    wings: dict[str, str]
    overlaps: list[Overlap]
    booked: list[BookingView]
    others: list[TemplateRow]


async def _shown(session: Session, who: Identity, template_id: str) -> Shown:
    """Raises `NotFound` for times of a prison that is not this administrator's."""
    row = await session.get(TemplateRow, template_id)
    if row is None or not row.active or who.prison_id not in (None, row.prison_id):
        raise NotFound
    on, _ = await scope.duty_of(session, who, row.prison_id)
    return Shown(
        on,
        row,
        {wing.id: wing.name for wing in await scheduler.wings(session, row.prison_id)},
        await templates.overlapping(session, template_id),
        await templates.booked(session, template_id),
        [one for one in await templates.templates_of(session, row.prison_id) if one.id != template_id],
    )


@router.get("/admin/timetable/templates/{template_id}")
async def page(request: Request, services: Svc, visitor: AtTheDoor, who: Admin, template_id: str) -> Response:
    return await _page(request, services, who, visitor.language, template_id)


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    language: str,
    template_id: str,
    status: int = 200,
    result: Rehearsal | None = None,
    **more: Any,
) -> Response:
    async with services.db.read() as session:
        shown = await _shown(session, who, template_id)
    context = {"errors": {}, "values": {}, "refused": [], **more}
    return render(
        request,
        "admin/template.html",
        status=status,
        shown=shown,
        prison=shown.on.prison,
        zone=shown.on.zone,
        meant=read(shown.row.audience),
        title=_name(language, shown.row, shown.wings),
        others=[(one.id, _name(language, one, shown.wings)) for one in shown.others],
        result=result,
        **context,
    )


def _name(language: str, row: TemplateRow, wings: dict[str, str]) -> str:
    """Weekday, time, wing and, where it has one, its name."""
    day = translate(language, WEEKDAYS[row.weekday - 1])
    parts = [f"{day} {row.starts:%H:%M}", wings.get(row.wing_id or "", ""), row.name]
    begins = wording.day(language, row.valid_from)
    return " · ".join([*filter(None, parts), translate(language, "from {day}", {"day": begins})])


@router.post("/admin/timetable/templates/{template_id}/rehearse")
async def rehearse(
    request: Request, services: Svc, visitor: AtTheDoor, who: Admin, template_id: str
) -> Response:
    """What ending it would strand, and what these families could be offered; nothing is changed."""
    async with services.db.read() as session:
        prison_id = (await _shown(session, who, template_id)).row.prison_id
    edit = Edit(EditKind.END_TEMPLATE, template_id=template_id)
    result = await rehearsal.rehearse(services.db, who, prison_id, edit)
    return await _page(request, services, who, visitor.language, template_id, result=result)


@router.post("/admin/timetable/templates/{template_id}/move")
async def move(
    request: Request, services: Svc, visitor: AtTheDoor, who: Admin, template_id: str, target: Text = ""
) -> Response:
    """Every visit ahead goes over to the other times, or none does."""
    try:
        async with services.db.write() as session:
            await _shown(session, who, template_id)
            await templates.move_bookings(session, who.subject, template_id, target)
    except Refused as error:
        reasons = [sentence(request, reason) for reason in error.reasons]
        return await _page(
            request,
            services,
            who,
            visitor.language,
            template_id,
            error.status,
            refused=reasons,
            values={"target": target},
        )
    return redirect(f"/admin/timetable/templates/{template_id}")
