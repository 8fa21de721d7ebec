"""Hard days of the calendar at a desk in Lhasa: a New Year of its own, a make-up Sunday, a year nobody has entered."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from core.db import Database
from core.ids import Ref
from legalaid import clocks, tasks
from legalaid.model import Light
from legalaid.recounting import recount
from legalaid.tables import DeskRow
from policy import calendar
from policy.calendar import YearTable
from policy.lights import Colour
from tests.conftest import FakeClock
from tests.legalaid import place
from tests.legalaid.place import Place
from tests.scheduler.world import ADMIN

BEIJING = ZoneInfo("Asia/Shanghai")
MATTER = Ref("referral", "ref_of_lhasa")


@pytest.fixture
async def lhasa(db: Database, clock: FakeClock) -> Place:
    del clock  # stands from here on
    return await place.build(db, calendar="CN-LHASA")


def morning(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 9, tzinfo=BEIJING).astimezone(UTC)


async def started(here: Place, code: str, began: datetime | None = None) -> Light:
    async with here.db.write() as session:
        desk = await session.get_one(DeskRow, here.station)
        return await clocks.start(
            session, ADMIN, code, MATTER, desk, "Asia/Shanghai", "KB-LHASA", began=began
        )


async def light_of(here: Place) -> Light:
    async with here.db.read() as session:
        found = await clocks.light(session, MATTER)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("began", "ends"),
    [
        # Tibetan New Year, 24 to 26 February, is no time to answer in; Saturday the 28th is worked.
        (morning(2026, 2, 23), datetime(2026, 3, 5, tzinfo=BEIJING)),
        # Sunday 20 September is worked before the Mid-Autumn holiday of 25 to 27 September.
        (morning(2026, 9, 18), datetime(2026, 9, 25, tzinfo=BEIJING)),
    ],
)
async def test_a_clock_over_tibetan_new_year_and_over_a_make_up_sunday(
    lhasa: Place, began: datetime, ends: datetime
) -> None:
    light = await started(lhasa, "referral", began)  # five working days
    assert light.due_at == ends


async def test_a_year_that_nobody_entered_stops_no_clock_and_is_counted_again_when_it_is(
    lhasa: Place, clock: FakeClock
) -> None:
    clock.set(morning(2026, 12, 30))
    light = await started(lhasa, "referral")
    assert light.due_at == datetime(
        2027, 1, 8, tzinfo=BEIJING
    )  # the nation's New Year's Day, and plain weeks
    clock.set(datetime(2027, 1, 7, 9, tzinfo=BEIJING).astimezone(UTC))
    assert await tasks.turn_lights(lhasa.db) == 1
    assert (await light_of(lhasa)).colour is Colour.YELLOW
    days = frozenset({date(2027, 1, 7), date(2027, 1, 8)})
    years = {"CN-LHASA": {2027: YearTable(days, frozenset(), "test", provisional=False)}}
    async with lhasa.db.write() as session:
        assert await recount(session, ADMIN, calendar.supposed({}), calendar.supposed(years)) == 1
    light = await light_of(lhasa)
    assert light.due_at == datetime(2027, 1, 12, tzinfo=BEIJING)
    assert light.colour is Colour.GREEN  # there is time again


async def test_what_is_late_in_a_year_that_nobody_entered_is_handed_up_all_the_same(
    lhasa: Place, clock: FakeClock
) -> None:
    clock.set(morning(2028, 1, 3))
    await started(lhasa, "referral")
    clock.set(morning(2028, 1, 11))
    assert await tasks.turn_lights(lhasa.db) == 1  # told, late
    clock.move(minutes=20)
    assert await tasks.turn_lights(lhasa.db) == 1
    light = await light_of(lhasa)
    assert (light.level, light.colour, light.desk) == (1, Colour.RED, "Bureau")
    assert light.due_at == datetime(2028, 1, 14, tzinfo=BEIJING)
