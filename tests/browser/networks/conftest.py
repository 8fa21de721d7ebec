"""The lines, the product and coturn at their other end, and the people at this one."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests import services
from tests.browser import product as processes
from tests.browser.chromium import EXECUTABLE, trusting
from tests.browser.conftest import Crowd, running
from tests.browser.networks import authority
from tests.browser.networks import lab as lines
from tests.browser.networks.authority import Authority
from tests.browser.networks.lab import PAGES, TURN, Lab, Namespace
from tests.browser.person import Person
from tests.browser.product import Product
from tests.conftest import TURN_SECRET

OPT_OUT = "WITHOUT_NAMESPACES"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.namespaces)
    if os.environ.get(OPT_OUT):
        config.hook.pytest_deselected(items=here)
        items[:] = [item for item in items if item not in here]


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    try:
        with lines.laid() as laid:
            for metric, uplink in enumerate(laid.uplinks.values(), start=100):
                uplink.open(metric=metric)
            yield laid
    except lines.NoNamespacesError as error:
        pytest.fail(str(error))


@pytest.fixture(autouse=True)
def fair_weather(lab: Lab) -> None:
    """Each test begins at home in the wireless network, on lines that lose nothing."""
    lab.untranslated()
    for uplink in lab.uplinks.values():
        uplink.whole()
        uplink.rate(None)
        uplink.connect()
    lab.uplinks["mobile"].disconnect()


@pytest.fixture(scope="package")
def front(lab: Lab) -> None:
    """TURN has port 443 of its own address, and a program that listens on all addresses cannot have the other's."""
    lab.server.execute(
        "nft",
        "add table inet front; add chain inet front prerouting { type nat hook prerouting priority -100; }; "
        f"add rule inet front prerouting ip daddr {lab.addresses[0]} tcp dport 443 redirect to :8443; "
        f"add rule inet front prerouting ip6 daddr {lab.addresses[1]} tcp dport 443 redirect to :8443",
    )


@pytest.fixture(scope="package")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """For the pages and for TURN."""
    return authority.make(tmp_path_factory.mktemp("tls"), [PAGES, TURN])


@pytest.fixture(scope="package")
def turn_urls(lab: Lab, tls: Authority, service_folder: Path) -> Iterator[str]:
    """A coturn by the configuration that operators are given; its URLs as the settings take them."""
    place = services.TurnPlace(
        lab.turn_addresses, lab.addresses, (tls.certificate, tls.key), lab.server.command()
    )
    with services.turn_of_operators(service_folder / "turn-in-lab", TURN_SECRET, place):
        lines.wait(partial(_listens, lab, 443), "coturn")
        yield ",".join(
            (f"turn:{TURN}:3478?transport=udp", f"turn:{TURN}:3478?transport=tcp",
             f"turns:{TURN}:443?transport=tcp")
        )  # fmt: skip


def _listens(lab: Lab, port: int) -> bool:
    return f"{lab.turn_addresses[1]}]:{port}" in lab.server.execute("ss", "-Hltn")


@pytest.fixture(scope="package")
def behind(
    lab: Lab, tls: Authority, turn_urls: str, front: None, demonstration: Path
) -> Callable[[Path], AbstractContextManager[Product]]:
    """Runs the product behind all lines, on HTTPS; port 443 is led to its own, as a proxy before it would."""
    del front

    def arrange(made: Product) -> None:
        made.url = f"https://{PAGES}"
        made.process.url = "https://127.0.0.1:8443/"
        made.process.arguments = ["demo", "--port", "8443"]
        made.process.prefix = lab.server.command()
        made.process.status = lambda url: lab.server.call(partial(processes.status, url))

    env = {
        "KINBRIDGE_HOST": "*",
        "KINBRIDGE_BASE_URL": f"https://{PAGES}",
        "KINBRIDGE_TLS_CERT": str(tls.certificate),
        "KINBRIDGE_TLS_KEY": str(tls.key),
        "KINBRIDGE_MEDIA_ADDRESSES": ",".join(lab.addresses),
        "KINBRIDGE_TURN_URLS": turn_urls,
        "KINBRIDGE_TURN_SECRET": TURN_SECRET,
    }
    return lambda folder: running(folder / "product", demonstration, arrange, **env)


@pytest.fixture(scope="module")
def far(
    behind: Callable[[Path], AbstractContextManager[Product]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """For all tests of a module that go to no visit."""
    with behind(tmp_path_factory.mktemp("far")) as made:
        yield made


@pytest.fixture
def visited(behind: Callable[[Path], AbstractContextManager[Product]], tmp_path: Path) -> Iterator[Product]:
    """For one test alone: its visit is the one that is due."""
    with behind(tmp_path) as made:
        yield made


@pytest.fixture
async def people(crowd: Crowd, tls: Authority, tmp_path: Path) -> "People":
    return People(crowd, tls, tmp_path)


class People:
    """Makes people who sit in one of the lab's networks."""

    def __init__(self, crowd: Crowd, tls: Authority, folder: Path) -> None:
        self._crowd = crowd
        self._flags = trusting(tls.certificate)
        self._root = tls.root
        self._folder = folder

    async def chromium(
        self,
        name: str,
        place: Namespace,
        base_url: str,
        camera: str | None = None,
        size: tuple[int, int] = (390, 844),
        scripts: tuple[str, ...] = (),
    ) -> Person:
        program = place.program(EXECUTABLE, self._folder)
        return await self._crowd.chromium(
            name, base_url, camera, executable=program, flags=self._flags, size=size, scripts=scripts
        )

    async def firefox(self, name: str, place: Namespace, base_url: str) -> Person:
        return await self._crowd.firefox(name, base_url, place, self._root)

    @property
    def complaints(self) -> list[str]:
        return self._crowd.complaints
