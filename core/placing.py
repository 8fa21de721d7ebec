"""Files that are there whole or not at all, readable by their owner only, and still there after a power failure."""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

DRAFT = ".part"  # ends the names of files that are not whole yet: what a process left that died
_BUFFER = 1 << 18  # bytes


def place(path: Path, pieces: Iterable[bytes], *, home: Path | None = None, over: bool = True) -> None:
    """Writes a whole file: under a name of its own first, synced, then in its place in one step, so two that write the
    same file do not meet. `home`: the folder of that first name, on the same disk. `over` a present one, or not: then
    whoever was first stays. Raises `OSError` and what `pieces` does; nothing of it is left then.
    """
    draft = (home or path.parent) / f"{path.name}.{secrets.token_hex(4)}{DRAFT}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb", buffering=_BUFFER) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if over:
            draft.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def make(folder: Path) -> None:
    """Makes a folder and those above it, where they are missing, each for its owner only. Raises `OSError`."""
    for one in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        one.mkdir(mode=0o700, exist_ok=True)
        sync(one.parent)


def sync(folder: Path) -> None:
    """Makes the names in `folder` survive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
