"""Relatives come in: a code to the telephone, or a password on a browser the account knows; registration.

Everything works without a script. What was typed comes back with each refusal at its field.
"""

import re
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import KinbridgeError, Refused, TooMany
from people import accounts, codes, sessions
from people.codes import RegisterTicket
from people.errors import CodeWrong, RegistrationLapsed, SignInFailed, UseCode
from people.forms import RegistrationForm
from people.model import DOCUMENT_TEXTS
from web import security
from web.caller import caller_of, welcome
from web.deps import AtTheDoor, MaybeWho, Svc
from web.forms import Text, at_fields, form_again
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

REGISTER_COOKIE = "register"  # the ticket that proves the telephone
_REGISTER_SECONDS = 30 * 60
_MASKED = re.compile(r"[0-9+*]{4,24}")


@router.get("/signin")
async def phone_page(request: Request, who: MaybeWho, next: str = "/") -> Response:  # noqa: A002
    if who is not None:
        return redirect(security.safe_path(next))
    return render(request, "signin/phone.html", next=next, values={}, errors={})


@router.post("/signin")
async def ask_code(request: Request, services: Svc, phone: Text = "", next: Text = "/") -> Response:  # noqa: A002
    try:
        async with services.db.write() as session:
            asked = await codes.ask_code(session, services.means, caller_of(request), phone)
    except (Refused, TooMany) as error:
        return form_again(request, "signin/phone.html", error, next=next, values={"phone": phone})
    return redirect(f"/signin/code?{urlencode({'id': asked.id, 'to': asked.phone, 'next': next})}")


@router.get("/signin/code")
async def code_page(request: Request, id: str = "", to: str = "", next: str = "/") -> Response:  # noqa: A002
    if not id:
        return redirect("/signin")
    return _code_page(request, id, to, next, {})


def _code_page(
    request: Request, code_id: str, to: str, after: str, errors: dict[str, str], status: int = 200
) -> Response:
    known_form = to if _MASKED.fullmatch(to) else ""
    return render(
        request, "signin/code.html", status=status, id=code_id, to=known_form, next=after, errors=errors
    )


@router.post("/signin/code")
async def redeem_code(
    request: Request,
    services: Svc,
    id: Text = "",  # noqa: A002 - the form's field
    code: Text = "",
    to: Text = "",
    next: Text = "/",  # noqa: A002 - the form's field
) -> Response:
    caller = caller_of(request)
    try:
        async with services.db.write() as session:
            result = await codes.redeem_code(session, services.means, caller, id, code)
    except (CodeWrong, TooMany) as error:
        errors = {"code": at_fields(request, error)[""]}
        return _code_page(request, id, to, next, errors, error.status)
    if isinstance(result, RegisterTicket):
        response = redirect(f"/register?{urlencode({'phone': result.phone, 'next': next})}")
        cookies = security.Cookies(services.settings)
        cookies.write(response, REGISTER_COOKIE, result.ticket, _REGISTER_SECONDS)
        return response
    return welcome(services, caller, result, next)


@router.get("/signin/password")
async def password_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's name
    return render(request, "signin/password.html", next=next, values={}, errors={}, use_code=False)


@router.post("/signin/password")
async def use_password(
    request: Request,
    services: Svc,
    phone: Text = "",
    password: Text = "",
    next: Text = "/",  # noqa: A002 - the form's field
) -> Response:
    caller = caller_of(request)
    try:
        async with services.db.write() as session:
            signed = await codes.sign_in_password(session, services.means, caller, phone, password)
    except (Refused, TooMany, UseCode, SignInFailed) as error:
        known, use_code = {"phone": phone}, isinstance(error, UseCode)
        return form_again(request, "signin/password.html", error, next=next, values=known, use_code=use_code)
    return welcome(services, caller, signed, next)


@router.get("/register")
async def register_page(request: Request, services: Svc, phone: str = "", next: str = "/") -> Response:  # noqa: A002
    if not security.Cookies(services.settings).read(request, REGISTER_COOKIE):
        return redirect("/signin")
    return _register_page(request, phone, next, {"document_kind": "resident"}, {})


def _register_page(
    request: Request,
    phone: str,
    after: str,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    return render(
        request,
        "signin/register.html",
        status=status,
        keep=True,
        phone=phone if _MASKED.fullmatch(phone) else "",
        next=after,
        values=values,
        errors=errors,
        documents=DOCUMENT_TEXTS,
    )


@router.post("/register")
async def register(
    request: Request,
    services: Svc,
    visitor: AtTheDoor,
    name: Text = "",
    born: Text = "",
    document_kind: Text = "",
    document: Text = "",
    password: Text = "",
    consent: Text = "",
    phone: Text = "",
    next: Text = "/",  # noqa: A002 - the form's field
) -> Response:
    caller = caller_of(request)
    cookies = security.Cookies(services.settings)
    ticket = cookies.read(request, REGISTER_COOKIE) or ""
    form = RegistrationForm(
        name=name,
        born=born,
        document_kind=document_kind,
        document=document,
        language=visitor.language,
        elder=visitor.elder,
        password=password,
        consent=bool(consent),
    )
    try:
        async with services.db.write() as session:
            signed = await accounts.register(session, services.means, caller, ticket, form)
    except RegistrationLapsed:
        raise
    except KinbridgeError as error:
        return _register_page(request, phone, next, _typed(form), at_fields(request, error), error.status)
    response = welcome(services, caller, signed, next)
    cookies.clear(response, REGISTER_COOKIE)
    return response


def _typed(form: RegistrationForm) -> dict[str, str]:
    """What comes back into the form; a password never does."""
    return {
        "name": form.name,
        "born": form.born,
        "document_kind": form.document_kind,
        "document": form.document,
        "consent": "1" if form.consent else "",
    }


@router.post("/signout")
async def sign_out(services: Svc, who: MaybeWho) -> Response:
    """Ends the session here and on the server; what the browser kept of our pages is cleared."""
    if who is not None:
        async with services.db.write() as session:
            await sessions.revoke(session, who.session_id, who.subject, bus=services.bus)
    response = redirect("/")
    security.Cookies(services.settings).clear(response, security.SESSION_COOKIE)
    response.headers["clear-site-data"] = '"cache"'
    return response
