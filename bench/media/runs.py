"""One run each: sets the calls up, lets them go, counts for a while, looks at what was recorded."""

import asyncio
import math
import os
import time
from pathlib import Path
from typing import Any

from bench.media import cpu
from bench.media.check import checked
from bench.media.janus import Janus
from bench.media.pipe import Program

WARM_UP = 3.0  # seconds before the count begins
SERVER_CORE, LOAD_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
STORM = 20  # joins per second
RECORDED = 600  # seconds of a recording in a soak
FLAT = 1.0  # megabytes by which all calls together may have grown in the second half of a soak: the allocator rounds


async def _started(backend: str, host: str, home: Path, calls: int) -> tuple[Program, Program, float]:
    """Server and peers with all calls connected, and CPU seconds per join."""
    server = await Program.start("bench.media.ours", host, backend, str(home))
    load = await Program.start("bench.media.load", host, "bare" if backend == "floor" else "srtp")
    pid = server.process.pid
    await server.ask(forwarded=True)
    cpu.pin(pid, SERVER_CORE)
    begun = cpu.seconds(pid)
    for call in range(calls):
        for role in range(3):
            offer = (await server.ask(open=f"{call}-{role}", role=role, call=call))["offer"]
            answer = (await load.ask(offer=offer, call=call, role=role))["answer"]
            await server.ask(accept=f"{call}-{role}", answer=answer)
    if (await server.ask(connected=3 * calls))["connected"] < 3 * calls:
        raise SystemExit("not everybody was connected within a minute")
    await load.ask(connected=3 * calls)
    join = (cpu.seconds(pid) - begun) / (3 * calls)
    await server.ask(flow=True)
    return server, load, join


async def run_ours(
    backend: str, host: str, home: Path, calls: int, seconds: float, loss: float
) -> dict[str, Any]:
    """`backend`: python, native, or floor (native without cryptography)."""
    server, load, join = await _started(backend, host, home, calls)
    pid = server.process.pid
    try:
        await load.ask(run=WARM_UP + seconds + 30, loss=round(loss * 100))
        await asyncio.sleep(WARM_UP)
        await load.ask(measure=True)
        before, threads = await server.ask(forwarded=True), cpu.by_thread(pid)
        used, wall = cpu.seconds(pid), time.monotonic()
        await asyncio.sleep(seconds)
        used, wall = cpu.seconds(pid) - used, time.monotonic() - wall
        threads = {
            name: round((now - threads.get(name, 0.0)) / wall * 60 / calls, 3)
            for name, now in cpu.by_thread(pid).items()
        }
        after = await server.ask(forwarded=True)
        sent = after["packets"] - before["packets"]
        figures = (await load.ask(end=True))["figures"]
        done = await server.ask(finish=True)
        memory = cpu.resident(pid)
    finally:
        await load.end()
        await server.end()
    recorded = {} if backend == "floor" else checked(done["files"], expected=2 * calls)
    return {
        "cpu_s_per_call_minute": round(used / wall * 60 / calls, 3),
        "by_thread": threads,
        "figures_percent_of_cpu": round((after["looked"] - before["looked"]) / used * 100, 1),
        "planning_percent_of_cpu": round((after["planned"] - before["planned"]) / used * 100, 1),
        "us_per_forwarded_packet": round(used / max(1, sent) * 1e6, 1),
        "forwarded_per_s": round(sent / wall),
        "cpu_ms_per_join": round(join * 1000, 1),
        "memory_mb": round(memory),
        "delay_ms": figures["delay_ms"],
        "mended": figures["resent"],
        "dropped": figures["dropped"],
        "broken": figures["broken"],
        "lost": done["lost"],
        "recorders_healthy": done["healthy"],
        "counters": done["counters"],
        **recorded,
    }


async def run_janus(_: str, host: str, home: Path, calls: int, seconds: float, loss: float) -> dict[str, Any]:
    """To a playable file: the server, and its post-processor for as long a piece of recording."""
    server = Janus(home, host)
    pid = server.process.pid
    load = await Program.start("bench.media.load", host, "srtp")
    try:
        await server.open()
        cpu.pin(pid, SERVER_CORE)
        begun = cpu.seconds(pid)
        for call in range(calls):
            await server.call(call, load)
        await load.ask(connected=5 * calls)
        join = (cpu.seconds(pid) - begun) / (3 * calls)
        started = time.monotonic()
        await load.ask(run=WARM_UP + seconds + 30, loss=round(loss * 100))
        await asyncio.sleep(WARM_UP)
        before = (await load.ask(measure=True))["figures"]["received"]
        used, wall = cpu.seconds(pid), time.monotonic()
        await asyncio.sleep(seconds)
        used, wall = cpu.seconds(pid) - used, time.monotonic() - wall
        figures = (await load.ask(end=True))["figures"]
        recorded_for = time.monotonic() - started
        memory = cpu.resident(pid)
        await server.close(calls)
    finally:
        await load.end()
        server.process.kill()
    finishing, files = server.finish()
    relaying = used / wall * 60 / calls
    return {
        "cpu_s_per_call_minute": round(relaying + finishing / recorded_for * 60 / calls, 3),
        "of_that_relaying": round(relaying, 3),
        "forwarded_per_s": round((figures["received"] - before) / wall),
        "cpu_ms_per_join": round(join * 1000, 1),
        "memory_mb": round(memory),
        "delay_ms": figures["delay_ms"],
        "mended": figures["resent"],
        "dropped": figures["dropped"],
        "broken": figures["broken"],
        "files": len(files),
    }


