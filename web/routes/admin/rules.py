"""The rules in force, on what they rest, and new versions: proposed by one person, with a preview of what they would
do to booked visits, and approved by another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import KinbridgeError, Malformed, NotFound, Unavailable
from people import repository as people
from people.model import Identity
from policy import repository as policy
from policy import service as policy_service
from policy.model import BadPolicy, Draft, LegalBasis, PolicySet
from scheduler import rejudging, timetable
from scheduler import service as scheduler
from web.deps import Svc
from web.duty import Admin, Duty
from web.forms import at_fields
from web.routes.admin import scope
from web.rule_names import GROUPS, NAMES, as_text, from_text, unit
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]
_WORDS_LENGTH = 500


class NothingChanged(Malformed):
    code = "nothing-changed"
    status = 422
    text = "Nothing is different from what is in force. Fill in at least one value."


class BasisMissing(Malformed):
    code = "basis-missing"
    status = 422
    text = "Please name the rule or decision on which the change rests, and what it says."


@dataclass(frozen=True, slots=True)
class Line:
    """One value as it is shown: `key`, message ids of its name and unit, the value, the bases that name it."""

    key: str
    name: str
    unit: str
    value: str
    bases: tuple[LegalBasis, ...]


def _lines(found: PolicySet) -> list[tuple[str, list[Line]]]:
    values = found.values.model_dump(mode="json")
    return [(title, [_line(key, values[key], found.legal_basis) for key in names]) for title, names in GROUPS]


def _line(key: str, value: Any, bases: Sequence[LegalBasis]) -> Line:
    return Line(key, NAMES[key], unit(key), as_text(value) or "–", tuple(b for b in bases if key in b.fields))


@router.get("/admin/policy")
async def rules(request: Request, services: Svc, who: Admin, prison: str = "") -> Response:
    found: PolicySet | None = None
    problem: KinbridgeError | None = None
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        try:
            found = await policy.current(session, on.prison.id, on.now)
        except (Unavailable, BadPolicy) as error:
            problem = error
        titles = await _scopes(session, who, on)
        drafts = [
            (titles[scope_id], draft)
            for scope_id in titles
            for draft in await policy.history(session, scope_id)
        ]
    return render(
        request,
        "admin/policy.html",
        prison=on.prison,
        prisons=prisons,
        found=found,
        problem=problem,
        groups=_lines(found) if found else [],
        waiting=[(title, draft) for title, draft in drafts if draft.open],
        past=[(title, draft) for title, draft in drafts if not draft.open],
    )


async def _scopes(session: Session, who: Identity, on: Duty) -> dict[str, str]:
    """Scopes that this administrator may state rules for: the prison and its wards, and what is wider only for one
    who is bound to no prison."""
    titles = {on.prison.id: on.prison.name}
    titles |= {
        wing.id: f"{on.prison.name} · {wing.name}" for wing in await scheduler.wings(session, on.prison.id)
    }
    if who.prison_id is None:
        path = await policy.path_of(session, on.prison.id)
        titles |= {
            scope_id: title for wide in path[:1] for scope_id, _, title in await policy.below(session, wide)
            if scope_id in path[:-1]
        }  # fmt: skip
    return titles


@router.get("/admin/policy/new")
async def proposal_form(
    request: Request, services: Svc, who: Admin, prison: str = "", of: str = ""
) -> Response:
    return await _form(request, services, who, prison, of)


async def _form(
    request: Request, services: Services, who: Identity, prison: str, of: str, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        on, _ = await scope.duty_of(session, who, prison)
        titles = await _scopes(session, who, on)
        chosen = of if of in titles else on.prison.id
        try:
            found = await policy.current(session, chosen, on.now)
        except Unavailable:
            found = None
    context: dict[str, Any] = {"errors": {}, "typed": {}, "basis": {}, "begins": "", **more}
    return render(
        request,
        "admin/policy_new.html",
        status=status,
        prison=on.prison,
        scopes=list(titles.items()),
        of=chosen,
        groups=_lines(found) if found else [(title, _blank(names)) for title, names in GROUPS],
        today=on.today,
        **context,
    )


def _blank(names: Mapping[str, str]) -> list[Line]:
    return [Line(key, name, unit(key), "–", ()) for key, name in names.items()]


@router.post("/admin/policy/new")
async def propose(
    request: Request,
    services: Svc,
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
    typed = {name: str(form[name]) for name in NAMES if str(form.get(name, "")).strip()}
    try:
        async with services.db.write() as session:
            on, _ = await scope.duty_of(session, who, prison)
            if of not in await _scopes(session, who, on):
                raise NotFound
            basis = _basis(title, says, seen, tuple(typed))
            policy_id = await _draft(session, who, on, of, typed, basis, begins)
    except KinbridgeError as error:
        given = {"title": title, "says": says, "seen": seen}
        errors = at_fields(request, error)
        return await _form(
            request,
            services,
            who,
            prison,
            of,
            error.status,
            errors=errors,
            typed=typed,
            basis=given,
            begins=begins,
        )
    return redirect(f"/admin/policy/versions/{policy_id}?prison={on.prison.id}")


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
    typed: Mapping[str, str],
    basis: LegalBasis,
    begins: str,
) -> str:
    changed = {name: from_text(name, text) for name, text in typed.items()}
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


async def _one(session: Session, who: Identity, policy_id: str, prison: str) -> tuple[Duty, Draft, str]:
    """A version of a scope that is this administrator's; raises `NotFound`."""
    on, _ = await scope.duty_of(session, who, prison)
    titles = await _scopes(session, who, on)
    draft = await policy.draft_of(session, policy_id)
    if draft is None or draft.layer.scope_id not in titles:
        raise NotFound
    return on, draft, titles[draft.layer.scope_id]


