"""Many at once. The keys of the tables are the guarantee; these tests lean on them as hard as they can."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import func, select, text

from core.db import Database
from core.errors import Refused
from scheduler import service, tasks
from scheduler.model import BookingState, BookingView
from scheduler.tables import BookingRow, ClaimRow, PlaceRow
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import Family, World

Result = BookingView | tuple[str, ...]


async def attempt(world: World, family: Family, slot_id: str, key: str) -> Result:
    """Picks and confirms; answers the booking, or the codes of the refusal. Any other error fails the test."""
    try:
        return await world.request(family, slot_id, key)
    except Refused as refused:
        return tuple(reason.code for reason in refused.reasons)


async def families(world: World, number: int) -> list[Family]:
    async with world.db.write() as session:
        return [await worlds.family(session, world.prison_id, world.wing_id) for _ in range(number)]


async def booked_places(db: Database) -> tuple[int, int]:
    """(taken places, bookings in state requested)."""
    async with db.read() as session:
        taken = await session.scalar(select(func.count()).where(PlaceRow.booking_id.is_not(None)))
        booked = await session.scalar(select(func.count()).where(BookingRow.state == BookingState.REQUESTED))
    return taken or 0, booked or 0


async def test_200_clients_on_20_places_make_20_bookings(world: World) -> None:
    slot_id = await world.slot(capacity=20)
    clients = await families(world, 200)

    results = await asyncio.gather(*(attempt(world, f, slot_id, f"k{n}") for n, f in enumerate(clients)))

    booked = [result for result in results if isinstance(result, BookingView)]
    refused = [result for result in results if not isinstance(result, BookingView)]
    assert len(booked) == 20
    assert len({view.id for view in booked}) == 20
    assert Counter(refused) == {("slot-full",): 180}
    assert await booked_places(world.db) == (20, 20)


async def test_one_family_cannot_use_its_last_visit_twice(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db, visits_per_month=1)
    family = await world.family()
    others = [await world.relative(family.inmate_id) for _ in range(7)]
    slots = [await world.slot(days=1, hour=1 + n) for n in range(8)]

    results = await asyncio.gather(
        *(attempt(world, f, s, "k") for f, s in zip([family, *others], slots, strict=True))
    )

    assert sum(isinstance(result, BookingView) for result in results) == 1
    assert {r for r in results if not isinstance(r, BookingView)} == {("allowance-used",)}


async def test_an_inmate_has_one_visit_at_a_time(world: World) -> None:
    family = await world.family()
    others = [await world.relative(family.inmate_id) for _ in range(7)]
    slots = [await world.slot(days=1, hour=3) for _ in range(8)]

    results = await asyncio.gather(
        *(attempt(world, f, s, "k") for f, s in zip([family, *others], slots, strict=True))
    )

    assert sum(isinstance(result, BookingView) for result in results) == 1
    assert {r for r in results if not isinstance(r, BookingView)} == {("inmate-busy",)}


async def test_a_relative_has_one_visit_at_a_time(world: World) -> None:
    first = await world.family()
    more = [await world.family() for _ in range(5)]
    same = [await world.relative(f.inmate_id, relative_id=first.relative_id) for f in more]
    slots = [await world.slot(days=1, hour=3) for _ in range(6)]

    results = await asyncio.gather(
        *(attempt(world, f, s, f"k{n}") for n, (f, s) in enumerate(zip([first, *same], slots, strict=True)))
    )

    assert sum(isinstance(result, BookingView) for result in results) == 1
    assert {r for r in results if not isinstance(r, BookingView)} == {("visitor-busy",)}


async def test_a_pick_sent_50_times_is_one_pick(world: World) -> None:
    family = await world.family()
    slot_id = await world.slot(capacity=60)

    views = await asyncio.gather(*(world.hold(family, slot_id, "same") for _ in range(50)))

    assert len({view.id for view in views}) == 1
    assert await booked_places(world.db) == (1, 0)


async def test_f16_a_confirmation_sent_50_times_is_one_booking(world: World) -> None:
    family = await world.family()
    held = await world.hold(family, await world.slot())

    async def confirm() -> BookingView:
        async with world.db.write() as session:
            return await service.request(session, family.actor, held.id, family.choice, "same")

    views = await asyncio.gather(*(confirm() for _ in range(50)))

    assert {(view.reference, view.state) for view in views} == {(held.reference, BookingState.REQUESTED)}
    assert await booked_places(world.db) == (1, 1)


async def test_an_expired_hold_is_taken_over_exactly_once(world: World, clock: FakeClock) -> None:
    slot_id = await world.slot()
    late = await world.family()
    held = await world.hold(late, slot_id)
    clients = await families(world, 30)
    clock.move(minutes=10)

    results = await asyncio.gather(*(attempt(world, f, slot_id, "k") for f in clients))

    assert sum(isinstance(result, BookingView) for result in results) == 1
    assert Counter(r for r in results if not isinstance(r, BookingView)) == {("slot-full",): 29}
    assert (await world.get(held.id)).state is BookingState.EXPIRED
    assert await booked_places(world.db) == (1, 1)


async def test_terminals_are_given_to_one_visit_each(world: World) -> None:
    for number in range(4):
        await world.terminal(f"T{number}")
    slot_id = await world.slot(capacity=6)
    approved = [await world.approved(f, slot_id) for f in await families(world, 6)]

    await asyncio.gather(tasks.place_approved(world.db), tasks.place_approved(world.db))

    views = [await world.get(view.id) for view in approved]
    placed = [view.terminal_id for view in views if view.state is BookingState.CONFIRMED]
    assert len(placed) == len(set(placed)) == 4
    assert sum(view.state is BookingState.APPROVED for view in views) == 2
    async with world.db.read() as session:
        per_terminal = await session.execute(
            select(ClaimRow.owner_id, func.count())
            .where(ClaimRow.kind == "terminal")
            .group_by(ClaimRow.owner_id)
        )
        assert {count for _, count in per_terminal} == {8}  # 40 minutes in ticks of 5


async def test_processes_at_once_oversell_nothing(database_url: str, world: World, tmp_path: Path) -> None:
    slot_id = await world.slot(capacity=20)
    clients = await families(world, 60)
    lines = [f"{f.relative_id} {f.inmate_id} {f.relationship_id}" for f in clients]
    script = Path(__file__).with_name("rusher.py")
    names = [tmp_path / f"clients{number}" for number in range(4)]
    for number, file in enumerate(names):
        file.write_text("\n".join(lines[number::4]))
    processes = await asyncio.create_subprocess_exec(
        sys.executable, str(script), database_url, slot_id, *map(str, names), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await processes.communicate()
    assert processes.returncode == 0
    counts = Counter(out.decode().split())

    assert counts == {"booked": 20, "slot-full": 40}
    assert await booked_places(world.db) == (20, 20)


async def test_whoever_waits_in_a_circle_lets_go_and_tries_again(world: World) -> None:
    """One who waits for a seat keeps a lock on the seats it found taken; another who wants those waits for it."""
    if world.db.is_sqlite:
        return  # one writer: nobody waits for a row
    slot_id = await world.slot(capacity=2)
    first, second = await families(world, 2)
    seats = select(PlaceRow.id).where(PlaceRow.slot_id == slot_id).order_by(PlaceRow.seat)
    async with world.db.read() as session:
        low, high = (await session.scalars(seats)).all()
    lock = select(PlaceRow.id).with_for_update()

    async with world.db.write() as other:
        await other.execute(text("SET LOCAL deadlock_timeout = '1h'"))  # it is the family who is turned away
        await other.execute(lock.where(PlaceRow.id == high))
        async with world.db.write() as session:
            await service.hold(session, first.actor, first.inmate_id, slot_id, "k")
            waiting = asyncio.create_task(world.hold(second, slot_id, "k"))
            await _waits(world.db, 1)
        await other.execute(lock.where(PlaceRow.id == low))  # comes back only when the family has let go
    assert (await waiting).state is BookingState.HELD
    assert (await booked_places(world.db))[0] == 2


async def _waits(db: Database, number: int) -> None:
    """Returns when so many connections wait for a lock."""
    while True:
        async with db.read() as session:
            query = text(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if (await session.scalar(query) or 0) >= number:
                return
        await asyncio.sleep(0.02)
