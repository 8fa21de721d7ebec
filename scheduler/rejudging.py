"""New rules and what is booked already: bookings ahead are judged again and flagged, never cancelled in silence.

Each booking is judged by the rules that will be in force when its visit begins. What is about booking itself (how far
ahead, whether the time is full) is not asked again. An officer decides on each flag (`flags`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, or_, select

from core import clock
from core.db import Session
from core.errors import Reason
from people import repository as people
from people.model import Relationship
from policy import repository as policies
from policy import service as policy_service
from policy.model import BadPolicy, Draft, PolicyIncomplete, PolicySet
from scheduler import facts, flags, judging, offering, picking, repository, rules
from scheduler.access import Actor, ref
from scheduler.case import Case, SlotFacts
from scheduler.flags import FlagState
from scheduler.model import OPEN_STATES, BookingState, BookingView
from scheduler.picking import Purpose
from scheduler.tables import BookingRow

_JUDGED = OPEN_STATES - {BookingState.HELD}
_NOT_AGAIN = frozenset({"slot-past", "too-soon", "too-far", "slot-full", "limit-reached", "allowance-used"})
_CAUSE = "policy:"  # begins the cause of each flag raised here
_SHOWN = 200  # bookings that a preview judges; more are counted only

SHORTER = Reason(
    "minutes-shorter", "Visits take {minutes} minutes by the new rules, and this one was promised more."
)
BEYOND = Reason("allowance-beyond", "By the new rules ({count} visits) this visit is one too many.")


@dataclass(frozen=True, slots=True)
class Effect:
    """A booking that would not stand by the new rules, and why."""

    booking: BookingView
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """`judged`: how many bookings were looked at; `left`: how many more there are."""

    effects: tuple[Effect, ...]
    judged: int
    left: int


async def preview(session: Session, draft: Draft) -> Preview:
    """What a proposed version would do to what is booked. Nothing is changed.

    Raises `BadPolicy` or `PolicyIncomplete` where the merged rules could not be used at all.
    """
    views = await _ahead(session, draft)
    effects = []
    for view in views[:_SHOWN]:
        policy = await policies.would_be(
            session, view.wing_id, draft.layer, max(view.starts_at, draft.valid_from)
        )
        if reasons := await _against(session, view, policy):
            effects.append(Effect(view, reasons))
    return Preview(tuple(effects), min(len(views), _SHOWN), max(0, len(views) - _SHOWN))


async def approve(session: Session, actor: Actor, policy_id: str) -> list[Effect]:
    """The second person approves the version: from now on it judges what is booked, and what is booked already for a
    time at which it is in force is judged by it and flagged. Raises as `policy.service.approve`."""
    draft = await policies.draft_of(session, policy_id)
    await policy_service.approve(session, ref(actor), policy_id)
    if draft is None:
        return []
    effects = []
    for view in await _ahead(session, draft):
        try:
            policy = await policies.current(session, view.wing_id, max(view.starts_at, draft.valid_from))
        except (BadPolicy, PolicyIncomplete) as error:
            reasons: tuple[Reason, ...] = (error.reason,)
        else:
            reasons = await _against(session, view, policy)
        await _flag(session, actor, view.id, draft, reasons)
        if reasons:
            effects.append(Effect(view, reasons))
    return effects


async def _flag(
    session: Session, actor: Actor, booking_id: str, draft: Draft, reasons: Sequence[Reason]
) -> None:
    """What an earlier version flagged for the same reason waits already and is not flagged again; what no longer
    stands in the way is cleared, and what was offered for it taken back."""
    open_ = [one for one in await flags.of_booking(session, booking_id) if one.state is FlagState.OPEN]
    standing = [one for one in open_ if one.cause.startswith(_CAUSE)]
    known = [one.reason for one in standing]
    for reason in reasons:
        if reason not in known:
            cause = f"{_CAUSE}{draft.layer.scope_id}.{draft.layer.version}:{reason.code}"
            await flags.raise_flag(session, actor, booking_id, cause=cause, reason=reason)
    gone = [one.cause for one in standing if one.reason not in reasons]
    await flags.clear_booking(session, actor, booking_id, gone)
    if gone and len(gone) == len(open_) and not reasons:
        await offering.take_back(session, actor, booking_id)


async def _ahead(session: Session, draft: Draft) -> list[BookingView]:
    """The bookings that the version would judge: of its scope and the narrower ones, ahead, while it is in force."""
    scopes = [scope_id for scope_id, *_ in await policies.below(session, draft.layer.scope_id)]
    where: list[ColumnElement[bool]] = [
        or_(BookingRow.wing_id.in_(scopes), BookingRow.prison_id.in_(scopes)),
        BookingRow.state.in_(_JUDGED),
        BookingRow.starts_at > clock.now(),
        BookingRow.starts_at >= draft.valid_from,
    ]
    if draft.valid_to is not None:
        where.append(BookingRow.starts_at < draft.valid_to)
    return await repository.views(session, *where)


async def _against(session: Session, view: BookingView, policy: PolicySet) -> tuple[Reason, ...]:
    """Why this booking would not stand by these rules, as far as no officer has let it stay all the same."""
    ground = await facts.ground(session, view.inmate_id, policy)
    purpose = Purpose()
    slot = await picking.look(session, ground, view.slot_id, view.id, purpose)
    guests = await _guests(session, view)
    case = await facts.judge(session, ground, guests, [slot], ignoring=picking.ignoring_of(view.id, purpose))
    known = {one.code for one in view.exceptions} | _NOT_AGAIN
    found = [
        reason
        for reason in judging.verdict(policy.values, rules.refusals(case, slot)).refused
        if reason.code not in known
    ]
    found += await _beyond(session, view, case, slot)
    kept = [
        one.reason
        for one in await flags.of_booking(session, view.id)
        if one.state is FlagState.KEPT and one.cause.startswith(_CAUSE)
    ]
    return tuple(reason for reason in found if reason not in kept)


async def _guests(session: Session, view: BookingView) -> list[Relationship]:
    found = [await people.relationship_by_id(session, visitor.relationship_id) for visitor in view.visitors]
    return [relation for relation in found if relation is not None]


async def _beyond(session: Session, view: BookingView, case: Case, slot: SlotFacts) -> Iterable[Reason]:
    """Longer than the rules give, or one visit too many: then those that were booked last are the ones too many."""
    found = []
    minutes = case.policy.length(case.inmate.level)
    if view.minutes > minutes:
        found.append(Reason(SHORTER.code, SHORTER.text, {"minutes": minutes}))
    period = case.period(slot.day)
    if case.counted(slot) and case.used.get(period.key, 0) >= case.limit(slot.day) > 0:
        created = select(BookingRow.created_at).where(BookingRow.id == view.id).scalar_subquery()
        earlier = await repository.views(
            session,
            BookingRow.inmate_id == view.inmate_id,
            BookingRow.state.in_(_JUDGED),
            BookingRow.created_at < created,
        )
        same = [one for one in earlier if case.period(_day(one, case)).key == period.key]
        if len(same) >= case.limit(slot.day):
            found.append(Reason(BEYOND.code, BEYOND.text, {"count": case.limit(slot.day)}))
    return found


def _day(view: BookingView, case: Case) -> date:
    return view.starts_at.astimezone(case.zone).date()
