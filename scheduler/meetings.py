"""Lawyers' meetings as the weekly plan sees them. Who asks for one, who may, and what becomes of it is the business of
legal aid, which stands above and gives the planner its `Meetings`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from core.db import Session
from core.errors import Reason
from core.ids import Ref
from scheduler.model import VisitKind
from scheduler.openings import Call

TURNAROUND = timedelta(minutes=10)  # until the next may sit at the terminal, and the inmate is back
BETWEEN = timedelta(minutes=5)  # two meetings of a lawyer
STEP = timedelta(minutes=15)  # meetings may begin so often


@dataclass(frozen=True, slots=True)
class Meeting:
    """A lawyer's request. `people`: ids of whoever comes from outside; `beginnings`: when it might begin, with the rank
    of the lawyer's wish (0 is the dearest), or none and the `reasons` why; `watched`: an officer is present."""

    id: str
    inmate_id: str
    wing_id: str
    people: tuple[str, ...]
    minutes: int
    waiting_since: datetime
    urgent: bool
    watched: bool
    beginnings: tuple[tuple[datetime, int], ...]
    reasons: tuple[Reason, ...] = ()

    def waited_days(self, now: datetime) -> int:
        return max(0, (now - self.waiting_since).days)

    def call_at(self, starts_at: datetime) -> Call:
        return call_of(starts_at, self.minutes, self.wing_id, watched=self.watched)


def call_of(starts_at: datetime, minutes: int, wing_id: str, *, watched: bool) -> Call:
    """What a meeting takes of the prison."""
    talk_ends = starts_at + timedelta(minutes=minutes)
    return Call(starts_at, talk_ends + TURNAROUND, talk_ends, wing_id, VisitKind.LEGAL, watched=watched)


@dataclass(frozen=True, slots=True)
class Usual:
    """What lawyers usually take of a prison, for weeks that are only rehearsed. `weekly`: requests for a meeting, each
    of `minutes`, by so many `lawyers`; `watched`: share of them at which an officer is present; `beginnings`: when one
    may begin; `help_days`: from when until when which terminal is kept for turns."""

    weekly: float = 0.0
    minutes: int = 0
    lawyers: int = 0
    watched: float = 0.0
    beginnings: tuple[datetime, ...] = ()
    help_days: tuple[tuple[datetime, datetime, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OutOfUse:
    """Time in which a wing, a terminal or (both empty) the whole prison is out of use."""

    first: datetime
    last: datetime
    wing_id: str = ""
    terminal_id: str = ""


class Meetings(Protocol):
    async def wanted(
        self, session: Session, prison_id: str, first: datetime, last: datetime
    ) -> Sequence[Meeting]:
        """The requests that may be planned between the two moments."""

    async def arrange(
        self, session: Session, actor: Ref, meeting_id: str, starts_at: datetime, terminal_id: str
    ) -> str:
        """Arranges one; answers the id of what it is now. Raises what an officer would be told, `Conflict` where the
        terminal or somebody is needed elsewhere."""

    async def usual(self, session: Session, prison_id: str, first: datetime, last: datetime) -> Usual:
        """What lawyers may be expected to take between the two moments."""

    async def touched(self, session: Session, prison_id: str, span: OutOfUse) -> tuple[int, int]:
        """How many arranged meetings, and turns of help days, lie in time that would be out of use."""


class NoMeetings:
    """Of a platform without legal aid."""

    async def wanted(
        self, session: Session, prison_id: str, first: datetime, last: datetime
    ) -> Sequence[Meeting]:
        del session, prison_id, first, last
        return ()

    async def arrange(
        self, session: Session, actor: Ref, meeting_id: str, starts_at: datetime, terminal_id: str
    ) -> str:
        del session, actor, starts_at, terminal_id
        raise LookupError(meeting_id)

    async def usual(self, session: Session, prison_id: str, first: datetime, last: datetime) -> Usual:
        del session, prison_id, first, last
        return Usual()

    async def touched(self, session: Session, prison_id: str, span: OutOfUse) -> tuple[int, int]:
        del session, prison_id, span
        return 0, 0
