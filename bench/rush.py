"""The rush when a month is released: 50 and 1,000 clients on each database, some of them killed, and their server too.

Each server is a process of its own that serves its share of the clients (`bench._rush_server`). One of them is killed
(SIGKILL) in the middle with all its clients. A tenth of these never come back, whatever they had picked; the others
begin again at a server that stands by: what had been confirmed stands, what had not is gone. `bookings_per_s` runs from
the first pick to the last answer, the killing included; `cpu_ms_per_client` is that of the servers that lived. When
all is over the database is asked: whoever was told so has a visit, no slot has more bookings than places, no booking
lacks its place, no inmate or relative is in two at once, and the ledger's chain is whole. *Bare* is one connection that
writes just the rows of a booking and asks nothing (`bench.booking`), in the same run; a client of the rush is refused
by some times before it has one (`picks`), picks and confirms in two transactions, and each of these asks all rules.

    python -m bench.rush [CLIENTS ...]            on both databases
"""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, select

from bench.booking import bare_postgresql, bare_sqlite, database
from core import clock
from core.db import Database
from ledger import read
from scheduler import service
from scheduler.tables import BookingRow, ClaimRow, PlaceRow
from tests import services
from tests.scheduler.world import ADMIN, Family, build, family

CAPACITY, SERVERS = 8, 2
COUNTS = (50, 1000)
PATIENCE = 420.0  # seconds for one rush, at most: a minute or so where nothing else runs


