"""The finished file: every size known, duration and cues in front, blocks in order of time. Pure.

The same frames give the same bytes, whoever does it and how often: sealing that was interrupted is simply
done again. (FFmpeg's muxer, as PyAV offers it without an encoder, cannot be given Opus' CodecPrivate; it
checks the result instead, see `recording.finalise`.)
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from recording.matroska import (
    CLUSTER,
    INFO,
    SEGMENT,
    TIMESTAMP,
    TRACK,
    TRACKS,
    Block,
    block_heads,
    element,
    header,
    info,
    tracks,
    unsigned,
    vint,
)
from recording.pictures import Pictures
from rooms.client import MediaKind

CLUSTER_MS = 5000
_CUES = b"\x1c\x53\xbb\x6b"
_SEEK_HEAD = b"\x11\x4d\x9b\x74"
_SIZE = 8  # bytes of each size and position that depends on others

Read = Callable[[Sequence[Block]], Sequence[bytes]]
Seen = Callable[[Sequence[Block], Sequence[bytes]], None]


class _Cluster(NamedTuple):
    """`head` and `heads`: the cluster's bytes before its blocks, and each block's before its frame."""

    ms: int
    blocks: Sequence[Block]
    head: bytes
    heads: Sequence[bytes]
    size: int  # of the whole cluster

    @property
    def cued(self) -> Block | None:
        """What a player can start from here: a key frame, or sound where there is no picture."""
        return next((block for block in self.blocks if block.key and block.kind is MediaKind.VIDEO), None)


def _clusters(blocks: Sequence[Block]) -> list[_Cluster]:
    """Cuts before each video key frame and at least each `CLUSTER_MS`; `blocks` in order of time."""
    cuts = []
    opened = None
    for index, block in enumerate(blocks):
        starts_picture = block.key and block.kind is MediaKind.VIDEO
        if opened is None or starts_picture or block.ms - opened >= CLUSTER_MS:
            cuts.append(index)
            opened = block.ms
    return [_cluster(blocks[start:end]) for start, end in zip(cuts, [*cuts[1:], len(blocks)], strict=True)]


def _cluster(blocks: Sequence[Block]) -> _Cluster:
    begin = blocks[0].ms
    heads = block_heads(blocks, begin)
    moment = unsigned(TIMESTAMP, begin)
    content = len(moment) + sum(map(len, heads)) + sum(block.size for block in blocks)
    head = CLUSTER + vint(content, _SIZE) + moment
    return _Cluster(begin, blocks, head, heads, len(CLUSTER) + _SIZE + content)


def _cue(ms: int, track: int, position: int) -> bytes:
    where = unsigned(b"\xf7", track) + unsigned(b"\xf1", position, _SIZE)
    return element(b"\xbb", unsigned(b"\xb3", ms) + element(b"\xb7", where))


def _cues(clusters: Sequence[_Cluster], first: int, with_video: bool) -> bytes:
    """Positions are relative to the Segment's content; `first` is that of the first cluster."""
    content = b""
    position = first
    for cluster in clusters:
        picture = cluster.cued
        if picture is not None:
            content += _cue(picture.ms, TRACK[MediaKind.VIDEO], position)
        elif not with_video:
            content += _cue(cluster.ms, TRACK[MediaKind.AUDIO], position)
        position += cluster.size
    return element(_CUES, content)


def _seek_head(places: Sequence[tuple[bytes, int]]) -> bytes:
    return element(
        _SEEK_HEAD,
        b"".join(
            element(b"\x4d\xbb", element(b"\x53\xab", identity) + unsigned(b"\x53\xac", place, _SIZE))
            for identity, place in places
        ),
    )


def _front(clusters: Sequence[_Cluster], information: bytes, declared: bytes, with_video: bool) -> bytes:
    """SeekHead, Info, Tracks and Cues: their lengths do not depend on the positions in them."""
    seek_length = len(_seek_head([(INFO, 0), (TRACKS, 0), (_CUES, 0)]))
    tracks_at = seek_length + len(information)
    cues_at = tracks_at + len(declared)
    first = cues_at + len(_cues(clusters, 0, with_video))
    seek = _seek_head([(INFO, seek_length), (TRACKS, tracks_at), (_CUES, cues_at)])
    return seek + information + declared + _cues(clusters, first, with_video)


class Layout:
    """A finished file before its frames are in it."""

    def __init__(
        self, blocks: Sequence[Block], coded: Pictures, key: bytes | None, duration_ms: float
    ) -> None:
        """`blocks` sorted by time, beginning at 0; `key` is the first sound key frame, `None` where there is no picture
        at all."""
        self._clusters = _clusters(blocks)
        has_audio = any(block.kind is MediaKind.AUDIO for block in blocks)
        size, private = (None, b"") if key is None else (coded.size(key), coded.private(key))
        declared = tracks(size, audio=has_audio, codec_id=coded.codec_id, private=private)
        front = _front(self._clusters, info(duration_ms), declared, size is not None)
        total = len(front) + sum(cluster.size for cluster in self._clusters)
        self._front = header(coded.document) + SEGMENT + vint(total, _SIZE) + front
        self.size = len(self._front) + total - len(front)

    @property
    def chunks(self) -> Iterator[tuple[bytes, Sequence[bytes], Sequence[Block]]]:
        """The bytes before any block, those before each frame, and the blocks: the file's front, then some seconds
        at a time."""
        yield self._front, (), ()
        for cluster in self._clusters:
            yield cluster.head, cluster.heads, cluster.blocks

    @property
    def stretches(self) -> Iterator[Sequence[Block]]:
        """The blocks in order, some seconds at a time."""
        return (cluster.blocks for cluster in self._clusters)

    def content(self, read: Read, seen: Seen | None = None) -> Iterator[bytes]:
        """The file's bytes in order. `read` gives blocks' frames; `seen` is shown what is written."""
        yield self._front
        for cluster in self._clusters:
            frames = read(cluster.blocks)
            if seen is not None:
                seen(cluster.blocks, frames)
            pairs = chain.from_iterable(zip(cluster.heads, frames, strict=True))
            yield b"".join(chain((cluster.head,), pairs))


def layout(
    blocks: Sequence[Block],
    coded: Pictures,
    key: bytes | None,
    duration_ms: float,
    read: Callable[[Block], bytes],
) -> Iterator[bytes]:
    """A finished file's bytes in order; as `Layout`, with frames that are read one by one."""
    return Layout(blocks, coded, key, duration_ms).content(lambda some: [read(block) for block in some])
