"""From a track as it was written to a finished file: in step, with duration and cues; no frame is changed.

The streams are laid on one clock by what the sender reports said (`recording.timing`), and everything begins
at zero; where sound is missing, marked silence stands (`recording.silence`).

A locked file stays as it was taken in. What finishes it is a plan (`recording.laid`), made in one reading: each byte is
digested once, as it lies there, and each record must open. A file that lies in the clear is written anew. Then FFmpeg
reads the result back, and every frame must be what was to be written; only then the raw file may go.
"""

import hashlib
import itertools
import operator
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import av

from core import placing
from recording import clear, finished, folder, laid, locked, matroska, pictures, silence
from recording.clear import Clear
from recording.digest import Digest, Digester, digest_of
from recording.locked import DamagedError, Key
from recording.matroska import Block
from recording.timing import Alignment, Jump, Sighting
from rooms.client import MediaKind

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
class FinishedStream:
    """Times in milliseconds of the finished file; `end_ms` is the end of the last frame."""

    kind: MediaKind
    codec: str
    frames: int
    first_ms: int
    end_ms: int
    gaps: tuple[tuple[int, int], ...]
    # Over the data of all frames in order, without silence that was filled in; empty where the file itself stays.
    frames_sha256: str
    filled: int  # packets of such silence
    aligned: bool  # by sender reports; otherwise by arrival
    correction_ms: tuple[int, int]  # what was added at its beginning and at its end


@dataclass(frozen=True, slots=True)
class FinishedTrack:
    """`offset_ms`: where the finished file begins on the raw one's time line. `bytes`: of it in the clear. `opens`:
    what the manifest says of the keys of the finished file and of the raw one, where they are locked."""

    digest: Digest
    bytes: int
    raw: Digest
    opens: tuple[str, str] | None
    offset_ms: int
    duration_ms: int
    size: tuple[int, int] | None
    streams: tuple[FinishedStream, ...]


@dataclass(frozen=True, slots=True)
class Files:
    """From which file into which; their suffix tells the coding of the pictures. `key` locks both. `left`: its writer
    was taken for dead, and may yet write."""

    raw: Path
    out: Path
    key: Key | None = None
    left: bool = False


def track(files: Files, notes: Notes, ended_ms: int | None) -> FinishedTrack | None:
    """Makes the finished file from the raw one, which stays. `ended_ms`: when the track ended on the raw time
    line, if known.

    Answers `None` where no frame was ever written. Raises `NotFinishedError` or `OSError`.
    """
    if not files.raw.exists():
        return None
    try:
        if files.key is not None:
            return _lay_out(files, files.key, notes, ended_ms)
        with clear.open_file(files.raw, None) as content:
            blocks = list(matroska.scan(content.pieces()))
            return _rewrite(content, blocks, files, notes, ended_ms) if blocks else None
    except (matroska.ForeignBytesError, DamagedError) as error:
        raise NotFinishedError(f"{files.raw.name} was damaged: {error}") from error


def _lay_out(files: Files, key: Key, notes: Notes, ended_ms: int | None) -> FinishedTrack | None:
    grown = _settled(files, key)
    if grown is None:
        return None
    digester = Digester(as_whole=False)
    with grown as content:
        blocks = list(matroska.scan(content.through(digester.update)))
        if not blocks:
            return None
        timed = _Timed(blocks, notes)
        layout, size = _layout(timed, files, _Frames(content))
        plan = laid.encode(layout, content.lengths)
        raw_key = key.of_file(files.raw.name, content.head)
    digest, file_key = _place_plan(files.out, plan, key)
    opens = (locked.commitment(file_key), locked.commitment(raw_key))
    streams = timed.streams(files, ended_ms, None)
    return FinishedTrack(
        digest, layout.size, digester.digest(), opens, timed.begin, timed.duration, size, streams
    )


def _settled(files: Files, key: Key) -> clear.Grown | None:
    """The raw file stays as it is, so it is made safe on the disk, and ends with a whole record. One that somebody may
    still write to gives its place to a copy: they go on in what is no longer there."""
    folder.settle(files.raw)
    content = clear.open_grown(files.raw, key)
    if content is None or not (content.torn or files.left):
        return content
    with content:
        placing.place(files.raw, content.as_it_lies())
    return clear.open_grown(files.raw, key)


