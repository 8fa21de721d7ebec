"""Debian's Chromium through Playwright, each person with a profile, a camera and a microphone of their own."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.async_api import Error, Page, Playwright

from tests.browser.person import PROBE
from tests.fakes.clip import Clip
from tests.fakes.clip import Person as Performer
from tests.services import find_program

_CAMERA = Path(__file__).with_name("camera.js").read_text(encoding="utf-8")
EXECUTABLE = find_program("chromium", others=("chromium-browser", "google-chrome"))
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
)


def performance(person: Performer) -> str:
    """A script that gives the page a camera and a microphone in step, whatever else the machine does."""
    y, u, v = (part - middle for part, middle in zip(person.colour, (16, 128, 128), strict=True))
    mix = (1.164 * y + 1.596 * v, 1.164 * y - 0.392 * u - 0.813 * v, 1.164 * y + 2.017 * u)  # BT.601
    colour = f"rgb({', '.join(str(round(part)) for part in mix)})"
    values = {"number": person.number, "pitch": person.pitch, "colour": colour}
    return _CAMERA.replace("PERSON", json.dumps(values))


def trusting(certificate: Path) -> tuple[str, ...]:
    """Flags with which this certificate is believed, on pages and by TURN."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    return (f"--ignore-certificate-errors-spki-list={digest}",)


def camera_flags(clip: Clip | None) -> list[str]:
    """With a clip: a camera and a microphone that play it, and leave given unasked. Without: leave refused."""
    if clip is None:
        return ["--deny-permission-prompts"]
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={clip.video}",
        f"--use-file-for-fake-audio-capture={clip.audio}",
    ]


class Chromium:
    """Implements `person.Browser`; `page` is Playwright's, for what only Chromium's tests need."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self._hear(said.type, said.text))

    def _hear(self, kind: str, text: str) -> None:
        # A failed request is for the journey to judge: some are meant to fail.
        if kind == "error" and "Failed to load resource" not in text and "WebSocket connection" not in text:
            self.complaints.append(text)

    @classmethod
    async def start(
        cls,
        playwright: Playwright,
        profile: Path,
        clip: Clip | None,
        *,
        language: str = "zh-CN",
        size: tuple[int, int] = (1280, 800),
        scripts: tuple[str, ...] = (),
        flags: tuple[str, ...] = (),
        javascript: bool = True,
        executable: str = EXECUTABLE,
    ) -> "Chromium":
        context = await playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable,
            headless=True,
            args=[*FLAGS, *camera_flags(clip), *flags],
            locale=language,
            timezone_id="Asia/Shanghai",
            viewport={"width": size[0], "height": size[1]},
            ignore_https_errors=True,
            java_script_enabled=javascript,
        )
        for script in (PROBE, *scripts):
            await context.add_init_script(script)
        return cls(context.pages[0])

    async def open(self, url: str) -> None:
        await self.page.goto(url, wait_until="load")

    async def evaluate(self, expression: str) -> Any:
        try:
            return await self.page.evaluate(expression)
        except Error as error:
            if "context was destroyed" in str(error) or "navigat" in str(error):
                raise ConnectionError(str(error)) from error
            raise

    async def click(self, selector: str) -> None:
        await self.page.locator(selector).first.click()

    async def fill(self, selector: str, text: str) -> None:
        await self.page.locator(selector).first.fill(text)

    async def press(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def screenshot(self, path: Path, width: int, height: int) -> None:
        await self.page.set_viewport_size({"width": width, "height": height})
        path.parent.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=path)

    async def close(self) -> None:
        await self.page.context.close()
