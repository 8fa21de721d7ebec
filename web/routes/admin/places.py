"""The prison and its wings."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import KinbridgeError, NotFound
from people import repository as people
from people.forms import clean, name_problems, raise_all
from people.model import Identity
from scheduler import booths
from scheduler import service as scheduler
from scheduler.setup import NoHelpPhone
from web.deps import Svc
from web.duty import Admin
from web.forms import Text, at_fields
from web.routes.admin import scope
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/admin/places")
async def places(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    return await _page(request, services, who, prison, {})


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    prison: str,
    errors: dict[str, str],
    status: int = 200,
    typed: str = "",
    booth: dict[str, str] | None = None,
    phone: str | None = None,
) -> Response:
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        wings = await scheduler.wings(session, on.prison.id)
        terminals = await scheduler.terminals(session, on.prison.id)
        inmates = await people.inmates_by_wing(session, on.prison.id)
        outside = await booths.of_prison(session, on.prison.id)
        lent = await booths.lent_to(session, [one.id for one in outside])
        names = {one.id: one.name for one in await scheduler.prisons(session)}
    return render(
        request,
        "admin/places.html",
        status=status,
        prison=on.prison,
        prisons=prisons,
        wings=[
            (
                wing,
                sum(terminal.wing_id == wing.id for terminal in terminals),
                inmates.get(wing.id, 0),
            )
            for wing in wings
        ],
        errors=errors,
        typed=typed,
        booths=[(one, lent.get(one.id, [])) for one in outside],
        names=names,
        booth=booth or {},
        phone=on.prison.help_phone if phone is None else phone,
    )


@router.post("/admin/places/phone")
async def set_phone(
    request: Request, services: Svc, who: Admin, phone: Text = "", prison: Text = ""
) -> Response:
    """Whom this prison's families may call."""
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            await scheduler.set_help_phone(session, who.subject, on.prison.id, clean(phone))
    except NoHelpPhone as error:
        said = {"phone": " ".join(at_fields(request, error).values())}
        return await _page(request, services, who, prison, said, error.status, phone=clean(phone))
    return redirect(f"/admin/places?prison={on.prison.id}")


@router.post("/admin/places/wings")
async def add_wing(
    request: Request, services: Svc, who: Admin, name: Text = "", prison: Text = ""
) -> Response:
    try:
        raise_all(name_problems("name", name))
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            await scheduler.create_wing(session, who.subject, on.prison.id, clean(name))
    except KinbridgeError as error:
        return await _page(request, services, who, prison, _at_name(request, error), error.status, name)
    return redirect(f"/admin/places?prison={on.prison.id}")


@router.post("/admin/places/booths")
async def add_booth(
    request: Request,
    services: Svc,
    who: Admin,
    booth: Text = "",
    place: Text = "",
    seats: Text = "",
    prison: Text = "",
) -> Response:
    """A place where families sit who have no device; the same name again changes it."""
    count = int(seats) if seats.isdecimal() and len(seats) < 4 else 0
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            await booths.create(session, who.subject, on.prison.id, booth, place, count)
    except KinbridgeError as error:
        typed = {"booth": booth, "place": place, "seats": seats}
        errors = {"booth": " ".join(at_fields(request, error).values())}
        return await _page(request, services, who, prison, errors, error.status, booth=typed)
    return redirect(f"/admin/places?prison={on.prison.id}")


@router.post("/admin/places/booths/{booth_id}/close")
async def close_booth(services: Svc, who: Admin, booth_id: str, prison: Text = "") -> Response:
    async with services.db.write() as session:
        on, _ = await scope.duty_of(session, who, prison)
        await booths.close(session, who.subject, on.prison.id, booth_id)
    return redirect(f"/admin/places?prison={on.prison.id}")


@router.post("/admin/places/booths/{booth_id}/lend")
async def lend_booth(
    services: Svc, who: Admin, booth_id: str, prison: Text = "", other: Text = "", back: Text = ""
) -> Response:
    """Whoever looks after several prisons lets another one's families sit in a booth, or (`back`) no longer."""
    async with services.db.write() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        if not {on.prison.id, other} <= {one.id for one in prisons}:
            raise NotFound
        await (booths.take_back if back else booths.lend)(session, who.subject, booth_id, other)
    return redirect(f"/admin/places?prison={on.prison.id}")


def _at_name(request: Request, error: KinbridgeError) -> dict[str, str]:
    """The form has one field: whatever is wrong is wrong there."""
    return {"name": " ".join(at_fields(request, error).values())}
