"""What the ledger says about something, in words for officers: when, who, what."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from core.db import Session
from core.ids import SYSTEM, Ref
from ledger import read
from ledger.chain import Entry
from people import repository as people
from web.i18n import N_

# (tone, words) of the tags that stand in a history. Others are left out: the ledger has them all.
WORDS: dict[str, tuple[str, str]] = {
    "family:relationship:applied": ("", N_("Applied, with papers")),
    "family:relationship:withdrawn": ("yellow", N_("Withdrawn by the family")),
    "officer:relationship:papers-asked": ("yellow", N_("More papers were asked for")),
    "family:relationship:papers-sent": ("", N_("The family sent more papers")),
    "officer:relationship:approved": ("green", N_("Approved")),
    "officer:relationship:refused": ("red", N_("Refused")),
    "officer:relationship:ended": ("red", N_("Ended by the prison")),
    "admin:relationship:entered": ("", N_("Entered by an administrator")),
    "officer:proof:read": ("", N_("Papers looked at")),
    "officer:document:revealed": ("yellow", N_("Whole document number looked at")),
    "family:booking:held": ("", N_("Time picked")),
    "family:booking:requested": ("", N_("Visit requested")),
    "family:booking:withdrawn": ("yellow", N_("Withdrawn by the family")),
    "family:booking:visitors-changed": ("", N_("The family changed who comes")),
    "officer:booking:held": ("yellow", N_("Time picked by an officer, beyond the capacity")),
    "officer:booking:requested": ("", N_("Visit requested by an officer for the family")),
    "officer:booking:signed": ("green", N_("An office agreed")),
    "admin:booking:slot-changed": ("", N_("Moved to another timetable, at the same time")),
    "officer:booking:kept": ("green", N_("Decided that it stays")),
    "officer:booking:approved": ("green", N_("Approved")),
    "officer:booking:refused": ("red", N_("Refused")),
    "officer:booking:assigned": ("", N_("Terminal chosen")),
    "officer:booking:cancelled": ("red", N_("Cancelled by the prison")),
    "system:booking:approved": ("green", N_("Approved")),
    "system:booking:assigned": ("", N_("Terminal chosen")),
    "system:booking:confirmed": ("green", N_("Confirmed, everybody was told")),
    "system:booking:expired": ("yellow", N_("Run out without an answer")),
    "system:booking:cancelled": ("red", N_("Cancelled by the prison")),
    "system:booking:completed": ("green", N_("Took place")),
    "system:booking:no-show": ("yellow", N_("Did not take place")),
}
PLATFORM = N_("the platform")
UNKNOWN = N_("unknown")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `text` is a message id, `by` a name (of the platform: a message id)."""

    at: datetime
    by: str
    text: str
    tone: str


async def of(session: Session, *subjects: Ref) -> list[Line]:
    """The history of `subjects`, oldest first."""
    entries = [entry for entry in await read.about(session, *subjects) if entry.tag in WORDS]
    names = await names_of(session, (Ref(entry.actor_kind, entry.actor_id) for entry in entries))
    return [_line(entry, names) for entry in entries]


def _line(entry: Entry, names: dict[Ref, str]) -> Line:
    tone, text = WORDS[entry.tag]
    by = names[Ref(entry.actor_kind, entry.actor_id)]
    return Line(datetime.fromisoformat(entry.at), by, text, tone)


async def names_of(session: Session, refs: Iterable[Ref]) -> dict[Ref, str]:
    """What those who acted are called; the ledger itself knows ids only."""
    return {ref: await _name(session, ref) for ref in set(refs)}


async def _name(session: Session, ref: Ref) -> str:
    if ref == SYSTEM:
        return PLATFORM
    if ref.kind == "relative":
        relative = await people.relative(session, ref.id)
        return relative.name if relative else UNKNOWN
    if ref.kind == "terminal":
        device = await people.terminal_device(session, ref.id)
        return device.name if device else UNKNOWN
    staff = await people.staff(session, ref.id)
    return staff.name if staff else UNKNOWN
