"""What is kept as evidence: which recordings are held, by whom and why, and when that is looked at again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from core.db import Session
from core.errors import NotFound, Reason, Refused
from core.ids import Ref
from people.model import Identity, Role
from recording import days, holds, recheck
from recording.holds import HoldView, Term
from scheduler import repository as scheduler
from scheduler.model import BookingView
from web import duty, history
from web.deps import Db, staff
from web.duty import Duty
from web.forms import FilledIn, at_fields
from web.i18n import N_
from web.lights import Light, of_deadline
from web.routes.admin import scope
from web.routes.recordings import PROBLEMS
from web.templating import redirect, render, sentence

router = APIRouter(include_in_schema=False)

Keeper = Annotated[Identity, Depends(staff(Role.MONITOR, Role.APPROVER, Role.ADMIN))]
Decider = Annotated[Identity, Depends(staff(Role.APPROVER, Role.ADMIN))]

DAYS_SHOWN = 7
REASONS: dict[str, str] = {
    "investigation": N_("A criminal or disciplinary investigation"),
    "court": N_("A court or a procuratorate has asked for it"),
    "complaint": N_("A complaint or appeal that is not decided"),
    "discipline": N_("A disciplinary matter inside the prison"),
    "authority": N_("Another authority that is entitled to it"),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A hold as a line of the list; `light` is that of its review."""

    hold: HoldView
    booking: BookingView
    by: str
    light: Light

    @property
    def reason(self) -> str:
        return REASONS[self.hold.reason]

    @property
    def last(self) -> datetime:
        """In the last day for which it is thought to be held, not the midnight after it."""
        return self.hold.until - timedelta.resolution


@dataclass(frozen=True, slots=True)
class Wish:
    """A hold's form as it came."""

    reason: str = ""
    words: str = ""
    until: str = ""
    review: str = ""

    def term(self, on: Duty) -> Term:
        """Held to the end of one day, looked at again from the beginning of another, in the prison's zone."""
        until, review = _day(self.until), _day(self.review)
        return Term(on.bounds(until)[1] if until else None, on.bounds(review)[0] if review else None)


Wished = Annotated[Wish, Depends(FilledIn(Wish))]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@router.get("/evidence")
async def home(request: Request, db: Db, who: Keeper, prison: str = "") -> Response:
    async with db.read() as session:
        on, _ = await _duty(session, who, prison)
        found = await holds.active(session, on.prison.id)
        names = await history.names_of(session, (hold.placed_by for hold in found))
        held = [await _held(session, hold, on, names) for hold in found]
        sealed = await days.latest(session, DAYS_SHOWN)
        damaged = [
            (await visit(session, one.booking_id), one)
            for one in await recheck.damaged(session, on.prison.id)
        ]
        run = await recheck.latest(session)
    return render(
        request,
        "evidence/home.html",
        held=held,
        sealed=sealed,
        damaged=damaged,
        run=run,
        problems=PROBLEMS,
        on=on,
        decides=_decides(who),
    )


async def _duty(session: Session, who: Identity, chosen: str = "") -> tuple[Duty, bool]:
    """The prison in view, and whether another could be chosen: administrators of the whole house may."""
    if Role.ADMIN in who.roles:
        on, others = await scope.duty_of(session, who, chosen)
        return on, bool(others)
    return await duty.of(session, who), False


def _decides(who: Identity) -> bool:
    return bool(who.roles & {Role.APPROVER, Role.ADMIN})


async def _held(session: Session, hold: HoldView, on: Duty, names: dict[Ref, str]) -> Held:
    return Held(
        hold,
        await visit(session, hold.booking_id),
        names[hold.placed_by],
        of_deadline(hold.review_at, on.now),
    )


async def visit(session: Session, booking_id: str) -> BookingView:
    booking = await scheduler.view(session, booking_id)
    if booking is None:
        raise NotFound
    return booking


async def prison_in_view(session: Session, who: Identity, chosen: str = "") -> Duty:
    """The duty at the keeper's prison, or the one an administrator of the whole house chose."""
    return (await _duty(session, who, chosen))[0]


async def visit_of_keeper(session: Session, who: Identity, booking_id: str) -> tuple[BookingView, Duty]:
    """A visit of the keeper's own prison; `NotFound` for another's, as for none."""
    booking = await visit(session, booking_id)
    on, _ = await _duty(session, who, booking.prison_id)
    if on.prison.id != booking.prison_id:
        raise NotFound
    return booking, on


@router.get("/evidence/visits/{booking_id}/hold")
async def hold_form(request: Request, db: Db, who: Keeper, booking_id: str) -> Response:
    async with db.read() as session:
        booking, on = await visit_of_keeper(session, who, booking_id)
    return _form(request, booking, on, Wish(), {})


@router.post("/evidence/visits/{booking_id}/hold")
async def hold(request: Request, db: Db, who: Keeper, booking_id: str, wish: Wished) -> Response:
    async with db.read() as session:
        booking, on = await visit_of_keeper(session, who, booking_id)
    try:
        async with db.write() as session:
            await holds.place(session, who, booking_id, wish.reason, wish.words, wish.term(on))
    except Refused as error:
        return _form(request, booking, on, wish, at_fields(request, error), error.status)
    return redirect("/evidence")


def _form(
    request: Request, booking: BookingView, on: Duty, wish: Wish, errors: dict[str, str], status: int = 200
) -> Response:
    reasons = [(code, sentence(request, Reason(code, text))) for code, text in REASONS.items()]
    return render(
        request,
        "evidence/hold.html",
        status=status,
        booking=booking,
        on=on,
        wish=wish,
        errors=errors,
        reasons_words=reasons,
        words_max=holds.WORDS_MAX,
    )


@router.get("/evidence/holds/{hold_id}")
async def review_form(request: Request, db: Db, who: Decider, hold_id: str) -> Response:
    held, on = await _one(db, who, hold_id)
    return _review(request, held, on, Wish(), {})


async def _one(db: Db, who: Identity, hold_id: str) -> tuple[Held, Duty]:
    async with db.read() as session:
        found = next((one for one in await holds.active(session, who.prison_id) if one.id == hold_id), None)
        if found is None:
            raise NotFound
        _, on = await visit_of_keeper(session, who, found.booking_id)
        names = await history.names_of(session, [found.placed_by])
        return await _held(session, found, on, names), on


@router.post("/evidence/holds/{hold_id}/{decision}")
async def review(
    request: Request, db: Db, who: Decider, hold_id: str, decision: str, wish: Wished
) -> Response:
    held, on = await _one(db, who, hold_id)
    try:
        async with db.write() as session:
            if decision == "keep":
                await holds.keep(session, who, hold_id, wish.words, wish.term(on))
            elif decision == "release":
                await holds.release(session, who, hold_id, wish.words)
            else:
                raise NotFound
    except Refused as error:
        return _review(request, held, on, wish, at_fields(request, error), decision, error.status)
    return redirect("/evidence")


def _review(
    request: Request,
    held: Held,
    on: Duty,
    wish: Wish,
    errors: dict[str, str],
    decision: str = "",
    status: int = 200,
) -> Response:
    return render(
        request,
        "evidence/review.html",
        status=status,
        held=held,
        on=on,
        wish=wish,
        errors=errors,
        decision=decision,
        words_max=holds.WORDS_MAX,
    )
