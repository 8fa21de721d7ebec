"""Weekly templates, closed dates and special dates -> slots. Pure; the only maker of wall time in this package.

A template speaks in wall time of its prison: "Mondays from 09:00, four visits of 30 minutes every 40".
Closed dates take slots away, special dates put other times in the place of the weekly ones of that day.

Daylight saving. The first slot of a template begins at its wall time; what follows is counted in elapsed
minutes, so slots of one template never overlap and none is shorter or longer than it says.
- A wall time that the clocks skip (spring) means the instant at which they jump: 01:30 becomes 02:00.
- A wall time that occurs twice (autumn) means the first of the two.

Every n weeks. One anchor decides everywhere: the Monday of the week in which the template's validity
begins. A date is active when the whole weeks since that Monday divide by n; both the list of dates and the
question about one date are answered from that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import Malformed
from scheduler.model import TICK_MINUTES

_DAY_MINUTES = 24 * 60


class BadTimetable(Malformed):
    code = "bad-timetable"
    text = "This timetable cannot be used."
    status = 422


class OffTheRaster(BadTimetable):
    code = "off-the-raster"
    text = "Times, and the distance from one visit to the next, are multiples of {minutes} minutes."


class TooLongForRaster(BadTimetable):
    code = "too-long-for-raster"
    text = "A visit takes at least a minute, and no longer than from its start to the next one's."


class NothingToBook(BadTimetable):
    code = "nothing-to-book"
    text = "There must be at least one visit, with at least one place."


class PastMidnight(BadTimetable):
    code = "past-midnight"
    text = "The last visit must end by midnight."


class BadWeeks(BadTimetable):
    code = "bad-weeks"
    text = "A weekday is 1 (Monday) to 7 (Sunday), and visits come every week or every few weeks."


class EndsBeforeItBegins(BadTimetable):
    code = "ends-before-it-begins"
    text = "The last day lies before the first."


class ContradictoryDates(BadTimetable):
    code = "contradictory-dates"
    text = "A date is closed twice, or both closed and special."


@dataclass(frozen=True, slots=True)
class Run:
    """`count` slots of `minutes` each on one day, `raster` minutes from one beginning to the next.

    The rest of the raster is turnaround: time lost in a call may be given back in it.
    """

    starts: time
    minutes: int
    raster: int
    count: int
    capacity: int

    def __post_init__(self) -> None:
        first = self.starts.hour * 60 + self.starts.minute
        if first % TICK_MINUTES or self.raster % TICK_MINUTES or self.starts.second:
            raise OffTheRaster(minutes=TICK_MINUTES)
        if not 0 < self.minutes <= self.raster:
            raise TooLongForRaster
        if self.count < 1 or self.capacity < 1:
            raise NothingToBook
        if first + self.count * self.raster > _DAY_MINUTES:
            raise PastMidnight


@dataclass(frozen=True, slots=True)
class WeeklyTemplate:
    """`weekday` is ISO (1 is Monday); `valid_to` is the last day, `None` without end."""

    id: str
    weekday: int
    run: Run
    zone: str
    valid_from: date
    valid_to: date | None = None
    every_weeks: int = 1
    active: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.weekday <= 7 or self.every_weeks < 1:
            raise BadWeeks
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise EndsBeforeItBegins

    @property
    def anchor(self) -> date:
        """The Monday from which the weeks are counted."""
        return self.valid_from - timedelta(days=self.valid_from.weekday())


@dataclass(frozen=True, slots=True)
class ClosedDate:
    """`template_id` None: the whole prison is closed."""

    day: date
    template_id: str | None = None


@dataclass(frozen=True, slots=True)
class SpecialDate:
    """Times of one day that replace its weekly ones."""

    id: str
    day: date
    run: Run
    zone: str


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A slot as the timetable wants it. `source` is the template's or special date's id; times are UTC,
    `ends_at` is when the next may begin."""

    source: str
    special: bool
    day: date
    starts_at: datetime
    ends_at: datetime
    minutes: int
    capacity: int


def runs_on(template: WeeklyTemplate, day: date) -> bool:
    """Whether the template has slots on `day`, closed dates aside."""
    if not template.active or day.isoweekday() != template.weekday or day < template.valid_from:
        return False
    if template.valid_to is not None and day > template.valid_to:
        return False
    return (day - template.anchor).days // 7 % template.every_weeks == 0


def dates(template: WeeklyTemplate, first: date, last: date) -> Iterator[date]:
    """The days from `first` to `last`, both included, on which the template runs; in order."""
    begin = max(first, template.valid_from)
    step = timedelta(weeks=template.every_weeks)
    day = template.anchor + timedelta(days=template.weekday - 1)
    if day < begin:
        day += step * -((day - begin).days // step.days)
    end = last if template.valid_to is None else min(last, template.valid_to)
    while template.active and day <= end:
        if day >= begin:
            yield day
        day += step


def instant(day: date, wall: time, zone: str) -> datetime:
    """The UTC moment of a wall time; see above for times that are skipped or occur twice."""
    local = datetime.combine(day, wall, ZoneInfo(zone))
    moment = local.astimezone(UTC)
    if moment.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    return _jump_before(moment, ZoneInfo(zone))


def _jump_before(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks jumped, `moment` being a skipped wall time read with the offset before
    the jump: it lies behind the jump by less than the jump's width, hence within a day."""
    target = moment.astimezone(zone).utcoffset()
    low, high = moment - timedelta(days=1), moment
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == target:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)  # jumps happen at whole seconds


def slots_of(run: Run, day: date, zone: str, source: str, *, special: bool) -> Iterator[PlannedSlot]:
    """The slots of one run on one day."""
    first = instant(day, run.starts, zone)
    for number in range(run.count):
        starts_at = first + timedelta(minutes=number * run.raster)
        yield PlannedSlot(
            source=source,
            special=special,
            day=day,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=run.raster),
            minutes=run.minutes,
            capacity=run.capacity,
        )


def plan(
    templates: Iterable[WeeklyTemplate],
    closed: Iterable[ClosedDate],
    special: Sequence[SpecialDate],
    first: date,
    last: date,
) -> list[PlannedSlot]:
    """Every slot from `first` to `last`, both included, in order of time.

    Raises `ContradictoryDates` for a day that is closed or special twice over, or both.
    """
    shut = _closed_dates(closed, special)
    replaced = {entry.day for entry in special}
    planned = [
        slot
        for template in templates
        for day in dates(template, first, last)
        if day not in replaced and (day, None) not in shut and (day, template.id) not in shut
        for slot in slots_of(template.run, day, template.zone, template.id, special=False)
    ]
    planned += [
        slot
        for entry in special
        if first <= entry.day <= last
        for slot in slots_of(entry.run, entry.day, entry.zone, entry.id, special=True)
    ]
    return sorted(planned, key=lambda slot: (slot.starts_at, slot.source))


def _closed_dates(
    closed: Iterable[ClosedDate], special: Sequence[SpecialDate]
) -> frozenset[tuple[date, str | None]]:
    entries = [(entry.day, entry.template_id) for entry in closed]
    shut = frozenset(entries)
    if len(shut) != len(entries):
        raise ContradictoryDates
    if any((entry.day, None) in shut for entry in special):
        raise ContradictoryDates
    return shut
