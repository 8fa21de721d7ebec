"""From a track as it was written to a finished file: in step, with duration and cues; no frame is changed.

The streams are laid on one clock by what the sender reports said (`recording.timing`), and everything begins
at zero; where sound is missing, marked silence stands (`recording.silence`). Afterwards FFmpeg reads the
result back, and every frame must be what was to be written; only then the raw file may go.
"""

import hashlib
import itertools
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av

from recording import finished, folder, matroska, pictures, rtp, silence
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

Notes = Mapping[MediaKind, Sequence[Sighting | Jump]]


class NotFinishedError(Exception):
    """What was written could not be read back as it should be; the raw file stays."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Of a whole file: its size, SHA-256 and the SHA-256 of each `PIECE`."""

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
    """`offset_ms`: where the finished file begins on the raw one's time line."""

    digest: Digest
    raw: Digest
    offset_ms: int
    duration_ms: int
    size: tuple[int, int] | None
    streams: tuple[FinishedStream, ...]


@dataclass(slots=True)
class Digester:
    """Takes a file's bytes in order."""

    _whole: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _piece: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _filled: int = 0
    _bytes: int = 0
    _pieces: list[str] = field(default_factory=list)

    def update(self, data: bytes) -> None:
        self._whole.update(data)
        self._bytes += len(data)
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


def digest_of(path: Path, pace: Callable[[int], None] | None = None) -> Digest:
    """Reads a whole file, telling `pace` of the bytes of each piece; raises `OSError` and what `pace` does."""
    digester = Digester()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            digester.update(data)
            if pace is not None:
                pace(len(data))
    return digester.digest()


def track(raw: Path, out: Path, notes: Notes, ended_ms: int | None) -> FinishedTrack | None:
    """Makes `out` from `raw`, which stays; their suffix tells the coding of the pictures. `ended_ms`: when the
    track ended on the raw time line, if known.

    Answers `None` where no frame was ever written. Raises `NotFinishedError` or `OSError`.
    """
    if not raw.exists() or raw.stat().st_size == 0:
        return None
    with raw.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        try:
            with memoryview(mapped) as view:
                blocks = list(matroska.blocks(view))
        except matroska.ForeignBytesError as error:
            raise NotFinishedError(f"{raw.name} was damaged: {error}") from error
        if not blocks:
            return None
        return _finish(mapped, blocks, raw, out, notes, ended_ms)


def _finish(
    mapped: mmap.mmap, blocks: Sequence[Block], raw: Path, out: Path, notes: Notes, ended_ms: int | None
) -> FinishedTrack:
    def read(block: Block) -> bytes:
        return silence.packet(block) if block.filled else mapped[block.start : block.start + block.size]

    coded = pictures.of_file(raw.name)
    everything = [note for kind in notes for note in notes[kind]]
    streams: list[FinishedStream] = []
    ordered: list[Block] = []
    alignments = {kind: Alignment(notes.get(kind, ()), everything) for kind in MediaKind}
    placed = _placed(blocks, alignments)
    begin = min(own[0].ms for own in placed.values() if own)
    for kind, own in placed.items():
        if not own:
            continue
        shifted = [block._replace(ms=block.ms - begin) for block in own]
        whole = (
            silence.fill(shifted, lambda block: rtp.opus_ms(read(block)))
            if kind is MediaKind.AUDIO
            else shifted
        )
        ordered += whole
        live = [block.ms for block in blocks if block.kind is kind]
        correction = [round(alignments[kind].correction(ms)) for ms in (live[0], live[-1])]
        streams.append(
            FinishedStream(
                kind=kind,
                codec=coded.name if kind is MediaKind.VIDEO else SOUND,
                frames=len(shifted),
                first_ms=shifted[0].ms,
                end_ms=shifted[-1].ms + _length(shifted[-1], read),
                gaps=_gaps(shifted, None if ended_ms is None else ended_ms - begin),
                frames_sha256=_digest(map(read, shifted)),
                filled=len(whole) - len(shifted),
                aligned=alignments[kind].known,
                correction_ms=(correction[0], correction[1]),
            )
        )
    ordered.sort(key=lambda block: block.ms)
    return _write(ordered, streams, raw, out, begin, read)


def _write(
    ordered: list[Block],
    streams: list[FinishedStream],
    raw: Path,
    out: Path,
    begin: int,
    read: Callable[[Block], bytes],
) -> FinishedTrack:
    duration = max(stream.end_ms for stream in streams)
    coded = pictures.of_file(raw.name)
    keys = (read(block) for block in ordered if block.key and block.kind is MediaKind.VIDEO)
    key = next((frame for frame in keys if coded.size(frame)), None)
    digester = Digester()
    folder.place(out, _through(digester, finished.layout(ordered, coded, key, duration, read)))
    names = {MediaKind.AUDIO: SOUND, MediaKind.VIDEO: coded.name}
    expected = {names[kind]: _digest(read(one) for one in ordered if one.kind is kind) for kind in MediaKind}
    _check(out, expected)
    size = coded.size(key) if key is not None else None
    return FinishedTrack(digester.digest(), digest_of(raw), begin, duration, size, tuple(streams))


def _through(digester: Digester, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        digester.update(piece)
        yield piece


def _placed(
    blocks: Sequence[Block], alignments: Mapping[MediaKind, Alignment]
) -> dict[MediaKind, list[Block]]:
    """All blocks on the common clock; within a stream the order never changes and no two times are equal."""
    placed: dict[MediaKind, list[Block]] = {kind: [] for kind in MediaKind}
    for block in blocks:
        own = placed[block.kind]
        ms = round(block.ms + alignments[block.kind].correction(block.ms))
        own.append(block._replace(ms=max(ms, own[-1].ms + 1) if own else ms))
    return placed


def _length(block: Block, read: Callable[[Block], bytes]) -> int:
    return _LAST_FRAME_MS if block.kind is MediaKind.VIDEO else round(rtp.opus_ms(read(block)))


def _gaps(own: Sequence[Block], ended_ms: int | None) -> tuple[tuple[int, int], ...]:
    times = [0, *(block.ms for block in own)]
    times.append(times[-1] if ended_ms is None else max(ended_ms, times[-1]))
    return tuple((a, b) for a, b in itertools.pairwise(times) if b - a > GAP_MS[own[0].kind])


def _digest(frames: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(frame)
    return digest.hexdigest()


def _check(path: Path, expected: Mapping[str, str]) -> None:
    """Reads the finished file back with FFmpeg; `expected`: the digest of all frames, by FFmpeg's codec name."""
    digests = {codec: hashlib.sha256() for codec in expected}
    try:
        with av.open(str(path), format="matroska") as container:
            for packet in container.demux():
                if packet.size:
                    digests[packet.stream.codec.canonical_name].update(memoryview(packet))
    except (av.FFmpegError, KeyError) as error:
        raise NotFinishedError(f"{path.name} cannot be read back: {error}") from error
    for codec, digest in expected.items():
        if digests[codec].hexdigest() != digest:
            raise NotFinishedError(f"{path.name} does not hold the {codec} frames that were written")