@router.get("/admin/policy/versions/{policy_id}")
async def version(request: Request, services: Svc, who: Admin, policy_id: str, prison: str = "") -> Response:
    return await _version(request, services, who, policy_id, prison)


async def _version(
    request: Request,
    services: Services,
    who: Identity,
    policy_id: str,
    prison: str,
    status: int = 200,
    errors: dict[str, str] | None = None,
) -> Response:
    preview: rejudging.Preview | None = None
    problem: KinbridgeError | None = None
    async with services.db.read() as session:
        on, draft, title = await _one(session, who, policy_id, prison)
        if draft.open:
            try:
                preview = await rejudging.preview(session, draft)
            except (Unavailable, BadPolicy) as error:
                problem = error
        standing = await _standing(session, draft.layer.scope_id, on)
        names = await _names(session, draft)
    return render(
        request,
        "admin/policy_version.html",
        status=status,
        prison=on.prison,
        title=title,
        draft=draft,
        changes=_changes(standing, draft.layer.values),
        preview=preview,
        problem=problem,
        mine=draft.drafted_by == str(who.subject),
        names=names,
        errors=errors or {},
    )


async def _standing(session: Session, scope_id: str, on: Duty) -> Mapping[str, Any]:
    """The values in force for a scope now; none where the rules are not complete."""
    try:
        return (await policy.current(session, scope_id, on.now)).values.model_dump(mode="json")
    except (Unavailable, BadPolicy):
        return {}


async def _names(session: Session, draft: Draft) -> dict[str, str]:
    """`kind:id` -> name of those who proposed and approved, as far as they are staff."""
    names = {}
    for one in filter(None, (draft.drafted_by, draft.approved_by)):
        found = await people.staff(session, one.partition(":")[2])
        if found is not None:
            names[one] = found.name
    return names


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """(name, unit, before, after) of the values that differ from what the scope states now."""
    return [
        (NAMES[key], unit(key), as_text(before[key]) if key in before else "–", as_text(value))
        for key, value in after.items()
        if before.get(key) != value
    ]


@router.post("/admin/policy/versions/{policy_id}/approve")
async def approve(request: Request, services: Svc, who: Admin, policy_id: str, prison: Text = "") -> Response:
    """In force from its day; what is booked is judged again and flagged."""
    try:
        async with services.db.write() as session:
            on, *_ = await _one(session, who, policy_id, prison)
            await rejudging.approve(session, who, policy_id)
    except KinbridgeError as error:
        errors = at_fields(request, error)
        return await _version(request, services, who, policy_id, prison, error.status, errors)
    return redirect(f"/admin/policy?prison={on.prison.id}")


@router.post("/admin/policy/versions/{policy_id}/drop")
async def drop(services: Svc, who: Admin, policy_id: str, prison: Text = "") -> Response:
    async with services.db.write() as session:
        on, *_ = await _one(session, who, policy_id, prison)
        await policy_service.drop(session, who.subject, policy_id)
    return redirect(f"/admin/policy?prison={on.prison.id}")
