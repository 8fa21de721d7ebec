"""The product at its full size: two web processes, a media process and a worker, on PostgreSQL and Redis."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.browser.product import KINBRIDGE, Process, free_port
from tests.imported import ROOT


@dataclass
class Large:
    """The ports of the two web processes, and all processes by name."""

    ports: tuple[int, int]
    processes: dict[str, Process]

    def url_of(self, host: str, web: int) -> str:
        return f"http://{host}.localhost:{self.ports[web]}"


@contextlib.contextmanager
def running(folder: Path, postgresql_url: str, redis_url: str) -> Iterator[Large]:
    """Migrates, fills with the demonstration's people, starts all four; stops them at the end."""
    with psycopg.connect(f"{postgresql_url}/postgres", autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS kinbridge_large WITH (FORCE)")
        admin.execute("CREATE DATABASE kinbridge_large")
    ports = (free_port(), free_port())
    env = {
        "KINBRIDGE_MODE": "demo",
        "KINBRIDGE_DATA_DIR": str(folder / "var"),
        "KINBRIDGE_DATABASE_URL": f"{postgresql_url}/kinbridge_large",
        "KINBRIDGE_REDIS_URL": redis_url,
        "KINBRIDGE_EMBED_MEDIA": "false",
        "KINBRIDGE_EMBED_WORKER": "false",
        "KINBRIDGE_LOG_LEVEL": "info",
    }
    (folder / "var").mkdir(parents=True)
    _prepare(env)
    processes = {
        "web-0": Process(
            "web-0", ["serve", "--port", str(ports[0])], folder, env, f"http://127.0.0.1:{ports[0]}/"
        ),
        "web-1": Process(
            "web-1", ["serve", "--port", str(ports[1])], folder, env, f"http://127.0.0.1:{ports[1]}/"
        ),
        "media": Process("media", ["media"], folder, env),
        "worker": Process("worker", ["worker"], folder, env),
    }
    processes["web-0"].whole = True
    try:
        for process in processes.values():
            process.start()
        yield Large(ports, processes)
    finally:
        for process in processes.values():
            process.stop()
            print(f"--- {process.name}\n{process.words()}")


def _prepare(env: dict[str, str]) -> None:
    """What `kinbridge demo` does before it serves."""
    code = "import asyncio; from web.cli import demo; from core.settings import from_environment as read; "
    script = code + "asyncio.run(demo.prepare(read(), fresh=False))"
    python = KINBRIDGE.with_name("python")
    done = subprocess.run(
        [str(python), "-c", script], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + json.dumps(env)
