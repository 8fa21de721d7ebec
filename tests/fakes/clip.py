"""A clip for a browser's fake camera and microphone, made so that machines can read it.

Every frame carries its number and its person as a row of 16 black and white blocks along its upper edge:

    block  0     1      2 … 9              10 … 12   13 … 15
           white black  number, 8 bits     person    check: the other bits in threes, each xored with the next

At each full second all below the row flashes white for four frames, and at that instant the sound track
beeps for 120 ms at the person's own pitch. Otherwise the picture has the person's own colour with a bar that
moves one step per frame, and the sound is silence. The clip is ten seconds long and loops seamlessly.
"""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 640, 360
RATE = 25  # frames per second
SECONDS = 10
FRAMES = RATE * SECONDS  # 250: fits the eight bits of the row
BLOCKS = 16
ROW = HEIGHT // 6  # height of the row of blocks, pixels
FLASH = 4  # frames
BEEP = 0.12  # seconds
LEAD = 0.062  # seconds the sound runs ahead, because Chromium opens its fake microphone that much later
SOUND_RATE = 48_000

Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Person:
    """Who is in the picture. `number` 0…7; `pitch` in hertz; `colour` as Y, U, V of BT.601."""

    number: int
    pitch: int
    colour: tuple[int, int, int]


FAMILY = Person(1, 1000, (110, 90, 160))
INMATE = Person(2, 1400, (90, 150, 100))
OFFICER = Person(3, 700, (70, 128, 128))
SECOND_RELATIVE = Person(4, 1800, (120, 110, 110))


@dataclass(frozen=True, slots=True)
class Clip:
    person: Person
    video: Path  # YUV4MPEG2, as Chromium's --use-file-for-fake-video-capture takes it
    audio: Path  # WAV, mono, 16 bits


def _check(number: int, person: int) -> int:
    """Three bits that change with any single bit of the others."""
    return ((number >> 6) ^ (number >> 3) ^ number ^ person) & 7


def bits(number: int, person: int) -> list[int]:
    """The row of blocks, 1 is white."""
    value = (number << 6) | (person << 3) | _check(number, person)
    return [1, 0] + [(value >> shift) & 1 for shift in range(13, -1, -1)]


def number_of(row: list[int]) -> tuple[int, int] | None:
    """(number, person) of a row that was read, or `None` where it is no such row."""
    if len(row) != BLOCKS or row[:2] != [1, 0]:
        return None
    value = int("".join(map(str, row[2:])), 2)
    number, person, check = value >> 6, (value >> 3) & 7, value & 7
    return (number, person) if _check(number, person) == check else None


def frame(number: int, person: Person) -> tuple[Plane, Plane, Plane]:
    """The Y, U and V planes (4:2:0) of frame `number`."""
    luma = np.full((HEIGHT, WIDTH), person.colour[0], np.uint8)
    u = np.full((HEIGHT // 2, WIDTH // 2), person.colour[1], np.uint8)
    v = np.full((HEIGHT // 2, WIDTH // 2), person.colour[2], np.uint8)
    if number % RATE < FLASH:
        luma[ROW:] = 235
        u[ROW // 2 :] = v[ROW // 2 :] = 128
    else:
        left = (number * 8) % (WIDTH - 80)
        luma[HEIGHT // 2 : HEIGHT // 2 + 80, left : left + 80] = 200
    width = WIDTH // BLOCKS
    for index, bit in enumerate(bits(number, person.number)):
        luma[:ROW, index * width : (index + 1) * width] = 235 if bit else 16
    u[: ROW // 2] = v[: ROW // 2] = 128
    return luma, u, v


def sound(person: Person) -> npt.NDArray[np.int16]:
    """Ten seconds of it; the beeps have 4 ms slopes, so that they do not click."""
    time = np.arange(int(BEEP * SOUND_RATE)) / SOUND_RATE
    slope = np.minimum(1, np.minimum(time, BEEP - time) / 0.004)
    beep = 0.5 * np.sin(2 * np.pi * person.pitch * time) * slope
    samples = np.zeros(SECONDS * SOUND_RATE)
    for second in range(SECONDS):
        start = second * SOUND_RATE
        samples[start : start + len(beep)] = beep
    return (np.roll(samples, -round(LEAD * SOUND_RATE)) * 32767).astype(np.int16)


def write(person: Person, folder: Path) -> Clip:
    """Writes both files into `folder` (87 MB of uncompressed pictures: no decoder's cost in the tests)."""
    clip = Clip(person, folder / f"person{person.number}.y4m", folder / f"person{person.number}.wav")
    with clip.video.open("wb") as video:
        video.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FRAMES):
            video.write(b"FRAME\n" + b"".join(plane.tobytes() for plane in frame(number, person)))
    with wave.open(str(clip.audio), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(SOUND_RATE)
        audio.writeframes(sound(person).tobytes())
    return clip
