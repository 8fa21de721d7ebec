"""The statement of visits explains its numbers, also one below nothing."""

from datetime import date

from core.db import Database
from policy.rulebook import Channel
from scheduler import accounts, service, statement
from scheduler.allowance import What
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import World


async def test_every_line_says_what_is_left_after_it(db: Database, clock: FakeClock) -> None:
    world = await worlds.build(db, visits_per_month=1)
    family = await world.family()
    booked = await world.request(family, await world.slot(days=2))
    clock.move(minutes=1)
    async with world.db.write() as session:
        await service.withdraw(session, family.actor, booked.id)
    for channel in (Channel.ONSITE_GLASS, Channel.REMOTE_OFFICE):
        clock.move(minutes=1)
        async with world.db.write() as session:
            await service.record_use(
                session, world.approver, family.inmate_id, date(2026, 11, 22), channel, "on site"
            )
    async with world.db.read() as session:
        (month,) = await statement.of_inmate(session, family.inmate_id)
    assert (month.key, month.first, month.last, month.limit) == (
        "2026-11", date(2026, 11, 1), date(2026, 11, 30), 1
    )  # fmt: skip
    told = [(entry.line.what, entry.line.visits, entry.left) for entry in month.entries]
    assert told == [
        (What.USED, -1, 0),
        (What.REFUNDED, 1, 1),
        (What.USED, -1, 0),
        (What.USED, -1, -1),
    ]
    assert month.left == -1
    assert [entry.reference for entry in month.entries] == [booked.reference, booked.reference, "", ""]


async def test_a_period_without_lines_and_saved_visits(db: Database, clock: FakeClock, world: World) -> None:
    del clock
    family = await world.family()
    async with world.db.read() as session:
        (present,) = await statement.of_inmate(session, family.inmate_id)
    assert (present.entries, present.left) == ((), 20)
    grants = {"": {"visits": 2, "every_days": 14, "extra": 1, "extra_every_days": 28}}
    saving = await worlds.build(db, name="Saving", allowance_span="balance", grants=grants)
    other = await saving.family()
    async with db.write() as session:
        await accounts.bring_up(session, other.inmate_id)
        await accounts.adjust(session, saving.approver, other.inmate_id, -4, "a visit too many")
    async with db.read() as session:
        (saved,) = await statement.of_inmate(session, other.inmate_id)
    assert (saved.key, saved.first, saved.left) == ("balance", None, -1)
    assert [entry.left for entry in saved.entries] == [2, 3, -1]
