"""After the pick: who comes, read back, sent; and the booking's own page from then on.

The pick is a booking in state `held`; these pages know only its id, so that reloading, going back and coming
again later all work. What was chosen but not sent travels in the address of the next page.
"""

import secrets
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import NotFound, Reason, Refused
from ledger import read as ledger
from people.model import Identity, Relationship
from policy import repository as policies
from policy.model import FamilyPolicy
from policy.wording import CAUTIONS
from scheduler import accounts, booking, booths, changing, linked, offers, signing
from scheduler import repository as schedule
from scheduler.access import booking_ref
from scheduler.model import OPEN_STATES, BookingState, BookingView, VisitorChoice
from web import telling
from web.course import CHARGES
from web.deps import AtTheDoor, Db, Relative, Svc
from web.forms import Many, Text, at_fields
from web.i18n import N_
from web.routes.family import kinships
from web.rule_words import DESKS, OFFICES
from web.templating import redirect, render, sentence

router = APIRouter(include_in_schema=False)
CHOOSE_ONE = Reason("visitors-missing", N_("Please choose at least one visitor."))


async def _held(session: Session, who: Identity, booking_id: str) -> BookingView:
    """One's own pick; raises `NotFound` for another's."""
    view = await booking.get_for(session, who, booking_id)
    if view.requested_by != who.subject.id:
        raise NotFound
    return view


def _remaining_ms(view: BookingView) -> int:
    if view.held_until is None:
        return 0
    return max(0, int((view.held_until - clock.now()).total_seconds() * 1000))


def _over(view: BookingView) -> bool:
    return view.state is not BookingState.HELD or _remaining_ms(view) == 0


async def policy_of(session: Session, view: BookingView) -> FamilyPolicy:
    return (await policies.current(session, view.wing_id, clock.now())).values


@router.get("/bookings/{booking_id}/visitors")
async def who_comes(
    request: Request, db: Db, visitor: AtTheDoor, who: Relative, booking_id: str, change: str = ""
) -> Response:
    async with db.read() as session:
        view = await _held(session, who, booking_id)
        if _over(view):
            return redirect(f"/bookings/{view.id}")
        able = await offers.candidates(session, who, view.inmate_id)
        if len(able) == 1 and not change:
            return redirect(_read_back(view, [able[0].id]))
        return await _visitors_page(request, session, visitor.language, who, view, able)


def _read_back(view: BookingView, relationship_ids: list[str]) -> str:
    return f"/bookings/{view.id}/confirm?{urlencode({'visitor': relationship_ids}, doseq=True)}"


