"""Mediations and counsellors' hours: asked for, agreed to by everybody, held, written, and said to be so or not."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core import clock as core_clock
from core.errors import Forbidden, NotFound, Refused
from core.ids import Ref, new_id
from legalaid import clocks, gathering_desk, gathering_parties, gatherings, meeting_desk, service, setup
from legalaid.confidential import CounsellingRule
from legalaid.gathering_model import Answer, GatheringForm, GatheringState, GatheringView, Verdict
from legalaid.gathering_tables import GatheringPartyRow, GatheringRow
from legalaid.gatherings import GatheringMoved, NoHelpDesk
from legalaid.model import AtDesk
from notices.tables import NoticeRow
from people.model import Identity, Role
from policy.running import ClockState
from rooms import sittings
from rooms.confidentiality import Confidentiality
from rooms.model import EndReason, Phase, RoomRecord, SeatRole
from rooms.tables import RoomRow, SittingRow
from tests.conftest import FakeClock
from tests.legalaid.place import PIN, Place, counsel
from tests.scheduler.world import ADMIN, Family, identity

WORDS, RESULT = "我们为房子吵了三年。", "房子归女方，男方出狱后再住一年。"


@dataclass
class Parties:
    """An inmate at the terminal, the relative, somebody of both desks."""

    here: Place
    desk: AtDesk
    family: Family
    relative: Identity
    helper: Identity

    async def do(self, use_case: Any, *arguments: Any, **more: Any) -> Any:
        async with self.here.db.write() as session:
            return await use_case(session, *arguments, **more)

    async def ask(self, actor: Any, kind: str = "mediation", with_id: str = "") -> str:
        form = GatheringForm(kind, WORDS, new_id("key"), with_id)
        gathering: str = await self.do(gatherings.ask, self.here.means, actor, self.desk.inmate_id, form)
        return gathering

    async def view(self, gathering: str) -> GatheringView:
        async with self.here.db.read() as session:
            return await gatherings.view_of(session, gathering)

    async def arranged(self, gathering: str) -> str:
        terminal = await self.here.world.terminal(new_id("t"))
        starts = core_clock.now() + timedelta(hours=1)
        sitting: str = await self.do(gathering_desk.arrange, officer(self.here), gathering, starts, terminal)
        return sitting

    async def held(self, gathering: str) -> None:
        """Its room ran and is over."""
        async with self.here.db.write() as session:
            row = await session.get_one(GatheringRow, gathering)
            sitting = await session.get_one(SittingRow, row.sitting_id)
            session.add(_room(sitting))
            await session.flush()
            await sittings.complete(
                session, sitting.id, RoomRecord(phase=Phase.ENDED, end_reason=EndReason.TIME_UP)
            )
        assert await self.do(gathering_desk.sweep) == 1

    async def reads(self, actor: Any, gathering: str) -> tuple[str, str]:
        words = await self.do(gathering_parties.words, self.here.means, actor, gathering)
        return words, await self.do(gathering_parties.result, self.here.means, actor, gathering)

    async def told(self) -> list[str]:
        async with self.here.db.read() as session:
            found = await session.scalars(select(NoticeRow.template))
        return sorted(one for one in found if one.startswith("gathering"))


def _room(sitting: SittingRow) -> RoomRow:
    now = core_clock.now()
    return RoomRow(
        id=new_id("room"),
        booking_id=None,
        sitting_id=sitting.id,
        confidentiality=sitting.confidentiality,
        node_id=None,
        epoch=1,
        lease_until=None,
        phase="ended",
        used_ms=60_000,
        lost_ms=0,
        given_back_ms=0,
        ticked_at=None,
        live_at=now,
        ended_at=now,
        end_reason="time-up",
        end_code="",
        end_words="",
        fault="nobody",
        pause_code="",
        pause_words="",
    )


def officer(here: Place) -> Identity:
    return identity("officer", "off_desk", Role.APPROVER, prison_id=here.world.prison_id)


@pytest.fixture
async def parties(here: Place) -> Parties:
    """Desks for both, and a helper who sits at both."""
    desk = await here.inmate()
    family = await here.relative(desk.inmate_id)
    helper = new_id("stf")
    async with here.db.write() as session:
        session.add(counsel(helper, "zhao", here.world.prison_id))
        await session.flush()
        for kind in ("mediation", "counselling"):
            made = await service.create_desk(session, ADMIN, here.world.prison_id, kind, kind, "0551 7")
            await setup.seat_at_desk(session, ADMIN, helper, made)
    who = identity("counsel", helper, Role.COUNSEL, prison_id=here.world.prison_id)
    return Parties(here, desk, family, family.actor, who)


async def agreed_to(parties: Parties) -> str:
    """The relative asks, the helper takes it, the inmate says yes."""
    gathering = await parties.ask(parties.relative)
    await parties.do(gathering_desk.take, parties.helper, gathering)
    await parties.do(gathering_parties.answer, parties.desk, gathering, Answer.YES)
    return gathering


async def test_from_the_request_to_the_agreement(parties: Parties) -> None:
    gathering = await parties.ask(parties.relative)
    view = await parties.view(gathering)
    assert view.light is not None
    assert [(party.role, party.answer) for party in view.parties] == [
        (SeatRole.INMATE, Answer.OPEN),
        (SeatRole.RELATIVE, Answer.YES),
    ]
    assert await parties.reads(parties.helper, gathering) == (WORDS, "")
    await parties.do(gathering_desk.take, parties.helper, gathering)
    with pytest.raises(GatheringMoved):  # the inmate has not said yes
        await parties.arranged(gathering)
    await parties.do(gathering_parties.answer, parties.desk, gathering, Answer.YES)
    assert (await parties.view(gathering)).ready
    sitting = await parties.arranged(gathering)
    async with parties.here.db.read() as session:
        room = await sittings.get(session, sitting)
        light = await clocks.of_matter(session, Ref("mediation", gathering))
    assert room.agreed.confidentiality is Confidentiality.OFFICER_PRESENT
    assert sorted(party.role.value for party in room.agreed.parties) == ["inmate", "mediator", "relative"]
    assert light is not None
    assert light.state == ClockState.DONE
    await parties.held(gathering)
    write = (gathering_desk.write, parties.here.means, parties.helper, gathering)
    with pytest.raises(Refused):
        await parties.do(*write, "", " ")
    await parties.do(*write, "agreed", RESULT)
    for actor in (parties.desk, parties.relative, parties.helper):
        assert await parties.reads(actor, gathering) == (WORDS, RESULT)
    judge = (gathering_parties.judge, parties.here.means)
    await parties.do(*judge, parties.relative, gathering, Verdict.RIGHT)
    with pytest.raises(Refused):
        await parties.do(*judge, parties.desk, gathering, Verdict.WRONG, "")
    await parties.do(*judge, parties.desk, gathering, Verdict.WRONG, "一年，不是两年")
    view = await parties.view(gathering)
    assert (view.state, view.agreed) == (GatheringState.CLOSED, False)
    assert await parties.told() == ["gathering-arranged", "gathering-written"]


async def test_written_again_after_an_objection_all_are_asked_anew(parties: Parties) -> None:
    gathering = await agreed_to(parties)
    await parties.arranged(gathering)
    await parties.held(gathering)
    write = (gathering_desk.write, parties.here.means, parties.helper, gathering)
    await parties.do(*write, "agreed", "旧")
    await parties.do(
        gathering_parties.judge, parties.here.means, parties.desk, gathering, Verdict.WRONG, "不对"
    )
    told = await parties.do(gathering_parties.objections, parties.here.means, parties.helper, gathering)
    assert [words for _, words in told] == ["不对"]
    await parties.do(*write, "agreed", RESULT)
    for actor in (parties.desk, parties.relative):
        await parties.do(gathering_parties.judge, parties.here.means, actor, gathering, Verdict.RIGHT)
    assert (await parties.view(gathering)).agreed
    with pytest.raises(GatheringMoved):
        await parties.do(*write, "none", RESULT)


async def test_nobody_is_made_to_come(parties: Parties) -> None:
    for no in (parties.desk, parties.relative):
        gathering = await agreed_to(parties)
        sitting = await parties.arranged(gathering)
        await parties.do(gathering_parties.answer, no, gathering, Answer.NO)
        assert (await parties.view(gathering)).state is GatheringState.DECLINED
        async with parties.here.db.read() as session:
            assert (await sittings.get(session, sitting)).state == "cancelled"
        with pytest.raises(GatheringMoved):
            await parties.do(gathering_parties.answer, no, gathering, Answer.YES)


async def test_a_counsellors_hour_is_between_two(parties: Parties, clock: FakeClock) -> None:
    del clock
    with pytest.raises(Forbidden):
        await parties.ask(parties.relative, "counselling")
    gathering = await parties.ask(parties.desk, "counselling")
    assert not (await parties.view(gathering)).relatives
    with pytest.raises(NotFound):
        await parties.reads(parties.relative, gathering)
    await parties.do(gathering_desk.take, parties.helper, gathering)
    with pytest.raises(Forbidden):
        relatives = [parties.relative.subject.id]
        await parties.do(gathering_desk.invite, parties.helper, gathering, relatives, "", 45)
    sitting = await parties.arranged(gathering)
    async with parties.here.db.read() as session:
        assert (await sittings.get(session, sitting)).agreed.confidentiality is Confidentiality.VISUAL_ONLY
    await parties.held(gathering)
    await parties.do(gathering_desk.write, parties.here.means, parties.helper, gathering, "again", RESULT)
    for actor in (officer(parties.here), parties.here.sun, parties.relative):
        with pytest.raises(NotFound):
            await parties.reads(actor, gathering)
    await parties.do(gathering_parties.judge, parties.here.means, parties.desk, gathering, Verdict.WRONG)
    assert (await parties.view(gathering)).state is GatheringState.CLOSED
    async with parties.here.db.read() as session:
        since = core_clock.now() - timedelta(days=1)
        prison = parties.here.world.prison_id
        assert await gathering_desk.counted(session, prison, since) == {"counselling:again": 1}


@pytest.mark.parametrize(
    ("rule", "how"),
    [
        (CounsellingRule.ALONE, Confidentiality.UNMONITORED),
        (CounsellingRule.LOOKS_ON, Confidentiality.VISUAL_ONLY),
    ],
)
async def test_whether_anybody_looks_on_is_the_prisons_rule(
    parties: Parties, rule: CounsellingRule, how: Confidentiality
) -> None:
    prison = parties.here.world.prison_id
    await parties.do(meeting_desk.set_counselling, ADMIN, prison, rule)
    gathering = await parties.ask(parties.desk, "counselling")
    await parties.do(gathering_desk.take, parties.helper, gathering)
    sitting = await parties.arranged(gathering)
    async with parties.here.db.read() as session:
        assert (await sittings.get(session, sitting)).agreed.confidentiality is how


async def test_a_code_that_was_taken_away_opens_nothing(parties: Parties) -> None:
    gathering = await parties.ask(parties.desk, "counselling")
    assert await parties.reads(parties.desk, gathering) == (WORDS, "")
    await parties.do(service.reset, parties.here.admin, parties.here.world.prison_id, parties.desk.inmate_id)
    with pytest.raises(NotFound):
        await parties.reads(parties.desk, gathering)
    again = await parties.do(
        service.step_up,
        parties.here.means,
        parties.here.terminal,
        parties.desk.inmate_id,
        "陈志强",
        PIN,
    )
    with pytest.raises(NotFound):
        await parties.reads(again, gathering)


async def test_who_is_asked_is_chosen_by_the_mediator(parties: Parties) -> None:
    gathering = await parties.ask(parties.desk)
    assert (await parties.view(gathering)).relatives == []
    await parties.do(gathering_desk.take, parties.helper, gathering)
    invite = (gathering_desk.invite, parties.helper, gathering)
    with pytest.raises(NotFound):
        await parties.do(*invite, ["rel_stranger"], "", 45)
    with pytest.raises(Refused) as refused:
        await parties.do(*invite, [], "nobody", 5)
    assert {one.code for one in refused.value.reasons} == {"lawyer-invalid", "minutes-invalid"}
    lawyer = f"sun-{parties.here.sun.subject.id}"
    await parties.do(*invite, [parties.relative.subject.id], lawyer, 60)
    await parties.do(*invite, [], "", 60)  # who has not answered is asked no more
    view = await parties.view(gathering)
    assert [party.role for party in view.parties] == [SeatRole.INMATE, SeatRole.COUNSEL]
    assert not view.ready
    await parties.do(*invite, [parties.relative.subject.id], lawyer, 60)
    for actor in (parties.relative, parties.here.sun):
        await parties.do(gathering_parties.answer, actor, gathering, Answer.YES)
    sitting = await parties.arranged(gathering)
    async with parties.here.db.read() as session:
        roles = sorted(p.role.value for p in (await sittings.get(session, sitting)).agreed.parties)
    assert roles == ["counsel", "inmate", "mediator", "relative"]


async def test_doors(parties: Parties, here: Place) -> None:
    gathering = await parties.ask(parties.desk)
    for actor in (here.sun, here.lin):
        with pytest.raises((NotFound, Forbidden)):
            await parties.do(gathering_desk.take, actor, gathering)
    with pytest.raises(NotFound):
        await parties.do(gathering_parties.answer, parties.relative, gathering, Answer.YES)
    with pytest.raises(NotFound):
        await parties.do(gatherings.withdraw, parties.relative, gathering)
    with pytest.raises(Refused):
        await parties.do(gathering_desk.refuse, parties.helper, gathering, "")
    await parties.do(gathering_desk.refuse, parties.helper, gathering, "请先咨询律师")
    view = await parties.view(gathering)
    assert (view.state, view.reason) == (GatheringState.REFUSED, "请先咨询律师")
    form = GatheringForm("", "", new_id("key"))
    with pytest.raises(Refused):
        await parties.do(gatherings.ask, here.means, parties.desk, parties.desk.inmate_id, form)
    for _ in range(3):
        await parties.ask(parties.desk)
    with pytest.raises(Refused):
        await parties.ask(parties.desk)


async def test_words_lie_sealed(parties: Parties) -> None:
    await parties.ask(parties.desk)
    async with parties.here.db.read() as session:
        rows = (await session.scalars(select(GatheringRow))).all()
        assert len((await session.scalars(select(GatheringPartyRow))).all()) == 1
    assert WORDS.encode() not in b"".join(row.words_sealed for row in rows)


async def test_without_a_desk_it_is_said(here: Place) -> None:
    desk = await here.inmate()
    form = GatheringForm("mediation", WORDS, new_id("key"))
    with pytest.raises(NoHelpDesk):
        async with here.db.write() as session:
            await gatherings.ask(session, here.means, desk, desk.inmate_id, form)


async def test_one_that_did_not_take_place_gets_another_time(parties: Parties) -> None:
    gathering = await agreed_to(parties)
    sitting = await parties.arranged(gathering)
    await parties.do(sittings.cancel, ADMIN, sitting, "lockdown")
    assert await parties.do(gathering_desk.sweep) == 1
    assert (await parties.view(gathering)).state is GatheringState.FAILED
    await parties.do(gathering_desk.take, parties.helper, gathering)
    assert (await parties.view(gathering)).ready
    assert await parties.arranged(gathering) != sitting


async def test_a_result_stands_after_two_weeks_of_silence(parties: Parties, clock: FakeClock) -> None:
    gathering = await agreed_to(parties)
    await parties.arranged(gathering)
    await parties.held(gathering)
    await parties.do(gathering_desk.write, parties.here.means, parties.helper, gathering, "none", RESULT)
    clock.move(days=13)
    assert await parties.do(gathering_desk.sweep) == 0
    clock.move(days=2)
    assert await parties.do(gathering_desk.sweep) == 1
    assert (await parties.view(gathering)).state is GatheringState.CLOSED
