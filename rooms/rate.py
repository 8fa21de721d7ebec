"""How much a sender may send: additive increase, multiplicative decrease, by what its weakest viewer loses. Pure."""

FLOOR = 150_000  # bit/s; below this a face cannot be recognised, so losing frames is the better evil
CAP = 1_500_000  # bit/s; 720p of a talking person
_STEP = 60_000  # bit/s won back in each second without loss
_HIGH, _LOW = 0.10, 0.02  # loss above the first lowers, below the second raises


class Rate:
    """The bitrate of one video source, moved once a second."""

    __slots__ = ("_cap", "_worst", "bits_per_second")

    def __init__(self, cap: int = CAP) -> None:
        self._cap = max(cap, FLOOR)
        self._worst: float | None = None
        self.bits_per_second = self._cap

    def viewer_lost(self, fraction: float) -> None:
        """A viewer reports the part (0..1) of the last packets it did not get."""
        self._worst = max(self._worst or 0.0, fraction)

    def step(self, own_loss: float) -> None:
        """One second has passed. `own_loss` (0..1) was lost already on the way up; it is no viewer's fault."""
        if self._worst is None:
            return
        loss = max(0.0, self._worst - own_loss)
        self._worst = None
        if loss > _HIGH:
            self.bits_per_second = max(FLOOR, int(self.bits_per_second * (1 - loss / 2)))
        elif loss < _LOW:
            self.bits_per_second = min(self._cap, self.bits_per_second + _STEP)
