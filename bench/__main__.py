"""Runs every benchmark, each in a process of its own, and passes its JSON lines on as they come.

`python -m bench` runs all of them in fifteen minutes at most, `python -m bench join month` only these,
`python -m bench --minutes 60` for longer, and `--minutes 0` for as long as they like. Whatever the time does not
suffice for says so in a line of its own: a benchmark that was cut, and one that was not begun.

The first line tells the machine, and what else it had to do then: CPU seconds and ratios of one run bear company, what
is told by the clock does not. What the lines mean stands at the head of each benchmark's file; what was found, beside
what was aimed at, in `docs/measured.md`.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

MINUTES = 15.0
FOLDER = Path(__file__).parent
_LONGEST = ("find", "rush")  # last, so that they cut nothing off but themselves


def _order(name: str) -> tuple[bool, bool, str]:
    """What a family notices comes first: how long it takes from the click to the first picture."""
    return name in _LONGEST, name != "join", name


def main(arguments: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="bench", description=__doc__)
    asked.add_argument("names", nargs="*", help="which ones; all, if none is named")
    asked.add_argument("--minutes", type=float, default=MINUTES, help="for all of them together; 0: no limit")
    given = asked.parse_args(arguments)
    _say("machine", **_machine())
    programs = given.names or sorted((path.stem for path in FOLDER.glob("[!_]*.py")), key=_order)
    over = time.monotonic() + 60 * given.minutes if given.minutes else None
    return 1 if [name for name in programs if not _run(name, over)] else 0


def _machine() -> dict[str, object]:
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    names = {line.partition(":")[2].strip() for line in processors if line.startswith("model name")}
    return {
        "processor": ", ".join(sorted(names)) or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_of_others": os.getloadavg()[0],
    }


def _run(name: str, over: float | None) -> bool:
    """One benchmark until it ends or the time is over; False when it failed."""
    left = None if over is None else over - time.monotonic()
    if left is not None and left <= 0:
        _say(name, skipped="the time was over; --minutes gives more")
        return True
    began = time.monotonic()
    running = subprocess.Popen(
        [sys.executable, "-m", f"bench.{name}"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=FOLDER.parent,
        start_new_session=True,
    )
    cut = threading.Event()
    watch = threading.Timer(left or 0, _cut, (running, cut))
    if left is not None:
        watch.start()
    for line in running.stdout or ():
        if line.startswith("{"):
            _say(name, **json.loads(line))
    running.wait()
    watch.cancel()
    if cut.is_set():
        _say(name, cut="the time was over; --minutes gives more")
    elif running.returncode:
        _say(name, failed=running.returncode)
        return False
    else:
        _say(name, took_s=round(time.monotonic() - began))
    return True


def _cut(running: subprocess.Popen[str], cut: threading.Event) -> None:
    """Ends a benchmark with all that it started."""
    cut.set()
    os.killpg(running.pid, signal.SIGKILL)


def _say(bench: str, **line: object) -> None:
    print(json.dumps({"bench": bench, **line}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
