"""A visit that is asked for from inside (rules R10): at the terminal an inmate picks an approved relative and a time;
the time is kept as an offer is, and the relative says yes or no. A yes makes it the family's own request, judged once
more and decided like every other; until then nothing has been asked of the prison and nothing counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from people import repository as people
from people.model import Identity, Relationship, Role
from people.tables import RelativeRow
from scheduler import access, booking, facts, moves, offering, offers, picking, places, repository, telling
from scheduler.access import Actor, ref
from scheduler.model import BookingState, BookingView, SlotOffer, VisitorChoice
from scheduler.offering import OfferState
from scheduler.offers import Choice
from scheduler.picking import Purpose
from scheduler.planning_tables import InvitationRow
from scheduler.tables import BanRow, BookingRow, PrisonRow

STARTER = "inmate"  # in the policy's `started_by`
_A_DAY = 3  # so often a family may be written to in 24 hours at one inmate's wish
_AT_ONCE = 100  # rows read at one time

ONE_AT_A_TIME = Reason(
    "invitation-waits",
    "You have asked for a visit already and wait for the answer. Take that one back first, or wait.",
)
ASKED_OFTEN = Reason(
    "invited-often",
    "You have asked {count} times within a day. Please ask again tomorrow.",
    {"count": _A_DAY},
)
BEING_BOOKED = Reason(
    "being-booked", "{name} is just booking a visit with you. Please look again in a quarter of an hour."
)
TOO_LATE = Reason(
    "too-late-to-answer", "This time is so near that your family could not answer. Please choose a later one."
)


class InvitationGone(Conflict):
    code = "invitation-gone"
    text = "This time is no longer kept for you. You can choose another one yourself."


@dataclass(frozen=True, slots=True)
class Invitation:
    """`state` as it is now: one that has run out is expired, noticed or not. `visit`: what became of the booking."""

    id: str
    inmate_id: str
    inmate_name: str
    relationship_id: str
    relative_name: str
    hold_id: str
    starts_at: datetime
    minutes: int
    zone: str
    state: OfferState
    visit: BookingState
    expires_at: datetime


async def askable(session: Session, inmate_id: str) -> Sequence[Relationship]:
    """Whom the inmate may ask: approved relatives with an account of their own."""
    able = await people.approved_of_inmate(session, inmate_id)
    own = select(RelativeRow.id).where(
        RelativeRow.id.in_([one.relative_id for one in able]), RelativeRow.guardian_id.is_(None)
    )
    grown = set(await session.scalars(own))
    return [one for one in able if one.relative_id in grown]


async def suspended_until(session: Session, inmate_id: str) -> date | None:
    """The last day on which all visits of this inmate are suspended; None where today they are not."""
    ground = await facts.ground(session, inmate_id)
    today = ground.now.astimezone(ground.zone).date()
    last: date | None = await session.scalar(
        select(func.max(BanRow.last_day)).where(
            BanRow.prison_id == ground.prison.id,
            BanRow.inmate_id == inmate_id,
            BanRow.relative_id.is_(None),
            BanRow.lifted_at.is_(None),
            BanRow.first_day <= today,
            BanRow.last_day >= today,
        )
    )
    return last


async def choice(session: Session, actor: Identity, inmate_id: str, relationship_id: str) -> Choice:
    """What the inmate may choose from with this relative: judged as the family's own choice is, only that it is the
    inmate who asks. Raises `NotFound` for a relative who is not `askable`."""
    guest = await _guest(session, actor, inmate_id, relationship_id)
    relative = access.in_the_name_of(guest.relative_id)
    chosen = await offers.choice(session, relative, inmate_id, starter=STARTER)
    now = clock.now()
    slots = tuple((slot, _answerable(offer, now)) for slot, offer in chosen.slots)
    return replace(chosen, slots=slots)


def _answerable(offer: SlotOffer, now: datetime) -> SlotOffer:
    """A time that is still to come but so near that nobody could answer is none."""
    late = offering.kept_until(now, offer.starts_at) <= now < offer.starts_at
    return replace(offer, reasons=(*offer.reasons, TOO_LATE)) if late else offer


async def _guest(session: Session, actor: Identity, inmate_id: str, relationship_id: str) -> Relationship:
    inmate = await people.inmate(session, inmate_id)
    if Role.TERMINAL not in actor.roles:
        raise Forbidden
    if inmate is None or inmate.prison_id != actor.prison_id:
        raise NotFound
    for one in await askable(session, inmate_id):
        if one.id == relationship_id:
            return one
    raise NotFound


async def invite(
    session: Session, actor: Identity, inmate_id: str, relationship_id: str, slot_id: str, key: str
) -> Invitation:
    """Keeps the time for the relative and tells them; the same `key` again answers the same. `actor`: the terminal at
    which the inmate stands, who the inmate is has been proved before.

    Raises `Refused` with every reason, `NotFound` for a relative or a time that cannot be theirs.
    """
    guest = await _guest(session, actor, inmate_id, relationship_id)
    picking.check_key(key)
    same = InvitationRow.inmate_id == inmate_id, InvitationRow.request_key == key
    if known := await _find(session, *same):
        return known[0]
    await expire(session, InvitationRow.inmate_id == inmate_id)
    await _not_too_often(session, inmate_id)
    await _not_while_booking(session, guest)
    invitation_id = new_id("inv")
    purpose = Purpose(link=f"{offering.LINK}{invitation_id}", on_behalf=guest.relative_id, starter=STARTER)
    held = await picking.hold(session, actor, inmate_id, slot_id, invitation_id, purpose)
    await _keep(session, actor, held, guest, invitation_id, key)
    _enter(session, Ref("inmate", inmate_id), "inmate", "invited", held.id, invitation_id)
    await telling.of_invitation(session, held.id)
    (made,) = await _find(session, InvitationRow.id == invitation_id)
    return made


async def _keep(
    session: Session, actor: Identity, held: BookingView, guest: Relationship, invitation_id: str, key: str
) -> None:
    """The pick is kept for as long as an offer is, and the invitation written down."""
    now = clock.now()
    expires = offering.kept_until(now, held.starts_at)
    if expires <= now:
        raise Refused([TOO_LATE])
    await session.execute(
        update(BookingRow)
        .where(BookingRow.id == held.id)
        .values(held_until=expires)
        .execution_options(synchronize_session=False)
    )
    values = {
        "id": invitation_id,
        "inmate_id": guest.inmate_id,
        "relationship_id": guest.id,
        "hold_id": held.id,
        "slot_id": held.slot_id,
        "request_key": key,
        "open_for": guest.inmate_id,
        "state": OfferState.OPEN,
        "terminal_id": actor.subject.id,
        "expires_at": expires,
        "made_at": now,
        "answered_at": None,
    }
    if not await places.insert_new(session, InvitationRow, [values], InvitationRow.id):
        raise Refused([ONE_AT_A_TIME])  # asked at another terminal in the same instant


async def _not_too_often(session: Session, inmate_id: str) -> None:
    mine = InvitationRow.inmate_id == inmate_id
    if await session.scalar(select(InvitationRow.id).where(InvitationRow.open_for == inmate_id)) is not None:
        raise Refused([ONE_AT_A_TIME])
    since = clock.now() - timedelta(days=1)
    made = select(func.count()).select_from(InvitationRow).where(mine, InvitationRow.made_at > since)
    if (await session.scalar(made) or 0) >= _A_DAY:
        raise Refused([ASKED_OFTEN])


async def _not_while_booking(session: Session, guest: Relationship) -> None:
    """A pick of the relative's own would be let go for this one, under their hands."""
    picks = places.own_pick(guest.relative_id, guest.inmate_id), BookingRow.held_until > clock.now()
    if await session.scalar(select(BookingRow.id).where(*picks).limit(1)) is not None:
        raise Refused([replace(BEING_BOOKED, params={"name": guest.relative_name})])


