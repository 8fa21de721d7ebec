"""What one direction of a leg can carry, judged once a second from counters. Pure.

No packet is looked at for it: what arrived, what was lost and how much longer packets waited than at best is
known from reports and counters (docs/decisions/0011-bad-networks.md). A loss that stays although much less is
sent is the way's own (radio), not a queue that overflows: it is learned and borne.
"""

from dataclasses import dataclass

from rooms.overflow import Passed

CAP = 1_500_000  # bit/s a peer may send at most; 720p of a talking person
LEAST = 30_000  # bit/s; less than a voice with its headers never makes sense
_HIGH, _CALM = 0.12, 0.08  # smoothed loss: above the first too much is sent, below the second there is room
WAITS = (0.30, 0.12)  # seconds of waiting in queues, likewise
_HEAVY = 0.5  # loss or seconds of waiting from which on lowering is not put off
_SMOOTHING = 0.4
_DRAINING = 0.95  # of the waiting a second ago
_BACK = 0.85  # of what arrived, when too much was sent
_GROWTH, _CREEP = 1.08, 1.03  # a second, far from and near to where it broke last
_NEAR, _PASSED = 0.9, 1.25  # of the bitrate at which it broke last
SETTLE = 2.0  # seconds a sender needs to follow
_EPISODE = 10.0  # seconds: what is lowered again within them is still the same trouble
_PATIENCE, _LONGEST = 12.0, 120.0  # seconds before the place where it broke is tried again
_FIRST = 200_000  # bit/s: a burst that found no room (one large key frame) does not cost the moving picture
_AT_ONCE = 0.6  # seconds in which what was sent before still comes
_UNCHANGED, _BORNE, _MOST_BORNE, _FORGET = 0.7, 1.4, 0.35, 60.0


@dataclass(frozen=True, slots=True)
class Second:
    """What happened in about one second. `bits` per second that arrived at the far end, `loss` 0…1 of what was
    sent, `queue` seconds that packets waited beyond the least ever seen; `None`: not told. `silent`: the way was
    dead for a part of it, which says nothing about how wide it is."""

    bits: float
    loss: float | None = None
    queue: float | None = None
    silent: bool = False


class Estimate:
    """Times are monotonic seconds, given from outside; `step` once a second."""

    def __init__(self, cap: int, settle: float = SETTLE, waits: tuple[float, float] = WAITS) -> None:
        """`settle`: seconds until what is told here shows in what is measured here. `waits`: seconds of waiting above
        the first of which too much is sent, and below the second of which there is room."""
        self.cap = max(cap, LEAST)
        self._settle = settle
        self._long, self._short = waits
        self.bits_per_second = self.cap
        self.congested = False
        self.limited = False  # nobody sends enough for us to know whether more would pass
        self.calm_since: float | None = None
        self._loss = 0.0
        self._queue = 0.0
        self._borne = 0.0  # loss that is the way's own
        self._borne_at = 0.0
        self._lowered_at = float("-inf")
        self._loss_before = 0.0
        self._broke: float | None = None  # bit/s at which too much was sent last
        self._patience = _PATIENCE
        self._try_at = 0.0

    @property
    def loss(self) -> float:
        """Smoothed, 0…1."""
        return self._loss

    def step(self, second: Second, now: float) -> None:
        if second.silent:
            self.calm_since = None
            return
        if second.loss is not None:
            self._loss += (second.loss - self._loss) * _SMOOTHING
        if now - self._borne_at > _FORGET:
            self._borne = 0.0
        queue, before = second.queue or 0.0, self._queue
        self._queue = queue
        lossy = self._loss > max(_HIGH, self._borne)
        still = second.loss is None or second.loss > _HIGH / 2  # the smoothed loss may be of what is over
        queued = queue > self._long and before > self._long  # one second may be a machine that was busy
        self.congested = lossy or queued
        if self.congested:
            self.calm_since = None
            if (lossy and still) or (
                queued and queue > before * _DRAINING
            ):  # a queue that empties needs time, not less
                self._lower(second, queue, now)
        elif self._loss < max(_CALM, self._borne) and queue < self._short:
            self.calm_since = now if self.calm_since is None else self.calm_since
            self._raise(second, now)
        self.limited = self._unseen(second.bits)

    def overflowed(self, passed: Passed, now: float) -> None:
        """More is sent than passes, seen long before the second is over: no doubt, and nothing to wait for."""
        self.congested, self.calm_since = True, None
        since = now - self._lowered_at
        if since >= _AT_ONCE:
            self._break(passed.bits, passed.loss, now)
            self._fall(passed.bits, _FIRST if since > _EPISODE else LEAST)

    def assume(self, bits: int, now: float) -> None:
        """Somebody is about to try whether `bits` pass."""
        self.bits_per_second = min(self.cap, max(self.bits_per_second, bits))
        self.calm_since = now

    def _lower(self, second: Second, queue: float, now: float) -> None:
        since = now - self._lowered_at
        heavy = self._loss > _HEAVY or queue > _HEAVY
        if since < (self._settle / 2 if heavy else self._settle):
            return
        if since < 3 * self._settle and queue <= self._long and self._loss >= _UNCHANGED * self._loss_before:
            self._bear(now)
            return
        self._break(second.bits, self._loss, now)
        burst = not heavy and since > _EPISODE and self.bits_per_second > 2 * _FIRST
        self._fall(second.bits, _FIRST if burst else LEAST)

    def _fall(self, bits: float, least: int) -> None:
        self.bits_per_second = min(self.bits_per_second, max(least, int(bits * _BACK)))

    def _break(self, bits: float, loss: float, now: float) -> None:
        if self._broke is None or now - self._try_at > 3 * self._patience:
            self._patience = _PATIENCE
        elif now - self._lowered_at > _EPISODE:
            self._patience = min(_LONGEST, self._patience * 2)
        self._broke, self._lowered_at, self._loss_before = bits, now, loss
        self._try_at = now + self._patience

    def _bear(self, now: float) -> None:
        if self._loss < _MOST_BORNE / _BORNE:
            self._borne, self._borne_at = self._loss * _BORNE, now
            self._broke = None  # it did not break there
        else:
            self._loss_before = 1.0  # nothing helps but sending still less

    def _raise(self, second: Second, now: float) -> None:
        growth = _GROWTH
        if self._broke is not None and self._past(self._broke, second.bits, now):
            self._broke = None
        if self._broke is not None and self.bits_per_second * growth > self._broke * _NEAR:
            if now < self._try_at:
                return
            growth = _CREEP
        wanted = min(self.cap, int(self.bits_per_second * growth) + 1000)
        self.bits_per_second = max(self.bits_per_second, min(wanted, self._room(second.bits)))

    def _past(self, broke: float, bits: float, now: float) -> bool:
        """Whether it would not break there now: more has come, or nobody has minded for long."""
        assumed = self.bits_per_second if now - self._lowered_at > _FORGET else 0
        return max(bits, assumed) > broke * _PASSED

    def _room(self, bits: float) -> int:
        """How far one may believe to see beyond what was really sent; not far, where it broke."""
        return int(bits * 1.5) + 50_000 if self._broke is None else int(bits * 1.1) + 25_000

    def _unseen(self, bits: float) -> bool:
        """Whether so little is sent that it does not show whether more would pass."""
        room = self._room(bits) if self._broke is None else bits * 1.25 + 15_000
        return self.bits_per_second >= room
