"""Recorded visits are found by what is known of them, newest first, page by page; plain tables on either database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, text, update

from core.db import Database
from core.settings import Settings
from recording import finding, service, terms
from recording.finding import Question
from recording.model import RecordingState
from recording.service import Recorders
from recording.tables import EventRow, RecordingRow
from recording.tasks import seal_finished
from recording.term_table import TermRow
from tests.recording.test_service import visit

START = datetime(2026, 11, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "typed", "hit"),
    [
        ("陈志强", "陈", True),
        ("陈志强", "志强", True),
        ("陈志强", "陈志强", True),
        ("陈志强", "陈强", False),
        ("陈志强", "强", False),  # one character alone is a surname
        ("Wang Guilan", "guil", True),
        ("Wang Guilan", "GUILAN wang", True),
        ("Wang Guilan", "lan", False),
        ("7F3K-9Q2M", "7f3k-9q2m", True),
        ("７Ｆ３Ｋ", "7f3k", True),  # written wide
        ("听一下这里", "听一下", True),
        ("家属提到 2026年3月", "3月", True),
        ("Øster", "øst", True),
        ("anything", "%", None),
        ("anything", "_", None),
    ],
)
def test_what_is_typed_finds_what_was_written(written: str, typed: str, hit: bool | None) -> None:
    asked = terms.asked(typed)
    assert bool(asked) is (hit is not None)
    assert (set(asked) <= terms.of_text(written)) is (hit is not False)


async def fill(db: Database, count: int) -> None:
    """Recordings an hour apart: of two wings in turn, every tenth damaged, every third marked."""
    async with db.write() as session:
        for number in range(count):
            at = START + timedelta(hours=number)
            session.add(
                RecordingRow(
                    id=f"rec_{number:03}",
                    booking_id=f"bok_{number // 2:03}",  # two takes each
                    room_id="room",
                    prison_id="prison_1",
                    state=(RecordingState.SEALED if number % 10 else RecordingState.DAMAGED).value,
                    node_id="node",
                    beat_at=at,
                    folder="x",
                    started_at=at,
                    retention="family",
                    keep_until=at,
                    indexed=True,
                )
            )
        await session.flush()
        for number in range(count):
            found = terms.of_text("陈志强" if number % 2 else "Li Wei") | {f"w:wing_{number % 2}"}
            found |= {"m:officer:visit:marked", "o:off_1"} if number % 3 == 0 else set()
            at = START + timedelta(hours=number)
            rows = [
                {"prison_id": "prison_1", "term": one, "started_at": at, "recording_id": f"rec_{number:03}"}
                for one in found
            ]
            await session.execute(insert(TermRow), rows)


async def test_every_field_narrows_and_pages_neither_repeat_nor_miss(db: Database) -> None:
    await fill(db, 60)
    async with db.read() as session:

        async def ask(limit: int = 100, **asked: object) -> list[str]:
            question = Question("prison_1", **asked)  # type: ignore[arg-type]  # a table of cases
            return list((await finding.visits(session, question, limit)).bookings)

        everything = [f"bok_{number:03}" for number in reversed(range(30))]
        assert await ask() == everything
        assert await ask(words="陈志") == everything  # each visit has a take of either
        assert await ask(words="陈志", wing_id="wing_0") == []
        assert await ask(event="officer:visit:marked", officer_id="off_1", words="li wei") == everything[2::3]
        assert len(await ask(states=(RecordingState.DAMAGED,))) == 6
        day = (START, START + timedelta(hours=4))
        assert await ask(within=day) == ["bok_001", "bok_000"]
        assert await ask(words="nobody") == []
        assert await ask(words="%") == []
        for words in ("", "陈"):
            seen: list[str] = []
            before = None
            while True:
                found = await finding.visits(session, Question("prison_1", words=words, before=before), 14)
                seen += found.bookings
                if (before := found.following) is None:
                    break
            assert seen == everything
        assert (await finding.visits(session, Question("prison_2"))).bookings == ()


async def test_what_was_marked_and_written_is_found_until_it_is_deleted(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recorder = await recorders.start("room_1", "bok_1")
    recorder.mark("officer:visit:marked", text="听一下这里", code="third-person")
    await recorder.finish("over")
    asked = [
        Question("prison_1", words="一下"),
        Question("prison_1", event="officer:visit:marked"),
        Question("prison_1", reason="third-person"),
    ]

    async def found(question: Question) -> tuple[str, ...]:
        async with db.read() as session:
            return (await finding.visits(session, question)).bookings

    assert [await found(one) for one in asked] == [(), (), ()]
    await seal_finished(db, settings)
    assert [await found(one) for one in asked] == [("bok_1",)] * 3
    async with db.write() as session:
        await finding.add_note(session, "bok_1", "off_7", "复听：提到转账")
    assert await found(Question("prison_1", words="转账")) == ("bok_1",)
    async with db.write() as session:
        await session.execute(update(RecordingRow).values(state=RecordingState.DELETED.value))
        await session.execute(delete(EventRow))
        await finding.index(session, recorder.recording_id)
    assert [await found(one) for one in asked] == [(), (), ()]


async def test_recordings_from_before_the_index_are_entered(
    recorders: Recorders, db: Database, settings: Settings
) -> None:
    recording_id = await visit(recorders)
    await seal_finished(db, settings)
    async with db.write() as session:
        await session.execute(delete(TermRow))
        await session.execute(update(RecordingRow).values(indexed=None))
    assert await finding.index_old(db) == 1
    assert await finding.index_old(db) == 0
    async with db.read() as session:
        assert await session.scalar(select(TermRow.recording_id).limit(1)) == recording_id
        assert (await service.get(session, recording_id)).booking_id == "bok_1"


async def test_a_page_is_one_walk_along_the_index(db: Database) -> None:
    """No row is sorted, and none is read that is not asked for, on either database."""
    await fill(db, 60)
    statement = finding.statement(Question("prison_1", words="陈志"), 5)
    shown = str(statement.compile(db.engine.sync_engine, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    async with db.write() as session:
        if db.engine.dialect.name == "postgresql":  # so few rows would rather be sorted
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            await session.execute(text("SET LOCAL enable_sort = off"))
            await session.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = "\n".join(str(row) for row in (await session.execute(text(explain + shown))).all())
    assert "recording_term" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
