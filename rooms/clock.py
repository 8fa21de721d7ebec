"""The clock of one visit. Pure; durations in seconds.

From the moment the visit goes live each second is either *used* (the clock runs) or *lost* (it stands).
Lost time is given back at the end, as far as the slot reaches and never further:

    remaining  = min(granted - used, slot_ends_at - now), never negative
    given back = min(lost, slot_ends_at - live_at - granted), never negative

Where the policy gives nothing back in the call (`gives_back` false) lost time is spent like used time.

Seconds are measured on the monotonic clock, so a step of the wall clock costs nobody a minute; only the
end of the slot is a wall time.
"""

from datetime import datetime, timedelta

from rooms.model import Moment

WARN_AT = (600, 300, 120)  # remaining seconds at which everybody is told, once each (rules U7)


class VisitClock:
    """Advanced before each look: `advance(now)`, then the rest."""

    def __init__(
        self,
        granted: float,
        slot_ends_at: datetime,
        *,
        used: float = 0.0,
        lost: float = 0.0,
        live_at: datetime | None = None,
        gives_back: bool = True,
    ) -> None:
        self.gives_back = gives_back
        self.granted = granted
        self.slot_ends_at = slot_ends_at
        self._ran = used  # may pass `granted` by what went by before the next look
        self.lost = lost
        self.live_at = live_at
        self.running = False
        self._since: float | None = None  # monotonic; till when used and lost are counted
        self._run_since = 0.0  # `_ran` when the clock last began to run: no refund reaches before it
        self._warned: set[int] = set()

    @property
    def started(self) -> bool:
        return self.live_at is not None

    @property
    def used(self) -> float:
        return min(self._ran, self.granted)

    @property
    def spent(self) -> float:
        """What of the granted time is gone."""
        return self.used if self.gives_back else min(self._ran + self.lost, self.granted)

    def agree_anew(self, granted: float, slot_ends_at: datetime, now: Moment) -> None:
        """More time: marks that lie ahead again are announced again."""
        self.granted, self.slot_ends_at = granted, slot_ends_at
        self._warned.clear()
        self.skip_warnings(now)

    def start(self, now: Moment) -> None:
        """The visit goes live for the first time. Marks that are behind already are not announced."""
        self.live_at = now.wall
        self._since = now.mono
        self.run(now)
        self.skip_warnings(now)

    def restore(self, now: Moment, counted_till: datetime | None) -> None:
        """After a restart: the time nobody counted was lost through our fault."""
        if self.started and counted_till is not None:
            self.lost += max(0.0, (now.wall - counted_till).total_seconds())
        self._since = now.mono
        self.skip_warnings(now)

    def advance(self, now: Moment) -> None:
        """Counts the time since the last look."""
        if not self.started or self._since is None:
            return
        passed = max(0.0, now.mono - self._since)
        self._since = max(self._since, now.mono)
        if self.running:
            self._ran += passed
        else:
            self.lost += passed

    def run(self, now: Moment) -> None:
        self.advance(now)
        if not self.running:
            self._run_since = self._ran
        self.running = True

    def stand(self, now: Moment, *, silent: float = 0.0) -> None:
        """Stops; `silent` seconds before now were lost already and are moved from used to lost."""
        self.advance(now)
        if self.running:
            refund = min(max(0.0, silent), self._ran - self._run_since)
            self._ran -= refund
            self.lost += refund
        self.running = False

    def until_slot_end(self, now: Moment) -> float:
        return max(0.0, (self.slot_ends_at - now.wall).total_seconds())

    def remaining(self, now: Moment) -> float:
        return min(max(0.0, self.granted - self.spent), self.until_slot_end(now))

    def given_back(self) -> float:
        return given_back(
            self.granted, self.slot_ends_at, self.live_at, self.lost if self.gives_back else 0.0
        )

    def skip_warnings(self, now: Moment) -> None:
        left = self.remaining(now)
        self._warned |= {mark for mark in WARN_AT if left <= mark}

    def due_warning(self, now: Moment) -> int | None:
        """The mark (seconds) to be told now; when several were passed at once, only the last."""
        left = self.remaining(now)
        due = [mark for mark in WARN_AT if left <= mark and mark not in self._warned]
        self._warned.update(due)
        return min(due) if due else None


def given_back(granted: float, slot_ends_at: datetime, live_at: datetime | None, lost: float) -> float:
    """How much later than `live_at + granted` the visit ends for what was lost, in seconds."""
    if live_at is None:
        return 0.0
    slack = (slot_ends_at - live_at - timedelta(seconds=granted)).total_seconds()
    return min(lost, max(0.0, slack))
