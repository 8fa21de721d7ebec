"""A running clock as a value: what may happen to it, and what it is afterwards. Pure.

Running → paused (once, for missing papers) → running → … → done. When its time is over without an answer the
matter moves to the desk above with a second deadline, and from the last desk to discipline. No light turns
red before the responsible desk was told, and had a moment to act (`GRACE`) even if it was told late.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import Conflict
from policy.deadlines import HOUR, Period, Place, Unit, counts_from, ends, left
from policy.lights import Colour, yellow_at
from policy.promises import PROMISES, Promise

GRACE = timedelta(minutes=15)
EXTENSION_MAX = 2  # a granted extension is at most so many times the period
SECOND_MAX = 5  # a deadline set by a person is at most so many times the one the desk would have got


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"  # papers were asked for
    DISCIPLINE = "discipline"  # every desk let it pass
    DONE = "done"
    WITHDRAWN = "withdrawn"


OPEN = frozenset({ClockState.RUNNING, ClockState.PAUSED, ClockState.DISCIPLINE})
# From which states each state may be reached.
MOVES: Mapping[ClockState, frozenset[ClockState]] = {
    ClockState.RUNNING: frozenset({ClockState.PAUSED}),
    ClockState.PAUSED: frozenset({ClockState.RUNNING}),
    ClockState.DISCIPLINE: frozenset({ClockState.RUNNING}),
    ClockState.DONE: OPEN,  # answered without the papers, too
    ClockState.WITHDRAWN: OPEN,
}


class ClockMoved(Conflict):
    code = "clock-moved"
    text = "This matter does not stand as you saw it any more. Look at its present state and decide again."


class SecondSupplement(Conflict):
    code = "supplement-twice"
    text = "Missing papers were asked for already. They may be asked for once only, all together."


class TooLateToAsk(Conflict):
    code = "clock-over"
    text = "The time for this matter is over. It can only be answered now."


class ExtensionAsked(Conflict):
    code = "extension-asked"
    text = "More time was asked for already. It can be granted once."


class NoExtensionAsked(Conflict):
    code = "extension-not-asked"
    text = "Nobody has asked for more time."


class ExtensionTooLong(Conflict):
    code = "extension-too-long"
    text = "So much more time cannot be given."


@dataclass(frozen=True, slots=True)
class Clock:
    """`level`: 0 is the first desk. `since` and `units`: what is left is counted from there (`deadlines.ends`).

    `told_at`: when the present desk was told that its time runs out. `red_at`: when the first promise broke.
    """

    code: str
    state: ClockState
    level: int
    colour: Colour
    since: datetime
    units: int
    due_at: datetime
    yellow_at: datetime
    paused_at: datetime | None = None
    supplemented: bool = False
    extension: int = 0  # asked for and not answered yet: units
    extended: bool = False
    told_at: datetime | None = None
    red_at: datetime | None = None

    @property
    def promise(self) -> Promise:
        return PROMISES[self.code]

    @property
    def period(self) -> Period:
        """What the present desk was given."""
        return self.promise.period if self.level == 0 else self.promise.second

    @property
    def told_late(self) -> bool:
        return self.told_at is not None and self.told_at >= self.due_at


def start(
    promise: Promise, now: datetime, place: Place, length: int | None = None, due: datetime | None = None
) -> Clock:
    """`length`: instead of the promise's own, where a prison's rules state it; in the unit of its period.

    `due`: the end that was promised already, whatever the period says.
    """
    period = promise.period
    units = period.units if length is None else length * (HOUR if period.unit is Unit.HOURS else 1)
    since = counts_from(period, now, place)
    due = due or ends(period, since, units, place)
    yellow = yellow_at(now, due, promise.threshold)
    return Clock(promise.code, ClockState.RUNNING, 0, Colour.GREEN, since, units, due, yellow)


def pause(clock: Clock, now: datetime, place: Place) -> Clock:
    """Stops for missing papers. Raises `SecondSupplement`, `TooLateToAsk`, `ClockMoved`."""
    if clock.supplemented:
        raise SecondSupplement
    _in_time(clock, now)
    units = left(clock.period, clock.since, clock.units, now, place)
    return replace(clock, state=ClockState.PAUSED, paused_at=now, supplemented=True, units=units)


def resume(clock: Clock, now: datetime, place: Place) -> Clock:
    """The papers are there: what was left is counted from now. Raises `ClockMoved`."""
    if clock.state is not ClockState.PAUSED:
        raise ClockMoved
    return _running(replace(clock, state=ClockState.RUNNING, paused_at=None, since=now), now, place)


def ask_extension(clock: Clock, now: datetime, more: int) -> Clock:
    """`more`: hours or days, as the clock counts. It runs on until somebody above has answered.

    Raises `ExtensionAsked`, `ExtensionTooLong`, `TooLateToAsk`, `ClockMoved`.
    """
    if clock.extended or clock.extension:
        raise ExtensionAsked
    _in_time(clock, now)
    if not 0 < more <= clock.period.length * EXTENSION_MAX:
        raise ExtensionTooLong
    return replace(clock, extension=more * (HOUR if clock.period.unit is Unit.HOURS else 1))


def answer_extension(clock: Clock, now: datetime, place: Place, *, granted: bool) -> Clock:
    """Raises `NoExtensionAsked`, `ClockMoved`. What was refused cannot be asked for again."""
    if not clock.extension:
        raise NoExtensionAsked
    if clock.state is not ClockState.RUNNING:
        raise ClockMoved
    answered = replace(clock, extension=0, extended=True)
    if not granted:
        return answered
    return _running(replace(answered, units=clock.units + clock.extension), now, place)


def _in_time(clock: Clock, now: datetime) -> None:
    if clock.state is not ClockState.RUNNING:
        raise ClockMoved
    if now >= clock.due_at:
        raise TooLateToAsk


def _running(clock: Clock, now: datetime, place: Place) -> Clock:
    """With a new end, and its light as it was at the beginning. A promise that broke stays red."""
    due = ends(clock.period, clock.since, clock.units, place)
    yellow = yellow_at(now, due, clock.promise.threshold)
    colour = Colour.RED if clock.red_at else Colour.GREEN
    return replace(clock, due_at=due, yellow_at=yellow, colour=colour, told_at=None)


def recount(clock: Clock, before: Place, after: Place) -> Clock | None:
    """With the end that another table of working days gives it; None where it stays, or never followed from one.

    What was told stays told, unless there is more time now.
    """
    if ends(clock.period, clock.since, clock.units, before) != clock.due_at:
        return None
    due = ends(clock.period, clock.since, clock.units, after)
    if due == clock.due_at:
        return None
    yellow = yellow_at(clock.since, due, clock.promise.threshold)
    if due < clock.due_at:
        return replace(clock, due_at=due, yellow_at=yellow)
    colour = Colour.RED if clock.red_at else Colour.GREEN
    return replace(clock, due_at=due, yellow_at=yellow, colour=colour, told_at=None)


def turn(clock: Clock, now: datetime) -> Clock | None:
    """The clock whose desk is told now that its time runs out, or None while it need not be told (again)."""
    if clock.state is ClockState.RUNNING and clock.told_at is None and now >= clock.yellow_at:
        return replace(clock, told_at=now, colour=Colour.RED if clock.red_at else Colour.YELLOW)
    return None


def over(clock: Clock, now: datetime) -> bool:
    """Whether the present desk let its time pass although it was told."""
    return (
        clock.state is ClockState.RUNNING
        and clock.told_at is not None
        and now >= max(clock.due_at, clock.told_at + (GRACE if clock.told_late else timedelta()))
    )


def escalate(clock: Clock, now: datetime, place: Place, *, last: bool) -> Clock:
    """To the desk above with its second deadline; `last`: there is none, the matter goes to discipline.

    An extension that nobody answered is gone. Raises `ClockMoved` before the time is over.
    """
    if not over(clock, now):
        raise ClockMoved
    red = replace(clock, colour=Colour.RED, red_at=clock.red_at or now, extension=0, extended=True)
    if last:
        return replace(red, state=ClockState.DISCIPLINE)
    second = clock.promise.second
    since = counts_from(second, now, place)
    above = replace(red, level=clock.level + 1, since=since, units=second.units)
    return _running(above, now, place)


def set_second(clock: Clock, now: datetime, place: Place, length: int) -> Clock:
    """A person at a desk above sets its deadline: `length` hours or days from now, as that desk counts.

    Raises `ClockMoved` at the first desk, `ExtensionTooLong`.
    """
    if clock.state is not ClockState.RUNNING or clock.level == 0:
        raise ClockMoved
    if not 0 < length <= clock.period.length * SECOND_MAX:
        raise ExtensionTooLong
    units = length * (HOUR if clock.period.unit is Unit.HOURS else 1)
    return _running(replace(clock, since=now, units=units), now, place)


def end(clock: Clock, how: ClockState) -> Clock:
    """Answered, or withdrawn. Raises `ClockMoved` if it ended before."""
    if clock.state not in MOVES[how]:
        raise ClockMoved
    return replace(clock, state=how, extension=0)
