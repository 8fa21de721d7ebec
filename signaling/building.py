"""Compiles the native relay, where there is a C compiler. Needs nothing but the standard library.

The package's build hook runs it at every installation; `python signaling/building.py` does it by hand. Without a
compiler nothing is built, nothing fails, and the relay runs in Python (`kinbridge doctor` tells which and why).
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "csrc"
LIBRARY = Path(__file__).parent / "kinbridge-media.so"
_FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared", "-pthread", "-fvisibility=default", "-Wall", "-Wextra")


def fingerprint() -> str:
    """Of the sources; the library tells the one it was built from."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.glob("*.[ch]")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def compiler() -> list[str] | None:
    """`CC` with its options, or the first of the usual ones that is there."""
    for command in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return words
    return None


def build(library: Path = LIBRARY, *flags: str) -> str:
    """Builds the library, unless it is there; tells in words what came of it. Raises nothing for want of a compiler.

    `flags` are given to the compiler beside ours.
    """
    if library.exists() and fingerprint().encode() in library.read_bytes():
        return "the native relay is built already"
    command = compiler()
    if command is None:
        return "no C compiler here: the relay will run in Python"
    fresh = library.with_name(f".{library.name}.{os.getpid()}")  # one that is loaded is never written over
    sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
    defined = f'-DKINBRIDGE_SOURCES="{fingerprint()}"'
    done = subprocess.run(  # noqa: S603 - the compiler of whoever installs
        [*command, *_FLAGS, *flags, defined, "-o", str(fresh), *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        fresh.unlink(missing_ok=True)
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"{command[0]} could not build the native relay, it will run in Python: {last}"
    fresh.replace(library)
    return f"the native relay is built ({command[0]})"


if __name__ == "__main__":
    sys.stdout.write(build() + "\n")
