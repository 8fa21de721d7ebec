"""Assistant and interpreter: beside the lawyer, or in the room from a device of their own."""

from typing import Any

import pytest

from core.ids import new_id
from legalaid import meeting_desk, meetings
from legalaid.meeting_model import MeetingForm
from people.model import Identity, Role
from rooms import service as rooms
from rooms import sittings
from tests.conftest import FakeClock
from tests.legalaid.place import Place, counsel
from tests.legalaid.test_meetings import FILES, PAPERS, allow, arranged, codes, do, officer, view
from tests.rooms.closed import prove
from tests.scheduler.world import identity


async def account(here: Place, name: str) -> Identity:
    """An account of kind counsel that belongs to no station."""
    staff_id = new_id("stf")
    async with here.db.write() as session:
        session.add(counsel(staff_id, name, here.world.prison_id))
    return identity("counsel", staff_id, Role.COUNSEL, prison_id=here.world.prison_id)


def named(who: Identity, name: str) -> str:
    return f"{name}-{who.subject.id}"


async def roles(here: Place, sitting: str) -> list[str]:
    async with here.db.read() as session:
        return sorted(party.role.value for party in (await sittings.get(session, sitting)).agreed.parties)


async def asked(here: Place, **more: Any) -> str:
    await allow(here)
    desk = await here.inmate()
    form = MeetingForm(desk.inmate_id, "陈志强", "defence", "open", new_id("key"), **more)
    meeting_id: str = await do(here, meetings.ask, PAPERS, here.sun, form, FILES)
    return meeting_id


async def test_a_name_alone_has_no_seat(here: Place) -> None:
    meeting_id = await asked(here, assistant="Wang", interpreter="Ma")
    await do(here, meeting_desk.decide_interpreter, officer(here), meeting_id, admitted=True)
    assert await roles(here, await arranged(here, meeting_id)) == ["counsel", "inmate"]
    assert (await view(here, meeting_id)).seated == frozenset()


@pytest.mark.parametrize("first", ["arranged", "admitted"])
async def test_the_interpreter_has_a_seat_once_admitted(here: Place, clock: FakeClock, first: str) -> None:
    helper, interpreter = await account(here, "wang"), await account(here, "ma")
    meeting_id = await asked(
        here, assistant_user=named(helper, "wang"), interpreter_user=named(interpreter, "ma")
    )
    decide = (meeting_desk.decide_interpreter, officer(here), meeting_id)
    if first == "admitted":
        await do(here, *decide, admitted=True)
    sitting = await arranged(here, meeting_id, hours=0.1)
    if first == "arranged":
        assert await roles(here, sitting) == ["assistant", "counsel", "inmate"]
        await do(here, *decide, admitted=True)
    assert await roles(here, sitting) == ["assistant", "counsel", "inmate", "interpreter"]
    found = await view(here, meeting_id)
    assert (found.assistant, found.interpreter) == ("wang", "ma")
    await prove(here.db)
    clock.move(minutes=6)
    for who in (here.sun, helper, interpreter):
        assert await do(here, rooms.issue_sitting_ticket, who, sitting)


async def test_one_who_was_not_admitted_has_none(here: Place) -> None:
    interpreter = await account(here, "ma")
    meeting_id = await asked(here, interpreter_user=named(interpreter, "ma"))
    sitting = await arranged(here, meeting_id)
    await do(
        here, meeting_desk.decide_interpreter, officer(here), meeting_id, admitted=False, words="资格证过期"
    )
    assert await roles(here, sitting) == ["counsel", "inmate"]


async def test_accounts_must_be_somebodys_and_somebody_elses(here: Place) -> None:
    await allow(here)
    desk = await here.inmate()
    ma, sun = named(await account(here, "ma"), "ma"), named(here.sun, "sun")
    for assistant, interpreter, wrong in (
        ("nobody", "", {"assistant_user-invalid"}),
        (sun, "", {"assistant_user-invalid"}),
        (ma, ma, {"interpreter_user-invalid"}),
    ):
        form = MeetingForm(
            desk.inmate_id,
            "陈志强",
            "defence",
            "open",
            "key",
            assistant_user=assistant,
            interpreter_user=interpreter,
        )
        assert await codes(here, form) == wrong
