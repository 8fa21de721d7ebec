"""From a track as it was written to a finished file: in step, with duration and cues; no frame is changed.

The streams are laid on one clock by what the sender reports said (`recording.timing`), and everything begins
at zero; where sound is missing, marked silence stands (`recording.silence`). Afterwards FFmpeg reads the
result back, and every frame must be what was to be written; only then the raw file may go.
"""

import hashlib
import itertools
import operator
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import av

from recording import clear, finished, folder, locked, matroska, pictures, silence
from recording.clear import Clear
from recording.locked import DamagedError, Key
from recording.matroska import Block
from recording.timing import Alignment, Jump, Sighting
from rooms.client import MediaKind

PIECE = 4 << 20  # bytes; each piece has its own digest, so that a changed byte can be placed
GAP_MS = {
    MediaKind.AUDIO: 500,  # Opus in silence (DTX) still sends each 400 ms
    MediaKind.VIDEO: 1500,  # a covered or switched-off camera still sends about one frame per second
}
SOUND = "opus"
_LAST_FRAME_MS = 33  # how long the last picture counts
_STRETCH = 16 << 20  # bytes of the raw file that are read at once at most
_MS, _SOUNDS = operator.attrgetter("ms"), operator.attrgetter("sounds")

Notes = Mapping[MediaKind, Sequence[Sighting | Jump]]


class NotFinishedError(Exception):
    """What was written could not be read back as it should be; the raw file stays."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Of a whole file: its size, SHA-256 and, where they were asked for, the SHA-256 of each `PIECE`."""

    bytes: int
    sha256: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinishedStream:
    """Times in milliseconds of the finished file; `end_ms` is the end of the last frame."""

    kind: MediaKind
    codec: str
    frames: int
    first_ms: int
    end_ms: int
    gaps: tuple[tuple[int, int], ...]
    frames_sha256: str  # over the data of all frames in order, without silence that was filled in
    filled: int  # packets of such silence
    aligned: bool  # by sender reports; otherwise by arrival
    correction_ms: tuple[int, int]  # what was added at its beginning and at its end


@dataclass(frozen=True, slots=True)
class FinishedTrack:
    """`offset_ms`: where the finished file begins on the raw one's time line. `clear`: of its clear text, where
    it is locked."""

    digest: Digest
    clear: Digest | None
    raw: Digest
    offset_ms: int
    duration_ms: int
    size: tuple[int, int] | None
    streams: tuple[FinishedStream, ...]


@dataclass(slots=True)
class Digester:
    """Takes a file's bytes in order. Pieces cost as much again as the whole."""

    in_pieces: bool = True
    _whole: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _piece: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _filled: int = 0
    _bytes: int = 0
    _pieces: list[str] = field(default_factory=list)

    def update(self, data: bytes) -> None:
        self._whole.update(data)
        self._bytes += len(data)
        if not self.in_pieces:
            return
        view = memoryview(data)
        while len(view) >= PIECE - self._filled:
            head = PIECE - self._filled
            self._piece.update(view[:head])
            self._pieces.append(self._piece.hexdigest())
            self._piece, self._filled, view = hashlib.sha256(), 0, view[head:]
        self._piece.update(view)
        self._filled += len(view)

    def digest(self) -> Digest:
        pieces = (*self._pieces, self._piece.hexdigest()) if self._filled else tuple(self._pieces)
        return Digest(self._bytes, self._whole.hexdigest(), pieces)


def digest_of(path: Path, pace: Callable[[int], None] | None = None, *, in_pieces: bool = True) -> Digest:
    """Reads a whole file, telling `pace` of the bytes of each piece; raises `OSError` and what `pace` does."""
    source = clear.Local(path)
    try:
        return digest_from(source, pace, in_pieces=in_pieces)
    finally:
        source.close()


def digest_from(
    source: clear.Source, pace: Callable[[int], None] | None = None, *, in_pieces: bool = True
) -> Digest:
    """The same, from wherever it lies."""
    digester = Digester(in_pieces)
    for start in range(0, source.size, PIECE):
        data = source.read(start, min(start + PIECE, source.size))
        digester.update(data)
        if pace is not None:
            pace(len(data))
    return digester.digest()


@dataclass(frozen=True, slots=True)
class Files:
    """From which file into which; their suffix tells the coding of the pictures. `key` locks both."""

    raw: Path
    out: Path
    key: Key | None = None


