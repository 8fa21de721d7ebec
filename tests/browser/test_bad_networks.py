"""A real call over a bad line: random loss, a narrow line, two seconds of nothing. Sound first."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product
from tests.browser.wire import Wire
from tests.fakes import clip

VOICE = Path(__file__).with_name("voice.js").read_text(encoding="utf-8")
WINDOW = 6  # seconds in which a line is judged
SOUND = 0.02  # of the samples may be made up: the rest was decoded, or repaired from the next packet
PICTURE = "document.querySelector('.face:not([hidden]) .face-note').textContent"
HINT = "['connection-hint', 'connection-hint-text'].map(id => document.getElementById(id))"
TOLD = f"(([hint, words]) => hint.hidden ? '' : words.textContent)({HINT})"


async def _call(product: Product, crowd: Crowd) -> tuple[acts.Visit, Wire]:
    wire = await crowd.wire(product.port)
    family = await crowd.chromium(
        "family", f"http://wife.localhost:{wire.port}", "family", scripts=(wire.script, VOICE)
    )
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate", scripts=(VOICE,))
    officer = await crowd.chromium("officer", product.url_of("officer"), scripts=(VOICE,))
    visit = await acts.gather(family, inmate, officer, wire)
    await family.watch("other", acts.OTHER, clip.INMATE.pitch)
    await inmate.watch("other", acts.OTHER, clip.FAMILY.pitch)
    await acts.sees(visit.inmate, "other", clip.FAMILY)
    return visit, wire


async def _during(person: Person, seconds: float) -> dict[str, Any]:
    """What its connection got in that time."""
    before = await person.evaluate("figures()")
    await asyncio.sleep(seconds)
    after = await person.evaluate("figures()")
    return {key: after[key] - before[key] if key != "height" else after[key] for key in after}


@pytest.mark.timeout(300)
async def test_loss_a_narrow_line_and_a_gap(product: Product, crowd: Crowd) -> None:
    visit, wire = await _call(product, crowd)
    family, inmate = visit.family, visit.inmate

    wire.up.loss = wire.down.loss = 0.05
    await asyncio.sleep(4)  # speakers have been told of the loss and repeat themselves
    there, here = await asyncio.gather(_during(inmate, WINDOW), _during(family, WINDOW))
    for got in (there, here):
        print("5 % loss", got)
        assert got["concealed"] <= SOUND * got["samples"], got
        assert got["frames"] > 5 * WINDOW, got
    wire.up.loss = wire.down.loss = 0.0

    wire.up.rate = wire.down.rate = 300_000
    await family.until(f"{TOLD}.length > 0", seconds=40, what="to be told of the narrow line")
    await asyncio.sleep(8)
    there, here = await asyncio.gather(_during(inmate, WINDOW), _during(family, WINDOW))
    for got in (there, here):
        print("300 kbit/s", got, await inmate.evaluate(PICTURE))
        assert got["concealed"] <= SOUND * got["samples"], got
        assert got["frames"] > WINDOW, got
    wire.up.rate = wire.down.rate = 0.0

    wire.cut()
    await asyncio.sleep(2)
    since = (await inmate.seen("other"))["now"]
    wire.mend()
    await acts.sees(inmate, "other", clip.FAMILY, frames=5)
    back = min(frame["at"] for frame in (await inmate.seen("other", since))["frames"])
    print("back after", back - since, "ms")
    assert back - since < 3000, "two seconds of nothing cost three at most"
    assert crowd.complaints == []
