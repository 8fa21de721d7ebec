"""What the product does once a second for each running call (`rooms.steward`): figures, minutes, pictures."""

import time
from collections.abc import Sequence

from core import clock
from rooms.fitting import Fitting, Member
from rooms.minutes import Meter
from signaling.peer import PeerLeg


class Steward:
    """Of one call: two who see each other, and the last, who watches both."""

    def __init__(self, legs: Sequence[PeerLeg]) -> None:
        self._legs = legs
        self._fitting = Fitting()
        self._meters = [Meter(leg.id, leg.id) for leg in legs]

    def look(self) -> tuple[float, float]:
        """Seconds of CPU that it took: for the figures, and for planning from them who is sent which picture."""
        begun, now, wall = time.thread_time(), clock.monotonic(), clock.now()
        told = [leg.statistics() for leg in self._legs]
        counted = time.thread_time()
        publishers = [leg.id for leg in self._legs[:2]]
        plan = self._fitting.step(
            [
                Member(
                    leg.id,
                    seen.up,
                    seen.down,
                    publishes=leg.id in publishers,
                    watches=leg.id not in publishers,
                    sees=tuple(other for other in publishers if other != leg.id),
                    small=seen.low,
                )
                for leg, seen in zip(self._legs, told, strict=True)
            ],
            now,
        )
        planned = time.thread_time()
        for leg, seen, meter in zip(self._legs, told, self._meters, strict=True):
            sent = plan.sent.get(leg.id)
            meter.second(seen, sent.picture if sent is not None else None, wall, now)
        return counted - begun + time.thread_time() - planned, planned - counted
