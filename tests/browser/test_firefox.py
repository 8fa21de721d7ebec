"""A family at home with Firefox, the terminal and the officer with Chromium."""

import asyncio

import pytest

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.firefox import TONE
from tests.browser.person import Person
from tests.browser.product import Product
from tests.fakes import clip

HEARD = (
    0.01  # of totalAudioEnergy in 4 s: beeps of half the full level give ten times as much, silence nothing
)


@pytest.mark.timeout(300)
async def test_firefox_and_chromium_in_one_visit(product: Product, crowd: Crowd) -> None:
    family = await crowd.firefox("family", product.url_of("wife"))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    visit = await acts.gather(family, inmate, officer)
    await family.watch("other", acts.OTHER, clip.INMATE.pitch)
    await inmate.watch("other", acts.OTHER, TONE)
    seat = await acts.seat_of(officer, "家属")
    await officer.watch("family", acts.SEAT.format(seat=seat), TONE)
    await acts.sees_and_hears(family, "other", clip.INMATE, beeps=0)
    before = await family.evaluate("probe.energy()")
    await asyncio.sleep(4)
    assert await family.evaluate("probe.energy()") - before > HEARD
    await _sees_and_hears_firefox(inmate, "other")
    await _sees_and_hears_firefox(officer, "family")
    await acts.end(officer)
    for person in (family, inmate):
        await person.until("document.body.dataset.step === 'ended'")
    assert visit.booking
    assert crowd.complaints == []


async def _sees_and_hears_firefox(person: Person, watch: str) -> None:
    """Firefox's own fake camera: one colour that changes slowly; its fake microphone: one long tone."""
    colours = set()
    drawn = (await person.seen(watch))["drawn"]
    for _ in range(20):
        await asyncio.sleep(0.25)
        seen = await person.seen(watch)
        colours.add(round(seen["mean"]))
        if seen["drawn"] - drawn > 20 and len(colours) > 2 and seen["level"] > -60:
            return
    raise AssertionError(
        f"{person.name}: {seen['drawn'] - drawn} frames, colours {colours}, {seen['level']} dB"
    )
