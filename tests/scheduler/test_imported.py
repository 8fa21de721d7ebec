"""Bringing timetable files into prisons, on each database: added once, never twice, nothing taken away."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from core.clock import now
from core.db import Database, Session
from core.errors import Misconfigured
from core.ids import SYSTEM
from ledger.tables import EntryRow
from policy import repository as policies
from policy.model import PolicyIncomplete
from scheduler import imported, service
from scheduler.imported import Outcome, Target
from scheduler.importer import TimetableFile
from scheduler.tables import ClosedDateRow, PrisonRow, SlotRow, SpecialDateRow, TemplateRow
from tests.conftest import FakeClock
from tests.scheduler import timetables
from tests.scheduler import world as worlds
from tests.scheduler.timetables import HEAD, WHOLE, whole
from tests.scheduler.world import World

NEW = Target(create=True, policy="demo")  # its rules are complete


async def _bring(db: Database, file: str | TimetableFile, target: Target = NEW) -> Outcome:
    async with db.write() as session:
        made = whole(file) if isinstance(file, str) else file
        return await imported.bring_in(session, SYSTEM, made, target)


async def _count(db: Database, *tables: Any) -> list[int]:
    async with db.read() as session:
        return [await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def _codes(outcome: Outcome) -> list[str]:
    return [one.code for one in outcome.findings]


async def test_a_new_prison_has_what_its_file_says(db: Database, clock: FakeClock) -> None:
    outcome = await _bring(db, WHOLE + "lead_days: 3\nbooking_window: 21\nmax_visitors: 2\n")
    assert outcome.changed == {"prison": 1, "weekly": 3, "closed": 2, "special": 2, "rules": 5}
    assert outcome.findings == []
    assert outcome.prison_id is not None
    async with db.read() as session:
        prison = await session.get_one(PrisonRow, outcome.prison_id)
        assert (prison.name, prison.zone, prison.active) == ("Northgate", "Europe/London", True)
        rules = (await policies.current(session, prison.id, clock.now())).values
        rows = (await session.scalars(select(TemplateRow).order_by(TemplateRow.starts))).all()
    assert (rules.adult_age, rules.horizon_days, rules.max_visitors) == (16, 21, 2)
    assert (rules.lead_days, rules.lead_unit) == (3, "working-days")
    assert [(r.weekday, r.starts, r.minutes, r.raster, r.count, r.capacity) for r in rows] == [
        (5, time(9, 30), 60, 60, 1, 1),
        (5, time(11, 0), 60, 60, 1, 1),
        (1, time(14, 0), 120, 120, 1, 1),
    ]


@pytest.mark.usefixtures("clock")
async def test_the_same_file_twice_changes_nothing_and_says_so(db: Database) -> None:
    await _bring(db, WHOLE)
    before = await _count(db, PrisonRow, TemplateRow, ClosedDateRow, SpecialDateRow, SlotRow, EntryRow)
    again = await _bring(db, WHOLE)
    assert again.changed == {}
    assert again.stood == {"prison": 1, "weekly": 3, "closed": 2, "special": 2, "rules": 1}
    assert again.findings == []
    assert (
        await _count(db, PrisonRow, TemplateRow, ClosedDateRow, SpecialDateRow, SlotRow, EntryRow) == before
    )


@pytest.mark.usefixtures("clock")
async def test_a_later_file_adds_and_what_it_does_not_name_stays(db: Database) -> None:
    await _bring(db, WHOLE)
    later = (
        WHOLE.replace("1400-1600", "1415-1615")
        .replace("2027-01-01", "2027-01-04")
        .replace("1045-1215", "1300-1400")
    )
    outcome = await _bring(db, later.replace("adult_age: 16", "adult_age: 17"))
    assert outcome.changed == {"weekly": 1, "closed": 1, "special": 1}
    assert sorted(_codes(outcome)) == [
        "closed-not-in-file",
        "not-in-file",
        "rule-differs",
        "special-not-in-file",
    ]
    assert await _count(db, TemplateRow, ClosedDateRow, SpecialDateRow) == [4, 3, 3]


@pytest.mark.usefixtures("clock")
async def test_a_dry_run_tells_and_changes_nothing(db: Database) -> None:
    outcome = await _bring(db, WHOLE, replace(NEW, dry=True))
    assert outcome.changed == {"prison": 1, "weekly": 3, "closed": 2, "special": 2}
    assert await _count(db, PrisonRow, TemplateRow, EntryRow) == [0, 0, 0]


@pytest.mark.usefixtures("clock")
async def test_only_create_sets_up_a_prison(db: Database) -> None:
    assert _codes(await _bring(db, WHOLE, Target())) == ["no-such-prison"]
    assert _codes(await _bring(db, WHOLE, Target(prison_id="prs_none"))) == ["no-such-id"]
    with pytest.raises(Misconfigured):
        await _bring(db, WHOLE, Target(create=True, policy="atlantis"))
    assert await _count(db, PrisonRow, EntryRow) == [0, 0]


async def test_into_a_prison_that_is_named_by_its_id(world: World) -> None:
    outcome = await _bring(world.db, WHOLE, Target(prison_id=world.prison_id))
    assert outcome.changed == {"weekly": 3, "closed": 2, "special": 2}
    assert _codes(outcome) == ["other-name", "rule-differs"]
    assert await _count(world.db, SlotRow) != [0]


async def test_visits_of_a_wing_are_not_those_of_the_file(world: World) -> None:
    async with world.db.write() as session:
        await service.create_template(
            session,
            SYSTEM,
            world.prison_id,
            weekday=1,
            starts=time(14),
            minutes=120,
            raster=120,
            wing_id=world.wing_id,
        )
    target = Target(prison_id=world.prison_id)
    assert (await _bring(world.db, WHOLE, target)).changed["weekly"] == 3
    again = await _bring(world.db, WHOLE, target)
    assert again.changed == {}
    assert "not-in-file" in _codes(again)


@pytest.mark.usefixtures("clock")
async def test_what_contradicts_the_prison_is_refused_and_nothing_is_taken(db: Database) -> None:
    prison_id = (await _bring(db, WHOLE)).prison_id
    special = "anomalous:\n  2026-12-28:\n  - 0930-1000\n  2026-12-25:\n  - 0900-1000\n"
    closed = "unbookable:\n- 2026-12-28\n"
    outcome = await _bring(db, HEAD + "recurring:\n  tue:\n  - 1400-1600\n" + special)
    assert {"special-differs", "closed-here"} <= set(_codes(outcome))
    assert outcome.refused
    assert "special-here" in _codes(await _bring(db, HEAD + closed, Target(prison_id=prison_id)))
    assert await _count(db, TemplateRow, ClosedDateRow, SpecialDateRow) == [3, 2, 2]


async def test_dates_that_have_passed_or_lie_far_ahead(db: Database, clock: FakeClock) -> None:
    clock.set(datetime(2026, 12, 25, 23, 30, tzinfo=UTC))  # still the 25th in London
    far = WHOLE.replace("- 2027-01-01\n", "- 2027-01-01\n- 2206-12-25\n- 2025-12-25\n")
    outcome = await _bring(db, far)
    assert outcome.changed["closed"] == 3
    told = {one.code: str(one.reason) for one in outcome.findings}
    assert told.keys() == {"passed", "far-ahead"}
    assert "1, from 2025-12-25 to 2025-12-25" in told["passed"]
    assert "2206-12-25" in told["far-ahead"]


@pytest.mark.usefixtures("clock")
async def test_from_a_day_on(db: Database) -> None:
    outcome = await _bring(db, WHOLE + "booking_window: 60\n", replace(NEW, since=date(2026, 12, 26)))
    assert (outcome.changed["closed"], _codes(outcome)) == (1, ["passed"])
    async with db.read() as session:
        assert set(await session.scalars(select(TemplateRow.valid_from))) == {date(2026, 12, 26)}
        assert min(await session.scalars(select(SlotRow.day))) >= date(2026, 12, 26)


@pytest.mark.usefixtures("clock")
async def test_a_prison_that_is_not_enabled_has_a_timetable_and_no_slots(db: Database) -> None:
    shut = WHOLE.replace("enabled: true", "enabled: false")
    assert (await _bring(db, shut)).changed["weekly"] == 3
    assert await _count(db, TemplateRow, SlotRow) == [3, 0]
    assert (await _bring(db, shut)).changed == {}
    opened = await _bring(db, WHOLE)
    assert opened.changed == {"switched": 1}
    assert await _count(db, SlotRow) != [0]
    assert (await _bring(db, shut)).changed == {"switched": 1}


@pytest.mark.usefixtures("clock")
async def test_rules_that_are_not_complete_are_named_each_time(db: Database) -> None:
    england = Target(create=True)
    first = await _bring(db, WHOLE, england)
    async with db.read() as session:
        incomplete = not await _complete(session, first.prison_id)
    assert ("rules-incomplete" in _codes(first)) == incomplete
    again = await _bring(db, WHOLE, england)
    assert (again.changed, _codes(again)) == ({}, _codes(first))


async def _complete(session: Session, prison_id: str | None) -> bool:
    assert prison_id is not None
    try:
        await policies.current(session, prison_id, now())
    except PolicyIncomplete:
        return False
    return True


@pytest.mark.parametrize(
    "change",
    ["unbookable:\n- {day}\n", "anomalous:\n  {day}:\n  - 0900-1000\n", "enabled: false\n"],
)
async def test_bookings_that_a_file_touches_are_told_and_stay(world: World, change: str) -> None:
    family = await world.family()
    text = (
        HEAD.replace("adult_age: 16\n", "")
        + "recurring:\n"
        + "".join(f"  {day}:\n  - 1400-1500\n" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    )
    target = Target(prison_id=world.prison_id)
    await _bring(world.db, text, target)
    async with world.db.read() as session:
        slot = (await session.scalars(select(SlotRow).order_by(SlotRow.starts_at))).all()[3]
    booking = await world.request(family, slot.id)
    changed = change.format(day=slot.day)
    later = text.replace("enabled: true\n", "") + changed if "enabled" in changed else text + changed
    outcome = await _bring(world.db, later, target)
    assert [str(one.reason) for one in outcome.findings if one.code == "bookings-ahead"] == [
        "Bookings that this touches: 1. An officer decides on each."
    ]
    assert (await world.get(booking.id)).state == booking.state


# --- scenarios ------------------------------------------------------------------------------------------


async def _wall(db: Database, name: str, first: date, last: date) -> list[str]:
    async with db.read() as session:
        rows = (
            await session.scalars(
                select(SlotRow)
                .join(PrisonRow, PrisonRow.id == SlotRow.prison_id)
                .where(PrisonRow.name == name, SlotRow.closed == "", SlotRow.day.between(first, last))
                .order_by(SlotRow.starts_at)
            )
        ).all()
    zone = ZoneInfo("Europe/London")
    return [f"{row.starts_at.astimezone(zone):%a %d %H:%M} {row.minutes}" for row in rows]


async def test_f55_closed_and_special_dates(db: Database, clock: FakeClock) -> None:
    clock.set(datetime(2015, 9, 30, 8, tzinfo=UTC))
    weekly = HEAD + "recurring:\n  mon:\n  - 1400-1610\n  fri:\n  - 1000-1130\n"
    closed = "unbookable:\n- 2015-10-02\n"
    special = "anomalous:\n  2015-10-02:\n  - 0930-1030\n  - 1130-1230\n"
    first, last = date(2015, 10, 1), date(2015, 10, 5)
    found = []
    for number, more in enumerate(("", closed, special)):
        name = f"Northgate {number}"
        await _bring(db, weekly.replace("Northgate", name) + more)
        found.append(await _wall(db, name, first, last))
    assert found == [
        ["Fri 02 10:00 90", "Mon 05 14:00 130"],
        ["Mon 05 14:00 130"],
        ["Fri 02 09:30 60", "Fri 02 11:30 60", "Mon 05 14:00 130"],
    ]


@pytest.mark.parametrize(
    ("more", "first"), [("", date(2015, 10, 7)), ("weekend_processing: true\n", date(2015, 10, 5))]
)
async def test_f57_days_of_notice_and_the_window(
    db: Database, clock: FakeClock, more: str, first: date
) -> None:
    clock.set(datetime(2015, 10, 1, 8, tzinfo=UTC))
    daily = "".join(f"  {day}:\n  - 1400-1500\n" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    outcome = await _bring(db, f"{HEAD}lead_days: 3\nbooking_window: 10\n{more}recurring:\n{daily}")
    assert outcome.prison_id is not None
    async with db.write() as session:
        wing_id = await service.create_wing(session, SYSTEM, outcome.prison_id, "A")
        family = await worlds.family(session, outcome.prison_id, wing_id)
    async with db.read() as session:
        bookable = await service.bookable_days(session, family.inmate_id)
        offered = [
            day.date
            for day in await service.month(session, family.actor, family.inmate_id, 2015, 10)
            if day.offered
        ]
    assert bookable == (first, date(2015, 10, 11))
    assert (offered[0], offered[-1]) == bookable


async def test_f56_all_files_go_into_the_database(db: Database, clock: FakeClock) -> None:
    """Before the first of their dates, so that none has passed: every number is in its table."""
    clock.set(datetime(2016, 11, 1, 8, tzinfo=UTC))
    contents, expected = timetables.real_or_own()
    files = [whole(content) for content in contents]
    async with db.write() as session:
        outcomes = [await imported.bring_in(session, SYSTEM, file, Target(create=True)) for file in files]
    assert not [one for outcome in outcomes for one in outcome.findings if one.code == "passed"]
    assert await _count(db, PrisonRow, TemplateRow, ClosedDateRow, SpecialDateRow) == [
        expected[name] for name in ("files", "weekly", "closed", "special")
    ]
    async with db.read() as session:
        active = await session.scalar(select(func.count()).where(PrisonRow.active))
        again = [await imported.bring_in(session, SYSTEM, file, Target(create=True)) for file in files]
    assert active == expected["enabled"]
    assert not [outcome.changed for outcome in again if outcome.changed]
