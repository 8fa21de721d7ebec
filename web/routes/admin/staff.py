"""Staff accounts: inviting, shutting, inviting anew, ending sessions."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import KinbridgeError, NotFound
from core.ids import Ref
from people import repository as people
from people import sessions
from people import staff as accounts
from people.forms import StaffForm
from people.model import STAFF_ROLES, Identity, Role, StaffKind
from web.deps import Svc
from web.duty import Admin
from web.forms import Many, Text, at_fields
from web.i18n import N_
from web.routes.admin import scope
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

KINDS: dict[StaffKind, str] = {
    StaffKind.OFFICER: N_("Officer"),
    StaffKind.COUNSEL: N_("Lawyer"),
    StaffKind.ADMIN: N_("Administrator"),
    StaffKind.AUDITOR: N_("Resident procurator"),
}
ROLES: dict[Role, str] = {
    Role.MONITOR: N_("Supervises visits"),
    Role.APPROVER: N_("Approves"),
    Role.COUNSEL: N_("Advises"),
    Role.ADMIN: N_("Administers"),
    Role.AUDITOR: N_("Audits, read only"),
}


@router.get("/admin/staff")
async def staff(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    return await _page(request, services, who, prison)


async def _page(
    request: Request, services: Services, who: Identity, prison: str, *, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        everybody = await people.staff_of(session, who.prison_id)
        counts = {one.id: len(await sessions.of(session, Ref(one.kind.value, one.id))) for one in everybody}
    context = {"errors": {}, "values": {}, "invitation": "", "invited": "", **more}
    return render(
        request,
        "admin/staff.html",
        status=status,
        prison=on.prison,
        prisons=prisons,
        everybody=everybody,
        counts=counts,
        kinds=KINDS,
        roles=ROLES,
        officer_roles=STAFF_ROLES[StaffKind.OFFICER],
        **context,
    )


@router.post("/admin/staff")
async def invite(
    request: Request,
    services: Svc,
    who: Admin,
    username: Text = "",
    name: Text = "",
    kind: Text = "",
    roles: Many = None,
    prison: Text = "",
) -> Response:
    """A new account; the link it is opened with is shown on this one page."""
    wanted = tuple(roles or ()) if kind == StaffKind.OFFICER else ()
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            form = StaffForm(username, name, kind, wanted, on.prison.id)
            invitation = await accounts.invite_staff(session, who, form)
    except KinbridgeError as error:
        values = {"username": username, "name": name, "kind": kind, "roles": wanted}
        errors = at_fields(request, error)
        return await _page(request, services, who, prison, status=error.status, errors=errors, values=values)
    link = _link(services, invitation.token)
    return await _page(request, services, who, on.prison.id, invitation=link, invited=name)


def _link(services: Services, token: str) -> str:
    return f"{services.settings.public_url}/invitation/{token}"


@router.post("/admin/staff/{staff_id}/reinvite")
async def reinvite(request: Request, services: Svc, who: Admin, staff_id: str) -> Response:
    """For who has lost password or second factor: both are taken away, sessions end, a new link is shown."""
    async with services.db.write() as session:
        invitation = await accounts.reinvite(session, services.means, who, staff_id)
        account = await people.staff(session, staff_id)
    return await _page(
        request,
        services,
        who,
        (account and account.prison_id) or "",
        invitation=_link(services, invitation.token),
        invited=account.name if account else "",
    )


@router.post("/admin/staff/{staff_id}/active")
async def set_active(services: Svc, who: Admin, staff_id: str, active: Text = "") -> Response:
    async with services.db.write() as session:
        await accounts.set_active(session, services.means, who, staff_id, active == "1")
    return redirect("/admin/staff")


@router.post("/admin/staff/{staff_id}/sign-out")
async def sign_out(services: Svc, who: Admin, staff_id: str) -> Response:
    """Ends all sessions of that account at once."""
    async with services.db.write() as session:
        account = await people.staff(session, staff_id)
        if account is None or who.prison_id not in (None, account.prison_id):
            raise NotFound
        subject = Ref(account.kind.value, account.id)
        await sessions.revoke_all(session, subject, who.subject, bus=services.bus)
    return redirect("/admin/staff")
