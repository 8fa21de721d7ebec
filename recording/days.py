"""Sealing each day that has passed, exporting it, and checking the ledger against all days (`recording.day`).

A day takes the ledger's entries that follow those of the day before, up to the last one that was entered
before midnight UTC: an unbroken run, so nothing falls between two days and nothing can be cut off later. The
recordings of a day are those whose sealing is among its entries.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

import ledger.record
from core import clock, keys, placing
from core.db import Database, Session
from core.ids import SYSTEM, Ref
from core.keys import PublicKeys, Signer
from core.settings import Settings
from ledger import merkle
from ledger.chain import GENESIS
from ledger.tables import EntryRow
from recording import day, folder
from recording.day import Leaves
from recording.tables import DayRow, RecordingRow

GRACE = timedelta(minutes=5)  # after midnight, for what was entered before and is being committed
SEALED = "system:recording:sealed"


@dataclass(frozen=True, slots=True)
class DaysVerdict:
    """How many days hold; `broken_at` is the first that does not."""

    days: int
    broken_at: str | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_at is None


def home(data_dir: Path) -> Path:
    return data_dir / "days"


async def seal_days(db: Database, settings: Settings) -> int:
    """Seals every day that is over and was not sealed yet, and writes the files that are missing; answers how
    many days were sealed. May run anywhere, any time, twice at once."""
    signer = await asyncio.to_thread(keys.signer, settings.data_dir)
    done = 0
    try:
        while await _seal_next(db, signer):
            done += 1
    except IntegrityError:
        pass  # another worker has sealed this day in this very moment
    await _export_missing(db, settings)
    return done


async def latest(session: Session, limit: int) -> list[DayRow]:
    """The newest days first."""
    return list(await session.scalars(select(DayRow).order_by(DayRow.day.desc()).limit(limit)))


async def check(db: Database, data_dir: Path) -> DaysVerdict:
    """Checks every day that the database or the folder of days knows: signature, chain, and that the ledger
    still holds all that stands under its root."""
    public = await asyncio.to_thread(keys.public_keys, data_dir / "keys")
    files = await asyncio.to_thread(_heads, home(data_dir))
    previous: bytes | None = None
    async with db.read() as session:
        rows = {row.day: row for row in await session.scalars(select(DayRow))}
        known = sorted({*rows, *files})
        for number, name in enumerate(known):
            row = rows.get(name)
            if row is None:
                return DaysVerdict(number, name, "there is a signed head of this day, and its row is gone")
            if files.get(name, row.content.encode()) != row.content.encode():
                return DaysVerdict(number, name, "its file and its row tell of different days")
            problem = await _problem_of(session, row, previous, public)
            if problem:
                return DaysVerdict(number, name, problem)
            previous = row.content.encode()
    return DaysVerdict(len(known))


def _heads(days: Path) -> Mapping[str, bytes]:
    return {name: (days / f"{name}{day.HEAD}").read_bytes() for name in day.names(days)}


async def _problem_of(session: Session, row: DayRow, previous: bytes | None, public: PublicKeys) -> str:
    content = row.content.encode()
    if not keys.verify(public, row.key_id, bytes.fromhex(row.signature), content):
        return "it is not signed by any of the keys"
    leaves = await _leaves(session, row.first_seq, row.last_seq)
    if len(leaves.entries) != row.last_seq - row.first_seq + 1:
        have = row.first_seq + len(leaves.entries) - 1
        return f"the ledger lacks entries: this day reaches entry {row.last_seq}, the ledger {have}"
    link = day.link(previous) if previous is not None else None
    expected = day.head(
        date.fromisoformat(row.day), leaves, row.ledger_head, link, _iso(row.sealed_at), row.key_id
    )
    return "" if content == expected else "ledger, day before and root do not belong together"


async def _seal_next(db: Database, signer: Signer) -> bool:
    """Seals the day after the last one; False where none is over. Raises `IntegrityError` where another
    worker was first."""
    now = clock.now()
    async with db.write() as session:
        before = next(iter(await latest(session, 1)), None)
        due = await _next_day(session, before)
        if due is None or now < _midnight(due + timedelta(days=1)) + GRACE:
            return False
        first = before.last_seq + 1 if before else 1
        leaves = await _leaves(session, first, await _last_of(session, due, first))
        head = leaves.entries[-1] if leaves.entries else (before.ledger_head if before else GENESIS)
        link = day.link(before.content.encode()) if before else None
        content = day.head(due, leaves, head, link, _iso(now), signer.key_id)
        row = DayRow(
            day=due.isoformat(),
            first_seq=first,
            last_seq=first + len(leaves.entries) - 1,
            recordings=len(leaves.recordings),
            ledger_head=head,
            root=day.link(content)["root"],
            content=content.decode(),
            signature=signer.sign(content).hex(),
            key_id=signer.key_id,
            sealed_at=datetime.fromisoformat(_iso(now)),
        )
        session.add(row)
        digest = hashlib.sha256(content).hexdigest()
        ledger.record.record(
            session,
            "system:day:sealed",
            actor=SYSTEM,
            subject=Ref("day", row.day),
            root=row.root,
            head=digest,
        )
    return True


async def _next_day(session: Session, before: DayRow | None) -> date | None:
    if before is not None:
        return date.fromisoformat(before.day) + timedelta(days=1)
    first = await session.scalar(select(EntryRow.at).where(EntryRow.seq == 1))
    return date.fromisoformat(first[:10]) if first else None


async def _last_of(session: Session, due: date, first: int) -> int:
    """The last entry, from `first` on, that was entered before the day's end; `first - 1` for none."""
    end = _midnight(due + timedelta(days=1)).isoformat(timespec="microseconds")
    query = select(func.max(EntryRow.seq)).where(EntryRow.seq >= first, EntryRow.at < end)
    found: int | None = await session.scalar(query)
    return first - 1 if found is None else found


