"""Real PostgreSQL and Redis for the tests: started on free ports, in folders of their own, and ended with the run."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_program(name: str, *folders: str, others: tuple[str, ...] = ()) -> str:
    """The program's path, `others` being its names elsewhere; raises with the words that tell what to install."""
    places = [*folders, *sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)]
    found = next((path for one in (name, *others) if (path := shutil.which(one))), None)
    found = found or shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise RuntimeError(f"{name} is missing: run `make services`, which says what to install")
    return found


def _as_owner(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand it to its own user then."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A fresh cluster without durability (tests only); yields a URL that ends with the host and port."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = _as_owner(folder)
    data, port = folder / "data", free_port()
    initdb, postgres = find_program("initdb"), find_program("postgres")
    subprocess.run(
        [*owner, initdb, "-D", str(data), "-U", "kinbridge", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"],
        check=True, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    options = [
        f"-cport={port}", "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={folder}", "-cfsync=off",
        "-csynchronous_commit=off", "-cfull_page_writes=off", "-cmax_connections=300", "-cshared_buffers=64MB",
    ]  # fmt: skip
    server = subprocess.Popen(
        [*owner, postgres, "-D", str(data), *options], stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        _wait_for(port, server)
        _wait_until_accepting(f"postgresql://kinbridge@127.0.0.1:{port}/postgres")
        yield f"postgresql://kinbridge@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_until_accepting(url: str) -> None:
    """The port answers a moment before the cluster does ("the database system is starting up")."""
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of its own; yields its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = subprocess.Popen(
        [
            find_program("redis-server"),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(20)


S3_KEY, S3_SECRET, S3_BUCKET = "kinbridge-tests", "only-for-tests-0123456789", "recordings"


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[str]:
    """A SeaweedFS of its own with one bucket, keys as above; yields its S3 endpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "s3.json"
    config.write_text(
        json.dumps(
            {
                "identities": [
                    {
                        "name": "tests",
                        "credentials": [{"accessKey": S3_KEY, "secretKey": S3_SECRET}],
                        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                    }
                ]
            }
        )
    )
    names = ("master", "volume", "filer", "s3")
    numbers = [free_port() for _ in range(2 * len(names))]
    flags = [f"-{name}.port={number}" for name, number in zip(names, numbers, strict=False)]
    flags += [f"-{name}.port.grpc={number}" for name, number in zip(names, numbers[4:], strict=True)]
    program = find_program("weed", str(Path(sys.executable).parent))
    server = subprocess.Popen(
        [
            program, "server", "-filer", "-s3", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.config={config}", "-volume.max=8", "-master.volumeSizeLimitMB=64", "-master.volumePreallocate=false",
            "-volume.minFreeSpace=1", "-s3.port.iceberg=0", *flags,
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    try:
        _wait_for(numbers[3], server)
        yield f"http://127.0.0.1:{numbers[3]}"
    finally:
        server.kill()  # it would take half a minute to say good-bye, and nobody comes back to what it holds
        server.wait(30)


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"{server.args!r} ended with {server.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{server.args!r} does not answer")


@dataclass(frozen=True)
class TurnPlace:
    """Where a coturn stands. Each pair of addresses: IPv4, IPv6; `command`: what its program is put behind."""

    addresses: tuple[str, str]
    media: tuple[str, str]
    tls: tuple[Path, Path]  # certificate, key
    command: list[str]


@contextlib.contextmanager
def turn_of_operators(folder: Path, secret: str, place: TurnPlace) -> Iterator[None]:
    """A coturn configured by docs/coturn.conf, on ports 3478 and 443 of `place`."""
    folder.mkdir(parents=True, exist_ok=True)
    filled = (Path(__file__).parents[1] / "docs" / "coturn.conf").read_text(encoding="utf-8")
    for name, value in {
        "IPV4": place.addresses[0], "IPV6": place.addresses[1], "MEDIA4": place.media[0], "MEDIA6": place.media[1],
        "CERTIFICATE": str(place.tls[0]), "KEY": str(place.tls[1]), "SECRET": secret, "REALM": "kinbridge.test",
    }.items():  # fmt: skip
        filled = filled.replace(f"<{name}>", value)
    config = folder / "coturn.conf"
    config.write_text(filled, encoding="utf-8")
    program = find_program("turnserver", "/usr/bin", "/usr/sbin")
    server = subprocess.Popen(
        [
            *place.command, program, "-c", str(config), f"--userdb={folder / 'turn.sqlite'}",
            f"--pidfile={folder / 'turn.pid'}", f"--log-file={folder / 'turn.log'}", "--simple-log",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        server.terminate()
        server.wait(20)


@contextlib.contextmanager
def turn(folder: Path, secret: str) -> Iterator[str]:
    """A coturn of its own on loopback, with time-limited credentials; yields its `turn:` URL (UDP and TCP)."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = subprocess.Popen(
        [
            find_program("turnserver", "/usr/bin", "/usr/sbin"), "-n", "--no-cli", "--no-tls", "--no-dtls",
            "--listening-ip=127.0.0.1", f"--listening-port={port}", "--relay-ip=127.0.0.1", "--allow-loopback-peers",
            "--use-auth-secret", f"--static-auth-secret={secret}", "--realm=kinbridge.test", "--no-multicast-peers",
            f"--userdb={folder / 'turn.sqlite'}", f"--pidfile={folder / 'turn.pid'}",
            f"--log-file={folder / 'turn.log'}",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(port, server)
        yield f"turn:127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)
