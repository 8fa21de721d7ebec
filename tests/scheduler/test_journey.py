"""A booking from the first look to the end of the call, and what each step leaves behind."""

from datetime import timedelta

from core import clock as core_clock
from core.ids import Ref
from ledger import read as ledger
from notices import outbox
from scheduler import service, tasks
from scheduler.model import BookingState
from tests.conftest import FakeClock
from tests.scheduler.world import World


async def test_a_visit_from_pick_to_end(world: World, clock: FakeClock) -> None:
    family = await world.family()
    terminal_id = await world.terminal()
    slot_id = await world.slot(days=5)

    async with world.db.read() as session:
        days = await service.month(session, family.actor, family.inmate_id, 2026, 11)
    offered = [offer for day in days for offer in day.slots if offer.offered]
    assert [offer.slot_id for offer in offered] == [slot_id]
    assert len(days) == 30

    held = await world.hold(family, slot_id)
    assert held.state is BookingState.HELD
    assert held.held_until == core_clock.now() + timedelta(minutes=10)

    async with world.db.write() as session:
        requested = await service.request(session, family.actor, held.id, family.choice, "c")
    assert requested.state is BookingState.REQUESTED
    assert [v.relationship_id for v in requested.visitors] == [family.relationship_id]
    assert requested.held_until is None
    # Saturday; three working days are Monday to Wednesday, till 18:00 in Beijing
    assert requested.reply_by is not None
    assert requested.reply_by.isoformat() == "2026-11-25T10:00:00+00:00"

    async with world.db.write() as session:
        await service.approve(session, world.approver, held.id)
    assert await tasks.place_approved(world.db) == 1
    confirmed = await world.get(held.id)
    assert confirmed.state is BookingState.CONFIRMED
    assert confirmed.terminal_id == terminal_id

    async with world.db.read() as session:
        notices = await outbox.of(session, Ref("relative", family.relative_id))
    templates = sorted(n.template for n in notices)
    assert templates == sorted([
        "booking-requested", "booking-approved", "booking-confirmed",
        "reminder-day", "reminder-2h", "reminder-15min",
    ])  # fmt: skip

    clock.set(confirmed.opens_at)
    async with world.db.read() as session:
        assert [b.id for b in await service.due(session, core_clock.now())] == [held.id]
        at = await service.at_terminal(session, terminal_id, core_clock.now())
    assert at is not None
    assert at.id == held.id

    async with world.db.write() as session:
        done = await service.complete(session, held.id, BookingState.COMPLETED)
    assert done.state is BookingState.COMPLETED

    async with world.db.read() as session:
        tags = [entry.tag for entry in await ledger.latest(session, limit=50, about=held.id)]
    assert tags[::-1] == [
        "family:booking:held", "family:booking:requested", "officer:booking:approved",
        "system:booking:assigned", "system:booking:confirmed", "system:booking:completed",
    ]  # fmt: skip
    assert (await ledger.verify(world.db)).intact
