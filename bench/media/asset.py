"""What the peers send: ten seconds of 720p VP8 at 1 Mbit/s and Opus, encoded once, cut into RTP payloads.

Every two seconds there is a white flash and a beep at the same moment, so that sound can be held against picture.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from struct import Struct

import av
import numpy as np

SECONDS = 10
FPS, WIDTH, HEIGHT = 30, 1280, 720
RATE, PER_PACKET = 48_000, 960
EVERY_S, FLASH_S = 2.0, 0.1
NOISE = 336  # pixels: what moves; chosen so that the encoder needs its bits
_LARGEST = 1100  # bytes of a payload
ITEM = Struct("=qIIIBBBB")  # as load.c's struct item
_SOUND, _PICTURE, _SMALL = range(3)  # load.c's kinds


@dataclass(frozen=True)
class _Size:
    """Of a picture: how many in a second, bit/s, and of how many pixels of the whole one its pixel is made."""

    fps: int
    bits: int
    shrunk: int


_WHOLE = _Size(FPS, 1_000_000, 1)
_WALLS = _Size(8, 70_000, 4)  # as devices send for a wall (web/static/js/call/sending.js)


@dataclass(frozen=True)
class Asset:
    """Items sorted by the moment they are due, and the payloads one after another."""

    items: bytes
    count: int
    data: bytes


def kept(role: int, *, small: bool = False) -> Asset:
    """As `make`, but encoded only once on this machine."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    place = Path(tempfile.gettempdir()) / f"kinbridge-bench-{os.getuid()}-{digest}-{role}-{small:d}"
    if not place.exists():
        asset = make(role, small=small)
        fresh = place.with_name(f"{place.name}.{os.getpid()}")
        fresh.write_bytes(asset.count.to_bytes(4, "big") + asset.items + asset.data)
        fresh.replace(place)
    data = place.read_bytes()
    count = int.from_bytes(data[:4], "big")
    middle = 4 + count * ITEM.size
    return Asset(data[4:middle], count, data[middle:])


def make(role: int, *, small: bool) -> Asset:
    """`role` 0 or 1: two that differ in every packet of sound, so that a viewer can tell whose it is. `small`: with a
    small copy of the picture."""
    # due in us, timestamp, payload, kind, key, marker
    packets: list[tuple[int, int, bytes, int, bool, bool]] = []
    for kind, size in ((_PICTURE, _WHOLE), (_SMALL, _WALLS))[: 1 + small]:
        for number, (data, key) in enumerate(_pictures(role, size)):
            pieces = [data[at : at + _LARGEST] for at in range(0, len(data), _LARGEST)]
            due, timestamp = number * 1_000_000 // size.fps, number * 90_000 // size.fps
            for place, piece in enumerate(pieces):
                head = b"\x10" if place == 0 else b"\x00"
                packets.append((due, timestamp, head + piece, kind, key, place == len(pieces) - 1))
    packets += [
        (number * 20_000, number * PER_PACKET, data, _SOUND, False, False)
        for number, data in enumerate(_sound(role))
    ]
    packets.sort(key=lambda one: one[0])
    items, data = b"", b""
    for due, timestamp, payload, kind, key, marker in packets:
        items += ITEM.pack(due, timestamp, len(data), len(payload), kind, key, marker, 0)
        data += payload
    return Asset(items, len(packets), data)


def _flashes(second: float) -> bool:
    return second % EVERY_S < FLASH_S


def _pictures(role: int, size: _Size) -> list[tuple[bytes, bool]]:
    chance = np.random.default_rng(role)
    encoder = av.CodecContext.create("libvpx", "w")
    width, height = WIDTH // size.shrunk, HEIGHT // size.shrunk
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate = Fraction(1, size.fps), size.bits
    encoder.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "g": str(SECONDS * size.fps),
        "lag-in-frames": "0",
        "minrate": str(size.bits),
        "maxrate": str(size.bits),
        "bufsize": str(size.bits // 2),
    }
    still = np.add.outer(np.arange(HEIGHT) // 8, np.arange(WIDTH) // 16).astype(np.uint8) + 30
    face = chance.integers(90, 160, (NOISE // 4, NOISE // 4), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    packets = []
    for number in range(SECONDS * size.fps):
        moved = number * _WHOLE.fps // size.fps  # as far as the whole picture has come by then
        luma = still.copy()
        top, left = 180 + moved % 100, 400 + moved * 3 % 200
        luma[top : top + NOISE, left : left + NOISE] = np.roll(face, moved, axis=1)
        if _flashes(number / size.fps):
            luma = np.full((HEIGHT, WIDTH), 235, dtype=np.uint8)
        planes = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
        planes[:height] = luma[:: size.shrunk, :: size.shrunk]
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, size.fps)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return [(bytes(packet), packet.is_keyframe) for packet in packets]


def _sound(role: int) -> list[bytes]:
    chance = np.random.default_rng(100 + role)
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = RATE, "mono", "s16", 48_000
    encoder.options = {"frame_duration": "20", "vbr": "off"}
    packets = []
    for number in range(SECONDS * 50):
        moment = (np.arange(PER_PACKET) + number * PER_PACKET) / RATE
        wave = chance.normal(0, 60, PER_PACKET)
        if _flashes(number / 50):
            wave = wave + 12_000 * np.sin(2 * np.pi * 1000 * moment)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, number * PER_PACKET
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return [bytes(packet) for packet in packets][: SECONDS * 50]
