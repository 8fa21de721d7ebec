"""Use cases of what befalls: somebody reports it, bookings are flagged, open requests that are pointless are refused;
it is closed, or the inmate comes back, and its flags go. Nothing else changes.
"""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people import repository as people
from people.model import Role
from scheduler import (
    closures,
    flags,
    making_good,
    moves,
    offering,
    repository,
    seating,
    setup,
    touched,
    wishes,
)
from scheduler.access import Actor, ref, require, tag
from scheduler.happenings import AWAY, Happening, Kind
from scheduler.model import OPEN_STATES, BookingState, BookingView
from scheduler.planning_tables import FlagRow, HappeningRow
from scheduler.tables import PrisonRow, TemplateRow, TerminalRow, VisitRoomRow, WingRow
from scheduler.timetable import instant

REPORTERS = frozenset({Role.APPROVER, Role.MONITOR, Role.ADMIN})
_WORDS_LENGTH = 500
_SEATS = frozenset({Kind.TERMINAL_BROKEN, Kind.ROOM_BLOCKED})
# Kinds that touch whoever is left over: with one of them gone, others of the group touch fewer.
_SHORTAGES = (_SEATS, frozenset({Kind.OFFICER_AWAY}))


class BadHappening(Malformed):
    code = "bad-happening"
    text = "Please say whom or what it is about, and from when until when."
    status = 422


class Over(Conflict):
    code = "happening-over"
    text = "This has been closed already."


async def report(session: Session, actor: Actor, happening: Happening) -> tuple[Happening, list[BookingView]]:
    """Something befell (`happening.id` is not looked at). Answers it and the bookings that it flagged.

    Raises `BadHappening`, `NotFound` for somebody or something that is not of this prison.
    """
    require(actor, happening.prison_id, REPORTERS)
    await _check(session, happening)
    made = replace(happening, id=new_id("hap"), words=happening.words.strip()[:_WORDS_LENGTH])
    session.add(_row(made, ref(actor)))
    await session.flush()
    record(
        session,
        tag(actor, f"happening:{made.kind}"),
        actor=ref(actor),
        subject=Ref("happening", made.id),
        cause=made.cause,
    )
    if made.kind in _SEATS:
        await seating.reseat(session, actor, made.prison_id, made.span)
    return made, await _flag(session, actor, made)


def _row(made: Happening, by: Ref) -> HappeningRow:
    return HappeningRow(
        id=made.id,
        prison_id=made.prison_id,
        kind=made.kind,
        cause=made.cause,
        inmate_id=made.inmate_id,
        other_id=made.other_id,
        relative_id=made.relative_id,
        wing_id=made.wing_id,
        terminal_id=made.terminal_id,
        visit_room_id=made.visit_room_id,
        template_id=made.template_id,
        officer_id=made.officer_id,
        starts_at=made.starts_at,
        ends_at=made.ends_at,
        words=made.words,
        state="open",
        made_by_kind=by.kind,
        made_by_id=by.id,
        made_at=clock.now(),
        closed_at=None,
    )


async def _check(session: Session, happening: Happening) -> None:
    if any(getattr(happening, name) is None for name in happening.nature.needs):
        raise BadHappening
    if happening.ends_at is not None and happening.ends_at <= happening.starts_at:
        raise BadHappening
    if happening.kind is Kind.KEEP_APART and happening.inmate_id == happening.other_id:
        raise BadHappening
    rows = (
        (TerminalRow, happening.terminal_id),
        (WingRow, happening.wing_id),
        (VisitRoomRow, happening.visit_room_id),
        (TemplateRow, happening.template_id),
    )
    for table, row_id in rows:
        here = select(table.id).where(table.id == row_id, table.prison_id == happening.prison_id)
        if row_id is not None and await session.scalar(here) is None:
            raise NotFound
    for inmate_id in (happening.inmate_id, happening.other_id):
        inmate = None if inmate_id is None else await people.inmate(session, inmate_id)
        if inmate_id is not None and (inmate is None or inmate.prison_id != happening.prison_id):
            raise NotFound
    if happening.relative_id is not None and await people.relative(session, happening.relative_id) is None:
        raise NotFound


