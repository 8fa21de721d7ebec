"""The weekly assignment on seeded instances of the format kinbridge-assign/1: CPU, memory, proven gap, against first
come, by weight, and fixed 60-minute slots. Ratios are from one run on the same instances.

    python -m bench.assign                        prison-weeks (seeds 1 to 3), a province-week (three loads) …
    python -m bench.assign prison 1-10            prison-weeks of 600 requests
    python -m bench.assign province 1-5 0.9,1.15,1.5
    python -m bench.assign nation 3               three provinces of the nation's, one after another: it is linear
    python -m bench.assign longer 1 1.15          one province-week in a minute of two cores: four plans made one
    python -m bench.assign replan 40              40 seeded events on a published prison-week

Instances come from the generator beside this file; any other that writes the format may be read by `kinbridge assign`.
CP-SAT on the whole prison-week is measured too where `ortools` is installed (else a row says that it is not there); it
is no dependency.
"""

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.planning import weeks
from bench.planning.weeks import Size
from scheduler.assign import block, engine, fairness, native, problem, repair, week
from scheduler.assign.columns import Columns, Ints, array
from scheduler.assign.instance import Instance, parse
from scheduler.assign.prices import price
from scheduler.assign.search import Search

PRISON, PROVINCE = Size(1, 600), Size(23, 435)
LONGER = 4  # plans that are made one: what a minute of two cores is good for


def _say(**line: object) -> None:
    print(json.dumps(line), flush=True)


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


@dataclass(frozen=True)
class Week:
    instance: Instance
    columns: Columns
    blocks: Ints


def _built(size: Size, seed: int, load: float) -> Week:
    instance = parse(weeks.week(size, seed, load))
    return Week(instance, week.build(instance), engine.blocks_of(instance))


def _filled(columns: Columns, order: Sequence[int]) -> tuple[int, int]:
    """(value, served) when everybody in turn takes the best that is free."""
    search = Search(columns, None, 1)
    search.fill([r for r in order if columns.first[r] < columns.first[r + 1]])
    return search.value, sum(column >= 0 for column in search.chosen)


def _first_come(at: Week) -> tuple[int, int]:
    waited = [-request.waited_days for request in at.instance.requests]
    return _filled(at.columns, np.argsort(waited, kind="stable").tolist())


def _by_weight(at: Week) -> tuple[int, int]:
    weights = [-request.weight for request in at.instance.requests]
    return _filled(at.columns, np.argsort(weights, kind="stable").tolist())


def _fixed_slots(at: Week) -> tuple[int, int]:
    """As by weight, but calls begin only on the hour of their session and every 60 minutes after it."""
    columns = at.columns
    kept = np.flatnonzero(columns.start % 4 == 0)
    request = columns.request[kept]
    hourly = Columns(
        request, columns.start[kept], columns.lawyer[kept], columns.value[kept], columns.rows[kept],
        np.searchsorted(request, np.arange(columns.requests + 1)).astype(np.int64), columns.capacity, columns.names,
    )  # fmt: skip
    answer = engine.assign(hourly, at.blocks)
    return answer.value, sum(column >= 0 for column in answer.chosen)


BASELINES: dict[str, Callable[[Week], tuple[int, int]]] = {
    "first_come": _first_come,
    "by_weight": _by_weight,
    "fixed_60": _fixed_slots,
}