def track(files: Files, notes: Notes, ended_ms: int | None) -> FinishedTrack | None:
    """Makes the finished file from the raw one, which stays. `ended_ms`: when the track ended on the raw time
    line, if known.

    Answers `None` where no frame was ever written. Raises `NotFinishedError` or `OSError`.
    """
    if not files.raw.exists() or files.raw.stat().st_size <= (locked.HEAD if files.key else 0):
        return None
    try:
        with clear.open_file(files.raw, files.key) as content:
            blocks = _found(content)
            return _finish(content, blocks, files, notes, ended_ms) if blocks else None
    except (matroska.ForeignBytesError, DamagedError) as error:
        raise NotFinishedError(f"{files.raw.name} was damaged: {error}") from error


def _found(content: Clear) -> list[Block]:
    return list(matroska.scan(content.pieces()))


def _finish(
    content: Clear, blocks: Sequence[Block], files: Files, notes: Notes, ended_ms: int | None
) -> FinishedTrack:
    read = _Frames(content)
    coded = pictures.of_file(files.raw.name)
    everything = [note for kind in notes for note in notes[kind]]
    placed = _placed(blocks, {kind: Alignment(notes.get(kind, ()), everything) for kind in MediaKind})
    begin = min(times[0] for _, times, _ in placed.values())
    own = {kind: _moved(live, times, begin) for kind, (live, times, _) in placed.items()}
    whole = dict(own)
    if sound := own.get(MediaKind.AUDIO):
        whole[MediaKind.AUDIO] = silence.fill(sound, _SOUNDS)
    ordered = sorted((block for blocks in whole.values() for block in blocks), key=_MS)
    ends = {kind: blocks[-1].ms + _length(blocks[-1]) for kind, blocks in own.items()}
    recorded = _Recorded(own)
    laid = _write(ordered, max(ends.values()), files, read, recorded)
    streams = [
        FinishedStream(
            kind=kind,
            codec=coded.name if kind is MediaKind.VIDEO else SOUND,
            frames=len(theirs),
            first_ms=theirs[0].ms,
            end_ms=ends[kind],
            gaps=_gaps(theirs, None if ended_ms is None else ended_ms - begin),
            frames_sha256=recorded.digests[kind].hexdigest(),
            filled=len(whole[kind]) - len(theirs),
            aligned=placed[kind].alignment.known,
            correction_ms=_corrections(placed[kind]),
        )
        for kind, theirs in own.items()
    ]
    return FinishedTrack(
        laid.digest, laid.clear, laid.raw, begin, max(ends.values()), laid.size, tuple(streams)
    )


class _Frames:
    """Reads blocks' frames. What belongs together in the finished file lies together in the raw one."""

    def __init__(self, content: Clear) -> None:
        self._content = content

    def one(self, block: Block) -> bytes:
        if block.filled:
            return silence.packet(block)
        return self._content.read(block.start, block.start + block.size)

    def __call__(self, blocks: Sequence[Block]) -> list[bytes]:
        first = min((one.start for one in blocks if not one.filled), default=0)
        last = max((one.start + one.size for one in blocks if not one.filled), default=0)
        if last - first > _STRETCH:  # the clock jumped: they come from far apart
            return [self.one(block) for block in blocks]
        data = self._content.read(first, last)
        return [
            silence.packet(block)
            if block.filled
            else data[block.start - first : block.start - first + block.size]
            for block in blocks
        ]


class _Recorded:
    """Digests what was recorded, by kind, as it is written; silence that was filled in is none of it."""

    def __init__(self, kinds: Iterable[MediaKind]) -> None:
        self.digests = {kind: hashlib.sha256() for kind in kinds}

    def __call__(self, blocks: Sequence[Block], frames: Sequence[bytes]) -> None:
        for kind, digest in self.digests.items():
            pairs = zip(blocks, frames, strict=True)
            digest.update(b"".join([frame for one, frame in pairs if one.kind is kind and not one.filled]))


class _Laid(NamedTuple):
    """The finished file as it lies there. `size` of its pictures."""

    digest: Digest
    clear: Digest | None
    raw: Digest
    size: tuple[int, int] | None


