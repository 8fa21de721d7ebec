"""Reading a recording's files in the clear, in any stretch, whether they lie locked or not, here or elsewhere.

Only what is asked for is read and opened: of a locked file the records that the stretch touches. Everything
blocks, as files do.
"""

import io
import os
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from recording import locked
from recording.locked import DamagedError, Head, Key

if TYPE_CHECKING:
    from typing_extensions import Buffer

STEP = 1 << 20  # bytes of one read where everything is read
TORN = 512 << 10  # bytes that a loss of power may have spoilt at the end of a growing file
_KEPT = 64  # opened records that are kept for the next read


class Source(Protocol):
    """Where the bytes lie. `size` in bytes; `read` may be called from several threads."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, stop: int) -> bytes: ...

    def close(self) -> None: ...


class Local:
    """A file of this machine. Raises `OSError`."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        self.size = os.fstat(self._handle).st_size

    def read(self, start: int, stop: int) -> bytes:
        return os.pread(self._handle, stop - start, start)

    def close(self) -> None:
        os.close(self._handle)


class Clear(ABC):
    """A file's clear text: `len(clear)`, `clear[from:to]`, or all of it in `pieces()`."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, start: int, stop: int) -> bytes:
        """From `start` up to `stop`, both within the file. Raises `OSError`, `DamagedError`."""

    @abstractmethod
    def pieces(self) -> Iterator[bytes]:
        """All of it in order."""

    def __getitem__(self, asked: slice) -> bytes:
        start, stop, _ = asked.indices(len(self))
        return self.read(start, max(start, stop))

    def file(self) -> io.BufferedReader:
        """As a file that can be read and moved about in."""
        return io.BufferedReader(_File(self), STEP // 8)

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def of(source: Source, key: Key | None, name: str) -> Clear:
    """The clear text of a file of that name. `key` `None`: it was recorded before files were locked."""
    head = Head.read(source.read(0, locked.HEAD)) if key is not None else None
    if key is None or head is None:
        return _Plain(source)
    opener = locked.Opener(key, name, head)
    return _Pieces(source, opener) if head.piece else _Grown(source, opener)


def open_file(path: Path, key: Key | None) -> Clear:
    """Raises `OSError`, and `DamagedError` for a growing file with more than a torn end."""
    return opened(Local(path), key, path.name)


def opened(source: Source, key: Key | None, name: str) -> Clear:
    """As `of`; a source that cannot be opened is closed. Raises `DamagedError`."""
    try:
        return of(source, key, name)
    except BaseException:
        source.close()
        raise


class _Plain(Clear):
    """A file that was never locked."""

    def __len__(self) -> int:
        return self._source.size

    def read(self, start: int, stop: int) -> bytes:
        return self._source.read(start, stop)

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self), STEP):
            yield self.read(start, min(start + STEP, len(self)))


class _Pieces(Clear):
    """A finished file: all records are of one length but the last, so any place is found by reckoning."""

    def __init__(self, source: Source, opener: locked.Opener) -> None:
        super().__init__(source)
        self._opener = opener
        self._step = opener.head.piece + locked.TAG
        body = source.size - locked.HEAD
        self._records = max(1, -(-body // self._step))
        self._size = body - self._records * locked.TAG
        if self._size < 0:
            raise DamagedError("it is shorter than its first record")

    def __len__(self) -> int:
        return self._size

    def read(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        piece = self._opener.head.piece
        first, last = start // piece, (stop - 1) // piece
        begin = locked.HEAD + first * self._step
        content = self._source.read(begin, min(locked.HEAD + (last + 1) * self._step, self._source.size))
        clear = b"".join(
            self._opener.open(
                first + index, content[at : at + self._step], last=first + index == self._records - 1
            )
            for index, at in enumerate(range(0, len(content), self._step))
        )
        if len(clear) < stop - first * piece:
            raise DamagedError("it ends early")
        return clear[start - first * piece : stop - first * piece]

    def pieces(self) -> Iterator[bytes]:
        step = STEP // self._opener.head.piece * self._opener.head.piece
        for start in range(0, len(self), step):
            yield self.read(start, min(start + step, len(self)))
        if not len(self):
            self._opener.open(0, self._source.read(locked.HEAD, self._source.size), last=True)


class _Grown(Clear):
    """A file that was appended to: each record tells its length. What a loss of power tore off the end is left
    out; whatever does not open before that is damage."""

    def __init__(self, source: Source, opener: locked.Opener) -> None:
        super().__init__(source)
        self._opener = opener
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._at: list[int] = []  # of each record, where its ciphertext begins
        self._clear: list[int] = [0]  # clear bytes before each record, and in the end all
        self._index()

    def _index(self) -> None:
        at = locked.HEAD
        while (length := locked.length_of(self._source.read(at, at + locked.LENGTH))) is not None:
            end = at + locked.LENGTH + length + locked.TAG
            if end > self._source.size:
                break
            self._at.append(at + locked.LENGTH)
            self._clear.append(self._clear[-1] + length)
            at = end
        whole, written = at, len(self._at)
        while self._at and not self._opens(len(self._at) - 1):
            whole = self._at.pop() - locked.LENGTH
            self._clear.pop()
        if self._source.size - whole > TORN or (written and not self._at):
            raise DamagedError(f"nothing opens from byte {whole} on")

    def _opens(self, number: int) -> bool:
        try:
            self._record(number)
        except DamagedError:
            return False
        return True

    def _record(self, number: int) -> bytes:
        if (kept := self._cache.get(number)) is not None:
            return kept
        at = self._at[number]
        length = self._clear[number + 1] - self._clear[number]
        opened = self._opener.open(number, self._source.read(at, at + length + locked.TAG))
        self._cache[number] = opened
        if len(self._cache) > _KEPT:
            self._cache.popitem(last=False)
        return opened

    def __len__(self) -> int:
        return self._clear[-1]

    def read(self, start: int, stop: int) -> bytes:
        number = bisect_right(self._clear, start) - 1
        if (
            number < len(self._at) and stop <= self._clear[number + 1]
        ):  # as a rule: a frame lies in one record
            base = self._clear[number]
            return self._record(number)[start - base : stop - base]
        parts = []
        while start < stop:
            base = self._clear[number]
            part = self._record(number)[start - base : stop - base]
            parts.append(part)
            start, number = start + len(part), number + 1
        return b"".join(parts)

    def pieces(self) -> Iterator[bytes]:
        return (self._record(number) for number in range(len(self._at)))


class _File(io.RawIOBase):
    """A `Clear` as Python's files are."""

    def __init__(self, clear: Clear) -> None:
        self._clear = clear
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: len(self._clear)}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: "Buffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._clear[self._place : self._place + len(view)]
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
