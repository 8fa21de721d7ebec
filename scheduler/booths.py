"""Booths: places outside the prison, in a justice office for instance, where families sit who have no device at home.
A booth has seats; each is promised to one visit at a time, by the same claims as terminals and people. One prison keeps
it and may lend it to others: the claims are the booth's, whichever prison a visit is with."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, or_, select

from core.db import Session
from core.errors import Malformed, NotFound, Reason, Refused
from core.ids import Ref, new_id
from ledger.record import record
from scheduler import places
from scheduler.access import Actor, booking_ref, ref, tag
from scheduler.model import BookingView, ClaimKind, ticks
from scheduler.planning_tables import BoothPrisonRow, BoothRow
from scheduler.tables import ClaimRow, PrisonRow

_MOST_SEATS = 50
_NAME, _PLACE = 60, 120  # letters
NO_SEAT = Reason(
    "booth-full", "The booth that was wished for has no seat left at this time.", {"field": "booth"}
)


class BadBooth(Malformed):
    code = "bad-booth"
    text = "Please give the booth a name, say where it is, and how many seats it has (1 to {most})."
    status = 422


@dataclass(frozen=True, slots=True)
class Booth:
    """`prison_id`: of the prison that keeps it."""

    id: str
    prison_id: str
    name: str
    place: str
    seats: int


async def create(session: Session, actor: Ref, prison_id: str, name: str, place: str, seats: int) -> str:
    """A booth for the families of a prison; the same name again changes it. Raises `BadBooth`."""
    name, place = name.strip(), place.strip()
    if not 0 < len(name) <= _NAME or not 0 < len(place) <= _PLACE or not 0 < seats <= _MOST_SEATS:
        raise BadBooth(most=_MOST_SEATS)
    known = select(BoothRow).where(BoothRow.prison_id == prison_id, BoothRow.name == name)
    row = await session.scalar(known)
    if row is None:
        row = BoothRow(id=new_id("bth"), prison_id=prison_id, name=name, place="", seats=0, active=True)
        session.add(row)
    row.place, row.seats, row.active = place, seats, True
    await session.flush()
    record(session, tag(actor, "booth:set"), actor=actor, subject=Ref("booth", row.id), seats=seats)
    return row.id


async def close(session: Session, actor: Ref, prison_id: str, booth_id: str) -> None:
    """Takes no more visits, of no prison; those that are booked keep their seats. Raises `NotFound`."""
    row = await session.get(BoothRow, booth_id)
    if row is None or row.prison_id != prison_id:
        raise NotFound
    row.active = False
    await session.flush()
    record(session, tag(actor, "booth:closed"), actor=actor, subject=Ref("booth", booth_id))


async def lend(session: Session, actor: Ref, booth_id: str, prison_id: str) -> None:
    """From now on families of that prison may sit there too. Raises `NotFound`."""
    row = await session.get(BoothRow, booth_id)
    if row is None or not row.active or await session.get(PrisonRow, prison_id) is None:
        raise NotFound
    lent = {"booth_id": booth_id, "prison_id": prison_id}
    if row.prison_id != prison_id and await places.insert_new(
        session, BoothPrisonRow, [lent], BoothPrisonRow.booth_id
    ):
        record(
            session, tag(actor, "booth:lent"), actor=actor, subject=Ref("booth", booth_id), prison=prison_id
        )


async def take_back(session: Session, actor: Ref, booth_id: str, prison_id: str) -> None:
    """No longer for that prison's families; those that are booked keep their seats. Raises `NotFound`."""
    lent = BoothPrisonRow.booth_id == booth_id, BoothPrisonRow.prison_id == prison_id
    gone = delete(BoothPrisonRow).where(*lent).returning(BoothPrisonRow.booth_id)
    if await session.scalar(gone.execution_options(synchronize_session=False)) is None:
        raise NotFound
    record(
        session, tag(actor, "booth:taken-back"), actor=actor, subject=Ref("booth", booth_id), prison=prison_id
    )


async def lent_to(session: Session, booth_ids: Collection[str]) -> dict[str, list[str]]:
    """Booth -> the other prisons whose families may sit there."""
    found: dict[str, list[str]] = {}
    rows = await session.execute(
        select(BoothPrisonRow.booth_id, BoothPrisonRow.prison_id).where(
            BoothPrisonRow.booth_id.in_(list(booth_ids))
        )
    )
    for booth_id, prison_id in rows:
        found.setdefault(booth_id, []).append(prison_id)
    return found


def _open_to(prison_id: str) -> Select[BoothRow]:
    lent = select(BoothPrisonRow.booth_id).where(BoothPrisonRow.prison_id == prison_id)
    return select(BoothRow).where(or_(BoothRow.prison_id == prison_id, BoothRow.id.in_(lent)))


async def of_prison(session: Session, prison_id: str) -> list[Booth]:
    """Those that may be wished for, by name: the prison's own, and those lent to it."""
    rows = await session.scalars(_open_to(prison_id).where(BoothRow.active).order_by(BoothRow.name))
    return [_booth_of(row) for row in rows]


