"""Compiles a small C library of ours, where there is a C compiler. Needs nothing but the standard library.

The package's build hook runs it at every installation, for every library. Without a compiler nothing is built, nothing
fails, and Python does the same work.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=default", "-Wall", "-Wextra")


def compiler() -> list[str] | None:
    """`CC` with its options, or the first of the usual ones that is there."""
    for command in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return words
    return None


@dataclass(frozen=True)
class Library:
    """`what` it is in words ("the native relay"); `otherwise`: what happens without it ("the relay will run in
    Python"); `flags` of its own for the compiler."""

    what: str
    otherwise: str
    sources: Path
    path: Path
    flags: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Of the sources; the library tells the one it was built from."""
        digest = hashlib.sha256()
        for path in sorted(self.sources.glob("*.[ch]")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    def is_built(self, library: Path | None = None) -> bool:
        """Whether it is there, and of these sources."""
        path = library or self.path
        return path.exists() and self.fingerprint().encode() in path.read_bytes()

    def build(self, library: Path | None = None, *flags: str) -> str:
        """Builds it, unless it is there; tells in words what came of it. Raises nothing for want of a compiler.

        `library`: where to, if elsewhere; `flags` are given to the compiler beside ours.
        """
        path = library or self.path
        if self.is_built(path):
            return f"{self.what} is built already"
        command = compiler()
        if command is None:
            return f"no C compiler here: {self.otherwise}"
        fresh = path.with_name(f".{path.name}.{os.getpid()}")  # one that is loaded is never written over
        sources = [str(source) for source in sorted(self.sources.glob("*.c"))]
        defined = f'-DKINBRIDGE_SOURCES="{self.fingerprint()}"'
        done = subprocess.run(  # noqa: S603 - the compiler of whoever installs
            [*command, *_FLAGS, *self.flags, *flags, defined, "-o", str(fresh), *sources],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            fresh.unlink(missing_ok=True)
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            return f"{command[0]} could not build {self.what}, {self.otherwise}: {last}"
        fresh.replace(path)
        return f"{self.what} is built ({command[0]})"
