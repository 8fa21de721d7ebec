"""A new version of the rules, as one administrator proposes it: the form has what is in force, and what is otherwise in
it is the proposal."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import KinbridgeError, Malformed, NotFound
from people.model import Identity
from policy import repository as policy
from policy import service as policy_service
from policy.model import LegalBasis
from scheduler import timetable
from web import rule_lines, rule_values
from web.deps import AtTheDoor, Svc
from web.duty import Admin, Duty
from web.forms import Text, at_fields
from web.routes.admin import scope
from web.routes.admin.rules import scopes
from web.rule_names import NAMES
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
_WORDS_LENGTH = 500


class NothingChanged(Malformed):
    code = "nothing-changed"
    status = 422
    text = "Nothing is different from what is in force. Fill in at least one value."


class BasisMissing(Malformed):
    code = "basis-missing"
    status = 422
    text = "Please name the rule or decision on which the change rests, and what it says."


@router.get("/admin/policy/new")
async def proposal_form(
    request: Request, services: Svc, visitor: AtTheDoor, who: Admin, prison: str = "", of: str = ""
) -> Response:
    return await _form(request, services, who, visitor.language, prison, of)


async def _form(
    request: Request,
    services: Services,
    who: Identity,
    language: str,
    prison: str,
    of: str,
    status: int = 200,
    **more: Any,
) -> Response:
    async with services.db.read() as session:
        on, _ = await scope.duty_of(session, who, prison)
        titles = await scopes(session, who, on)
        chosen = of if of in titles else on.prison.id
        standing = await rule_lines.standing(session, chosen, on.now)
    context: dict[str, Any] = {"errors": {}, "typed": {}, "basis": {}, "begins": "", **more}
    return render(
        request,
        "admin/policy_new.html",
        status=status,
        prison=on.prison,
        scopes=list(titles.items()),
        of=chosen,
        groups=rule_lines.lines(language, standing, ()),
        today=on.today,
        **context,
    )


@router.post("/admin/policy/new")
async def propose(
    request: Request,
    services: Svc,
    visitor: AtTheDoor,
    who: Admin,
    prison: Text = "",
    of: Text = "",
    title: Text = "",
    says: Text = "",
    seen: Text = "own",
    begins: Text = "",
) -> Response:
    """A version of one scope: what it states so far, with the values that were filled in."""
    form = await request.form()
    typed = _typed(form)
    language = visitor.language
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            if of not in await scopes(session, who, on):
                raise NotFound
            changed = await _changed(session, language, on, of, typed)
            basis = _basis(title, says, seen, tuple(changed))
            policy_id = await _draft(session, who, on, of, changed, basis, begins)
    except KinbridgeError as error:
        given = {"title": title, "says": says, "seen": seen}
        errors = at_fields(request, error)
        return await _form(
            request,
            services,
            who,
            language,
            prison,
            of,
            error.status,
            errors=errors,
            typed=typed,
            basis=given,
            begins=begins,
        )
    return redirect(f"/admin/policy/versions/{policy_id}?prison={on.prison.id}")


def _typed(form: FormData) -> dict[str, list[str]]:
    """What the form has of each value. What is ticked is sent only where it is ticked: `asked` names the lists that
    were shown, so that nothing ticked is an empty list."""
    asked = {str(name) for name in form.getlist("asked")}
    typed = {name: [str(one) for one in form.getlist(name)] for name in NAMES}
    return {name: given for name, given in typed.items() if any(map(str.strip, given)) or name in asked}


async def _changed(
    session: Session, language: str, on: Duty, of: str, typed: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The values that are otherwise than what is in force for the scope."""
    before = await rule_lines.standing(session, of, on.now)
    read = {name: rule_values.read(language, name, given) for name, given in typed.items()}
    return {
        name: value
        for name, value in read.items()
        if name not in before or not rule_values.same(name, before[name], value)
    }


def _basis(title: str, says: str, seen: str, fields: tuple[str, ...]) -> LegalBasis:
    given = (title.strip(), says.strip())
    if not all(given) or max(map(len, given)) > _WORDS_LENGTH or seen not in ("text", "secondary", "own"):
        raise BasisMissing(field="title")
    return LegalBasis.model_validate({"title": given[0], "says": given[1], "seen": seen, "fields": fields})


async def _draft(
    session: Session,
    who: Identity,
    on: Duty,
    of: str,
    changed: Mapping[str, Any],
    basis: LegalBasis,
    begins: str,
) -> str:
    standing = next((one for one in await policy.layers(session, of, on.now) if one.scope_id == of), None)
    before = dict(standing.values) if standing else {}
    values = {**before, **changed}
    if values == before:
        raise NothingChanged
    return await policy_service.draft(
        session,
        who.subject,
        of,
        values,
        [*(standing.legal_basis if standing else ()), basis],
        valid_from=_moment(begins, on),
        bounds=standing.bounds if standing else None,
    )


def _moment(begins: str, on: Duty) -> datetime | None:
    """The first instant of the day on which a version begins; now for an empty one."""
    if not begins:
        return None
    try:
        day = date.fromisoformat(begins)
    except ValueError as error:
        raise NothingChanged(field="begins") from error
    return max(timetable.instant(day, time(), on.zone), clock.now().astimezone(UTC))
