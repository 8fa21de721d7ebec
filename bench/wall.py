"""An officers' wall with 16 tiles in one browser: its bandwidth, its CPU, whether it plays smoothly; and out of sight.

One call of a family and an inmate, whose two ends stand on eight tiles each: for the browser and the relay that is
what 16 calls are, sixteen streams of their own with their own decoders; only the senders are fewer.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path

from bench import _call
from tests.browser.person import Person
from tests.browser.product import Product

TILES = 16
STEADY = 20.0  # seconds
AWAY = 6.0  # seconds until what was on its way has come, and for which nothing more may come
_MORE = """([booking, count]) => {
  const list = document.getElementById("tiles");
  document.querySelector('[data-size="16"]').click();
  window.sixteen = [...document.querySelectorAll(".wtile video")].filter((video) => !video.hidden);
  for (const video of sixteen) wall.pictures.put(video, null, "family");
  sixteen = [];
  for (let number = 0; number < count; number += 1) {
    const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true });
    const item = document.createElement("li");
    item.className = "wtile";
    item.append(video);
    list.append(item);
    sixteen.push(video);
    wall.pictures.put(video, booking, number % 2 ? "inmate" : "family");
  }
}"""
_FRAMES = "sixteen.map((video) => video.getVideoPlaybackQuality().totalVideoFrames)"
_DROPPED = "sixteen.map((video) => video.getVideoPlaybackQuality().droppedVideoFrames)"
_AWAY = """(() => {
  Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  for (const video of sixteen) wall.pictures.put(video, null, "family");
})()"""


def cpu_of(profile: Path) -> float:
    """CPU seconds so far of all processes of the browser with this profile, children included."""
    total = 0.0
    parents: dict[int, int] = {}
    times: dict[int, float] = {}
    roots = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            pid = int(entry.name)
            parents[pid] = int(fields[1])
            times[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            if str(profile) in (entry / "cmdline").read_text():
                roots.add(pid)
    for pid, seconds in times.items():
        above: int | None = pid
        while above is not None and above not in roots:
            above = parents.get(above)
        total += seconds if above is not None else 0.0
    return total


async def measure() -> dict[str, object]:
    async with _call.held(size=(1920, 1080)) as call:
        officer, booking = call.visit.officer, call.visit.booking
        await officer.open("/officer/wall")
        await officer.until("document.querySelector('.wtile')")
        await officer.press("t")
        await officer.until(f"wall.calls.get({booking!r})?.open", what="the seat on the wall")
        await officer.evaluate(f"({_MORE})({json.dumps([booking, TILES])})")
        await officer.until_value(
            _FRAMES, lambda counts: min(counts) > 5, what="all tiles to play", seconds=150
        )
        return await _figures(officer, call.product, next(call.profiles.glob("*-officer")))


async def _figures(officer: Person, product: Product, profile: Path) -> dict[str, object]:
    async def look() -> tuple[float, float, float, int, list[int], list[int]]:
        frames, dropped = await officer.evaluate(_FRAMES), await officer.evaluate(_DROPPED)
        size = int(await officer.evaluate("wall.pictures.bytes()"))
        return time.monotonic(), cpu_of(profile), product.process.cpu_seconds(), size, frames, dropped

    first = await look()
    await asyncio.sleep(STEADY)
    last = await look()
    passed = last[0] - first[0]
    rates = [(after - before) / passed for before, after in zip(first[4], last[4], strict=True)]
    await officer.evaluate(_AWAY)
    await asyncio.sleep(AWAY)
    before = int(await officer.evaluate("wall.pictures.bytes()"))
    await asyncio.sleep(AWAY)
    after = int(await officer.evaluate("wall.pictures.bytes()"))
    return {
        "tiles": TILES,
        "kbit_s": round((last[3] - first[3]) * 8 / passed / 1000),
        "kbit_s_out_of_sight": round((after - before) * 8 / AWAY / 1000, 1),
        "frames_s_least": round(min(rates), 1),
        "frames_s_mean": round(sum(rates) / TILES, 1),
        "dropped_percent": round(100 * sum(last[5]) / max(1, sum(last[4])), 2),
        "browser_cpu_percent_of_a_core": round((last[1] - first[1]) / passed * 100),
        "server_cpu_percent_of_a_core": round((last[2] - first[2]) / passed * 100),
    }


def main() -> int:
    print(json.dumps(asyncio.run(measure())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
