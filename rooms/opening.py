"""Which rooms should run, how one is opened for what was agreed, and what is watched while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import or_, select

import ledger.record
import policy.repository
import scheduler.service
from core import clock
from core.db import Database, Session
from core.errors import KinbridgeError
from core.ids import SYSTEM, Ref, new_id
from people import repository as people
from rooms import bookings, call_log, directory, proving, repository, sittings, words
from rooms.actions import Action, Extended, Message, Prolong, TopologyClosed
from rooms.agreed import Agreed
from rooms.directory import Claim
from rooms.model import Moment, Phase, RoomRecord, SeatRole, SeatView, Visit
from rooms.room import Room
from rooms.tables import RoomRow
from scheduler import extending


@dataclass(frozen=True, slots=True)
class Opened:
    room: Room
    claim: Claim


async def read(session: Session, about: Ref) -> Agreed:
    """What was agreed. Raises `NotFound`."""
    if about.kind == "sitting":
        return (await sittings.get(session, about.id)).agreed
    return bookings.agreed(await scheduler.service.get(session, about.id))


async def candidates(session: Session) -> list[Ref]:
    """Whose room should run and does not: due ones without a host, and orphans of dead nodes."""
    now = clock.now()
    booked = [booking.id for booking in await scheduler.service.due(session, now)]
    met = await sittings.due(session, now)
    busy = or_(RoomRow.phase == Phase.ENDED.value, RoomRow.lease_until > now)
    which = or_(RoomRow.booking_id.in_(booked), RoomRow.sitting_id.in_(met))
    taken = {directory.about(row) for row in await session.scalars(select(RoomRow).where(which, busy))}
    due = [*(Ref("booking", one) for one in booked), *(Ref("sitting", one) for one in met)]
    return list(dict.fromkeys([ref for ref in due if ref not in taken] + await directory.unhosted(session)))


async def open_room(session: Session, about: Ref, node_id: str) -> Opened | None:
    """Claims its room and reads it; `None`: another node was faster, or it has ended.

    Raises `ClosedRoomsUnproved` for a closed room while the proof fails that such rooms are closed.
    """
    agreed = await read(session, about)
    await proving.demand(session, agreed.topology, node_id)
    rules = await policy.repository.current(session, agreed.scope_id, agreed.starts_at)
    room_id = await prepare(session, agreed)
    claim = await directory.claim(session, about, node_id)
    if claim is None:
        return None
    row = await session.get_one(RoomRow, room_id, populate_existing=True)
    present = {party.person for party in agreed.parties}
    seats = await repository.seats(session, room_id)
    still_theirs = tuple(seat for seat in seats if not seat.role.visits or seat.person in present)
    taken = frozenset(act.act for act in await repository.acts(session, room_id))
    record = replace(repository.as_record(row, still_theirs), taken=taken)
    ledger.record.record(
        session,
        "system:room:opened",
        actor=SYSTEM,
        subject=about,
        room=room_id,
        node=node_id,
        epoch=claim.epoch,
        confidentiality=agreed.confidentiality.value,
        **({} if record.ticked_at is None else {"counted_till": record.ticked_at.isoformat()}),
    )
    if agreed.topology.oversight.recorder:
        call_log.add_sights(session, room_id, ())
    visit = agreed.visit(room_id, repository.rules_of(rules.values))
    return Opened(Room(visit, record, Moment(clock.now(), clock.monotonic())), claim)


async def prepare(session: Session, agreed: Agreed) -> str:
    """The room and its seats, made where they are missing; answers the room's id."""
    room_id = await directory.ensure_room(session, agreed.about, agreed.confidentiality)
    row = await session.get_one(RoomRow, room_id, populate_existing=True)
    if row.confidentiality != agreed.confidentiality:  # only ever more closed: the database refuses the rest
        row.confidentiality = agreed.confidentiality
        await session.flush()
    seated = {seat.person for seat in await repository.seats(session, room_id)}
    for party in agreed.parties:
        if party.person not in seated:
            await repository.add_seat(
                session,
                room_id,
                SeatView(
                    new_id("seat"),
                    party.role,
                    party.person,
                    party.name,
                    party.kinship,
                    party.relationship_id,
                ),
            )
    return room_id


async def may_extend(session: Session, visit: Visit, seat: SeatView) -> bool:
    """Whether this officer may give more time, by role and policy."""
    if seat.role is not SeatRole.MONITOR or visit.booking_id is None:
        return False
    staff = await people.staff(session, seat.person.id)
    return staff is not None and extending.may(visit.rules.extend_by, staff.roles)


async def prolong(db: Database, about: Ref, effect: Prolong) -> tuple[Message, Extended | None]:
    """The answer to the act, and what the room is told when the time was there."""
    try:
        async with db.write() as session:
            longer = await extending.extend(session, effect.officer, about.id, effect.minutes)
    except KinbridgeError as error:
        text = words.say(error.text, **error.params)
        return {"type": "refused", "id": effect.id, "code": error.code, "text": text}, None
    return {"type": "done", "id": effect.id}, Extended(longer.minutes * 60.0, longer.slot_ends_at)


async def changes(
    session: Session, visit: Visit, seats: Sequence[SeatView]
) -> Sequence[Action | TopologyClosed]:
    """What happened meanwhile to what a running room is for."""
    if visit.about.kind == "sitting":
        return await sittings.changes(session, visit, seats)
    return await bookings.changes(session, visit, seats)


async def complete(session: Session, visit: Visit, record: RoomRecord) -> None:
    """How it ended, in the transaction that ends the room."""
    if visit.about.kind == "sitting":
        await sittings.complete(session, visit.about.id, record)
    else:
        told = "family" in visit.rules.reason_told_to
        await bookings.complete(session, visit.about.id, record, told=told)
