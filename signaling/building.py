"""Compiles the native relay, where there is a C compiler (`core.compiling`).

The package's build hook runs it at every installation; `python signaling/building.py` does it by hand. Without a
compiler nothing is built, nothing fails, and the relay runs in Python (`kinbridge doctor` tells which and why).
"""

import sys
from pathlib import Path

if not __package__:  # run by its path, perhaps before anything is installed
    sys.path.insert(0, str(Path(__file__).parents[1]))

from core.compiling import Library

RELAY = Library(
    "the native relay",
    "the relay will run in Python",
    Path(__file__).parent / "csrc",
    Path(__file__).parent / "kinbridge-media.so",
    ("-pthread",),
)
LIBRARY = RELAY.path
fingerprint = RELAY.fingerprint
build = RELAY.build

if __name__ == "__main__":
    sys.stdout.write(build() + "\n")
