"""What the prison does with a booking: approve, refuse, confirm, cancel, complete."""

from collections.abc import Mapping

from sqlalchemy import delete, select

from core import clock
from core.db import Session
from core.errors import Malformed, Reason, Refused
from core.ids import SYSTEM
from ledger.record import record
from people import repository as people
from people.model import Relationship
from policy import repository as policies
from policy.wording import CANCEL_REASONS, REFUSAL_REASONS
from scheduler import accounts, booking, changing, facts, moves, places, signing, strikes, telling
from scheduler.access import DECIDERS, SUPERVISORS, Actor, booking_ref, ref, require, tag
from scheduler.model import (
    OPEN_STATES,
    BookingState,
    BookingView,
    ClaimKind,
    Fault,
    ticks,
)
from scheduler.rules import STANDING, refusals
from scheduler.tables import BookingRow, SlotRow, VisitorRow

_OUTCOMES = frozenset({BookingState.COMPLETED, BookingState.NO_SHOW, BookingState.CANCELLED})
_WORDS_LENGTH = 500


class BadReason(Malformed):
    code = "bad-reason"
    text = "Please choose one of the reasons that this prison uses, and say it in your words where it is 'other'."
    status = 422


async def approve(session: Session, actor: Actor, booking_id: str) -> BookingView:
    """Approves, or where a rule was broken signs for the next office of the chain; the last one's signature approves.
    A visit that this one replaces ends with it.

    Raises `Refused` when, since the request, a rule about the people or the time no longer holds.
    """
    view = await booking.get(session, booking_id)
    require(actor, view.prison_id, DECIDERS)
    await _still_stands(session, view)
    if view.chain and await signing.sign(session, actor, view):
        return view
    await moves.move(session, actor, booking_id, BookingState.APPROVED)
    await changing.settle(session, view)
    return await booking.get(session, booking_id)


async def _still_stands(session: Session, view: BookingView) -> None:
    if view.state is not BookingState.REQUESTED:
        raise moves.Moved
    ground = await facts.ground(session, view.inmate_id)
    relations: list[Relationship] = []
    for visitor in view.visitors:
        relation = await people.relationship_by_id(session, visitor.relationship_id)
        if relation is not None:
            relations.append(relation)
    ignoring = BookingRow.id == view.id
    (slot,) = await facts.slots(session, [SlotRow.id == view.slot_id], ignoring=ignoring)
    case = await facts.judge(session, ground, relations, [slot], ignoring=ignoring)
    excepted = {one.code for one in view.exceptions}
    if reasons := [reason for reason in refusals(case, slot, STANDING) if reason.code not in excepted]:
        raise Refused(reasons)


async def refuse(
    session: Session, actor: Actor, booking_id: str, reason_code: str, words: str = ""
) -> BookingView:
    """`reason_code` of the prison's policy; `words` are shown to the family, and needed with `other`."""
    view = await booking.get(session, booking_id)
    require(actor, view.prison_id, DECIDERS)
    policy = (await policies.current(session, view.wing_id, clock.now())).values
    reason = _reason(REFUSAL_REASONS, policy.refusal_reasons, reason_code, words)
    await moves.move(
        session, actor, booking_id, BookingState.REFUSED, reason=reason, words=words, fault=Fault.PRISON
    )
    return await booking.get(session, booking_id)


def _reason(texts: Mapping[str, str], used: tuple[str, ...], code: str, words: str) -> Reason:
    if code not in used or len(words) > _WORDS_LENGTH or (code == "other" and not words.strip()):
        raise BadReason
    return Reason(code, texts[code])


async def confirm(session: Session, actor: Actor, booking_id: str) -> BookingView:
    """The visit is promised: everybody is told, reminders are queued."""
    view = await booking.get(session, booking_id)
    require(actor, view.prison_id, DECIDERS)
    await moves.move(session, actor, booking_id, BookingState.CONFIRMED)
    await telling.remind(session, booking_id)
    return await booking.get(session, booking_id)


