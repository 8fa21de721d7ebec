"""A call over lines that the kernel makes bad: random loss, token buckets, two seconds of nothing. Sound first."""

import asyncio
import itertools
import json

from rooms.ladder import ORDER, Picture
from tests.browser import acts
from tests.browser.hearing import both_good
from tests.browser.networks.conftest import People
from tests.browser.networks.lab import Lab
from tests.browser.networks.test_roaming import LIVING, until_both_receive
from tests.browser.product import Product
from tests.browser.test_bad_networks import VOICE

FIGURES = f"figures(window.connections.indexOf({LIVING}))"
PICTURE = "document.querySelector('.face:not([hidden])')?.dataset.picture"  # what a page gets of the other
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
    await note_steps(visit)
    wifi.rate(110)
    await visit.inmate.until(
        f"window.steps.some((one) => {LEAST}.includes(one))", what="sound before pictures"
    )
    wifi.rate(None)
    await visit.inmate.until(f"!{LEAST}.includes(window.steps.at(-1))", what="a picture that moves again")
    way = await steps(visit)
    wifi.dead()
    await asyncio.sleep(2)
    wifi.whole()
    back = await until_both_receive(visit)
    told = {"weak": {k: [vars(one) for one in v] for k, v in measured.items()}, "steps": way, "back_s": back}
    print(json.dumps(told))
    rungs = [ORDER.index(Picture(one)) for one in way]
    assert all(a - b == 1 for a, b in itertools.pairwise(rungs) if a > b), "up, one rung at a time"
    stepped = [
        entry for entry in visited.process.log.read_text(errors="replace").splitlines() if "picture" in entry
    ]
    assert all(any(f"to={one}" in entry for entry in stepped) for one in way), "every step is logged"
    assert people.complaints == []
