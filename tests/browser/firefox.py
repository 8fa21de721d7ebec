"""Firefox ESR through WebDriver BiDi: a small client of our own over a WebSocket.

The protocol: JSON commands `{id, method, params}`, answered by `{type: "success" | "error", id, …}`; events
are not subscribed to. https://www.w3.org/TR/webdriver-bidi/
"""

import asyncio
import base64
import itertools
import json
import re
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

from tests.browser.person import PATIENCE, PROBE
from tests.services import find_program

EXECUTABLE = find_program("firefox-esr", others=("firefox",))
TONE = 1000  # hertz of the fake microphone
PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.navigator.audio.fake_frequency": TONE,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.block-webaudio": False,
    "media.cubeb.backend": "null",
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "extensions.update.enabled": False,
    "app.normandy.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "media.gmp-manager.url": "http://127.0.0.1:9/",
}
_LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


class Place(Protocol):
    """Another network than ours, in which the browser runs (see `networks.lab.Namespace`)."""

    def command(self, *arguments: str) -> list[str]: ...
    def call(self, work: Callable[[], socket.socket]) -> socket.socket: ...


class BiDiError(ConnectionError):
    """The browser refused a command; the first argument is its error code."""


class Firefox:
    """Implements `person.Browser`."""

    def __init__(self, process: asyncio.subprocess.Process, line: ClientConnection) -> None:
        self._process = process
        self._socket = line
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read())
        self._context = ""

    @classmethod
    async def start(
        cls, profile: Path, place: Place | None = None, root: Path | None = None, *, language: str = "zh-CN"
    ) -> "Firefox":
        profile.mkdir(parents=True, exist_ok=True)
        preferences = {**PREFERENCES, "intl.accept_languages": language}
        lines = (f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in preferences.items())
        (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
        if root is not None:
            _trust(profile, root)
        command = [
            EXECUTABLE,
            "--headless",
            "--no-remote",
            "--remote-debugging-port=0",
            "--profile",
            str(profile),
        ]
        process = await asyncio.create_subprocess_exec(
            *(command if place is None else place.command(*command)),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            url = await _address(process)
        door = partial(socket.create_connection, (urlsplit(url).hostname, urlsplit(url).port))
        line = await connect(
            f"{url}/session", max_size=None, sock=door() if place is None else place.call(door)
        )
        firefox = cls(process, line)
        await firefox._begin()
        return firefox

    async def _begin(self) -> None:
        await self._command("session.new", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})
        tree = await self._command("browsingContext.getTree", {})
        self._context = tree["contexts"][0]["context"]
        await self._command("script.addPreloadScript", {"functionDeclaration": f"() => {{ {PROBE} }}"})

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            waiting = self._answers.pop(message.get("id") or 0, None)
            if waiting is None or waiting.done():
                continue
            if message["type"] == "success":
                waiting.set_result(message["result"])
            else:
                waiting.set_exception(BiDiError(message["error"], message.get("message", "")))

    async def _command(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(PATIENCE):
            result: dict[str, Any] = await answer
        return result

    async def open(self, url: str) -> None:
        await self._command(
            "browsingContext.navigate", {"context": self._context, "url": url, "wait": "complete"}
        )

    async def evaluate(self, expression: str) -> Any:
        # Through JSON, since BiDi's own serialisation of values is far wider than what is needed here.
        wrapped = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        answer = await self._command(
            "script.evaluate",
            {"expression": wrapped, "target": {"context": self._context}, "awaitPromise": True},
        )
        if answer["type"] != "success":
            raise AssertionError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    async def click(self, selector: str) -> None:
        quoted = json.dumps(selector)
        spot = await self.evaluate(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); "
            f"return [r.x + r.width / 2, r.y + r.height / 2] }})(document.querySelector({quoted}))"
        )
        pointer = [
            {"type": "pointerMove", "x": int(spot[0]), "y": int(spot[1])},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._perform({"type": "pointer", "id": "mouse", "actions": pointer})

    async def fill(self, selector: str, text: str) -> None:
        await self.evaluate(
            f"(e => {{ e.focus(); e.value = {json.dumps(text)}; "
            f"for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {{bubbles: true}})) }})"
            f"(document.querySelector({json.dumps(selector)}))"
        )

    async def press(self, key: str) -> None:
        code = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c"}.get(key, key)
        strokes = [{"type": "keyDown", "value": code}, {"type": "keyUp", "value": code}]
        await self._perform({"type": "key", "id": "keys", "actions": strokes})

    async def _perform(self, source: dict[str, Any]) -> None:
        await self._command("input.performActions", {"context": self._context, "actions": [source]})

    async def screenshot(self, path: Path, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        await self._command("browsingContext.setViewport", {"context": self._context, "viewport": viewport})
        picture = await self._command("browsingContext.captureScreenshot", {"context": self._context})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    async def close(self) -> None:
        await self._socket.close()
        await self._reader
        self._process.terminate()
        try:
            async with asyncio.timeout(10):
                await self._process.communicate()
        except TimeoutError:
            self._process.kill()
            await self._process.communicate()


def _trust(profile: Path, root: Path) -> None:
    """TURN's certificate is judged by the profile's own roots; leave given to the session is for pages only."""
    certutil, store = find_program("certutil"), ("-d", f"sql:{profile}")
    for arguments in (("-N", "--empty-password"), ("-A", "-n", "tests", "-t", "CT,,", "-i", str(root))):
        subprocess.run([certutil, *arguments, *store], check=True, capture_output=True)


async def _address(process: asyncio.subprocess.Process) -> str:
    """Reads the browser's words until it tells where it listens."""
    words = cast("asyncio.StreamReader", process.stderr)
    heard = b""
    while line := await words.readline():
        heard += line
        if found := _LISTENING.search(line):
            return found[1].decode()
    raise AssertionError(f"Firefox did not start: {heard[-2000:]!r}")
