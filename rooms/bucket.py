"""A budget that fills again with time. Pure; times in monotonic seconds."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """Lets `rate` a second pass, and as many at once."""

    rate: float
    left: float = -1.0
    at: float = 0.0

    def take(self, now: float, cost: float = 1.0) -> bool:
        left = self.rate if self.left < 0 else min(self.rate, self.left + (now - self.at) * self.rate)
        self.at = now
        self.left = left - cost if left >= cost else left
        return left >= cost
