"""More minutes for a visit that runs, while people and terminal are free for so long."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed
from ledger.record import record
from people.model import Role
from policy import repository as policies
from policy.rulebook import FamilyPolicy, Office
from scheduler import places, repository
from scheduler.access import Actor, booking_ref, ref, tag
from scheduler.model import BookingState, BookingView, ClaimKind, ticks
from scheduler.tables import BookingRow, ClaimRow

# Who of the staff signs for an office of `extension_by`: a ward's officers supervise, the offices above decide.
SIGNS: Mapping[Office, Role] = {
    Office.WARD: Role.MONITOR,
    Office.DIVISION: Role.APPROVER,
    Office.DEPUTY: Role.APPROVER,
    Office.WARDEN: Role.APPROVER,
}
_KEPT = (ClaimKind.INMATE, ClaimKind.VISITOR, ClaimKind.TERMINAL)


class NotRunning(Conflict):
    code = "not-running"
    text = "This visit has not begun, or is over."


class VisitTooLong(Malformed):
    code = "visit-too-long"
    text = "A visit lasts {most} minutes at most here; {left} more can be given."
    status = 422


class NeededElsewhere(Conflict):
    code = "needed-elsewhere"
    text = "Somebody of this visit, or its terminal, is needed for another one directly afterwards."


def may(offices: Collection[str], roles: Collection[Role]) -> bool:
    """Whether somebody with these roles may give more time, where these offices may."""
    return any(SIGNS.get(Office(office)) in roles for office in offices)


def left(view: BookingView, rules: FamilyPolicy) -> int:
    """How many minutes this visit could still be given; 0 for one that is not on."""
    runs = view.state is BookingState.CONFIRMED and view.starts_at <= clock.now() < view.slot_ends_at
    return max(0, rules.most_minutes - view.minutes) if runs else 0


async def extend(session: Session, actor: Actor, booking_id: str, minutes: int) -> BookingView:
    """`minutes` more for a visit; its end moves by as much, for what was lost is given back there.

    Whether `actor` may is asked before (`may`). Raises `NotFound`, `NotRunning`, `VisitTooLong`, `NeededElsewhere`;
    nothing is changed then.
    """
    view = await repository.get(session, booking_id)
    if view.state is not BookingState.CONFIRMED or not view.starts_at <= clock.now() < view.slot_ends_at:
        raise NotRunning
    rules = (await policies.current(session, view.wing_id, view.starts_at)).values
    if not 1 <= minutes <= left(view, rules):
        raise VisitTooLong(most=rules.most_minutes, left=left(view, rules))
    ends = view.slot_ends_at + timedelta(minutes=minutes)
    if not await places.claim(session, await _keys(session, view, ticks(view.slot_ends_at, ends)), view.id):
        raise NeededElsewhere
    moved = await session.scalar(
        update(BookingRow)
        .where(
            BookingRow.id == view.id,
            BookingRow.state == BookingState.CONFIRMED,
            BookingRow.minutes == view.minutes,
        )
        .values(minutes=view.minutes + minutes, slot_ends_at=ends)
        .returning(BookingRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise NotRunning
    record(
        session,
        tag(actor, "booking:extended"),
        actor=ref(actor),
        subject=booking_ref(view.id),
        minutes=minutes,
        all_in_all=view.minutes + minutes,
    )
    return await repository.get(session, booking_id)


async def _keys(session: Session, view: BookingView, numbers: range) -> list[places.Key]:
    """What the visit keeps now, for these ticks; without those that it has already."""
    owners = await session.execute(
        select(ClaimRow.kind, ClaimRow.owner_id)
        .where(ClaimRow.booking_id == view.id, ClaimRow.kind.in_(_KEPT))
        .distinct()
    )
    keys = [key for kind, owner in owners for key in places.ticks_of(ClaimKind(kind), owner, numbers)]
    return await places.not_held_by(session, keys, view.id)
