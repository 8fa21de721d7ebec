"""Pictures with drawn faces, as the small key frames that a device sends: made by FFmpeg, read by nobody else."""

from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt

SIZE = (640, 360)
Canvas = npt.NDArray[np.uint8]


def room(people: int, *, light: int = 150) -> Canvas:
    """A plain wall with so many people sitting before it."""
    canvas = np.full((SIZE[1], SIZE[0]), light, np.uint8)
    for number in range(people):
        _person(canvas, 120 + number * 200, 150, 70)
    return cv2.GaussianBlur(canvas, (7, 7), 0).astype(np.uint8)


def _person(canvas: Canvas, x: int, y: int, r: int) -> None:
    """Head, hair, brows, eyes, nose and mouth: what a cascade that was trained on faces looks for."""

    def oval(dx: float, dy: float, width: float, height: float, shade: int, half: bool = False) -> None:
        centre, axes = (x + int(dx * r), y + int(dy * r)), (int(width * r), int(height * r))
        cv2.ellipse(canvas, centre, axes, 0, 180 if half else 0, 360, (shade,), -1)

    oval(0, 0, 0.75, 1, 190)
    oval(0, -0.72, 0.78, 0.42, 50, half=True)
    for side in (-0.30, 0.30):
        oval(side, -0.18, 0.17, 0.10, 110)
        oval(side, -0.15, 0.14, 0.07, 235)
        oval(side, -0.15, 0.07, 0.07, 30)
        oval(side, -0.34, 0.20, 0.05, 70)
    oval(0, 0.12, 0.09, 0.20, 215)
    oval(0, 0.30, 0.14, 0.04, 120)
    oval(0, 0.55, 0.26, 0.08, 100)
    oval(0, 1.6, 1.2, 0.8, 120, half=True)


def coded(canvas: Canvas, codec: str = "libvpx") -> bytes:
    """The picture as one key frame; of H.264 each unit behind its length, as recordings keep them."""
    coder = av.CodecContext.create(codec, "w")
    assert isinstance(coder, av.VideoCodecContext)
    coder.width, coder.height, coder.pix_fmt = SIZE[0], SIZE[1], "yuv420p"
    coder.framerate, coder.bit_rate = Fraction(30), 1_000_000
    frame = av.VideoFrame.from_ndarray(canvas, format="gray").reformat(format="yuv420p")
    packets = [*coder.encode(frame), *coder.encode(None)]
    data = bytes(packets[0])
    return data if codec == "libvpx" else _by_length(data)


def _by_length(data: bytes) -> bytes:
    units = [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit.rstrip(b"\0")]
    return b"".join(len(unit).to_bytes(4) + unit for unit in units)
