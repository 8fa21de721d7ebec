"""Day, month and quarter in numbers, each of which opens into the matters behind it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import NotFound
from legalaid import case_wording, review, reviews
from legalaid.review import Group
from people.model import Identity, Role
from scheduler.model import Prison
from web import duty
from web.deps import Svc
from web.duty import Duty
from web.i18n import N_
from web.routes.admin import scope
from web.routes.lights import PLACES, Keeper
from web.templating import render

router = APIRouter(include_in_schema=False)
GROUPS = {
    Group.CAME: N_("Came in"),
    Group.IN_TIME: N_("Solved in time"),
    Group.LATE: N_("Solved late"),
    Group.WITHDRAWN: N_("Taken back"),
    Group.CARRIED: N_("Carried on"),
    Group.OVERDUE: N_("of these, overdue"),
}
SPANS = {"day": N_("By day"), "month": N_("By month"), "quarter": N_("By quarter")}


async def _place(session: Session, who: Identity, prison: str) -> tuple[Duty, list[Prison]]:
    if Role.ADMIN in who.roles:
        return await scope.duty_of(session, who, prison)
    return await duty.of(session, who), []


@router.get("/reviews")
async def over(
    request: Request, services: Svc, who: Keeper, prison: str = "", span: str = "", by: str = "month"
) -> Response:
    """`span`: the key of a day, month or quarter; `by`: which of the three, for the present one."""
    async with services.db.read() as session:
        on, prisons = await _place(session, who, prison)
        of = review.span(span, by, on.today)
        lines = await reviews.summary(session, who, on.prison.id, of, on.zone)
        weeks = await reviews.duty(session, who, on.prison.id, of, on.zone)
    return render(
        request,
        "reviews/over.html",
        prison=on.prison,
        prisons=prisons,
        span=of,
        lines=lines,
        weeks=weeks,
        promises=case_wording.PROMISES,
        groups=GROUPS,
        spans=SPANS,
        most=max((line.counts[group] for line in lines for group in GROUPS), default=0),
    )


@router.get("/reviews/matters")
async def behind(
    request: Request,
    services: Svc,
    who: Keeper,
    span: str,
    code: str,
    group: str,
    prison: str = "",
) -> Response:
    if group not in set(Group) or code not in case_wording.PROMISES:
        raise NotFound
    async with services.db.read() as session:
        on, _ = await _place(session, who, prison)
        of = review.span(span, "month", on.today)
        found = await reviews.drill(session, who, on.prison.id, of, on.zone, code, Group(group))
    return render(
        request,
        "reviews/matters.html",
        prison=on.prison,
        span=of,
        found=found,
        title=case_wording.PROMISES[code],
        group=GROUPS[Group(group)],
        places=PLACES if Role.COUNSEL in who.roles else {},
        zone=on.zone,
    )