async def _flag(session: Session, actor: Actor, happening: Happening) -> list[BookingView]:
    """Flags what is touched; where no other time can help, undecided requests are refused (F33)."""
    flagged = []
    for view in await touched.bookings(session, happening):
        if happening.nature.refuses and view.state is BookingState.REQUESTED:
            await moves.try_move(session, actor, view.id, BookingState.REFUSED, reason=happening.reason)
            continue
        raised = await flags.raise_flag(
            session, actor, view.id, cause=happening.cause, reason=happening.reason
        )
        if raised is not None:
            flagged.append(view)
    if happening.nature.refuses and happening.inmate_id is not None:
        await wishes.end_of_inmate(session, actor, happening.inmate_id)
    return flagged


async def look_again(session: Session, actor: Actor, prison_id: str, inmate_id: str) -> None:
    """Visits have come to an inmate: what is going on with them is held against those too."""
    for happening in await open_in(session, prison_id):
        if inmate_id in (happening.inmate_id, happening.other_id):
            await _flag(session, actor, happening)


async def close(session: Session, actor: Actor, happening_id: str) -> list[str]:
    """It is over. Its flags are cleared unless the same is still open under another report (F35); offers that were
    made for them are taken back. Answers the ids of the bookings that may stand again."""
    row = await session.get(HappeningRow, happening_id)
    if row is None:
        raise NotFound
    require(actor, row.prison_id, REPORTERS)
    closed = await session.scalar(
        update(HappeningRow)
        .where(HappeningRow.id == happening_id, HappeningRow.state == "open")
        .values(state="closed", closed_at=clock.now())
        .returning(HappeningRow.id)
        .execution_options(synchronize_session=False)
    )
    if closed is None:
        raise Over
    subject = Ref("happening", happening_id)
    record(session, tag(actor, "happening:closed"), actor=ref(actor), subject=subject, cause=row.cause)
    still = select(HappeningRow.id).where(HappeningRow.cause == row.cause, HappeningRow.state == "open")
    if await session.scalar(still.limit(1)) is not None:
        return []
    cleared = await flags.clear(session, actor, row.cause)
    cleared += await _relieved(session, actor, as_happening(row))
    open_ = await flags.find(session, FlagRow.booking_id.in_(cleared), FlagRow.state == flags.FlagState.OPEN)
    freed = sorted({*cleared} - {flag.booking_id for flag in open_})
    for booking_id in freed:
        await offering.take_back(session, actor, booking_id)
    return freed


async def _relieved(session: Session, actor: Actor, gone: Happening) -> list[str]:
    """Bookings that other shortages touched, and do not any more now that this one is over."""
    kinds = next((group for group in _SHORTAGES if gone.kind in group), frozenset[Kind]())
    freed: list[str] = []
    for other in await open_in(session, gone.prison_id):
        if other.kind not in kinds:
            continue
        left = {view.id for view in await touched.bookings(session, other)}
        waiting = await flags.find(
            session, FlagRow.cause == other.cause, FlagRow.state == flags.FlagState.OPEN
        )
        for booking_id in {flag.booking_id for flag in waiting} - left:
            freed += await flags.clear_booking(session, actor, booking_id, [other.cause])
    return freed


async def back(session: Session, actor: Actor, inmate_id: str) -> list[str]:
    """The inmate is here again: whatever kept them away is over (F34)."""
    rows = await session.scalars(
        select(HappeningRow.id).where(
            HappeningRow.inmate_id == inmate_id, HappeningRow.state == "open", HappeningRow.kind.in_(AWAY)
        )
    )
    return [booking_id for row_id in rows.all() for booking_id in await close(session, actor, row_id)]


async def close_date(
    session: Session, actor: Ref, prison_id: str, day: date, words: str, template_id: str | None = None
) -> list[BookingView]:
    """As `closures.close_date`, and the bookings of that day, or session, are flagged (F37)."""
    affected = await closures.close_date(session, actor, prison_id, day, words, template_id)
    happening = await _closed_day(session, prison_id, day, template_id, words)
    await report(session, actor, happening)
    return affected


