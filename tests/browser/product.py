"""The product as it is run: `kinbridge` in processes of its own, with a folder of its own, on free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests import imported
from tests.imported import ROOT, Forked

KINBRIDGE = Path(sys.executable).with_name("kinbridge")
START_PATIENCE = 180  # seconds; a demonstration also fills its database, and a busy machine takes its time


def free_port() -> int:
    """A TCP port nobody listens on. The UDP ports the product takes for media are its own choice."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def status(url: str) -> int:
    """What the server answers; its certificate is not looked at. Raises `httpx.TransportError`."""
    return httpx.get(url, follow_redirects=False, timeout=5, verify=False).status_code


@dataclass
class Process:
    """One process of the product. `arguments`: of the `kinbridge` command.

    It is forked off a program that has imported the product; where the command itself is to be seen to work (`whole`),
    it is started as people start it."""

    name: str
    arguments: list[str]
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    url: str = ""  # where it answers HTTP, if it does
    prefix: list[str] = field(default_factory=list)  # what the command is put behind
    status: Callable[[str], int] = status
    whole: bool = False
    _running: subprocess.Popen[bytes] | Forked | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def start(self) -> None:
        """Starts it and waits until it answers."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("KINBRIDGE_")}
        env = {**clean, **self.env}
        if self.whole:
            command = [*self.prefix, str(KINBRIDGE), *self.arguments]
            with self.log.open("ab") as log:
                self._running = subprocess.Popen(command, env=env, cwd=ROOT, stdout=log, stderr=log)
        else:
            self._running = imported.start(self.arguments, env, self.log, self.prefix)
        if self.url:
            self._wait(self.url)

    def _wait(self, url: str) -> None:
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            assert self._running is not None
            if self._running.poll() is not None:
                break
            try:
                if self.status(url) < 500:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        self.kill()  # or it would go on beside all tests that follow
        raise AssertionError(f"{self.name} did not start:\n{self.words()}")

    def words(self) -> str:
        """The end of what it has logged."""
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """As a power cut would: no handler of the process runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._running is None:
            return
        self._running.send_signal(how)
        try:
            self._running.wait(20)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
        if isinstance(self._running, Forked):
            self._running.close()
        self._running = None

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Product:
    """A demonstration in one process: web, media node and worker, on SQLite."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "var"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = Process(
            "kinbridge",
            ["demo", "--port", str(self.port)],
            folder,
            {"KINBRIDGE_DATA_DIR": str(self.data), "KINBRIDGE_LOG_LEVEL": "info"},
            f"{self.url}/",
        )

    def url_of(self, host: str) -> str:
        """The demonstration gives each person a host of their own: `wife.localhost`."""
        return f"http://{host}.localhost:{self.port}"

    def start(self) -> None:
        self.process.start()

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.stop()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `kinbridge` command beside the running one: `verify ledger` and the like."""
        env = {**os.environ, **self.process.env, "KINBRIDGE_MODE": "demo"}
        return subprocess.run(
            [str(KINBRIDGE), *arguments],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
