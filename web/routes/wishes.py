"""A family says when it would like to come, and answers what it is offered: pages without script, and the API."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import KinbridgeError, Reason
from people import repository as people
from people.model import Identity
from scheduler import booths, flags, making_good, offering, repository, wishes
from scheduler.flags import Flag
from scheduler.model import BookingView, VisitorChoice
from scheduler.offering import Offer, OfferState
from scheduler.wishes import Choice, Wish
from web.deps import Db, Relative, Svc
from web.forms import Text, at_fields
from web.routes.booking import ground_of
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
api = APIRouter()
Texts = Annotated[list[str], Form()]
# Parts of a day as people name them; the prison's slots within count.
PARTS = {
    "any": (time(0), time(23, 59)),
    "morning": (time(0), time(12, 30)),
    "afternoon": (time(12), time(23, 59)),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the family's home says of a wish: what is wished for, for how long they wait, and why the last plan had
    no time for it (empty: no plan yet)."""

    wish: Wish
    name: str
    days: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Moving:
    """A visit that may not stand as it is: why, and the other time that is kept for the family, if there is one."""

    view: BookingView
    reason: Reason
    offer: Offer | None
    over: bool = False  # it broke; nothing of it stands any more


async def of_home(
    session: Session, relative_id: str, coming: Sequence[BookingView]
) -> tuple[list[Waiting], list[Moving]]:
    """What the family's home shows of wishes and of visits that must move."""
    now = clock.now()
    waiting = []
    for wish in await wishes.of_relative(session, relative_id):
        inmate = await people.inmate(session, wish.inmate_id)
        reasons = await wishes.last_reasons(session, wish.id)
        waiting.append(Waiting(wish, inmate.name if inmate else "", wish.waited_days(now), reasons))
    offers = await offering.of_bookings(session, [view.id for view in coming])
    moving = []
    for view in coming:
        open_ = [flag for flag in await flags.of_booking(session, view.id) if flag.state == "open"]
        if open_ and view.requested_by == relative_id:
            moving.append(_moving(view, open_[0], offers.get(view.id), now))
    for flag in await making_good.open_of(session, relative_id):
        view = await repository.get(session, flag.booking_id)
        offer = (await offering.of_bookings(session, [view.id])).get(view.id)
        moving.append(_moving(view, flag, offer, now, over=True))
    return waiting, moving


def _moving(
    view: BookingView, flag: Flag, offer: Offer | None, now: datetime, *, over: bool = False
) -> Moving:
    fresh = offer is not None and offer.state is OfferState.OPEN and offer.expires_at > now
    return Moving(view, flag.reason, offer if fresh else None, over)


@router.get("/wish/{inmate_id}")
async def form(request: Request, db: Db, who: Relative, inmate_id: str) -> Response:
    async with db.read() as session:
        context = await _form(session, who, inmate_id)
    return render(request, "family/wish.html", values={}, errors={}, chosen={}, **context)


async def _form(session: Session, who: Identity, inmate_id: str) -> dict[str, Any]:
    ground = await ground_of(session, who, inmate_id)
    first, last = ground.bookable
    others = await people.approved_of_inmate(session, inmate_id)
    return {
        "inmate": ground.inmate,
        "days": [first + timedelta(days=n) for n in range(min(14, (last - first).days + 1))],
        "visitors": [(one, one.relative_id == who.subject.id) for one in others],
        "ranks": range(wishes.RANKS),
        "booths": [
            (one.id, f"{one.name} · {one.place}") for one in await booths.of_prison(session, ground.prison.id)
        ],
        "key": secrets.token_urlsafe(12),
        "zone": ground.prison.zone,
    }


@router.post("/wish/{inmate_id}")
async def make(
    request: Request, services: Svc, who: Relative, inmate_id: str, key: Text = "",
    booth: Text = "", visitor: Texts = [], first: Texts = [], second: Texts = [], third: Texts = [],  # noqa: B006 - FastAPI copies
    first_part: Text = "any", second_part: Text = "any", third_part: Text = "any",
) -> Response:  # fmt: skip
    lists, parts = (first, second, third), (first_part, second_part, third_part)
    try:
        async with services.db.write() as session:
            choices = _choices(lists, parts)
            named = [VisitorChoice(one) for one in visitor]
            await wishes.make(session, who, inmate_id, named, choices, key, booth or None)
    except KinbridgeError as error:
        async with services.db.read() as session:
            context = await _form(session, who, inmate_id)
        typed = {f"part-{rank}": part for rank, part in enumerate(parts)} | {"booth": booth}
        return render(
            request, "family/wish.html", status=error.status, errors=at_fields(request, error),
            values=typed, chosen=dict(enumerate(lists)), **context,
        )  # fmt: skip
    return redirect("/home")


