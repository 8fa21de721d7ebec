"""Tickets and who gets one: each refusal with its code, and with its entry in the ledger."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from core.db import Database
from core.errors import Forbidden, KinbridgeError, NotFound
from core.ids import Ref
from ledger import read
from people.model import Identity, Role
from people.tables import RelationshipRow
from rooms import service, tickets
from rooms.model import EndReason, Phase, Purpose, SeatRole, SeatState
from rooms.refusals import (
    RelationshipEnded,
    SeatRefused,
    TicketExpired,
    TicketInvalid,
    VisitNotOpen,
    VisitOver,
)
from rooms.tables import RoomRow, SeatRow, TicketRow
from scheduler import service as scheduler
from scheduler.model import BookingState
from tests.rooms.visits import Cast, ShiftedClock, confirmed_visit, monitor
from tests.scheduler import world


@pytest.fixture
async def early(db: Database, shifted: ShiftedClock) -> Cast:
    """A visit whose lobby is not open yet."""
    return await confirmed_visit(db, early_minutes=0)


async def redeem(db: Database, token: str) -> tickets.Pass:
    async with db.write() as session:
        return await tickets.redeem(session, token)


async def test_a_ticket_is_good_once_for_its_person_and_seat(cast: Cast) -> None:
    token = await cast.ticket(cast.relative)
    granted = await redeem(cast.db, token)
    assert granted.purpose is Purpose.SEAT
    assert granted.person == cast.relative.subject
    assert granted.session_id == cast.relative.session_id
    with pytest.raises(TicketInvalid):
        await redeem(cast.db, token)
    async with cast.db.read() as session:
        row = (await session.scalars(select(TicketRow))).one()
        seat = await session.get_one(SeatRow, granted.seat_id)
    assert token not in str(vars(row))
    assert (seat.person_kind, seat.person_id) == ("relative", cast.family.relative_id)


async def test_of_many_who_show_one_ticket_at_once_one_gets_in(cast: Cast) -> None:
    token = await cast.ticket(cast.relative)
    results = await asyncio.gather(*(redeem(cast.db, token) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, tickets.Pass) for result in results) == 1
    assert sum(isinstance(result, TicketInvalid) for result in results) == 9


async def test_a_ticket_dies_after_a_minute(cast: Cast, shifted: ShiftedClock) -> None:
    old, fresh = await cast.ticket(cast.relative), await cast.ticket(cast.relative)
    shifted.shift += 50
    await redeem(cast.db, fresh)
    shifted.shift += 11
    with pytest.raises(TicketExpired):
        await redeem(cast.db, old)
    with pytest.raises(TicketInvalid):
        await redeem(cast.db, "kbt_made-up")
    shifted.shift += 3700
    async with cast.db.write() as session:
        assert await tickets.purge(session) == 2


async def test_everybody_gets_their_own_seat(cast: Cast) -> None:
    for who in (cast.relative, cast.terminal, cast.officer, monitor(cast, "off_second"), cast.officer):
        await cast.ticket(who)
    async with cast.db.read() as session:
        view = await service.room_of(session, cast.booking.id)
    assert view is not None
    assert sorted(seat.role for seat in view.record.seats) == sorted(
        [SeatRole.INMATE, SeatRole.MONITOR, SeatRole.MONITOR, SeatRole.RELATIVE]
    )
    inmate = next(seat for seat in view.record.seats if seat.role is SeatRole.INMATE)
    assert inmate.person == Ref("inmate", cast.family.inmate_id)
    assert inmate.name == "Li Wei"
    assert view.record.phase is Phase.LOBBY
    assert not view.hosted


async def refused(cast: Cast, who: Identity, error: type[KinbridgeError]) -> KinbridgeError:
    """The refusal, after checking that nothing was written but its entry."""
    async with cast.db.read() as session:
        before = len((await session.scalars(select(TicketRow))).all())
    with pytest.raises(error) as caught:
        await cast.ticket(who)
    async with cast.db.read() as session:
        assert len((await session.scalars(select(TicketRow))).all()) == before
        entry = (await read.about(session, Ref("booking", cast.booking.id)))[-1]
    assert entry.tag.endswith(":ticket:refused")
    assert entry.parsed() == {"code": caught.value.code}
    assert (entry.actor_kind, entry.actor_id) == (who.subject.kind, who.subject.id)
    return caught.value


async def test_too_early_is_told_from_when_on(early: Cast) -> None:
    error = await refused(early, early.relative, VisitNotOpen)
    assert isinstance(error, VisitNotOpen)
    assert error.opens_at == early.booking.opens_at
    assert error.params["opens_at"] == early.booking.opens_at.isoformat()
    await refused(early, early.officer, VisitNotOpen)
    await refused(early, early.terminal, VisitNotOpen)


async def test_a_visit_that_is_over_or_cancelled(cast: Cast, shifted: ShiftedClock) -> None:
    async with cast.db.write() as session:
        await scheduler.cancel(session, cast.world.approver, cast.booking.id, "emergency")
    await refused(cast, cast.relative, VisitOver)
    cast.booking = replace(cast.booking, id="bkg_unknown")
    await refused(cast, cast.relative, NotFound)


async def test_after_the_slot_nobody_comes_in(cast: Cast, shifted: ShiftedClock) -> None:
    shifted.put_to(cast.booking.slot_ends_at)
    await refused(cast, cast.relative, VisitOver)


async def test_a_room_that_has_ended_stays_ended(cast: Cast) -> None:
    await cast.ticket(cast.relative)
    async with cast.db.write() as session:
        await session.execute(update(RoomRow).values(phase="ended", end_reason=EndReason.BY_OFFICER.value))
    await refused(cast, cast.relative, VisitOver)


async def test_a_relationship_that_was_withdrawn_after_booking(cast: Cast) -> None:
    async with cast.db.write() as session:
        await session.execute(
            update(RelationshipRow)
            .where(RelationshipRow.id == cast.family.relationship_id)
            .values(state="withdrawn")
        )
    await refused(cast, cast.relative, RelationshipEnded)
    await cast.ticket(cast.officer)


async def test_somebody_an_officer_removed(cast: Cast) -> None:
    await cast.ticket(cast.relative)
    async with cast.db.write() as session:
        await session.execute(
            update(SeatRow).where(SeatRow.role == "relative").values(state=SeatState.REMOVED.value)
        )
    await refused(cast, cast.relative, SeatRefused)


async def test_strangers_do_not_even_learn_that_there_is_a_visit(cast: Cast) -> None:
    another = await cast.world.family()
    foreign = world.identity("officer", "off_foreign", Role.MONITOR, prison_id="prs_other")
    elsewhere = world.identity("terminal", "dev_other", Role.TERMINAL, prison_id=cast.world.prison_id)
    lawyer = world.identity("counsel", "law_1", Role.COUNSEL)
    nowhere = world.identity("admin", "adm_1", Role.ADMIN)
    for who in (another.actor, foreign, elsewhere, lawyer, nowhere):
        await refused(cast, who, NotFound)


async def test_an_officer_who_does_not_monitor(cast: Cast) -> None:
    await refused(cast, cast.world.approver, Forbidden)


async def test_a_visit_that_is_not_confirmed_is_not_open(cast: Cast) -> None:
    another = await cast.world.family()
    slot = await cast.world.slot(days=2)
    requested = await cast.world.request(another, slot)
    assert requested.state is BookingState.REQUESTED
    cast.booking = requested
    await refused(cast, another.actor, VisitNotOpen)
