"""The local search in C (`csrc/search.c`), where it was built from these sources; the same plan as `chains`, sooner."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from cffi import FFI

from scheduler.assign.building import SEARCH
from scheduler.assign.moves import DEPTH, LEVELS, Moves

_CALLS = """
struct problem {
    int32_t requests, columns, rows, blocks, width, depth, levels;
    const int32_t *first, *place, *row, *capacity, *block;
    const int64_t *value;
    const double *reduced, *attraction, *noise, *passing, *patience, *temperature;
};
typedef struct search search;
search *kb_search_open(const struct problem *, const int32_t *chosen, uint64_t seed);
int64_t kb_search_run(search *, int32_t block, int64_t steps);
void kb_search_chosen(search *, int32_t *chosen);
void kb_search_close(search *);
"""

_factory: Any = FFI  # it is untyped
ffi: Any = _factory()
ffi.cdef(_CALLS)


@functools.cache
def library() -> Any | None:
    """The library, or none: it was not built, or of other sources."""
    return ffi.dlopen(str(SEARCH.path)) if SEARCH.is_built() else None


class Native:
    """As `chains.Chains`. The arrays are lent to C and kept here as long as it reads them."""

    def __init__(self, code: Any, moves: Moves, chosen: Sequence[int]) -> None:
        columns = moves.columns
        real = columns.rows < len(columns.capacity)
        counts = real.sum(axis=1)
        self._code, self._requests = code, columns.requests
        self._lent: list[Any] = []
        given = ffi.new("struct problem *")
        given.requests, given.columns, given.rows = (
            columns.requests,
            len(columns.value),
            len(columns.capacity),
        )
        given.blocks, given.depth, given.levels = moves.blocks, DEPTH, LEVELS
        given.width = int(counts.max(initial=0))
        for name, values in (
            ("first", columns.first), ("place", np.append(0, np.cumsum(counts))), ("row", columns.rows[real]),
            ("capacity", columns.capacity), ("block", moves.block), ("value", columns.value),
            ("reduced", moves.reduced), ("attraction", moves.attraction), ("noise", moves.noise),
            ("passing", moves.passing), ("patience", moves.patience), ("temperature", moves.temperature),
        ):  # fmt: skip
            setattr(given, name, self._lend(name, values))
        stand = self._array("int32_t", np.array(chosen))
        made = code.kb_search_open(given, stand, moves.seed)
        if made == ffi.NULL:
            raise MemoryError
        self._handle = ffi.gc(made, code.kb_search_close)

    def _lend(self, name: str, values: Any) -> Any:
        kinds = {
            "first": "int32_t",
            "place": "int32_t",
            "row": "int32_t",
            "capacity": "int32_t",
            "block": "int32_t",
        }
        return self._array("int64_t" if name == "value" else kinds.get(name, "double"), values)

    def _array(self, kind: str, values: Any) -> Any:
        lent = ffi.from_buffer(f"{kind}[]", np.ascontiguousarray(values, dtype=kind.removesuffix("_t")))
        self._lent.append(lent)  # and with it the array
        return lent

    def run(self, block: int, steps: int) -> int:
        return int(self._code.kb_search_run(self._handle, block, steps))

    def chosen(self) -> list[int]:
        found = np.empty(self._requests, dtype=np.int32)
        self._code.kb_search_chosen(self._handle, ffi.from_buffer("int32_t[]", found))
        return found.tolist()
