"""Fixtures of the browser journeys: a product of its own for each module, people with browsers of their own."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from tests.browser import place
from tests.browser.chromium import EXECUTABLE, Chromium, performance
from tests.browser.firefox import Firefox, Place
from tests.browser.person import Person
from tests.browser.product import Product
from tests.browser.wire import Wire
from tests.fakes import clip
from tests.fakes.clip import Clip

# Pages that are only looked at (by the fixture `browser`) may share the machine, and so may these; calls run in real
# time and want it for themselves.
UNHURRIED = {"test_passkey.py"}
PATIENCE = 420  # seconds for a test: each of its steps fails long before, and says what it waited for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if item.path.name not in UNHURRIED and "browser" not in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.alone)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    """What each camera and microphone plays."""
    folder = tmp_path_factory.mktemp("clips")
    people = {
        "family": clip.FAMILY,
        "inmate": clip.INMATE,
        "officer": clip.OFFICER,
        "second": clip.SECOND_RELATIVE,
    }
    return {name: clip.write(person, folder) for name, person in people.items()}


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a demonstration that was started once and stopped: migrated, and with its people. Each product that
    begins with it makes its own visit that is due."""
    first = Product(tmp_path_factory.mktemp("demonstration"))
    first.process.whole = True
    first.start()
    first.stop()
    asyncio.run(place.call_off(first))
    return first.data


@contextlib.contextmanager
def running(
    folder: Path, demonstration: Path, arrange: Callable[[Product], None] | None = None, **env: str
) -> Iterator[Product]:
    """A demonstration that runs; what it said last is shown when a test fails. `arrange`: before it starts."""
    made = Product(folder)
    made.process.env.update(env)
    if arrange is not None:
        arrange(made)
    shutil.copytree(demonstration, made.data)
    made.start()
    yield made
    made.stop()
    print(made.process.words())


@pytest.fixture
def product(tmp_path: Path, demonstration: Path) -> Iterator[Product]:
    """For one test alone: its visit is the one that is due."""
    with running(tmp_path / "product", demonstration) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, demonstration: Path) -> Iterator[Product]:
    """For all tests of a module that go to no visit."""
    with running(tmp_path_factory.mktemp("shared") / "product", demonstration) as made:
        yield made


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of a module that look at pages; each visitor has a profile of their own."""
    async with async_playwright() as running:
        launched = await running.chromium.launch(
            executable_path=EXECUTABLE,
            args=["--headless=new", "--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield launched
        await launched.close()


class Crowd:
    """Makes people, and sends them home at the end. Chromium's complaints are remembered."""

    def __init__(
        self, playwright: Playwright, folder: Path, clips: dict[str, Clip], stack: contextlib.AsyncExitStack
    ) -> None:
        self._playwright = playwright
        self._folder = folder
        self._clips = clips
        self._stack = stack
        self._count = 0
        self.chromiums: list[Chromium] = []

    async def performer(self, name: str, base_url: str, who: clip.Person, **options: Any) -> Person:
        """A Chromium whose camera and microphone are in step to the millisecond (see camera.js)."""
        return await self.chromium(name, base_url, scripts=(performance(who),), **options)

    async def chromium(self, name: str, base_url: str, camera: str | None = None, **options: Any) -> Person:
        """`camera`: whose clip it plays; `None`: no permission for any device."""
        self._count += 1
        profile = self._folder / f"{self._count}-{name}"
        browser = await Chromium.start(
            self._playwright, profile, self._clips[camera] if camera else None, **options
        )
        self._stack.push_async_callback(browser.close)
        self.chromiums.append(browser)
        return Person(name, browser, base_url)

    async def firefox(
        self, name: str, base_url: str, place: Place | None = None, root: Path | None = None
    ) -> Person:
        """`root`: a certification authority that it is to trust."""
        self._count += 1
        browser = await Firefox.start(self._folder / f"{self._count}-{name}", place, root)
        self._stack.push_async_callback(browser.close)
        return Person(name, browser, base_url)

    async def another_tab(self, person: Person, name: str) -> Person:
        """The same browser, signed in as the same person, with one more tab."""
        assert isinstance(person.browser, Chromium)
        tab = Chromium(await person.browser.page.context.new_page())
        self.chromiums.append(tab)
        return Person(name, tab, person.base_url)

    async def wire(self, http_port: int) -> Wire:
        wire = Wire(http_port)
        await wire.open()
        self._stack.push_async_callback(wire.close)
        return wire

    @property
    def complaints(self) -> list[str]:
        """Errors that the pages' scripts did not catch, and what the browser refused (CSP)."""
        return [said for browser in self.chromiums for said in browser.complaints]


@pytest.fixture
async def crowd(playwright: Playwright, tmp_path: Path, clips: dict[str, Clip]) -> AsyncIterator[Crowd]:
    async with contextlib.AsyncExitStack() as stack:
        yield Crowd(playwright, tmp_path / "profiles", clips, stack)
