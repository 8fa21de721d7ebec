"""What the prison decides, and what ends a visitor's admission."""

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from core.errors import Forbidden, NotFound, Reason, Refused
from core.ids import SYSTEM, Ref
from ledger import read as ledger
from notices import outbox
from people.model import Identity, Role
from people.tables import InmateRow, RelationshipRow
from scheduler import decision, moves, service
from scheduler.model import BookingState, Fault, VisitorChoice
from tests.conftest import FakeClock
from tests.scheduler.world import World, identity


async def test_a_refusal_carries_its_reason_to_the_family(world: World) -> None:
    family = await world.family()
    view = await world.request(family, await world.slot())
    async with world.db.write() as session:
        refused = await service.refuse(session, world.approver, view.id, "other", "Please bring the new book")
    assert (refused.state, refused.words) == (BookingState.REFUSED, "Please bring the new book")
    assert refused.reason is not None
    assert refused.reason.code == "other"
    assert refused.fault is Fault.PRISON
    async with world.db.read() as session:
        told = [notice.template for notice in await outbox.of(session, Ref("relative", family.relative_id))]
    assert "booking-refused" in told


@pytest.mark.parametrize(("code", "words"), [("no-such", "x"), ("other", " "), ("papers", "x" * 501)])
async def test_a_refusal_needs_a_reason_that_is_one(world: World, code: str, words: str) -> None:
    view = await world.request(await world.family(), await world.slot())
    with pytest.raises(decision.BadReason):
        async with world.db.write() as session:
            await service.refuse(session, world.approver, view.id, code, words)
    assert (await world.get(view.id)).state is BookingState.REQUESTED


ELSEWHERE = identity("officer", "off_elsewhere", Role.APPROVER, prison_id="prs_elsewhere")
STRANGERS: list[tuple[Identity, type[Exception]]] = [
    (identity("relative", "rel_x", Role.RELATIVE), Forbidden),
    (identity("counsel", "cns_x", Role.COUNSEL), Forbidden),
    (identity("terminal", "dev_x", Role.TERMINAL), Forbidden),
    (ELSEWHERE, NotFound),
]


@pytest.mark.parametrize(("actor", "error"), STRANGERS)
async def test_only_staff_of_the_prison_decide(world: World, actor: Identity, error: type[Exception]) -> None:
    view = await world.request(await world.family(), await world.slot())
    for act in ("approve", "refuse", "cancel", "assign", "confirm"):
        with pytest.raises(error):
            async with world.db.write() as session:
                match act:
                    case "approve":
                        await service.approve(session, actor, view.id)
                    case "refuse":
                        await service.refuse(session, actor, view.id, "papers")
                    case "cancel":
                        await service.cancel(session, actor, view.id, "staff")
                    case "assign":
                        await service.assign(session, actor, view.id)
                    case _:
                        await service.confirm(session, actor, view.id)
    assert (await world.get(view.id)).state is BookingState.REQUESTED


async def test_a_monitor_may_cancel_but_not_approve(world: World) -> None:
    monitor = identity("officer", "off_monitor", Role.MONITOR, prison_id=world.prison_id)
    view = await world.request(await world.family(), await world.slot())
    with pytest.raises(Forbidden):
        async with world.db.write() as session:
            await service.approve(session, monitor, view.id)
    async with world.db.write() as session:
        cancelled = await service.cancel(session, monitor, view.id, "emergency")
    assert cancelled.state is BookingState.CANCELLED


@pytest.mark.parametrize(
    ("change", "code"),
    [("relationship", "relationship-not-approved"), ("inmate", "inmate-away"), ("time", "slot-past")],
)
async def test_what_no_longer_holds_is_not_approved(
    world: World, clock: FakeClock, change: str, code: str
) -> None:
    family = await world.family()
    view = await world.request(family, await world.slot())
    async with world.db.write() as session:
        match change:
            case "relationship":
                await session.execute(update(RelationshipRow).values(state="ended"))
            case "inmate":
                await session.execute(update(InmateRow).values(status="away"))
            case _:
                clock.set(view.starts_at + timedelta(minutes=10))  # of late booking in the demo's rules
    with pytest.raises(Refused) as caught:
        async with world.db.write() as session:
            await service.approve(session, world.approver, view.id)
    assert [reason.code for reason in caught.value.reasons] == [code]


