"""What lawyers usually take of a prison, as a rehearsal reads it, and what of theirs a change would touch."""

from datetime import timedelta

from core import clock as core_clock
from legalaid.planned import PlannedMeetings
from people.model import Role
from scheduler import rehearsal
from scheduler.meetings import OutOfUse, Usual
from scheduler.rehearsal import Edit, EditKind
from tests.conftest import FakeClock
from tests.legalaid import test_meetings
from tests.legalaid.place import Place
from tests.legalaid.test_day_terminals import for_lawyers
from tests.legalaid.test_planned import TUESDAY, at
from tests.scheduler.world import identity


async def usual(here: Place) -> Usual:
    now = core_clock.now()
    async with here.db.read() as session:
        return await PlannedMeetings().usual(session, here.world.prison_id, now, now + timedelta(weeks=1))


async def test_what_was_asked_for_of_late_is_what_is_usual(here: Place, clock: FakeClock) -> None:
    assert await usual(here) == Usual()
    await test_meetings.allow(here)
    for _ in range(4):
        await test_meetings.asked(here)
    terminals = await for_lawyers(here, 3)
    day = await here.help_day(rooms=2)
    found = await usual(here)
    assert (found.weekly, found.lawyers) == (0.5, 1)
    assert found.minutes > 0
    assert at("09:00") in found.beginnings
    assert all(9 <= (begin.hour + 8) % 24 < 17 for begin in found.beginnings)  # Beijing
    assert day
    assert [(last - first, kept) for first, last, kept in found.help_days] == [
        (timedelta(hours=1), one) for one in sorted(terminals[:2])
    ]
    clock.move(days=57)  # eight weeks and a day
    assert (await usual(here)).weekly == 0


async def test_meetings_and_turns_that_a_change_would_touch_are_counted(here: Place) -> None:
    await test_meetings.allow(here)
    meeting = await test_meetings.asked(here)
    await test_meetings.arranged(here, meeting, hours=66)  # Tuesday, 10:00
    await here.ask(await here.inmate())
    assert await here.plan(await here.help_day()) == 1  # tomorrow, Sunday
    whole = OutOfUse(at("00:00") - timedelta(days=3), at("23:00"))
    tuesday = OutOfUse(at("00:00"), at("23:00"))
    elsewhere = OutOfUse(at("00:00"), at("23:00"), wing_id="wng_other")
    one = OutOfUse(whole.first, whole.last, terminal_id="trm_other")
    async with here.db.read() as session:
        prison = here.world.prison_id
        told = [
            await PlannedMeetings().touched(session, prison, span)
            for span in (whole, tuesday, elsewhere, one)
        ]
    assert told == [(1, 1), (1, 0), (0, 0), (0, 0)]


async def test_a_rehearsal_counts_with_lawyers(here: Place) -> None:
    await here.world.terminal()
    await test_meetings.allow(here)
    for _ in range(8):
        await test_meetings.asked(here)
    await here.world.slot(days=3)
    approver = identity("officer", "off_a", Role.APPROVER, prison_id=here.world.prison_id)
    edit = Edit(EditKind.CLOSE_DAY, TUESDAY)
    told = await rehearsal.rehearse(here.db, approver, here.world.prison_id, edit, meetings=PlannedMeetings())
    assert told.before.meetings_asked == told.after.meetings_asked == 4
    assert told.before.meetings_served > 0
    assert told.before.places == 1 > told.after.places