def _place_plan(path: Path, plan: bytes, key: Key) -> tuple[Digest, bytes]:
    """Its digest and its key. The same plan gives the same file: sealing may be done again, or by two at once."""
    what = hashlib.sha256(plan).digest()
    digester = Digester()
    placing.place(path, _through(digester, locked.lock([plan], key, path.name, what, plan=True)))
    return digester.digest(), key.of_file(path.name, locked.plan_head(key, path.name, what))


def _rewrite(
    content: Clear, blocks: Sequence[Block], files: Files, notes: Notes, ended_ms: int | None
) -> FinishedTrack:
    read, timed = _Frames(content), _Timed(blocks, notes)
    recorded = _Recorded(timed.own)
    layout, size = _layout(timed, files, read)
    raw = digest_of(files.raw, in_pieces=False)
    digester = Digester()
    placing.place(files.out, _through(digester, layout.content(read, recorded)))
    _check(files, layout, read, pictures.of_file(files.raw.name).name)
    digest = digester.digest()
    streams = timed.streams(files, ended_ms, recorded)
    return FinishedTrack(digest, digest.bytes, raw, None, timed.begin, timed.duration, size, streams)


class _Timed:
    """All blocks at the times that they have in the finished file."""

    def __init__(self, blocks: Sequence[Block], notes: Notes) -> None:
        everything = [note for kind in notes for note in notes[kind]]
        self._placed = _placed(
            blocks, {kind: Alignment(notes.get(kind, ()), everything) for kind in MediaKind}
        )
        self.begin = min(times[0] for _, times, _ in self._placed.values())
        self.own = {kind: _moved(live, times, self.begin) for kind, (live, times, _) in self._placed.items()}
        self._whole = dict(self.own)
        if sound := self.own.get(MediaKind.AUDIO):
            self._whole[MediaKind.AUDIO] = silence.fill(sound, _SOUNDS)
        self._ends = {kind: blocks[-1].ms + _length(blocks[-1]) for kind, blocks in self.own.items()}
        self.duration = max(self._ends.values())

    @property
    def ordered(self) -> list[Block]:
        return sorted((block for blocks in self._whole.values() for block in blocks), key=_MS)

    def streams(
        self, files: Files, ended_ms: int | None, recorded: "_Recorded | None"
    ) -> tuple[FinishedStream, ...]:
        coded = pictures.of_file(files.raw.name)
        return tuple(
            FinishedStream(
                kind=kind,
                codec=coded.name if kind is MediaKind.VIDEO else SOUND,
                frames=len(theirs),
                first_ms=theirs[0].ms,
                end_ms=self._ends[kind],
                gaps=_gaps(theirs, None if ended_ms is None else ended_ms - self.begin),
                frames_sha256=recorded.digests[kind].hexdigest() if recorded else "",
                filled=len(self._whole[kind]) - len(theirs),
                aligned=self._placed[kind].alignment.known,
                correction_ms=_corrections(self._placed[kind]),
            )
            for kind, theirs in self.own.items()
        )


def _layout(timed: _Timed, files: Files, read: "_Frames") -> tuple[finished.Layout, tuple[int, int] | None]:
    """The finished file before its frames are in it, and the size of its pictures."""
    coded, ordered = pictures.of_file(files.raw.name), timed.ordered
    keys = (read.one(block) for block in ordered if block.key and block.kind is MediaKind.VIDEO)
    key = next((frame for frame in keys if coded.size(frame)), None)
    return finished.Layout(ordered, coded, key, timed.duration), None if key is None else coded.size(key)


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


def place(path: Path, content: Iterable[bytes], key: Key | None, what: bytes) -> tuple[Digest, Digest | None]:
    """Puts a file in its place, locked where there is a key; the digests of its bytes and, where these are not
    the same, of its clear text (without pieces). `what`: a SHA-256 that no other content has; it decides how the
    file is locked (`locked.Key.salt_of`)."""
    digester, plain = Digester(), Digester(in_pieces=False)
    if key is None:
        placing.place(path, _through(digester, content))
        return digester.digest(), None
    sealed = locked.lock(_through(plain, content), key, path.name, what)
    placing.place(path, _through(digester, sealed))
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
