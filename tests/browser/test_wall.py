"""The wall in a real Chromium: a call is seen, heard and acted on by keyboard; out of sight it costs nothing."""

import asyncio

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product

BYTES = "wall.pictures.bytes()"
HIDE = """((state) => {
    Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
})"""
PICTURES = """[...document.querySelectorAll('.wtile video')]
    .filter(video => video.getVideoPlaybackQuality().totalVideoFrames > 5).length"""
HEARD = "[...(wall.call?.sounds.values() ?? [])].some(sound => !sound.muted && sound.currentTime > 1)"


async def settled(officer: Person) -> int:
    """Bytes of pictures once they no longer grow."""
    last = -1
    while (now := int(await officer.evaluate(BYTES))) != last:
        last = now
        await asyncio.sleep(1.5)
    return last


async def chosen(officer: Person, key: str) -> None:
    """A panel is opened by its key, and its first choice taken by number."""
    await officer.until("wall.call?.open", what="the seat on the wall")
    await officer.press(key)
    await officer.until("!document.getElementById('panel').hidden", what="the panel")
    await officer.press("1")
    await officer.until("document.getElementById('panel').hidden", what="the choice to be taken")


async def test_a_call_is_supervised_from_the_wall_by_keyboard(product: Product, crowd: Crowd) -> None:
    family = await crowd.chromium("family", product.url_of("wife"), "family")
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("officer"))
    visit = await acts.gather(family, inmate, officer)
    await officer.open("/officer/wall")
    await officer.until("document.querySelector('.wtile')")
    await officer.press("t")
    await officer.until(f"wall.calls.get({visit.booking!r})?.open", what="the seat on the wall")
    await family.until("document.getElementById('paused').hidden", what="the call to go on")
    await officer.until_value(PICTURES, lambda count: count == 2, what="both ends to be seen")
    assert not await officer.evaluate(HEARD)
    await officer.press(" ")
    await officer.until(HEARD, what="the call to be heard")

    await officer.evaluate(f"{HIDE}('hidden')")
    await asyncio.sleep(2)
    quiet = await settled(officer)
    await officer.evaluate(f"{HIDE}('visible')")
    await officer.until_value(BYTES, lambda now: now > quiet + 5000, what="pictures to come back")

    await officer.evaluate("document.getElementById('tiles').style.marginTop = '400vh'")
    quiet = await settled(officer)  # scrolled out of sight
    await officer.evaluate("document.getElementById('tiles').style.marginTop = ''")
    await officer.until_value(BYTES, lambda now: now > quiet + 5000, what="pictures to come back once more")

    await chosen(officer, "m")
    await chosen(officer, "p")
    await family.until("!document.getElementById('paused').hidden", what="the pause to be told")
    await officer.until("wall.call?.paused", what="the wall to know of it")
    await officer.press("p")
    await family.until("document.getElementById('paused').hidden", what="the pause to be over")
    log = f"fetch('/officer/visits/{visit.booking}/log.json').then((answer) => answer.json())"
    told = await officer.evaluate(log)
    tags = [(entry["tag"], entry["details"].get("code")) for entry in told["ledger"]]
    assert ("officer:visit:marked", "look-again") in tags
    assert [tag for tag, _ in tags if tag in ("officer:visit:paused", "officer:visit:resumed")] == [
        "officer:visit:paused",
        "officer:visit:resumed",
    ]
    people = {one["seat"]: one["role"] for one in told["people"]}
    got = {
        (one["sound"], one["picture"])
        for one in told["could_see_and_hear"]
        if people[one["viewer"]] == "monitor"
    }
    assert (True, False) in got  # heard from the wall; the pictures came by the wall's own way
