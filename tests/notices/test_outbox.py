"""The outbox: written with the fact it tells of, told once, taken back in time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.db import Database
from core.ids import Ref
from notices import outbox
from notices.model import Notice, NoticeState
from tests.conftest import FakeClock

TO = Ref("relative", "rel_1")
VISIT: dict[str, str | int] = {"date": "2026-11-22", "time": "14:30", "minutes": 25}


async def post(db: Database, template: str = "booking-confirmed", **changes: Any) -> str | None:
    given: dict[str, Any] = {
        "to": TO,
        "address": "+8613800138000",
        "language": "zh",
        "params": VISIT,
        **changes,
    }
    async with db.write() as session:
        return await outbox.post(session, template=template, **given)


async def latest(db: Database) -> list[Notice]:
    async with db.read() as session:
        return await outbox.latest(session)


async def test_posted_is_readable_in_the_readers_language(db: Database, clock: FakeClock) -> None:
    await post(db)
    clock.move(seconds=1)
    await post(db, language="en")
    second, first = await latest(db)
    assert "11月22日" in first.text
    assert second.text.startswith("Kinbridge: ")
    assert (first.state, first.address, first.due_at) == (
        NoticeState.QUEUED,
        "+8613800138000",
        clock.now() - timedelta(seconds=1),
    )


async def test_a_failed_transaction_tells_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.write() as session:
            await outbox.post(
                session, to=TO, address="x", template="booking-confirmed", language="zh", params=VISIT
            )
            raise RuntimeError
    assert await latest(db) == []


async def test_nothing_bad_gets_in(db: Database) -> None:
    with pytest.raises(KeyError):
        await post(db, "no-such-template")
    with pytest.raises(KeyError):
        await post(db, params={"minutes": 5})
    with pytest.raises(ValueError, match="not allowed"):
        await post(db, params={**VISIT, "inmate": "李建国"})
    assert await latest(db) == []


async def test_told_once(db: Database) -> None:
    first = await post(db, dedupe="booking:1:confirmed")
    assert first is not None
    assert await post(db, dedupe="booking:1:confirmed") is None
    assert await post(db, dedupe="booking:2:confirmed") is not None
    assert len(await latest(db)) == 2


async def test_taken_back_by_prefix_and_may_be_told_again(db: Database) -> None:
    for key in ("booking:1:day", "booking:1:2h", "booking:12:day", "booking:1_:day"):
        await post(db, dedupe=key)
    async with db.write() as session:
        assert await outbox.cancel(session, "booking:1:") == 2
    states = sorted(one.state for one in await latest(db))
    assert states == ["cancelled", "cancelled", "queued", "queued"]
    assert await post(db, dedupe="booking:1:day") is not None
    async with db.write() as session:
        assert await outbox.cancel(session, "booking:1_") == 1  # an underscore is no wildcard


async def test_reminders_keep_quiet_hours_and_the_last_one_does_not(db: Database, clock: FakeClock) -> None:
    night = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)  # 02:00 in Beijing on the 23rd
    visit = night + timedelta(days=1)
    await post(db, "reminder-day", due=night, expires=visit)
    await post(db, "reminder-15min", due=night, expires=visit, params={"time": "02:00"})
    await post(db, "booking-confirmed", due=night)
    due = {one.template: one.due_at for one in await latest(db)}
    assert due == {
        "reminder-day": datetime(2026, 11, 23, 0, 0, tzinfo=UTC),
        "reminder-15min": night,
        "booking-confirmed": night,
    }


async def test_quiet_hours_are_those_of_the_prisons_zone(db: Database, clock: FakeClock) -> None:
    due = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)  # 08:30 in Beijing, 06:30 in Urumqi
    await post(db, "reminder-day", due=due)
    await post(db, "reminder-day", due=due, zone="Asia/Urumqi")
    assert sorted(one.due_at for one in await latest(db)) == [due, due + timedelta(hours=1, minutes=30)]


async def test_one_persons_notices(db: Database) -> None:
    await post(db)
    await post(db, to=Ref("relative", "rel_2"))
    await post(db, to=Ref("officer", "rel_1"))
    async with db.read() as session:
        assert [one.to for one in await outbox.of(session, TO)] == [TO]
