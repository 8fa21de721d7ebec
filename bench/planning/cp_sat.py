"""A whole week given to CP-SAT, one thread: a problem on standard input (`scheduler.assign.problem`), what its plan is
worth (null: it found none) and CPU seconds as JSON on standard output. Wants `ortools`, which is no dependency.

    python -m bench.planning.cp_sat SECONDS
"""

import importlib
import json
import sys
import time
from itertools import pairwise
from typing import Any

from scheduler.assign import problem


def main(seconds: float) -> None:
    model_of: Any = importlib.import_module("ortools.sat.python.cp_model")
    columns = problem.unpack(sys.stdin.buffer.read()).columns
    model = model_of.CpModel()
    taken = [model.new_bool_var("") for _ in columns.value]
    for first, last in pairwise(columns.first.tolist()):
        model.add_at_most_one(taken[first:last])
    users: list[list[Any]] = [[] for _ in range(len(columns.capacity) + 1)]
    for column, rows in enumerate(columns.rows.tolist()):
        for row in rows:
            users[row].append(taken[column])
    for row, capacity in enumerate(columns.capacity.tolist()):
        model.add(sum(users[row]) <= capacity)
    model.maximize(sum(int(v) * one for v, one in zip(columns.value, taken, strict=True)))
    solver = model_of.CpSolver()
    solver.parameters.max_time_in_seconds, solver.parameters.num_workers = seconds, 1
    began = time.process_time()
    found = solver.solve(model) in {model_of.OPTIMAL, model_of.FEASIBLE}
    value = solver.objective_value if found else None
    print(json.dumps({"value": value, "cpu_s": round(time.process_time() - began, 1)}))


if __name__ == "__main__":
    main(float(sys.argv[1]))