async def _visitors_page(
    request: Request,
    session: Session,
    language: str,
    who: Identity,
    view: BookingView,
    able: Sequence[Relationship],
    chosen: list[str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    words = kinships(language)
    picked = await _coming(session, who, view, able) if chosen is None else chosen
    return render(
        request,
        "family/book_visitors.html",
        status=status,
        view=view,
        remaining_ms=_remaining_ms(view),
        most=(await policy_of(session, view)).max_visitors,
        choices=[
            (held.id, held.relative_name, words[held.kinship], held.id in picked, False) for held in able
        ],
        errors=errors or {},
    )


async def _coming(
    session: Session, who: Identity, view: BookingView, able: Sequence[Relationship]
) -> list[str]:
    """Who is ticked at first: of a change those who come to the visit as it is, else the one who books."""
    if view.replaces is not None:
        return [visitor.relationship_id for visitor in (await booking.get(session, view.replaces)).visitors]
    return [held.id for held in able if held.relative_id == who.subject.id]


@router.post("/bookings/{booking_id}/visitors")
async def choose_visitors(
    request: Request,
    db: Db,
    language: AtTheDoor,
    who: Relative,
    booking_id: str,
    visitor: Many = None,
) -> Response:
    async with db.read() as session:
        view = await _held(session, who, booking_id)
        if visitor:
            return redirect(_read_back(view, visitor))
        able = await offers.candidates(session, who, view.inmate_id)
        errors = {"visitor": sentence(request, CHOOSE_ONE)}
        return await _visitors_page(
            request, session, language.language, who, view, able, [], errors, status=422
        )


@router.get("/bookings/{booking_id}/confirm")
async def read_back(
    request: Request,
    db: Db,
    who: Relative,
    booking_id: str,
    visitor: Annotated[list[str] | None, Query()] = None,
) -> Response:
    async with db.read() as session:
        view = await _held(session, who, booking_id)
        if _over(view):
            return redirect(f"/bookings/{view.id}")
        able = await offers.candidates(session, who, view.inmate_id)
        chosen = [held for held in able if held.id in (visitor or [])]
        if not chosen:
            return redirect(f"/bookings/{view.id}/visitors?change=1")
        return await _confirm_page(request, session, view, able, chosen, _key())


def _key() -> str:
    return secrets.token_urlsafe(16)


async def _confirm_page(
    request: Request,
    session: Session,
    view: BookingView,
    able: Sequence[Relationship],
    chosen: list[Relationship],
    key: str,
    errors: dict[str, str] | None = None,
    status: int = 200,
    booth: str | None = None,
) -> Response:
    return render(
        request,
        "family/book_confirm.html",
        status=status,
        view=view,
        remaining_ms=_remaining_ms(view),
        names=[held.relative_name for held in chosen],
        visitors=[held.id for held in chosen],
        can_change=len(able) > 1,
        instead_of=await booking.get(session, view.replaces) if view.replaces else None,
        cautions=_cautions(await policy_of(session, view)),
        key=key,
        errors=errors or {},
        **await seats_outside(session, view, booth),
    )


async def seats_outside(session: Session, view: BookingView, chosen: str | None = None) -> dict[str, Any]:
    """Where a family may sit that has no device: booths with a seat at the time of the visit. Theirs is that of the
    visit, or of the one it is to replace, or what they have `chosen`; `full`: its name, where it has no seat now."""
    mine = [view.id, *([view.replaces] if view.replaces else [])]
    now = next(iter((await booths.of_bookings(session, mine)).values()), None)
    free = await booths.open_at(session, view.prison_id, view.starts_at, view.slot_ends_at, mine)
    if now is not None and now not in free and not view.replaces:
        free.append(now)  # closed since; who sits there stays
    return {
        "booths": [(one.id, f"{one.name} · {one.place}") for one in free],
        "booth": chosen if chosen is not None else now.id if now else "",
        "full": now.name if now is not None and now not in free else "",
        "any_booth": bool(await booths.of_prison(session, view.prison_id)),
    }


def _cautions(policy: FamilyPolicy) -> list[str]:
    return [CAUTIONS[code] for code in policy.cautions]


@router.post("/bookings/{booking_id}/request")
async def send(
    request: Request,
    services: Svc,
    who: Relative,
    booking_id: str,
    key: Text = "",
    visitor: Many = None,
    booth: Text = "",
) -> Response:
    """Idempotent by `key`; refused, the page comes back with every reason and the pick stays kept."""
    choices = [VisitorChoice(relationship_id) for relationship_id in visitor or []]
    try:
        async with services.db.write() as session:
            view = await booking.request(session, who, booking_id, choices, key, booth or None)
    except Refused as error:
        async with services.db.read() as session:
            view = await _held(session, who, booking_id)
            able = await offers.candidates(session, who, view.inmate_id)
            chosen = [held for held in able if held.id in (visitor or [])]
            errors = at_fields(request, error)
            status = error.status
            return await _confirm_page(request, session, view, able, chosen, _key(), errors, status, booth)
    return redirect(f"/bookings/{view.id}?sent=1")


@router.post("/bookings/{booking_id}/release")
async def release(services: Svc, who: Relative, booking_id: str) -> Response:
    async with services.db.write() as session:
        view = await booking.get_for(session, who, booking_id)
        await booking.release(session, who, booking_id)
    return redirect(f"/bookings/{view.replaces}/change" if view.replaces else f"/book/{view.inmate_id}")


@router.post("/bookings/{booking_id}/withdraw")
async def withdraw(services: Svc, who: Relative, booking_id: str) -> Response:
    async with services.db.write() as session:
        await booking.withdraw(session, who, booking_id)
    return redirect(f"/bookings/{booking_id}")


@router.get("/bookings/{booking_id}")
async def one(
    request: Request, db: Db, visitor: AtTheDoor, who: Relative, booking_id: str, sent: str = ""
) -> Response:
    now = clock.now()
    async with db.read() as session:
        view = await booking.get_for(session, who, booking_id)
        entries = await ledger.about(session, booking_ref(view.id))
        prison = await schedule.prison(session, view.prison_id)
        still_open = view.state in OPEN_STATES
        cautions = _cautions(await policy_of(session, view)) if still_open else []
        replaced = await booking.get(session, view.replaces) if view.replaces else None
        change = await changing.of(session, view.id)
        parts = await linked.beside(session, view)
        asked = await signing.chain(session, view) if view.state is BookingState.REQUESTED else []
        sits = (await booths.of_bookings(session, [view.id])).get(view.id)
        charge = await accounts.charge_of(session, view.id)
    mine = view.requested_by == who.subject.id
    return render(
        request,
        "family/booking.html",
        view=view,
        told=telling.booking(visitor.language, view, now),
        history=telling.history(visitor.language, entries),
        cautions=cautions,
        open=view.opens_at <= now,
        over=view.slot_ends_at <= now,
        just_sent=bool(sent) and view.state is BookingState.REQUESTED,
        can_withdraw=mine and still_open and view.state is not BookingState.HELD and now < view.starts_at,
        replaced=replaced if replaced and replaced.state in OPEN_STATES else None,
        change=change,
        parts=parts,
        desk=next((one for one in asked if one.by is None), None),
        desks={**OFFICES, **DESKS},
        phone=prison.help_phone if prison else "",
        booth=sits,
        counts=CHARGES[charge] if view.state is BookingState.NO_SHOW or telling.withdrawn_late(view) else "",
    )
