"""Each desk of a decision has a clock of its own: its day, its light, its second deadline; a signature hands it on."""

from datetime import datetime, timedelta

import pytest

from core import clock as core_clock
from core.db import Database
from core.ids import Ref
from legalaid import approvals, clocks, service, tasks
from legalaid.tables import DeskRow, MatterClockRow
from people.model import Identity, Role
from policy.lights import Colour
from policy.running import ClockState
from scheduler import service as schedule
from scheduler import signing
from scheduler.model import BookingState, BookingView
from tests.conftest import FakeClock
from tests.legalaid.place import Place, build
from tests.scheduler.world import ADMIN, identity

STEPS = [("bureau", 1), ("prison", 2), ("reply", 2)]


@pytest.fixture
async def stepwise(db: Database) -> Place:
    """A prison whose requests the bureau of justice signs before the prison does."""
    steps = [{"desk": desk, "working_days": n} for desk, n in STEPS]
    here = await build(db, "Steps", reply_working_days=5, decision_steps=steps)
    async with db.write() as session:
        for kind in ("office", "bureau"):
            await service.create_desk(
                session, ADMIN, here.world.prison_id, f"The {kind}", kind, "0551 7", here.bureau
            )
    return here


async def asked(here: Place) -> BookingView:
    family = await here.relative((await here.inmate()).inmate_id)
    return await here.world.request(family, await here.world.slot(days=9))


async def standing(here: Place, view: BookingView) -> tuple[MatterClockRow, str]:
    """The request's clock, and the name of the desk that has it."""
    async with here.db.read() as session:
        row = await clocks.of_matter(session, Ref("booking", view.id))
        assert row is not None
        return row, (await session.get_one(DeskRow, row.desk_id)).name


async def due(here: Place, view: BookingView) -> dict[str, datetime | None]:
    async with here.db.read() as session:
        return {one.office: one.due for one in await signing.chain(session, view)}


def officer(here: Place, number: int) -> Identity:
    return identity("officer", f"off_{number}", Role.APPROVER, prison_id=here.world.prison_id)


async def sign(here: Place, view: BookingView, number: int) -> BookingView:
    async with here.db.write() as session:
        return await schedule.approve(session, officer(here, number), view.id)


async def test_each_desk_has_its_own_day_and_hands_it_on(stepwise: Place) -> None:
    here = stepwise
    view = await asked(here)
    days = await due(here, view)
    assert await approvals.watch(here.db) == 1
    row, desk = await standing(here, view)
    assert (row.code, desk, row.due_at) == ("visit-bureau", "The bureau", days["bureau"])
    assert row.due_at < (view.reply_by or view.opens_at)
    assert await approvals.watch(here.db) == 0  # nobody has signed
    await sign(here, view, 1)
    assert await approvals.watch(here.db) == 1
    row, desk = await standing(here, view)
    assert (row.code, desk, row.due_at, row.colour) == (
        "visit-prison",
        "The office",
        days["prison"],
        Colour.GREEN,
    )
    assert await approvals.watch(here.db) == 0
    assert (await sign(here, view, 2)).state is BookingState.APPROVED
    assert await approvals.watch(here.db) == 1
    assert (await standing(here, view))[0].state == ClockState.DONE
    async with here.db.read() as session:
        history = await clocks.history(session, Ref("booking", view.id))
    assert [(event.what, event.code, event.desk) for event in history] == [
        ("started", "visit-bureau", "The bureau"),
        ("done", "visit-bureau", "The bureau"),
        ("started", "visit-prison", "The office"),
        ("done", "visit-prison", "The office"),
    ]


async def test_a_desk_that_lets_its_day_pass_is_told_and_loses_it_and_the_next_is_not_red_for_it(
    clock: FakeClock, stepwise: Place
) -> None:
    here = stepwise
    view = await asked(here)
    await approvals.watch(here.db)
    row, _ = await standing(here, view)
    clock.set(row.yellow_at)
    assert await tasks.turn_lights(here.db) == 1
    assert (await standing(here, view))[0].colour == Colour.YELLOW
    clock.set(row.due_at)
    await tasks.turn_lights(here.db)
    row, _ = await standing(here, view)
    assert (row.level, row.colour, row.desk_id) == (1, Colour.RED, here.bureau)  # the desk above both
    assert row.due_at > core_clock.now()  # with a deadline of its own
    days = await due(here, view)
    assert days["prison"]
    clock.set(days["prison"] + timedelta(hours=1))  # signed at last, after the next desk's day as well
    await sign(here, view, 1)
    assert await approvals.watch(here.db) == 1
    row, desk = await standing(here, view)
    assert (row.code, desk, row.level, row.colour) == ("visit-prison", "The office", 0, Colour.GREEN)
    assert row.due_at >= core_clock.now() + timedelta(days=2)  # two working days of its own


async def test_the_visits_office_stands_in_for_a_desk_that_is_not_there(db: Database) -> None:
    steps = [{"desk": desk, "working_days": n} for desk, n in STEPS]
    here = await build(db, "Steps alone", reply_working_days=5, decision_steps=steps)
    view = await asked(here)
    assert await approvals.watch(here.db) == 0
    async with here.db.write() as session:
        await service.create_desk(session, ADMIN, here.world.prison_id, "Office", "office", "0551 7")
    assert await approvals.watch(here.db) == 1
    row, desk = await standing(here, view)
    assert (row.code, desk) == ("visit-bureau", "Office")
