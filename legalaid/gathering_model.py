"""Gatherings: mediations and counsellors' hours. States, answers, what came of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.ids import Ref
from legalaid.model import DeskKind, Light
from rooms.confidentiality import RoomKind
from rooms.model import SeatRole

MINUTES = range(15, 121)
OPEN_MAX = 3  # of one inmate that wait at a time
REVIEW_DAYS = timedelta(days=14)  # after which a result stands though not everybody has answered


class GatheringKind(StrEnum):
    MEDIATION = "mediation"
    COUNSELLING = "counselling"

    @property
    def desk(self) -> DeskKind:
        return DeskKind.MEDIATION if self is GatheringKind.MEDIATION else DeskKind.COUNSELLING

    @property
    def room(self) -> RoomKind:
        return RoomKind(self.value)

    @property
    def leader(self) -> SeatRole:
        return SeatRole.MEDIATOR if self is GatheringKind.MEDIATION else SeatRole.COUNSELLOR


class GatheringState(StrEnum):
    ASKED = "asked"  # nobody of the desk has taken it yet
    TAKEN = "taken"  # people are invited, and say yes or no
    ARRANGED = "arranged"  # it has a time and a terminal
    HELD = "held"
    WRITTEN = "written"  # the result is there; who took part says whether it is right
    CLOSED = "closed"
    DECLINED = "declined"  # somebody without whom it cannot be said no
    REFUSED = "refused"  # by the desk or the prison, in writing
    WITHDRAWN = "withdrawn"  # by whoever asked
    FAILED = "failed"  # its time passed and it did not take place: another can be given


_S = GatheringState
MOVES: Mapping[GatheringState, frozenset[GatheringState]] = {
    _S.ASKED: frozenset(),
    _S.TAKEN: frozenset({_S.ASKED, _S.FAILED}),
    _S.ARRANGED: frozenset({_S.TAKEN}),
    _S.HELD: frozenset({_S.ARRANGED}),
    _S.WRITTEN: frozenset({_S.HELD, _S.WRITTEN}),
    _S.CLOSED: frozenset({_S.WRITTEN}),
    _S.DECLINED: frozenset({_S.ASKED, _S.TAKEN, _S.ARRANGED}),
    _S.REFUSED: frozenset({_S.ASKED, _S.TAKEN}),
    _S.WITHDRAWN: frozenset({_S.ASKED, _S.TAKEN, _S.ARRANGED}),
    _S.FAILED: frozenset({_S.ARRANGED}),
}
WAITING = frozenset({_S.ASKED, _S.TAKEN, _S.ARRANGED})


class Answer(StrEnum):
    """What somebody invited has said."""

    OPEN = ""
    YES = "yes"
    NO = "no"


class Verdict(StrEnum):
    """What somebody who took part says of the result; of an hour with a counsellor, whether it helped."""

    OPEN = ""
    RIGHT = "right"
    WRONG = "wrong"


OUTCOMES: Mapping[GatheringKind, Mapping[str, str]] = {
    GatheringKind.MEDIATION: {
        "agreed": "The parties agree",
        "partly": "The parties agree in part",
        "none": "The parties do not agree",
        "again": "To be continued",
    },
    GatheringKind.COUNSELLING: {
        "done": "The hour was held",
        "again": "To be continued",
        "referred": "Passed on to a doctor",
    },
}
# Told of outcomes in a flat table, for the catalog and the pages.
RESULTS: Mapping[str, str] = {code: text for texts in OUTCOMES.values() for code, text in texts.items()}
KINDS: Mapping[GatheringKind, str] = {
    GatheringKind.MEDIATION: "Mediation",
    GatheringKind.COUNSELLING: "Counsellor's hour",
}
STATES: Mapping[GatheringState, str] = {
    _S.ASKED: "Somebody is being found for it",
    _S.TAKEN: "People are being asked",
    _S.ARRANGED: "Arranged",
    _S.HELD: "Held; the result is being written",
    _S.WRITTEN: "The result is there: please read it",
    _S.CLOSED: "Finished",
    _S.DECLINED: "It does not take place",
    _S.REFUSED: "Refused",
    _S.WITHDRAWN: "Taken back",
    _S.FAILED: "It did not take place; another time is looked for",
}
ANSWERS: Mapping[Answer, str] = {
    Answer.OPEN: "has not answered yet",
    Answer.YES: "takes part",
    Answer.NO: "does not take part",
}
VERDICTS: Mapping[Verdict, str] = {
    Verdict.OPEN: "has not said yet",
    Verdict.RIGHT: "says: it is so",
    Verdict.WRONG: "says: it is not so",
}


@dataclass(frozen=True, slots=True)
class GatheringForm:
    """`with_id`: the relative whom an inmate wants to be reconciled with. `key`: made with the page."""

    kind: str
    words: str
    key: str
    with_id: str = ""


@dataclass(frozen=True, slots=True)
class PartyView:
    role: SeatRole
    person: Ref
    name: str
    answer: Answer
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class GatheringView:
    """Without its words: those are opened on their own. `helper_name` empty: nobody has taken it yet."""

    id: str
    reference: str
    kind: GatheringKind
    prison_id: str
    inmate_id: str
    inmate_name: str
    asked_by: Ref
    asked_at: datetime
    state: GatheringState
    minutes: int
    helper_id: str | None
    helper_name: str
    reason: str
    outcome: str
    sitting_id: str | None
    starts_at: datetime | None
    confidentiality: str
    basis: str
    generation: int
    parties: Sequence[PartyView]
    light: Light | None

    def party(self, person: Ref) -> PartyView | None:
        return next((party for party in self.parties if party.person == person), None)

    @property
    def inmate(self) -> PartyView:
        return next(party for party in self.parties if party.role is SeatRole.INMATE)

    @property
    def relatives(self) -> list[PartyView]:
        return [party for party in self.parties if party.role is SeatRole.RELATIVE]

    @property
    def ready(self) -> bool:
        """Whether it can be given a time: all have answered, and those without whom it cannot be said yes."""
        if self.state is not _S.TAKEN or any(party.answer is Answer.OPEN for party in self.parties):
            return False
        return self.inmate.answer is Answer.YES and self._somebody_outside(Answer.YES)

    @property
    def hopeless(self) -> bool:
        """Whether somebody without whom it cannot be has said no."""
        return self.inmate.answer is Answer.NO or not self._somebody_outside(Answer.YES, Answer.OPEN)

    def _somebody_outside(self, *answers: Answer) -> bool:
        """In a mediation somebody must sit on the other side; in a counsellor's hour nobody does."""
        invited = self.relatives
        others = self.kind is GatheringKind.MEDIATION and (invited or self.state is _S.TAKEN)
        return not others or any(party.answer in answers for party in invited)

    @property
    def settled(self) -> bool:
        """Whether everybody who took part has said what they think of the result."""
        return all(party.verdict is not Verdict.OPEN for party in self.parties if party.answer is Answer.YES)

    @property
    def agreed(self) -> bool:
        """An agreement is one only while nobody who took part says that it is not so."""
        right = all(p.verdict is Verdict.RIGHT for p in self.parties if p.answer is Answer.YES)
        return self.outcome in ("agreed", "partly") and self.state is _S.CLOSED and right
