"""One queue for all who ask; texts that nobody reads whom they do not concern; codes that keep them so."""

import pytest
from sqlalchemy import select, text

from core.errors import Forbidden, NotFound, Refused, TooMany
from core.ids import Ref
from ledger import read as ledger
from legalaid import repository, service
from legalaid.access import ConflictOfInterest, NotALawyer
from legalaid.asking import NoStation
from legalaid.model import Channel, QuestionState
from legalaid.moving import QuestionMoved
from legalaid.personal import NotYou
from legalaid.tables import AdviceRow, QuestionRow
from notices import outbox
from people.model import Role
from people.tables import InmateRow
from tests.conftest import FakeClock
from tests.legalaid import place
from tests.legalaid.place import PIN, WORDS, Place, form
from tests.scheduler import world as worlds
from tests.scheduler.world import identity


async def test_three_ways_into_one_queue(here: Place) -> None:
    desk = await here.inmate()
    mei = await here.relative(desk.inmate_id)
    await here.ask(desk)
    async with here.db.write() as session:
        await service.by_relative(session, here.means, mei.actor, desk.inmate_id, form("family"))
        await service.by_hotline(session, here.means, here.sun, desk.inmate_id, form("work"))
        queue = await repository.waiting(session, here.station)
    assert {view.channel for view in queue} == set(Channel)
    assert {view.inmate_id for view in queue} == {desk.inmate_id}
    assert len({view.reference for view in queue}) == 3


async def test_a_form_sent_twice_is_one_question(here: Place) -> None:
    desk = await here.inmate()
    once = form("debt")
    for _ in range(2):
        async with here.db.write() as session:
            await service.by_inmate(session, here.means, desk, once)
    async with here.db.read() as session:
        assert len(await repository.waiting(session, here.station)) == 1


async def test_who_is_not_approved_cannot_ask_for_somebody(here: Place) -> None:
    desk = await here.inmate()
    async with here.db.write() as session:
        stranger = await worlds.relative(session, desk.inmate_id, state="pending")
    for actor, error in ((stranger.actor, NotFound), (here.sun, Forbidden), (here.admin, Forbidden)):
        with pytest.raises(error):
            async with here.db.write() as session:
                await service.by_relative(session, here.means, actor, desk.inmate_id, form())
    with pytest.raises(Refused):
        async with here.db.write() as session:
            await service.by_hotline(session, here.means, here.sun, "nobody", form())


async def test_so_many_questions_at_a_time(here: Place) -> None:
    desk = await here.inmate()
    for _ in range(10):
        await here.ask(desk)
    with pytest.raises(Refused) as caught:
        await here.ask(desk)
    assert caught.value.reasons[0].code == "too-many-questions"


async def test_without_a_station_nobody_is_left_in_the_dark(here: Place) -> None:
    other = await worlds.build(here.db, name="Elsewhere")
    family = await other.family()
    with pytest.raises(NoStation):
        async with here.db.write() as session:
            await service.by_relative(session, here.means, family.actor, family.inmate_id, form())


async def test_texts_are_sealed_where_they_lie(here: Place) -> None:
    view = await here.ask(await here.inmate())
    async with here.db.write() as session:
        await service.write(session, here.means, here.sun, view.id, "Go to the court in Linjiang.")
    async with here.db.read() as session:
        sealed = [
            *(await session.scalars(select(QuestionRow.words_sealed))),
            *(await session.scalars(select(AdviceRow.words_sealed))),
        ]
        entries = (await session.execute(text("SELECT details FROM ledger_entry"))).scalars().all()
    assert sealed
    for box in sealed:
        assert b"house" not in box
        assert b"court" not in box
    assert not any("house" in entry or "court" in entry or "陈志强" in entry for entry in entries)


async def test_prison_staff_cannot_open_a_text_and_the_attempt_is_entered(here: Place) -> None:
    view = await here.ask(await here.inmate())
    prison = here.world.prison_id
    for kind, role in (("officer", Role.MONITOR), ("officer", Role.APPROVER), ("admin", Role.ADMIN)):
        nosy = identity(kind, f"nosy-{role}", role, prison_id=prison)
        for reading in (service.words, service.advice):
            with pytest.raises(Forbidden):
                async with here.db.write() as session:
                    await reading(session, here.means, nosy, view.id)
        async with here.db.read() as session:
            entries = await ledger.latest(session, about=nosy.subject.id)
        assert [entry.tag for entry in entries] == [f"{kind}:question:reading-refused"] * 2


async def test_whom_it_concerns_reads_and_that_is_entered(here: Place) -> None:
    desk, other = await here.inmate(), await here.inmate("王五")
    mei = await here.relative(desk.inmate_id)
    aunt = await here.relative(desk.inmate_id)
    async with here.db.write() as session:
        view = await service.by_relative(session, here.means, mei.actor, desk.inmate_id, form())
        await service.write(session, here.means, here.sun, view.id, "Go to court.")
        for reader in (desk, mei.actor, here.sun, here.lin):
            assert await service.words(session, here.means, reader, view.id) == WORDS
        (advice,) = await service.advice(session, here.means, desk, view.id)
        assert (advice.words, advice.lawyer_name) == ("Go to court.", "sun")
        (again,) = await service.advice(session, here.means, here.sun, view.id)
        assert again.received_at is not None  # the inmate opened it
        for reader in (other, aunt.actor):
            with pytest.raises(NotFound):
                await service.words(session, here.means, reader, view.id)
        with pytest.raises(NotFound):  # what the lawyer wrote is for the inmate
            await service.advice(session, here.means, mei.actor, view.id)
    async with here.db.read() as session:
        tags = [entry.tag for entry in await ledger.latest(session, about=view.id, limit=50)]
        told = [n.template for n in await outbox.of(session, Ref("relative", mei.relative_id))]
    assert tags.count("counsel:question:read") == 2
    assert "inmate:advice:received" in tags
    assert told == ["question-answered"]


