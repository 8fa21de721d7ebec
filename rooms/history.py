"""What a stream remembers: its last packets, to send them again, and the numbers it still misses. Pure."""

SIZE = 512  # packets kept per video stream: 3 s at 1.5 Mbit/s, about 600 kB at most
_MASK = SIZE - 1


class Ring:
    """The last `SIZE` packets of a stream by their extended sequence number."""

    __slots__ = ("_numbers", "_packets")

    def __init__(self) -> None:
        self._packets: list[bytes] = [b""] * SIZE
        self._numbers: list[int] = [-1] * SIZE

    def put(self, number: int, packet: bytes) -> None:
        place = number & _MASK
        self._packets[place] = packet
        self._numbers[place] = number

    def get(self, number: int) -> bytes | None:
        place = number & _MASK
        return self._packets[place] if self._numbers[place] == number else None


class Missing:
    """Numbers that were skipped, until they arrive or are given up after `TRIES` requests.

    At most `LIMIT` are tracked: a longer hole is past mending, a key frame is cheaper.
    """

    LIMIT = 128
    TRIES = 8
    AGAIN, SELDOM = 0.1, 0.5  # seconds between two requests for the same packet, at least and at most
    _AT_ONCE = 64  # numbers per NACK, so that it stays far below one datagram

    __slots__ = ("_again", "_asked", "_due", "given_up")

    def __init__(self) -> None:
        self._asked: dict[
            int, tuple[int, float]
        ] = {}  # number -> how often it was asked for, when to ask again
        self._due = 0.0  # nothing is to be asked before
        self._again = self.AGAIN
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._asked)

    def skip(self, first: int, end: int) -> bool:
        """`first` … `end - 1` were skipped. False when the hole is too large: all is forgotten."""
        if end - first + len(self._asked) > self.LIMIT:
            self.clear()
            return False
        for number in range(first, end):
            self._asked[number] = (0, 0.0)
        self._due = 0.0
        return True

    def far(self, round_trip: float) -> None:
        """An answer takes `round_trip` seconds: asking again before only doubles the traffic."""
        self._again = min(self.SELDOM, max(self.AGAIN, 1.2 * round_trip))

    def arrived(self, number: int) -> None:
        self._asked.pop(number, None)

    def clear(self) -> None:
        self.given_up += len(self._asked)
        self._asked.clear()

    def due(self, now: float) -> list[int]:
        """The numbers to ask for at this moment, ascending; counts the try."""
        if now < self._due:
            return []
        for number in [
            number for number, (tries, at) in self._asked.items() if tries >= self.TRIES and at <= now
        ]:
            del self._asked[number]
            self.given_up += 1
        chosen = sorted(number for number, (_, at) in self._asked.items() if at <= now)[: self._AT_ONCE]
        for number in chosen:
            self._asked[number] = (self._asked[number][0] + 1, now + self._again)
        self._due = min((at for _, at in self._asked.values()), default=now)
        return chosen
