"""Referrals: a need finds a desk, the clock goes along when it is handed on."""

from datetime import timedelta

import pytest

from core.errors import Conflict, NotFound, Refused
from core.ids import Ref, new_id
from legalaid import clocks, handover, reading, referrals, service
from legalaid.model import QuestionState
from legalaid.referrals import NoDesk, ReferralForm, ReferralMoved, ReferralState, matter
from people.model import Role
from policy.running import ClockState
from tests.conftest import FakeClock
from tests.legalaid.case_place import Offices
from tests.legalaid.place import Place
from tests.scheduler.world import ADMIN, identity

CHILD = "Her daughter of eight is alone since Tuesday, Willow Road 4."


def wanted(source: Ref, kind: str = "child", words: str = CHILD, key: str = "") -> ReferralForm:
    return ReferralForm(kind, words, key or new_id("key"), source)


async def raised(offices: Offices, kind: str = "child") -> tuple[str, Place]:
    place = offices.place
    question = await place.ask(await place.inmate())
    async with place.db.write() as session:
        form = wanted(Ref("question", question.id), kind)
        return await referrals.raise_(session, place.means, place.sun, form), place


async def test_a_child_waits_a_day_at_most_and_everything_else_days(
    offices: Offices, clock: FakeClock
) -> None:
    for kind, least, most in (
        ("child", timedelta(hours=24), timedelta(hours=24)),
        ("hardship", timedelta(days=5), timedelta(days=9)),
    ):
        referral, place = await raised(offices, kind)
        async with place.db.read() as session:
            light = await clocks.light(session, matter(referral))
        assert light is not None
        assert light.desk == "City"
        assert least <= light.due_at - clock.now() <= most


