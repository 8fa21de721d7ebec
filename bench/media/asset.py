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
FPS, WIDTH, HEIGHT, BITS = 30, 1280, 720, 1_000_000
RATE, PER_PACKET = 48_000, 960
EVERY_S, FLASH_S = 2.0, 0.1
NOISE = 336  # pixels: what moves; chosen so that the encoder needs its bits
_LARGEST = 1100  # bytes of a payload
ITEM = Struct("=qIIIBBBB")  # as load.c's struct item


@dataclass(frozen=True)
class Asset:
    """Items sorted by the moment they are due, and the payloads one after another."""

    items: bytes
    count: int
    data: bytes


def kept(role: int) -> Asset:
    """As `make`, but encoded only once on this machine."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    place = Path(tempfile.gettempdir()) / f"kinbridge-bench-{os.getuid()}-{digest}-{role}"
    if not place.exists():
        asset = make(role)
        fresh = place.with_name(f"{place.name}.{os.getpid()}")
        fresh.write_bytes(asset.count.to_bytes(4, "big") + asset.items + asset.data)
        fresh.replace(place)
    data = place.read_bytes()
    count = int.from_bytes(data[:4], "big")
    middle = 4 + count * ITEM.size
    return Asset(data[4:middle], count, data[middle:])


def make(role: int) -> Asset:
    """`role` 0 or 1: two that differ in every packet of sound, so that a viewer can tell whose it is."""
    packets: list[
        tuple[int, int, bytes, bool, bool, bool]
    ] = []  # due in us, timestamp, payload, video, key, marker
    for number, (data, key) in enumerate(_pictures(role)):
        pieces = [data[at : at + _LARGEST] for at in range(0, len(data), _LARGEST)]
        for place, piece in enumerate(pieces):
            head = b"\x10" if place == 0 else b"\x00"
            due = number * 1_000_000 // FPS
            packets.append((due, number * 90_000 // FPS, head + piece, True, key, place == len(pieces) - 1))
    packets += [
        (number * 20_000, number * PER_PACKET, data, False, False, False)
        for number, data in enumerate(_sound(role))
    ]
    packets.sort(key=lambda one: one[0])
    items, data = b"", b""
    for due, timestamp, payload, video, key, marker in packets:
        items += ITEM.pack(due, timestamp, len(data), len(payload), video, key, marker, 0)
        data += payload
    return Asset(items, len(packets), data)


def _flashes(second: float) -> bool:
    return second % EVERY_S < FLASH_S


def _pictures(role: int) -> list[tuple[bytes, bool]]:
    chance = np.random.default_rng(role)
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.bit_rate = Fraction(1, FPS), BITS
    encoder.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "g": str(SECONDS * FPS),
        "lag-in-frames": "0",
        "minrate": str(BITS),
        "maxrate": str(BITS),
        "bufsize": str(BITS // 2),
    }
    still = np.add.outer(np.arange(HEIGHT) // 8, np.arange(WIDTH) // 16).astype(np.uint8) + 30
    face = chance.integers(90, 160, (NOISE // 4, NOISE // 4), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    packets = []
    for number in range(SECONDS * FPS):
        luma = still.copy()
        top, left = 180 + number % 100, 400 + number * 3 % 200
        luma[top : top + NOISE, left : left + NOISE] = np.roll(face, number, axis=1)
        if _flashes(number / FPS):
            luma = np.full((HEIGHT, WIDTH), 235, dtype=np.uint8)
        planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, dtype=np.uint8)
        planes[:HEIGHT] = luma
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
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
