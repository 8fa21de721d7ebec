"""Papers first: no time is held before they are complete; missing ones are asked for once; nobody else looks."""

import io

import pytest
from PIL import Image

from core.errors import Forbidden, NotFound, Refused
from core.ids import new_id
from legalaid import prechecks, repository, tasks
from legalaid.help_tables import PrecheckPaperRow
from legalaid.model import QuestionState
from legalaid.prechecks import PrecheckMoved, PrecheckState
from people.model import Identity
from people.proofs import Upload
from policy.running import SecondSupplement
from tests.conftest import FakeClock
from tests.legalaid.case_place import Offices
from tests.legalaid.place import Place

WORDS = "The power of attorney for our flat in Willow Road."


def scan() -> Upload:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "#f3ead2").save(file, "PNG")
    return Upload("deed.png", file.getvalue())


async def handed_in(here: Place) -> tuple[str, Identity]:
    inmate = await here.inmate()
    family = await here.relative(inmate.inmate_id)
    async with here.db.write() as session:
        made = await prechecks.hand_in(
            session, here.means, family.actor, inmate.inmate_id, "notary", WORDS, new_id("key"), [scan()]
        )
    return made, family.actor


async def judge(here: Place, precheck: str, verdict: str, words: str = "") -> None:
    async with here.db.write() as session:
        await prechecks.judge(session, here.means, here.sun, precheck, verdict, words)


async def test_a_time_is_held_only_for_complete_papers(here: Place, clock: FakeClock) -> None:
    precheck, family = await handed_in(here)
    with pytest.raises(PrecheckMoved):
        async with here.db.write() as session:
            await prechecks.ask_for_time(session, here.means, family, precheck)
    async with here.db.read() as session:
        assert await repository.asked_by(session, family.subject) == []  # the whole attempt was undone
    await judge(here, precheck, "ready")
    async with here.db.write() as session:
        question = await prechecks.ask_for_time(session, here.means, family, precheck)
    day = await here.help_day()
    await here.plan(day)
    assert (await here.get(question)).state is QuestionState.PLANNED
    async with here.db.write() as session:
        view, words, _ = await prechecks.opened(session, here.means, family, precheck)
        media_type, data = await prechecks.paper(session, here.means, family, precheck, view.papers[0])
        kept = await session.get_one(PrecheckPaperRow, view.papers[0])
    assert (view.state, words, media_type) == (PrecheckState.ASKED, WORDS, "image/png")
    assert data not in kept.sealed


async def test_what_is_missing_is_asked_for_once_and_the_clock_stands(here: Place, clock: FakeClock) -> None:
    precheck, family = await handed_in(here)
    with pytest.raises(Refused):
        await judge(here, precheck, "missing", "no")
    await judge(here, precheck, "missing", "The land register, and your marriage certificate.")
    clock.move(days=20)
    assert await tasks.turn_lights(here.db) == 0
    with pytest.raises(Refused):
        async with here.db.write() as session:
            await prechecks.add_papers(session, here.means, family, precheck, [])
    async with here.db.write() as session:
        await prechecks.add_papers(session, here.means, family, precheck, [scan()])
        view, _, note = await prechecks.opened(session, here.means, family, precheck)
    assert (view.state, len(view.papers)) == (PrecheckState.HANDED_IN, 2)
    assert "land register" in note
    with pytest.raises(SecondSupplement):
        await judge(here, precheck, "missing", "And a photograph of the house.")
    await judge(here, precheck, "refused", "The flat belongs to somebody else.")
    with pytest.raises(PrecheckMoved):
        async with here.db.write() as session:
            await prechecks.add_papers(session, here.means, family, precheck, [scan()])


async def test_nobody_else_looks(offices: Offices) -> None:
    here = offices.place
    precheck, family = await handed_in(here)
    async with here.db.write() as session:
        (view,) = await prechecks.at_desks(session, here.lin)
        assert await prechecks.at_desks(session, offices.judge) == []
        await prechecks.paper(session, here.means, here.lin, precheck, view.papers[0])
    stranger = (await here.relative((await here.inmate("李四")).inmate_id)).actor
    for reader, error in ((stranger, NotFound), (offices.judge, NotFound), (here.admin, Forbidden)):
        with pytest.raises(error):
            async with here.db.write() as session:
                await prechecks.opened(session, here.means, reader, precheck)
    with pytest.raises(NotFound):
        async with here.db.write() as session:
            await prechecks.paper(session, here.means, family, precheck, "ppr_none")
    with pytest.raises(NotFound):
        await judge(here, precheck, "perhaps")


@pytest.mark.parametrize(
    ("kind", "words", "files", "codes"),
    [
        ("wedding", "short", [], {"kind-missing", "words-missing", "proof-missing"}),
        ("notary", "x" * 2001, [scan()], {"words-too-long"}),
        ("notary", WORDS, [scan()] * 6, {"proof-too-many"}),
        ("notary", WORDS, [Upload("a.exe", b"MZ\x90")], {"proof-type"}),
    ],
)
async def test_every_field_and_every_file_is_checked(
    here: Place, kind: str, words: str, files: list[Upload], codes: set[str]
) -> None:
    inmate = await here.inmate()
    family = await here.relative(inmate.inmate_id)
    with pytest.raises(Refused) as refused:
        async with here.db.write() as session:
            await prechecks.hand_in(
                session, here.means, family.actor, inmate.inmate_id, kind, words, new_id("key"), files
            )
    assert {reason.code for reason in refused.value.reasons} == codes
