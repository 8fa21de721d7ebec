"""H.264 out of RTP (RFC 6184) and into Matroska's form: NAL units, each behind its length. Pure.

Packetization mode 1 only, as we offer it: single NAL units, STAP-A, FU-A. Whatever else comes is a loss.
Every key frame that is given out carries its parameter sets, so a file can be read from any of them.
"""

from collections.abc import Iterator

from recording.rtp import LARGEST_FRAME, Frame, Packet

_SLICE, _IDR, _SPS, _PPS = 1, 5, 7, 8  # NAL unit types, H.264 table 7-1
_STAP_A, _FU_A = 24, 28  # RFC 6184 section 5.2
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128})  # profiles whose SPS says more, H.264 7.3.2.1.1
# AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1) of constrained baseline, lengths of four
# bytes, no parameter sets: those stand in each key frame. A live file begins before any is known.
LIVE_PRIVATE = bytes([1, 0x42, 0xE0, 0x1F, 0xFF, 0xE0, 0])


class H264Frames:
    """Whole access units only; after a loss nothing until the next key frame (as `recording.rtp.Vp8Frames`)."""

    __slots__ = ("_bytes", "_fragment", "_sets", "_start", "_torn", "_units", "broken", "spoilt")

    def __init__(self) -> None:
        self.broken = True  # waits for a key frame
        self.spoilt = 0  # frames left out
        self._start: Packet | None = None
        self._units: list[bytes] = []
        self._fragment: bytearray | None = None
        self._bytes = 0  # of the frame so far
        self._sets: dict[int, bytes] = {}  # the newest SPS and PPS
        self._torn: int | None = None  # timestamp of the frame whose rest is of no use any more

    def hole(self) -> None:
        """Packets are missing before the next one."""
        if self._start is not None:
            self.spoilt += 1
            self._torn = self._start.timestamp
        self._drop()
        self.broken = True

    def _drop(self) -> None:
        self._start, self._units, self._fragment, self._bytes = None, [], None, 0

    def push(self, packet: Packet) -> Frame | None:
        """The frame that is complete with this packet."""
        if not packet.payload or packet.timestamp == self._torn:
            return None  # padding, sent to probe the bandwidth, or the rest of what is given up
        if self._start is not None and self._start.timestamp != packet.timestamp:
            self.hole()  # the one before never ended
        if self._start is None:
            self._start, self._torn = packet, None
        self._bytes += len(packet.payload)
        if self._bytes > LARGEST_FRAME or not self._take(packet.payload):
            self.hole()
            return None
        return self._whole() if packet.marker else None

    def _take(self, payload: bytes) -> bool:
        """Adds what one packet brings; False: it cannot be used."""
        kind = payload[0] & 0x1F
        if kind == _FU_A:
            return self._part(payload)
        if self._fragment is not None:
            return False
        if kind == _STAP_A:
            units = list(_aggregated(payload))
            self._units += [unit for unit in units if unit]
            return bool(units) and b"" not in units
        self._units.append(payload)
        return 0 < kind < _STAP_A

    def _part(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        head = payload[1]
        if head & 0x80:  # the first part of a unit
            if self._fragment is not None:
                return False
            self._fragment = bytearray([payload[0] & 0xE0 | head & 0x1F])
        if self._fragment is None:
            return False
        self._fragment += payload[2:]
        if head & 0x40:  # the last one
            self._units.append(bytes(self._fragment))
            self._fragment = None
        return True

    def _whole(self) -> Frame | None:
        start, units, torn = self._start, self._units, self._fragment is not None
        self._drop()
        slices = [unit for unit in units if _SLICE <= unit[0] & 0x1F <= _IDR]
        sets = {unit[0] & 0x1F: unit for unit in units if unit[0] & 0x1F in (_SPS, _PPS)}
        self._sets |= sets
        if start is None or torn or (not slices and not sets):
            self._spoil()
            return None
        if not slices:
            return None  # parameter sets by themselves
        key = slices[0][0] & 0x1F == _IDR
        if not _begins_picture(slices[0]) or (
            key and (len(self._sets) < 2 or size_of(self._sets[_SPS]) is None)
        ):
            self._spoil()
            return None
        if self.broken and not key:
            self.spoilt += 1
            return None
        self.broken = False
        if key:
            units = [unit for kind, unit in sorted(self._sets.items()) if kind not in sets] + units
        return Frame(start.timestamp, start.arrived, key, b"".join(map(_measured, units)))

    def _spoil(self) -> None:
        self.spoilt += 1
        self.broken = True


def _begins_picture(unit: bytes) -> bool:
    """first_mb_in_slice is 0 (H.264 7.3.3): an Exp-Golomb zero is a single set bit."""
    return len(unit) > 1 and bool(unit[1] & 0x80)


def _measured(unit: bytes) -> bytes:
    return len(unit).to_bytes(4) + unit


def _aggregated(payload: bytes) -> Iterator[bytes]:
    """The units in a STAP-A; an empty one stands for what cannot be read."""
    at = 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2])
        unit = payload[at + 2 : at + 2 + size]
        yield unit if len(unit) == size and at + 2 < len(payload) else b""
        at += 2 + size


