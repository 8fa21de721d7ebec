"""Chromium and Firefox in every pairing, an officer watching: what each sends, each decodes.

Chromium with Chromium is the whole journey of test_visit.
"""

import asyncio

import pytest

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product

SOUND = 0.01  # of totalAudioEnergy: a second of any test tone has more, silence has nothing
FRAMES = 10
# What the call's connection has decoded: pictures and sound of all lines together.
DECODED = """(async () => {
  const call = window.connections.findLast((one) => one.connectionState !== "closed");
  const all = [...(await call.getStats()).values()].filter((one) => one.type === "inbound-rtp");
  const sum = (name) => all.reduce((total, one) => total + (one[name] ?? 0), 0);
  return { frames: sum("framesDecoded"), energy: sum("totalAudioEnergy") };
})()"""


async def person_with(crowd: Crowd, browser: str, name: str, product: Product, key: str) -> Person:
    if browser == "firefox":
        return await crowd.firefox(name, product.url_of(key))
    return await crowd.chromium(name, product.url_of(key), name)


@pytest.mark.parametrize(
    ("home", "inside"),
    [("firefox", "chromium"), ("chromium", "firefox"), ("firefox", "firefox")],
)
async def test_they_see_and_hear_each_other(product: Product, crowd: Crowd, home: str, inside: str) -> None:
    family, inmate, officer = await asyncio.gather(
        person_with(crowd, home, "family", product, "wife"),
        person_with(crowd, inside, "inmate", product, "terminal"),
        person_with(crowd, "chromium", "officer", product, "monitor"),
    )
    visit = await acts.gather(family, inmate, officer)
    await asyncio.gather(
        *(decodes(person, lines) for person, lines in ((family, 1), (inmate, 1), (officer, 2)))
    )
    await acts.end(visit.officer)
    for person in (family, inmate):
        await person.until("document.body.dataset.step === 'ended'")
    assert crowd.complaints == []


async def decodes(person: Person, lines: int) -> None:
    """New pictures and sound from now on; `lines`: of how many people."""
    before = await person.evaluate(DECODED)
    await person.until_value(
        DECODED,
        lambda now: (
            bool(now)
            and now["frames"] - before["frames"] >= FRAMES * lines
            and now["energy"] - before["energy"] > SOUND
        ),
        what=f"pictures and sound, {before} before",
    )
