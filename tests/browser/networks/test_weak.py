"""A call over lines that the kernel makes bad: random loss, token buckets, two seconds of nothing. Sound first."""

import asyncio
import itertools
import json

from rooms.ladder import ORDER, Picture
from tests.browser import acts
from tests.browser.hearing import both_good, within
from tests.browser.networks.conftest import People
from tests.browser.networks.lab import Lab, Uplink
from tests.browser.networks.test_roaming import LIVING, until_both_receive
from tests.browser.product import Product
from tests.browser.test_bad_networks import VOICE

FIGURES = f"figures(window.connections.indexOf({LIVING}))"
PICTURE = "document.querySelector('.face:not([hidden])')?.dataset.picture"  # what a page gets of the other
CLIMBS = 3  # a busy machine can make a picture fall, and never makes it climb well
BACK = 3.0  # seconds that two seconds of nothing may cost
LEAST = '["still", "sound"]'


async def steps(visit: acts.Visit) -> list[str]:
    """Where the family's picture went, as the inmate's page was told, since it began to note."""
    found: list[str] = await visit.inmate.evaluate("window.steps")
    return found


async def note_steps(visit: acts.Visit) -> None:
    """From now on the inmate's page keeps every picture that it is told of."""
    await visit.inmate.evaluate(
        f"""window.steps = [{PICTURE}], new MutationObserver(() => {{
            const picture = {PICTURE};
            if (picture !== window.steps.at(-1)) window.steps.push(picture);
        }}).observe(document.body, {{ attributes: true, subtree: true, attributeFilter: ["data-picture"] }}), 0"""
    )


def climbs(way: list[str]) -> bool:
    """From a still picture or none, one rung at a time, and never down again."""
    rungs = [ORDER.index(Picture(one)) for one in way]
    return rungs[0] >= ORDER.index(Picture.STILL) and all(a - b == 1 for a, b in itertools.pairwise(rungs))


async def _down_and_up(wifi: Uplink, visit: acts.Visit) -> list[str]:
    """The line becomes too narrow for pictures, at both ends, and wide again: the steps of the family's picture."""
    wifi.rate(110)
    least = f"{LEAST}.includes({PICTURE})"
    while not all([await person.evaluate(least) for person in (visit.inmate, visit.family)]):
        for person in (visit.inmate, visit.family):
            await person.until(least, what="sound before pictures")
    await note_steps(visit)
    wifi.rate(None)
    await visit.inmate.until(f"!{LEAST}.includes(window.steps.at(-1))", what="a picture that moves again")
    return await steps(visit)


async def _gap(wifi: Uplink, visit: acts.Visit) -> float:
    wifi.dead()
    await asyncio.sleep(2)
    wifi.whole()
    return await until_both_receive(visit)


async def test_sound_first(lab: Lab, visited: Product, people: People) -> None:
    wifi = lab.uplinks["wifi"]
    family = await people.chromium("family", lab.home, visited.url, "family", scripts=(VOICE,))
    inmate = await people.chromium("inmate", lab.inside, visited.url, "inmate", (1280, 800), (VOICE,))
    officer = await people.chromium("officer", lab.inside, visited.url, "officer", (1440, 900))
    visit = await acts.gather(family, inmate, officer)
    await until_both_receive(visit)
    wifi.lossy(5)
    measured = {"5 % loss": await both_good(inmate, family, FIGURES, "5 % loss")}
    wifi.whole()
    wifi.rate(300)
    measured["300 kbit/s"] = await both_good(inmate, family, FIGURES, "300 kbit/s")
    ways = [await _down_and_up(wifi, visit)]
    while not climbs(ways[-1]) and len(ways) < CLIMBS:
        ways.append(await _down_and_up(wifi, visit))
    backs = await within(BACK, "two seconds of nothing", lambda: _gap(wifi, visit))
    told = {
        "weak": {k: [vars(one) for one in v] for k, v in measured.items()},
        "steps": ways,
        "back_s": backs,
    }
    print(json.dumps(told))
    assert climbs(ways[-1]), ways
    stepped = [
        entry for entry in visited.process.log.read_text(errors="replace").splitlines() if "picture" in entry
    ]
    assert all(any(f"to={one}" in entry for entry in stepped) for way in ways for one in way), (
        "all are logged"
    )
    assert people.complaints == []