async def set_terminal_active(session: Session, actor: Ref, terminal_id: str, *, active: bool) -> None:
    """As `setup.set_terminal_active`; visits of a terminal that is switched off go to others, and whom none can take is
    flagged until it is on again."""
    await setup.set_terminal_active(session, actor, terminal_id, active=active)
    row = await session.get_one(TerminalRow, terminal_id)
    if not active:
        off = Happening("", row.prison_id, Kind.TERMINAL_BROKEN, clock.now(), None, terminal_id=terminal_id)
        await report(session, actor, off)
        return
    standing = await session.scalars(
        select(HappeningRow.id).where(
            HappeningRow.terminal_id == terminal_id,
            HappeningRow.kind == Kind.TERMINAL_BROKEN,
            HappeningRow.state == "open",
            HappeningRow.ends_at.is_(None),
        )
    )
    for row_id in standing.all():
        await close(session, actor, row_id)


async def reopen_date(
    session: Session, actor: Ref, prison_id: str, day: date, template_id: str | None = None
) -> None:
    """As `closures.reopen_date`, and the flags go."""
    await closures.reopen_date(session, actor, prison_id, day, template_id)
    cause = (await _closed_day(session, prison_id, day, template_id, "")).cause
    rows = await session.scalars(
        select(HappeningRow.id).where(HappeningRow.cause == cause, HappeningRow.state == "open")
    )
    for row_id in rows.all():
        await close(session, actor, row_id)


async def _closed_day(
    session: Session, prison_id: str, day: date, template_id: str | None, words: str
) -> Happening:
    prison = await session.get_one(PrisonRow, prison_id)
    first = instant(day, time(), prison.zone)
    last = instant(day + timedelta(days=1), time(), prison.zone)
    kind = Kind.DATE_CLOSED if template_id is None else Kind.SESSION_CLOSED
    return Happening("", prison_id, kind, first, last, template_id=template_id, words=words)


async def open_in(session: Session, prison_id: str) -> list[Happening]:
    """What is going on in a prison, the newest first."""
    rows = await session.scalars(
        select(HappeningRow)
        .where(HappeningRow.prison_id == prison_id, HappeningRow.state == "open")
        .order_by(HappeningRow.made_at.desc(), HappeningRow.id.desc())
    )
    return [as_happening(row) for row in rows]


def as_happening(row: HappeningRow) -> Happening:
    return Happening(
        id=row.id,
        prison_id=row.prison_id,
        kind=Kind(row.kind),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        inmate_id=row.inmate_id,
        other_id=row.other_id,
        relative_id=row.relative_id,
        wing_id=row.wing_id,
        terminal_id=row.terminal_id,
        visit_room_id=row.visit_room_id,
        template_id=row.template_id,
        officer_id=row.officer_id,
        words=row.words,
        open=row.state == "open",
    )


async def ended(session: Session, now: datetime) -> list[str]:
    """Open happenings whose time is over: the worker closes them."""
    rows = await session.scalars(
        select(HappeningRow.id).where(HappeningRow.state == "open", HappeningRow.ends_at <= now)
    )
    return list(rows)


async def keep(session: Session, actor: Actor, flag_id: str, words: str) -> flags.Flag:
    """An officer decides that the visit stays (F39): the reason is kept, an offer that was made is taken back."""
    flag = await flags.keep(session, actor, flag_id, words)
    await offering.take_back(session, actor, flag.booking_id)
    return flag


async def stale_flags(session: Session) -> int:
    """Flags of bookings that are over in some other way are done with; answers how many."""
    standing = [
        flag
        for flag in await flags.find(session, FlagRow.state == flags.FlagState.OPEN)
        if not making_good.waits(flag)
    ]
    count = 0
    for booking_id in sorted({flag.booking_id for flag in standing}):
        view = await repository.view(session, booking_id)
        if view is not None and (view.state not in OPEN_STATES or view.slot_ends_at <= clock.now()):
            await flags.settle(session, booking_id, flags.FlagState.ENDED)
            count += 1
    return count
