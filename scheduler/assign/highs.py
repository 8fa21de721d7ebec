"""Linear and integer programs, solved by HiGHS: worth is to be great, no row beyond its limit, nothing below nought.

One thread for each program, which lets Python go meanwhile: who has several solves them side by side. The same program
gives the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from scheduler.assign.columns import Floats, Ints, array

_LEAST = 0.5  # of a column of an integer program that is taken


@dataclass(frozen=True, slots=True)
class Matrix:
    """Coefficients column by column: those of column c are numbers `begin[c]` to `begin[c + 1]` of `row` and `factor`.
    `limits`: row -> what the sum over the columns may come to."""

    begin: Ints
    row: Ints
    factor: Floats
    limits: Floats


def matrix(column: Ints, row: Ints, limits: Floats, columns: int, factor: Floats | None = None) -> Matrix:
    """From entries (column, row), in any order, each with its factor, or 1."""
    order = np.argsort(column, kind="stable")
    begin = np.searchsorted(column[order], np.arange(columns + 1)).astype(np.int64)
    return Matrix(begin, row[order], np.ones(len(row)) if factor is None else factor[order], limits)


def of_entries(entries: Sequence[tuple[int, int, float]], limits: Sequence[float], columns: int) -> Matrix:
    """From (row, column, factor)."""
    row, column, factor = zip(*entries, strict=True)
    return matrix(array(column), array(row), np.array(limits, dtype=np.float64), columns, np.array(factor))


def fractions(
    worth: Floats | Ints, asked: Matrix, most: float = highspy.kHighsInf, method: str = "simplex"
) -> tuple[Floats, Floats]:
    """The linear program's answer: of each column how much, each `most` times, and the price of each row, not negative.
    `method`: "simplex", or "ipx" for great ones. Raises `RuntimeError` where there is no best one."""
    solver = _loaded(worth, asked, most)
    solver.setOptionValue("solver", method)
    if method != "simplex":
        solver.setOptionValue(
            "presolve", "off"
        )  # for rows that cannot bind are not written down in the first place
    solver.run()
    ended = solver.getModelStatus()
    if ended != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"a linear program ended with: {solver.modelStatusToString(ended)}")
    solution = solver.getSolution()
    return np.array(solution.col_value), np.maximum(0, -np.array(solution.row_dual))


def whole(worth: Floats | Ints, asked: Matrix, known: Ints, near: float) -> Ints:
    """The columns of the best choice that was found, each taken whole or not at all; never worse than those `known`.
    Looks until it is within `near` (relative) of the best, or at the root of branch and bound alone: seconds would not
    give the same answer again. Without a search for symmetries, restarts and rounds of "relaxation induced
    neighbourhoods", which together cost as much as they bring (docs/decisions/0043)."""
    solver = _loaded(worth, asked, 1.0)
    solver.changeColsIntegrality(
        len(worth), np.arange(len(worth), dtype=np.int32), np.ones(len(worth), dtype=np.uint8)
    )
    for option, value in (
        ("mip_rel_gap", near),
        ("mip_max_nodes", 1),
        ("mip_detect_symmetry", False),
        ("mip_allow_restart", False),
        ("mip_heuristic_run_rins", False),
    ):
        solver.setOptionValue(option, value)
    start = highspy.HighsSolution()
    start.col_value = np.isin(np.arange(len(worth)), known).astype(np.float64)
    solver.setSolution(start)
    solver.run()
    found: Ints = np.flatnonzero(np.array(solver.getSolution().col_value) > _LEAST)
    return found


def _loaded(worth: Floats | Ints, asked: Matrix, most: float) -> highspy.Highs:
    """A solver with the program in it, in which a column may be taken `most` times."""
    columns, rows = len(worth), len(asked.limits)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, rows
    model.col_cost_ = -np.asarray(worth, dtype=np.float64)
    model.col_lower_, model.col_upper_ = np.zeros(columns), np.full(columns, most)
    model.row_lower_, model.row_upper_ = np.full(rows, -highspy.kHighsInf), asked.limits
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = asked.begin.astype(np.int32)
    model.a_matrix_.index_ = asked.row.astype(np.int32)
    model.a_matrix_.value_ = asked.factor
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.passModel(model)
    return solver