def _booth_of(row: BoothRow) -> Booth:
    return Booth(row.id, row.prison_id, row.name, row.place, row.seats)


async def free(
    session: Session, prison_id: str, moments: Collection[datetime]
) -> Mapping[tuple[str, datetime], int]:
    """(booth, moment) -> seats that nobody is promised."""
    if not moments:
        return {}
    booths = {booth.id: booth for booth in await of_prison(session, prison_id)}
    owners = [_owner(booth.id, seat) for booth in booths.values() for seat in range(booth.seats)]
    at = {moment: ticks(moment, moment).start for moment in moments}
    rows = await session.execute(
        select(ClaimRow.owner_id, ClaimRow.number).where(
            ClaimRow.kind == ClaimKind.BOOTH,
            ClaimRow.owner_id.in_(owners),
            ClaimRow.number.between(min(at.values()), max(at.values())),
        )
    )
    taken = Counter((_booth(owner), number) for owner, number in rows)
    return {
        (booth.id, moment): max(0, booth.seats - taken[booth.id, tick])
        for booth in booths.values()
        for moment, tick in at.items()
    }


async def open_at(
    session: Session, prison_id: str, starts_at: datetime, ends_at: datetime, without: Collection[str] = ()
) -> list[Booth]:
    """Those with a seat for the whole of that time. `without`: bookings that would be given up for it."""
    numbers = ticks(starts_at, ends_at)
    rows = await session.scalars(
        select(ClaimRow.owner_id).where(
            ClaimRow.kind == ClaimKind.BOOTH,
            ClaimRow.number.between(numbers.start, numbers.stop - 1),
            or_(ClaimRow.booking_id.is_(None), ClaimRow.booking_id.not_in(list(without))),
        )
    )
    taken = set(rows)
    return [
        booth
        for booth in await of_prison(session, prison_id)
        if any(_owner(booth.id, seat) not in taken for seat in range(booth.seats))
    ]


async def sit(session: Session, view: BookingView, booth_id: str) -> None:
    """Promises a seat to a visit's family. Raises `Refused`, and `NotFound` for a booth that is not for its prison."""
    if await session.scalar(_open_to(view.prison_id).where(BoothRow.id == booth_id)) is None:
        raise NotFound
    await take(session, booth_id, view.starts_at, view.slot_ends_at, view.id, instead_of=view.replaces)


async def sit_elsewhere(session: Session, actor: Actor, view: BookingView, booth_id: str | None) -> None:
    """Another booth at the time of a visit that stands, or none: a device of their own. Raises as `sit`."""
    before = (await of_bookings(session, [view.id])).get(view.id)
    if (before.id if before else None) == booth_id:
        return
    gone = delete(ClaimRow).where(ClaimRow.kind == ClaimKind.BOOTH, ClaimRow.booking_id == view.id)
    await session.execute(gone.execution_options(synchronize_session=False))
    if booth_id is not None:
        await sit(session, view, booth_id)
    what, booth = tag(actor, "booking:booth-changed"), booth_id or ""
    record(session, what, actor=ref(actor), subject=booking_ref(view.id), booth=booth)


async def take(
    session: Session,
    booth_id: str,
    starts_at: datetime,
    ends_at: datetime,
    visit: str,
    *,
    instead_of: str | None = None,
) -> None:
    """Promises a seat to a visit (booking), until that ends or is given up. `instead_of`: the visit whose place it is
    to take; if both would sit on one seat, what they share of its time goes over when that ends (`places.release`).
    Raises `Refused`."""
    row = await session.get(BoothRow, booth_id, populate_existing=True)
    seats = range(row.seats) if row is not None and row.active else range(0)
    numbers = ticks(starts_at, ends_at)
    wanted = [places.ticks_of(ClaimKind.BOOTH, _owner(booth_id, seat), numbers) for seat in seats]
    for keys in wanted:
        if await places.claim(session, keys, visit):
            return
    if instead_of is None:
        raise Refused([NO_SEAT])
    for keys in wanted:
        rest = await places.not_held_by(session, keys, instead_of)
        if 0 < len(rest) < len(keys) and await places.claim(session, rest, visit):
            return
    raise Refused([NO_SEAT])


async def of_bookings(session: Session, booking_ids: Iterable[str]) -> dict[str, Booth]:
    """Booking -> the booth in which its visitors sit."""
    claims = select(ClaimRow.booking_id, ClaimRow.owner_id).where(
        ClaimRow.kind == ClaimKind.BOOTH, ClaimRow.booking_id.in_(list(booking_ids))
    )
    booked = {visit: _booth(owner) for visit, owner in await session.execute(claims.distinct()) if visit}
    rows = await session.scalars(select(BoothRow).where(BoothRow.id.in_(set(booked.values()))))
    known = {row.id: _booth_of(row) for row in rows}
    return {visit: known[booth_id] for visit, booth_id in booked.items()}


def _owner(booth_id: str, seat: int) -> str:
    return f"{booth_id}#{seat}"


def _booth(owner: str) -> str:
    return owner.partition("#")[0]
