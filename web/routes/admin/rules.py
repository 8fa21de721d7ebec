"""The rules in force, on what they rest, and new versions: proposed by one person, with a preview of what they would
do to booked visits, and approved by another."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import KinbridgeError, NotFound, Unavailable
from people import repository as people
from people.model import Identity
from policy import repository as policy
from policy import service as policy_service
from policy.model import BadPolicy, Draft, PolicySet
from scheduler import rehearsal, rejudging
from scheduler import service as scheduler
from scheduler.offering import Found
from web import rule_lines
from web.deps import AtTheDoor, Svc
from web.duty import Admin, Duty
from web.forms import Text, at_fields
from web.routes.admin import scope
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/admin/policy")
async def rules(
    request: Request, services: Svc, visitor: AtTheDoor, who: Admin, prison: str = ""
) -> Response:
    found: PolicySet | None = None
    problem: KinbridgeError | None = None
    async with services.db.read() as session:
        on, prisons = await scope.duty_of(session, who, prison)
        try:
            found = await policy.current(session, on.prison.id, on.now)
        except (Unavailable, BadPolicy) as error:
            problem = error
        titles = await scopes(session, who, on)
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
        groups=rule_lines.lines(visitor.language, rule_lines.stated(found), found.legal_basis)
        if found
        else [],
        waiting=[(title, draft) for title, draft in drafts if draft.open],
        past=[(title, draft) for title, draft in drafts if not draft.open],
    )


async def scopes(session: Session, who: Identity, on: Duty) -> dict[str, str]:
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


async def _one(session: Session, who: Identity, policy_id: str, prison: str) -> tuple[Duty, Draft, str]:
    """A version of a scope that is this administrator's; raises `NotFound`."""
    on, _ = await scope.duty_of(session, who, prison)
    titles = await scopes(session, who, on)
    draft = await policy.draft_of(session, policy_id)
    if draft is None or draft.layer.scope_id not in titles:
        raise NotFound
    return on, draft, titles[draft.layer.scope_id]


@router.get("/admin/policy/versions/{policy_id}")
async def version(
    request: Request, services: Svc, visitor: AtTheDoor, who: Admin, policy_id: str, prison: str = ""
) -> Response:
    return await _version(request, services, who, visitor.language, policy_id, prison)


async def _version(
    request: Request,
    services: Services,
    who: Identity,
    language: str,
    policy_id: str,
    prison: str,
    status: int = 200,
    errors: dict[str, str] | None = None,
    stranded: list[Found] | None = None,
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
        standing = await rule_lines.standing(session, draft.layer.scope_id, on.now)
        names = await _names(session, draft)
    return render(
        request,
        "admin/policy_version.html",
        status=status,
        prison=on.prison,
        title=title,
        draft=draft,
        changes=rule_lines.changes(language, standing, draft.layer.values),
        preview=preview,
        problem=problem,
        mine=draft.drafted_by == str(who.subject),
        names=names,
        stranded=stranded,
        errors=errors or {},
    )


async def _names(session: Session, draft: Draft) -> dict[str, str]:
    """`kind:id` -> name of those who proposed and approved, as far as they are staff."""
    names = {}
    for one in filter(None, (draft.drafted_by, draft.approved_by)):
        found = await people.staff(session, one.partition(":")[2])
        if found is not None:
            names[one] = found.name
    return names


@router.post("/admin/policy/versions/{policy_id}/approve")
async def approve(
    request: Request, services: Svc, visitor: AtTheDoor, who: Admin, policy_id: str, prison: Text = ""
) -> Response:
    """In force from its day; what is booked is judged again and flagged."""
    try:
        async with services.db.write() as session:
            on, *_ = await _one(session, who, policy_id, prison)
            await rejudging.approve(session, who, policy_id)
    except KinbridgeError as error:
        errors = at_fields(request, error)
        language = visitor.language
        return await _version(request, services, who, language, policy_id, prison, error.status, errors)
    return redirect(f"/admin/policy?prison={on.prison.id}")


@router.post("/admin/policy/versions/{policy_id}/rehearse")
async def rehearse(
    request: Request, services: Svc, visitor: AtTheDoor, who: Admin, policy_id: str, prison: Text = ""
) -> Response:
    """Which visits the version would strand and what their families could be offered; nothing is changed."""
    async with services.db.read() as session:
        await _one(session, who, policy_id, prison)
    language = visitor.language
    try:
        stranded = await rehearsal.rehearse_rules(services.db, policy_id)
    except KinbridgeError as error:
        errors = at_fields(request, error)
        return await _version(request, services, who, language, policy_id, prison, error.status, errors)
    return await _version(request, services, who, language, policy_id, prison, stranded=stranded)


@router.post("/admin/policy/versions/{policy_id}/drop")
async def drop(services: Svc, who: Admin, policy_id: str, prison: Text = "") -> Response:
    async with services.db.write() as session:
        on, *_ = await _one(session, who, policy_id, prison)
        await policy_service.drop(session, who.subject, policy_id)
    return redirect(f"/admin/policy?prison={on.prison.id}")
