"""Leave to listen: who opens a recording says why, and the ledger's entry of it *is* the leave.

An opening is an entry `officer:recording:opened` about each recording of the visit; the files of that visit
are served to that officer, under that opening's id, until `LASTS` has passed. Each file that is played and
each stretch that was heard is entered too, with the opening it belongs to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core import clock
from core.db import Session
from core.errors import Forbidden, Malformed
from core.ids import Ref, new_id
from ledger import read
from ledger.chain import Entry
from ledger.record import record
from people.model import Identity
from web.i18n import N_

LASTS = timedelta(hours=8)  # a shift
WORDS_MAX = 200
_LOOK_BACK = 500  # entries of one recording that are searched; an opening lies far nearer

OPENED = "officer:recording:opened"
PLAYED = "officer:recording:played"
HEARD = "officer:recording:heard"

REASONS: dict[str, str] = {
    "re-listening": N_("Re-listening as the rules demand"),
    "mark": N_("A mark or warning of this visit"),
    "complaint": N_("A complaint or an appeal"),
    "incident": N_("An incident is being looked into"),
    "authority": N_("On demand of an authority that is entitled to it"),
    "technical": N_("To check picture and sound"),
}


class ListeningEnded(Forbidden):
    code = "listening-ended"
    text = "Please say first why you are listening: your last opening of this recording has run out."


class ReasonNeeded(Malformed):
    code = "reason-needed"
    status = 422
    text = "Please choose why you are listening."


@dataclass(frozen=True, slots=True)
class Opening:
    """A leave that holds. `reason` is a code of `REASONS`."""

    id: str
    reason: str
    words: str
    until: datetime


def open_for(session: Session, actor: Identity, recording_ids: list[str], reason: str, words: str) -> str:
    """Enters the opening; answers its id. Raises `ReasonNeeded`."""
    if reason not in REASONS:
        raise ReasonNeeded
    opening = new_id("opn")
    details: dict[str, Any] = {"opening": opening, "reason": reason}
    if words.strip():
        details["words"] = words.strip()[:WORDS_MAX]
    for recording_id in recording_ids:
        record(session, OPENED, actor=actor.subject, subject=Ref("recording", recording_id), **details)
    return opening


async def leave(session: Session, actor: Identity, recording_id: str, opening: str) -> Opening:
    """The leave under which `actor` listens; raises `ListeningEnded` for another's or one run out."""
    for entry in await _entries(session, OPENED, recording_id):
        details = entry.parsed()
        until = datetime.fromisoformat(entry.at) + LASTS
        if (
            details.get("opening") == opening
            and (entry.actor_kind, entry.actor_id) == (actor.subject.kind, actor.subject.id)
            and clock.now() < until
        ):
            return Opening(opening, details["reason"], details.get("words", ""), until)
    raise ListeningEnded


async def played_already(session: Session, recording_id: str, track_id: str, opening: str) -> bool:
    """A browser asks for a file in many pieces; the playing of it is entered once per opening."""
    for entry in await _entries(session, PLAYED, recording_id):
        details = entry.parsed()
        if (details.get("opening"), details.get("track")) == (opening, track_id):
            return True
    return False


def enter_played(
    session: Session, actor: Identity, recording_id: str, track_id: str, opening: Opening
) -> None:
    subject = Ref("recording", recording_id)
    details = {"opening": opening.id, "reason": opening.reason, "track": track_id}
    record(session, PLAYED, actor=actor.subject, subject=subject, **details)


def enter_heard(
    session: Session, actor: Identity, recording_id: str, opening: Opening, from_ms: int, to_ms: int
) -> None:
    """`from_ms`, `to_ms`: on the visit's common timeline."""
    subject = Ref("recording", recording_id)
    details = {"opening": opening.id, "reason": opening.reason, "from_ms": from_ms, "to_ms": to_ms}
    record(session, HEARD, actor=actor.subject, subject=subject, **details)


async def _entries(session: Session, tag: str, recording_id: str) -> list[Entry]:
    return await read.latest(session, tag_prefix=tag, about=recording_id, limit=_LOOK_BACK)
