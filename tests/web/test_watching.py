"""The officer's side of closed meetings: the list of the day, a live page only where there is an officer."""

from datetime import timedelta

import pytest

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref, new_id
from people.model import Role
from rooms import sittings
from rooms.agreed import Party
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import SeatRole
from rooms.sittings import Plan
from tests.rooms.closed import prove
from tests.web.conftest import Browser, SignIn
from tests.web.test_legalaid import Aid, aid  # noqa: F401 - a fixture
from tests.web.test_meetings import role

VISUAL, ALONE, PRESENT = (
    Confidentiality.VISUAL_ONLY,
    Confidentiality.UNMONITORED,
    Confidentiality.OFFICER_PRESENT,
)


async def agreed(db: Database, place: Aid, how: Confidentiality, kind: RoomKind = RoomKind.LEGAL) -> str:
    """A meeting that can be entered now."""
    now = clock.now()
    plan = Plan(
        kind=kind,
        confidentiality=how,
        basis="left-to-prison-looks-on",
        matter=Ref("lawyer-meeting", new_id("mtg")),
        prison_id=place.house.place.prison,
        parties=(
            Party(SeatRole.COUNSEL, Ref("counsel", new_id("stf")), "孙律师"),
            Party(SeatRole.INMATE, Ref("inmate", new_id("inm")), "陈志强"),
        ),
        starts_at=now + timedelta(minutes=1),
        ends_at=now + timedelta(minutes=31),
        minutes=30,
        early=timedelta(minutes=20),
    )
    async with db.write() as session:
        return await sittings.agree(session, SYSTEM, plan)


@pytest.mark.parametrize(
    ("how", "word", "page"),
    [(VISUAL, "不录音录像，无人监听", 200), (PRESENT, "警官在场，不录音录像", 200), (ALONE, "不受监控", 404)],
)
async def test_there_is_a_page_where_there_is_an_officer(
    browser: Browser,
    sign_in: SignIn,
    db: Database,
    aid: Aid,  # noqa: F811 - the fixture
    how: Confidentiality,
    word: str,
    page: int,
) -> None:
    sitting = await agreed(db, aid, how)
    await prove(db)
    await sign_in(browser, await role(db, Role.MONITOR), strong=True)
    listed = (await browser.get("/officer/sittings")).text
    assert "陈志强" in listed
    assert word in listed
    assert (f"/officer/sittings/{sitting}" in listed) is (page == 200)
    live = await browser.get(f"/officer/sittings/{sitting}")
    assert live.status_code == page
    if page == 200:
        assert word in live.text
        assert "/referrals/new" not in live.text
        assert "/recordings/" not in live.text
        ticket = await browser.post(
            f"/api/v1/sittings/{sitting}/ticket", headers={"x-csrf-token": browser.csrf}
        )
        assert ticket.status_code == 201


async def test_it_is_for_officers_who_monitor(
    browser: Browser,
    sign_in: SignIn,
    db: Database,
    aid: Aid,  # noqa: F811 - the fixture
) -> None:
    sitting = await agreed(db, aid, VISUAL)
    for who in (aid.house.counsel, await role(db, Role.APPROVER), aid.house.admin):
        await sign_in(browser, who, strong=True)
        assert (await browser.get("/officer/sittings")).status_code == 403
        assert (await browser.get(f"/officer/sittings/{sitting}")).status_code == 403
