"""How a notice leaves the house: through Apprise, by URLs that the installation sets.

`{address}` in a URL becomes the receiver's number, `{id}` the notice's id, which is the same in every try
(a gateway that knows idempotency keys then sends once: `json://gateway/sms?+Idempotency-Key={id}`). Several
URLs are tried in order until one takes the notice.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from urllib.parse import quote

import apprise

from core.settings import Settings
from notices.model import Notice

AT_ONCE = 8  # notices under way
_PATIENCE = 30  # seconds for one notice, all URLs together


class DeliveryError(Exception):
    """Nobody took the notice; it is tried again."""


class Channel(Protocol):
    """Takes one notice to its receiver."""

    async def send(self, notice: Notice) -> None:
        """Raises `DeliveryError`."""
        ...


class AppriseChannel:
    """Apprise blocks, so each delivery has a thread: one of its own, since a gateway that does not answer would hold up
    whatever else of the process waits for one (a recording that begins)."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        self._hands = ThreadPoolExecutor(AT_ONCE, "notices")

    async def send(self, notice: Notice) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                taken = await asyncio.get_running_loop().run_in_executor(self._hands, self._send, notice)
        except TimeoutError as error:
            raise DeliveryError("no answer in time") from error
        except Exception as error:  # a plug-in's own trouble must not hold up the other notices
            raise DeliveryError(type(error).__name__) from error
        if not taken:
            raise DeliveryError("refused by every channel")

    def _send(self, notice: Notice) -> bool:
        return any(self._send_by(url, notice) for url in self._urls)

    def _send_by(self, url: str, notice: Notice) -> bool:
        filled = url.replace("{address}", quote(notice.address, safe="")).replace("{id}", quote(notice.id))
        one = apprise.Apprise()
        return bool(one.add(filled) and one.notify(title=notice.subject, body=notice.text))


def open_channel(settings: Settings) -> Channel | None:
    """None where no URL is set: notices then stay in the outbox, which the demonstration shows."""
    urls = settings.split("notice_urls")
    return AppriseChannel(urls) if urls else None
