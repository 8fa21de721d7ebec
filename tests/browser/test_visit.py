"""A supervised visit in three real browsers, from the device check to the end."""

from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.product import Product
from tests.fakes import clip


async def test_a_supervised_visit(product: Product, crowd: Crowd) -> None:
    family = await crowd.chromium("family", product.url_of("wife"), "family", size=(390, 844))
    inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
    officer = await crowd.chromium("officer", product.url_of("monitor"), "officer", size=(1440, 900))
    visit = await acts.gather(product, family, inmate, officer)
    await acts.watch_all(visit)
    await acts.sees_and_hears(family, "other", clip.INMATE)
    await acts.sees_and_hears(inmate, "other", clip.FAMILY)
    await acts.sees_and_hears(officer, "inmate", clip.INMATE)
    await acts.sees_and_hears(officer, "family", clip.FAMILY)
    assert crowd.complaints == []
