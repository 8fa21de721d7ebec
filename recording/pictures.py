"""What each coding of pictures needs in a recording: how frames are made, how a file names and describes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from recording import h264, rtp
from rooms.codec import VideoCodec


@dataclass(frozen=True, slots=True)
class Pictures:
    """`suffix` of the finished file, `document` type (RFC 9559 section 27.2: WebM has no H.264), Matroska's
    and FFmpeg's names; `size` of a key frame; `private`: CodecPrivate of a file beginning with a key frame."""

    codec: VideoCodec
    suffix: str
    document: bytes
    codec_id: bytes
    name: str
    frames: Callable[[], rtp.Vp8Frames | h264.H264Frames]
    size: Callable[[bytes], tuple[int, int] | None]
    private: Callable[[bytes], bytes]
    live_private: bytes = b""


VP8 = Pictures(
    VideoCodec.VP8, ".webm", b"webm", b"V_VP8", "vp8", rtp.Vp8Frames, rtp.vp8_size, lambda _frame: b""
)
H264 = Pictures(
    VideoCodec.H264,
    ".mkv",
    b"matroska",
    b"V_MPEG4/ISO/AVC",
    "h264",
    h264.H264Frames,
    h264.size,
    h264.private,
    h264.LIVE_PRIVATE,
)
PICTURES: Mapping[VideoCodec, Pictures] = {made.codec: made for made in (VP8, H264)}


def of_file(name: str) -> Pictures:
    """By the suffix of a raw or finished file."""
    return H264 if name.endswith(H264.suffix) else VP8