async def _leaves(session: Session, first: int, last: int) -> Leaves:
    rows = (
        await session.execute(
            select(EntryRow.digest, EntryRow.tag, EntryRow.subject_id, EntryRow.details)
            .where(EntryRow.seq >= first, EntryRow.seq <= last)
            .order_by(EntryRow.seq)
        )
    ).all()
    sealed = tuple((row[2], _manifest(row[3])) for row in rows if row[1] == SEALED)
    return Leaves(first, tuple(row[0] for row in rows), sealed)


async def _export_missing(db: Database, settings: Settings) -> None:
    days = home(settings.data_dir)
    have = set(await asyncio.to_thread(day.names, days))
    async with db.read() as session:
        rows = [
            row for row in await session.scalars(select(DayRow).order_by(DayRow.day)) if row.day not in have
        ]
        for row in rows:
            leaves = await _leaves(session, row.first_seq, row.last_seq)
            places = {}
            for recording_id, _ in leaves.recordings:
                one = await session.get(RecordingRow, recording_id)
                if one is not None:
                    places[recording_id] = folder.root(settings) / one.folder
            await asyncio.to_thread(_export, days, row, leaves, places)


def _export(days: Path, row: DayRow, leaves: Leaves, places: Mapping[str, Path]) -> None:
    """The head's own file comes last: while it is missing, all of this is done again. Raises `OSError`."""
    placing.make(days)
    content, signature = row.content.encode(), bytes.fromhex(row.signature)
    tree = merkle.Tree(leaves.encoded())
    for recording_id, path in places.items():
        if path.is_dir():
            proof = day.inclusion(content, signature, leaves, tree, recording_id)
            placing.place(path / folder.INCLUSION, [proof], home=days)
    placing.place(days / f"{row.day}{day.LEAVES}", [leaves.content()])
    placing.place(days / f"{row.day}{day.SIGNATURE}", [signature])
    placing.place(days / f"{row.day}{day.HEAD}", [content])


def _manifest(details: str) -> str:
    return str(json.loads(details)["manifest"])


def _midnight(of: date) -> datetime:
    return datetime.combine(of, time(), UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
