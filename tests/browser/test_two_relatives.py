"""Two relatives on two devices are one visit: everybody sees and hears everybody, and each is let in alone."""

import asyncio

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.fakes import clip

TILE = ".face[data-seat='{seat}']:not([hidden]) video"


async def test_two_relatives_on_two_devices(product: Product, crowd: Crowd) -> None:
    wife = await crowd.chromium("wife", product.url_of("wife"), "family", size=(390, 844))
    grandmother = await crowd.chromium(
        "grandmother", product.url_of("grandmother"), "second", size=(390, 844)
    )
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    visit = await acts.gather(wife, inmate, officer)
    await acts.enter_demo(grandmother, "grandmother")
    await acts.check_and_enter(grandmother, visit.booking)
    await grandmother.reads("会见已经开始", "#lobby-title")
    await acts.admit_all(officer, 1)
    await acts.live(grandmother)
    pairs = (
        (wife, clip.INMATE, "陈志强"), (wife, clip.SECOND_RELATIVE, "赵桂兰"),
        (grandmother, clip.INMATE, "陈志强"), (grandmother, clip.FAMILY, "林梅"),
        (inmate, clip.FAMILY, "林梅"), (inmate, clip.SECOND_RELATIVE, "赵桂兰"),
    )  # fmt: skip
    for person, whom, name in pairs:
        await _watch(person, whom, name)
    await asyncio.gather(
        *(acts.sees_and_hears(person, name, whom, frames=10) for person, whom, name in pairs)
    )
    # One of the two goes: the visit goes on without her.
    await grandmother.click("#leave")
    await grandmother.click("#leave-sure")
    await acts.sees_and_hears(wife, "陈志强", clip.INMATE)
    assert crowd.complaints == []


async def _watch(person: Person, whom: clip.Person, name: str) -> None:
    seat = await person.until(
        f"[...document.querySelectorAll('.face:not([hidden])')].find(f => f.innerText.includes('{name}'))?.dataset.seat"
    )
    await person.watch(name, TILE.format(seat=seat), whom.pitch)