async def accept(
    session: Session,
    actor: Identity,
    invitation_id: str,
    beside: Iterable[str] = (),
    booth_id: str | None = None,
) -> BookingView:
    """The relative says yes: from here on it is their own request, with whom they bring (`beside`: relationships), and
    where they would sit (`booth_id`) if they have no device.

    The same tap again answers the same. Raises `InvitationGone`, `Refused` with every reason that has come up since,
    and then the time is still kept; `NotFound` for what somebody else was asked.
    """
    found = await get(session, actor, invitation_id)
    if found.state is not OfferState.ACCEPTED:
        in_time = InvitationRow.expires_at > clock.now()
        if not await _answer(session, invitation_id, OfferState.ACCEPTED, in_time):
            raise InvitationGone
        coming = [VisitorChoice(one) for one in dict.fromkeys((found.relationship_id, *beside))]
        await booking.request(session, actor, found.hold_id, coming, invitation_id, booth_id)
        _enter(session, actor, "family", "invitation-accepted", found.hold_id, invitation_id)
    return await repository.get(session, found.hold_id)


async def decline(session: Session, actor: Identity, invitation_id: str) -> None:
    """The relative says no; the time is free again. Raises as `accept`."""
    found = await get(session, actor, invitation_id)
    if not await _close(session, actor, "family", found, OfferState.DECLINED):
        raise InvitationGone


