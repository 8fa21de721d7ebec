"""The two-colour light of a clock: yellow while there is still time to act, red when there is none. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Colour(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Threshold:
    """When yellow begins: `before` the end, or when `fraction` of the time is left. Exactly one is given.

    One day "before" would make a 24-hour clock yellow from its first second: short clocks take a fraction.
    """

    before: timedelta | None = None
    fraction: float | None = None

    def __post_init__(self) -> None:
        if (self.before is None) is (self.fraction is None):
            raise ValueError("a threshold is absolute or a fraction")
        if self.fraction is not None and not 0 < self.fraction < 1:
            raise ValueError("a fraction lies between 0 and 1")
        if self.before is not None and self.before <= timedelta():
            raise ValueError("yellow begins before the end")

    def fits(self, shortest: timedelta) -> bool:
        """Whether a clock that runs so long is green at first."""
        return self.before is None or self.before < shortest


def yellow_at(since: datetime, due: datetime, threshold: Threshold) -> datetime:
    """When the light of a clock that runs from `since` to `due` turns yellow.

    An absolute threshold that is longer than this very run (the rest of an opening day) begins half-way.
    """
    run = due - since
    span = threshold.before if threshold.fraction is None else run * threshold.fraction
    if span is None or span >= run:
        span = run / 2
    return due - span
