"""From a jump in the player to the picture there, in a real browser, while the recording lies locked on the disk.

A call of a minute is held, ended and sealed; then the officer opens its recording and jumps to thirty places all over
it. What is counted ends when every track has put a picture of the new place on the screen, or after ten seconds
(`never` names these places, in ms). The aim is a p95 of 500 ms.
"""

import asyncio
import json
import random
import statistics
import sys
from pathlib import Path

from bench import _call
from tests.browser import acts
from tests.browser.person import Person

CALL = 60.0  # seconds
JUMPS = 30
NEVER = 9999.0  # milliseconds
_EBML = b"\x1a\x45\xdf\xa3"
_JUMP = """async (ms) => {
  const bar = document.querySelector("[data-seek]");
  const videos = [...document.querySelectorAll("[data-person] video")].filter((video) => {
    const from = Number(video.dataset.offset);
    return ms >= from && ms < from + Number(video.dataset.duration) && video.videoWidth;
  });
  const began = performance.now();
  const shown = (video) => new Promise((done) => video.requestVideoFrameCallback(() => done(performance.now())));
  const seen = videos.map(shown);
  bar.value = String(ms);
  bar.dispatchEvent(new Event("input"));
  const late = new Promise((done) => setTimeout(() => done(began + 10000), 10000));
  return videos.length ? Math.max(...(await Promise.all(seen.map((one) => Promise.race([one, late]))))) - began : null;
}"""


async def opened(officer: Person, booking: str) -> None:
    """The recording's page, its reason given, with all its tracks."""
    await officer.open(f"/recordings/{booking}")
    await officer.click("input[name='reason']")
    await officer.click(f"form[action='/recordings/{booking}'] button")
    for _ in range(60):
        await officer.until("document.readyState === 'complete'")
        if await officer.evaluate("document.querySelectorAll('[data-person] video').length >= 2"):
            break
        await asyncio.sleep(1)
        await officer.evaluate("location.reload()")
    await officer.until("document.querySelector('[data-playback]')?.dataset.ready === 'true'", seconds=60)


def locked(data: Path) -> bool:
    """Whether no file of pictures or sound on the disk begins as a Matroska file does."""
    files = [path for path in data.glob("recordings/**/*.webm") if path.is_file()]
    return bool(files) and not any(path.read_bytes()[:4] == _EBML for path in files)


async def measure() -> dict[str, object]:
    async with _call.held() as call:
        officer = call.visit.officer
        await asyncio.sleep(CALL)
        await acts.end(officer)
        await opened(officer, call.visit.booking)
        hidden = locked(call.product.data)
        total = int(await officer.evaluate("document.querySelector('[data-playback]').dataset.duration"))
        choose, took = random.Random(1), dict[int, float]()
        for _ in range(JUMPS):
            place = choose.randrange(1000, total - 1000)
            found = await officer.evaluate(f"({_JUMP})({place})")
            if found is not None:
                took[place] = float(found)
            await asyncio.sleep(0.2)
    return {
        "jumps": len(took),
        "never": [place for place, ms in took.items() if ms >= NEVER],
        "recording_s": round(total / 1000),
        "locked_on_disk": hidden,
        "jump_to_picture_ms_p50": round(statistics.median(took.values())),
        "jump_to_picture_ms_p95": round(statistics.quantiles(took.values(), n=20)[-1]),
    }


def main() -> int:
    print(json.dumps(asyncio.run(measure())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
