"""What each leg did in each second, kept by the minute: one small blob for a leg's minute, never changed. Pure.

A minute is a table of up to 60 rows and the columns of `Figures`, written column by column (16-bit numbers,
little endian, 0xFFFF: not known), compressed with zlib: some 300 bytes for a busy minute.
"""

import sys
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta

from rooms.client import LegStatistics
from rooms.ladder import ORDER, Picture

UNKNOWN = 0xFFFF
_ROWS = 60
_LARGEST = 64 * 1024  # bytes of one minute unpacked; more is no minute


@dataclass(frozen=True, slots=True)
class Figures:
    """One second of one leg. `None`: not known."""

    up_kbit: int | None  # per second, as the rest
    down_kbit: int | None
    up_lost: int | None  # per mille of what was sent
    down_lost: int | None
    round_trip_ms: int | None
    jitter_ms: int | None
    still_ms: int | None  # no packet of its picture came for so long, up to the whole second
    frozen_ms: int | None  # its page says that pictures stood still
    concealed: int | None  # per mille of the sound that its page had to make up
    level: int | None  # -dBov: 0 loudest, 127 silence
    picture: int | None  # place on the ladder of what it sends: 0 is 720p, 4 is sound only


COLUMNS = tuple(field.name for field in fields(Figures))


@dataclass(frozen=True, slots=True)
class LegMinute:
    """`leg` is the conn; a seat that came back has another. Row n is the second `started_at` + n."""

    seat_id: str
    leg: str
    started_at: datetime
    rows: tuple[Figures, ...]


def pack(rows: Sequence[Figures]) -> bytes:
    columns = zip(*(astuple(row) for row in rows), strict=True)
    numbers = array("H", (_number(value) for column in columns for value in column))
    if sys.byteorder == "big":
        numbers.byteswap()
    return zlib.compress(numbers.tobytes(), 9)


def _number(value: int | None) -> int:
    return UNKNOWN if value is None else max(0, min(value, UNKNOWN - 1))


def unpack(blob: bytes) -> tuple[Figures, ...]:
    """Raises `ValueError` for what `pack` did not make. Columns of a later version are passed over."""
    numbers, opened = array("H"), zlib.decompressobj()
    try:
        numbers.frombytes(opened.decompress(blob, _LARGEST))
    except (zlib.error, ValueError) as error:
        raise ValueError("not a minute") from error
    if not opened.eof:
        raise ValueError("not a minute")
    if sys.byteorder == "big":
        numbers.byteswap()
    rows, rest = divmod(len(numbers), len(COLUMNS))
    if rest or rows > _ROWS:
        raise ValueError("not a minute")
    columns = [numbers[place * rows : (place + 1) * rows] for place in range(len(COLUMNS))]
    return tuple(
        Figures(*(None if value == UNKNOWN else value for value in row)) for row in zip(*columns, strict=True)
    )


class Meter:
    """One leg's seconds, from its counters. `second` is called about once a second."""

    def __init__(self, seat_id: str, leg: str) -> None:
        self._seat_id = seat_id
        self._leg = leg
        self._started_at: datetime | None = None
        self._rows: list[Figures] = []
        self._last: tuple[LegStatistics, float] | None = None
        self._page: tuple[int, int] | None = None  # what the page said last: frozen ms, concealed per mille

    def seen(self, frozen_ms: int, concealed: int) -> None:
        """Its page tells how it went since it told last."""
        self._page = (frozen_ms, concealed)

    def second(
        self, told: LegStatistics, picture: Picture | None, wall: datetime, now: float
    ) -> LegMinute | None:
        """Answers the minute that is full now, if one is. A second that was missed stands as unknown."""
        row = self._row(told, picture, now)
        self._last = (told, now)
        full = None
        if self._started_at is None:
            self._started_at = wall.replace(microsecond=0)
        place = int((wall - self._started_at).total_seconds())
        if place >= _ROWS:
            full = self.flush()
            self._started_at, place = wall.replace(microsecond=0), 0
        nothing = Figures(*[None] * len(COLUMNS))
        self._rows += [nothing] * (place - len(self._rows))
        if len(self._rows) == place:
            self._rows.append(row)
        return full

    @property
    def newest(self) -> Figures | None:
        return self._rows[-1] if self._rows else None

    def flush(self) -> LegMinute | None:
        """What there is of the minute that has begun."""
        if self._started_at is None or not self._rows:
            return None
        minute = LegMinute(self._seat_id, self._leg, self._started_at, tuple(self._rows))
        self._rows, self._started_at = [], None
        return minute

    def _row(self, told: LegStatistics, picture: Picture | None, now: float) -> Figures:
        page, self._page = self._page, None
        last, before = self._last if self._last is not None else (told, now - 1)
        passed = max(0.001, now - before)
        lost, came = told.lost_up - last.lost_up, told.packets_up - last.packets_up
        age = told.picture_age
        return Figures(
            _kbit(told.bytes_up - last.bytes_up, passed),
            _kbit(told.bytes_down - last.bytes_down, passed),
            None if lost + came <= 0 else max(0, 1000 * lost // (lost + came)),
            _whole(told.loss_percent, 10),
            _whole(told.round_trip_ms),
            _whole(told.jitter_ms),
            None if age is None else min(1000, int(age * 1000)) if age > 0.25 else 0,
            None if page is None else page[0],
            None if page is None else page[1],
            told.level if told.packets_up else None,
            None if picture is None else ORDER.index(picture),
        )


def _kbit(octets: int, seconds: float) -> int:
    return max(0, round(octets * 8 / seconds / 1000))


def _whole(value: float | None, times: int = 1) -> int | None:
    return None if value is None else round(value * times)


def seconds_of(minute: LegMinute) -> list[tuple[datetime, Figures]]:
    """Each row with its moment."""
    return [(minute.started_at + timedelta(seconds=place), row) for place, row in enumerate(minute.rows)]