def assignment(name: str, size: Size, seed: int, load: float) -> float:
    """One instance; answers the CPU seconds of our way, building included."""
    instance = parse(weeks.week(size, seed, load))
    began = time.process_time()
    plan = engine.solve(instance)
    cpu = time.process_time() - began
    at = Week(instance, week.build(instance), engine.blocks_of(instance))
    line: dict[str, object] = {
        "what": name, "seed": seed, "load": load, "requests": plan.requests, "served": plan.served,
        "gap_percent": round(plan.gap_percent, 3), "cpu_s": round(cpu, 2),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    for baseline, run in BASELINES.items():
        value, served = run(at)
        line[f"{baseline}_gap_percent"] = round(100 * (plan.bound - value) / plan.bound, 2)
        line[f"visits_over_{baseline}_percent"] = round(100 * (plan.served / served - 1), 1)
    _say(**line)
    return cpu


def fair(seed: int) -> None:
    """What fairness reaches and costs on a prison-week."""
    instance = parse(weeks.week(PRISON, seed, 1.15))
    plain, kind = engine.solve(instance), engine.solve(instance, fair=True)
    _say(
        what="fairness", seed=seed, cost_percent=round(100 * (1 - kind.value / plain.value), 2),
        **{f"left_out_{t.days}": t.waiting - t.served for t in kind.tiers},
        **{f"proven_{t.days}": t.proven for t in kind.tiers}, thresholds=list(fairness.THRESHOLDS),
    )  # fmt: skip


def nation(provinces: int) -> None:
    """Province by province, each freed before the next: time is linear, memory that of one."""
    requests, gaps, cpus, memory = [], [], [], []
    for seed in range(1, provinces + 1):
        began = time.process_time()
        plan = engine.solve(parse(weeks.week(PROVINCE, 100 + seed, 1.15)))
        cpus.append(time.process_time() - began)
        requests.append(plan.requests)
        gaps.append(plan.gap_percent)
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    _say(
        what="nation in parts", provinces=provinces, requests=sum(requests), cpu_s=round(sum(cpus), 1),
        cpu_ms_per_request=[round(1000 * cpu / count, 2) for cpu, count in zip(cpus, requests, strict=True)],
        cpu_s_for_30_provinces=round(sum(cpus) / provinces * 30), worst_gap_percent=round(max(gaps), 3),
        memory_mb_after_each=memory,
    )  # fmt: skip


def longer(seed: int, load: float) -> None:
    """One province-week as a minute of two cores makes it."""
    instance = parse(weeks.week(PROVINCE, seed, load))
    began, at = time.process_time(), time.perf_counter()
    plan = engine.solve(instance, plans=LONGER)
    _say(
        what="province-week, longer", seed=seed, load=load, gap_percent=round(plan.gap_percent, 3),
        cpu_s=round(time.process_time() - began, 1), took_s=round(time.perf_counter() - at, 1),
        cores=os.cpu_count(), native=native.library() is not None,
    )  # fmt: skip


def cp_sat(seed: int, seconds: float = 30.0) -> None:
    """The whole prison-week given to CP-SAT, one thread; its gap against our bound."""
    if importlib.util.find_spec("ortools") is None:
        _say(what="CP-SAT whole", seed=seed, measured=False, because="ortools is not installed")
        return
    at = _built(PRISON, seed, 1.15)
    packed = problem.Problem(at.columns, at.blocks, array([])).pack()
    # In a process of its own: its library and ours for linear programs do not bear each other (or-tools #5246).
    told = subprocess.run(
        [sys.executable, "-m", "bench.planning.cp_sat", str(seconds)],
        input=packed, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    found = json.loads(told.stdout)
    bound = price(at.columns, at.blocks).bound
    gap = None if found["value"] is None else round(100 * (1 - found["value"] / bound), 2)
    _say(what="CP-SAT whole", seed=seed, measured=True, gap_percent=gap, cpu_s=found["cpu_s"])


def replan(events: int) -> None:
    """Seeded events on a published prison-week: the touched block is repaired, everything else stays."""
    cpus, lost, pinned, displaced, outside, least = [], 0, 0, 0, 0, 0
    for seed in (1, 2, 3):
        at = _built(PRISON, seed, 1.15)
        published = engine.assign(at.columns, at.blocks).chosen
        for event in weeks.events(at.instance, seed, events // 3):
            found = _repaired(at, published, event)
            cpus.append(found[0])
            lost, pinned, displaced = lost + found[1], pinned + found[2], displaced + found[3]
            outside += found[4]
            least += found[5]
    share = sorted(cpus)
    _say(
        what="re-plan", events=len(cpus), displaced=displaced, lost=lost, lost_pinned_greedy=pinned,
        lost_at_least=least,
        cpu_p50_s=round(statistics.median(cpus), 3), cpu_p95_s=round(share[int(len(share) * 0.95) - 1], 3),
        cpu_max_s=round(share[-1], 3), moves_outside_the_block=outside,
    )  # fmt: skip


def _repaired(
    at: Week, published: Sequence[int], event: weeks.Event
) -> tuple[float, int, int, int, int, int]:
    """(CPU seconds, lost, lost by pinned greedy, displaced, moved outside the block, what no repair of it can save)."""
    columns, requests = at.columns, at.instance.requests
    had = {
        requests[n].id: (int(columns.start[c]), int(columns.lawyer[c]) if columns.lawyer[c] >= 0 else None)
        for n, c in enumerate(published)
        if c >= 0
    }
    touched = {request.id for request in requests if event.touches(request)}
    began = time.process_time()
    part = block.take(at.instance, had, touched, event.lost)
    answer = repair.repair(part.columns, part.present, part.published)
    cpu = time.process_time() - began
    promised = np.flatnonzero(part.published).tolist()
    alone = repair.pinned(part.columns, part.present, part.published)
    stay = repair.staying(part.columns, part.present)
    lost_alone = sum(alone[r] < 0 for r in promised)
    displaced = sum(stay[r] < 0 for r in promised)
    counted = part.columns.worth(part.published[part.columns.request])
    at_most = price(counted, np.zeros(counted.requests, dtype=np.int64)).bound
    least = len(promised) - int(at_most + 1e-6)
    return cpu, answer.lost, lost_alone, displaced, len(set(part.requests) - touched), least


def main(args: Sequence[str]) -> None:
    what = args[0] if args else ""
    if what == "prison":
        for seed in _seeds(args[1]):
            assignment("prison-week", PRISON, seed, 1.15)
    elif what == "province":
        cpus = [
            assignment("province-week", PROVINCE, seed, float(load))
            for seed in _seeds(args[1])
            for load in args[2].split(",")
        ]
        _say(
            what="province-week",
            median_cpu_s=round(statistics.median(cpus), 1),
            worst_cpu_s=round(max(cpus), 1),
        )
    elif what == "nation":
        nation(int(args[1]))
    elif what == "replan":
        replan(int(args[1]))
    elif what == "longer":
        longer(int(args[1]), float(args[2]))
    else:
        for seed in (1, 2, 3):
            assignment("prison-week", PRISON, seed, 1.15)
        cp_sat(1)
        fair(1)
        replan(24)
        for load in (0.9, 1.15, 1.5):
            assignment("province-week", PROVINCE, 1, load)
        longer(1, 1.5)
        nation(2)


if __name__ == "__main__":
    main(sys.argv[1:])