async def run_storm(backend: str, host: str, home: Path, calls: int, seconds: float) -> dict[str, Any]:
    """The delay of what is relayed while `STORM` people a second join."""
    server, load, _ = await _started(backend, host, home, calls)
    crowd = await Program.start("bench.media.load", host, "srtp")
    cpu.pin(crowd.process.pid, LOAD_CORE)
    pid = server.process.pid
    try:
        await load.ask(run=WARM_UP + seconds + 60, loss=0)
        await asyncio.sleep(WARM_UP)
        calm = (await load.ask(measure=True))["figures"]
        quiet = cpu.seconds(pid)
        await asyncio.sleep(5)
        quiet = (cpu.seconds(pid) - quiet) / 5
        calm = (await load.ask(measure=True))["figures"]
        used, waited, begun = cpu.seconds(pid), cpu.waited(pid), time.monotonic()
        joins = math.ceil(seconds * STORM)
        for number in range(joins):
            offer = (await server.ask(bare=f"crowd-{number}"))["offer"]
            answer = (await crowd.ask(bare=offer))["answer"]
            await server.ask(accept=f"crowd-{number}", answer=answer)
            await asyncio.sleep(max(0.0, begun + (number + 1) / STORM - time.monotonic()))
        used, waited, wall = cpu.seconds(pid) - used, cpu.waited(pid) - waited, time.monotonic() - begun
        joined = (await server.ask(connected=3 * calls + joins * 9 // 10))["connected"] - 3 * calls
        storm = (await load.ask(end=True))["figures"]
        standing = cpu.seconds(pid)
        await asyncio.sleep(5)
        # Nothing flows any more: all legs are alike.
        standing = (cpu.seconds(pid) - standing) / 5 * joins / (joins + 3 * calls)
    finally:
        for program in (load, crowd, server):
            await program.end()
    spent = used - quiet * wall
    return {
        "calls": calls,
        "joins_per_s": round(joins / wall, 1),
        "joined": f"{joined}/{joins}",
        "delay_ms": storm["delay_ms"],
        "delay_ms_without": calm["delay_ms"],
        "peers_looked_after_ms": storm["peers_looked_after_ms"],
        "cpu_ms_per_join": round(spent / joins * 1000, 1),
        # Without what those who were in cost while the others came: half of them, on the average.
        "cpu_ms_per_join_alone": round((spent - standing * wall / 2) / joins * 1000, 1),
        "waited_for_the_core_percent": round(waited / wall * 100, 1),
    }


async def run_soak(backend: str, host: str, home: Path, calls: int, seconds: float) -> dict[str, Any]:
    """Memory over time: megabytes at ten moments, per call and grown. Recordings are of ten minutes at most, for they
    would fill the disk; that many come and go, too."""
    server, load, _ = await _started(backend, host, home, calls)
    empty = await Program.start("bench.media.ours", host, backend, str(home / "empty"))
    try:
        await empty.ask(forwarded=True)
        base = cpu.resident(empty.process.pid)
        await load.ask(run=seconds + 60, loss=100)
        seen, flowed, forwarded = [], [], 0
        for _ in range(10):
            turns = max(1, math.ceil(seconds / 10 / RECORDED))
            for _ in range(turns):
                await asyncio.sleep(seconds / 10 / turns)
                await server.ask(renew=True)
            seen.append(cpu.resident(server.process.pid))
            before, forwarded = forwarded, (await server.ask(forwarded=True))["packets"]
            flowed.append(round((forwarded - before) * 10 / seconds))
        await load.ask(end=True)
    finally:
        for program in (load, empty, server):
            await program.end()
    return {
        "calls": calls,
        "seconds": seconds,
        "memory_mb": [round(one) for one in seen],
        "forwarded_per_s": flowed,
        "mb_per_call": round((seen[-1] - base) / calls, 2),
        "grown_mb_per_call_in_second_half": round((seen[-1] - seen[4]) / calls, 3),
        "flat": seen[-1] - seen[4] < FLAT and min(flowed) > 0.9 * max(flowed),  # of calls that all went on
    }
