"""Somebody who sits before a browser: what the journeys do, whichever browser it is."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from core import clock

# Seconds after which what does not come is taken not to come at all; a machine may be busy, or half as fast.
PATIENCE = 90.0
PROBE = Path(__file__).with_name("probe.js").read_text(encoding="utf-8")


class Browser(Protocol):
    """The few things that a browser must be able to do; `chromium` and `firefox` implement it."""

    async def open(self, url: str) -> None:
        """Goes to `url` and waits until it is loaded."""

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; promises are waited for."""

    async def click(self, selector: str) -> None: ...
    async def fill(self, selector: str, text: str) -> None: ...
    async def press(self, key: str) -> None: ...
    async def screenshot(self, path: Path, width: int, height: int) -> None: ...
    async def close(self) -> None: ...


class Person:
    """A browser, a name for the failure messages, and how people wait: by looking again."""

    def __init__(self, name: str, browser: Browser, base_url: str) -> None:
        self.name = name
        self.browser = browser
        self.base_url = base_url

    async def open(self, path: str) -> None:
        await self.browser.open(path if "://" in path else self.base_url + path)

    async def evaluate(self, expression: str) -> Any:
        return await self.browser.evaluate(expression)

    async def click(self, selector: str, *, seconds: float = PATIENCE) -> None:
        """Waits until it can be seen and is not disabled, then clicks it."""
        await self.until(_clickable(selector), seconds=seconds, what=f"{selector} to be clickable")
        await self.browser.click(selector)

    async def fill(self, selector: str, text: str) -> None:
        await self.until(_clickable(selector), what=f"{selector} to be there")
        await self.browser.fill(selector, text)

    async def press(self, key: str) -> None:
        await self.browser.press(key)

    async def text(self, selector: str = "body") -> str:
        found = await self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    async def sees(self, selector: str, *, seconds: float = PATIENCE) -> None:
        await self.until(_visible(selector), seconds=seconds, what=f"{selector} to be visible")

    async def reads(self, words: str, selector: str = "body", *, seconds: float = PATIENCE) -> None:
        """Waits until `words` stand in the text of `selector`."""
        inner = f"(document.querySelector({json.dumps(selector)})?.innerText ?? '')"
        await self.until(
            f"{inner}.includes({json.dumps(words)})", seconds=seconds, what=f"{words!r} in {selector}"
        )

    async def until(self, condition: str, *, seconds: float = PATIENCE, what: str = "") -> Any:
        """Waits until the JavaScript expression is truthy and gives its value."""
        return await self.until_value(condition, bool, seconds=seconds, what=what or condition)

    async def until_value(
        self, expression: str, good: Callable[[Any], bool], *, seconds: float = PATIENCE, what: str = ""
    ) -> Any:
        """Looks every 100 ms; fails with what the page said at last. A page on the move is looked at again."""
        deadline = clock.monotonic() + seconds
        value: Any = None
        while clock.monotonic() < deadline:
            value = await self._glance(expression)
            if good(value):
                return value
            await asyncio.sleep(0.1)
        place = await self._glance("location.href")
        words = str(await self._glance("document.body?.innerText"))[:1500]
        raise AssertionError(
            f"{self.name} waited {seconds} s for {what or expression}; last {str(value)[:800]!r} at {place}:\n{words}"
        )

    async def _glance(self, expression: str) -> Any:
        """The value, or `None` while the page is being replaced by the next."""
        try:
            return await self.evaluate(expression)
        except ConnectionError:
            return None

    async def watch(self, name: str, selector: str, pitch: int) -> None:
        """Begins to decode the row of blocks and to hear `pitch` on the <video> at `selector`."""
        await self.evaluate(f"probe.watch({json.dumps(name)}, {json.dumps(selector)}, {pitch})")

    async def seen(self, name: str, since: float = 0) -> dict[str, Any]:
        """What `watch(name)` has seen and heard since `since` (milliseconds of its page's clock)."""
        report: dict[str, Any] = await self.evaluate(f"probe.report({json.dumps(name)}, {since})")
        return report

    async def close(self) -> None:
        await self.browser.close()


def _visible(selector: str) -> str:
    return (
        f"(e => !!e && e.checkVisibility({{visibilityProperty: true}}))"
        f"(document.querySelector({json.dumps(selector)}))"
    )


def _clickable(selector: str) -> str:
    return (
        f"(e => !!e && !e.disabled && e.checkVisibility({{visibilityProperty: true}}))"
        f"(document.querySelector({json.dumps(selector)}))"
    )
