"""The finished file: every size known, duration and cues in front, blocks in order of time. Pure.

The same frames give the same bytes, whoever does it and how often: sealing that was interrupted is simply
done again. (FFmpeg's muxer, as PyAV offers it without an encoder, cannot be given Opus' CodecPrivate; it
checks the result instead, see `recording.finalise`.)
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from recording.matroska import (
    BLOCK_HEAD_SIZE,
    CLUSTER,
    INFO,
    SEGMENT,
    TIMESTAMP,
    TRACK,
    TRACKS,
    Block,
    block_head,
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


class _Cluster(NamedTuple):
    ms: int
    blocks: Sequence[Block]

    @property
    def content_size(self) -> int:
        return len(unsigned(TIMESTAMP, self.ms)) + sum(BLOCK_HEAD_SIZE + block.size for block in self.blocks)

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
    return [
        _Cluster(blocks[start].ms, blocks[start:end])
        for start, end in zip(cuts, [*cuts[1:], len(blocks)], strict=True)
    ]


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
        position += len(CLUSTER) + _SIZE + cluster.content_size
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


def layout(
    blocks: Sequence[Block],
    coded: Pictures,
    key: bytes | None,
    duration_ms: float,
    read: Callable[[Block], bytes],
) -> Iterator[bytes]:
    """The file's bytes in order. `blocks` sorted by time, beginning at 0; `read` gives a block's frame;
    `key` is the first sound key frame, `None` where there is no picture at all."""
    clusters = _clusters(blocks)
    has_audio = any(block.kind is MediaKind.AUDIO for block in blocks)
    size, private = (None, b"") if key is None else (coded.size(key), coded.private(key))
    declared = tracks(size, audio=has_audio, codec_id=coded.codec_id, private=private)
    front = _front(clusters, info(duration_ms), declared, size is not None)
    total = len(front) + sum(len(CLUSTER) + _SIZE + cluster.content_size for cluster in clusters)
    yield header(coded.document) + SEGMENT + vint(total, _SIZE) + front
    for cluster in clusters:
        parts = [CLUSTER, vint(cluster.content_size, _SIZE), unsigned(TIMESTAMP, cluster.ms)]
        for block in cluster.blocks:
            relative = block.ms - cluster.ms
            head = block_head(block.kind, relative, block.key, block.size, discardable=block.filled)
            parts += (head, read(block))
        yield b"".join(parts)
