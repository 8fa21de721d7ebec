"""A call in H.264 on the wall of a real Chromium; and what a tile says where a browser cannot do a coding."""

from tests.browser import acts
from tests.browser.chromium import performance
from tests.browser.conftest import Crowd
from tests.browser.product import Product
from tests.browser.test_edges import WITHOUT_VP8
from tests.browser.test_wall import PICTURES
from tests.fakes import clip

CODINGS = """(async () => {
  const found = new Set();
  for (const { peer } of wall.pictures.nodes) {
    const entries = [...(await peer.connection.getStats()).values()];
    for (const entry of entries.filter((one) => one.type === "inbound-rtp" && one.framesDecoded > 5)) {
      found.add(entries.find((one) => one.id === entry.codecId).mimeType);
    }
  }
  return [...found].join();
})()"""


async def test_a_call_in_h264_is_seen_on_the_wall(product: Product, crowd: Crowd) -> None:
    family = await crowd.chromium(
        "family", product.url_of("wife"), scripts=(performance(clip.FAMILY), WITHOUT_VP8)
    )
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("officer"))
    await acts.gather(family, inmate, officer)
    await officer.open("/officer/wall")
    await officer.until("document.querySelector('.wtile')")
    await officer.until_value(PICTURES, lambda count: count == 2, what="both ends to be seen")
    assert await officer.evaluate(CODINGS) == "video/H264"

    await officer.evaluate("document.querySelector('.wtile video').dispatchEvent(new Event('unshown'))")
    await officer.until(
        "document.querySelector('.wtile-blank').checkVisibility()", what="words in place of the picture"
    )
    assert await officer.evaluate("document.querySelector('.wtile-blank').textContent")
    await officer.evaluate("document.querySelector('.wtile video').dispatchEvent(new Event('playing'))")
    await officer.until("!document.querySelector('.wtile-blank').checkVisibility()", what="the picture again")
