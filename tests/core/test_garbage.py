"""A collection in a process that serves is short: what it was loaded with is not looked at."""

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from core import garbage, settings

class Ring:
    def __init__(self):
        self.me = self

before = len(gc.get_objects())
garbage.settle()
assert gc.get_freeze_count() > before * 0.9, (gc.get_freeze_count(), before)
assert len(gc.get_objects()) < before * 0.1, (len(gc.get_objects()), before)
gone = weakref.ref(Ring())
gc.collect()
assert gone() is None
"""


def test_what_was_loaded_is_looked_at_no_more_and_what_comes_later_still_goes() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=60)


_HELD = """
from pathlib import Path
from core import garbage

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

much = [bytes(1000) for _ in range(60_000)]
few, full = much[::1000], resident()
del much
kept = resident()
garbage.give_back()
assert resident() < kept and resident() < full - 8000, (full, kept, resident())
"""


def test_what_was_held_for_a_moment_is_given_back_to_the_system() -> None:
    """60 MB of packets, of which a few are still needed."""
    subprocess.run([sys.executable, "-c", _HELD], check=True, timeout=60)
