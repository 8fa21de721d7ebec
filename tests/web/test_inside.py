"""Asking for a visit from inside, on the pages: the inmate at the terminal, the relative at home, and back again."""

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref
from people import service as people
from people.forms import InmateForm
from scheduler import booths
from scheduler import service as schedule
from tests.web import place
from tests.web.conftest import Browser, SignIn
from tests.web.place import Place

PIN = "274918"
HOME = "/terminal/visits"


@dataclass(frozen=True)
class Inside:
    here: Place
    screen: Browser
    home: Browser

    async def page(self) -> str:
        return (await self.screen.get(HOME)).text

    async def ask(self) -> str:
        """Asks Mei for the first free time; answers the id of the invitation."""
        times = f"{HOME}/{self.here.mei_relationship}"
        page = (await self.screen.get(times)).text
        slot, key = re.findall(r'name="slot_id" value="(\w+)".*?name="key" value="([^"]+)"', page, re.DOTALL)[
            0
        ]
        sent = await self.screen.send_form(times, {"slot_id": slot, "key": key})
        assert sent.headers["location"] == f"{HOME}?sent=1", sent.text
        found: list[str] = re.findall(r"/terminal/visits/asked/(inv_\w+)/withdraw", await self.page())
        return found[0]


async def step_up(screen: Browser, number: str, name: str, pin: str = PIN) -> str:
    answer = await screen.send_form(HOME, {"number": number, "name": name, "pin": pin})
    return answer.text if answer.status_code != 303 else (await screen.get(HOME)).text


async def device_of(db: Database, prison: str) -> Ref:
    async with db.write() as session:
        return Ref("terminal", (await people.register_device(session, SYSTEM, prison, "3 号终端")).id)


@pytest.fixture
async def nobody_yet(
    browser: Browser, another_browser: Browser, db: Database, here: Place, sign_in: SignIn
) -> Inside:
    """A terminal before which nobody has shown a code, and Mei at home."""
    await sign_in(browser, await device_of(db, here.prison), strong=True)
    await sign_in(another_browser, Ref("relative", here.mei))
    return Inside(here, browser, another_browser)


@pytest.fixture
async def inside(nobody_yet: Inside) -> Inside:
    assert "陈志强的会见" in await step_up(nobody_yet.screen, "3401202107", "陈志强")
    return nobody_yet


async def test_asked_inside_and_taken_at_home(inside: Inside, db: Database) -> None:
    assert "林梅" in await inside.page()
    invitation = await inside.ask()
    page = await inside.page()
    assert "等家人答复" in page
    assert f"{HOME}/{inside.here.mei_relationship}" not in page  # one at a time
    assert "陈志强想与您会见" in (await inside.home.get("/home")).text
    shown = (await inside.home.get(f"/invitations/{invitation}")).text
    assert "赵桂兰" in shown  # who may come along
    async with db.write() as session:
        booth = await booths.create(session, SYSTEM, inside.here.prison, "城东司法所", "长江路 1 号", 1)
    assert "城东司法所 · 长江路 1 号" in (await inside.home.get(f"/invitations/{invitation}")).text
    taken = await inside.home.send_form(
        f"/invitations/{invitation}/accept", {"visitor": inside.here.guilan_relationship, "booth": booth}
    )
    booked = (await inside.home.get(taken.headers["location"])).text
    assert "赵桂兰" in booked
    assert "城东司法所 · 长江路 1 号" in booked
    assert "家人已同意" in await inside.page()
    assert "您已同意" in (await inside.home.get(f"/invitations/{invitation}")).text
    assert "陈志强想与您会见" not in (await inside.home.get("/home")).text


async def test_declined_and_taken_back(inside: Inside) -> None:
    invitation = await inside.ask()
    assert (await inside.home.send_form(f"/invitations/{invitation}/decline")).status_code == 303
    assert "家人没有同意" in await inside.page()
    gone = await inside.home.send_form(f"/invitations/{invitation}/accept")
    assert (gone.status_code, "已不再为您保留" in gone.text) == (409, True)
    again = await inside.ask()
    assert (await inside.screen.send_form(f"{HOME}/asked/{again}/withdraw")).status_code == 303
    assert "您已撤回" in await inside.page()
    assert (await inside.home.get(f"/invitations/{again}")).status_code == 200


