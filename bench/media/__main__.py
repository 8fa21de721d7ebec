"""`make bench-media`: prints JSON lines; every run is bounded and stops by itself.

    python -m bench.media [--calls 1,5,10,20,40] [--seconds 12] [--rounds 3] [--loss 0,2] [--only …]
    python -m bench.media --minutes 120    only calls that go on for so long, with each relay: whether memory is flat

Servers are pinned to one core and their peers to another. The rounds go over all servers in turn, so that a ratio
compares what was measured within the same minutes; only ratios mean anything on a machine that others use too.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.media import janus
from bench.media.runs import run_janus, run_ours, run_soak, run_storm
from bench.media.stock import run_stock

HOST = "198.18.0.1"  # of a network of our own (RFC 2544); Janus never uses the loopback interface
CRYPTOGRAPHY_US = 1.4  # per forwarded packet, one encryption and half a decryption (docs/decisions/0010)


def say(**row: Any) -> None:
    print(json.dumps(row, ensure_ascii=False), flush=True)


def in_own_network() -> bool:
    """Starts this program again in a network namespace with an address for everybody; False: it may not."""
    if os.environ.get("KB_BENCH_NETWORK"):
        return True
    if os.geteuid() or not all(map(shutil.which, ("unshare", "ip"))):
        return False
    set_up = (
        f"ip link set lo up && ip link add m0 type veth peer name m1 && ip addr add {HOST}/24 dev m0 && "
        'ip link set m0 up && ip link set m1 up && exec "$@"'
    )
    command = [
        "unshare",
        "--net",
        "sh",
        "-c",
        set_up,
        "sh",
        sys.executable,
        "-m",
        "bench.media",
        *sys.argv[1:],
    ]
    sys.exit(subprocess.call(command, env={**os.environ, "KB_BENCH_NETWORK": "1"}))


async def compare(arguments: argparse.Namespace, host: str, *, with_janus: bool) -> None:
    """The main table: each server in turn, for each number of calls and each loss."""
    servers = [name for name in ("janus", "python", "native", "floor") if name in arguments.only]
    if not with_janus:
        servers = [name for name in servers if name != "janus"]
    for loss in arguments.loss:
        for calls in arguments.calls:
            rows: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
            for _ in range(arguments.rounds):
                for name in servers:
                    with tempfile.TemporaryDirectory() as home:
                        run = run_janus if name == "janus" else run_ours
                        row = await run(name, host, Path(home), calls, arguments.seconds, loss)
                    rows[name].append(row)
                    say(server=name, calls=calls, loss_percent=loss, **row)
            ratios(rows, calls, loss)


def ratios(rows: dict[str, list[dict[str, Any]]], calls: int, loss: float) -> None:
    """Medians against Janus and against the floor."""
    cost = {
        name: statistics.median(row["cpu_s_per_call_minute"] for row in of) for name, of in rows.items() if of
    }
    if "floor" in cost:
        forwarded = statistics.median(row["forwarded_per_s"] for row in rows["floor"])
        cost["floor"] += forwarded * 60 / calls * CRYPTOGRAPHY_US / 1e6
    for name in ("python", "native"):
        for base in ("janus", "floor"):
            if name in cost and base in cost:
                say(
                    ratio=f"{name}/{base}",
                    calls=calls,
                    loss_percent=loss,
                    value=round(cost[name] / cost[base], 2),
                )


async def against_stock(arguments: argparse.Namespace, host: str) -> None:
    """aiortc's relay carries one call; against it, what one of ten costs."""
    rows: dict[str, list[float]] = {}
    for _ in range(max(1, arguments.rounds)):
        row = await run_stock(host, arguments.seconds)
        rows.setdefault("aiortc", []).append(row["cpu_s_per_call_minute"])
        say(server="aiortc", **row)
        for backend in (name for name in ("python", "native") if name in arguments.only):
            with tempfile.TemporaryDirectory() as home:
                row = await run_ours(backend, host, Path(home), 10, arguments.seconds, 0)
            rows.setdefault(backend, []).append(row["cpu_s_per_call_minute"])
            say(server=backend, calls=10, loss_percent=0, **row)
    for backend in rows.keys() - {"aiortc"}:
        times = statistics.median(rows["aiortc"]) / statistics.median(rows[backend])
        say(ratio=f"aiortc/{backend}", calls="1 to 10", value=round(times, 1))


async def bench(arguments: argparse.Namespace) -> None:
    network = bool(os.environ.get("KB_BENCH_NETWORK"))
    host = HOST if network else "127.0.0.1"
    with_janus = network and janus.available()
    if not with_janus:
        say(left_out="janus", why="not installed" if network else "needs a network of its own, and so root")
    if arguments.minutes:
        await soak(arguments, host)
        return
    await compare(arguments, host, with_janus=with_janus)
    for backend in ("python", "native"):
        if backend in arguments.only and "storm" in arguments.only:
            with tempfile.TemporaryDirectory() as home:
                say(storm=backend, **await run_storm(backend, host, Path(home), 10, arguments.seconds))
    if "stock" in arguments.only:
        await against_stock(arguments, host)


async def soak(arguments: argparse.Namespace, host: str) -> None:
    """At the largest number of calls that was asked for, twenty at most."""
    calls = min(20, max(arguments.calls))
    for backend in (name for name in ("python", "native") if name in arguments.only):
        with tempfile.TemporaryDirectory() as home:
            say(soak=backend, **await run_soak(backend, host, Path(home), calls, 60 * arguments.minutes))


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.media")
    parser.add_argument(
        "--calls", type=lambda text: [int(one) for one in numbers(text)], default=[1, 5, 10, 20, 40]
    )
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loss", type=numbers, default=[0, 2])
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=["janus", "python", "native", "floor", "storm", "stock"],
    )
    arguments = parser.parse_args()
    in_own_network()
    asyncio.run(bench(arguments))


if __name__ == "__main__":
    main()
