"""Media on loopback only."""

from collections.abc import AsyncIterator

import pytest

from signaling import building
from signaling.library import Wanted
from signaling.peer import PeerFactory
from tests.signaling.raw_client import close_all

building.build()  # of the sources as they are; at once, if it is there


@pytest.fixture
def loopback_ice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's aioice never gathers 127.0.0.1 by itself; here it gathers nothing else."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.2)


@pytest.fixture
def backend() -> Wanted:
    """Which relay a test runs on; `test_peer` runs on both."""
    return "native"


@pytest.fixture
async def factory(loopback_ice: None, backend: Wanted) -> AsyncIterator[PeerFactory]:
    made = PeerFactory(0, ["127.0.0.1"], backend=backend)
    await made.start()
    yield made
    await close_all()
    await made.close()
