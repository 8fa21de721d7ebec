"""Booking by 50 clients on SQLite, with commits that are shared (`core.grouping`) and with a commit for each, in turns.

A booking is what a family does: pick and confirm, two transactions with all rules, ledger entries and notices, with a
demand of which half is for a fifth of the times. `contested` is the number of tries that found a time taken, `gain` the
ratio of the two rates. The rush on both databases, with servers killed, is `bench.rush`.

    python -m bench.booking [FAMILIES]
"""

import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
from sqlalchemy import func, select

import ledger.record
from core import clock, grouping
from core.db import Database
from core.errors import Refused
from scheduler import service
from scheduler.tables import BookingRow, PlaceRow
from tests import schema
from tests.scheduler.world import ADMIN, Family, World, build, family

CLIENTS, CAPACITY = 50, 8
BARE_SECONDS = 3.0
ROUNDS = 3  # with shared commits, and as many with a commit for each
BARE = (
    "CREATE TABLE seat (id INTEGER PRIMARY KEY, booking INTEGER)",
    "CREATE TABLE booked (id INTEGER PRIMARY KEY, seat INTEGER, who TEXT)",
    "CREATE TABLE claimed (owner INTEGER, tick INTEGER, PRIMARY KEY (owner, tick))",
)


async def _rush(db: Database, world: World, families: int, first_day: int) -> dict[str, float]:
    """All families want one of as many places; a fifth of the slots gets half of the demand."""
    async with db.write() as session:
        everybody = [await family(session, world.prison_id, world.wing_id) for _ in range(families)]
        first = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=first_day)
        slots = [
            await service.create_slot(
                session, ADMIN, world.prison_id, first + timedelta(hours=n), capacity=CAPACITY
            )
            for n in range(families // CAPACITY)
        ]
    waiting = asyncio.Queue[Family]()
    for one in everybody:
        waiting.put_nowait(one)
    took: list[float] = []
    contested = 0

    async def client(seed: int) -> None:
        nonlocal contested
        chance, full = random.Random(seed), set[str]()
        while not waiting.empty():
            one = waiting.get_nowait()
            while wanted := [slot for slot in slots if slot not in full]:
                hot = wanted[: max(1, len(slots) // 5)]
                slot = chance.choice(hot if chance.random() < 0.5 else wanted)
                begun = time.perf_counter()
                if await book(db, one, slot):
                    took.append(time.perf_counter() - begun)
                    break
                full.add(slot)
                contested += 1

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(n) for n in range(CLIENTS)))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    cuts = statistics.quantiles(took, n=100)
    return {
        "bookings": len(took),
        "contested": contested,
        "bookings_per_s": len(took) / seconds,
        "cpu_ms_per_try": cpu * 1000 / (len(took) + contested),
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
    }


async def book(db: Database, one: Family, slot: str) -> bool:
    try:
        async with db.write() as session:
            held = await service.hold(session, one.actor, one.inmate_id, slot, slot)
        async with db.write() as session:
            await service.request(session, one.actor, held.id, one.choice, slot)
    except Refused:
        return False
    return True


async def oversold(db: Database) -> int:
    """Bookings beyond the places of their slots, and bookings without a place of their own."""
    async with db.read() as session:
        per_slot = await session.scalars(
            select(func.count())
            .select_from(BookingRow)
            .where(BookingRow.state == "requested")
            .group_by(BookingRow.slot_id)
        )
        beyond = sum(max(0, count - CAPACITY) for count in per_slot)
        booked = await session.scalar(select(func.count()).where(BookingRow.state == "requested"))
        seated = await session.scalar(select(func.count()).where(PlaceRow.booking_id.is_not(None)))
    return beyond + abs((booked or 0) - (seated or 0))


def bare(execute: Callable[[str, tuple[object, ...]], object], begin: str, mark: str) -> int:
    """Bookings a second of one connection that writes the rows and asks nothing."""
    done, deadline = 0, time.perf_counter() + BARE_SECONDS
    while time.perf_counter() < deadline:
        done += 1
        execute(begin, ())
        execute(f"INSERT INTO seat (id, booking) VALUES ({mark}, NULL)", (done,))
        execute(f"UPDATE seat SET booking = {mark} WHERE id = {mark} AND booking IS NULL", (done, done))
        execute(
            f"INSERT INTO booked (id, seat, who) VALUES ({mark}, {mark}, {mark})", (done, done, "x" * 200)
        )
        ticks = ", ".join(f"({mark}, {mark})" for _ in range(16))
        values = tuple(value for n in range(16) for value in (done, n))
        execute(f"INSERT INTO claimed (owner, tick) VALUES {ticks}", values)
        execute("COMMIT", ())
    return round(done / BARE_SECONDS)


def bare_sqlite(folder: Path) -> int:
    connection = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *BARE):
        connection.execute(statement)
    rate = bare(connection.execute, "BEGIN IMMEDIATE", "?")
    connection.close()
    return rate


def bare_postgresql(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in BARE:
            connection.execute(statement)

        def execute(statement: str, values: tuple[object, ...]) -> None:
            connection.execute(statement.encode(), values or None)

        return bare(execute, "BEGIN", "%s")


@asynccontextmanager
async def database(url: str) -> AsyncIterator[Database]:
    await schema.create(url)
    db = Database.connect(url)
    ledger.record.install(db)
    yield db
    await db.close()


async def sharing_commits(folder: Path, families: int) -> dict[str, object]:
    """Rounds in turns, on one database, of a third as many families each."""
    ways: dict[int, list[dict[str, float]]] = {1: [], grouping.MOST: []}
    async with database(f"sqlite+aiosqlite:///{folder / 'booking.sqlite3'}") as db:
        world = await build(db, horizon_days=120)
        for number in range(ROUNDS):
            for place, (most, found) in enumerate(ways.items()):
                grouping.MOST = most
                found.append(await _rush(db, world, families // 3, first_day=1 + 6 * (2 * number + place)))
        beyond = await oversold(db)
    told = [_middle(found) for found in ways.values()]
    return {
        "store": "sqlite",
        "clients": CLIENTS,
        "rounds": ROUNDS,
        "oversold": beyond,
        "sharing_at_most": max(ways),
        "single": told[0],
        "shared": told[1],
        "gain": round(told[1]["bookings_per_s"] / told[0]["bookings_per_s"], 2),
        "bare_per_s": bare_sqlite(folder),
    }


def _middle(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in found), 1) for name in found[0]}


def main(families: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(asyncio.run(sharing_commits(Path(name), families))), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 240)