async def test_the_desk_answers_once_and_the_inmate_reads_it(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = await place.ask(inmate)
    form = wanted(Ref("question", question.id), key="a-key-of-mine")
    async with place.db.write() as session:
        referral = await referrals.raise_(session, place.means, place.sun, form)
        assert await referrals.raise_(session, place.means, place.sun, form) == referral
    with pytest.raises(Refused):
        async with place.db.write() as session:
            await referrals.answer(session, place.means, offices.helper, referral, "ok")
    async with place.db.write() as session:
        await referrals.answer(session, place.means, offices.helper, referral, "She lives with her aunt now.")
    with pytest.raises(ReferralMoved):
        async with place.db.write() as session:
            await referrals.answer(session, place.means, offices.helper, referral, "She lives with her aunt.")
    async with place.db.write() as session:
        view, words, answered = await referrals.opened(session, place.means, inmate, referral)
        assert [one.id for one in await referrals.of_inmate(session, inmate.inmate_id)] == [referral]
        assert [one.id for one in await referrals.seen_by(session, place.sun)] == [referral]
    assert (view.state, words, answered) == (ReferralState.ANSWERED, CHILD, "She lives with her aunt now.")
    assert view.light is not None
    assert view.light.state is ClockState.DONE
    other = await place.inmate("李四")
    for reader in (other, place.lin, offices.neighbour, place.admin):
        with pytest.raises((NotFound, Conflict) if reader is not place.admin else Exception):
            async with place.db.write() as session:
                await referrals.opened(session, place.means, reader, referral)


async def test_an_officer_raises_it_from_a_visit_of_the_own_prison_only(offices: Offices) -> None:
    place = offices.place
    world = place.world
    family = await world.family()
    visit = await world.request(family, await world.slot(days=5))
    officer = identity("officer", "off_1", Role.MONITOR, prison_id=world.prison_id)
    async with place.db.write() as session:
        referral = await referrals.raise_(session, place.means, officer, wanted(Ref("booking", visit.id)))
        _, words, _ = await referrals.opened(session, place.means, officer, referral)
    assert words == CHILD
    question = await place.ask(await place.inmate())
    stranger = identity("officer", "off_2", Role.MONITOR, prison_id="prs_other")
    for actor, source in (
        (officer, Ref("question", question.id)),
        (stranger, Ref("booking", visit.id)),
        (place.lin, Ref("booking", visit.id)),
        (officer, Ref("cell", "4")),
    ):
        with pytest.raises(Exception, match=r"not-found|forbidden"):
            async with place.db.write() as session:
                await referrals.raise_(session, place.means, actor, wanted(source))


@pytest.mark.parametrize(
    ("kind", "words", "codes"),
    [
        ("wizard", CHILD, {"kind-missing"}),
        ("child", "help", {"words-missing"}),
        ("child", "x" * 2001, {"words-too-long"}),
    ],
)
async def test_every_field_is_checked(offices: Offices, kind: str, words: str, codes: set[str]) -> None:
    place = offices.place
    question = await place.ask(await place.inmate())
    with pytest.raises(Refused) as refused:
        async with place.db.write() as session:
            await referrals.raise_(
                session, place.means, place.sun, wanted(Ref("question", question.id), kind, words)
            )
    assert {reason.code for reason in refused.value.reasons} == codes


async def test_without_a_desk_it_is_said(here: Place) -> None:
    question = await here.ask(await here.inmate())
    with pytest.raises(NoDesk):
        async with here.db.write() as session:
            await referrals.raise_(session, here.means, here.sun, wanted(Ref("question", question.id)))


async def test_handing_on_takes_the_clock_along_and_gains_no_day(offices: Offices, clock: FakeClock) -> None:
    referral, place = await raised(offices)
    async with place.db.read() as session:
        before = await clocks.light(session, matter(referral))
    clock.move(hours=3)
    with pytest.raises(Refused) as refused:
        async with place.db.write() as session:
            await handover.hand(session, place.means, offices.helper, matter(referral), offices.centre, " ")
    assert {reason.code for reason in refused.value.reasons} == {"words-missing", "desk_id-missing"}
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await handover.hand(
                session, place.means, offices.neighbour, matter(referral), offices.welfare, "Ours."
            )
    async with place.db.write() as session:
        await handover.hand(
            session, place.means, offices.helper, matter(referral), offices.county, "She lives there."
        )
        after = await clocks.light(session, matter(referral))
        steps = await clocks.history(session, matter(referral))
    assert before is not None
    assert after is not None
    assert (after.desk, after.due_at) == ("County", before.due_at)
    assert [(step.what, step.desk, step.words) for step in steps] == [
        ("started", "City", ""),
        ("handed", "County", "She lives there."),
    ]
    with pytest.raises(NotFound):  # it is the county's now
        async with place.db.write() as session:
            await referrals.answer(session, place.means, offices.helper, referral, "She lives with her aunt.")
    async with place.db.write() as session:
        await referrals.opened(
            session, place.means, offices.helper, referral
        )  # what happened is still theirs to see
        await referrals.answer(session, place.means, offices.neighbour, referral, "She lives with her aunt.")
    with pytest.raises(Conflict):
        async with place.db.write() as session:
            await handover.hand(
                session, place.means, offices.neighbour, matter(referral), offices.welfare, "Back to you."
            )


async def test_a_question_goes_to_another_station_and_its_turn_falls_free(offices: Offices) -> None:
    place = offices.place
    inmate = await place.inmate()
    question = await place.ask(inmate)
    day = await place.help_day()
    await place.plan(day)
    assert (await place.get(question.id)).state is QuestionState.PLANNED
    async with place.db.write() as session:
        other = await service.create_desk(
            session, ADMIN, place.world.prison_id, "Village station", "station", "0551 8", None, "village"
        )
        await handover.hand(
            session, place.means, place.sun, Ref("question", question.id), other, "Land of the village."
        )
    view = await place.get(question.id)
    assert (view.state, view.station_id) == (QuestionState.ASKED, other)
    assert view.light is not None
    assert view.light.desk == "Village station"
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await reading.words(session, place.means, place.sun, question.id)
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await handover.hand(session, place.means, place.sun, Ref("case", "x"), other, "No.")
