"""Staff come in: a password and the authenticator's code, or a passkey; and they accept their invitation."""

from typing import Any
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from core.errors import Refused, TooMany
from people import passkeys, staff
from people.errors import SignInFailed
from web import security
from web.caller import caller_of, let_in, welcome
from web.deps import Svc
from web.forms import Text, at_fields, form_again
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["sign-in"])


class PasskeyQuestion(BaseModel):
    """`options` is what `navigator.credentials.get` takes (WebAuthn section 5.5), binary values base64url."""

    challenge_id: str
    options: dict[str, Any]


class PasskeyAnswer(BaseModel):
    challenge_id: str
    credential: dict[str, Any]
    next: str = "/staff"


class Way(BaseModel):
    """Where to go after signing in."""

    next: str


@router.get("/signin/staff")
async def password_page(request: Request, next: str = "/staff") -> Response:  # noqa: A002
    return render(request, "signin/staff.html", next=next, values={}, errors={})


@router.post("/signin/staff")
async def use_password(
    request: Request,
    services: Svc,
    username: Text = "",
    password: Text = "",
    next: Text = "/staff",  # noqa: A002 - the form's field
) -> Response:
    try:
        async with services.db.write() as session:
            pending = await staff.staff_password(
                session, services.means, caller_of(request), username, password
            )
    except (SignInFailed, TooMany) as error:
        return form_again(request, "signin/staff.html", error, next=next, values={"username": username})
    return redirect(f"/signin/second?{urlencode({'id': pending.id, 'next': next})}")


@router.get("/signin/second")
async def second_page(request: Request, id: str = "", next: str = "/staff", recovery: str = "") -> Response:  # noqa: A002
    if not id:
        return redirect("/signin/staff")
    return render(request, "signin/second.html", id=id, next=next, recovery=bool(recovery), errors={})


@router.post("/signin/second")
async def second_factor(
    request: Request,
    services: Svc,
    id: Text = "",  # noqa: A002 - the form's field
    code: Text = "",
    recovery: Text = "",
    next: Text = "/staff",  # noqa: A002 - the form's field
) -> Response:
    caller = caller_of(request)
    show = staff.staff_recovery if recovery else staff.staff_totp
    try:
        async with services.db.write() as session:
            signed = await show(session, services.means, caller, id, code)
    except (SignInFailed, TooMany) as error:
        return render(
            request,
            "signin/second.html",
            status=error.status,
            id=id,
            next=next,
            recovery=bool(recovery),
            errors={"code": at_fields(request, error)[""]},
        )
    return welcome(services, caller, signed, next)


@router.get("/invitation/{token}")
async def invitation_page(request: Request, services: Svc, token: str) -> Response:
    return await _invitation(request, services, token, {})


async def _invitation(
    request: Request, services: Svc, token: str, errors: dict[str, str], status: int = 200
) -> Response:
    async with services.db.write() as session:
        view = await staff.invitation(session, services.means, caller_of(request), token)
    return render(
        request,
        "signin/invitation.html",
        status=status,
        token=token,
        view=view,
        picture=segno.make(view.totp_uri, error="m").svg_data_uri(scale=5, border=3, light="#fff"),
        errors=errors,
    )


@router.post("/invitation/{token}")
async def accept_invitation(
    request: Request, services: Svc, token: str, password: Text = "", code: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            recovery_codes = await staff.accept_invitation(
                session, services.means, caller_of(request), token, password, code
            )
    except (Refused, TooMany) as error:
        return await _invitation(request, services, token, at_fields(request, error), error.status)
    return render(request, "signin/enrolled.html", recovery_codes=recovery_codes)


@api.post("/signin/passkey/options")
async def passkey_options(request: Request, services: Svc) -> PasskeyQuestion:
    """Names no account, so there is nothing to guess."""
    async with services.db.write() as session:
        asked = await passkeys.passkey_sign_in_options(session, services.means, caller_of(request))
    return PasskeyQuestion(challenge_id=asked.challenge_id, options=asked.options)


@api.post("/signin/passkey")
async def passkey_sign_in(request: Request, services: Svc, answer: PasskeyAnswer, response: Response) -> Way:
    """Signs in by a passkey; sets the session cookie."""
    caller = caller_of(request)
    async with services.db.write() as session:
        signed = await passkeys.passkey_sign_in(
            session, services.means, caller, answer.challenge_id, answer.credential
        )
    let_in(response, services, caller, signed)
    return Way(next=security.safe_path(answer.next, "/staff"))


router.include_router(api, include_in_schema=True)
