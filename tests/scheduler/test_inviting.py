"""A visit that an inmate asks for: kept for the family, taken or declined with one tap, then a request like others."""

from datetime import timedelta

import pytest

from core import clock as clocks
from core.db import Database
from core.errors import NotFound, Refused
from core.ids import SYSTEM, Ref
from ledger import read as ledger
from notices import outbox
from people.model import Identity, Role
from scheduler import inviting, service
from scheduler.inviting import Invitation
from scheduler.model import BookingState, BookingView, VisitorChoice
from scheduler.offering import OfferState
from tests.conftest import FakeClock
from tests.scheduler.world import Family, World, build, identity


def screen(world: World) -> Identity:
    return identity("terminal", "trm_test", Role.TERMINAL, prison_id=world.prison_id)


async def invite(world: World, family: Family, slot_id: str, key: str = "k") -> Invitation:
    async with world.db.write() as session:
        return await inviting.invite(
            session, screen(world), family.inmate_id, family.relationship_id, slot_id, key
        )


async def accept(world: World, family: Family, asked: Invitation, *beside: str) -> BookingView:
    async with world.db.write() as session:
        return await inviting.accept(session, family.actor, asked.id, beside)


async def decline(world: World, family: Family, asked: Invitation) -> None:
    async with world.db.write() as session:
        await inviting.decline(session, family.actor, asked.id)


async def of_inmate(world: World, family: Family) -> list[Invitation]:
    async with world.db.read() as session:
        return await inviting.of_inmate(session, family.inmate_id)


async def waiting(world: World, family: Family) -> list[Invitation]:
    async with world.db.read() as session:
        return await inviting.of_relative(session, family.relative_id)


def codes(caught: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in caught.value.reasons]


async def test_the_family_says_yes(world: World) -> None:
    family, slot = await world.family(), await world.slot()
    mother = await world.relative(family.inmate_id)
    asked = await invite(world, family, slot)
    assert await invite(world, family, slot) == asked  # sent twice
    assert asked.expires_at <= clocks.now() + timedelta(hours=48)
    with pytest.raises(Refused):  # the time is kept
        await world.hold(await world.family(), slot)
    async with world.db.read() as session:
        told = [notice.template for notice in await outbox.of(session, Ref("relative", family.relative_id))]
        listed = await service.of_relative(session, family.relative_id)
        lines = await service.allowance_lines(session, family.inmate_id)
    assert (told, listed, lines) == (["booking-invitation"], [], [])  # nothing is booked, nothing is used
    assert await waiting(world, family) == [asked]
    view = await accept(world, family, asked, mother.relationship_id)
    assert await accept(world, family, asked) == view  # tapped twice
    assert (view.state, view.slot_id) == (BookingState.REQUESTED, slot)
    assert {one.relationship_id for one in view.visitors} == {family.relationship_id, mother.relationship_id}
    assert view.reply_by is not None  # the prison decides, as of every request
    async with world.db.write() as session:
        await service.approve(session, world.approver, view.id)
    (now,) = await of_inmate(world, family)
    assert (now.state, now.visit) == (OfferState.ACCEPTED, BookingState.APPROVED)
    assert await waiting(world, family) == []
    async with world.db.read() as session:
        tags = {entry.tag for entry in await ledger.latest(session, about=view.id)}
    assert {"inmate:booking:invited", "inmate:booking:held", "family:booking:invitation-accepted"} <= tags


async def test_the_family_says_no(world: World) -> None:
    family, slot = await world.family(), await world.slot()
    asked = await invite(world, family, slot)
    with pytest.raises(NotFound):  # somebody else's
        await decline(world, await world.relative(family.inmate_id), asked)
    await decline(world, family, asked)
    (now,) = await of_inmate(world, family)
    assert now.state is OfferState.DECLINED
    with pytest.raises(inviting.InvitationGone):
        await accept(world, family, asked)
    with pytest.raises(inviting.InvitationGone):
        await decline(world, family, asked)
    assert (await world.hold(await world.family(), slot)).slot_id == slot


