"""A relative's own account: what we know, password, where it is signed in, children in one's care."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import KinbridgeError, NotFound, Refused, TooMany
from people import accounts, repository, sessions
from people.errors import AlreadyRegistered, SignInFailed
from people.forms import MinorForm
from people.model import DOCUMENT_TEXTS
from web.caller import caller_of
from web.deps import Relative, Svc
from web.forms import Text, at_fields
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/account")
async def account(request: Request, services: Svc, who: Relative, saved: str = "") -> Response:
    return await _page(request, services, who, {}, saved=bool(saved))


async def _page(
    request: Request,
    services: Svc,
    who: Relative,
    errors: dict[str, str],
    *,
    saved: bool = False,
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        me = await repository.relative(session, who.subject.id)
        mine = await sessions.of(session, who.subject)
    if me is None:
        raise NotFound
    return render(
        request,
        "family/account.html",
        status=status,
        me=me,
        sessions=mine,
        documents=DOCUMENT_TEXTS,
        errors=errors,
        saved=saved,
    )


@router.post("/account/password")
async def set_password(
    request: Request, services: Svc, who: Relative, old: Text = "", password: Text = ""
) -> Response:
    caller = caller_of(request)
    try:
        async with services.db.write() as session:
            await accounts.set_password(session, services.means, who, caller, old=old, new=password)
    except (Refused, TooMany) as error:
        return await _page(request, services, who, at_fields(request, error), status=error.status)
    except SignInFailed as error:
        errors = {"old": at_fields(request, error)[""]}
        return await _page(request, services, who, errors, status=error.status)
    return redirect("/account?saved=1")


@router.post("/account/sessions/{session_id}/revoke")
async def revoke(services: Svc, who: Relative, session_id: str) -> Response:
    async with services.db.write() as session:
        await sessions.revoke_own(session, session_id, who, bus=services.bus)
    return redirect("/account?saved=1")


@router.get("/minors/new")
async def minor_page(request: Request, who: Relative) -> Response:
    del who  # only that somebody is signed in
    return _minor_page(request, {}, {})


def _minor_page(
    request: Request, values: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    return render(
        request,
        "family/minor.html",
        status=status,
        values=values,
        errors=errors,
        documents=DOCUMENT_TEXTS,
    )


@router.post("/minors")
async def add_minor(
    request: Request,
    services: Svc,
    who: Relative,
    name: Text = "",
    born: Text = "",
    document_kind: Text = "",
    document: Text = "",
    consent: Text = "",
) -> Response:
    form = MinorForm(name, born, document_kind, document, consent=bool(consent))
    try:
        async with services.db.write() as session:
            await accounts.add_minor(session, services.means, who, form)
    except (Refused, AlreadyRegistered, TooMany) as error:
        return _again(request, form, error)
    return redirect("/relationships")


def _again(request: Request, form: MinorForm, error: KinbridgeError) -> Response:
    values = {
        "name": form.name,
        "born": form.born,
        "document_kind": form.document_kind,
        "document": form.document,
        "consent": "1" if form.consent else "",
    }
    return _minor_page(request, values, at_fields(request, error), error.status)
