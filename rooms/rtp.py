"""RTP on the wire, as far as a relay that decodes nothing must know it. Pure.

RFC 3550 section 5.1 (header), RFC 4588 (retransmission), RFC 7741 section 4 (VP8 payload), RFC 6184 section 5
(H.264 payload). Payload types are fixed, because the server makes every offer; where a peer makes it
(`signaling.whip`), its own are changed into these at the leg's border.
"""

from struct import Struct

from rooms.client import MediaKind
from rooms.codec import VideoCodec

VP8 = 96
RTX = 97  # of VP8
H264 = 98
H264_RTX = 99
OPUS = 111
RTX_OF = {VP8: RTX, H264: H264_RTX}
PICTURE_TYPE = {VideoCodec.VP8: VP8, VideoCodec.H264: H264}
PAYLOAD_TYPE = {MediaKind.AUDIO: OPUS, MediaKind.VIDEO: VP8}
CLOCK_RATE = {MediaKind.AUDIO: 48_000, MediaKind.VIDEO: 90_000}  # timestamp units per second

HEADER_SIZE = 12
HEADER = Struct(
    "!BBHII"
)  # version, padding, extension, CSRC count · marker, type · sequence · timestamp · SSRC
_U16 = Struct("!H")
_U32 = Struct("!I")


class BadPacket(ValueError):
    """It is not what it claims to be; it is dropped and counted."""


def extend(number: int, highest: int) -> int:
    """The number of unbounded size, nearest to `highest`, whose low 16 bits are `number`."""
    return highest + ((number - highest + 0x8000) & 0xFFFF) - 0x8000


def payload_span(packet: bytes) -> tuple[int, int]:
    """Where the payload begins and ends (padding left out). Raises `BadPacket`."""
    size = len(packet)
    if size < HEADER_SIZE or packet[0] >> 6 != 2:
        raise BadPacket("no RTP header")
    start = HEADER_SIZE + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if size < start + 4:
            raise BadPacket("header extension cut off")
        start += 4 + 4 * _U16.unpack_from(packet, start + 2)[0]
    end = size - packet[-1] if packet[0] & 0x20 else size
    if start > size or end < start or (packet[0] & 0x20 and not packet[-1]):
        raise BadPacket("header or padding longer than the packet")
    return start, end


def begins_vp8_keyframe(packet: bytes) -> bool:
    """Whether this is the first packet of a VP8 key frame. Raises `BadPacket` for a broken header."""
    start, end = payload_span(packet)
    if start >= end:
        return False
    first = packet[start]
    if not first & 0x10 or first & 0x07:  # S = 0, or a later partition
        return False
    at = start + 1
    if first & 0x80:
        if at >= end:
            return False
        extra = packet[at]
        at += 1
        if extra & 0x80:  # picture id, of one or two bytes
            at += 2 if at < end and packet[at] & 0x80 else 1
        at += bool(extra & 0x40) + bool(extra & 0x30)
    return at < end and not packet[at] & 0x01  # P = 0: a key frame


_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28  # NAL unit types


def begins_h264_keyframe(packet: bytes) -> bool:
    """Whether this is the first packet of an H.264 key frame: parameter sets, or a slice of it where the sender
    sends them once only. Raises `BadPacket` for a broken header."""
    start, end = payload_span(packet)
    if start >= end:
        return False
    kind = packet[start] & 0x1F
    if kind == _FU_A:
        return end - start > 1 and packet[start + 1] & 0x80 != 0 and packet[start + 1] & 0x1F in (_IDR, _SPS)
    if kind != _STAP_A:
        return kind in (_IDR, _SPS)
    at = start + 1
    while at + 2 < end:
        if packet[at + 2] & 0x1F in (_IDR, _SPS):
            return True
        at += 2 + _U16.unpack_from(packet, at)[0]
    return False


_BEGINS = {VP8: begins_vp8_keyframe, H264: begins_h264_keyframe}


def begins_keyframe(packet: bytes, payload_type: int) -> bool:
    """Whether a decoder that knows nothing can begin here; a broken packet is no beginning."""
    begins = _BEGINS.get(payload_type)
    try:
        return begins is not None and begins(packet)
    except BadPacket:
        return False


def unwrap_rtx(packet: bytes, payload_type: int, ssrc: int) -> bytes | None:
    """The packet inside a retransmission (RFC 4588 section 4); `None` for one that is only padding."""
    start, end = payload_span(packet)
    if end - start < 2:
        return None
    sequence = _U16.unpack_from(packet, start)[0]
    first = packet[0] & ~0x20
    second = (packet[1] & 0x80) | payload_type
    timestamp = _U32.unpack_from(packet, 4)[0]
    header = HEADER.pack(first, second, sequence, timestamp, ssrc)
    return header + packet[HEADER_SIZE:start] + packet[start + 2 : end]


def wrap_rtx(packet: bytes, sequence: int, original: int, timestamp: int, ssrc: int) -> bytes:
    """A retransmission of `packet`, which the receiver knows by the sequence number `original`."""
    start, end = payload_span(packet)
    first = packet[0] & ~0x20
    again = RTX_OF.get(packet[1] & 0x7F, RTX)
    header = HEADER.pack(first, (packet[1] & 0x80) | again, sequence, timestamp, ssrc)
    return header + packet[HEADER_SIZE:start] + _U16.pack(original) + packet[start:end]