async def test_nobody_answers(world: World, clock: FakeClock) -> None:
    family, slot = await world.family(), await world.slot(days=6)
    asked = await invite(world, family, slot)
    clock.move(hours=49)
    assert [one.state for one in await of_inmate(world, family)] == [
        OfferState.EXPIRED
    ]  # before anybody tidies up
    assert await waiting(world, family) == []
    with pytest.raises(inviting.InvitationGone):
        await accept(world, family, asked)
    other = await world.family()
    assert (await world.hold(other, slot)).slot_id == slot
    async with world.db.write() as session:
        assert await inviting.expire(session) == 1
        assert await inviting.expire(session) == 0
    assert [one.state for one in await of_inmate(world, family)] == [OfferState.EXPIRED]
    assert (await invite(world, family, await world.slot(days=8), "k2")).state is OfferState.OPEN


@pytest.mark.usefixtures("clock")
async def test_where_the_rules_do_not_let_an_inmate_ask(db: Database) -> None:
    world = await build(db, started_by=["family", "officer"])
    family, slot = await world.family(), await world.slot()
    async with world.db.read() as session:
        chosen = await inviting.choice(session, screen(world), family.inmate_id, family.relationship_id)
    assert {one.code for _, offer in chosen.slots for one in offer.reasons} == {"started-elsewhere"}
    with pytest.raises(Refused) as caught:
        await invite(world, family, slot)
    assert codes(caught) == ["started-elsewhere"]
    assert (await world.request(family, slot)).state is BookingState.REQUESTED  # the family can


@pytest.mark.usefixtures("clock")
async def test_only_where_inmates_ask_the_family_may_still_say_yes(db: Database) -> None:
    world = await build(db, started_by=["inmate"])
    family, slot = await world.family(), await world.slot()
    with pytest.raises(Refused):
        await world.hold(family, slot)
    view = await accept(world, family, await invite(world, family, slot))
    assert view.state is BookingState.REQUESTED


async def test_a_suspension(world: World) -> None:
    family, slot = await world.family(), await world.slot()
    today = clocks.now().date()
    async with world.db.write() as session:
        assert await inviting.suspended_until(session, family.inmate_id) is None
        await service.ban(
            session,
            SYSTEM,
            world.prison_id,
            first_day=today,
            last_day=today + timedelta(days=20),
            words="fight",
            inmate_id=family.inmate_id,
        )
        assert await inviting.suspended_until(session, family.inmate_id) == today + timedelta(days=20)
    with pytest.raises(Refused) as caught:
        await invite(world, family, slot)
    assert codes(caught) == ["visits-suspended"]


async def test_what_came_up_since_is_judged_at_the_yes(world: World) -> None:
    """The relative is suspended between the question and the yes: refused with the reason, and still kept."""
    family, slot = await world.family(), await world.slot()
    asked = await invite(world, family, slot)
    today = clocks.now().date()
    async with world.db.write() as session:
        await service.ban(
            session,
            SYSTEM,
            world.prison_id,
            first_day=today,
            last_day=today + timedelta(days=20),
            words="forged papers",
            relative_id=family.relative_id,
        )
    with pytest.raises(Refused) as caught:
        await accept(world, family, asked)
    assert codes(caught) == ["visits-suspended"]
    assert [one.state for one in await of_inmate(world, family)] == [OfferState.OPEN]
    await decline(world, family, asked)


async def test_whom_an_inmate_can_ask(world: World) -> None:
    family, slot = await world.family(), await world.slot()
    pending = await world.relative(family.inmate_id, state="pending")
    child = await world.relative(family.inmate_id, guardian_id=family.relative_id)
    stranger = await world.family()
    async with world.db.read() as session:
        able = await inviting.askable(session, family.inmate_id)
    assert [one.id for one in able] == [family.relationship_id]
    for nobody in (pending, child, stranger):
        with pytest.raises(NotFound):
            async with world.db.write() as session:
                await inviting.invite(
                    session, screen(world), family.inmate_id, nobody.relationship_id, slot, "k"
                )
    elsewhere = identity("terminal", "trm_far", Role.TERMINAL, prison_id="prs_far")
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await inviting.invite(session, elsewhere, family.inmate_id, family.relationship_id, slot, "k")