async def test_a_wish_shows_its_times_and_why_not(inside: Inside) -> None:
    times = f"{HOME}/{inside.here.mei_relationship}"
    page = (await inside.screen.get(times)).text
    later = re.findall(r'<option value="(\d{4}-\d\d-\d\d)"', page)[2]
    afternoon = (await inside.screen.get(f"{times}?day={later}&part=afternoon")).text
    assert "就要这个时间" in afternoon
    assert re.search(r"1[4-5]:\d\d", afternoon)
    assert not re.search(r"\b09:\d\d", afternoon.partition("不能选的时间")[0])
    past = (await inside.screen.get(f"{times}?day=2020-01-01")).text
    assert "这段时间没有空位" in past
    assert "就要这个时间" in past  # the nearest ones
    assert (await inside.screen.get(f"{HOME}/rsh_nobody")).status_code == 404


async def test_a_suspension_is_told_in_plain_words(inside: Inside, db: Database) -> None:
    today, here = clock.now().date(), inside.here
    async with db.write() as session:
        await schedule.ban(
            session,
            SYSTEM,
            here.prison,
            today - timedelta(1),
            today + timedelta(200),
            "",
            inmate_id=here.inmate,
        )
    assert "您的会见已停止" in await inside.page()
    page = (await inside.screen.get(f"{HOME}/{here.mei_relationship}")).text
    assert "就要这个时间" not in page
    assert "您的会见停止到" in page
    async with db.read() as session:
        slots = await schedule.choice(session, here.identity(here.mei), here.inmate)
    slot = next(offer.slot_id for _, offer in slots.slots if offer.reasons)
    refused = await inside.screen.send_form(f"{HOME}/{here.mei_relationship}", {"slot_id": slot, "key": "k"})
    assert refused.status_code == 422
    assert "没有提出成功" in refused.text


async def test_nobody_is_known_without_number_name_and_code(inside: Inside, another_browser: Browser) -> None:
    assert (await inside.screen.send_form("/terminal/lawyer/finish")).headers["location"] == "/terminal"
    assert "您的编号" in await inside.page() or 'name="pin"' in await inside.page()
    assert (await inside.screen.get(f"{HOME}/{inside.here.mei_relationship}")).status_code == 303
    assert (await inside.screen.send_form(f"{HOME}/{inside.here.mei_relationship}")).headers[
        "location"
    ] == HOME
    assert 'name="pin"' in await step_up(inside.screen, "3401202107", "陈志强", "000001")
    assert (await another_browser.get(HOME)).status_code == 403  # a relative at no terminal
    assert f'href="{HOME}"' in (await inside.screen.get("/terminal")).text


async def test_where_only_families_ask_and_nobody_is_approved(
    browser: Browser, db: Database, here: Place, sign_in: SignIn
) -> None:
    async with db.write() as session:
        prison = await schedule.create_prison(
            session,
            SYSTEM,
            name="望山监狱",
            zone=place.ZONE,
            policy="demo",
            values={"started_by": ["family"]},
        )
        wing = await schedule.create_wing(session, SYSTEM, prison, "一监区")
        await people.create_inmate(session, SYSTEM, InmateForm("77", "吴军", prison, wing, "ordinary"))
        await people.create_inmate(
            session, SYSTEM, InmateForm("78", "孙平", here.prison, here.wing, "ordinary")
        )
    await sign_in(browser, await device_of(db, prison), strong=True)
    page = await step_up(browser, "77", "吴军")
    assert "这里不能由您自己提出会见" in page
    assert "家属" in page or "家人" in page  # the rule
    await sign_in(browser, await device_of(db, here.prison), strong=True)
    assert "还没有获批的亲属" in await step_up(browser, "78", "孙平")
