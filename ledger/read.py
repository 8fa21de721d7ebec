"""Reading the ledger: by subject, by tag, and as a whole for verification."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select

from core.db import Database, Session
from core.ids import Ref
from ledger.chain import Entry, Verdict, Verifier
from ledger.tables import EntryRow, HeadRow

_PAGE = 1000


def _entry(row: EntryRow) -> Entry:
    return Entry(
        row.seq,
        row.at,
        row.tag,
        row.actor_kind,
        row.actor_id,
        row.subject_kind,
        row.subject_id,
        row.details,
        row.previous,
        row.digest,
    )


async def about(session: Session, *subjects: Ref, limit: int | None = None) -> Sequence[Entry]:
    """The entries about any of `subjects`, oldest first: all of them, or the newest `limit`."""
    ids = [s.id for s in subjects]
    newest = await session.scalars(
        select(EntryRow).where(EntryRow.subject_id.in_(ids)).order_by(EntryRow.seq.desc()).limit(limit)
    )
    kinds = {(s.kind, s.id) for s in subjects}
    return [_entry(row) for row in reversed(newest.all()) if (row.subject_kind, row.subject_id) in kinds]


async def latest(
    session: Session,
    *,
    tag_prefix: str = "",
    about: str = "",
    before: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """The newest entries first; `before` is the sequence number to go on from.

    `about` is an id: entries whose subject or actor it is.
    """
    query = select(EntryRow).order_by(EntryRow.seq.desc()).limit(limit)
    if about:
        query = query.where((EntryRow.subject_id == about) | (EntryRow.actor_id == about))
    if tag_prefix:
        query = query.where(EntryRow.tag.startswith(tag_prefix, autoescape=True))
    if before is not None:
        query = query.where(EntryRow.seq < before)
    return [_entry(row) for row in await session.scalars(query)]


async def tally(
    session: Session, tags: Iterable[str], actors: Iterable[str], since: datetime, until: datetime
) -> dict[tuple[str, str], int]:
    """How many entries of each of `tags` each of `actors` made from `since` up to `until`: (tag, actor) -> n."""
    rows = await session.execute(
        select(EntryRow.tag, EntryRow.actor_id, func.count())
        .where(*_within(tags, actors, since, until))
        .group_by(EntryRow.tag, EntryRow.actor_id)
    )
    return {(row[0], row[1]): row[2] for row in rows}


async def made_by(
    session: Session, tags: Iterable[str], actors: Iterable[str], since: datetime, until: datetime
) -> list[Entry]:
    """The entries that `tally` counts, newest first."""
    rows = await session.scalars(
        select(EntryRow).where(*_within(tags, actors, since, until)).order_by(EntryRow.seq.desc())
    )
    return [_entry(row) for row in rows]


def _within(
    tags: Iterable[str], actors: Iterable[str], since: datetime, until: datetime
) -> tuple[ColumnElement[bool], ...]:
    begin, end = (moment.astimezone(UTC).isoformat(timespec="microseconds") for moment in (since, until))
    return (
        EntryRow.tag.in_([*tags]),
        EntryRow.actor_id.in_([*actors]),
        EntryRow.at >= begin,
        EntryRow.at < end,
    )


async def verify(db: Database) -> Verdict:
    """Checks the whole chain page by page, and that it reaches its head; what is entered meanwhile is no part of it."""
    verifier = Verifier()
    last = 0
    async with db.read() as session:
        if not db.is_sqlite:  # whose readers see one moment anyway
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        head = await session.get(HeadRow, 1)
        expected = (head.seq, head.digest) if head else (0, verifier.verdict().head)
        while rows := (
            await session.scalars(
                select(EntryRow).where(EntryRow.seq > last).order_by(EntryRow.seq).limit(_PAGE)
            )
        ).all():
            for row in rows:
                entry = _entry(row)
                if problem := verifier.problem_of(entry):
                    return verifier.verdict((entry.seq, problem))
            last = rows[-1].seq
            session.expunge_all()
    verdict = verifier.verdict()
    if (verdict.entries, verdict.head) != expected:
        return verifier.verdict(
            (verdict.entries + 1, f"the ledger ends early: it should reach entry {expected[0]}")
        )
    return verdict
