"""Compiles the native search of the weekly assignment, where there is a C compiler (`core.compiling`).

The package's build hook runs it at every installation; `python scheduler/assign/building.py` does it by hand. Without
it the same search runs in Python, with fewer steps.
"""

import sys
from pathlib import Path

if not __package__:  # run by its path, perhaps before anything is installed
    sys.path.insert(0, str(Path(__file__).parents[2]))

from core.compiling import Library

SEARCH = Library(
    "the native search",
    "plans will be searched in Python",
    Path(__file__).parent / "csrc",
    Path(__file__).parent / "kinbridge-search.so",
    ("-ffp-contract=off",),  # a plan is the same on every machine
)

if __name__ == "__main__":
    sys.stdout.write(SEARCH.build() + "\n")
