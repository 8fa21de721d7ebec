"""Requests for a visit: one booking with what the rules say, and the decision on it."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

import legalaid.model
from core.db import Session
from core.errors import Conflict, NotFound, Refused
from core.ids import Ref
from legalaid import clocks
from people.model import Identity
from policy import repository as policy
from policy import wording
from scheduler import booths, changing, decision, extending, offers, signing
from scheduler import repository as bookings
from scheduler import service as scheduler
from scheduler.access import in_the_name_of
from scheduler.booths import Booth
from scheduler.decision import BadReason
from scheduler.model import BookingState, BookingView, SlotOffer
from web import duty, history, lights
from web.deps import Svc
from web.duty import Approver, Duty
from web.forms import Text, at_fields
from web.lights import Light
from web.routes.approvals import desk
from web.rule_words import DESKS, OFFICES
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)

CANCELLABLE = frozenset({BookingState.APPROVED, BookingState.ASSIGNED, BookingState.CONFIRMED})


@dataclass(frozen=True, slots=True)
class BookingCase:
    """All that is shown of one request for a visit."""

    booking: BookingView
    used: int
    limit: int
    others: list[BookingView]  # the same inmate's other visits of the period
    lines: list[history.Line]
    set_by: str
    light: Light
    chain: list[
        tuple[signing.Signature, str, Light]
    ]  # with the name of who signed, and how the desk's own day stands
    clock: legalaid.model.Light | None  # of the desk that has it now
    replaced: BookingView | None  # the visit whose place this one would take
    change: BookingView | None  # the open request for another time
    booth: Booth | None  # where the family would sit, if not at a device of its own


async def _chain(
    session: Session, on: Duty, booking: BookingView
) -> list[tuple[signing.Signature, str, Light]]:
    offices = await signing.chain(session, booking)
    names = await history.names_of(session, [one.by for one in offices if one.by])
    return [(one, names[one.by] if one.by else "", lights.of_deadline(one.due, on.now)) for one in offices]


async def _case(session: Session, who: Identity, on: Duty, booking_id: str) -> BookingCase:
    booking = await scheduler.get_for(session, who, booking_id)
    day = booking.starts_at.astimezone(ZoneInfo(booking.zone)).date()
    allowance = await scheduler.allowance(session, booking.inmate_id, day)
    names = await history.names_of(session, [booking.state_by])
    return BookingCase(
        booking=booking,
        used=allowance.used,
        limit=allowance.limit,
        others=[b for b in await bookings.on_day(session, booking.prison_id, day) if b.id != booking.id],
        lines=await history.of(session, Ref("booking", booking.id)),
        set_by=names[booking.state_by],
        light=lights.of_deadline(booking.reply_by, on.now),
        chain=await _chain(session, on, booking),
        clock=await clocks.light(session, Ref("booking", booking.id)),
        replaced=await scheduler.get(session, booking.replaces) if booking.replaces else None,
        change=await changing.of(session, booking.id),
        booth=(await booths.of_bookings(session, [booking.id])).get(booking.id),
    )


async def _page(
    request: Request, services: Services, who: Identity, booking_id: str, *, status: int = 200, **more: Any
) -> Response:
    async with services.db.read() as session:
        on = await duty.of(session, who)
        tables = await desk.of(session, on)
        shown = await _case(session, who, on, booking_id)
        rules = (await policy.current(session, shown.booking.wing_id, on.now)).values
        context = {"errors": {}, "values": {}, "stale": False, "hit": (), **more}
        nearest = await _nearest(session, shown.booking) if context["hit"] else []
        given = extending.left(shown.booking, rules) if extending.may(rules.extension_by, who.roles) else 0
    return render(
        request,
        "approvals/booking.html",
        status=status,
        shown=shown,
        refusals={code: wording.REFUSAL_REASONS[code] for code in rules.refusal_reasons},
        cancels={code: wording.CANCEL_REASONS[code] for code in rules.cancel_reasons},
        cancellable=CANCELLABLE,
        offices={**OFFICES, **DESKS},
        nearest=nearest,
        longer=given,
        **tables,
        **context,
    )


async def _nearest(session: Session, booking: BookingView) -> list[SlotOffer]:
    """What the officer can tell a family whose time cannot be approved: the nearest times that could."""
    asking = in_the_name_of(booking.requested_by)
    chosen = await offers.choice(session, asking, booking.inmate_id, instead_of=booking.id)
    return chosen.nearest(booking.slot_id)


@router.get("/approvals/bookings/{booking_id}")
async def booking(request: Request, services: Svc, who: Approver, booking_id: str) -> Response:
    return await _page(request, services, who, booking_id)


@router.post("/approvals/bookings/{booking_id}/approve")
async def approve(request: Request, services: Svc, who: Approver, booking_id: str) -> Response:
    """A rule that no longer holds since the request is shown as such, and nothing is changed."""
    try:
        async with services.db.write() as session:
            await decision.approve(session, who, booking_id)
    except Refused as error:
        return await _page(request, services, who, booking_id, status=422, hit=error.reasons)
    except Conflict:
        return await _page(request, services, who, booking_id, status=409, stale=True)
    return redirect("/approvals")


@router.post("/approvals/bookings/{booking_id}/{act}")
async def refuse_or_cancel(
    request: Request,
    services: Svc,
    who: Approver,
    booking_id: str,
    act: str,
    reason: Text = "",
    words: Text = "",
) -> Response:
    """Refuses a request, or cancels what was promised; both need a reason that the family reads."""
    decide = {"refuse": decision.refuse, "cancel": decision.cancel}.get(act)
    if decide is None:
        raise NotFound
    try:
        async with services.db.write() as session:
            await decide(session, who, booking_id, reason, words)
    except BadReason as error:
        fields, values = {"reason": at_fields(request, error)[""]}, {"reason": reason, "words": words}
        return await _page(request, services, who, booking_id, status=422, errors=fields, values=values)
    except Conflict:
        return await _page(request, services, who, booking_id, status=409, stale=True)
    return redirect("/approvals")
