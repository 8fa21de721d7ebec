"""Visits that are asked for from inside, as data: what the family answers at home, and what the inmate asks for at a
terminal after number, name and personal code. The pages' use cases, with the same refusals."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from core.errors import Forbidden, Refused
from legalaid import personal
from legalaid.model import AtDesk
from people.model import Kinship
from scheduler import facts, inviting
from scheduler.inviting import Invitation
from scheduler.model import BookingState, SlotOffer
from scheduler.offering import OfferState
from web import inside_words, legal
from web.api_models import BookingOut, ErrorOut, SlotOut
from web.deps import AtTheDoor, Db, Relative, Svc, Terminal
from web.legal import Desk
from web.routes.api import booking_out, slot_out

router = APIRouter(
    prefix="/api/v1",
    responses={status: {"model": ErrorOut} for status in (401, 403, 404, 409, 422, 429)},
)


class NobodyAtTheTerminal(Forbidden):
    code = "nobody-at-terminal"
    text = "Please show your number, name and code first."


class _In(BaseModel):
    """An unknown field is an error: a misspelt one would be without effect."""

    model_config = ConfigDict(extra="forbid")


class InvitationOut(BaseModel):
    """`state` is open, accepted, declined, expired or taken-back; `visit`: of the booking, once it was accepted."""

    id: str
    inmate_id: str
    inmate_name: str
    relationship_id: str
    relative_name: str
    zone: str
    starts_at: datetime
    minutes: int
    state: OfferState
    visit: BookingState | None
    booking_id: str | None
    expires_at: datetime


class AcceptIn(_In):
    """Who comes along: ids of relationships. The one who was asked comes anyway. `booth_id`: where they would sit."""

    relationship_ids: list[str] = Field(default=[], max_length=10)
    booth_id: str | None = Field(default=None, max_length=40)


class StepUpIn(_In):
    number: str = Field(max_length=100)
    name: str = Field(max_length=100)
    pin: str = Field(max_length=20)


class AskableOut(BaseModel):
    relationship_id: str
    name: str
    kinship: Kinship


class InsideOut(BaseModel):
    """`allowed`: whether the rules let an inmate ask at all; `suspended_until`: the last day without visits."""

    inmate_id: str
    zone: str
    allowed: bool
    suspended_until: date | None
    relatives: list[AskableOut]
    asked: list[InvitationOut]


class AskIn(_In):
    """`key`: the terminal's own, new for each wish, so that sending twice asks once."""

    relationship_id: str
    slot_id: str
    key: str = Field(min_length=8, max_length=100)


def _out(found: Invitation) -> InvitationOut:
    taken = found.state is OfferState.ACCEPTED
    return InvitationOut(
        id=found.id,
        inmate_id=found.inmate_id,
        inmate_name=found.inmate_name,
        relationship_id=found.relationship_id,
        relative_name=found.relative_name,
        zone=found.zone,
        starts_at=found.starts_at,
        minutes=found.minutes,
        state=found.state,
        visit=found.visit if taken else None,
        booking_id=found.hold_id if taken else None,
        expires_at=found.expires_at,
    )


# --- at home --------------------------------------------------------------------------------------------


@router.get("/invitations", tags=["family"])
async def waiting(db: Db, who: Relative) -> list[InvitationOut]:
    """What waits for this relative's yes or no."""
    async with db.read() as session:
        return [_out(one) for one in await inviting.of_relative(session, who.subject.id)]


@router.get("/invitations/{invitation_id}", tags=["family"])
async def one(db: Db, who: Relative, invitation_id: str) -> InvitationOut:
    async with db.read() as session:
        return _out(await inviting.get(session, who, invitation_id))


@router.post("/invitations/{invitation_id}/accept", tags=["family"])
async def accept(
    db: Db, visitor: AtTheDoor, who: Relative, invitation_id: str, coming: AcceptIn
) -> BookingOut:
    """From here on it is the relative's own request; the same again answers the same."""
    async with db.write() as session:
        view = await inviting.accept(session, who, invitation_id, coming.relationship_ids, coming.booth_id)
    return booking_out(visitor.language, view)


