"""Questions, turns, help days. Pure values and the tables of moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from core.ids import Ref
from policy.lights import Colour
from policy.running import ClockState

URGENT_DAYS = 7  # less than so many days to a limitation makes a question urgent (Legal Aid Act art. 44)
OPEN_MAX = 10  # questions of one inmate that may wait at a time


class Channel(StrEnum):
    """By whom a question came into the one queue."""

    INMATE = "inmate"
    RELATIVE = "relative"
    HOTLINE = "hotline"


class QuestionState(StrEnum):
    ASKED = "asked"
    PLANNED = "planned"  # has a turn on a help day
    IN_TURN = "in-turn"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


# From which states each state may be reached.
QUESTION_MOVES: Mapping[QuestionState, frozenset[QuestionState]] = {
    QuestionState.ASKED: frozenset({QuestionState.PLANNED, QuestionState.IN_TURN}),  # carried over
    QuestionState.PLANNED: frozenset({QuestionState.ASKED}),
    QuestionState.IN_TURN: frozenset({QuestionState.PLANNED}),
    QuestionState.ANSWERED: frozenset(
        {QuestionState.ASKED, QuestionState.PLANNED, QuestionState.IN_TURN}  # in writing, at any time
    ),
    QuestionState.WITHDRAWN: frozenset({QuestionState.ASKED, QuestionState.PLANNED}),
}
WAITING = frozenset({QuestionState.ASKED, QuestionState.PLANNED, QuestionState.IN_TURN})


class TurnState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    CARRIED = "carried"  # not reached, or not finished: the question waits for the next day
    CANCELLED = "cancelled"  # the day was planned anew, or the question was answered or taken back


TURN_MOVES: Mapping[TurnState, frozenset[TurnState]] = {
    TurnState.PLANNED: frozenset(),
    TurnState.RUNNING: frozenset({TurnState.PLANNED}),
    TurnState.DONE: frozenset({TurnState.RUNNING}),
    TurnState.CARRIED: frozenset({TurnState.PLANNED, TurnState.RUNNING}),
    TurnState.CANCELLED: frozenset({TurnState.PLANNED}),
}


class Carried(StrEnum):
    """Why somebody carried a turn over: that day it is not planned again."""

    ABSENT = "absent"  # the wing says that the inmate does not come
    UNFINISHED = "unfinished"  # the lawyer says so


class DeskKind(StrEnum):
    STATION = "station"  # the legal-aid station that answers a prison's questions
    CENTRE = "centre"  # the legal-aid centre: grants or refuses aid, names lawyers
    BUREAU = "bureau"  # the bureau of justice: decides objections
    WELFARE = "welfare"  # civil affairs, schools, health: what is not a matter of law
    MEDIATION = "mediation"  # the mediators who hold mediations between inmates and people outside
    COUNSELLING = "counselling"  # psychological aid
    OFFICE = "office"  # the prison's visits office: requests for visits, proofs of kinship
    SUPERIOR = "superior"
    DISCIPLINE = "discipline"


class Tier(StrEnum):
    """The levels between which matters are handed (Jiuquan)."""

    VILLAGE = "village"
    TOWN = "town"
    COUNTY = "county"
    CITY = "city"


class Coming(StrEnum):
    """What a lawyer said about a help day."""

    COMES = "comes"
    AWAY = "away"
    SICK = "sick"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who is responsible. `phone` is the duty telephone that is told; `superior_id` takes over what is late.

    `tier`: a `Tier`, or "". `area`: the places it serves, as in `legalaid.venue`.
    """

    id: str
    prison_id: str
    name: str
    kind: DeskKind
    phone: str
    superior_id: str | None
    tier: str = ""
    area: str = ""


@dataclass(frozen=True, slots=True)
class AtDesk:
    """An inmate at a terminal who showed the number and the personal code. `generation` of the code: what was
    asked under an older one stays closed."""

    inmate_id: str
    prison_id: str
    generation: int
    terminal: Ref


@dataclass(frozen=True, slots=True)
class Light:
    """How a matter's clock stands: which desk holds it, until when, and its colour."""

    state: ClockState
    colour: Colour
    desk: str
    due_at: datetime
    level: int


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A question without its text: that is read on its own (`reading.words`), and entered in the ledger."""

    id: str
    reference: str
    prison_id: str
    station_id: str
    inmate_id: str
    channel: Channel
    asked_by: Ref
    topic: str
    language: str
    limitation_on: date | None
    urgent: bool
    state: QuestionState
    lawyer_id: str | None  # who answered, or is to
    thread_id: str
    asked_at: datetime
    carried: int  # help days on which it was not reached
    answered_at: datetime | None
    generation: int
    light: Light | None
    wish_id: str | None = None  # of the directory: whom the asker would like
    hand: str = ""  # by whose hand it was written, "" for the asker's own
    long: bool = False  # needs two turns, says a lawyer who read it


@dataclass(frozen=True, slots=True)
class AdviceView:
    """A lawyer's written words about a question, opened for whoever may read them."""

    id: str
    question_id: str
    lawyer_name: str
    words: str
    written_at: datetime
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lawyer:
    id: str
    name: str
    station_id: str
    topics: frozenset[str]
    languages: frozenset[str]


@dataclass(frozen=True, slots=True)
class HelpDay:
    """`rooms` numbered from 1. `turn_minutes`: what one question is given at first."""

    id: str
    station_id: str
    prison_id: str
    zone: str
    day: date
    starts_at: datetime
    ends_at: datetime
    rooms: int
    turn_minutes: int
    languages: frozenset[str]
    topics: frozenset[str]
    closed: bool


@dataclass(frozen=True, slots=True)
class TurnView:
    id: str
    help_day_id: str
    question_id: str
    lawyer_id: str
    inmate_id: str
    inmate_name: str
    inmate_number: str
    room: int
    starts_at: datetime
    minutes: int
    state: TurnState
    began_at: datetime | None
    ended_at: datetime | None
    first_at: datetime | None = None  # when it was to begin before it was moved
    brought_at: datetime | None = None
    long: bool = False  # of its question

    @property
    def moved_from(self) -> datetime | None:
        """The time that had been told before, where it is another minute."""
        moved = self.first_at is not None and abs(self.first_at - self.starts_at) >= timedelta(minutes=1)
        return self.first_at if moved else None


def is_urgent(limitation_on: date | None, today: date) -> bool:
    """Whether a right is lost in less than seven days, or already was and somebody must look at once."""
    return limitation_on is not None and (limitation_on - today).days < URGENT_DAYS
