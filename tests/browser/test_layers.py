"""Small pictures for a wall: a real Chromium and a real Firefox send one beside the large one, when it is wanted."""

import asyncio
from pathlib import Path
from typing import Any

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product

HERE = Path(__file__).parent
VOICE, WALL = ((HERE / name).read_text(encoding="utf-8") for name in ("voice.js", "wall.js"))
TILES = 6
SECONDS = 6.0


async def _bytes(officer: Person) -> tuple[dict[str, Any], float]:
    """What each tile got, and the officer's desk in all, since the connections stand."""
    figures = await officer.evaluate("wall.figures()")
    desk = await officer.evaluate("figures(0)")
    return figures, desk["video"]


async def _cheap(officer: Person) -> tuple[dict[str, float], float, dict[str, Any]]:
    """The bytes of each tile and of one person on the desk in a window in which the desk got its pictures whole, and
    what is known of the tiles. A busy machine sends less to the desk, not more to a tile."""
    for _ in range(10):
        before, desk_before = await _bytes(officer)
        await asyncio.sleep(SECONDS)
        after, desk_after = await _bytes(officer)
        small = {mid: line["bytes"] - before["lines"][mid]["bytes"] for mid, line in after["lines"].items()}
        large = (desk_after - desk_before) / 2
        if 0 < sum(small.values()) / TILES < large / 4:
            return small, large, after
    raise AssertionError(f"tiles {small}, desk {large}")


async def test_tiles_cost_a_fraction_of_what_the_desk_gets(product: Product, crowd: Crowd) -> None:
    family = await crowd.firefox("family", product.url_of("wife"))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate", scripts=(VOICE,))
    officer = await crowd.chromium("officer", product.url_of("officer"), scripts=(VOICE, WALL))
    visit = await acts.gather(family, inmate, officer)
    tiles = ["family", "inmate"] * (TILES // 2)
    await officer.evaluate(f"wall.begin({visit.booking!r}, {tiles})")
    alive = "wall.figures().then(({lines}) => Object.values(lines).filter(line => line.frames > 5).length)"
    await officer.until_value(alive, lambda count: count == TILES, what="every tile to move")

    small, large, after = await _cheap(officer)
    print(
        "bytes a second:", {mid: round(got / SECONDS) for mid, got in small.items()}, "large", large / SECONDS
    )
    assert after["kinds"] == ["video"], "a wall has no line for sound at all"
    assert all(0 < line["height"] <= 240 for line in after["lines"].values() if line["frames"]), after
    for person in (family, inmate):
        pictures = "document.querySelector('.face:not([hidden])').dataset.picture"
        await person.until(f"{pictures} === '720p'", what="a picture that no wall lowers")

    await officer.evaluate("wall.tile(0, null)")
    await asyncio.sleep(1)
    first = min(small, key=int)
    quiet = (await officer.evaluate("wall.figures()"))["lines"][first]["bytes"]
    await asyncio.sleep(2)
    assert (await officer.evaluate("wall.figures()"))["lines"][first]["bytes"] == quiet, (
        "what is not shown is not sent"
    )
    await officer.evaluate("wall.tile(1, 'bkg_of_nobody')")
    await officer.until("wall.refused.some(tile => tile.line === 1 && tile.code === 'not-here')")
    assert crowd.complaints == []
