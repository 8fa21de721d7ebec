"""Offices that let an exception pass. Each signs once, in the order of the chain, each by another person."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import Conflict
from core.ids import Ref
from ledger.record import record
from policy import calendar, clocks
from policy import repository as policies
from scheduler import places
from scheduler.access import Actor, booking_ref, ref, tag
from scheduler.model import BookingState, BookingView
from scheduler.tables import SignatureRow


class SignedBefore(Conflict):
    code = "signed-before"
    text = "You have signed for this visit already. The next office is another person's."


@dataclass(frozen=True, slots=True)
class Signature:
    """One office of a chain; `by` and `at` once it has signed. Of a desk of the policy's `decision_steps`: `due`,
    reckoned from the request on, and `days`, the working days that are its own."""

    office: str
    by: Ref | None
    at: datetime | None
    due: datetime | None = None
    days: int = 0


async def signed(session: Session, booking_id: str) -> dict[str, Ref]:
    """Who signed for which office."""
    rows = await session.execute(
        select(SignatureRow.office, SignatureRow.signed_by).where(SignatureRow.booking_id == booking_id)
    )
    return {office: Ref("officer", signed_by) for office, signed_by in rows}


async def chain(session: Session, view: BookingView) -> list[Signature]:
    """The whole chain in its order: who has signed when, and who has not."""
    rows = await session.execute(
        select(SignatureRow.office, SignatureRow.signed_by, SignatureRow.signed_at).where(
            SignatureRow.booking_id == view.id
        )
    )
    done = {office: (Ref("officer", signed_by), signed_at) for office, signed_by, signed_at in rows}
    steps = await _steps(session, view) if view.chain else {}
    return [
        Signature(office, *done.get(office, (None, None)), *steps.get(office, (None, 0)))
        for office in view.chain
    ]


async def present(session: Session, view: BookingView) -> Signature | None:
    """The desk of the policy's `decision_steps` that signs next; None once all of them have."""
    return next((one for one in await chain(session, view) if one.by is None and one.due is not None), None)


async def _steps(session: Session, view: BookingView) -> dict[str, tuple[datetime, int]]:
    """When each desk must have decided, its working days counting on from those of the desks before it; and its own."""
    if view.state is not BookingState.REQUESTED:
        return {}
    values = (await policies.judged_by(session, view.policy_version)).values
    days, zone = calendar.load(values.calendar), ZoneInfo(view.zone)
    own = {str(step.desk): step.working_days for step in values.decision_steps}
    return {
        desk: (clocks.reply_by(days, zone, view.state_since, count, values.office_closes), own[desk])
        for desk, count in values.desks
    }


async def missing(session: Session, view: BookingView) -> list[str]:
    """The offices that have not signed yet, the next one first."""
    done = await signed(session, view.id)
    return [office for office in view.chain if office not in done]


async def sign(session: Session, actor: Actor, view: BookingView) -> list[str]:
    """Signs for the next office; answers those that are missing afterwards.

    Raises `SignedBefore` for one who signed for another office of this booking.
    """
    left = await missing(session, view)
    if not left:
        return []
    row = {
        "booking_id": view.id,
        "office": left[0],
        "signed_by": ref(actor).id,
        "signed_at": clock.now(),
    }
    if not await places.insert_new(session, SignatureRow, [row], SignatureRow.office):
        raise SignedBefore
    record(
        session,
        tag(actor, "booking:signed"),
        actor=ref(actor),
        subject=booking_ref(view.id),
        office=left[0],
        reasons=[one.code for one in view.exceptions],
    )
    return left[1:]