def units(frame: bytes) -> Iterator[bytes]:
    """The NAL units of a frame as `H264Frames` gives it out."""
    at = 0
    while at + 4 <= len(frame):
        size = int.from_bytes(frame[at : at + 4])
        if size:
            yield frame[at + 4 : at + 4 + size]
        at += 4 + size


def _sets_of(frame: bytes) -> tuple[bytes, bytes] | None:
    found = {unit[0] & 0x1F: unit for unit in units(frame)}
    return (found[_SPS], found[_PPS]) if _SPS in found and _PPS in found else None


def size(frame: bytes) -> tuple[int, int] | None:
    """Width and height of a key frame; `None` if it is none."""
    sets = _sets_of(frame)
    return size_of(sets[0]) if sets else None


def private(frame: bytes) -> bytes:
    """The AVCDecoderConfigurationRecord of a file that begins with this key frame."""
    sets = _sets_of(frame)
    if sets is None:
        return LIVE_PRIVATE
    sps, pps = sets
    head = bytes([1, *sps[1:4], 0xFF, 0xE1])
    return head + len(sps).to_bytes(2) + sps + b"\x01" + len(pps).to_bytes(2) + pps


class _Bits:
    """Reads an SPS bit by bit, without the bytes that prevent emulation (H.264 7.4.1). Past its end all is 0."""

    def __init__(self, unit: bytes) -> None:
        raw = unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(raw)
        self._left = 8 * len(raw)

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1) if self._left >= 0 else 0

    def golomb(self) -> int:
        """ue(v), H.264 section 9.1."""
        zeros = 0
        while self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros) if zeros < 32 else 0


def size_of(sps: bytes) -> tuple[int, int] | None:
    """Width and height by a sequence parameter set (H.264 7.3.2.1.1); `None` if it cannot be read."""
    if len(sps) < 5:
        return None
    bits = _Bits(sps)
    profile = bits.take(8)
    bits.take(16)  # constraints, level
    bits.golomb()
    if profile in _HIGH and not _plain_high(bits):
        return None
    bits.golomb()  # log2_max_frame_num_minus4
    _skip_order(bits)
    bits.golomb()  # max_num_ref_frames
    bits.take(1)
    width, rows = 16 * (bits.golomb() + 1), 16 * (bits.golomb() + 1)
    progressive = bits.take(1)
    if not progressive:
        rows *= 2
        bits.take(1)
    bits.take(1)  # direct_8x8_inference_flag
    left, right, top, bottom = (bits.golomb() for _ in range(4)) if bits.take(1) else (0, 0, 0, 0)
    width, height = width - 2 * (left + right), rows - (2 if progressive else 4) * (top + bottom)
    return (width, height) if 0 < width <= 8192 and 0 < height <= 8192 else None


def _plain_high(bits: _Bits) -> bool:
    """4:2:0, eight bits, no scaling matrices: all that a camera makes of the high profiles."""
    return bits.golomb() == 1 and bits.golomb() == 0 and bits.golomb() == 0 and bits.take(2) == 0


def _skip_order(bits: _Bits) -> None:
    """pic_order_cnt_type and what belongs to it."""
    kind = bits.golomb()
    if kind == 0:
        bits.golomb()
    elif kind == 1:
        bits.take(1)
        bits.golomb()
        bits.golomb()
        for _ in range(min(255, bits.golomb())):
            bits.golomb()
