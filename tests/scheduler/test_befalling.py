"""What befalls: which bookings it flags (scenarios F31 to F39 as a table), and how the flags go again."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import clock as core_clock
from core.errors import NotFound
from ledger import read as ledger
from scheduler import befalling, closures, flags, service
from scheduler.flags import FlagState
from scheduler.happenings import NATURES, Happening, Kind, Remedy
from scheduler.model import BookingState, BookingView
from scheduler.planning_tables import ShiftRow
from tests.conftest import FakeClock
from tests.scheduler.world import ADMIN, Family, World

TOMORROW = datetime(2026, 11, 22, tzinfo=UTC)  # the clock stands at 21 November, 08:00 UTC


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """`day` from tomorrow; hours in UTC."""
    return TOMORROW + timedelta(days=day, hours=hour, minutes=minute)


async def visit(
    world: World, family: Family, day: int, hour: int, minute: int = 0, minutes: int = 25
) -> BookingView:
    async with world.db.write() as session:
        slot = await service.create_slot(
            session, ADMIN, world.prison_id, at(day, hour, minute), minutes=minutes, raster=minutes + 5
        )
    return await world.approved(family, slot, key=f"{day}-{hour}-{minute}")


async def report(
    world: World, kind: Kind, first: datetime | None = None, last: datetime | None = None, **about: Any
) -> tuple[Happening, list[str]]:
    """`about`: the ids that the kind needs. Answers the happening and the ids of the bookings it flagged."""
    happening = Happening("", world.prison_id, kind, first or core_clock.now(), last, **about)
    async with world.db.write() as session:
        made, flagged = await befalling.report(session, world.approver, happening)
    return made, [view.id for view in flagged]


async def open_flags(world: World) -> dict[str, str]:
    async with world.db.read() as session:
        return {one.booking_id: one.reason.code for one in await flags.open_in(session, world.prison_id)}


async def test_f31_a_court_date_touches_what_lies_within_half_an_hour_of_it(world: World) -> None:
    family, other = await world.family(), await world.family()
    first = await visit(world, family, 0, 13, minutes=60)
    second = await visit(world, family, 0, 16, 15, minutes=120)
    later = await visit(world, family, 1, 13, minutes=60)
    await visit(world, other, 0, 13, minutes=60)
    made, flagged = await report(world, Kind.COURT, at(0, 12), at(0, 16), inmate_id=family.inmate_id)
    assert flagged == [first.id, second.id]
    assert later.id not in await open_flags(world)
    async with world.db.write() as session:
        assert set(await befalling.close(session, ADMIN, made.id)) == {first.id, second.id}
    assert await open_flags(world) == {}


async def test_f33_a_release_flags_what_was_approved_and_refuses_what_was_asked(world: World) -> None:
    family = await world.family()
    approved = await visit(world, family, 0, 2)
    asked = await world.request(family, await world.slot(days=2, hour=2), key="asked")
    _, flagged = await report(world, Kind.RELEASED, inmate_id=family.inmate_id)
    assert flagged == [approved.id]
    assert (await world.get(asked.id)).state is BookingState.REFUSED
    assert (await world.get(approved.id)).state is BookingState.APPROVED  # never cancelled in silence


async def test_f34_moved_away_and_back(world: World) -> None:
    family = await world.family()
    booked = await visit(world, family, 0, 2)
    asked = await world.request(family, await world.slot(days=2, hour=2), key="asked")
    _, flagged = await report(world, Kind.TRANSFERRED, inmate_id=family.inmate_id)
    assert flagged == [booked.id]
    assert (await world.get(asked.id)).state is BookingState.REFUSED
    async with world.db.write() as session:
        assert await befalling.back(session, ADMIN, family.inmate_id) == [booked.id]
        assert (
            await befalling.back(session, ADMIN, family.inmate_id) == []
        )  # from court, say: nothing kept them away
    assert await open_flags(world) == {}


async def test_f49_a_visit_that_has_begun_is_left_alone(world: World, clock: FakeClock) -> None:
    family = await world.family()
    begun, later = await visit(world, family, 0, 2), await visit(world, family, 0, 3)
    clock.set(begun.starts_at + timedelta(minutes=1))
    _, flagged = await report(world, Kind.RELEASED, inmate_id=family.inmate_id)
    assert flagged == [later.id]


async def test_f35_a_pair_that_is_kept_apart(world: World) -> None:
    one, two = await world.family(), await world.family()
    together = [await visit(world, one, 0, 2), await visit(world, two, 0, 6)]
    await visit(world, two, 3, 2)  # alone on that day
    pair: dict[str, Any] = {"inmate_id": one.inmate_id, "other_id": two.inmate_id}
    first, flagged = await report(world, Kind.KEEP_APART, **pair)
    assert sorted(flagged) == sorted(view.id for view in together)
    swapped: dict[str, Any] = {"inmate_id": two.inmate_id, "other_id": one.inmate_id}
    second, again = await report(world, Kind.KEEP_APART, **swapped)
    assert again == []  # flags once, however often it is made
    async with world.db.write() as session:
        assert await befalling.close(session, ADMIN, first.id) == []  # another is still open
    assert len(await open_flags(world)) == 2
    async with world.db.write() as session:
        await befalling.close(session, ADMIN, second.id)
    assert await open_flags(world) == {}


async def test_f37_closing_a_date_and_opening_it_again(world: World) -> None:
    family = await world.family()
    booked = await visit(world, family, 0, 2)
    with pytest.raises(closures.DatePassed):
        async with world.db.write() as session:
            await befalling.close_date(session, ADMIN, world.prison_id, at(-2, 0).date(), "Repairs")
    day = at(0, 0).date()
    async with world.db.write() as session:
        await befalling.close_date(session, ADMIN, world.prison_id, day, "Repairs")
    assert await open_flags(world) == {booked.id: "happened-date-closed"}
    with pytest.raises(closures.ClosedAlready):
        async with world.db.write() as session:
            await befalling.close_date(session, ADMIN, world.prison_id, day, "Repairs")
    async with world.db.write() as session:
        await befalling.reopen_date(session, ADMIN, world.prison_id, day)
    assert await open_flags(world) == {}


async def test_f39_an_officer_keeps_the_visit_and_says_why(world: World) -> None:
    family = await world.family()
    booked = await visit(world, family, 0, 2)
    made, _ = await report(world, Kind.ISOLATION, at(0, 0), at(1, 0), inmate_id=family.inmate_id)
    async with world.db.read() as session:
        (flag,) = await flags.open_in(session, world.prison_id)
    for words in ("", "  ", "x" * 501):
        with pytest.raises(flags.WordsNeeded):
            async with world.db.write() as session:
                await befalling.keep(session, world.approver, flag.id, words)
    async with world.db.write() as session:
        await befalling.keep(session, world.approver, flag.id, "The doctor agrees.")
    assert await open_flags(world) == {}
    with pytest.raises(flags.FlagDecided):
        async with world.db.write() as session:
            await befalling.keep(session, world.approver, flag.id, "Twice.")
    async with world.db.write() as session:
        await befalling.close(session, ADMIN, made.id)
        (kept,) = await flags.of_booking(session, booked.id)
        entries = [entry.tag for entry in await ledger.latest(session, about=booked.id)]
    assert (kept.state, kept.words) == (FlagState.KEPT, "The doctor agrees.")
    assert "officer:booking:kept" in entries


@dataclass(frozen=True)
class Case:
    """A happening about something of the world, and which of the visits below it touches."""

    kind: Kind
    about: str
    touched: tuple[str, ...]


# Two visits tomorrow at 02:00 (ours) and 06:00 (another inmate's), one of ours the day after.
CASES = [
    Case(Kind.HOSPITAL, "inmate", ("ours",)),
    Case(Kind.ILLNESS, "inmate", ("ours",)),
    Case(Kind.ISOLATION, "inmate", ("ours",)),
    Case(Kind.RESTRICTION, "relative", ("ours",)),
    Case(Kind.VISITOR_UNAPPROVED, "both", ("ours", "later")),
    Case(Kind.LOCKDOWN, "wing", ("ours", "others")),
    Case(Kind.LOCKDOWN, "prison", ("ours", "others")),
    Case(Kind.DETAILS_CHANGED, "inmate", ()),  # nothing that counts has changed
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.about}")
async def test_whom_a_happening_touches(world: World, case: Case) -> None:
    family, other = await world.family(), await world.family()
    visits = {
        "ours": (await visit(world, family, 0, 2)).id,
        "others": (await visit(world, other, 0, 6)).id,
        "later": (await visit(world, family, 1, 2)).id,
    }
    about: dict[str, Any] = {
        "inmate": {"inmate_id": family.inmate_id},
        "relative": {"relative_id": family.relative_id},
        "both": {"relative_id": family.relative_id, "inmate_id": family.inmate_id},
        "wing": {"wing_id": world.wing_id},
        "prison": {},
    }[case.about]
    last = None if not NATURES[case.kind].ends else at(0, 23)
    _, flagged = await report(world, case.kind, at(0, 0), last, **about)
    assert set(flagged) == {visits[name] for name in case.touched}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_says_what_it_needs_and_what_follows(kind: Kind) -> None:
    nature = NATURES[kind]
    assert nature.name
    assert nature.text.endswith(".")
    assert isinstance(nature.remedy, Remedy)


@pytest.mark.parametrize(
    "wrong",
    [
        Happening("", "", Kind.COURT, at(0, 1), at(0, 2)),  # nobody named
        Happening("", "", Kind.LOCKDOWN, at(0, 2), at(0, 1)),  # ends before it begins
        Happening("", "", Kind.KEEP_APART, at(0, 1), None, inmate_id="same", other_id="same"),
    ],
)
async def test_bad_reports_are_refused(world: World, wrong: Happening) -> None:
    with pytest.raises(befalling.BadHappening):
        async with world.db.write() as session:
            await befalling.report(session, world.approver, replace(wrong, prison_id=world.prison_id))


async def test_what_is_not_of_this_prison_is_not_there(world: World) -> None:
    strange = Happening("", world.prison_id, Kind.ILLNESS, at(0, 0), at(1, 0), inmate_id="inm_nobody")
    with pytest.raises(NotFound):
        async with world.db.write() as session:
            await befalling.report(session, world.approver, strange)


async def test_a_broken_terminal_displaces_nobody_while_another_is_free(world: World) -> None:
    first, second = await world.terminal("T1"), await world.terminal("T2")
    slots = [await world.slot(days=1, hour=2, capacity=2)] * 2
    views = [await world.assigned(await world.family(), slot) for slot in slots[:1]]
    assert views[0].terminal_id == first
    _, flagged = await report(world, Kind.TERMINAL_BROKEN, at(0, 0), at(0, 23), terminal_id=first)
    assert flagged == []
    assert (await world.get(views[0].id)).terminal_id == second
    another = await world.approved(await world.family(), slots[1])
    async with world.db.read() as session:
        reasons = await service.why_unplaced(session, another.id)
    assert [reason.code for reason in reasons] == ["no-terminal"]  # the broken one is given to nobody


async def test_a_broken_terminal_displaces_whom_no_other_can_take(world: World) -> None:
    first = await world.terminal("T1")
    await world.terminal("T2")
    slot = await world.slot(days=1, hour=2, capacity=2)
    views = [await world.assigned(await world.family(), slot) for _ in range(2)]
    _, flagged = await report(world, Kind.TERMINAL_BROKEN, at(0, 0), at(0, 23), terminal_id=first)
    assert len(flagged) == 1
    assert set(flagged) < {view.id for view in views}


async def test_a_terminal_switched_off_is_left_and_on_again_is_forgiven(world: World) -> None:
    first, second = await world.terminal("T1"), await world.terminal("T2")
    slot = await world.slot(days=1, hour=2, capacity=2)
    views = [await world.assigned(await world.family(), slot) for _ in range(2)]
    async with world.db.write() as session:
        await service.set_terminal_active(session, ADMIN, first, active=False)
    assert len(await open_flags(world)) == 1
    assert {(await world.get(view.id)).terminal_id for view in views} == {first, second}  # on paper
    async with world.db.write() as session:
        await service.set_terminal_active(session, ADMIN, first, active=True)
    assert await open_flags(world) == {}


async def test_an_officer_who_is_away_leaves_the_latest_bookings_unwatched(
    world: World, clock: FakeClock
) -> None:
    """One officer watches two calls at once, the other one; with the first away only one call can be watched."""
    views = []
    for minute in (0, 5, 10):
        clock.move(seconds=1)  # who booked first keeps their time
        views.append(await visit(world, await world.family(), 1, 2, minute))
    async with world.db.write() as session:
        for name, at_once in (("off_a", 2), ("off_b", 1)):
            session.add(
                ShiftRow(
                    id=f"shf_{name}", prison_id=world.prison_id, officer_id=name, officer_name=name,
                    starts_at=at(1, 0), ends_at=at(1, 8), break_starts_at=None, break_ends_at=None, at_once=at_once,
                )
            )  # fmt: skip
    away = {"officer_id": "off_a"}
    made, flagged = await report(world, Kind.OFFICER_AWAY, at(1, 0), at(1, 8), **away)
    assert flagged == [view.id for view in views[1:]]
    async with world.db.write() as session:
        await befalling.close(session, ADMIN, made.id)
    assert await open_flags(world) == {}


async def test_one_of_two_officers_who_are_away_is_back(world: World, clock: FakeClock) -> None:
    """Two watch one call each, and two calls are booked: with one officer back only one of the two is left over."""
    views = []
    for minute in (0, 5):
        clock.move(seconds=1)
        views.append(await visit(world, await world.family(), 1, 2, minute))
    async with world.db.write() as session:
        session.add_all(
            ShiftRow(
                id=f"shf_{name}", prison_id=world.prison_id, officer_id=name, officer_name=name,
                starts_at=at(1, 0), ends_at=at(1, 8), break_starts_at=None, break_ends_at=None, at_once=1,
            )
            for name in ("off_a", "off_b")
        )  # fmt: skip
    first, _ = await report(world, Kind.OFFICER_AWAY, at(1, 0), at(1, 8), officer_id="off_a")
    second, _ = await report(world, Kind.OFFICER_AWAY, at(1, 0), at(1, 8), officer_id="off_b")
    assert set(await open_flags(world)) == {view.id for view in views}
    async with world.db.write() as session:
        assert await befalling.close(session, ADMIN, first.id) == [views[0].id]
    assert set(await open_flags(world)) == {views[1].id}
    async with world.db.write() as session:
        await befalling.close(session, ADMIN, second.id)
    assert await open_flags(world) == {}
