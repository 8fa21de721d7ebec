"""What is erased of a person outside the account and legal aid: names in visits, recordings, messages, marks.

A visit keeps the names of who took part for as long as one of its recordings must be kept, and while it is held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Select, and_, func, or_, select, update

from core import clock
from core.db import Session
from core.errors import Reason
from ledger.tables import EntryRow
from notices.model import ENDED
from notices.tables import NoticeRow
from people import erasing
from people.erasing import ERASED, NO_DAY, Share
from people.means import Means
from people.tables import RelationshipRow
from recording import finding
from recording.model import RecordingState
from recording.tables import HoldRow, RecordingRow, TrackRow
from rooms.desk_tables import DeskTaskRow
from rooms.tables import PartyRow, RoomRow, SeatRow, SittingRow
from scheduler.model import MOVES, BookingState
from scheduler.tables import BanRow, BookingRow, VisitorRow

_AHEAD = [state.value for state in BookingState if any(state in olds for olds in MOVES.values())]


@dataclass(frozen=True, slots=True)
class _Visits:
    """Ids of a person's visits that may forget their names, and the others with the reason."""

    free: tuple[str, ...]
    kept: int
    held: bool
    until: datetime | None


async def in_the_way(session: Session, ids: Sequence[str]) -> Reason | None:
    """A visit that is still to come: it has to be cancelled or to take place first."""
    found = await session.scalar(
        select(BookingRow.reference)
        .join(VisitorRow, VisitorRow.booking_id == BookingRow.id)
        .where(
            VisitorRow.relative_id.in_(ids),
            BookingRow.state.in_(_AHEAD),
            BookingRow.slot_ends_at > clock.now(),
        )
        .limit(1)
    )
    if found is None:
        return None
    text = "Visit {reference} is still to come. Please cancel it first, or ask again when it is over."
    return Reason("visit-ahead", text, {"reference": found, "field": "agreed"})


async def prison_of(session: Session, ids: Sequence[str]) -> str | None:
    """The prison of the newest visit, or `None`: it decides."""
    return await session.scalar(
        select(BookingRow.prison_id)
        .join(VisitorRow, VisitorRow.booking_id == BookingRow.id)
        .where(VisitorRow.relative_id.in_(ids))
        .order_by(BookingRow.starts_at.desc())
        .limit(1)
    )


async def account(session: Session, means: Means, ids: Sequence[str]) -> list[Share]:
    """The account; the document's digest stays while a suspension lasts."""
    today = clock.now().date()
    last = await session.scalar(
        select(func.max(BanRow.last_day)).where(
            BanRow.relative_id.in_(ids), BanRow.lifted_at.is_(None), BanRow.last_day >= today
        )
    )
    shares = await erasing.account(session, means, ids, suspended=last is not None)
    if last is None:
        return shares
    until = datetime.combine(last + timedelta(days=1), time(), UTC)
    return [Share(one.what, one.erased, one.kept, one.why, until if one.kept else None) for one in shares]


async def visits(session: Session, ids: Sequence[str]) -> list[Share]:
    """Names in bookings and calls, and the recordings themselves."""
    theirs = await _theirs(session, ids)
    why = "held" if theirs.held else "retention" if theirs.until else "under-way"
    names = VisitorRow.relative_id.in_(ids) & VisitorRow.booking_id.in_(theirs.free)
    done = await _count(
        session, select(func.count()).select_from(VisitorRow).where(names, VisitorRow.name != ERASED)
    )
    await session.execute(update(VisitorRow).where(names).values(name=ERASED, born=NO_DAY))
    await _seats(session, ids, theirs.free)
    tracks = TrackRow.person_id.in_(ids) & TrackRow.recording_id.in_(
        select(RecordingRow.id).where(RecordingRow.booking_id.in_(theirs.free))
    )
    gone = await _count(
        session, select(func.count()).select_from(TrackRow).where(tracks, TrackRow.name != ERASED)
    )
    await session.execute(update(TrackRow).where(tracks).values(name=ERASED))
    found = select(RecordingRow.id).where(RecordingRow.booking_id.in_(theirs.free))
    for recording_id in (await session.scalars(found)).all() if done else ():
        await finding.index(session, recording_id)  # found by the name no more
    kept = theirs.kept
    return [
        Share("visits", done, kept, why if kept else "", theirs.until if kept else None),
        Share("recordings", gone, kept, why if kept else "", theirs.until if kept else None),
    ]


