"""A real call over a bad line: random loss, a narrow line, two seconds of nothing. Sound first."""

import asyncio
from pathlib import Path

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.hearing import both_good, within
from tests.browser.person import Person
from tests.browser.product import Product
from tests.browser.wire import Wire
from tests.fakes import clip

VOICE = Path(__file__).with_name("voice.js").read_text(encoding="utf-8")
HINT = "['connection-hint', 'connection-hint-text'].map(id => document.getElementById(id))"
BACK = 3000  # milliseconds that two seconds of nothing may cost
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


async def _gap(inmate: Person, wire: Wire) -> float:
    """Two seconds of nothing: after how many milliseconds the first picture came again."""
    wire.cut()
    await asyncio.sleep(2)
    since: float = (await inmate.seen("other"))["now"]
    wire.mend()
    await acts.sees(inmate, "other", clip.FAMILY, frames=5)
    return min(float(frame["at"]) for frame in (await inmate.seen("other", since))["frames"]) - since


async def test_loss_a_narrow_line_and_a_gap(product: Product, crowd: Crowd) -> None:
    visit, wire = await _call(product, crowd)
    family, inmate = visit.family, visit.inmate

    wire.up.loss = wire.down.loss = 0.05
    print("5 % loss", await both_good(inmate, family, "figures()", "5 % loss", pictures=5))
    assert wire.swallowed > 0, "it was a line that loses"
    wire.up.loss = wire.down.loss = 0.0

    wire.up.rate = wire.down.rate = 300_000
    await family.until(f"{TOLD}.length > 0", what="to be told of the narrow line")
    print("300 kbit/s", await both_good(inmate, family, "figures()", "300 kbit/s"))
    wire.up.rate = wire.down.rate = 0.0

    connections = await family.evaluate("connections.length")
    print("back after", await within(BACK, "two seconds of nothing", lambda: _gap(inmate, wire)), "ms")
    assert await family.evaluate("connections.length") == connections, "the connection that it had came back"
    assert crowd.complaints == []
