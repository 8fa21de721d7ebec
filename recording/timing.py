"""From RTP timestamps to milliseconds of the recording, live and afterwards. Pure.

Live, a stream's clock is laid on the arrival of its first packet and then followed; it is laid anew only
where it jumped. So each stream alone is exact, and two streams of one person are out of step by the
difference of their first packets' delays.

Sender reports (RFC 3550 section 6.4.1) say which RTP timestamp belongs to which moment of the sender's own
wall clock. What they say is noted as *sightings*; at sealing `Alignment` lays both streams on the sender's
clock, and that on the server's by the least transit time seen, which also takes out the drift between the
two clocks. The sender's clock may be wrong by any amount.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

AHEAD_MS = 500  # media cannot come before it was made: a clock further ahead than this has jumped
BEHIND_MS = 2000  # nor is a packet under way for longer than this
SIGHTING_MS = 10_000  # one sighting per stream and this time …
FIRST_SIGHTING_MS = 1000  # … the first one early
WINDOW_MS = 30_000  # the least transit time is sought this far around
UNBELIEVABLE_MS = 2000  # a correction beyond this tells of a clock that was set, not of delay
_WRAP = 1 << 32


class Sighting(NamedTuple):
    """At `media_ms` of a stream's live time line (stretch number `stretch`) the sender's clock showed
    `sender_ms`; since the sighting before, transit took at least `transit_ms` (arrival less sender's clock)."""

    stretch: int
    media_ms: float
    sender_ms: float
    transit_ms: float


class Jump(NamedTuple):
    """From `media_ms` on the stream's clock was laid anew: stretch number `stretch` begins."""

    stretch: int
    media_ms: int


def difference(later: int, earlier: int) -> int:
    """`later - earlier` of 32-bit timestamps that wrap."""
    return ((later - earlier + _WRAP // 2) % _WRAP) - _WRAP // 2


class StreamClock:
    """The live time line of one stream. Times in milliseconds since the recording of the track began."""

    __slots__ = (
        "_base_ms",
        "_due_ms",
        "_jumped",
        "_last",
        "_last_ms",
        "_per_ms",
        "_report",
        "_since_ms",
        "_transit",
        "notes",
        "stretch",
    )

    def __init__(self, rate: int) -> None:
        self._per_ms = rate / 1000
        self._last: int | None = None  # newest timestamp, and where it lies
        self._base_ms = 0.0
        self._last_ms = -1  # newest time given out
        self._jumped = False
        self._report: tuple[float, int] | None = None  # (sender's clock in ms, timestamp)
        self._transit: float | None = None
        self._since_ms: float | None = None
        self.stretch = 0
        self._due_ms = FIRST_SIGHTING_MS
        self.notes: list[Sighting | Jump] = []  # for sealing, oldest first

    def place(self, timestamp: int, arrived_ms: float) -> int:
        """Where the frame lies; each is later than the one before."""
        at = self._follow(timestamp, arrived_ms)
        jumped = self._jumped or not -BEHIND_MS <= at - arrived_ms <= AHEAD_MS
        if jumped:
            at = arrived_ms
            if not self._jumped:
                self._forget()
            self._jumped = False
        self._last, self._base_ms = timestamp, at
        self._sight(timestamp, at, arrived_ms)
        self._last_ms = max(round(at), self._last_ms + 1)
        if jumped:
            self.notes.append(Jump(self.stretch, self._last_ms))
        return self._last_ms

    def _follow(self, timestamp: int, arrived_ms: float) -> float:
        """Where the timestamp lies if the clock goes on as it went."""
        if self._last is None:
            return arrived_ms
        return self._base_ms + difference(timestamp, self._last) / self._per_ms

    def report(self, ntp: int, rtp: int) -> None:
        """A sender report came; a zero NTP time means that the sender has no clock (RFC 3550)."""
        if ntp:
            self._report = (ntp * 1000 / _WRAP, rtp)

    def jump(self) -> None:
        """The sender numbers anew (another SSRC): the clock is laid on the next arrival."""
        if self._last is not None:
            self._jumped = True
            self._forget()

    def _forget(self) -> None:
        self.stretch += 1
        self._report = self._transit = self._since_ms = None
        self._due_ms = FIRST_SIGHTING_MS

    def _sight(self, timestamp: int, at: float, arrived_ms: float) -> None:
        if self._report is None:
            return
        sender_ms = self._report[0] + difference(timestamp, self._report[1]) / self._per_ms
        transit = arrived_ms - sender_ms
        self._transit = transit if self._transit is None else min(transit, self._transit)
        if self._since_ms is None:
            self._since_ms = at
        if at - self._since_ms >= self._due_ms:
            self.notes.append(Sighting(self.stretch, at, sender_ms, self._transit))
            self._since_ms, self._transit, self._due_ms = at, None, SIGHTING_MS


class Alignment:
    """What has to be added to a stream's live time, anywhere on it."""

    def __init__(self, own: Sequence[Sighting | Jump], all_streams: Iterable[Sighting | Jump]) -> None:
        """`own`: the notes of this stream; `all_streams`: those of all of the person's streams."""
        seen = [one for one in all_streams if isinstance(one, Sighting)]
        self._starts = [0, *(one.media_ms for one in own if isinstance(one, Jump))]
        self._points: dict[int, list[tuple[float, float]]] = {}
        for one in own:
            if not isinstance(one, Sighting):
                continue
            transit = min(
                other.transit_ms for other in seen if abs(other.media_ms - one.media_ms) <= WINDOW_MS
            )
            correction = one.sender_ms + transit - one.media_ms
            if abs(correction) <= UNBELIEVABLE_MS:
                self._points.setdefault(one.stretch, []).append((one.media_ms, correction))

    @property
    def known(self) -> bool:
        """Whether any sender report could be used; otherwise arrival stands."""
        return bool(self._points)

    def correction(self, media_ms: float) -> float:
        """Milliseconds to add at `media_ms`: between two sightings in proportion, outside as the nearest."""
        points = self._points.get(bisect_right(self._starts, media_ms) - 1)
        if not points:
            return 0.0
        after = bisect_right(points, (media_ms, float("inf")))
        if after == 0:
            return points[0][1]
        if after == len(points):
            return points[-1][1]
        (left, low), (right, high) = points[after - 1], points[after]
        return low + (high - low) * (media_ms - left) / (right - left)

    def placed(self, live_ms: Sequence[int]) -> list[int]:
        """Where blocks of these times lie on the common clock. `live_ms` never goes back; no two answers are equal."""
        live = np.array(live_ms, np.int64)
        moved = live.astype(np.float64)
        stretches = np.searchsorted(self._starts, live, "right") - 1
        for stretch, points in self._points.items():
            there = stretches == stretch
            known, corrections = np.array(points, np.float64).T
            moved[there] += np.interp(live[there], known, corrections)
        count = np.arange(len(live))
        times: list[int] = (np.maximum.accumulate(np.rint(moved).astype(np.int64) - count) + count).tolist()
        return times
