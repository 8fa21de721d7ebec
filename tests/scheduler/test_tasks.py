"""The worker's runs: what ran out, what was not decided in time, and what families are told."""

import asyncio
from datetime import date, datetime, timedelta

import pytest

from core.db import Database
from core.ids import SYSTEM, Ref
from notices import outbox
from notices.model import Notice
from scheduler import service, tasks, telling
from scheduler.model import BookingState, VisitorChoice
from tests.conftest import FakeClock
from tests.scheduler import world as worlds
from tests.scheduler.world import Family, World


async def told(world: World, family: Family) -> list[Notice]:
    """What the family was or will be told, in order of when."""
    async with world.db.read() as session:
        notices = await outbox.of(session, Ref("relative", family.relative_id))
    return sorted(notices, key=lambda notice: (notice.due_at, notice.template))


def templates(notices: list[Notice]) -> list[str]:
    return [notice.template for notice in notices]


async def test_holds_run_out_once(world: World, clock: FakeClock) -> None:
    family = await world.family()
    held = await world.hold(family, await world.slot())
    assert await tasks.expire(world.db) == 0
    clock.move(minutes=10)
    assert await tasks.expire(world.db) == 1
    assert await tasks.expire(world.db) == 0
    view = await world.get(held.id)
    assert view.state is BookingState.EXPIRED
    assert view.reason is not None
    assert view.reason.code == "hold-expired"
    assert await told(world, family) == []  # it was on the screen all the time
    async with world.db.read() as session:
        assert await service.of_relative(session, family.relative_id) == []


@pytest.mark.parametrize("how", ["requested", "approved", "assigned"])
async def test_what_is_not_decided_when_the_lobby_would_open_expires(
    world: World, clock: FakeClock, how: str
) -> None:
    await world.terminal()
    family, slot_id = await world.family(), await world.slot()
    make = {"requested": world.request, "approved": world.approved, "assigned": world.assigned}[how]
    view = await make(family, slot_id)
    clock.set(view.opens_at - timedelta(seconds=1))
    assert await tasks.expire(world.db) == 0
    clock.set(view.opens_at)
    assert await tasks.expire(world.db) == 1
    after = await world.get(view.id)
    assert after.state is BookingState.EXPIRED
    assert after.reason is not None
    assert after.reason.code == "not-decided-in-time"
    assert templates(await told(world, family))[-1] == "booking-expired"


async def test_confirmed_visits_do_not_expire(world: World, clock: FakeClock) -> None:
    await world.terminal()
    view = await world.confirmed(await world.family(), await world.slot())
    clock.set(view.slot_ends_at + timedelta(days=1))
    assert await tasks.expire(world.db) == 0


async def test_what_was_asked_for_in_its_own_time_can_be_decided_till_its_end(
    world: World, clock: FakeClock
) -> None:
    slot_id = await world.slot(days=1)
    family = await world.family()
    async with world.db.read() as session:
        (slot,) = [
            s for d in await service.month(session, family.actor, family.inmate_id, 2026, 11) for s in d
        ]
    clock.set(slot.starts_at + timedelta(minutes=5))
    view = await world.request(family, slot_id)
    assert view.reply_by == view.slot_ends_at
    assert await tasks.expire(world.db) == 0
    clock.set(view.slot_ends_at)
    assert await tasks.expire(world.db) == 1


async def test_an_answer_is_due_before_the_visit(world: World) -> None:
    view = await world.request(await world.family(), await world.slot(days=1))
    assert view.reply_by == view.opens_at


async def test_the_family_is_told_date_time_length_and_no_place(world: World) -> None:
    await world.terminal()
    family = await world.family()
    await world.confirmed(family, await world.slot(days=3))  # Tuesday 24 November, 10:00 in Beijing
    notices = await told(world, family)
    assert set(templates(notices[:3])) == {"booking-requested", "booking-approved", "booking-confirmed"}
    for notice in notices[:3]:
        assert "11月24日（周二）" in notice.text
        assert "10:00（北京时间）" in notice.text
        assert "30 分钟" in notice.text
        assert "Bridge" not in notice.text
        assert "Li Wei" not in notice.text
    reminders = {notice.template: notice.due_at for notice in notices[3:]}
    starts_at = datetime.fromisoformat("2026-11-24T02:00:00+00:00")
    assert reminders == {
        "reminder-day": starts_at - timedelta(days=1),
        "reminder-2h": starts_at - timedelta(hours=2),
        "reminder-15min": starts_at - timedelta(minutes=15),
    }


