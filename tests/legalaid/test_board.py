"""The board, the morning's digest, and clocks for what the visits office decides."""

import pytest

from core.errors import Forbidden, NotFound, Refused
from core.ids import Ref
from legalaid import approvals, board, clocks, digest, service, tasks
from legalaid.board import Filter
from legalaid.tables import MatterClockRow
from notices import outbox
from people.model import Role
from policy.lights import Colour
from policy.running import ClockMoved, ClockState
from scheduler import service as schedule
from tests.conftest import FakeClock
from tests.legalaid.case_place import Offices
from tests.legalaid.place import Place
from tests.scheduler.world import ADMIN, identity


async def test_each_sees_the_lights_of_their_desks_and_of_those_below(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    case_id = await offices.forwarded(inmate)
    await place.ask(inmate)
    async with place.db.read() as session:
        everything = await board.lines(session, place.admin, place.world.prison_id)
        centre = await board.of_desks(session, offices.clerk)
        station = await board.of_desks(session, place.lin)
        with pytest.raises(Forbidden):
            await board.lines(session, place.sun, place.world.prison_id)
        with pytest.raises(Forbidden):
            await board.of_desks(session, place.admin)
    assert sorted(line.code for line in everything) == ["decide", "question"]
    assert [(line.matter, line.desk, line.above) for line in centre] == [
        (Ref("case", case_id), "Centre", "Bureau")
    ]
    assert [(line.code, line.mine) for line in station] == [("question", True)]
    assert board.chosen(everything, Filter(code="decide")) == [
        one for one in everything if one.code == "decide"
    ]
    assert board.chosen(everything, Filter(colour="red")) == []
    assert len(board.chosen(everything, Filter(colour="green", desk_id=offices.centre))) == 1


async def test_more_time_is_asked_for_with_a_reason_and_answered_above(offices: Offices) -> None:
    place = offices.place
    await offices.forwarded(await place.inmate())
    async with place.db.read() as session:
        (line,) = await board.of_desks(session, offices.clerk)
    with pytest.raises(Refused):
        async with place.db.write() as session:
            await board.ask_more(session, offices.clerk, line.clock_id, 3, " ")
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await board.ask_more(session, place.lin, line.clock_id, 3, "The court's file is not here.")
    async with place.db.write() as session:
        await board.ask_more(session, offices.clerk, line.clock_id, 3, "The court's file is not here.")
    with pytest.raises(NotFound):  # not by the desk itself
        async with place.db.write() as session:
            await board.answer_more_time(session, offices.clerk, line.clock_id, granted=True)
    async with place.db.write() as session:
        await board.answer_more_time(session, place.admin, line.clock_id, granted=True)
        (later,) = await board.of_desks(session, offices.clerk)
    assert later.due_at > line.due_at
    async with place.db.write() as session:
        for reader in (place.admin, offices.clerk, place.sun):  # the station held it before
            opened = await board.opened(session, reader, line.clock_id)
            said = {step.what: step.words for step in opened.steps}
            assert said["extension-asked"] == "The court's file is not here."
            assert (opened.code, opened.desk, opened.due_at) == ("decide", "Centre", later.due_at)
        with pytest.raises(NotFound):
            await board.opened(session, offices.helper, line.clock_id)
        with pytest.raises((Forbidden, NotFound)):
            stranger = identity("admin", "adm_two", Role.ADMIN, prison_id="prs_other")
            await board.opened(session, stranger, line.clock_id)


async def test_the_desk_above_sets_a_deadline_for_what_was_handed_up(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    await place.ask(await place.inmate(), limitation="2026-11-25")
    async with place.db.read() as session:
        (line,) = await board.of_desks(session, place.sun)
    with pytest.raises(ClockMoved):
        async with place.db.write() as session:
            await board.set_deadline(session, place.admin, line.clock_id, 12)
    for hours in (18, 6):
        clock.move(hours=hours)
        await tasks.turn_lights(place.db)
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await board.set_deadline(session, place.sun, line.clock_id, 12)
    async with place.db.write() as session:
        await board.set_deadline(session, place.admin, line.clock_id, 12)


async def test_desks_are_told_once_a_morning_what_is_open(here: Place, clock: FakeClock) -> None:
    inmate = await here.inmate()
    await here.ask(inmate)
    await here.ask(inmate, limitation="2026-11-25")
    clock.move(hours=15)  # 07:00 on Sunday in Beijing
    assert await digest.send(here.db) == 0
    clock.move(hours=4)
    await tasks.turn_lights(here.db)
    assert await digest.send(here.db) == 1
    assert await digest.send(here.db) == 0
    async with here.db.read() as session:
        told = await outbox.of(session, Ref("desk", here.station))
    (today,) = [notice for notice in told if notice.template == "digest"]
    assert "2 件，其中即将到期 1 件，已超期 0 件" in today.text
    clock.move(days=1)
    assert await digest.send(here.db) >= 1


async def test_the_visits_office_gets_clocks_and_loses_them_when_it_has_decided(
    here: Place, clock: FakeClock
) -> None:
    world = here.world
    inmate = await here.inmate()
    family = await here.relative(inmate.inmate_id)
    asked = await world.request(family, await world.slot(days=5))
    assert await approvals.watch(here.db) == 0  # no such desk yet
    async with here.db.write() as session:
        await service.create_desk(session, ADMIN, world.prison_id, "Office", "office", "0551 7", here.bureau)
    assert await approvals.watch(here.db) == 1
    assert await approvals.watch(here.db) == 0
    matter = Ref("booking", asked.id)
    async with here.db.read() as session:
        row = await clocks.of_matter(session, matter)
    assert row is not None
    assert (row.code, row.reference) == ("visit-request", asked.reference)
    assert asked.reply_by is not None
    assert row.due_at == min(asked.reply_by, asked.opens_at)
    approver = identity("officer", "off_one", Role.APPROVER, prison_id=world.prison_id)
    async with here.db.write() as session:
        await schedule.approve(session, approver, asked.id)
    assert await approvals.watch(here.db) == 1
    async with here.db.read() as session:
        ended = await session.get_one(MatterClockRow, row.id, populate_existing=True)
    assert (ended.state, ended.colour) == (ClockState.DONE, Colour.GREEN)
