"""What the worker sees to for the officers' desk: tasks for what went wrong in calls, and the next officer's page when
one is missing. It looks at each call that is due or runs, from the ledger's entries, and never touches the call."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from core import clock
from core.db import Database, Session
from core.ids import Ref
from ledger import read as ledger
from ledger.chain import Entry
from ledger.record import record
from people.model import Identity
from rooms import desk_rules, desk_tasks, presence, repository, watches
from rooms.desk_tasks import Kind
from rooms.model import Phase, SeatRole, SeatView
from rooms.presence import Gone, Standing
from scheduler import repository as scheduling
from scheduler.model import BookingState, BookingView
from scheduler.tables import BookingRow

BROUGHT_BY = timedelta(seconds=60)  # after the beginning
OUT_FOR = timedelta(seconds=5)  # disconnected
_ENTRIES = 2000
_CHECKS_KEPT = 20  # failed checks of one person that are entered for one visit
# What people and officers say in a call that is a task for somebody else, too.
_SAID: dict[tuple[str, str], Kind] = {
    ("help:asked", ""): Kind.HELP,
    ("visit:marked", "identity"): Kind.IDENTITY,
    ("visit:marked", "language"): Kind.LANGUAGE,
    ("visit:marked", "third-person"): Kind.THIRD_PERSON,
}
_PASSING = (
    Kind.RECORDER_STALLED,
    Kind.TRACK_MISSING,
    Kind.MONITOR_MISSING,
    Kind.NOT_BROUGHT,
    Kind.DROPPED_OUT,
    Kind.CAMERA_BLOCKED,
)


async def calls_now(session: Session, prison_id: str | None = None) -> list[BookingView]:
    """The visits whose lobby is open or which run, of one prison or of all."""
    now = clock.now()
    where = [
        BookingRow.state == BookingState.CONFIRMED,
        BookingRow.opens_at <= now,
        BookingRow.slot_ends_at > now,
    ]
    if prison_id is not None:
        where.append(BookingRow.prison_id == prison_id)
    return await scheduling.views(session, *where)


async def look(db: Database) -> int:
    """Looks at every call of now; answers how many tasks were put or settled."""
    async with db.read() as session:
        calls = await calls_now(session)
        over = await desk_tasks.any_beside(session, [one.id for one in calls])
    done = 0
    if over:
        async with db.write() as session:
            done = await desk_tasks.settle_others(session, [one.id for one in calls])
    for booking in calls:
        async with db.write() as session:
            done += await _look(
                session, booking, [one for one in calls if one.prison_id == booking.prison_id]
            )
    return done


async def _look(session: Session, booking: BookingView, calls: Sequence[BookingView]) -> int:
    row = await repository.room_row(session, booking.id)
    seats = await repository.seats(session, row.id) if row is not None else ()
    entries = await ledger.about(session, Ref("booking", booking.id), limit=_ENTRIES)
    found = presence.standings(entries, {seat.id: seat.role for seat in seats})
    if row is not None and row.phase == Phase.ENDED.value:
        return await desk_tasks.settle(session, booking.id, _PASSING)
    now = clock.now()
    done = 0
    patience = (await desk_rules.of(session, booking.wing_id, booking.starts_at)).page_after
    missing = _missing_for(booking, seats, found, now) > patience
    wrong = _wrong(booking, seats, found, now, missing=missing)
    for (kind, seat), name in wrong.items():
        done += await desk_tasks.put(session, booking, kind, seat=seat, name=name) is not None
    done += await _settle_rest(session, booking, seats, wrong)
    done += await _said(session, booking, seats, entries)
    if missing and any(seat.role is not SeatRole.MONITOR and seat.id not in found[-1].gone for seat in seats):
        await _page(session, booking, calls, patience)
    return done


def _wrong(
    booking: BookingView,
    seats: Sequence[SeatView],
    found: Sequence[Standing],
    now: datetime,
    *,
    missing: bool,
) -> dict[tuple[Kind, str], str]:
    """(kind, seat) -> whom it is about, of everything that is wrong at this moment. `missing`: an officer, for longer
    than the rules allow."""
    wrong: dict[tuple[Kind, str], str] = {}
    last = found[-1] if found else None
    inmate = [seat for seat in seats if seat.role is SeatRole.INMATE]
    never = all(last is None or last.gone.get(seat.id) is Gone.NEVER for seat in inmate)
    if never and now >= booking.starts_at + BROUGHT_BY:
        wrong[Kind.NOT_BROUGHT, ""] = booking.inmate_name
    if last is None:
        return wrong
    if last.hosted and (last.behind or (last.phase == "paused" and last.recorder is False)):
        wrong[Kind.RECORDER_STALLED, ""] = ""
    if now >= booking.starts_at and missing:
        wrong[Kind.MONITOR_MISSING, ""] = ""
    for seat in seats:
        if seat.role is not SeatRole.MONITOR and _out_for(seat.id, found, now) > OUT_FOR:
            wrong[Kind.DROPPED_OUT, seat.id] = seat.name
        if any(of == seat.id for of, _ in last.missing):
            wrong[Kind.TRACK_MISSING, seat.id] = seat.name
    return wrong


async def _settle_rest(
    session: Session,
    booking: BookingView,
    seats: Sequence[SeatView],
    wrong: Mapping[tuple[Kind, str], str],
) -> int:
    done = 0
    for kind in (Kind.NOT_BROUGHT, Kind.RECORDER_STALLED, Kind.MONITOR_MISSING):
        if (kind, "") not in wrong:
            done += await desk_tasks.settle(session, booking.id, [kind])
    for seat in seats:
        for kind in (Kind.DROPPED_OUT, Kind.TRACK_MISSING):
            if (kind, seat.id) not in wrong:
                done += await desk_tasks.settle(session, booking.id, [kind], seat.id)
    return done


def _missing_for(
    booking: BookingView, seats: Sequence[SeatView], found: Sequence[Standing], now: datetime
) -> timedelta:
    """For how long no officer has been there, since the beginning at the earliest."""
    officers = [seat.id for seat in seats if seat.role is SeatRole.MONITOR]
    since = now
    for standing in reversed(found):
        if any(seat not in standing.gone for seat in officers):
            break
        since = standing.at
    return now - max(since, booking.starts_at)


def _out_for(seat: str, found: Sequence[Standing], now: datetime) -> timedelta:
    since = now
    for standing in reversed(found):
        if standing.gone.get(seat) is not Gone.LOST:
            break
        since = standing.at
    return now - since


async def _said(
    session: Session, booking: BookingView, seats: Sequence[SeatView], entries: Sequence[Entry]
) -> int:
    """Calls for help, and marks that ask for somebody: each of them once."""
    names = {seat.id: seat.name for seat in seats}
    done = 0
    for entry in entries:
        details = entry.parsed()
        kind = _SAID.get((entry.tag.partition(":")[2], str(details.get("code", ""))))
        if kind is None or clock.now() - datetime.fromisoformat(entry.at) > timedelta(minutes=5):
            continue
        seat = str(details.get("seat", ""))
        if not await desk_tasks.was_put_since(
            session, booking.id, kind, seat, datetime.fromisoformat(entry.at)
        ):
            made = await desk_tasks.put(session, booking, kind, seat=seat, name=names.get(seat, ""))
            done += made is not None
    return done


async def check_failed(session: Session, who: Identity, booking: BookingView) -> None:
    """The device check of somebody who comes has failed; the second time an officer is asked to look."""
    about = Ref("booking", booking.id)
    tag = f"{'inmate' if who.subject.kind == 'terminal' else 'family'}:check:failed"
    before = [
        entry
        for entry in await ledger.about(session, about, limit=_ENTRIES)
        if (entry.tag, entry.actor_id) == (tag, who.subject.id)
    ]
    if len(before) >= _CHECKS_KEPT:
        return
    record(session, tag, actor=who.subject, subject=about)
    if before and booking.opens_at <= clock.now() < booking.slot_ends_at:
        await desk_tasks.put(session, booking, Kind.CHECK_FAILED, seat=who.subject.id, name=who.name)


async def _page(
    session: Session, booking: BookingView, calls: Sequence[BookingView], patience: timedelta
) -> None:
    """The next officer on duty, unless one was called within `patience`, which the rules leave each of them to come."""
    present = (await watches.of(session, booking.prison_id, calls)).get(booking.id)
    if await watches.paged_lately(session, booking.id, patience):
        return
    without = frozenset({present.officer_id}) if present is not None else frozenset()
    officer = await watches.next_free(session, booking.prison_id, calls, without)
    if officer is not None:
        await watches.page(session, booking, officer)