async def test_a_conflict_of_interest_shuts_the_lawyer_out(here: Place) -> None:
    desk = await here.inmate()
    view = await here.ask(desk)
    async with here.db.write() as session:
        await service.declare_conflict(session, here.lin, desk.inmate_id)
    with pytest.raises(ConflictOfInterest):
        async with here.db.write() as session:
            await service.words(session, here.means, here.lin, view.id)
    with pytest.raises(ConflictOfInterest):
        async with here.db.write() as session:
            await service.write(session, here.means, here.lin, view.id, "Pay at once.")


async def test_counsel_of_no_station_and_of_another_one(here: Place) -> None:
    view = await here.ask(await here.inmate())
    nobody = identity("counsel", "unknown", Role.COUNSEL)
    with pytest.raises(NotALawyer):
        async with here.db.write() as session:
            await service.words(session, here.means, nobody, view.id)
    elsewhere = await place.build(here.db, name="Elsewhere")
    with pytest.raises(NotFound):
        async with here.db.write() as session:
            await service.words(session, here.means, elsewhere.sun, view.id)


async def test_a_question_is_taken_back_by_whom_it_is_for_or_who_asked(here: Place) -> None:
    desk = await here.inmate()
    mei = await here.relative(desk.inmate_id)
    async with here.db.write() as session:
        view = await service.by_relative(session, here.means, mei.actor, desk.inmate_id, form())
    own = await here.ask(desk)
    with pytest.raises(NotFound):
        async with here.db.write() as session:
            await service.withdraw(session, mei.actor, own.id)
    async with here.db.write() as session:
        await service.withdraw(session, desk, view.id)
    gone = await here.get(view.id)
    assert gone.state is QuestionState.WITHDRAWN
    assert gone.light is not None
    assert gone.light.state == "withdrawn"
    with pytest.raises(QuestionMoved):
        async with here.db.write() as session:
            await service.withdraw(session, mei.actor, view.id)


async def test_a_follow_up_belongs_to_its_thread(here: Place) -> None:
    desk, other = await here.inmate(), await here.inmate("王五")
    first = await here.ask(desk)
    second = await here.ask(desk, follows=first.id)
    third = await here.ask(desk, follows=second.id)
    assert {first.thread_id, second.thread_id, third.thread_id} == {first.id}
    with pytest.raises(Refused):
        await here.ask(other, follows=first.id)


async def test_the_first_code_is_set_and_then_it_must_be_shown(here: Place) -> None:
    desk = await here.inmate()

    async def step_up(number: str, name: str, pin: str) -> None:
        async with here.db.write() as session:
            await service.step_up(session, here.means, here.terminal, number, name, pin)

    await step_up(desk.inmate_id, "陈 志强", PIN)
    for number, name, pin in (
        (desk.inmate_id, "陈志强", "274919"),
        (desk.inmate_id, "王五", PIN),
        ("nobody", "陈志强", PIN),
    ):
        with pytest.raises(NotYou):
            await step_up(number, name, pin)
    with pytest.raises(Refused):
        await here.inmate("王五", "123456")
    with pytest.raises(Forbidden):
        async with here.db.write() as session:
            await service.step_up(session, here.means, here.sun, desk.inmate_id, "陈志强", PIN)


async def test_codes_cannot_be_searched(here: Place, clock: FakeClock) -> None:
    desk = await here.inmate()

    async def wrong() -> None:
        async with here.db.write() as session:
            await service.step_up(session, here.means, here.terminal, desk.inmate_id, "陈志强", "111222")

    for _ in range(6):
        with pytest.raises(NotYou):
            await wrong()
    with pytest.raises(TooMany):
        await wrong()
    clock.move(minutes=16)
    with pytest.raises(NotYou):
        await wrong()


async def test_who_takes_a_code_away_cannot_read_with_a_new_one(here: Place) -> None:
    desk = await here.inmate()
    view = await here.ask(desk)
    async with here.db.write() as session:
        await service.reset(session, here.admin, here.world.prison_id, desk.inmate_id)
    with pytest.raises(NotFound):  # the old desk is shut
        async with here.db.write() as session:
            await service.words(session, here.means, desk, view.id)
    with pytest.raises(NotYou):
        await here.ask(desk)
    async with here.db.write() as session:
        fresh = await service.step_up(session, here.means, here.terminal, desk.inmate_id, "陈志强", "502836")
    with pytest.raises(NotFound):
        async with here.db.write() as session:
            await service.words(session, here.means, fresh, view.id)
    newer = await here.ask(fresh)
    async with here.db.write() as session:
        assert await service.words(session, here.means, fresh, newer.id) == WORDS
    with pytest.raises(Forbidden):
        async with here.db.write() as session:
            await service.reset(session, here.world.approver, here.world.prison_id, desk.inmate_id)


async def test_who_was_released_asks_elsewhere(here: Place) -> None:
    desk = await here.inmate()
    async with here.db.write() as session:
        (await session.get_one(InmateRow, desk.inmate_id)).status = "released"
    with pytest.raises(NotFound):
        await here.ask(desk)
