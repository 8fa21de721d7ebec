"""The first page of found recordings, on PostgreSQL, among many: milliseconds for each kind of question.

    python -m bench.find [RECORDINGS] [PLANS]

Rows are made inside the database: names of a few hundred kinds, wings, officers, marks as often as in real life. PLANS:
a file into which the explained plans are written. 200,000 by default, which takes a minute; of ten million, which take
25 GB of disk and most of an hour, as many are made as fit (their plans: `find_plans_10m.txt`).
"""

import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import text

from core.db import Database
from recording import finding
from recording.finding import Question
from recording.model import RecordingState
from tests import schema, services

RECORDINGS = 200_000
BATCH = 250_000
TIMES = 15
AIM_MS = 200
DISK = 3_000  # bytes for each recording, those that sorting needs for a while included
LEFT = 8 << 30  # bytes of the disk that are left alone
NEWEST = datetime(2026, 11, 20, tzinfo=UTC)
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英"
TABLES = ("recording_term", "recording")
_EACH = """
  SELECT 'rec_' || lpad(n::text, 9, '0') AS id, n, n %% 20 AS p, 'prison_' || n %% 20 AS prison_id,
         CAST(%(oldest)s AS timestamptz) + n * interval '13 seconds' AS at
  FROM generate_series(CAST(%(first)s AS bigint), CAST(%(last)s AS bigint)) n
"""
_RECORDINGS = f"""
INSERT INTO recording (id, booking_id, room_id, prison_id, state, node_id, beat_at, folder, started_at, reason, tries,
                       retention, keep_until, holds, damage, indexed)
SELECT id, 'bok_' || lpad(n::text, 9, '0'), 'room', prison_id,
       CASE WHEN n %% 5000 = 0 THEN 'damaged' ELSE 'sealed' END, 'node', at, 'x', at, 'over', 0, 'family', at, 0, '',
       true
FROM ({_EACH}) each
"""
# `h`: sixty bits that have nothing to do with the prison; each choice takes its share of them.
_TERMS = f"""
INSERT INTO recording_term (prison_id, term, started_at, recording_id)
SELECT r.prison_id, t.term, r.at, r.id
FROM (
  SELECT *, ('x' || substr(md5(id), 1, 15))::bit(60)::bigint AS h FROM ({_EACH}) each
) r
CROSS JOIN (SELECT CAST(%(surnames)s AS text) AS surnames, CAST(%(given)s AS text) AS given) names
CROSS JOIN LATERAL (
  SELECT substr(surnames, 1 + (h %% 20)::int, 1) AS s1, substr(given, 1 + (h / 20 %% 23)::int, 1) AS g1,
         substr(given, 1 + (h / 460 %% 23)::int, 1) AS g2,
         substr(surnames, 1 + (h / 10580 %% 20)::int, 1) AS s2, substr(given, 1 + (h / 211600 %% 23)::int, 1) AS g3
) n
CROSS JOIN LATERAL (VALUES
  ('x:' || s1), ('x:' || s1 || g1), ('x:' || g1 || g2),
  (CASE WHEN s2 <> s1 THEN 'x:' || s2 END), (CASE WHEN s2 <> s1 OR g3 <> g1 THEN 'x:' || s2 || g3 END),
  ('x:' || substr(md5(r.id), 1, 4)),
  ('w:wing_' || p || '_' || h / 4866800 %% 12),
  ('o:off_' || p || '_' || h / 58401600 %% 45),
  (CASE WHEN h / 2628072000 %% 17 = 0 THEN 'm:officer:visit:marked' ELSE 'm:system:visit:ended' END),
  (CASE WHEN h / 44677224000 %% 40 = 0 THEN 'r:dress' ELSE 'r:over' END),
  (CASE WHEN h / 1787088960000 %% 1000 = 0 THEN 'x:转账' ELSE 'x:会见' END)
) AS t(term)
WHERE t.term IS NOT NULL
"""
_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype FROM pg_constraint
WHERE contype IN ('f', 'p') AND (confrelid = %(to)s::regclass OR conrelid = %(to)s::regclass) ORDER BY contype
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


def fill(url: str, count: int) -> None:
    """Rows first, without log, keys and indexes; then the very indexes that the migrations made, each in one go."""
    with psycopg.connect(url, autocommit=True) as own:
        own.execute("SET session_replication_role = replica")
        own.execute("SET maintenance_work_mem = '1GB'")
        again = [one for table in TABLES for one in _bare(own, table)]
        oldest = NEWEST - timedelta(seconds=13 * count)
        for first in range(1, count + 1, BATCH):
            values = {"oldest": oldest, "first": first, "last": min(count, first + BATCH - 1)}
            own.execute(_RECORDINGS, values)
            own.execute(_TERMS, {**values, "surnames": SURNAMES, "given": GIVEN})
            print(f"{values['last']} of {count}", file=sys.stderr, flush=True)
        for statement in again:
            own.execute(statement)
        for table in TABLES:
            own.execute(f"VACUUM ANALYZE {table}")


def _bare(own: psycopg.Connection, table: str) -> list[str]:
    """Takes keys and indexes off a table, and its log; answers what brings back those that questions use."""
    again = []
    for place, name, definition, kind in own.execute(_KEYS, {"to": table}).fetchall():
        own.execute(f"ALTER TABLE {place} DROP CONSTRAINT {name}")
        if kind == "p":
            again.append(f"ALTER TABLE {place} ADD CONSTRAINT {name} {definition}")
    indexes = own.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table])
    for name, definition in indexes.fetchall():
        own.execute(f"DROP INDEX {name}")
        again.append(definition)
    own.execute(f"ALTER TABLE {table} SET UNLOGGED")
    return again


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
    asynchronous = url.replace("postgresql://", "postgresql+psycopg://", 1)
    await schema.create(asynchronous)
    await asyncio.to_thread(fill, url, count)
    filled = time.perf_counter() - began
    db = Database.connect(asynchronous)
    try:
        return *(await measured(db)), filled
    finally:
        await db.close()


def main(asked: int = RECORDINGS, plans: str = "") -> None:
    with tempfile.TemporaryDirectory(prefix="kinbridge-bench-") as home:
        count = min(asked, max(0, shutil.disk_usage(home).free - LEFT) // DISK)
        Path(home).chmod(0o755)
        with services.postgresql(Path(home) / "postgresql") as url:
            took, found, explained, filled = asyncio.run(run(f"{url}/postgres", count))
            size = sum(one.stat().st_size for one in Path(home).rglob("*") if one.is_file())
    if plans:
        Path(plans).write_text("\n\n".join(f"-- {name}\n{plan}" for name, plan in explained.items()) + "\n")
    print(
        json.dumps(
            {
                "recordings": count,
                "asked": asked,
                "first_page_ms": took,
                "found": found,
                "slowest_ms": max(took.values()),
                "median_ms": round(statistics.median(took.values()), 1),
                "aim_ms": AIM_MS,
                "within_aim": max(took.values()) <= AIM_MS,
                "filled_s": round(filled),
                "disk_gb": round(size / 1e9, 1),
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else RECORDINGS, *sys.argv[2:3])
