"""The whole way: instance in, plan with its proof out."""

from dataclasses import dataclass
from typing import Any

from scheduler.assign import columns as ways
from scheduler.assign.instance import Instance
from scheduler.assign.prices import price
from scheduler.assign.search import Search

FORMAT = "kinbridge-plan/1"
STEPS_PER_REQUEST = 30
_PRICE_FLOOR = 1e-7  # prices below are noise of the solver


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: who is served when, by whom, its value, and the prices that prove how near it is to the best."""

    assignments: list[dict[str, int | None]]
    duals: dict[str, float]
    value: int
    bound: float
    served: int
    requests: int
    hopeless: list[int]  # requests without any way to serve them: no session, room or lawyer in their windows

    @property
    def gap_percent(self) -> float:
        return 100 * (self.bound - self.value) / self.bound if self.bound else 0.0

    def document(self) -> dict[str, Any]:
        """The plan in the format `kinbridge-plan/1`."""
        return {"format": FORMAT, "assignments": self.assignments, "duals": self.duals}

    def report(self) -> dict[str, Any]:
        """What a person wants to know of it."""
        return {
            "served": self.served, "requests": self.requests, "value": self.value, "bound": round(self.bound, 1),
            "gap_percent": round(self.gap_percent, 3), "hopeless": self.hopeless,
        }  # fmt: skip


def solve(instance: Instance, *, seed: int = 1, steps: int | None = None) -> Plan:
    """Plans the week. The same instance, seed and steps give the same plan."""
    columns = ways.build(instance)
    prices = price(instance, columns)
    search = Search(columns, prices, seed)
    search.round(prices)
    search.improve(STEPS_PER_REQUEST * len(instance.requests) if steps is None else steps)
    search.polish()
    assignments: list[dict[str, int | None]] = []
    for index, column in enumerate(search.chosen):
        if column >= 0:
            lawyer = int(columns.lawyer[column])
            assignments.append(
                {
                    "request": instance.requests[index].id,
                    "start": int(columns.start[column]),
                    "lawyer": None if lawyer < 0 else lawyer,
                }
            )
    duals = {columns.names[row]: float(p) for row, p in enumerate(prices.row[:-1]) if p > _PRICE_FLOOR}
    hopeless = [r.id for i, r in enumerate(instance.requests) if columns.first[i] == columns.first[i + 1]]
    return Plan(
        assignments, duals, search.value, prices.bound, len(assignments), len(instance.requests), hopeless
    )  # fmt: skip
