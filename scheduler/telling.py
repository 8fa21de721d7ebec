"""What the family is told of a booking, and when: through the outbox, in the booking's own transaction.

Texts name date with weekday, time with its zone, length and cautions, and never a prison or a person. The one
who asked is told of every step; all visitors with a telephone are told of what they must act on.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Session
from core.ids import Ref
from notices import outbox, quiet
from people.tables import RelativeRow
from policy import repository as policies
from scheduler import repository
from scheduler.model import BookingState, BookingView

_TEMPLATES: Mapping[BookingState, str] = {
    BookingState.REQUESTED: "booking-requested",
    BookingState.APPROVED: "booking-approved",
    BookingState.CONFIRMED: "booking-confirmed",
    BookingState.REFUSED: "booking-refused",
    BookingState.WITHDRAWN: "booking-withdrawn",
    BookingState.CANCELLED: "booking-cancelled",
    BookingState.EXPIRED: "booking-expired",
}
_FOR_ALL = frozenset({BookingState.CONFIRMED, BookingState.CANCELLED})
_REMINDERS: Mapping[int, str] = {1440: "reminder-day", 120: "reminder-2h", 15: "reminder-15min"}
_ZONE_NAMES: Mapping[tuple[str, str], str] = {
    ("Asia/Shanghai", "zh"): "北京时间",
    ("Asia/Shanghai", "en"): "Beijing time",
}


def wall_time(moment: datetime, zone: str, language: str) -> str:
    """`16:00（北京时间）`, `16:00 (Beijing time)`, `16:00 (UTC+1)`."""
    local = moment.astimezone(ZoneInfo(zone))
    name = _ZONE_NAMES.get((zone, language)) or local.tzname() or zone
    if name[0] in "+-":
        name = f"UTC{name}"
    return f"{local:%H:%M}（{name}）" if language == "zh" else f"{local:%H:%M} ({name})"


def _params(booking: BookingView, language: str) -> dict[str, str | int]:
    return {
        "date": booking.starts_at.astimezone(ZoneInfo(booking.zone)).date().isoformat(),
        "time": wall_time(booking.starts_at, booking.zone, language),
        "minutes": booking.minutes,
        "reference": booking.reference,
    }


async def _phones(session: Session, relative_ids: Iterable[str]) -> list[tuple[str, str, str]]:
    """(id, telephone, language) of those who have a telephone; minors have none."""
    rows = await session.execute(
        select(RelativeRow.id, RelativeRow.phone, RelativeRow.language)
        .where(RelativeRow.id.in_(set(relative_ids)), RelativeRow.phone.is_not(None))
        .order_by(RelativeRow.id)
    )
    return [(relative_id, phone, language) for relative_id, phone, language in rows if phone is not None]


def _everybody(booking: BookingView) -> list[str]:
    return [booking.requested_by, *(v.person.id for v in booking.visitors if v.person is not None)]


async def of_move(
    session: Session,
    booking_id: str,
    to: BookingState,
    came_from: BookingState,
    booking: BookingView | None = None,
) -> None:
    """Tells of a move that was just made; `booking` as far as it is known. A pick that was let go or ran out needs no
    telling: it was on the screen all the time, and nothing had been asked of anybody."""
    if came_from is BookingState.HELD and to is not BookingState.REQUESTED:
        return
    if booking is None:
        booking = await repository.view(session, booking_id)
    template = _TEMPLATES.get(to)
    if booking is None or template is None:
        return
    to_all = to in _FOR_ALL or came_from is BookingState.CONFIRMED
    await _post(session, booking, template, _everybody(booking) if to_all else [booking.requested_by])


async def of_change(session: Session, booking_id: str) -> None:
    """Tells the one who asked that the booking is not quite as it was."""
    booking = await repository.view(session, booking_id)
    if booking is not None:
        await _post(session, booking, "booking-changed", [booking.requested_by])


async def of_offer(session: Session, hold_id: str) -> None:
    """Tells the one who asked that another time is kept for them; the text gives that time."""
    held = await repository.view(session, hold_id)
    if held is not None:
        await _post(session, held, "booking-offer", [held.requested_by])


async def of_invitation(session: Session, hold_id: str) -> None:
    """Tells the relative whom an inmate asked for a visit that a time is kept until they say yes or no."""
    held = await repository.view(session, hold_id)
    if held is not None:
        await _post(session, held, "booking-invitation", [held.requested_by])


async def _post(session: Session, booking: BookingView, template: str, relative_ids: Iterable[str]) -> None:
    for relative_id, phone, language in await _phones(session, relative_ids):
        await outbox.post(
            session,
            to=Ref("relative", relative_id),
            address=phone,
            template=template,
            language=language,
            params=_params(booking, language),
            zone=booking.zone,
        )


def _key(booking_id: str) -> str:
    return f"booking:{booking_id}:reminder:"


async def remind(session: Session, booking_id: str) -> None:
    """Queues the reminders that still lie ahead, for everybody who takes part."""
    booking = await repository.view(session, booking_id)
    if booking is None:
        return
    policy = await policies.current(session, booking.wing_id, booking.starts_at)
    night = quiet.Night(policy.values.quiet_from, policy.values.quiet_to)
    people = await _phones(session, _everybody(booking))
    for minutes in policy.values.reminder_minutes:
        due = booking.starts_at - timedelta(minutes=minutes)
        if due <= clock.now():
            continue
        for relative_id, phone, language in people:
            await outbox.post(
                session,
                to=Ref("relative", relative_id),
                address=phone,
                template=_REMINDERS[minutes],
                language=language,
                params=_params(booking, language),
                due=due,
                dedupe=f"{_key(booking_id)}{relative_id}:{minutes}",
                expires=booking.starts_at,
                zone=booking.zone,
                night=night,
            )


async def do_not_remind(session: Session, booking_id: str, relative_id: str = "") -> None:
    """Takes back the reminders that were not sent yet: of one person, or of all."""
    suffix = f"{relative_id}:" if relative_id else ""
    await outbox.cancel(session, _key(booking_id) + suffix)
