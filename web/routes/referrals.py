"""Referrals for staff: raised from a question or a call, held by a desk, handed on, answered."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from core.db import Session
from core.errors import NotFound
from core.ids import Ref, new_id
from legalaid import handover, referrals, service
from legalaid.case_wording import NEEDS, PROMISES, REFERRAL_STATES
from legalaid.cases import zone_of
from legalaid.forms import WORDS_MAX
from legalaid.referrals import ReferralForm, ReferralState, matter
from people.model import Identity, Role
from web import legal
from web.deps import Svc, staff
from web.duty import AnyStaff, Counsel
from web.forms import MENDABLE, Text, at_fields
from web.routes.counsel import STEPS
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
Raiser = Annotated[Identity, Depends(staff(Role.MONITOR, Role.APPROVER, Role.COUNSEL))]  # who meets people
# Where somebody is who has handed a matter on, by its kind.
LISTS = {
    "question": "/counsel",
    "referral": "/referrals",
    "precheck": "/cases",
    "case": "/cases",
    "complaint": "/cases",
    "mediation": "/counsel/gatherings",
    "counselling": "/counsel/gatherings",
}
_TABLES = {"needs": NEEDS, "states": REFERRAL_STATES, "lights": legal.LIGHTS}


@router.get("/referrals")
async def seen(request: Request, services: Svc, who: AnyStaff) -> Response:
    async with services.db.read() as session:
        found = await referrals.seen_by(session, who)
        zones = {one.prison_id: await zone_of(session, one.prison_id) for one in found}
    return render(request, "referrals/list.html", tables=_TABLES, found=found, zones=zones)


@router.get("/referrals/new")
async def form(request: Request, _who: Raiser, question: str = "", booking: str = "") -> Response:
    source = f"question:{question}" if question else f"booking:{booking}"
    return _form(request, {"source": source, "key": new_id("key")}, {})


def _form(request: Request, values: dict[str, str], errors: dict[str, str], status: int = 200) -> Response:
    kind, _, key = values["source"].partition(":")
    back = f"/counsel/questions/{key}" if kind == "question" else f"/officer/visits/{key}"
    return render(
        request,
        "referrals/new.html",
        status=status,
        tables=_TABLES,
        values=values,
        errors=errors,
        back=back,
        words_max=WORDS_MAX,
    )


@router.post("/referrals")
async def raise_(
    request: Request,
    services: Svc,
    who: Raiser,
    source: Text = "",
    kind: Text = "",
    words: Text = "",
    key: Text = "",
) -> Response:
    where, _, subject = source.partition(":")
    try:
        async with services.db.write() as session:
            made = await referrals.raise_(
                session, legal.means_of(services), who, ReferralForm(kind, words, key, Ref(where, subject))
            )
    except MENDABLE as error:
        values = {"source": source, "kind": kind, "words": words, "key": key}
        return _form(request, values, at_fields(request, error), error.status)
    return redirect(f"/referrals/{made}")


@router.get("/referrals/{referral_id}")
async def one(request: Request, services: Svc, who: AnyStaff, referral_id: str) -> Response:
    return await _one(request, services, who, referral_id, {}, {})


async def _one(
    request: Request,
    services: Services,
    who: Identity,
    referral_id: str,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    async with services.db.write() as session:  # reading is entered in the ledger
        view, words, answered = await referrals.opened(session, legal.means_of(services), who, referral_id)
        history = await service.history(session, matter(referral_id))
        zone = await zone_of(session, view.prison_id)
        targets = await handover.offered(session, who, matter(referral_id))
        holds = await _holds(session, who, referral_id)
    return render(
        request,
        "referrals/one.html",
        status=status,
        tables=_TABLES,
        view=view,
        words=words,
        answered=answered,
        history=history,
        steps=STEPS,
        promises=PROMISES,
        zone=zone,
        decides=holds and view.state is ReferralState.RAISED,
        targets=[(desk.id, desk.name) for desk in targets],
        values=values,
        errors=errors,
        words_max=WORDS_MAX,
    )


async def _holds(session: Session, who: Identity, referral_id: str) -> bool:
    """Whether the reader's desk holds it now."""
    if Role.COUNSEL not in who.roles:
        return False
    try:
        await referrals.at_desk(session, who, await referrals.row_of(session, referral_id))
    except NotFound:
        return False
    return True


@router.post("/referrals/{referral_id}/answer")
async def answer(
    request: Request, services: Svc, who: Counsel, referral_id: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await referrals.answer(session, legal.means_of(services), who, referral_id, words)
    except MENDABLE as error:
        values, errors = {"words": words}, at_fields(request, error)
        return await _one(request, services, who, referral_id, values, errors, error.status)
    return redirect(f"/referrals/{referral_id}")


@router.post("/handover/{kind}/{key}")
async def hand(
    services: Svc, who: Counsel, kind: str, key: str, desk_id: Text = "", words: Text = ""
) -> Response:
    """To another desk of the same kind, of whatever level; nobody keeps deciding what was handed on."""
    async with services.db.write() as session:
        await handover.hand(session, legal.means_of(services), who, Ref(kind, key), desk_id, words)
    return redirect(LISTS[kind])
