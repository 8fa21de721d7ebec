"""Each parser with its seeds, with changed seeds, with noise, and with everything a fuzzer ever found.

None of it may hold up the calls of others, either: what is handled at once costs less than a tenth of a second.
"""

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, Target

FINDINGS = Path(__file__).parent / "findings"
STALL = 0.1  # seconds of this thread's own CPU time, whatever else the machine does


@pytest.fixture(autouse=True)
def no_collections() -> Iterator[None]:
    """A collection looks at everything that the tests have loaded; in a process that serves, `core.garbage` is set."""
    gc.disable()
    yield
    gc.enable()


def run(target: Target, data: bytes) -> None:
    begun = time.thread_time()
    target.run(data)
    assert time.thread_time() - begun < STALL


@st.composite
def changed(draw: st.DrawFn, target: Target) -> bytes:
    """A seed with a few bytes changed, taken out, put in or doubled."""
    data = bytearray(draw(st.sampled_from(list(target.seeds()))))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 3))
        if kind == 0 and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif kind == 1:
            del data[at : at + draw(st.integers(1, 16))]
        elif kind == 2:
            data[at:at] = draw(st.binary(max_size=8))
        else:
            data[at:at] = data[max(0, at - 12) : at]
    return bytes(data)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_that_is_sent_to_a_parser_gets_through_it(target: Target) -> None:
    for seed in target.seeds():
        run(target, seed)

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(changed(target), st.binary(max_size=120)))
    def fed(data: bytes) -> None:
        run(target, data)

    fed()


def test_what_was_found_once_stays_mended() -> None:
    by_name = {target.name: target for target in TARGETS}
    for name, target in by_name.items():  # those of the relay in C: tests/fuzz/test_native.py
        for path in FINDINGS.glob(f"{name}/*"):
            run(target, path.read_bytes())