async def test_the_quiet_hours_are_the_prisons_own(db: Database, clock: FakeClock) -> None:
    """Two hours before 10:00 is 8:00; where nobody is woken before 9:45, that one comes the evening before."""
    world = await worlds.build(db, quiet_from="20:00", quiet_to="09:45")
    await world.terminal()
    family = await world.family()
    await world.confirmed(family, await world.slot(days=3))
    due = {notice.template: notice.due_at for notice in await told(world, family)}
    assert due["reminder-2h"] == datetime.fromisoformat("2026-11-23T11:50:00+00:00")
    assert due["reminder-day"] == datetime.fromisoformat("2026-11-23T02:00:00+00:00")


async def test_everybody_who_comes_is_reminded_but_no_minor(world: World) -> None:
    await world.terminal()
    family = await world.family()
    other = await world.relative(family.inmate_id)
    child = await world.relative(family.inmate_id, born=date(2018, 1, 1), guardian_id=family.relative_id)
    held = await world.hold(family, await world.slot(days=3))
    people = [VisitorChoice(f.relationship_id) for f in (family, other, child)]
    async with world.db.write() as session:
        await service.request(session, family.actor, held.id, people, "c")
        await service.approve(session, world.approver, held.id)
    assert await tasks.place_approved(world.db) == 1
    assert templates(await told(world, other)) == [
        "booking-confirmed", "reminder-day", "reminder-2h", "reminder-15min",
    ]  # fmt: skip
    assert await told(world, child) == []


async def test_reminders_that_are_past_are_not_queued(world: World) -> None:
    await world.terminal()
    family = await world.family()
    await world.confirmed(family, await world.slot(days=0, hour=10))  # in two hours sharp
    assert templates(await told(world, family))[3:] == ["reminder-15min"]


@pytest.mark.parametrize("ending", ["withdraw", "cancel", "complete"])
async def test_nobody_is_reminded_of_what_is_over(world: World, clock: FakeClock, ending: str) -> None:
    await world.terminal()
    family = await world.family()
    view = await world.confirmed(family, await world.slot(days=3))
    async with world.db.write() as session:
        match ending:
            case "withdraw":
                await service.withdraw(session, family.actor, view.id)
            case "cancel":
                await service.cancel(session, SYSTEM, view.id, "emergency")
            case _:
                clock.move(days=1)
                await service.complete(session, view.id, BookingState.COMPLETED)
    states = {n.template: n.state for n in await told(world, family) if n.template.startswith("reminder")}
    assert set(states.values()) == {"cancelled"}
    also = {"withdraw": "booking-withdrawn", "cancel": "booking-cancelled"}.get(ending)
    assert also is None or also in templates(await told(world, family))


@pytest.mark.parametrize(
    ("zone", "language", "expected"),
    [
        ("Asia/Shanghai", "zh", "16:00（北京时间）"),
        ("Asia/Shanghai", "en", "16:00 (Beijing time)"),
        ("Europe/London", "en", "08:00 (GMT)"),
        ("Asia/Kolkata", "en", "13:30 (IST)"),
        ("Asia/Almaty", "en", "13:00 (UTC+05)"),
    ],
)
def test_a_time_names_its_zone(zone: str, language: str, expected: str) -> None:
    assert telling.wall_time(datetime.fromisoformat("2026-11-21T08:00+00:00"), zone, language) == expected


async def test_two_workers_place_each_visit_once(db: Database, clock: FakeClock) -> None:
    del clock
    world = await worlds.build(db)
    for number in range(3):
        await world.terminal(f"T{number}")
    slot_id = await world.slot(capacity=3)
    for _ in range(3):
        await world.approved(await world.family(), slot_id)
    done = await asyncio.gather(*(tasks.place_approved(db) for _ in range(3)))
    assert sum(done) == 3
