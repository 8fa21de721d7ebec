"""Kinds of networks and the ways out of them: with each transport, what comes through is what should."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint

from signaling import turn
from tests.browser import acts, place
from tests.browser.networks.conftest import People
from tests.browser.networks.lab import Lab
from tests.browser.person import Person
from tests.browser.product import Product

_WAY = Path(__file__).with_name("way.js").read_text(encoding="utf-8")
WAYS = ("direct", "udp", "tcp", "tls")
EVERYTHING = {"direct": "direct", "udp": "udp", "tcp": "tcp", "tls": "tls"}
INNER = "_TurnTransport__inner_protocol"  # of aioice, which has no other way to ask and to hear the answer
SHUT = 5_000  # ms after which a way that should not be there is taken for shut
OPEN = 40_000


async def take(person: Person, ways: tuple[str, ...], patience: int) -> dict[str, Any]:
    """What each of these ways came to, all tried at once."""
    script = _WAY.replace("PATIENCE", str(patience))
    found = await person.evaluate(f"Promise.all({json.dumps(ways)}.map({script}))")
    return {one["transport"]: one for one in found}


def through(found: dict[str, Any]) -> dict[str, str | None]:
    """By transport: the relay's protocol, "direct", or `None` where nothing came through."""
    return {
        transport: None if not one.get("received") else one.get("relay") or "direct"
        for transport, one in found.items()
    }


async def at_check(person: Person) -> None:
    await acts.enter_demo(person, "wife")
    await person.open("/check")


async def test_each_transport_in_each_network(lab: Lab, far: Product, people: People) -> None:
    """One browser, and the network under it changes: open, behind a home router, and only TCP 443."""
    wifi = lab.uplinks["wifi"]
    person = await people.chromium("family", lab.home, far.url, "family")
    await at_check(person)
    assert through(await take(person, WAYS, OPEN)) == EVERYTHING
    wifi.translated()
    assert through(await take(person, WAYS, OPEN)) == EVERYTHING
    wifi.only_443()
    assert await only_tls(person) == {"direct": None, "udp": None, "tcp": None, "tls": "tls"}


async def test_a_network_without_ipv4(lab: Lab, far: Product, people: People) -> None:
    """As at many mobile operators: whatever is used, it is IPv6; TURN leads to either."""
    lab.uplinks["wifi"].disconnect()
    lab.uplinks["wifi"].connect(families=(6,))
    person = await people.chromium("family", lab.home, far.url, "family")
    await at_check(person)
    found = await take(person, WAYS, OPEN)
    assert through(found) == EVERYTHING
    assert found["direct"]["remote"].strip("[]") == lab.addresses[1]


def test_turn_relays_to_the_media_and_to_nothing_else(lab: Lab, far: Product) -> None:
    """Whoever has credentials must not reach the inside network by them."""
    (given,) = turn.ice_servers(place.settings_of(far), "somebody")

    async def bind(host: str) -> int:
        """The error that coturn answers when it is to relay to `host`; 0: it will."""
        relay, _ = await create_turn_endpoint(
            asyncio.DatagramProtocol, (lab.turn_addresses[0], 3478), given["username"], given["credential"]
        )
        try:
            await getattr(relay, INNER).channel_bind(0x4000, (host, 5000))
        except TransactionFailed as refused:
            return int(refused.response.attributes["ERROR-CODE"][0])
        finally:
            relay.close()
        return 0

    hosts = (lab.addresses[0], lab.turn_addresses[0], lab.uplinks["cable"].address)
    codes = [lab.home.call(partial(asyncio.run, bind(host))) for host in hosts]
    assert codes == [0, 403, 403]


async def test_firefox_finds_the_same_ways(lab: Lab, far: Product, people: People) -> None:
    person = await people.firefox("family", lab.home, far.url)
    await at_check(person)
    assert through(await take(person, ("direct", "tcp", "tls"), OPEN)) == {
        "direct": "direct",
        "tcp": "tcp",
        "tls": "tls",
    }
    lab.uplinks["wifi"].only_443()
    assert await only_tls(person) == {"direct": None, "udp": None, "tcp": None, "tls": "tls"}


async def only_tls(person: Person) -> dict[str, str | None]:
    """All ways, where TLS on 443 alone can come through; nobody waits long for the others."""
    shut, tls = await asyncio.gather(
        take(person, ("direct", "udp", "tcp"), SHUT), take(person, ("tls",), OPEN)
    )
    return through({**shut, **tls})