def _choices(lists: Sequence[Sequence[str]], parts: Sequence[str]) -> list[Choice]:
    """Days ticked under first, second and third wish, each with its part of the day. Raises `BadWish`."""
    try:
        return [
            Choice(rank, date.fromisoformat(day), *PARTS[part])
            for rank, (days, part) in enumerate(zip(lists, parts, strict=True))
            for day in days
        ]
    except (ValueError, KeyError) as error:
        raise wishes.BadWish(ranks=wishes.RANKS) from error


@router.post("/wishes/{wish_id}/withdraw")
async def withdraw(services: Svc, who: Relative, wish_id: str) -> Response:
    async with services.db.write() as session:
        await wishes.withdraw(session, who, wish_id)
    return redirect("/home")


@router.get("/offers/{offer_id}")
async def offer(request: Request, db: Db, who: Relative, offer_id: str) -> Response:
    """Why the visit must move, the old and the new time, and one button."""
    async with db.read() as session:
        found = await offering.get(session, who, offer_id)
        view = await repository.get(session, found.booking_id)
        flag = await flags.get(session, found.flag_id)
        sits = (await booths.of_bookings(session, [found.hold_id])).get(found.hold_id)
    return render(
        request, "family/offer.html", offer=found, view=view, reason=flag.reason, now=clock.now(), booth=sits,
        open=found.state is OfferState.OPEN and found.expires_at > clock.now(),
    )  # fmt: skip


@router.post("/offers/{offer_id}/accept")
async def accept(services: Svc, who: Relative, offer_id: str) -> Response:
    async with services.db.write() as session:
        view = await offering.accept(session, who, offer_id)
    return redirect(f"/bookings/{view.id}")


@router.post("/offers/{offer_id}/decline")
async def decline(services: Svc, who: Relative, offer_id: str) -> Response:
    async with services.db.write() as session:
        await offering.decline(session, who, offer_id)
    return redirect("/home")


class ChoiceIn(BaseModel):
    """`rank` 0 is the dearest; times by the prison's clocks."""

    rank: int = Field(ge=0, lt=wishes.RANKS)
    day: date
    starts: time
    ends: time


class WishIn(BaseModel):
    """`key` makes the request idempotent; `visitors`: ids of relationships."""

    inmate_id: str
    visitors: list[str]
    choices: list[ChoiceIn]
    key: str
    booth_id: str | None = None


class WishOut(BaseModel):
    id: str
    reference: str
    state: str
    waiting_since: datetime
    booking_id: str | None


def _out(wish: Wish) -> WishOut:
    return WishOut(
        id=wish.id,
        reference=wish.reference,
        state=wish.state,
        waiting_since=wish.waiting_since,
        booking_id=wish.booking_id,
    )


@api.post("/api/v1/wishes", status_code=201, tags=["wishes"])
async def make_wish(services: Svc, who: Relative, asked: WishIn) -> WishOut:
    """Says when one would like to come; the weekly plan gives the times out."""
    async with services.db.write() as session:
        choices = [Choice(one.rank, one.day, one.starts, one.ends) for one in asked.choices]
        named = [VisitorChoice(one) for one in asked.visitors]
        return _out(
            await wishes.make(session, who, asked.inmate_id, named, choices, asked.key, asked.booth_id)
        )


@api.get("/api/v1/wishes", tags=["wishes"])
async def my_wishes(db: Db, who: Relative) -> list[WishOut]:
    """What one waits for."""
    async with db.read() as session:
        return [_out(wish) for wish in await wishes.of_relative(session, who.subject.id)]


@api.delete("/api/v1/wishes/{wish_id}", status_code=204, tags=["wishes"])
async def withdraw_wish(services: Svc, who: Relative, wish_id: str) -> None:
    async with services.db.write() as session:
        await wishes.withdraw(session, who, wish_id)
