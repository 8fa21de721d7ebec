"""Digests of files: of the whole one, or of its pieces, each byte once."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recording import clear

if TYPE_CHECKING:
    from typing_extensions import Buffer

PIECE = 4 << 20  # bytes; each piece has its own digest, so that a changed byte can be placed


@dataclass(frozen=True, slots=True)
class Digest:
    """Of a whole file: its size, SHA-256 and the SHA-256 of each `PIECE`; one of the two is empty where only the other
    was asked for."""

    bytes: int
    sha256: str
    pieces: tuple[str, ...]


@dataclass(slots=True)
class Digester:
    """Takes a file's bytes in order. Pieces cost as much again as the whole."""

    in_pieces: bool = True
    as_whole: bool = True
    _whole: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _piece: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _filled: int = 0
    _bytes: int = 0
    _pieces: list[str] = field(default_factory=list)

    def update(self, data: "Buffer") -> None:
        view = memoryview(data)
        if self.as_whole:
            self._whole.update(view)
        self._bytes += len(view)
        if not self.in_pieces:
            return
        while len(view) >= PIECE - self._filled:
            head = PIECE - self._filled
            self._piece.update(view[:head])
            self._pieces.append(self._piece.hexdigest())
            self._piece, self._filled, view = hashlib.sha256(), 0, view[head:]
        self._piece.update(view)
        self._filled += len(view)

    def digest(self) -> Digest:
        pieces = (*self._pieces, self._piece.hexdigest()) if self._filled else tuple(self._pieces)
        return Digest(self._bytes, self._whole.hexdigest() if self.as_whole else "", pieces)


def digest_of(path: Path, pace: Callable[[int], None] | None = None, *, in_pieces: bool = True) -> Digest:
    """Reads a whole file, telling `pace` of the bytes of each piece; raises `OSError` and what `pace` does."""
    source = clear.Local(path)
    try:
        return digest_from(source, Digester(in_pieces), pace)
    finally:
        source.close()


def digest_from(
    source: clear.Source, digester: Digester, pace: Callable[[int], None] | None = None
) -> Digest:
    """The same, from wherever it lies."""
    for start in range(0, source.size, PIECE):
        data = source.read(start, min(start + PIECE, source.size))
        digester.update(data)
        if pace is not None:
            pace(len(data))
    return digester.digest()


def root_of(pieces: Sequence[str]) -> str:
    """The SHA-256 of the pieces' digests, one after the other: names a file of which there is no other."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, pieces))).hexdigest()
