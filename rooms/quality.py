"""How good a connection is, in one word. Pure.

Limits: a round trip above 300 ms is told as poor (rules U13), up to 200 ms is fine for a call (U15); loss
above 2 % is seen, above 8 % it hurts speech.
"""

from rooms.client import LegStatistics
from rooms.model import Quality

_TRIP_MS = ((200.0, Quality.GOOD), (300.0, Quality.FAIR))
_LOSS_PERCENT = ((2.0, Quality.GOOD), (8.0, Quality.FAIR))
_ORDER = (Quality.UNKNOWN, Quality.GOOD, Quality.FAIR, Quality.POOR)


def rate(statistics: LegStatistics) -> Quality:
    """The worse of what round trip and loss say; `UNKNOWN` while neither is known."""
    trip = _judge(statistics.round_trip_ms, _TRIP_MS)
    loss = _judge(statistics.loss_percent, _LOSS_PERCENT)
    return max(trip, loss, key=_ORDER.index)


def _judge(value: float | None, limits: tuple[tuple[float, Quality], ...]) -> Quality:
    if value is None:
        return Quality.UNKNOWN
    return next((quality for limit, quality in limits if value <= limit), Quality.POOR)