async def _theirs(session: Session, ids: Sequence[str]) -> _Visits:
    mine = select(VisitorRow.booking_id).where(VisitorRow.relative_id.in_(ids))
    rows = await session.execute(
        select(
            BookingRow.id,
            BookingRow.slot_ends_at,
            func.max(RecordingRow.keep_until),
            func.max(HoldRow.placed_at),
        )
        .outerjoin(
            RecordingRow,
            and_(
                RecordingRow.booking_id == BookingRow.id, RecordingRow.state != RecordingState.DELETED.value
            ),
        )
        .outerjoin(HoldRow, and_(HoldRow.booking_id == BookingRow.id, HoldRow.released_at.is_(None)))
        .where(BookingRow.id.in_(mine))
        .group_by(BookingRow.id, BookingRow.slot_ends_at)
    )
    found: list[tuple[str, datetime, datetime | None, datetime | None]]
    found = [(row[0], row[1], row[2], row[3]) for row in rows.all()]
    now, free, ends, kept, held = clock.now(), [], [], 0, False
    for booking_id, ends_at, keep_until, placed_at in found:
        if keep_until is None and placed_at is None and ends_at <= now:
            free.append(booking_id)
            continue
        kept += 1
        held = held or placed_at is not None
        if keep_until is not None:
            ends.append(keep_until)
    return _Visits(tuple(free), kept, held, max(ends, default=None))


async def _seats(session: Session, ids: Sequence[str], free: Sequence[str]) -> None:
    """Names at calls that are over: of visits without a recording, and of meetings, which never have one."""
    over = select(RoomRow.id).where(
        RoomRow.ended_at.is_not(None), or_(RoomRow.booking_id.in_(free), RoomRow.booking_id.is_(None))
    )
    theirs = SeatRow.person_id.in_(ids) & SeatRow.room_id.in_(over)
    seats = select(SeatRow.id).where(theirs)
    await session.execute(update(DeskTaskRow).where(DeskTaskRow.seat_id.in_(seats)).values(name=ERASED))
    await session.execute(update(SeatRow).where(theirs).values(name=ERASED))
    sittings = select(SittingRow.id).where(SittingRow.ends_at < clock.now())
    await session.execute(
        update(PartyRow)
        .where(PartyRow.person_id.in_(ids), PartyRow.sitting_id.in_(sittings))
        .values(name=ERASED)
    )


async def messages(session: Session, ids: Sequence[str]) -> list[Share]:
    """Addresses and texts of messages; one that is on its way goes when it has arrived."""
    theirs = NoticeRow.to_id.in_(ids) & (NoticeRow.params != "")
    over = theirs & NoticeRow.state.in_(ENDED)
    count = select(func.count()).select_from(NoticeRow)
    done = await _count(session, count.where(over))
    await session.execute(update(NoticeRow).where(over).values(address="", params=""))
    kept = await _count(session, count.where(theirs, NoticeRow.state.not_in(ENDED)))
    return [Share("messages", done, kept, "under-way" if kept else "")]


async def entries(session: Session, ids: Sequence[str]) -> list[Share]:
    """Entries of the ledger: they say what was done, and name nobody but by id."""
    mine = select(RelationshipRow.id).where(RelationshipRow.relative_id.in_(ids))
    about = or_(EntryRow.actor_id.in_(ids), EntryRow.subject_id.in_(ids), EntryRow.subject_id.in_(mine))
    kept = await _count(session, select(func.count()).select_from(EntryRow).where(about))
    return [Share("entries", 0, kept, "ledger")]


async def _count(session: Session, query: Select[int]) -> int:
    return await session.scalar(query) or 0
