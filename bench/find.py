"""The first page of found recordings, on PostgreSQL, among many: milliseconds for each kind of question.

    python -m bench.find [RECORDINGS] [PLANS]

Rows are made inside the database: names of a few hundred kinds, wings, officers, marks as often as in real life. PLANS:
a file into which the explained plans are written. A million by default.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from core.db import Database
from recording import finding
from recording.finding import Question
from recording.model import RecordingState
from tests import schema, services

BATCH = 500_000
TIMES = 15
NEWEST = datetime(2026, 11, 20, tzinfo=UTC)
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英"
_RECORDINGS = """
INSERT INTO recording (id, booking_id, room_id, prison_id, state, node_id, beat_at, folder, started_at, reason, tries,
                       retention, keep_until, holds, damage, indexed)
SELECT 'rec_' || lpad(n::text, 9, '0'), 'bok_' || lpad(n::text, 9, '0'), 'room', 'prison_' || n % 20,
       CASE WHEN n % 5000 = 0 THEN 'damaged' ELSE 'sealed' END, 'node', at, 'x', at, 'over', 0, 'family', at, 0, '',
       true
FROM (
  SELECT n, CAST(:oldest AS timestamptz) + n * interval '13 seconds' AS at
  FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n
) s
"""
_KEYS_TO = """
SELECT conrelid::regclass, conname FROM pg_constraint
WHERE contype = 'f' AND (confrelid = CAST(:to AS regclass) OR conrelid = CAST(:to AS regclass))
"""
# `h`: sixty bits that have nothing to do with the prison; each choice takes its share of them.
_TERMS = """
INSERT INTO recording_term (prison_id, term, started_at, recording_id)
SELECT DISTINCT r.prison_id, t.term, r.started_at, r.id
FROM (
  SELECT *, substr(prison_id, 8) AS p, ('x' || substr(md5(id), 1, 15))::bit(60)::bigint AS h
  FROM recording WHERE id > CAST(:after AS text)
) r
CROSS JOIN (SELECT CAST(:surnames AS text) AS surnames, CAST(:given AS text) AS given) names
CROSS JOIN LATERAL (
  SELECT substr(surnames, 1 + (h % 20)::int, 1) AS s1, substr(given, 1 + (h / 20 % 23)::int, 1) AS g1,
         substr(given, 1 + (h / 460 % 23)::int, 1) AS g2,
         substr(surnames, 1 + (h / 10580 % 20)::int, 1) AS s2, substr(given, 1 + (h / 211600 % 23)::int, 1) AS g3
) n
CROSS JOIN LATERAL (VALUES
  ('x:' || s1), ('x:' || s1 || g1), ('x:' || g1 || g2), ('x:' || s2), ('x:' || s2 || g3),
  ('x:' || substr(md5(r.id), 1, 4)),
  ('w:wing_' || p || '_' || h / 4866800 % 12),
  ('o:off_' || p || '_' || h / 58401600 % 45),
  (CASE WHEN h / 2628072000 % 17 = 0 THEN 'm:officer:visit:marked' ELSE 'm:system:visit:ended' END),
  (CASE WHEN h / 44677224000 % 40 = 0 THEN 'r:dress' ELSE 'r:over' END),
  (CASE WHEN h / 1787088960000 % 1000 = 0 THEN 'x:转账' ELSE 'x:会见' END)
) AS t(term)
"""


def questions() -> dict[str, Question]:
    day = NEWEST - timedelta(days=3)
    return {
        "newest": Question("prison_3"),
        "person": Question("prison_3", words="王伟"),
        "surname": Question("prison_3", words="陈"),
        "wing": Question("prison_3", wing_id="wing_3_5"),
        "day": Question("prison_3", within=(day, day + timedelta(days=1))),
        "officer": Question("prison_3", officer_id="off_3_7"),
        "mark": Question("prison_3", event="officer:visit:marked"),
        "reason": Question("prison_3", reason="dress"),
        "light": Question("prison_0", states=(RecordingState.DAMAGED,)),
        "words in notes": Question("prison_3", words="转账"),
        "person, wing, mark": Question(
            "prison_3", words="王", wing_id="wing_3_5", event="officer:visit:marked"
        ),
        "nobody": Question("prison_3", words="欧阳"),
    }


async def fill(db: Database, count: int) -> None:
    oldest = NEWEST - timedelta(seconds=13 * count)
    async with db.engine.begin() as connection:
        await connection.execute(
            text("SET session_replication_role = replica")
        )  # no foreign keys while filling
        for table in ("recording_term", "recording"):  # what is thrown away afterwards needs no log
            for depends in (await connection.execute(text(_KEYS_TO), {"to": table})).all():
                await connection.execute(text(f"ALTER TABLE {depends[0]} DROP CONSTRAINT {depends[1]}"))
            await connection.execute(text(f"ALTER TABLE {table} SET UNLOGGED"))
        await connection.execute(text("ALTER TABLE recording_term DROP CONSTRAINT pk_recording_term"))
        await connection.execute(text("DROP INDEX ix_recording_term_recording_id"))
    for first in range(1, count + 1, BATCH):
        async with db.engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            await connection.execute(text("SET LOCAL work_mem = '512MB'"))
            last = min(count, first + BATCH - 1)
            await connection.execute(text(_RECORDINGS), {"oldest": oldest, "first": first, "last": last})
            values = {"after": f"rec_{first - 1:09}", "surnames": SURNAMES, "given": GIVEN}
            await connection.execute(text(_TERMS), values)
    async with db.engine.begin() as connection:
        await connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        key = "prison_id, term, started_at, recording_id"
        await connection.execute(
            text(f"ALTER TABLE recording_term ADD CONSTRAINT pk_recording_term PRIMARY KEY ({key})")
        )
        await connection.execute(
            text("CREATE INDEX ix_recording_term_recording_id ON recording_term (recording_id)")
        )
    async with db.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE recording"))
        await connection.execute(text("VACUUM ANALYZE recording_term"))


async def measured(db: Database) -> tuple[dict[str, float], dict[str, int], dict[str, str]]:
    """The slowest but one of `TIMES` first pages, in milliseconds; how many each found; and each plan."""
    took, found, plans = {}, {}, {}
    for name, question in questions().items():
        times = []
        for _ in range(TIMES):
            began = time.perf_counter()
            async with db.read() as session:
                found[name] = len((await finding.visits(session, question)).bookings)
            times.append((time.perf_counter() - began) * 1000)
        took[name] = round(sorted(times)[-2], 1)
        shown = finding.statement(question, finding.PAGE + 1).compile(
            db.engine.sync_engine, compile_kwargs={"literal_binds": True}
        )
        async with db.read() as session:
            rows = (
                await session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS) {shown}".replace(":", "\\:")))
            ).all()
        plans[name] = "\n".join(row[0] for row in rows)
    return took, found, plans


async def run(url: str, count: int) -> tuple[dict[str, float], dict[str, int], dict[str, str], float]:
    began = time.perf_counter()
    await schema.create(url.replace("postgresql://", "postgresql+psycopg://", 1))
    db = Database.connect(url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        await fill(db, count)
        filled = time.perf_counter() - began
        return *(await measured(db)), filled
    finally:
        await db.close()


def main(count: int = 1_000_000, plans: str = "") -> None:
    with tempfile.TemporaryDirectory(prefix="kinbridge-bench-") as home:
        Path(home).chmod(0o755)
        with services.postgresql(Path(home) / "postgresql") as url:
            took, found, explained, filled = asyncio.run(run(f"{url}/postgres", count))
    if plans:
        Path(plans).write_text("\n\n".join(f"-- {name}\n{plan}" for name, plan in explained.items()))
    print(
        json.dumps(
            {
                "recordings": count,
                "first_page_ms": took,
                "found": found,
                "slowest_ms": max(took.values()),
                "median_ms": round(statistics.median(took.values()), 1),
                "filled_s": round(filled),
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000, *sys.argv[2:3])
