"""A deadline that was reckoned with a year's provisional days gets its end from the announced ones."""

from datetime import date

from core.ids import Ref
from legalaid import clocks
from legalaid.recounting import recount
from policy import calendar
from policy.calendar import YearTable
from tests.conftest import FakeClock
from tests.legalaid.place import Place
from tests.scheduler.world import ADMIN


async def test_running_deadlines_follow_the_announced_days(here: Place, clock: FakeClock) -> None:
    """Fourteen days from Saturday 21 November 2026 end on Monday 7 December; that week becomes a holiday."""
    view = await here.ask(await here.inmate())
    async with here.db.write() as session:
        row = await clocks.of_matter(session, Ref("question", view.id))
        assert row is not None
        row.calendar = "CN"
        await session.flush()
    before = calendar.supposed({})
    years = before["CN"].years
    assert years is not None
    longer = years[2026].holidays | {date(2026, 12, day) for day in range(7, 12)}
    table = YearTable(longer, years[2026].workdays, "test", provisional=False)
    after = calendar.supposed({"CN": {2026: table}})
    async with here.db.write() as session:
        first = await recount(session, ADMIN, before, after)
        second = await recount(session, ADMIN, after, after)
    async with here.db.read() as session:
        row = await clocks.of_matter(session, Ref("question", view.id))
        steps = [event.what for event in await clocks.history(session, Ref("question", view.id))]
    assert row is not None
    assert (first, second) == (1, 0)
    assert steps == ["started", "recounted"]
    assert view.light is not None
    assert row.due_at > view.light.due_at
