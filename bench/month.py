"""Free slots of one family's month with all reasons, at the data of 700 prisons.

Each prison has a month of slots (9 a day on 22 days, 2 places each); the family's prison has bookings of others, a
ban and a court date among it. *Bare* is the same rows read by the bare driver in one statement, without a rule.

    python -m bench.month [PRISONS]
"""

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import uvloop
from sqlalchemy import TextClause, insert, text

from bench.booking import database
from core import clock, garbage
from core.db import Base, Database
from scheduler import offers, service
from scheduler.tables import PlaceRow, PrisonRow, SlotRow
from tests import services
from tests.scheduler.world import Family, World, build, family

PRISONS, DAYS, A_DAY, SEATS, ROUNDS = 700, 22, 9, 2, 300


def _slots(prison_id: str, first: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    slots: list[dict[str, Any]] = []
    places: list[dict[str, Any]] = []
    for day in range(DAYS):
        for number in range(A_DAY):
            slot_id = f"slt_{prison_id}_{day}_{number}"
            starts_at = first + timedelta(days=day, minutes=40 * number)
            slots.append(
                {
                    "id": slot_id, "prison_id": prison_id, "wing_id": None, "template_id": None,
                    "special_id": None, "kind": "family", "day": starts_at.date(), "starts_at": starts_at,
                    "ends_at": starts_at + timedelta(minutes=40), "minutes": 30, "closed": "", "closed_words": "",
                    "audience": "", "limits": {},
                }
            )  # fmt: skip
            places += [
                {
                    "id": f"plc_{slot_id}_{seat}",
                    "slot_id": slot_id,
                    "seat": seat,
                    "booking_id": None,
                    "extra": False,
                }
                for seat in range(SEATS)
            ]
    return slots, places


async def fill(db: Database, prisons: int) -> tuple[World, Family]:
    """The family's prison is made, and its times are copied to the others within the database."""
    world = await build(db, horizon_days=40)
    first = (clock.now() + timedelta(days=1)).replace(hour=1, minute=0, second=0, microsecond=0)
    other = {"zone": "Asia/Shanghai", "help_phone": "", "active": True, "created_at": clock.now()}
    slots, places = _slots(world.prison_id, first)
    async with db.write() as session:
        for table, rows in ((SlotRow, slots), (PlaceRow, places)):
            await session.execute(insert(table), rows)
        names = [f"prs_{number:05d}" for number in range(prisons - 1)]
        await session.execute(insert(PrisonRow), [{"id": name, "name": name, **other} for name in names])
        home = {"home": world.prison_id}
        await session.execute(_copied("slot", "prison_id = :home", ("id",), prison="prison_id"), home)
        await session.execute(_copied("place", "true", ("id", "slot_id")), home)
    async with db.write() as session:
        everybody = [await family(session, world.prison_id, world.wing_id) for _ in range(40)]
        today = clock.now().date()
        await service.ban(
            session,
            world.approver.subject,
            world.prison_id,
            today,
            today,
            "",
            relative_id=everybody[0].relative_id,
        )
    for number, one in enumerate(everybody):
        await world.request(one, f"slt_{world.prison_id}_{number % DAYS}_{number % A_DAY}")
    return world, everybody[1]


def _copied(table: str, where: str, marked: Sequence[str], prison: str = "") -> TextClause:
    """The rows of a table once more for each prison that was added; `marked` columns get its id as an ending."""
    columns = [column.name for column in Base.metadata.tables[table].columns]
    given = [
        f"t.{name} || p.id" if name in marked else "p.id" if name == prison else f"t.{name}"
        for name in columns
    ]
    return text(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(given)} "
        f"FROM {table} t, prison p WHERE {where} AND p.id <> :home"
    )


async def measure(db: Database, one: Family, bare: Callable[[], int]) -> dict[str, object]:
    took, cpu, plain = [], [], []
    times = offered = 0
    garbage.settle()  # as the product does
    for _ in range(ROUNDS):
        begun, used = time.perf_counter(), time.process_time()
        async with db.read() as session:
            chosen = await offers.choice(session, one.actor, one.inmate_id)
        took.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
        times, offered = len(chosen.slots), sum(offer.offered for _, offer in chosen.slots)
        begun = time.perf_counter()
        rows = bare()
        plain.append(time.perf_counter() - begun)
    return {
        "slots": times,
        "offered": offered,
        "p50_ms": round(statistics.median(took) * 1000, 1),
        "p95_ms": round(statistics.quantiles(took, n=20)[18] * 1000, 1),
        "cpu_ms": round(statistics.median(cpu) * 1000, 1),
        "cpu_least_ms": round(min(cpu) * 1000, 1),  # where nothing else got in its way
        "bare_p50_ms": round(statistics.median(plain) * 1000, 1),
        "against_bare": round(statistics.median(took) / statistics.median(plain), 2),
        "bare_rows": rows,
    }


BARE = "SELECT s.*, p.* FROM slot s JOIN place p ON p.slot_id = s.id WHERE s.prison_id = "


async def on_sqlite(folder: Path, prisons: int) -> dict[str, object]:
    path = folder / "month.sqlite3"
    async with database(f"sqlite+aiosqlite:///{path}") as db:
        world, one = await fill(db, prisons)
        connection = sqlite3.connect(path)
        query = f"{BARE}'{world.prison_id}'"
        result = await measure(db, one, lambda: len(connection.execute(query).fetchall()))
        connection.close()
    return {"store": "sqlite", "prisons": prisons, **result}


async def on_postgresql(folder: Path, prisons: int) -> dict[str, object]:
    with services.postgresql(folder / "postgresql") as url:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as admin:
            admin.execute("CREATE DATABASE month")
        async with database(url.replace("postgresql:", "postgresql+psycopg:", 1) + "/month") as db:
            world, one = await fill(db, prisons)
            with psycopg.connect(f"{url}/month", autocommit=True) as connection:
                connection.execute("ANALYZE")
                query = f"{BARE}'{world.prison_id}'".encode()
                result = await measure(db, one, lambda: len(connection.execute(query).fetchall()))
    return {"store": "postgresql", "prisons": prisons, **result}


def main(prisons: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's own user must reach it
        for run in (on_sqlite, on_postgresql):
            print(json.dumps(uvloop.run(run(folder, prisons))), flush=True)  # the product's loop


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PRISONS)
