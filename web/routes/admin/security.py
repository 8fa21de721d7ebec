"""One's own account: second factor, passkeys, recovery codes, where one is signed in. For all staff."""

from typing import Any

import segno
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from core.errors import Refused
from people import authenticator, passkeys, sessions
from people import staff as accounts
from people.model import Identity
from web.caller import caller_of
from web.deps import Svc
from web.duty import AnyStaff
from web.forms import Text, at_fields
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/account/security")
async def security(request: Request, services: Svc, who: AnyStaff) -> Response:
    return await _page(request, services, who)


async def _page(request: Request, services: Services, who: Identity, **more: Any) -> Response:
    async with services.db.read() as session:
        shown: dict[str, Any] = {
            "keys": await passkeys.passkeys_of(session, who),
            "codes_left": await accounts.recovery_codes_left(session, who.subject.id),
            "sessions": await sessions.of(session, who.subject),
        }
    return render(
        request,
        "admin/security.html",
        **shown,
        **{"codes": (), "offer": None, "picture": "", "errors": {}, **more},
    )


@router.post("/account/security/recovery-codes")
async def recovery_codes(request: Request, services: Svc, who: AnyStaff) -> Response:
    """New ones, shown on this one page; the old ones are void."""
    async with services.db.write() as session:
        codes = await accounts.new_recovery_codes(session, services.means, who)
    return await _page(request, services, who, codes=codes)


@router.post("/account/security/authenticator")
async def new_authenticator(request: Request, services: Svc, who: AnyStaff) -> Response:
    """Another telephone: its key is offered here, and counts once its first code is shown."""
    async with services.db.read() as session:
        offer = await authenticator.offer(session, services.means, who)
    return await _page(request, services, who, offer=offer, picture=_picture(offer.uri))


def _picture(uri: str) -> str:
    return segno.make(uri, error="m").svg_data_uri(scale=5, border=3, light="#fff")


@router.post("/account/security/authenticator/confirm")
async def confirm_authenticator(
    request: Request,
    services: Svc,
    who: AnyStaff,
    sealed: Text = "",
    code: Text = "",
) -> Response:
    try:
        async with services.db.write() as session:
            await authenticator.accept(session, services.means, who, sealed, code)
    except Refused as error:
        async with services.db.read() as session:
            offer = await authenticator.offer(session, services.means, who, sealed)
        errors = at_fields(request, error)
        return await _page(
            request,
            services,
            who,
            offer=offer,
            picture=_picture(offer.uri),
            errors=errors,
            status=error.status,
        )
    return redirect("/account/security")


@router.post("/account/security/passkey/options")
async def passkey_options(request: Request, services: Svc, who: AnyStaff) -> Response:
    async with services.db.write() as session:
        asked = await passkeys.passkey_add_options(session, services.means, who, caller_of(request))
    return JSONResponse({"id": asked.challenge_id, "options": asked.options}, 201)


class NewPasskey(BaseModel):
    """`credential` as WebAuthn's `PublicKeyCredential.toJSON()`."""

    id: str = Field(max_length=64)
    name: str = Field(default="", max_length=60)
    credential: dict[str, Any]


@router.post("/account/security/passkey")
async def add_passkey(request: Request, services: Svc, who: AnyStaff, made: NewPasskey) -> Response:
    async with services.db.write() as session:
        key = await passkeys.passkey_add(
            session, services.means, who, caller_of(request), made.id, made.credential, made.name
        )
    return JSONResponse({"id": key.id}, 201)


@router.post("/account/security/passkey/{passkey_id}/remove")
async def remove_passkey(services: Svc, who: AnyStaff, passkey_id: str) -> Response:
    async with services.db.write() as session:
        await passkeys.passkey_remove(session, who, passkey_id)
    return redirect("/account/security")


@router.post("/account/security/sign-out")
async def sign_out(services: Svc, who: AnyStaff, session_id: Text = "") -> Response:
    """One other session, or (no id given) all but this one."""
    async with services.db.write() as session:
        if session_id:
            await sessions.revoke_own(session, session_id, who, bus=services.bus)
        else:
            await sessions.revoke_all(session, who.subject, who.subject, bus=services.bus, but=who.session_id)
    return redirect("/account/security")
