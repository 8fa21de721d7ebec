"""The officer's view of an inmate's visits: the statement, visits that took place elsewhere, changes with a reason."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Malformed, NotFound, Refused
from people import repository as people
from people.model import Identity, Inmate
from policy.rulebook import Channel, Span
from scheduler import accounts, facts, statement
from web import duty
from web.allowance_words import WHATS
from web.deps import Db, Svc
from web.duty import Approver, Duty
from web.forms import Text, at_fields
from web.rule_words import CHANNELS
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


class NoSuchNumber(NotFound):
    code = "no-such-inmate"
    text = "Nobody of this number is in this prison."


class BadVisits(Malformed):
    code = "bad-visits"
    text = "Please enter the day, the way to meet, or a number of visits other than nothing."
    status = 422


async def sought(
    request: Request,
    session: Session,
    on: Duty,
    number: str,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> tuple[Inmate | None, dict[str, str], int]:
    """The inmate of a number that was typed, if one was; where nobody has it, what is said at its field, and 404."""
    inmate = await people.find_inmate(session, on.prison.id, number.strip()) if number.strip() else None
    if number.strip() and inmate is None:
        return None, at_fields(request, NoSuchNumber(field="number")), 404
    return inmate, dict(errors or {}), status


@router.get("/approvals/allowance")
async def find(request: Request, db: Db, who: Approver, number: str = "") -> Response:
    """By the inmate's number."""
    async with db.read() as session:
        on = await duty.of(session, who)
        inmate, errors, status = await sought(request, session, on, number)
    if inmate is not None:
        return redirect(f"/approvals/allowance/{inmate.id}")
    return render(
        request,
        "approvals/allowance_find.html",
        status=status,
        prison_name=on.prison.name,
        number=number,
        errors=errors,
    )


async def inmate_of(session: Session, who: Identity, inmate_id: str) -> Inmate:
    """An inmate of the officer's prison; raises `NotFound`."""
    on = await duty.of(session, who)
    inmate = await people.inmate(session, inmate_id)
    if inmate is None or inmate.prison_id != on.prison.id:
        raise NotFound
    return inmate


@router.get("/approvals/allowance/{inmate_id}")
async def page(request: Request, services: Svc, who: Approver, inmate_id: str) -> Response:
    return await _page(request, services, who, inmate_id)


async def _page(
    request: Request, services: Services, who: Identity, inmate_id: str, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        inmate = await inmate_of(session, who, inmate_id)
        ground = await facts.ground(session, inmate_id)
        statements = await statement.of(session, ground)
    values = ground.policy.values
    context = {"errors": {}, "values": {}, **more}
    return render(
        request,
        "approvals/allowance.html",
        status=status,
        inmate=inmate,
        prison_name=ground.prison.name,
        statements=statements,
        whats=WHATS,
        channels=CHANNELS,
        pool=[(channel.value, CHANNELS[channel.value]) for channel in values.allowance_pool],
        saved=values.allowance_span is Span.BALANCE,
        least=values.balance_least,
        today=ground.now.astimezone(ground.zone).date(),
        **context,
    )


@router.post("/approvals/allowance/{inmate_id}/use")
async def use(
    request: Request,
    services: Svc,
    who: Approver,
    inmate_id: str,
    day: Text = "",
    channel: Text = "",
    words: Text = "",
) -> Response:
    """A visit that took place elsewhere."""
    typed = {"day": day, "channel": channel, "words": words}
    try:
        async with services.db.write() as session:
            await inmate_of(session, who, inmate_id)
            await accounts.record_use(session, who, inmate_id, *_use(day, channel), words.strip())
    except (Malformed, Refused) as error:
        errors = at_fields(request, error)
        return await _page(request, services, who, inmate_id, error.status, errors=errors, values=typed)
    return redirect(f"/approvals/allowance/{inmate_id}")


@router.post("/approvals/allowance/{inmate_id}/adjust")
async def adjust(
    request: Request, services: Svc, who: Approver, inmate_id: str, visits: Text = "", words: Text = ""
) -> Response:
    """Visits given or taken, where they are saved."""
    typed = {"visits": visits, "words": words}
    try:
        async with services.db.write() as session:
            await inmate_of(session, who, inmate_id)
            await accounts.adjust(session, who, inmate_id, _visits(visits), words.strip())
    except (Malformed, Refused) as error:
        errors = at_fields(request, error)
        return await _page(request, services, who, inmate_id, error.status, errors=errors, values=typed)
    return redirect(f"/approvals/allowance/{inmate_id}")


def _use(day: str, channel: str) -> tuple[date, Channel]:
    try:
        return date.fromisoformat(day), Channel(channel)
    except ValueError as error:
        raise BadVisits(field="day") from error


def _visits(text: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise BadVisits(field="visits") from error
    if abs(number) > 100:  # as many as may ever be saved
        raise BadVisits(field="visits")
    return number