@router.post("/invitations/{invitation_id}/decline", tags=["family"])
async def decline(db: Db, who: Relative, invitation_id: str) -> InvitationOut:
    """The time is free again."""
    async with db.write() as session:
        await inviting.decline(session, who, invitation_id)
        return _out(await inviting.get(session, who, invitation_id))


# --- at a terminal --------------------------------------------------------------------------------------


async def _somebody(db: Db, _who: Terminal, desk: Desk) -> AtDesk:
    """The inmate who has shown number, name and code at this terminal within a quarter of an hour."""
    if desk is None:
        raise NobodyAtTheTerminal
    async with db.read() as session:
        if not await personal.still(session, desk):
            raise NobodyAtTheTerminal
    return desk


Inmate = Annotated[AtDesk, Depends(_somebody)]


@router.post("/terminal/desk", status_code=HTTP_204_NO_CONTENT, tags=["terminal"])
async def step_up(services: Svc, who: Terminal, shown: StepUpIn) -> Response:
    """Number, name and personal code; answers with the cookie that the addresses below need."""
    async with services.db.write() as session:
        means = legal.means_of(services)
        desk = await personal.step_up(session, means, who, shown.number, shown.name, shown.pin.strip())
    response = Response(status_code=HTTP_204_NO_CONTENT)
    legal.open_desk(response, services, who, desk)
    return response


@router.delete("/terminal/desk", status_code=HTTP_204_NO_CONTENT, tags=["terminal"])
async def finish(services: Svc, _who: Terminal) -> Response:
    """The inmate walks away."""
    response = Response(status_code=HTTP_204_NO_CONTENT)
    legal.close_desk(response, services)
    return response


@router.get("/terminal/visits", tags=["terminal"])
async def inside(db: Db, desk: Inmate) -> InsideOut:
    """Whom the inmate can ask, whether at all, and what became of what was asked, the newest first."""
    async with db.read() as session:
        ground = await facts.ground(session, desk.inmate_id)
        able = await inviting.askable(session, desk.inmate_id)
        return InsideOut(
            inmate_id=desk.inmate_id,
            zone=ground.prison.zone,
            allowed=inviting.STARTER in ground.policy.values.started_by,
            suspended_until=await inviting.suspended_until(session, desk.inmate_id),
            relatives=[
                AskableOut(relationship_id=one.id, name=one.relative_name, kinship=one.kinship)
                for one in able
            ],
            asked=[_out(one) for one in await inviting.of_inmate(session, desk.inmate_id)],
        )


@router.get("/terminal/visits/{relationship_id}", tags=["terminal"])
async def times(
    db: Db, visitor: AtTheDoor, who: Terminal, desk: Inmate, relationship_id: str
) -> list[SlotOut]:
    """Every time with this relative within the days that can be booked, and for each that is not offered, why."""
    async with db.read() as session:
        chosen = await inviting.choice(session, who, desk.inmate_id, relationship_id)
    first, last = chosen.ground.bookable
    offers = [offer for slot, offer in chosen.slots if first <= slot.day <= last]
    return [slot_out(visitor.language, _inside(offer)) for offer in offers]


def _inside(offer: SlotOffer) -> SlotOffer:
    said = tuple(inside_words.said_inside(reason) for reason in offer.reasons)
    return replace(offer, reasons=said)


@router.post("/terminal/visits", status_code=HTTP_201_CREATED, tags=["terminal"])
async def ask(db: Db, who: Terminal, desk: Inmate, wish: AskIn) -> InvitationOut:
    """Keeps the time and tells the relative; the same `key` again is the same wish."""
    try:
        async with db.write() as session:
            return _out(
                await inviting.invite(
                    session, who, desk.inmate_id, wish.relationship_id, wish.slot_id, wish.key
                )
            )
    except Refused as error:
        raise Refused(inside_words.refused_inside(error)) from error


@router.post("/terminal/visits/{invitation_id}/withdraw", tags=["terminal"])
async def take_back(db: Db, desk: Inmate, invitation_id: str) -> InvitationOut:
    """The inmate does not want it any more."""
    async with db.write() as session:
        await inviting.take_back(session, desk.inmate_id, invitation_id)
        found = await inviting.of_inmate(session, desk.inmate_id)
    return next(_out(one) for one in found if one.id == invitation_id)
