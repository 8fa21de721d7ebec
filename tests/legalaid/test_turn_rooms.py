"""A turn's video room: there while it runs, longer when it runs over, gone when it is over; and what was thought."""

from typing import Any

import pytest

from core.errors import Forbidden, NotFound
from legalaid import days, opinions, service, turn_rooms
from legalaid.model import AtDesk, TurnState, TurnView
from legalaid.opinions import Helped
from people.model import Role
from rooms import service as rooms
from rooms.agreed import SittingState, SittingView
from rooms.confidentiality import Confidentiality
from tests.conftest import FakeClock
from tests.legalaid.place import Place
from tests.rooms.closed import prove
from tests.scheduler.world import identity

PLANNED, RUNNING = TurnState.PLANNED, TurnState.RUNNING


async def do(here: Place, use_case: Any, *arguments: Any) -> Any:
    async with here.db.write() as session:
        return await use_case(session, *arguments)


async def begun(here: Place, clock: FakeClock) -> tuple[AtDesk, TurnView]:
    """The first turn of a help day has begun."""
    day = await here.help_day()
    desk = await here.inmate()
    await here.ask(desk, "family")
    await here.plan(day)
    clock.move(hours=17)
    (turn,) = await here.turns(day, PLANNED)
    await do(here, service.begin, here.sun, turn.id)
    await prove(here.db)
    return desk, turn


async def room(here: Place, turn: TurnView) -> SittingView:
    async with here.db.read() as session:
        found = await turn_rooms.of(session, turn.id)
    assert found is not None
    return found


async def test_lawyer_and_inmate_get_in_and_nobody_else(here: Place, clock: FakeClock) -> None:
    desk, turn = await begun(here, clock)
    sitting = await room(here, turn)
    assert sitting.agreed.confidentiality is Confidentiality.UNMONITORED
    assert sitting.basis == "aid-secrecy"
    assert await do(here, rooms.issue_sitting_ticket, here.sun, sitting.id)
    terminal = here.terminal
    assert await do(here, rooms.issue_sitting_ticket, terminal, sitting.id, desk.inmate_id)
    with pytest.raises(NotFound):
        await do(here, rooms.issue_sitting_ticket, terminal, sitting.id, "")
    with pytest.raises(NotFound):
        await do(here, rooms.issue_sitting_ticket, here.lin, sitting.id)
    officer = identity("officer", "off_1", Role.MONITOR, prison_id=here.world.prison_id)
    for spy in (officer, here.admin):
        with pytest.raises(Forbidden):
            await do(here, rooms.issue_sitting_ticket, spy, sitting.id)


async def test_the_inmate_finds_the_waiting_lawyer(here: Place, clock: FakeClock) -> None:
    desk, turn = await begun(here, clock)
    other = await here.inmate("王建国")
    async with here.db.read() as session:
        found = await turn_rooms.waiting_for(session, desk)
        assert found is not None
        assert found.matter == turn_rooms.matter(turn.id)
        assert await turn_rooms.waiting_for(session, other) is None


@pytest.mark.parametrize("end", [service.done, service.carry_over])
async def test_the_room_ends_with_the_turn(here: Place, clock: FakeClock, end: Any) -> None:
    desk, turn = await begun(here, clock)
    await do(here, end, here.sun, turn.id)
    assert (await room(here, turn)).state is SittingState.CANCELLED
    async with here.db.read() as session:
        assert await turn_rooms.waiting_for(session, desk) is None


async def test_the_day_that_closes_closes_rooms(here: Place, clock: FakeClock) -> None:
    _, turn = await begun(here, clock)
    await do(here, days.close, turn.help_day_id)
    assert (await room(here, turn)).state is SittingState.CANCELLED


async def test_a_turn_that_runs_over_has_its_room_for_longer(here: Place, clock: FakeClock) -> None:
    _, turn = await begun(here, clock)
    first = await room(here, turn)
    await do(here, service.run_over, here.sun, turn.id, 10)
    assert (await room(here, turn)).agreed.minutes == first.agreed.minutes + 10
    await do(here, turn_rooms.close, here.sun, turn.id, "time-up")
    await do(here, service.run_over, here.sun, turn.id, 5)
    again = await room(here, turn)
    assert again.id != first.id
    assert again.agreed.minutes == 5


async def test_after_the_turn_one_is_asked_once(here: Place, clock: FakeClock) -> None:
    desk, turn = await begun(here, clock)
    stranger = await here.inmate("王建国")
    async with here.db.read() as session:
        assert await opinions.owed(session, desk) is None  # it is not over
    await do(here, service.done, here.sun, turn.id)
    async with here.db.read() as session:
        assert await opinions.owed(session, desk) == turn.id
        assert await opinions.owed(session, stranger) is None
    with pytest.raises(NotFound):
        await do(here, opinions.say, stranger, turn.id, Helped.NO)
    await do(here, opinions.say, desk, turn.id, Helped.NO)
    await do(here, opinions.say, desk, turn.id, Helped.PARTLY)
    async with here.db.read() as session:
        assert await opinions.owed(session, desk) is None
        said = await opinions.count(session, here.station, turn.starts_at)
    assert said == {Helped.YES: 0, Helped.PARTLY: 1, Helped.NO: 0}
