"""Terminals: where they stand, whether their browser is enrolled, the code to enrol it, the way to shut it out."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import KinbridgeError, NotFound
from people import repository as people
from people import terminals as devices
from people.forms import clean, name_problems, raise_all
from people.model import Device, DeviceState, Identity
from scheduler import service as scheduler
from scheduler.model import Terminal
from web.deps import Svc
from web.duty import Admin
from web.forms import Text, at_fields
from web.i18n import N_
from web.lights import Light, Tone
from web.routes.admin import scope
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

LIGHTS: dict[DeviceState | None, Light] = {
    None: Light(Tone.GREY, N_("Not enrolled")),
    DeviceState.INVITED: Light(Tone.YELLOW, N_("Code made, not used yet")),
    DeviceState.ENROLLED: Light(Tone.GREEN, N_("Enrolled")),
    DeviceState.REVOKED: Light(Tone.RED, N_("Shut out")),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A terminal and its browser."""

    terminal: Terminal
    device: Device | None

    @property
    def light(self) -> Light:
        return LIGHTS[self.device.state if self.device else None]


@router.get("/admin/terminals")
async def terminals(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    return await _page(request, services, who, prison)


async def _page(
    request: Request, services: Services, who: Identity, prison: str, *, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        wings = await scheduler.wings(session, on.prison.id)
        known = {device.id: device for device in await people.devices_of(session, on.prison.id)}
        found = await scheduler.terminals(session, on.prison.id)
    context = {"errors": {}, "values": {}, "code": "", "code_for": "", **more}
    return render(
        request,
        "admin/terminals.html",
        status=status,
        prison=on.prison,
        prisons=prisons,
        wings=wings,
        wing_names={wing.id: wing.name for wing in wings},
        standing=[Standing(terminal, known.get(terminal.device_id or "")) for terminal in found],
        address=f"{services.settings.public_url}/terminal",
        **context,
    )


@router.post("/admin/terminals")
async def add(
    request: Request,
    services: Svc,
    who: Admin,
    name: Text = "",
    wing: Text = "",
    room: Text = "",
    prison: Text = "",
) -> Response:
    try:
        raise_all(name_problems("name", name))
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            await scheduler.create_terminal(
                session, who.subject, on.prison.id, wing or None, clean(name), room=clean(room)[:60] or None
            )
    except KinbridgeError as error:
        errors = {"name": " ".join(at_fields(request, error).values())}
        return await _page(
            request,
            services,
            who,
            prison,
            status=error.status,
            errors=errors,
            values={"name": name, "wing": wing, "room": room},
        )
    return redirect(f"/admin/terminals?prison={on.prison.id}")


async def _theirs(session: Session, who: Identity, terminal_id: str) -> Terminal:
    terminal = await scheduler.terminal(session, terminal_id)
    if terminal is None or who.prison_id not in (None, terminal.prison_id):
        raise NotFound
    return terminal


@router.post("/admin/terminals/{terminal_id}/code")
async def make_code(request: Request, services: Svc, who: Admin, terminal_id: str) -> Response:
    """A new code, shown on this one page. The browser that stood there before is shut out."""
    async with services.db.write() as session:
        terminal = await _theirs(session, who, terminal_id)
        if terminal.device_id is not None:
            await devices.revoke_device(session, services.means, who, terminal.device_id)
        invitation = await devices.invite_device(session, who, terminal.prison_id, terminal.name)
        await session.flush()
        await scheduler.link_device(session, who.subject, terminal.id, invitation.device_id)
    return await _page(
        request, services, who, terminal.prison_id, code=invitation.code, code_for=terminal.name
    )


@router.post("/admin/terminals/{terminal_id}/revoke")
async def revoke(services: Svc, who: Admin, terminal_id: str) -> Response:
    async with services.db.write() as session:
        terminal = await _theirs(session, who, terminal_id)
        if terminal.device_id is None:
            raise NotFound
        await devices.revoke_device(session, services.means, who, terminal.device_id)
    return redirect(f"/admin/terminals?prison={terminal.prison_id}")


@router.post("/admin/terminals/{terminal_id}/switch")
async def switch(services: Svc, who: Admin, terminal_id: str) -> Response:
    """Out of order, or in use again: placement leaves it out while it is off."""
    async with services.db.write() as session:
        terminal = await _theirs(session, who, terminal_id)
        await scheduler.set_terminal_active(session, who.subject, terminal.id, active=not terminal.active)
    return redirect(f"/admin/terminals?prison={terminal.prison_id}")
