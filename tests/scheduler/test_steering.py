"""Values of the rules that steer how a visit comes about, with a database: what each of them changes."""

import contextlib
from datetime import time, timedelta

import pytest
from sqlalchemy import update

from core import clock
from core.db import Database
from core.errors import Refused
from core.ids import Ref, new_id
from people import service as people
from people import sessions
from people.model import Role
from people.tables import RelationshipRow
from scheduler import overbooking, service, signing, wishes
from scheduler.model import BookingState
from scheduler.planning_tables import PlanRow
from tests.conftest import FakeClock
from tests.scheduler.world import ADMIN, Family, World, build, identity


@pytest.fixture(autouse=True)
def _day(clock: FakeClock) -> None:
    """Tests reckon from a fixed day."""


async def refused(world: World, family: Family, slot_id: str) -> list[str]:
    with pytest.raises(Refused) as caught:
        await world.hold(family, slot_id, key="another")
    return [reason.code for reason in caught.value.reasons]


async def test_kinds_that_never_use_the_allowance(db: Database) -> None:
    """`uncounted_types`: a guardian comes though the month is used; with a brother it is a family visit again."""
    world = await build(db, visits_per_month=1, uncounted_types=["guardian"])
    family = await world.family()
    guardian = await world.relative(family.inmate_id)
    async with db.write() as session:
        row = update(RelationshipRow).where(RelationshipRow.id == guardian.relationship_id)
        await session.execute(row.values(kinship="guardian"))
    times = [await world.slot(days=1, hour=hour) for hour in (2, 4, 6)]
    await world.request(guardian, times[0])
    await world.request(family, times[1])
    assert await refused(world, family, times[2]) == ["allowance-used"]
    held = await world.hold(guardian, times[2], key="again")
    both = [*guardian.choice, *family.choice]
    with pytest.raises(Refused) as caught:
        async with db.write() as session:
            await service.request(session, guardian.actor, held.id, both, "again")
    assert [reason.code for reason in caught.value.reasons] == ["allowance-used"]
    async with db.write() as session:
        await service.request(session, guardian.actor, held.id, guardian.choice, "again")


async def test_a_pick_that_did_not_count_counts_with_who_comes(db: Database) -> None:
    world = await build(db, visits_per_month=1, uncounted_types=["guardian"])
    family = await world.family()
    guardian = await world.relative(family.inmate_id)
    async with db.write() as session:
        row = update(RelationshipRow).where(RelationshipRow.id == guardian.relationship_id)
        await session.execute(row.values(kinship="guardian"))
    held = await world.hold(guardian, await world.slot(hour=2))
    async with db.write() as session:
        both = [*guardian.choice, *family.choice]
        await service.request(session, guardian.actor, held.id, both, "k")
    assert await refused(world, family, await world.slot(hour=4)) == ["allowance-used"]


async def test_who_may_start(db: Database) -> None:
    """`started_by`: where only officers start a visit, a family cannot, and staff can."""
    world = await build(db, started_by=["officer"])
    family, slot_id = await world.family(), await world.slot()
    assert await refused(world, family, slot_id) == ["started-elsewhere"]
    async with db.write() as session:
        booked = await overbooking.overbook(
            session, world.approver, family.relationship_id, slot_id, "k", "asked for at the door"
        )
    assert booked.requested_by == family.relative_id


async def test_days_given_out_by_wishes(db: Database) -> None:
    """`release_way`: no first come before the week is planned; what a published plan left over can be picked."""
    world = await build(db, release_way="wishes")
    family, slot_id = await world.family(), await world.slot(days=2)
    assert await refused(world, family, slot_id) == ["by-wishes"]
    now = clock.now()
    async with db.write() as session:
        session.add(
            PlanRow(
                id=new_id("pln"), prison_id=world.prison_id, first_day=now.date(), state="published", stage="",
                last_day=(now + timedelta(days=6)).date(), done=100, read={}, report={}, certificate={},
                made_by_kind="admin", made_by_id="adm_test", made_at=now, state_since=now,
            )
        )  # fmt: skip
    assert (await world.hold(family, slot_id)).slot_id == slot_id


async def wish(world: World, family: Family) -> wishes.Wish:
    await world.slot(days=2, hour=2)
    day = (clock.now() + timedelta(days=2)).date()
    choice = [wishes.Choice(0, day, time(9), time(18))]
    async with world.db.write() as session:
        return await wishes.make(session, family.actor, family.inmate_id, family.choice, choice, "w")


@pytest.mark.parametrize(
    ("ground", "evidence", "error"),
    [
        ("illness", "hospital letter of 12 November", None),
        ("", "", None),  # taken back
        ("illness", "  ", wishes.EvidenceMissing),
        ("hearing", "summons", wishes.BadGround),  # known, and not used here
        ("wealth", "bank note", wishes.BadGround),
    ],
)
async def test_who_comes_first_and_with_what_proof(
    db: Database, ground: str, evidence: str, error: type[Exception] | None
) -> None:
    """`priority_grounds`, `priority_needs_evidence`."""
    world = await build(db, priority_grounds=["illness"])
    asked = await wish(world, await world.family())
    with pytest.raises(error) if error else contextlib.nullcontext():
        async with db.write() as session:
            await wishes.grant(session, world.approver, asked.id, ground, evidence)
    async with db.read() as session:
        now = await wishes.get(session, asked.id)
    assert (now.ground, now.evidence) == (("", "") if error else (ground, evidence))


async def test_proof_is_not_asked_for_where_the_rules_do_not(db: Database) -> None:
    world = await build(db, priority_needs_evidence=False)
    asked = await wish(world, await world.family())
    async with db.write() as session:
        assert (await wishes.grant(session, world.approver, asked.id, "age")).ground == "age"


async def test_desks_decide_one_after_the_other_each_by_its_day(db: Database) -> None:
    """`decision_steps`: the bureau first, then the prison, by different people; the reply is not a signature."""
    steps = [("bureau", 1), ("prison", 2), ("reply", 2)]
    world = await build(
        db, reply_working_days=5, decision_steps=[{"desk": desk, "working_days": n} for desk, n in steps]
    )
    asked = await world.request(await world.family(), await world.slot(days=9))
    assert asked.chain == ("bureau", "prison")
    async with db.read() as session:
        due = {one.office: one.due for one in await signing.chain(session, asked)}
    today = asked.state_since.date()
    assert {desk: (moment.date() - today).days for desk, moment in due.items() if moment} == {
        "bureau": 2,  # asked for on a Saturday
        "prison": 4,
    }
    async with db.write() as session:
        half = await service.approve(session, world.approver, asked.id)
    assert half.state is BookingState.REQUESTED
    with pytest.raises(signing.SignedBefore):
        async with db.write() as session:
            await service.approve(session, world.approver, asked.id)
    second = identity("officer", "off_2", Role.APPROVER, prison_id=world.prison_id)
    async with db.write() as session:
        assert (await service.approve(session, second, asked.id)).state is BookingState.APPROVED


@pytest.mark.parametrize(("languages", "spoken"), [(["en", "zh"], "en"), (["zh"], "zh")])
async def test_a_terminal_speaks_the_first_language_of_its_prison(
    db: Database, languages: list[str], spoken: str
) -> None:
    """`languages`."""
    world = await build(db, languages=languages)
    async with db.write() as session:
        device = await people.register_device(session, ADMIN, world.prison_id, "T1")
        _, who = await sessions.open_session(session, Ref("terminal", device.id), strong=True, agent="")
    assert who.language == spoken
