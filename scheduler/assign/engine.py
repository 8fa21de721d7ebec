"""The whole way: instance in, plan with its proof out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scheduler.assign import fairness, native, week
from scheduler.assign.columns import Columns, Floats, Ints, array
from scheduler.assign.fairness import Tier
from scheduler.assign.instance import Instance
from scheduler.assign.pool import Pool
from scheduler.assign.prices import Watch, price, unwatched
from scheduler.assign.search import Search

FORMAT = "kinbridge-plan/1"
STEPS_PER_REQUEST = 100  # about as long as the linear programs take, at most
STEPS_IN_PYTHON = 10  # of which one takes fifty times as long
PRICE_FLOOR = 1e-7  # prices below are noise of the solver


@dataclass(frozen=True, slots=True)
class Answer:
    """`chosen`: request -> its column, -1 for none. `value` and `bound` in the columns' own worth, fairness left out;
    `price`: row -> price, the proof of the bound. `tiers`: empty unless fairness was asked for."""

    chosen: list[int]
    value: int
    bound: float
    price: Floats
    tiers: list[Tier]

    @property
    def gap_percent(self) -> float:
        return 100 * (self.bound - self.value) / self.bound if self.bound > 0 else 0.0


def steps_for(requests: int) -> int:
    """Steps of the search unless somebody says otherwise."""
    return requests * (STEPS_IN_PYTHON if native.library() is None else STEPS_PER_REQUEST)


def assign(
    columns: Columns,
    blocks: Ints,
    *,
    seed: int = 1,
    steps: int | None = None,
    plans: int = 1,
    waited: Ints | None = None,
    watch: Watch = unwatched,
) -> Answer:
    """Chooses a column for as many requests as it can. `blocks`: request -> block of its linear program; `plans`: how
    many are searched and made one; `waited`: days by request, for fairness. The same input gives the same answer."""
    plain = price(columns, blocks, watch)
    wanted, prices = columns, plain
    if waited is not None:
        wanted = columns.worth(fairness.worth(columns, waited))
        prices = price(wanted, blocks, watch)
    search = Search(wanted, prices, seed, watch)
    search.round(prices)
    steps = steps_for(columns.requests) if steps is None else steps
    if plans == 1 or not len(columns.value):
        search.improve(steps, blocks)
    else:
        pool = Pool(wanted, prices, search.several(plans, steps, blocks))
        pool.merge(blocks, watch)
        search.stand(pool.chosen.tolist())
    search.polish()
    value = int(sum(columns.value[column] for column in search.chosen if column >= 0))
    tiers = [] if waited is None else fairness.tiers(columns, blocks, waited, search.chosen)
    return Answer(search.chosen, value, plain.bound, plain.row[:-1], tiers)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: who is served when, by whom, its value, and the prices that prove how near it is to the best."""

    assignments: list[dict[str, int | None]]
    duals: dict[str, float]
    value: int
    bound: float
    requests: int
    hopeless: list[int]  # requests without any way to serve them: no session, room or lawyer in their windows
    tiers: list[Tier]

    @property
    def served(self) -> int:
        return len(self.assignments)

    @property
    def gap_percent(self) -> float:
        return 100 * (self.bound - self.value) / self.bound if self.bound else 0.0

    def document(self) -> dict[str, Any]:
        """The plan in the format `kinbridge-plan/1`."""
        return {"format": FORMAT, "assignments": self.assignments, "duals": self.duals}

    def report(self) -> dict[str, Any]:
        """What a person wants to know of it."""
        fair = {
            f"waited_{tier.days}": {"waiting": tier.waiting, "served": tier.served, "at_most": tier.at_most}
            for tier in self.tiers
        }
        return {
            "served": self.served, "requests": self.requests, "value": self.value, "bound": round(self.bound, 1),
            "gap_percent": round(self.gap_percent, 3), "hopeless": self.hopeless, **fair,
        }  # fmt: skip


def blocks_of(instance: Instance) -> Ints:
    """Request -> its block: the family calls of a wing, the legal calls of a prison."""
    return array(r.prison * 4096 + (r.wing + 1 if r.kind == "family" else 0) for r in instance.requests)


def solve(
    instance: Instance, *, seed: int = 1, steps: int | None = None, plans: int = 1, fair: bool = False
) -> Plan:
    """Plans the week. The same input gives the same plan. `plans`: as `assign`; `fair`: waiting comes before value."""
    columns = week.build(instance)
    waited = array(r.waited_days for r in instance.requests) if fair else None
    answer = assign(columns, blocks_of(instance), seed=seed, steps=steps, plans=plans, waited=waited)
    served = [(index, column) for index, column in enumerate(answer.chosen) if column >= 0]
    lawyers = columns.lawyer.tolist()
    assignments: list[dict[str, int | None]] = [
        {
            "request": instance.requests[index].id,
            "start": int(columns.start[column]),
            "lawyer": lawyers[column] if lawyers[column] >= 0 else None,
        }
        for index, column in served
    ]
    priced = np.flatnonzero(answer.price > PRICE_FLOOR).tolist()
    duals = {columns.names[row]: float(answer.price[row]) for row in priced}
    hopeless = [r.id for i, r in enumerate(instance.requests) if columns.first[i] == columns.first[i + 1]]
    return Plan(assignments, duals, answer.value, answer.bound, columns.requests, hopeless, answer.tiers)