async def take_back(session: Session, inmate_id: str, invitation_id: str) -> None:
    """The inmate does not want it any more. Raises `InvitationGone` when it was answered, `NotFound`."""
    mine = InvitationRow.id == invitation_id, InvitationRow.inmate_id == inmate_id
    for found in await _find(session, *mine):
        if not await _close(session, Ref("inmate", inmate_id), "inmate", found, OfferState.TAKEN_BACK):
            raise InvitationGone
        return
    raise NotFound


async def expire(session: Session, *which: ColumnElement[bool]) -> int:
    """Ends those (of `which`) that ran out, and those whose held seat is gone; answers how many. Who sent the kept
    time off by the pages of a pick has said yes."""
    standing = [InvitationRow.state == OfferState.OPEN, *which]
    ended = 0
    sent = BookingRow.request_key.is_not(None)
    for found in await _find(session, *standing, sent):
        ended += await _close(session, SYSTEM, "system", found, OfferState.ACCEPTED)
    over = (InvitationRow.expires_at <= clock.now()) | (BookingRow.state != BookingState.HELD)
    for found in await _find(session, *standing, over):
        ended += await _close(session, SYSTEM, "system", found, OfferState.EXPIRED)
    return ended


async def _close(session: Session, actor: Actor, who: str, found: Invitation, to: OfferState) -> bool:
    if not await _answer(session, found.id, to):
        return False
    held = BookingRow.state == BookingState.HELD
    await moves.try_move(session, actor, found.hold_id, BookingState.WITHDRAWN, only_if=held)
    _enter(session, actor, who, f"invitation-{to}", found.hold_id, found.id)
    return True


async def _answer(
    session: Session, invitation_id: str, to: OfferState, *only_if: ColumnElement[bool]
) -> bool:
    answered = await session.scalar(
        update(InvitationRow)
        .where(InvitationRow.id == invitation_id, InvitationRow.state == OfferState.OPEN, *only_if)
        .values(state=to, open_for=None, answered_at=clock.now())
        .returning(InvitationRow.id)
        .execution_options(synchronize_session=False)
    )
    return answered is not None


def _enter(session: Session, actor: Actor, who: str, what: str, hold_id: str, invitation_id: str) -> None:
    record(
        session,
        f"{who}:booking:{what}",
        actor=ref(actor),
        subject=access.booking_ref(hold_id),
        invitation=invitation_id,
    )


async def get(session: Session, actor: Identity, invitation_id: str) -> Invitation:
    """What this relative was asked; raises `NotFound`."""
    mine = BookingRow.requested_by == access.relative_id(actor)
    for found in await _find(session, InvitationRow.id == invitation_id, mine):
        return found
    raise NotFound


async def of_relative(session: Session, relative_id: str) -> list[Invitation]:
    """What waits for this relative's yes or no."""
    waiting = InvitationRow.state == OfferState.OPEN, InvitationRow.expires_at > clock.now()
    return await _find(session, BookingRow.requested_by == relative_id, *waiting)


async def of_inmate(session: Session, inmate_id: str) -> list[Invitation]:
    """What the inmate asked for, the newest first."""
    return await _find(session, InvitationRow.inmate_id == inmate_id)


async def _find(session: Session, *where: ColumnElement[bool]) -> list[Invitation]:
    query = (
        select(InvitationRow, BookingRow, RelativeRow.name, PrisonRow.zone)
        .join(BookingRow, BookingRow.id == InvitationRow.hold_id)
        .join(RelativeRow, RelativeRow.id == BookingRow.requested_by)
        .join(PrisonRow, PrisonRow.id == BookingRow.prison_id)
        .where(*where)
        .order_by(InvitationRow.made_at.desc(), InvitationRow.id.desc())
        .limit(_AT_ONCE)
        .execution_options(populate_existing=True)
    )
    return [_invitation(*row) for row in (await session.execute(query)).all()]


def _invitation(row: InvitationRow, visit: BookingRow, name: str, zone: str) -> Invitation:
    over = row.state == OfferState.OPEN and row.expires_at <= clock.now()
    return Invitation(
        id=row.id,
        inmate_id=row.inmate_id,
        inmate_name=visit.inmate_name,
        relationship_id=row.relationship_id,
        relative_name=name,
        hold_id=row.hold_id,
        starts_at=visit.starts_at,
        minutes=visit.minutes,
        zone=zone,
        state=OfferState.EXPIRED if over else OfferState(row.state),
        visit=BookingState(visit.state),
        expires_at=row.expires_at,
    )
