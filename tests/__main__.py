"""`make test`: every test, on all cores, with the machine first for those that need it in real time.

    python -m tests

The calls of real browsers (marked `alone`) run one after the other and wait for most of their time. Beside them all
others run two at a time with the least claim to the machine (nice 19): they get what the calls leave over, and then
all of it. What fails while others run beside it is run once more by itself, and that counts; both runs are printed.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(__file__).parents[1]
CALLS = ("-m", "alone", "--durations=10")
# In their order, so that the longest files (pages in browsers) are not the last.
OTHERS = ("-m", "not alone", "--durations=15", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
AGAIN = ("--last-failed", "--last-failed-no-failures", "none")
FAILED = 1  # pytest's exit code when tests have failed; another one says that they were not run to their end


def command(kind: str, arguments: tuple[str, ...]) -> list[str]:
    """Each kind remembers for itself what has failed in it."""
    cache = HOME / ".pytest_cache" / kind
    return [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]


def claimless() -> list[str]:
    """What a command is put behind so that it and all that it starts have the least claim to the machine.

    A browser gives its threads the claim that it likes, where it may: without the right to it, it may not."""
    within = (
        ["setpriv", "--bounding-set", "-sys_nice"] if os.geteuid() == 0 and shutil.which("setpriv") else []
    )
    return ["nice", "-n", "19", *within]


def result(kind: str, code: int, marks: tuple[str, ...]) -> int:
    if code != FAILED:
        return code
    print(f"\nWhat failed of the {kind} is run once more by itself:", flush=True)
    return subprocess.run(command(kind, (*AGAIN, *marks)), cwd=HOME, check=False).returncode


def shown(log: Path, running: "subprocess.Popen[bytes]") -> int:
    """Prints what is told in `log` until its teller has ended; its exit code."""
    with log.open("rb") as told:
        while True:
            code = running.poll()
            shutil.copyfileobj(told, sys.stdout.buffer)
            sys.stdout.flush()
            if code is not None:
                return code
            time.sleep(0.5)


def main() -> int:
    """0, or what pytest said of the first kind that did not pass."""
    log = HOME / "var" / "tests" / "others.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as told:
        others = subprocess.Popen(
            [*claimless(), *command("others", OTHERS)], cwd=HOME, stdout=told, stderr=told
        )
    try:
        first = subprocess.run(command("calls", CALLS), cwd=HOME, check=False).returncode
        print("\nThe others, which run beside them:", flush=True)
        second = shown(log, others)
    except KeyboardInterrupt:  # all have been told, and put away what they started
        others.wait()
        return 130
    codes = (result("calls", first, CALLS[:2]), result("others", second, OTHERS[:2]))
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
