"""The ladder of pictures, and how a leg goes up and down on it without swinging. Pure.

Sound first: no rung has less than whole sound. Down at once, several rungs if need be; up one rung at a time,
after a calm while that grows each time going up turned out to be wrong.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Picture(StrEnum):
    """What is sent of a person, best first."""

    P720 = "720p"
    P360 = "360p"
    P180 = "180p"
    STILL = "still"
    SOUND = "sound"


@dataclass(frozen=True, slots=True)
class Rung:
    """`need`: bit/s of one person, sound and headers included, below which it cannot be held; `lines`: of the
    picture's shorter side; `video` and `audio`: most bit/s of the codec."""

    need: int
    lines: int
    frames: int
    video: int
    audio: int


# A voice of 40 kbit/s is 60 kbit/s on the wire: 50 packets a second, each with 50 bytes of headers.
RUNGS: Final[dict[Picture, Rung]] = {
    Picture.P720: Rung(700_000, 720, 30, 1_200_000, 40_000),
    Picture.P360: Rung(320_000, 360, 25, 600_000, 40_000),
    Picture.P180: Rung(160_000, 180, 15, 320_000, 32_000),
    Picture.STILL: Rung(85_000, 180, 5, 100_000, 24_000),
    Picture.SOUND: Rung(0, 0, 0, 0, 20_000),
}
ORDER: Final = tuple(Picture)
OVERHEAD: Final = 25_000  # bit/s of headers and reports beside what the codecs make
_MARGIN = 1.15  # of the need of the next rung, before it is climbed
_WAIT, _LONGEST = 6.0, 300.0  # seconds on a rung before the next is tried
_UNSEEN = 1.5  # times that wait, when too little is sent to know how much would pass
_FORGET = 600.0  # seconds without a wrong climb after which it is tried as at first
_SOON = 20.0  # seconds within which a fall says that the climb was wrong


def fitting(bits: float) -> Picture:
    """The best rung that `bits` per second hold."""
    return next(picture for picture in ORDER if bits >= RUNGS[picture].need)


def worse(*pictures: Picture) -> Picture:
    return max(pictures, key=ORDER.index)


def most(picture: Picture) -> int:
    """Bits per second a sender on this rung may use in all."""
    return RUNGS[picture].video + RUNGS[picture].audio + OVERHEAD


class Ladder:
    """One direction of one leg. Times are monotonic seconds, given from outside; `step` once a second."""

    def __init__(self, now: float) -> None:
        self.picture = Picture.P720
        self._since = now
        self._climbed_at = float("-inf")
        self._wait = _WAIT

    def step(self, bits: float, now: float, *, calm: float = 0.0, limited: bool = False) -> int:
        """`bits` per second there are for one person; `calm`: seconds since the last sign of too much; `limited`:
        `bits` is only what could be seen so far. Answers the bit/s that climbing now assumes, or 0."""
        place = ORDER.index(self.picture)
        if bits < RUNGS[self.picture].need:
            self._fall(fitting(bits), now)
        elif place > 0 and min(calm, now - self._since) >= self._wait:
            above = ORDER[place - 1]
            wanted = int(RUNGS[above].need * _MARGIN)
            if bits >= wanted or (limited and min(calm, now - self._since) >= self._wait * _UNSEEN):
                self.picture, self._since, self._climbed_at = above, now, now
                return wanted
        elif now - self._since > _FORGET:
            self._wait = _WAIT
        return 0

    def _fall(self, to: Picture, now: float) -> None:
        if now - self._climbed_at < _SOON:
            self._wait = min(_LONGEST, self._wait * 2)
        elif now - self._climbed_at > _FORGET:
            self._wait = _WAIT
        self.picture, self._since = to, now
