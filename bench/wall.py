"""An officers' wall with 16 calls in one browser: its bandwidth, its CPU, whether it plays smoothly; and out of sight.

Sixteen visits of their own, each with two people who send sound, 720p at 1 Mbit/s and its small copy, and each
recorded; the officer sits in all of them, in the one Chromium of this machine. Seen and out of sight take turns, so
that whatever else the machine does falls on both; told are the medians. The server's part for the wall is what it uses
more than while the tab is out of sight. Smooth is how long a tile stands between two pictures (8 a second: 125 ms).
"""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.async_api import async_playwright

from bench._sixteen import CALLS, Sixteen
from bench.media import cpu
from tests.browser import acts
from tests.browser.conftest import Crowd
from tests.browser.person import Person
from tests.browser.product import Product

ROUNDS = 4
STEADY = 12.0  # seconds
AWAY = 6.0  # seconds until what was on its way has come, and for which nothing more may come
_ALL = 300.0  # seconds in which everything is over
_VIDEOS = "[...wall.calls.keys()].map((booking) => wall.tiles.get(booking).one)"
_FRAMES = f"{_VIDEOS}.map((video) => video.getVideoPlaybackQuality().totalVideoFrames)"
_DROPPED = f"{_VIDEOS}.map((video) => video.getVideoPlaybackQuality().droppedVideoFrames)"
_SIGHT = """((state) => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
})"""
# How long each tile stood between two pictures, in ms, since the last time this was asked.
_STOOD = """(() => {
  const told = (window.stood ?? []).splice(0).sort((a, b) => a - b);
  if (!window.stood) {
    window.stood = [];
    for (const video of VIDEOS) {
      let before = 0;
      const next = (now) => {
        if (before) window.stood.push(now - before);
        before = now;
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    }
  }
  const at = (part) => told[Math.min(told.length - 1, Math.floor(part * told.length))] ?? 0;
  return [0.5, 0.95, 0.99, 1].map((part) => Math.round(at(part)));
})()""".replace("VIDEOS", _VIDEOS)
# Takes each call over, as its key does; once more where a busy machine did not answer in time, but not for ever.
_TAKE = """async (bookings) => {
  for (const booking of bookings) {
    for (let tries = 0; tries < 5 && !wall.calls.has(booking); tries += 1) {
      wall.chosen = booking;
      await wall.powers.take();
    }
  }
}"""
_OPEN = "[...wall.calls.values()].filter((call) => call.open).length"
# Lets in who waits; answers how many calls are live.
_ADMIT = """(() => {
  for (const call of wall.calls.values())
    for (const one of call.state?.people ?? [])
      if (one.state === "lobby" && one.connected) call.act("admit", { seat: one.seat }).catch(() => undefined);
  return [...wall.calls.values()].filter((call) => call.state?.phase === "live").length;
})()"""


@dataclass(frozen=True)
class Moment:
    """What was used and shown up to it."""

    at: float
    browser: float  # CPU seconds
    server: float
    size: int  # bytes of pictures
    frames: list[int]
    dropped: list[int]


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
    with tempfile.TemporaryDirectory(prefix="kinbridge-wall-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        product = Product(folder / "product")
        visits = Sixteen(product)
        await visits.arrange()
        await asyncio.to_thread(product.start)
        try:
            async with async_playwright() as playwright, contextlib.AsyncExitStack() as stack:
                crowd = Crowd(playwright, folder / "profiles", {}, stack)
                officer = await crowd.chromium("officer", product.url_of("monitor"), size=(1920, 1080))
                await acts.enter_demo(officer, "monitor")
                await officer.open("/officer/wall")
                await officer.until("document.querySelector('.wtile')")
                await officer.until_value(
                    "wall.tiles.size", lambda count: count >= CALLS, what="the calls to be there"
                )
                await officer.evaluate(f"({_TAKE})({json.dumps(visits.bookings)})")
                await officer.until_value(_OPEN, lambda count: count == CALLS, what="the seats")
                async with visits.come(_ALL):
                    await officer.until_value(_ADMIT, lambda live: live == CALLS, what="the calls")
                    await officer.click("button[data-size='16']")
                    return await _figures(officer, product, folder / "profiles")
        finally:
            await asyncio.to_thread(product.stop)


async def _look(officer: Person, product: Product, profiles: Path) -> Moment:
    return Moment(
        time.monotonic(),
        cpu_of(profiles),
        cpu.seconds(product.process.pid),
        int(await officer.evaluate("wall.pictures.bytes()")),
        await officer.evaluate(_FRAMES),
        await officer.evaluate(_DROPPED),
    )


async def _figures(officer: Person, product: Product, profiles: Path) -> dict[str, object]:
    await officer.until_value(
        _FRAMES, lambda counts: len(counts) == CALLS and min(counts) > 5, what="all tiles to play"
    )
    seen, unseen, stood = [], [], []
    for _ in range(ROUNDS):
        await officer.evaluate(f"{_SIGHT}('visible')")
        await asyncio.sleep(AWAY)
        await officer.evaluate(_STOOD)
        first = await _look(officer, product, profiles)
        await asyncio.sleep(STEADY)
        seen.append((first, await _look(officer, product, profiles)))
        stood.append(await officer.evaluate(_STOOD))
        await officer.evaluate(f"{_SIGHT}('hidden')")
        await asyncio.sleep(AWAY)
        first = await _look(officer, product, profiles)
        await asyncio.sleep(STEADY)
        unseen.append((first, await _look(officer, product, profiles)))
    frames = [_each(first.frames, last.frames) for first, last in seen]
    dropped = sum(sum(_each(first.dropped, last.dropped)) for first, last in seen)
    rates = [
        one / (last.at - first.at) for got, (first, last) in zip(frames, seen, strict=True) for one in got
    ]
    return {
        "calls": CALLS,
        "kbit_s": round(median(map(_rate, seen))),
        "kbit_s_a_tile": round(median(map(_rate, seen)) / CALLS),
        "kbit_s_out_of_sight": round(max(map(_rate, unseen)), 1),
        "frames_s": {"median": round(median(rates), 1), "worst_tile": round(min(rates), 1)},
        "dropped_percent": round(100 * dropped / max(1, sum(map(sum, frames))), 2),
        "stood_ms": dict(
            zip(("p50", "p95", "p99", "longest"), map(max, zip(*stood, strict=True)), strict=True)
        ),
        "browser_percent_of_a_core": _share(seen, "browser"),
        "browser_percent_out_of_sight": _share(unseen, "browser"),
        "server_percent_of_a_core": _share(seen, "server"),
        "server_percent_out_of_sight": _share(unseen, "server"),
        "load": [round(one, 1) for one in os.getloadavg()],
    }


def _each(first: list[int], last: list[int]) -> list[int]:
    return [new - old for old, new in zip(first, last, strict=True)]


def _rate(span: tuple[Moment, Moment]) -> float:
    """kbit/s of pictures."""
    first, last = span
    return (last.size - first.size) * 8 / (last.at - first.at) / 1000


def _share(spans: list[tuple[Moment, Moment]], whose: str) -> int:
    """Percent of one core."""
    parts: list[float] = [
        (getattr(last, whose) - getattr(first, whose)) / (last.at - first.at) for first, last in spans
    ]
    return round(100 * median(parts))


def main() -> int:
    print(json.dumps(asyncio.run(measure())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
