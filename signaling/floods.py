"""How much of what strangers and storming peers send is looked at at all. Pure; times in monotonic seconds.

A STUN message costs some 50 µs to read and check, so an unbounded flood of them would take the loop from those
who talk. Each source has a budget, and so have all unknown sources together; an address that a leg holds has one
of its own and never waits for strangers. Media needs no budget: what nobody claimed is dropped unread.
"""

from collections import OrderedDict
from typing import Any

from rooms.bucket import Bucket

PER_SOURCE = 200.0  # messages a second of one host; a browser's first checks are about 50
STRANGERS = 2000.0  # … of all that hold no address
CONTROL = (
    400.0  # of RTCP a second of one peer, each packet by its size; a browser on a bad network sends about 60
)
_PIECE = 128  # bytes: a packet counts once, and once more for each so many; a browser's have 30 to 150
_SOURCES = 2048  # hosts that are remembered


class Reports(Bucket):
    """The budget of one peer's RTCP. A packet's price is what may be in it: a full one of NACKs asks for thousands."""

    def __init__(self) -> None:
        super().__init__(CONTROL)

    def admits(self, size: int, now: float) -> bool:
        return self.take(now, 1 + size // _PIECE)


class Floodgate:
    """The budgets of one port."""

    def __init__(self) -> None:
        self._sources: OrderedDict[Any, Bucket] = OrderedDict()
        self._strangers = Bucket(STRANGERS)

    def admits(self, address: tuple[Any, ...], now: float, *, held: bool) -> bool:
        """Whether a message from `address` is read; `held`: a leg's peer was heard from there."""
        key = address[:2] if held else address[0]
        bucket = self._sources.get(key)
        if bucket is None:
            bucket = self._sources[key] = Bucket(PER_SOURCE)
            if len(self._sources) > _SOURCES:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(key)
        return bucket.take(now) and (held or self._strangers.take(now))
