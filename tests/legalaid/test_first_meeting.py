"""A relative engaged the lawyer: the inmate is asked first, and a no stays between the inmate and the lawyer."""

from typing import Any

import pytest

from core import clock as core_clock
from core.errors import NotFound
from core.ids import Ref, new_id
from ledger import read
from legalaid import first_meeting, mandates, meeting_desk, meetings
from legalaid.mandates import MandateUnconfirmed
from legalaid.meeting_model import MeetingForm, MeetingState
from legalaid.meetings import MATTER
from rooms import sittings
from rooms.agreed import SittingState
from tests.legalaid.place import Place
from tests.legalaid.test_meetings import FILES, PAPERS, allow, arranged, codes, do, officer, view

BOTH = ("yes", "no")


async def engaged(here: Place, by: str = "relative", **more: Any) -> tuple[str, str, Ref]:
    """An arranged meeting: (meeting, sitting, inmate)."""
    await allow(here)
    desk = await here.inmate()
    form = MeetingForm(desk.inmate_id, "陈志强", "defence", "none", new_id("key"), engaged_by=by, **more)
    meeting_id = await do(here, meetings.ask, PAPERS, here.sun, form, FILES)
    return meeting_id, await arranged(here, meeting_id), Ref("inmate", desk.inmate_id)


async def demanded(here: Place, sitting: str) -> bool:
    async with here.db.read() as session:
        try:
            await mandates.demand(session, sitting)
        except MandateUnconfirmed:
            return True
    return False


@pytest.mark.parametrize(("by", "asked"), [("relative", True), ("inmate", False), ("appointed", False)])
async def test_only_a_relatives_mandate_is_asked_about(here: Place, by: str, asked: bool) -> None:
    _, sitting, inmate = await engaged(here, by)
    assert await demanded(here, sitting) is asked
    if not asked:
        with pytest.raises(NotFound):
            await do(here, first_meeting.answer, inmate, sitting, confirmed=True)


async def test_a_yes_is_asked_for_once(here: Place) -> None:
    meeting_id, sitting, inmate = await engaged(here)
    with pytest.raises(NotFound):
        await do(here, first_meeting.answer, Ref("inmate", "inm_other"), sitting, confirmed=True)
    await do(here, first_meeting.answer, inmate, sitting, confirmed=True)
    assert not await demanded(here, sitting)
    with pytest.raises(NotFound):  # an answer stands
        await do(here, first_meeting.answer, inmate, sitting, confirmed=False)
    await do(here, meetings.withdraw, here.sun, meeting_id, "")
    form = MeetingForm(inmate.id, "陈志强", "defence", "none", new_id("key"), engaged_by="relative")
    again = await do(here, meetings.ask, PAPERS, here.sun, form, FILES)
    assert not await demanded(here, await arranged(here, again, hours=3))


async def test_both_lawyers_are_asked_about(here: Place) -> None:
    _, sitting, inmate = await engaged(here, second=f"lin-{here.lin.subject.id}")
    await do(here, first_meeting.answer, inmate, sitting, confirmed=False)
    async with here.db.read() as session:
        for lawyer in (here.sun, here.lin):
            assert await mandates.refused_by(session, lawyer.subject.id) == {inmate.id}


async def test_a_no_ends_the_mandate_and_is_nobody_elses_business(here: Place) -> None:
    meeting_id, sitting, inmate = await engaged(here)
    form = MeetingForm(inmate.id, "陈志强", "petition", "closed", new_id("key"), engaged_by="relative")
    other = await do(here, meetings.ask, PAPERS, here.sun, form, FILES)
    await do(here, first_meeting.answer, inmate, sitting, confirmed=False)
    for one in (meeting_id, other):
        found = await view(here, one)
        assert (found.state, found.words, found.excused) == (MeetingState.FAILED, "", False)
    async with here.db.read() as session:
        assert (await sittings.get(session, sitting)).state is SittingState.CANCELLED
        entries = [
            entry for one in (meeting_id, other) for entry in await read.about(session, Ref(MATTER, one))
        ]
        desk = await meetings.of_prison(session, here.world.prison_id, core_clock.now())
        assert await meetings.strikes(session, here.sun.subject.id) == 0
    answered = [entry for entry in entries if entry.tag == "inmate:mandate:answered"]
    assert [entry.details for entry in answered] == ["{}"]
    assert not any("confirmed" in str(one) or "mandate" in one.words for one in desk)
    assert await codes(here, form.__class__(
        inmate.id, "陈志强", "petition", "closed", new_id("key"), engaged_by="relative"
    )) == {"engaged_by-ended"}  # fmt: skip
    own = MeetingForm(inmate.id, "陈志强", "petition", "closed", new_id("key"), engaged_by="inmate")
    assert await do(here, meetings.ask, PAPERS, here.sun, own, FILES)


async def test_who_has_engaged_must_be_said(here: Place) -> None:
    await allow(here)
    desk = await here.inmate()
    form = MeetingForm(desk.inmate_id, "陈志强", "defence", "none", "key", engaged_by="")
    assert await codes(here, form) == {"engaged_by-missing"}
    with pytest.raises(NotFound):
        await do(here, meeting_desk.refuse, officer(here), "mtg_none", "nothing")