async def test_one_at_a_time_and_not_too_often(world: World) -> None:
    family = await world.family()
    first, second = await world.slot(days=2), await world.slot(days=3)
    asked = await invite(world, family, first)
    with pytest.raises(Refused) as caught:
        await invite(world, family, second, "k2")
    assert codes(caught) == ["invitation-waits"]
    for key in ("k2", "k3"):
        async with world.db.write() as session:
            await inviting.take_back(session, family.inmate_id, asked.id)
        asked = await invite(world, family, first, key)
    await decline(world, family, asked)
    with pytest.raises(Refused) as caught:
        await invite(world, family, second, "k4")
    assert codes(caught) == ["invited-often"]
    states = sorted(one.state for one in await of_inmate(world, family))
    assert states == [OfferState.DECLINED, OfferState.TAKEN_BACK, OfferState.TAKEN_BACK]
    with pytest.raises(inviting.InvitationGone):
        async with world.db.write() as session:
            await inviting.take_back(session, family.inmate_id, asked.id)
    other = await world.family()
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await inviting.take_back(session, other.inmate_id, asked.id)


async def test_a_relative_who_is_just_booking_keeps_the_pick(world: World) -> None:
    family = await world.family()
    picked = await world.hold(family, await world.slot(days=2))
    with pytest.raises(Refused) as caught:
        await invite(world, family, await world.slot(days=3))
    assert codes(caught) == ["being-booked"]
    assert (await world.get(picked.id)).state is BookingState.HELD


async def test_a_family_that_picks_something_else_leaves_the_kept_time(world: World) -> None:
    family = await world.family()
    asked = await invite(world, family, await world.slot(days=2))
    await world.request(family, await world.slot(days=3))
    assert [one.id for one in await waiting(world, family)] == [asked.id]
    assert (await accept(world, family, asked)).state is BookingState.REQUESTED


@pytest.mark.usefixtures("clock")
async def test_the_visits_of_the_month(db: Database) -> None:
    """It counts as the family's own: with one visit a month nothing else can be asked, and a no gives it back."""
    world = await build(db, visits_per_month=1)
    family = await world.family()
    mother = await world.relative(family.inmate_id)
    one, other = await world.slot(days=2), await world.slot(days=2, hour=5)
    asked = await invite(world, family, one)
    with pytest.raises(Refused) as caught:
        await world.hold(mother, other)
    assert "allowance-used" in codes(caught)
    await decline(world, family, asked)
    assert (await world.request(mother, other)).state is BookingState.REQUESTED
    with pytest.raises(Refused) as caught:
        await invite(world, family, one, "k2")
    assert "allowance-used" in codes(caught)


async def test_so_near_that_nobody_could_answer(world: World, clock: FakeClock) -> None:
    family, slot = await world.family(), await world.slot(days=1)
    async with world.db.read() as session:
        starts_at = next(
            offer.starts_at
            for _, offer in (
                await inviting.choice(session, screen(world), family.inmate_id, family.relationship_id)
            ).slots
            if offer.slot_id == slot
        )
    clock.move(seconds=(starts_at - clocks.now()).total_seconds() - 3600)
    async with world.db.read() as session:
        chosen = await inviting.choice(session, screen(world), family.inmate_id, family.relationship_id)
    (near,) = [offer for _, offer in chosen.slots if offer.slot_id == slot]
    assert "too-late-to-answer" in {reason.code for reason in near.reasons}, "it is said before anybody asks"
    with pytest.raises(Refused) as caught:
        await invite(world, family, slot)
    assert set(codes(caught)) & {"too-late-to-answer", "too-soon"}


async def test_a_kept_time_that_was_sent_off_by_the_pages_of_a_pick(world: World) -> None:
    family = await world.family()
    asked = await invite(world, family, await world.slot())
    async with world.db.write() as session:
        await service.request(
            session, family.actor, asked.hold_id, [VisitorChoice(family.relationship_id)], "page"
        )
    async with world.db.write() as session:
        assert await inviting.expire(session) == 1
    (now,) = await of_inmate(world, family)
    assert (now.state, now.visit) == (OfferState.ACCEPTED, BookingState.REQUESTED)
