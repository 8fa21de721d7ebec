"""Papers that are missing from an application are asked for once, all together; the clock stands still meanwhile."""

from datetime import timedelta

import pytest

from core.bus import MemoryBus
from core.db import Database
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import Ref
from core.settings import Settings
from ledger import read as ledger
from legalaid import approvals, clocks, service
from legalaid.tables import MatterClockRow
from notices import outbox
from people import repository, supplements
from people import service as people
from people.means import Means
from people.model import Identity, RelationshipState, Role
from people.proofs import Upload
from people.supplements import AskedAlready, NothingAsked
from policy.running import ClockState
from tests.conftest import FakeClock
from tests.legalaid.place import Place, build
from tests.people.conftest import picture
from tests.scheduler.world import ADMIN, Family, identity

WORDS = "The second page of the household register."
PAPER = Upload("page.jpg", picture())


@pytest.fixture
def means(settings: Settings) -> Means:
    return Means.of(settings, MemoryBus())


@pytest.fixture
async def office(here: Place) -> Place:
    async with here.db.write() as session:
        await service.create_desk(session, ADMIN, here.world.prison_id, "Office", "office", "0551 7")
    return here


async def applied(here: Place) -> Family:
    return await here.world.relative((await here.inmate()).inmate_id, state="pending")


def officer(here: Place, prison_id: str = "") -> Identity:
    return identity("officer", "off_1", Role.APPROVER, prison_id=prison_id or here.world.prison_id)


async def ask(here: Place, family: Family, words: str = WORDS, who: Identity | None = None) -> None:
    async with here.db.write() as session:
        await supplements.ask(session, who or officer(here), family.relationship_id, words)


async def answer(here: Place, means: Means, family: Family, *files: Upload) -> None:
    async with here.db.write() as session:
        await supplements.answer(session, means, family.actor, family.relationship_id, files)


async def clock_of(here: Place, family: Family) -> MatterClockRow:
    async with here.db.read() as session:
        row = await clocks.of_matter(session, Ref("relationship", family.relationship_id))
    assert row is not None
    return row


async def test_the_clock_stands_still_until_the_papers_are_there(
    office: Place, means: Means, clock: FakeClock
) -> None:
    here, family = office, await applied(office)
    assert await approvals.watch(here.db) == 1
    before = await clock_of(here, family)
    await ask(here, family)
    assert await approvals.watch(here.db) == 1
    assert (await clock_of(here, family)).state == ClockState.PAUSED
    assert await approvals.watch(here.db) == 0
    clock.move(days=21)
    async with here.db.read() as session:
        (asked,) = await supplements.of(session, family.relationship_id)
        assert supplements.waits([asked]) == asked
        told = await outbox.of(session, Ref("relative", family.relative_id))
    assert [one.template for one in told] == ["relationship-papers"]
    await answer(here, means, family, PAPER, PAPER)
    assert await approvals.watch(here.db) == 1
    after = await clock_of(here, family)
    assert (after.state, after.colour) == (ClockState.RUNNING, before.colour)
    assert after.due_at > before.due_at + timedelta(days=20)
    async with here.db.read() as session:
        view = await repository.relationship_by_id(session, family.relationship_id)
        found = await supplements.of(session, family.relationship_id)
        tags = [one.tag for one in await ledger.about(session, Ref("relationship", family.relationship_id))]
    assert view is not None
    assert (view.state, len(view.proof_ids)) == (RelationshipState.PENDING, 2)
    assert supplements.stood_still(found) == timedelta(days=21)
    assert tags == ["officer:relationship:papers-asked", "family:relationship:papers-sent"]


async def test_they_are_asked_for_once(office: Place, means: Means) -> None:
    here, family = office, await applied(office)
    await ask(here, family)
    with pytest.raises(AskedAlready):
        await ask(here, family, "And the first page.")
    await answer(here, means, family, PAPER)
    with pytest.raises(AskedAlready):
        await ask(here, family, "And the first page.")
    with pytest.raises(NothingAsked):
        await answer(here, means, family, PAPER)


async def test_where_the_rules_let_nobody_ask(db: Database) -> None:
    here = await build(db, "Strict", supplements=0)
    family = await applied(here)
    with pytest.raises(AskedAlready):
        await ask(here, family)


async def test_what_is_refused_changes_nothing(office: Place, means: Means) -> None:
    here, family = office, await applied(office)
    for words in ("", " ", "x" * 501):
        with pytest.raises(Refused):
            await ask(here, family, words)
    for who in (family.actor, identity("officer", "off_2", Role.MONITOR, prison_id=here.world.prison_id)):
        with pytest.raises(Forbidden):
            await ask(here, family, who=who)
    with pytest.raises(NotFound):
        await ask(here, family, who=officer(here, "prs_other"))
    await ask(here, family)
    for files in ((), (PAPER,) * 6, (Upload("broken.jpg", b"no picture"),)):
        with pytest.raises(Refused):
            await answer(here, means, family, *files)
    stranger = await here.relative(family.inmate_id)
    async with here.db.write() as session:
        with pytest.raises(NotFound):
            await supplements.answer(session, means, stranger.actor, family.relationship_id, [PAPER])
    async with here.db.read() as session:
        assert supplements.waits(await supplements.of(session, family.relationship_id)) is not None


async def test_it_is_decided_without_them(office: Place, means: Means) -> None:
    here, family = office, await applied(office)
    await approvals.watch(here.db)
    await ask(here, family)
    await approvals.watch(here.db)
    async with here.db.write() as session:
        await people.approve(session, officer(here), family.relationship_id)
    assert await approvals.watch(here.db) == 1
    assert (await clock_of(here, family)).state == ClockState.DONE
    for late in (ask(here, family), answer(here, means, family, PAPER)):
        with pytest.raises(Conflict):
            await late
