"""What the help days achieved: computed from facts, never typed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Answered:
    """When a question was asked and answered (None: not yet)."""

    asked_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """`rate`: share answered of what was answered or carried over, None while nothing was due. `wait`: mean
    time from question to answer, None while nothing was answered."""

    answered: int
    carried: int
    waiting: int
    rate: float | None
    wait: timedelta | None

    @property
    def percent(self) -> int | None:
        return None if self.rate is None else round(self.rate * 100)

    @property
    def wait_hours(self) -> float | None:
        return None if self.wait is None else round(self.wait.total_seconds() / 3600, 1)


def of(questions: Iterable[Answered], carried: int) -> Figures:
    """`carried`: how often one of these was planned or waited for, and not reached."""
    waits, waiting = [], 0
    for question in questions:
        if question.answered_at is None:
            waiting += 1
        else:
            waits.append(question.answered_at - question.asked_at)
    due = len(waits) + carried
    return Figures(
        answered=len(waits),
        carried=carried,
        waiting=waiting,
        rate=len(waits) / due if due else None,
        wait=sum(waits, timedelta()) / len(waits) if waits else None,
    )