async def prepare(db: Database, clients: int) -> tuple[list[Family], list[str]]:
    """As many families as clients, and places for four fifths of them."""
    world = await build(db, horizon_days=120)
    async with db.write() as session:
        everybody = [await family(session, world.prison_id, world.wing_id) for _ in range(clients)]
        first = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        slots = [
            await service.create_slot(
                session, ADMIN, world.prison_id, first + timedelta(hours=n), capacity=CAPACITY
            )
            for n in range(max(1, clients * 4 // 5 // CAPACITY))
        ]
    return everybody, slots


def serve(
    url: str, folder: Path, number: int, slots: list[str], people: list[Family]
) -> subprocess.Popen[str]:
    """A server with its clients, ready to begin; prints a line for each client that is through."""
    names = folder / f"clients{number}"
    names.write_text("\n".join(f"{one.relative_id} {one.inmate_id} {one.relationship_id}" for one in people))
    server = subprocess.Popen(
        [sys.executable, "-m", "bench._rush_server", url, ",".join(slots), str(names)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    server.stdout.readline()
    return server


def begin(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.write("go\n")
    server.stdin.flush()


async def rush(db: Database, url: str, folder: Path, clients: int) -> dict[str, Any]:
    everybody, slots = await prepare(db, clients)
    shares = [everybody[number::SERVERS] for number in range(SERVERS)]
    gone = len(shares[0]) // 10
    shares.append(shares[0][gone:])  # served again from the beginning: keys make it idempotent
    running = [serve(url, folder, number, slots, share) for number, share in enumerate(shares)]
    begun = time.perf_counter()
    for server in running[:SERVERS]:
        begin(server)
    before = await asyncio.to_thread(_kill_midway, running[0], len(shares[0]) // 4)
    begin(running[SERVERS])
    done = await asyncio.gather(*(asyncio.to_thread(_finish, one) for one in running[1:]))
    seconds = time.perf_counter() - begun
    answers = [line.split() for lines in done for line in lines]
    through = [
        (what, int(picks), whose) for what, picks, whose in (one for one in answers if one[0] != "cpu")
    ]
    booked = {whose for what, _, whose in through if what == "booked"}
    cpu = sum(float(seconds) for what, seconds, *_ in answers if what == "cpu")
    picks = sum(picks for _, picks, _ in through)
    return {
        "clients": clients,
        "servers_killed": 1,
        "clients_killed": len(shares[0]) - len(before),
        "clients_gone": gone,
        "places": len(slots) * CAPACITY,
        "booked": len(booked),
        "refused": len(through) - len(booked),
        "picks": picks,
        "seconds": round(seconds, 1),
        "bookings_per_s": round(len(booked) / seconds, 1),
        "picks_per_s": round(picks / seconds, 1),
        "cpu_ms_per_client": round(cpu * 1000 / len(through), 1),
        "cpu_ms_per_pick": round(cpu * 1000 / picks, 1),
        "lost": await lost(db, booked | {line.split()[-1] for line in before if line.startswith("booked")}),
        **await verdict(db),
    }


def _kill_midway(server: subprocess.Popen[str], after: int) -> list[str]:
    """Kills the server once so many of its clients are through, whose lines it answers; whoever was under way dies
    with it."""
    assert server.stdout is not None
    through = [server.stdout.readline() for _ in range(max(1, after))]
    server.send_signal(signal.SIGKILL)
    return through + server.communicate()[0].splitlines()


def _finish(server: subprocess.Popen[str]) -> list[str]:
    try:
        out, _ = server.communicate(timeout=PATIENCE)
    finally:
        server.kill()  # if it is still at it: the database goes away next
    if server.returncode:
        raise RuntimeError(f"a server of the rush ended with {server.returncode}")
    return out.splitlines()


async def lost(db: Database, told: set[str]) -> int:
    """How many were told that they have a visit, by a server that then was killed or not, and have none."""
    async with db.read() as session:
        has = await session.scalars(select(BookingRow.requested_by).where(BookingRow.state == "requested"))
        return len(told - set(has))


async def verdict(db: Database) -> dict[str, object]:
    """What must be nothing: places sold twice, bookings without a place, people in two visits at once."""
    open_states = ("held", "requested")
    async with db.read() as session:
        per_slot = await session.scalars(
            select(func.count())
            .select_from(BookingRow)
            .where(BookingRow.state.in_(open_states))
            .group_by(BookingRow.slot_id)
        )
        beyond = sum(max(0, count - CAPACITY) for count in per_slot)
        booked = await session.scalar(select(func.count()).where(BookingRow.state.in_(open_states)))
        seated = await session.scalar(select(func.count()).where(PlaceRow.booking_id.is_not(None)))
        loose = await session.scalar(
            select(func.count())
            .select_from(ClaimRow)
            .outerjoin(BookingRow, BookingRow.id == ClaimRow.booking_id)
            .where(BookingRow.id.is_(None))
        )
    return {
        "oversold": beyond + abs((booked or 0) - (seated or 0)),
        "loose_claims": loose or 0,
        "ledger_whole": (await read.verify(db)).intact,
    }


async def on_sqlite(folder: Path, clients: int) -> dict[str, object]:
    path = folder / "rush.sqlite3"
    async with database(f"sqlite+aiosqlite:///{path}") as db:
        result = await rush(db, f"sqlite:///{path}", folder, clients)
    return {"store": "sqlite", "durable": True, **_beside(result, bare_sqlite(folder))}


async def on_postgresql(folder: Path, clients: int) -> dict[str, object]:
    with services.postgresql(folder / "postgresql") as url:
        for name in ("rush", "bare"):
            with psycopg.connect(f"{url}/postgres", autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name}".encode())
        async with database(url.replace("postgresql:", "postgresql+psycopg:", 1) + "/rush") as db:
            result = await rush(db, f"{url}/rush", folder, clients)
        bare = bare_postgresql(f"{url}/bare")
        return {"store": "postgresql", "durable": False, **_beside(result, bare)}


def _beside(result: dict[str, Any], bare: int) -> dict[str, object]:
    """The result beside what the bare database writes in a second."""
    return result | {"bare_per_s": bare, "of_bare_percent": round(100 * result["bookings_per_s"] / bare, 1)}


def main(counts: tuple[int, ...]) -> None:
    for clients in counts:
        for way in (on_sqlite, on_postgresql):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                folder.chmod(0o755)  # PostgreSQL's own user must reach it
                print(json.dumps(asyncio.run(way(folder, clients))), flush=True)


if __name__ == "__main__":
    main(tuple(int(one) for one in sys.argv[1:]) or COUNTS)
