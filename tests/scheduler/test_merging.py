"""One inmate who was entered twice (F38): everything follows the record that is kept, two persons agree, nothing is
left behind and nothing is had twice."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core import clock as core_clock
from core.db import Base, Database
from core.errors import NotFound, Refused
from core.ids import Ref
from ledger import read as ledger
from people import repository as people
from people.model import InmateStatus, RelationshipState, Role
from people.tables import InmateRow, RelationshipRow
from policy.rulebook import Channel
from scheduler import accounts, befalling, carrying, flags, merging, service
from scheduler.happenings import Happening, Kind
from scheduler.merging import MergeByAnother, MergeOver, MergeState
from scheduler.model import BookingState, ClaimKind
from scheduler.tables import ClaimRow
from tests.conftest import FakeClock
from tests.scheduler.world import ADMIN, Family, World, build, identity


async def asked(world: World, kept: Family, gone: Family) -> str:
    async with world.db.write() as session:
        return await merging.ask(
            session, world.approver, world.prison_id, kept.inmate_id, gone.inmate_id, "same identity card"
        )


async def merged(world: World, kept: Family, gone: Family) -> dict[str, int]:
    merge_id = await asked(world, kept, gone)
    other = identity("officer", "off_second", Role.APPROVER, prison_id=world.prison_id)
    async with world.db.write() as session:
        return dict(await merging.approve(session, other, merge_id))


async def naming(db: Database, inmate_id: str) -> dict[str, int]:
    async with db.read() as session:
        return await carrying.counts(session, inmate_id)


async def test_everything_follows_the_record_that_is_kept(world: World) -> None:
    kept, gone = await world.family(), await world.family()
    visit = await world.request(gone, await world.slot(days=2))
    async with world.db.write() as session:
        day = (core_clock.now() + timedelta(days=3)).date()
        await service.record_use(session, world.approver, gone.inmate_id, day, Channel.ONSITE_GLASS)
    moved = await merged(world, kept, gone)
    assert (moved["booking"], moved["relationship"], moved["allowance_entry"]) == (1, 1, 2)
    assert await naming(world.db, gone.inmate_id) == {}
    now_of = await world.get(visit.id)
    assert (now_of.inmate_id, now_of.state) == (kept.inmate_id, BookingState.REQUESTED)
    async with world.db.read() as session:
        claims = await session.execute(select(ClaimRow.kind, ClaimRow.owner_id, ClaimRow.number))
        mine = [
            (kind, owner) for kind, owner, _ in claims if owner.startswith((kept.inmate_id, gone.inmate_id))
        ]
        assert {owner.partition("/")[0] for _, owner in mine} == {kept.inmate_id}
        period = [owner for kind, owner in mine if kind == ClaimKind.ALLOWANCE]
        assert len(period) == 2
        old = await people.inmate(session, gone.inmate_id)
        assert old is not None
        assert old.status is InmateStatus.MERGED
        found = await people.find_inmate(session, world.prison_id, gone.inmate_id)  # by the old number
        assert found is not None
        assert found.id == kept.inmate_id
        assert [*(await people.inmates_by_wing(session, world.prison_id)).values()] == [1]


async def test_visits_of_both_count_together(db: Database, clock: FakeClock) -> None:
    world = await build(db, visits_per_month=2)
    kept, gone = await world.family(), await world.family()
    await world.request(kept, await world.slot(days=1, hour=2))
    await world.request(gone, await world.slot(days=2, hour=2))
    await merged(world, kept, gone)
    third = await world.slot(days=3)
    for family in (kept, gone):
        actor = family.actor
        with pytest.raises(Refused) as caught:
            async with db.write() as session:
                await service.hold(session, actor, kept.inmate_id, third, "third")
        assert [reason.code for reason in caught.value.reasons] == ["allowance-used"]


async def test_saved_visits_are_added_up(db: Database, clock: FakeClock) -> None:
    grant = {"visits": 2, "every_days": 14, "extra": 0, "extra_every_days": 28}
    world = await build(db, allowance_span="balance", grants={"": grant})
    kept, gone = await world.family(), await world.family()
    async with db.write() as session:
        for family in (kept, gone):
            await accounts.bring_up(session, family.inmate_id)
    await merged(world, kept, gone)
    async with db.write() as session:
        assert await accounts.bring_up(session, kept.inmate_id) == 4
        lines = await accounts.lines(session, kept.inmate_id)
    assert sum(line.visits for line in lines) == 4


@pytest.mark.parametrize(
    ("on_kept", "on_gone"), [("approved", "approved"), ("pending", "approved"), ("approved", "pending")]
)
async def test_a_relative_of_both_stays_once(world: World, on_kept: str, on_gone: str) -> None:
    kept, gone = await world.family(), await world.family()
    async with world.db.write() as session:
        await session.execute(
            update(RelationshipRow).where(RelationshipRow.id == gone.relationship_id).values(state=on_gone)
        )
    twice = await world.relative(kept.inmate_id, relative_id=gone.relative_id, state=on_kept)
    visit = await world.request(gone, await world.slot()) if on_gone == "approved" else None
    await merged(world, kept, gone)
    async with world.db.read() as session:
        rows = (
            await session.scalars(
                select(RelationshipRow).where(
                    RelationshipRow.inmate_id == kept.inmate_id,
                    RelationshipRow.relative_id == gone.relative_id,
                )
            )
        ).all()
    states = sorted(row.state for row in rows)
    assert states == [RelationshipState.APPROVED, RelationshipState.ENDED]
    (stays,) = [row.id for row in rows if row.state == RelationshipState.APPROVED]
    assert stays == (gone.relationship_id if on_kept == "pending" else twice.relationship_id)
    if visit is not None:
        assert [one.relationship_id for one in (await world.get(visit.id)).visitors] == [stays]


async def test_keep_apart_pairs_follow_and_hold_against_both_records_visits(world: World) -> None:
    """X is to be kept from one record; the other has a visit on the same day as X."""
    kept, gone, other = await world.family(), await world.family(), await world.family()
    pair = Happening(
        "",
        world.prison_id,
        Kind.KEEP_APART,
        core_clock.now(),
        None,
        inmate_id=gone.inmate_id,
        other_id=other.inmate_id,
    )
    async with world.db.write() as session:
        await befalling.report(session, ADMIN, pair)
    mine = await world.request(kept, await world.slot(days=2, hour=2))
    await world.request(other, await world.slot(days=2, hour=5))
    await merged(world, kept, gone)
    async with world.db.read() as session:
        (now_open,) = await befalling.open_in(session, world.prison_id)
        assert {now_open.inmate_id, now_open.other_id} == {kept.inmate_id, other.inmate_id}
        flagged = await flags.of_booking(session, mine.id)
    assert [flag.cause for flag in flagged] == [now_open.cause]


async def test_what_stands_against_it(world: World) -> None:
    kept, gone = await world.family(), await world.family()
    slot_id = await world.slot(capacity=2)
    await world.request(kept, slot_id)
    await world.request(gone, slot_id)
    pair = Happening(
        "",
        world.prison_id,
        Kind.KEEP_APART,
        core_clock.now(),
        None,
        inmate_id=gone.inmate_id,
        other_id=kept.inmate_id,
    )
    async with world.db.write() as session:
        await befalling.report(session, ADMIN, pair)
    merge_id = await asked(world, kept, gone)
    other = identity("officer", "off_second", Role.APPROVER, prison_id=world.prison_id)
    async with world.db.read() as session:
        shown = await merging.preview(session, other, merge_id)
    expected = {"visits-at-one-time", "apart-from-each-other"}
    assert {reason.code for reason in shown.against} == expected
    assert shown.goes["booking"] == 1
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await merging.approve(session, other, merge_id)
    assert {reason.code for reason in caught.value.reasons} == expected
    async with world.db.read() as session:  # refused, it waits as before
        assert (await merging.get(session, other, merge_id)).state is MergeState.ASKED


async def test_a_call_under_way_is_not_taken_apart(world: World, clock: FakeClock) -> None:
    kept, gone = await world.family(), await world.family()
    visit = await world.request(gone, await world.slot())
    merge_id = await asked(world, kept, gone)
    clock.move(seconds=(visit.starts_at - core_clock.now()).total_seconds())
    other = identity("officer", "off_second", Role.APPROVER, prison_id=world.prison_id)
    async with world.db.read() as session:
        shown = await merging.preview(session, other, merge_id)
    assert [reason.code for reason in shown.against] == ["call-near"]


async def test_two_persons_and_once(world: World) -> None:
    kept, gone = await world.family(), await world.family()
    merge_id = await asked(world, kept, gone)
    with pytest.raises(MergeOver):  # proposed already
        await asked(world, gone, kept)
    with pytest.raises(MergeByAnother):
        async with world.db.write() as session:
            await merging.approve(session, world.approver, merge_id)
    elsewhere = identity("officer", "off_x", Role.APPROVER, prison_id="prs_other")
    with pytest.raises(NotFound):
        async with world.db.read() as session:
            await merging.preview(session, elsewhere, merge_id)
    other = identity("officer", "off_second", Role.APPROVER, prison_id=world.prison_id)
    async with world.db.write() as session:
        await merging.approve(session, other, merge_id)
    for again in (merging.approve, merging.drop):
        with pytest.raises(MergeOver):
            async with world.db.write() as session:
                await again(session, other, merge_id)
    async with world.db.read() as session:
        entries = await ledger.about(session, Ref("inmate", kept.inmate_id))
    tags = [entry.tag for entry in entries]
    assert tags[-2:] == ["officer:inmate-merge:proposed", "officer:inmate-merge:done"]


@pytest.mark.parametrize(
    ("gone_number", "words"), [("same", "x"), ("nobody", "x"), ("other", "  "), ("other", "x" * 501)]
)
async def test_what_is_no_proposal(world: World, gone_number: str, words: str) -> None:
    kept, gone = await world.family(), await world.family()
    number = {"same": kept.inmate_id, "nobody": "0000", "other": gone.inmate_id}[gone_number]
    with pytest.raises(merging.BadMerge):
        async with world.db.write() as session:
            await merging.ask(session, world.approver, world.prison_id, kept.inmate_id, number, words)


async def test_a_dropped_proposal_leaves_both(world: World) -> None:
    kept, gone = await world.family(), await world.family()
    merge_id = await asked(world, kept, gone)
    async with world.db.write() as session:
        await merging.drop(session, world.approver, merge_id)
        assert await merging.open_in(session, world.prison_id) == []
        row = await session.get_one(InmateRow, gone.inmate_id)
        assert (row.status, row.merged_into) == ("present", None)
    await asked(world, kept, gone)  # and it can be proposed anew


def test_every_table_that_names_an_inmate_is_known() -> None:
    """A new table whose rows name an inmate is carried over by its foreign key; this list makes somebody look."""
    assert {f"{table.name}.{column.name}" for table, column in carrying.naming()} >= {
        "booking.inmate_id", "relationship.inmate_id", "wish.inmate_id", "ban.inmate_id", "happening.inmate_id",
        "happening.other_id", "allowance_entry.inmate_id", "inmate_merge.kept_id",
    }  # fmt: skip
    loose = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name == "inmate_id" and not column.foreign_keys
    ]
    assert loose == []
