"""TURN where it is configured: measured by the device check, and the way out of a network without UDP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Chromium
from tests.browser.conftest import Crowd, running
from tests.browser.person import Person
from tests.browser.product import Product
from tests.browser.test_devices import at_check, results
from tests.conftest import TURN_SECRET

# A browser whose own packets reach nobody: only what goes through a relay does.
NOTHING_DIRECT = """
const Real = RTCPeerConnection;
window.RTCPeerConnection = class extends Real {
  constructor(config = {}) {
    super(config.iceTransportPolicy === "relay" ? config : { ...config, iceServers: [], iceTransportPolicy: "relay" });
  }
};
"""


@pytest.fixture(scope="module")
def product_with_turn(
    tmp_path_factory: pytest.TempPathFactory, demonstration: Path, turn_url: str
) -> Iterator[Product]:
    urls = f"{turn_url}?transport=tcp"  # as where UDP is shut
    folder = tmp_path_factory.mktemp("turn") / "product"
    with running(folder, demonstration, KINBRIDGE_TURN_URLS=urls, KINBRIDGE_TURN_SECRET=TURN_SECRET) as made:
        yield made


async def measured(person: Person, folder: Path) -> dict[str, Any]:
    """What the network's part of the downloaded report says."""
    assert isinstance(person.browser, Chromium)
    async with person.browser.page.expect_download() as download:
        await person.click("#report button")
    path = folder / "report.txt"
    await (await download.value).save_as(path)
    words = path.read_text(encoding="utf-8")
    network: dict[str, Any] = json.loads(words[words.index("{") :])["report"]["measured"]["network"]
    return network


async def test_the_check_measures_both_ways(product_with_turn: Product, crowd: Crowd, tmp_path: Path) -> None:
    person = await crowd.chromium("family", product_with_turn.url_of("wife"), "family")
    await at_check(person)
    assert (await results(person))["network"] == "good"
    network = await measured(person, tmp_path)
    assert network["relay"] == "good"
    assert network["relayNeeded"] is False


async def test_a_network_that_lets_nothing_direct_through(
    product_with_turn: Product, crowd: Crowd, tmp_path: Path
) -> None:
    person = await crowd.chromium(
        "family", product_with_turn.url_of("wife"), "family", scripts=(NOTHING_DIRECT,)
    )
    await at_check(person)
    assert (await results(person))["network"] in ("good", "warn")
    network = await measured(person, tmp_path)
    assert network["relayNeeded"] is True
    assert network["received"] > 0
