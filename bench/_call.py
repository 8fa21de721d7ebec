"""A visit of a family and an inmate, with an officer, in three real browsers on this machine: what the benchmarks of
the live pages stand on. The browsers share its cores with the server, so what they measure are upper bounds."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from tests.browser import acts
from tests.browser.acts import Visit
from tests.browser.conftest import Crowd
from tests.browser.product import Product
from tests.fakes import clip


@dataclass(frozen=True)
class Call:
    """`profiles`: where the folders of the browsers are, one ending in the name of each."""

    product: Product
    visit: Visit
    profiles: Path


@contextlib.asynccontextmanager
async def held(camera: str | None = None, scripts: tuple[str, ...] = (), **desk: Any) -> AsyncIterator[Call]:
    """The visit is live. `camera` and `desk` are of the officer's browser, `scripts` run in the family's pages."""
    with tempfile.TemporaryDirectory(prefix="kinbridge-call-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        people = {"family": clip.FAMILY, "inmate": clip.INMATE}
        clips = {person: clip.write(who, folder) for person, who in people.items()}
        product = Product(folder / "product")
        await asyncio.to_thread(product.start)
        try:
            async with async_playwright() as playwright, contextlib.AsyncExitStack() as stack:
                crowd = Crowd(playwright, folder / "profiles", clips, stack)
                family = await crowd.chromium(
                    "family", product.url_of("wife"), "family", size=(390, 844), scripts=scripts
                )
                inmate = await crowd.chromium("inmate", product.url_of("terminal"), "inmate")
                officer = await crowd.chromium("officer", product.url_of("monitor"), camera, **desk)
                yield Call(product, await acts.gather(family, inmate, officer), folder / "profiles")
        finally:
            await asyncio.to_thread(product.stop)
