"""From the click on 'join' to the first picture of the other, in real browsers; and what a call costs the server.

Three Chromiums on this machine share its cores with the server, so the figures are upper bounds. CPU is user
and system time of the whole server process over a steady call of one family, one inmate and one officer.
"""

import asyncio
import json
import statistics
import sys
import time

from bench import _call
from tests.browser import acts
from tests.browser.person import Person
from tests.browser.product import Product

JOINS = 20
STEADY = 30.0  # seconds of call over which CPU is taken

# Notes when the way in is pressed, and when the first picture of the other is presented.
_STOPWATCH = """(() => {
  window.stopwatch = {};
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#enter")) return;
    stopwatch.pressed = performance.now();
    const look = setInterval(() => {
      const video = document.querySelector(".face:not([hidden]) video");
      if (!video?.srcObject) return;
      clearInterval(look);
      video.requestVideoFrameCallback((now) => { stopwatch.seen = now; });
    }, 5);
  }, true);
})();"""


async def join(family: Person, booking: str) -> float:
    """One join, milliseconds; the person has been let in before and comes back to the same seat."""
    await family.evaluate("sessionStorage.clear()")
    await family.open(f"/visits/{booking}")
    await family.click("#check-start")
    await family.sees("#enter", seconds=30)
    await asyncio.sleep(1)
    await family.click("#enter")
    took = await family.until("stopwatch.seen && stopwatch.seen - stopwatch.pressed", seconds=30)
    return float(took)


async def measure() -> dict[str, object]:
    async with _call.held("inmate", (_STOPWATCH,)) as call:
        family = call.visit.family
        took = [await join(family, call.visit.booking) for _ in range(JOINS)]
        await acts.live(family, call.visit.inmate)
        await asyncio.sleep(5)
        cpu = await _cpu_per_call_minute(call.product)
    return {
        "joins": JOINS,
        "click_to_first_frame_ms_p50": round(statistics.median(took)),
        "click_to_first_frame_ms_p95": round(statistics.quantiles(took, n=20)[-1]),
        "worst_ms": round(max(took)),
        "server_cpu_s_per_call_minute": round(cpu, 2),
    }


async def _cpu_per_call_minute(product: Product) -> float:
    before, start = product.process.cpu_seconds(), time.monotonic()
    await asyncio.sleep(STEADY)
    return (product.process.cpu_seconds() - before) / (time.monotonic() - start) * 60


def main() -> int:
    print(json.dumps(asyncio.run(measure())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
