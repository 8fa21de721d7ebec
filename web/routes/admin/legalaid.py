"""Legal aid for the administrator: figures and lights without any text, and what must be set up."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core import clock
from core.errors import KinbridgeError, Malformed, NotFound
from legalaid import day_terminals, repository, service, setup
from legalaid.days import materialise
from legalaid.model import DeskKind, Tier
from legalaid.setup import TemplateForm, seat_at_desk
from legalaid.tables import HelpDayTemplateRow
from legalaid.venue import AREA_MAX
from people import repository as people
from people.model import Identity, StaffKind
from scheduler import service as scheduler
from web.deps import Svc
from web.duty import Admin
from web.forms import at_fields
from web.i18n import N_
from web.routes.admin import scope
from web.routes.ask import page as with_tables
from web.services import Services
from web.templating import redirect

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
Many = Annotated[list[str] | None, Form()]
PAGE = "/admin/legal"
_SHOWN = timedelta(days=90)
KINDS = {
    DeskKind.STATION: N_("Legal-aid station"),
    DeskKind.CENTRE: N_("Legal-aid centre"),
    DeskKind.BUREAU: N_("Bureau of justice"),
    DeskKind.WELFARE: N_("Welfare: civil affairs, schools, health"),
    DeskKind.MEDIATION: N_("Mediation desk"),
    DeskKind.COUNSELLING: N_("Counselling desk"),
    DeskKind.OFFICE: N_("Visits office"),
    DeskKind.SUPERIOR: N_("Desk above"),
    DeskKind.DISCIPLINE: N_("Discipline"),
}
TIERS = {
    Tier.VILLAGE: N_("Village"),
    Tier.TOWN: N_("Town"),
    Tier.COUNTY: N_("County"),
    Tier.CITY: N_("City"),
}
WEEKDAYS = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)


@router.get(PAGE)
async def overview(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    return await _page(request, services, who, prison)


async def _page(
    request: Request, services: Services, who: Identity, prison: str, *, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        report = await service.report(session, who, on.prison.id, clock.now() - _SHOWN)
        lines = await service.board(session, who, on.prison.id)
        desks = await repository.desks(session, on.prison.id)
        lawyers = await repository.lawyers(session, on.prison.id)
        accounts = [
            one for one in await people.staff_of(session, on.prison.id) if one.kind is StaffKind.COUNSEL
        ]
        terminals = await day_terminals.names(session, on.prison.id)
    context = {"errors": {}, "values": {}, "wrong": "", **more}
    return with_tables(
        request,
        "admin/legalaid.html",
        status=status,
        prison=on.prison,
        prisons=prisons,
        report=report,
        lines=lines,
        desks=desks,
        desk_names={desk.id: desk.name for desk in desks},
        stations=[desk for desk in desks if desk.kind is DeskKind.STATION],
        lawyers=lawyers,
        accounts=accounts,
        terminals=terminals,
        kinds=KINDS,
        tiers=TIERS,
        area_max=AREA_MAX,
        weekdays=WEEKDAYS,
        **context,
    )


async def _again(
    request: Request, services: Services, who: Identity, prison: str, wrong: str, error: KinbridgeError
) -> Response:
    """`wrong`: the form that was not taken."""
    errors = at_fields(request, error)
    return await _page(request, services, who, prison, status=error.status, wrong=wrong, errors=errors)


@router.post(f"{PAGE}/desks")
async def add_desk(
    request: Request,
    services: Svc,
    who: Admin,
    prison: Text = "",
    name: Text = "",
    kind: Text = "",
    phone: Text = "",
    superior_id: Text = "",
    tier: Text = "",
    area: Text = "",
) -> Response:
    above = superior_id or None
    try:
        async with services.db.write() as session:
            await service.create_desk(session, who, prison, name, kind, phone, above, tier, area)
    except KinbridgeError as error:
        return await _again(request, services, who, prison, "desk", error)
    return redirect(f"{PAGE}?prison={prison}")


@router.post(f"{PAGE}/areas")
async def set_area(
    services: Svc, who: Admin, prison: Text = "", desk_id: Text = "", area: Text = ""
) -> Response:
    """Which places a desk serves: matters find their centre by it."""
    async with services.db.write() as session:
        await setup.set_area(session, who, desk_id, area)
    return redirect(f"{PAGE}?prison={prison}")


@router.post(f"{PAGE}/lawyers")
async def add_lawyer(
    request: Request,
    services: Svc,
    who: Admin,
    prison: Text = "",
    staff_id: Text = "",
    station_id: Text = "",
    topics: Many = None,
    languages: Many = None,
) -> Response:
    chosen = tuple(topics or ()), tuple(languages or ())
    try:
        async with services.db.write() as session:
            await service.add_lawyer(session, who, staff_id, station_id, *chosen)
    except KinbridgeError as error:
        return await _again(request, services, who, prison, "lawyer", error)
    return redirect(f"{PAGE}?prison={prison}")


@router.post(f"{PAGE}/seats")
async def seat(
    services: Svc, who: Admin, prison: Text = "", staff_id: Text = "", desk_id: Text = ""
) -> Response:
    async with services.db.write() as session:
        await seat_at_desk(session, who, staff_id, desk_id)
    return redirect(f"{PAGE}?prison={prison}")


class BadTime(Malformed):
    code = "bad-time"
    text = "Please enter the time and the numbers as in 09:00, 180, 4, 15."
    status = 422


@router.post(f"{PAGE}/days")
async def add_day(
    request: Request,
    services: Svc,
    who: Admin,
    prison: Text = "",
    station_id: Text = "",
    weekday: Text = "",
    starts: Text = "",
    minutes: Text = "",
    rooms: Text = "",
    turn_minutes: Text = "",
    roster: Many = None,
    day_topics: Many = None,
    day_languages: Many = None,
    terminals: Many = None,
) -> Response:
    try:
        form = replace(
            _day_form(weekday, starts, minutes, rooms, turn_minutes, tuple(roster or ())),
            topics=tuple(day_topics or ()),
            languages=tuple(day_languages or ()),
            terminals=tuple(terminals or ()),
        )
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            template_id = await service.create_template(session, who, station_id, form)
            await materialise(session, await session.get_one(HelpDayTemplateRow, template_id))
            await scheduler.materialise(session, on.prison.id)  # families' places give way at once
    except KinbridgeError as error:
        return await _again(request, services, who, prison, "day", error)
    return redirect(f"{PAGE}?prison={prison}")


def _day_form(
    weekday: str, starts: str, minutes: str, rooms: str, turn_minutes: str, roster: tuple[str, ...]
) -> TemplateForm:
    try:
        return TemplateForm(
            int(weekday), time.fromisoformat(starts), int(minutes), int(rooms), int(turn_minutes), roster
        )
    except ValueError as error:
        raise BadTime from error


@router.post(f"{PAGE}/codes")
async def take_code_away(
    request: Request, services: Svc, who: Admin, prison: Text = "", number: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await service.reset(session, who, prison, number)
    except NotFound as error:
        return await _again(request, services, who, prison, "code", error)
    return redirect(f"{PAGE}?prison={prison}")
