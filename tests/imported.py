"""The command `kinbridge` in processes of its own, forked off a program that has imported all of it: that takes
seconds, and tests start the product some sixty times.

The program (`python -m tests.imported`) reads a line of JSON for each process that is wanted, `{"arguments", "env",
"log"}`, and answers with the process's id. It ends when its input does.
"""

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.scheduler import forked

ROOT = Path(__file__).parents[1]
MODULES = (
    "alembic.command",
    "core.schema",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "web.cli.demo",
    "web.cli.media",
    "web.cli.serve",
    "web.cli.worker",
)


class Forked:
    """One of these processes, as far as `subprocess.Popen` would be asked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """`None` while it runs, and 0 when it has ended, however."""
        return 0 if select.select([self._handle], [], [], 0)[0] else None

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        if not select.select([self._handle], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(["kinbridge"], timeout or 0)
        return 0

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        os.close(self._handle)


@functools.cache
def _program(*prefix: str) -> "subprocess.Popen[bytes]":
    """One for the process of the tests; its input ends with that, and so does it."""
    command = [*prefix, sys.executable, "-m", "tests.imported"]
    program = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(program.communicate)
    return program


def start(arguments: Sequence[str], env: Mapping[str, str], log: Path, prefix: Sequence[str] = ()) -> Forked:
    """`kinbridge` with these arguments and this whole environment; what it says goes to the end of `log`.

    `prefix`: a command behind which it runs, in another network for example."""
    program = _program(*prefix)
    assert program.stdin is not None
    assert program.stdout is not None
    wanted = {"arguments": list(arguments), "env": dict(env), "log": str(log)}
    program.stdin.write(json.dumps(wanted).encode() + b"\n")
    program.stdin.flush()
    return Forked(int(program.stdout.readline()))


def _become(wanted: dict[str, Any]) -> None:
    """In the new process: nothing of the program is left but what it has imported."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number, opened in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
        os.dup2(opened, number)
    os.environ.clear()
    os.environ.update(wanted["env"])
    sys.argv = ["kinbridge", *wanted["arguments"]]
    from web.cli import main

    sys.exit(main())


def _serve() -> None:
    import importlib

    for name in MODULES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its end is that of its input
    for line in sys.stdin:
        print(forked.off(functools.partial(_become, json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve()
