"""Sees within half a second that a line overflows: packets are lost all the time while others go on coming. Pure.

A second is long when a line has narrowed: what is too much fills its queue within a tenth, and from then on sound is
lost with the pictures. A gap in which nothing comes, and what was lost in it, is no overflow: it says nothing about
how wide the line is.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

_WINDOW = 0.45  # seconds
_PARTS = 3  # of the looks within that time must have seen both loss and arrival
_LEAST = 12  # packets by which a line may be judged
_LOSS = 0.3  # more than radio loses by itself for so long


@dataclass(frozen=True, slots=True)
class Passed:
    """`bits` per second, headers included, that came through a line that overflows; `loss` 0…1 of so many packets."""

    bits: float
    loss: float
    packets: int = 0


class _Look(NamedTuple):
    at: float
    sent: int
    lost: int
    size: int


class Overflow:
    """One direction of a leg. `look` about ten times a second, with what is counted since the leg stands."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()

    def look(self, now: float, sent: int, lost: int, size: int) -> Passed | None:
        """`sent` and `lost` packets, `size` bytes that came (or, with `lost`, were sent) on the wire. An answer
        begins the next judgement anew."""
        looks = self._looks
        if looks and sent < looks[-1].sent:  # a stream began anew
            looks.clear()
        looks.append(_Look(now, sent, lost, size))
        while now - looks[0].at > _WINDOW:
            looks.popleft()
        first = looks[0]
        packets, gone = sent - first.sent, lost - first.lost
        if packets < _LEAST or gone < _LOSS * packets:
            return None
        steps = [(b.sent - a.sent, b.lost - a.lost) for a, b in zip(looks, [*looks][1:], strict=False)]
        if sum(0 < missing < some for some, missing in steps) < _PARTS:
            return None
        looks.clear()
        return Passed((size - first.size) * 8 / (now - first.at), min(1.0, gone / packets), packets)
