"""Reading a recording's files in the clear, in any stretch, whether they lie locked or not, here or elsewhere.

Only what is asked for is read and opened: of a locked file the records that the stretch touches. Everything
blocks, as files do.
"""

import io
import os
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from recording import laid, locked
from recording.locked import Cipher, DamagedError, Head, Key

if TYPE_CHECKING:
    from typing_extensions import Buffer

STEP = 1 << 20  # bytes of one read where everything is read
TORN = 512 << 10  # bytes that a loss of power may have spoilt at the end of a growing file
RAW = ".raw"  # before the suffix of a file that a track is taken into
_KEPT = 64  # opened records that are kept for the next read
_CHUNKS = 3  # and of a track that is laid out, stretches of some seconds


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


Beside = Callable[[str], Source]  # a file of that name of the same recording; raises `FileNotFoundError`


def of(source: Source, key: Cipher | None, name: str, beside: Beside) -> Clear:
    """The clear text of a file of that name; of a track that was laid out, the finished file. `key` `None`: it was
    recorded before files were locked."""
    head = Head.read(source.read(0, locked.HEAD)) if key is not None else None
    if key is None or head is None:
        return _Plain(source)
    opener = locked.Opener(key, name, head)
    if not head.plan:
        return _Pieces(source, opener) if head.piece else Grown(source, opener)
    taken = beside(raw_name(name))
    try:
        return _laid_out(source, opener, taken, key, raw_name(name))
    except BaseException:
        taken.close()
        raise


def raw_name(name: str) -> str:
    """Of the file that a finished one was taken into: `relative-1.webm`, `relative-1.raw.webm`."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}{RAW}{dot}{suffix}"


def open_file(path: Path, key: Cipher | None) -> Clear:
    """Raises `OSError`, and `DamagedError` for a growing file with more than a torn end."""
    return opened(Local(path), key, path.name, lambda name: Local(path.with_name(name)))


def opened(source: Source, key: Cipher | None, name: str, beside: Beside) -> Clear:
    """As `of`; a source that cannot be opened is closed. Raises `DamagedError`."""
    try:
        return of(source, key, name, beside)
    except BaseException:
        source.close()
        raise


def open_grown(path: Path, key: Key) -> "Grown | None":
    """A file as the writer left it; `None` where nothing was written. Raises `OSError`, `DamagedError`."""
    if path.stat().st_size <= locked.HEAD:
        return None
    found = open_file(path, key)
    if not isinstance(found, Grown):
        found.close()
        raise DamagedError("it does not begin as a file that grew")
    return found


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


class Grown(Clear):
    """A file that was appended to: each record tells its length. What a loss of power tore off the end is left
    out; whatever does not open before that is damage. `lengths`: of its records in the clear, where they are known.
    """

    def __init__(self, source: Source, opener: locked.Opener, lengths: Sequence[int] | None = None) -> None:
        super().__init__(source)
        self._opener = opener
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._at: list[int] = []  # of each record, where its ciphertext begins
        self._clear: list[int] = [0]  # clear bytes before each record, and in the end all
        if lengths is None:
            self._index()
            return
        self._clear = list(accumulate(lengths, initial=0))
        first, between = locked.HEAD + locked.LENGTH, locked.LENGTH + locked.TAG
        self._at = [first + number * between + before for number, before in enumerate(self._clear[:-1])]

    @property
    def lengths(self) -> list[int]:
        """The clear bytes of each record."""
        return [b - a for a, b in pairwise(self._clear)]

    @property
    def whole(self) -> int:
        """Bytes of the file up to the end of its last record."""
        return locked.HEAD + len(self._at) * (locked.LENGTH + locked.TAG) + len(self)

    @property
    def torn(self) -> bool:
        return self.whole != self._source.size

    @property
    def head(self) -> Head:
        return self._opener.head

    def as_it_lies(self) -> Iterator[bytes]:
        """The file's bytes up to `whole`."""
        for start in range(0, self.whole, STEP):
            yield self._source.read(start, min(start + STEP, self.whole))

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
        (opened,) = self._opened(number, number + 1)
        self._cache[number] = opened
        if len(self._cache) > _KEPT:
            self._cache.popitem(last=False)
        return opened

    def _opened(self, first: int, end: int, seen: Callable[[memoryview], None] | None = None) -> list[bytes]:
        """These records, read at once. `seen` is shown their bytes as they lie there."""
        begin = self._at[first] - locked.LENGTH
        data = memoryview(self._source.read(begin, self._end_of(end - 1)))
        if seen is not None:
            seen(data)
        return [
            self._opener.open(number, data[self._at[number] - begin : self._end_of(number) - begin])
            for number in range(first, end)
        ]

    def _end_of(self, number: int) -> int:
        return self._at[number] + self._clear[number + 1] - self._clear[number] + locked.TAG

    def __len__(self) -> int:
        return self._clear[-1]

    def read(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        first, end = bisect_right(self._clear, start) - 1, bisect_left(self._clear, stop)
        base = self._clear[first]
        if end > len(self._at):
            raise DamagedError("it ends early")
        if end - first == 1:  # as a rule: a frame lies in one record
            return self._record(first)[start - base : stop - base]
        return b"".join(self._opened(first, end))[start - base : stop - base]

    def pieces(self) -> Iterator[bytes]:
        return self.through(None)

    def through(self, seen: Callable[["Buffer"], None] | None) -> Iterator[bytes]:
        """All of it in order; `seen` is shown every byte of the file as it lies there, up to `whole`."""
        if seen is not None:
            seen(self._source.read(0, locked.HEAD))
        first = 0
        while first < len(self._at):
            end = bisect_left(self._clear, self._clear[first] + STEP, first + 1, len(self._at))
            yield from self._opened(first, end, seen)
            first = end


def _laid_out(source: Source, opener: locked.Opener, taken: Source, key: Cipher, name: str) -> "_Laid":
    head = Head.read(taken.read(0, locked.HEAD))
    if head is None:
        raise DamagedError("what it is laid out of is not locked")
    content = _Pieces(source, opener)
    plan = laid.Plan(len(content), content.read)
    return _Laid(source, plan, Grown(taken, locked.Opener(key, name, head), plan.records))


class _Laid(Clear):
    """A finished track that is laid out, as it is read, of the file that it was taken into (`recording.laid`)."""

    def __init__(self, source: Source, plan: laid.Plan, frames: Grown) -> None:
        super().__init__(source)
        self._plan = plan
        self._frames = frames
        self._chunks: OrderedDict[int, bytes] = OrderedDict()

    def __len__(self) -> int:
        return self._plan.ends[-1] if self._plan.ends else 0

    def read(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        first = bisect_right(self._plan.ends, start)
        last = bisect_left(self._plan.ends, stop)
        base = self._plan.ends[first - 1] if first else 0
        if last >= len(self._plan.ends):
            raise DamagedError("it ends early")
        if first == last:
            return self._chunk(first)[start - base : stop - base]
        return b"".join(map(self._chunk, range(first, last + 1)))[start - base : stop - base]

    def _chunk(self, number: int) -> bytes:
        if (kept := self._chunks.get(number)) is not None:
            return kept
        made = self._chunks[number] = self._plan.chunk(number, self._frames.read)
        if len(self._chunks) > _CHUNKS:
            self._chunks.popitem(last=False)
        return made

    def pieces(self) -> Iterator[bytes]:
        return map(self._chunk, range(len(self._plan.ends)))

    def close(self) -> None:
        super().close()
        self._frames.close()


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