async def test_two_officers_decide_once(world: World) -> None:
    view = await world.approved(await world.family(), await world.slot())
    for again in (service.approve, service.refuse):
        with pytest.raises(moves.Moved):
            async with world.db.write() as session:
                if again is service.approve:
                    await service.approve(session, world.approver, view.id)
                else:
                    await service.refuse(session, world.approver, view.id, "papers")


async def test_an_ending_may_be_reported_twice(world: World, clock: FakeClock) -> None:
    await world.terminal()
    view = await world.confirmed(await world.family(), await world.slot())
    clock.set(view.slot_ends_at)
    reason = Reason("nobody-came", "Nobody came.")
    for _ in range(2):
        async with world.db.write() as session:
            done = await service.complete(
                session, view.id, BookingState.NO_SHOW, fault="family", reason=reason
            )
    assert (done.state, done.fault, done.reason) == (BookingState.NO_SHOW, Fault.FAMILY, reason)
    async with world.db.read() as session:
        tags = [entry.tag for entry in await ledger.latest(session, about=view.id)]
    assert tags.count("system:booking:no-show") == 1
    with pytest.raises(moves.Moved):
        async with world.db.write() as session:
            await service.complete(session, view.id, BookingState.COMPLETED)


async def test_a_visit_does_not_end_as_requested(world: World) -> None:
    with pytest.raises(ValueError, match="does not end"):
        async with world.db.write() as session:
            await service.complete(session, "bkg_x", BookingState.REQUESTED)


async def test_a_visitor_who_is_no_longer_admitted_is_dropped(world: World) -> None:
    await world.terminal()
    family = await world.family()
    other = await world.relative(family.inmate_id)
    held = await world.hold(family, await world.slot(days=3))
    both = [VisitorChoice(family.relationship_id), VisitorChoice(other.relationship_id)]
    async with world.db.write() as session:
        await service.request(session, family.actor, held.id, both, "c")
        await service.approve(session, world.approver, held.id)
        await service.assign(session, SYSTEM, held.id)
        await service.confirm(session, SYSTEM, held.id)
    async with world.db.write() as session:
        (touched,) = await service.relationship_ended(session, other.relationship_id, world.approver)
    assert touched.state is BookingState.CONFIRMED
    assert [v.relationship_id for v in touched.visitors] == [family.relationship_id]
    async with world.db.read() as session:
        theirs = await outbox.of(session, Ref("relative", other.relative_id))
        ours = await outbox.of(session, Ref("relative", family.relative_id))
    assert {n.state for n in theirs if n.template.startswith("reminder")} == {"cancelled"}
    assert {n.state for n in ours if n.template.startswith("reminder")} == {"queued"}
    assert "booking-changed" in {n.template for n in ours}
    # free again at that time
    elsewhere = await world.family()
    again = await world.relative(elsewhere.inmate_id, relative_id=other.relative_id)
    await world.request(again, await world.slot(days=3), "z")


@pytest.mark.parametrize("remaining", ["nobody", "a child"])
async def test_a_visit_without_an_adult_is_cancelled(world: World, remaining: str) -> None:
    family = await world.family()
    child = await world.relative(family.inmate_id, born=date(2018, 1, 1), guardian_id=family.relative_id)
    held = await world.hold(family, await world.slot(days=3))
    people = family.choice + ([VisitorChoice(child.relationship_id)] if remaining == "a child" else [])
    async with world.db.write() as session:
        await service.request(session, family.actor, held.id, people, "c")
    async with world.db.write() as session:
        (touched,) = await service.relationship_ended(session, family.relationship_id, SYSTEM)
    assert touched.state is BookingState.CANCELLED
    assert touched.reason is not None
    assert touched.reason.code == "visitor-not-admitted"


async def test_the_end_of_a_relationship_ends_a_pick_and_leaves_the_past(
    world: World, clock: FakeClock
) -> None:
    await world.terminal()
    family = await world.family()
    past = await world.confirmed(family, await world.slot(days=1), "past")
    clock.set(past.slot_ends_at)
    held = await world.hold(family, await world.slot(days=3), "pick")
    async with world.db.write() as session:
        touched = await service.relationship_ended(session, family.relationship_id, SYSTEM)
        assert await service.relationship_ended(session, "rsh_none", SYSTEM) == []
    assert [(view.id, view.state) for view in touched] == [(held.id, BookingState.CANCELLED)]
    assert (await world.get(past.id)).state is BookingState.CONFIRMED