def _write(
    ordered: Sequence[Block], duration: int, files: Files, read: _Frames, seen: finished.Seen
) -> _Laid:
    coded = pictures.of_file(files.raw.name)
    keys = (read.one(block) for block in ordered if block.key and block.kind is MediaKind.VIDEO)
    key = next((frame for frame in keys if coded.size(frame)), None)
    layout = finished.Layout(ordered, coded, key, duration)
    raw = digest_of(files.raw, in_pieces=False)
    # Every byte between the frames, where in the raw file each frame lies, and that file's digest: together these
    # can be of one content only. The frames themselves are read once, while they are written.
    what = hashlib.sha256(b"".join(layout.between()) + raw.sha256.encode())
    what.update(array("q", (block.start for block in ordered)).tobytes())
    digest, plain = place(files.out, layout.content(read, seen), files.key, what.digest())
    _check(files, layout, read, coded.name)
    return _Laid(digest, plain, raw, coded.size(key) if key is not None else None)


def place(path: Path, content: Iterable[bytes], key: Key | None, what: bytes) -> tuple[Digest, Digest | None]:
    """Puts a file in its place, locked where there is a key; the digests of its bytes and, where these are not
    the same, of its clear text (without pieces). `what`: a SHA-256 that no other content has; it decides how the
    file is locked (`locked.Key.salt_of`)."""
    digester, plain = Digester(), Digester(in_pieces=False)
    if key is None:
        folder.place(path, _through(digester, content))
        return digester.digest(), None
    sealed = locked.lock(_through(plain, content), key, path.name, what)
    folder.place(path, _through(digester, sealed))
    return digester.digest(), plain.digest()


def _through(digester: Digester, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        digester.update(piece)
        yield piece


class _Placed(NamedTuple):
    """One stream's blocks as they were written, and the times that they get on the common clock."""

    live: Sequence[Block]
    times: Sequence[int]
    alignment: Alignment


def _placed(blocks: Sequence[Block], alignments: Mapping[MediaKind, Alignment]) -> dict[MediaKind, _Placed]:
    """The kinds that there are. Within a stream the order never changes and no two times are equal."""
    placed = {}
    for kind, alignment in alignments.items():
        if live := [block for block in blocks if block.kind is kind]:
            placed[kind] = _Placed(live, alignment.placed([block.ms for block in live]), alignment)
    return placed


def _moved(live: Sequence[Block], times: Sequence[int], begin: int) -> list[Block]:
    """The blocks at their times in the finished file."""
    return [
        Block(kind, ms - begin, key, start, size, filled, sounds)
        for (kind, _, key, start, size, filled, sounds), ms in zip(live, times, strict=True)
    ]


def _corrections(placed: _Placed) -> tuple[int, int]:
    first, last = (placed.alignment.correction(placed.live[at].ms) for at in (0, -1))
    return round(first), round(last)


def _length(block: Block) -> int:
    return _LAST_FRAME_MS if block.kind is MediaKind.VIDEO else round(block.sounds)


def _gaps(own: Sequence[Block], ended_ms: int | None) -> tuple[tuple[int, int], ...]:
    times = [0, *(block.ms for block in own)]
    times.append(times[-1] if ended_ms is None else max(ended_ms, times[-1]))
    return tuple((a, b) for a, b in itertools.pairwise(times) if b - a > GAP_MS[own[0].kind])


def _check(files: Files, layout: finished.Layout, read: _Frames, pictures_codec: str) -> None:
    """Reads the finished file back with FFmpeg: each of its packets must be the frame that was to be written."""
    path, names = files.out, {MediaKind.AUDIO: SOUND, MediaKind.VIDEO: pictures_codec}
    waiting: dict[str, deque[bytes]] = {name: deque() for name in names.values()}
    ahead = ((blocks, read(blocks)) for blocks in layout.stretches)
    try:
        with (
            clear.open_file(path, files.key) as content,
            av.open(content.file(), "r", "matroska", buffer_size=clear.STEP) as container,
        ):
            streams = [waiting[one.codec.canonical_name] for one in container.streams]
            for packet in container.demux():
                if not packet.size:
                    continue
                frames = streams[packet.stream_index]
                while not frames:  # the next stretch of all kinds; `StopIteration`: there is none
                    for block, frame in zip(*next(ahead), strict=True):
                        waiting[names[block.kind]].append(frame)
                if bytes(packet) != frames.popleft():
                    raise NotFinishedError(f"{path.name} does not hold the frames that were written")
    except (av.FFmpegError, KeyError, DamagedError, StopIteration) as error:
        raise NotFinishedError(f"{path.name} cannot be read back: {error}") from error
    if next(ahead, None) is not None or any(waiting.values()):
        raise NotFinishedError(f"{path.name} does not hold all the frames that were written")
