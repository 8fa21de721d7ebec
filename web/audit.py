"""What a resident procurator looks at: a month of supervision in one prison, counted from the ledger alone.

The procuratorate supervises how prisons enforce the law (rules section 2.7); so its view shows what officers did,
never what families said: who intervened how often, who opened which recording and why, who was refused.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.db import Session
from core.ids import Ref
from ledger import read
from ledger.chain import Entry
from people import repository as people
from people.model import Staff
from recording import repository as recordings
from scheduler import repository as scheduler
from web.i18n import N_
from web.listening import HEARD, OPENED, PLAYED, REASONS

INTERVENTIONS: dict[str, str] = {
    "officer:visit:warned": N_("Warnings"),
    "officer:visit:spoke-in": N_("Spoke in"),
    "officer:seat:muted": N_("Muted"),
    "officer:visit:paused": N_("Paused"),
    "officer:seat:removed": N_("Removed somebody"),
    "officer:visit:ended": N_("Ended early"),
}
DECISIONS: dict[str, str] = {
    "officer:booking:approved": N_("Visits approved"),
    "officer:booking:refused": N_("Visits refused"),
    "officer:booking:cancelled": N_("Visits cancelled"),
    "officer:relationship:refused": N_("Relationships refused"),
    "officer:document:revealed": N_("Whole document numbers looked at"),
    OPENED: N_("Recordings opened"),
}
DESK: dict[str, str] = {
    "officer:visit:marked": N_("Marks"),
    "officer:note:written": N_("Notes written afterwards"),
    "officer:task:taken": N_("Tasks taken"),
    "officer:task:done": N_("Tasks finished"),
    "officer:review:done": N_("Calls listened to again"),
    "officer:watch:taken": N_("Calls taken into their shift"),
    "officer:watch:handed-over": N_("Calls handed over"),
    "officer:call-log:read": N_("Call logs read"),
}


@dataclass(frozen=True, slots=True)
class Month:
    """A month in the prison's zone."""

    first: date
    zone: str

    @property
    def begin(self) -> datetime:
        return datetime(self.first.year, self.first.month, 1, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def before(self) -> date:
        return (self.first - timedelta(days=1)).replace(day=1)

    @property
    def after(self) -> date:
        return (self.first + timedelta(days=32)).replace(day=1)

    @property
    def end(self) -> datetime:
        return Month(self.after, self.zone).begin


def month_of(text: str, today: date, zone: str) -> Month:
    """`text` as "2026-11"; anything else: the month of `today`."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        first = today.replace(day=1)
    return Month(first, zone)


@dataclass(frozen=True, slots=True)
class Row:
    """One officer's month: how often what was done, in the order of the columns."""

    name: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


async def counted(session: Session, prison_id: str, month: Month, tags: Iterable[str]) -> list[Row]:
    """Whoever of the prison's staff did any of `tags`, the busiest first."""
    columns = tuple(tags)
    staff = {one.id: one.name for one in await _staff(session, prison_id)}
    found = await read.tally(session, columns, staff, month.begin, month.end)
    if OPENED in columns:  # entered for each take of the visit, and one look
        entries = await read.made_by(session, (OPENED,), staff, month.begin, month.end)
        looks = {(entry.actor_id, entry.parsed()["opening"]) for entry in entries}
        found |= {(OPENED, one): n for one, n in Counter(actor for actor, _ in looks).items()}
    rows = [Row(name, tuple(found.get((tag, one), 0) for tag in columns)) for one, name in staff.items()]
    return sorted((row for row in rows if row.total), key=lambda row: (-row.total, row.name))


@dataclass(frozen=True, slots=True)
class Listening:
    """One opening of a visit's recording. `reason` is a message id; `seconds` is what was heard under it."""

    at: datetime
    name: str
    reference: str
    inmate_id: str
    reason: str
    words: str
    seconds: int
    files: int


async def listened(session: Session, prison_id: str, month: Month) -> list[Listening]:
    """Who opened which recording, why, and how much was heard; the newest first."""
    staff = {one.id: one.name for one in await _staff(session, prison_id)}
    entries = await read.made_by(session, (OPENED, PLAYED, HEARD), staff, month.begin, month.end)
    heard, files = _heard(entries)
    openings: dict[str, Entry] = {}
    for entry in entries:
        if entry.tag == OPENED:
            openings.setdefault(entry.parsed()["opening"], entry)  # one visit may have several recordings
    return [
        await _listening(session, entry, staff[entry.actor_id], heard.get(key, 0), files.get(key, 0))
        for key, entry in openings.items()
    ]


def _heard(entries: Iterable[Entry]) -> tuple[dict[str, int], dict[str, int]]:
    """Milliseconds heard and files played, by opening."""
    heard: dict[str, int] = {}
    files: dict[str, int] = {}
    for entry in entries:
        details = entry.parsed()
        key = str(details.get("opening", ""))
        if entry.tag == HEARD:
            heard[key] = heard.get(key, 0) + int(details["to_ms"]) - int(details["from_ms"])
        elif entry.tag == PLAYED:
            files[key] = files.get(key, 0) + 1
    return heard, files


async def _listening(session: Session, entry: Entry, name: str, heard_ms: int, files: int) -> Listening:
    details = entry.parsed()
    recording = await recordings.row(session, entry.subject_id)
    booking = await scheduler.get(session, recording.booking_id)
    return Listening(
        at=datetime.fromisoformat(entry.at),
        name=name,
        reference=booking.reference,
        inmate_id=booking.inmate_id,
        reason=REASONS.get(details["reason"], details["reason"]),
        words=details.get("words", ""),
        seconds=round(heard_ms / 1000),
        files=files,
    )


async def _staff(session: Session, prison_id: str) -> list[Staff]:
    return [*await people.staff_of(session, prison_id)]


def entered(month: Month) -> tuple[str, Ref]:
    """The tag and the subject under which looking itself is entered."""
    return "auditor:report:read", Ref("month", month.first.isoformat()[:7])