async def cancel(
    session: Session,
    actor: Actor,
    booking_id: str,
    reason_code: str,
    words: str = "",
    *,
    fault: Fault = Fault.PRISON,
) -> BookingView:
    """The prison takes a visit back, with a reason of its policy that the family sees."""
    view = await booking.get(session, booking_id)
    require(actor, view.prison_id, SUPERVISORS)
    policy = (await policies.current(session, view.wing_id, clock.now())).values
    reason = _reason(CANCEL_REASONS, policy.cancel_reasons, reason_code, words)
    await moves.move(
        session, actor, booking_id, BookingState.CANCELLED, reason=reason, words=words, fault=fault
    )
    return await booking.get(session, booking_id)


async def complete(
    session: Session,
    booking_id: str,
    outcome: BookingState,
    *,
    actor: Actor | None = None,
    fault: Fault | str = Fault.NOBODY,
    reason: Reason | None = None,
) -> BookingView:
    """How a confirmed visit ended: COMPLETED, NO_SHOW, or CANCELLED when the prison or the platform failed
    (then it does not count against the allowance). The platform acts unless `actor` is given.

    The same outcome again changes nothing, so whoever reports it may do so twice.
    """
    if outcome not in _OUTCOMES:
        raise ValueError(f"a visit does not end as {outcome}")
    view = await booking.get(session, booking_id)
    if view.state is outcome:
        return view
    await moves.move(
        session,
        actor or SYSTEM,
        booking_id,
        outcome,
        only_if=BookingRow.state == BookingState.CONFIRMED,
        reason=reason,
        fault=Fault(fault),
    )
    ended = await booking.get(session, booking_id)
    if outcome is BookingState.NO_SHOW:
        await _missed(session, ended)
    return ended


async def _missed(session: Session, view: BookingView) -> None:
    """Whether a missed visit counts is the policy's to say, and so is how many are too many (rules F8)."""
    values = (await policies.current(session, view.wing_id, clock.now())).values
    if "no-show" not in values.consumed_by:
        await places.release_visit(session, view.id)
        await accounts.refund(session, view.id)
    await strikes.count(session, view)


async def relationship_ended(session: Session, relationship_id: str, actor: Actor) -> list[BookingView]:
    """A visitor is no longer admitted: drops the visitor from what lies ahead, and cancels where nobody, or
    no adult, remains. Answers the bookings that were touched."""
    relation = await people.relationship_by_id(session, relationship_id)
    if relation is None:
        return []
    with_visitor = select(VisitorRow.booking_id).where(VisitorRow.relationship_id == relationship_id)
    own_pick = (
        (BookingRow.state == BookingState.HELD)
        & (BookingRow.requested_by == relation.relative_id)
        & (BookingRow.inmate_id == relation.inmate_id)
    )
    ids = await session.scalars(
        select(BookingRow.id)
        .where(
            BookingRow.state.in_(OPEN_STATES),
            BookingRow.slot_ends_at > clock.now(),
            own_pick | BookingRow.id.in_(with_visitor),
        )
        .order_by(BookingRow.id)
    )
    touched = [await booking.get(session, booking_id) for booking_id in ids.all()]
    for view in touched:
        await _without(session, actor, view, relation)
    return [await booking.get(session, view.id) for view in touched]


async def _without(session: Session, actor: Actor, view: BookingView, relation: Relationship) -> None:
    remaining = [v for v in view.visitors if v.relationship_id != relation.id]
    if not remaining or all(visitor.minor for visitor in remaining):
        reason = Reason("visitor-not-admitted", CANCEL_REASONS["visitor-not-admitted"])
        await moves.try_move(session, actor, view.id, BookingState.CANCELLED, reason=reason)
        return
    await session.execute(
        delete(VisitorRow)
        .where(VisitorRow.booking_id == view.id, VisitorRow.relationship_id == relation.id)
        .execution_options(synchronize_session=False)
    )
    numbers = ticks(view.starts_at, view.slot_ends_at)
    own = places.ticks_of(ClaimKind.VISITOR, relation.relative_id, numbers)
    await places.unclaim(session, own, view.id)
    await telling.do_not_remind(session, view.id, relation.relative_id)
    record(
        session,
        tag(actor, "booking:visitor-dropped"),
        actor=ref(actor),
        subject=booking_ref(view.id),
        relationship=relation.id,
    )
    await telling.of_change(session, view.id)
