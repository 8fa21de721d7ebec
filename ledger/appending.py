"""Putting entries at the end of the chain, under the head's lock.

Every transaction that changes something passes here last, one at a time, so how long this takes is how many of them
there can be in a second. On PostgreSQL it is one statement that locks the head, reckons the digests and moves the head;
the lock is held for it and for the commit. On SQLite, whose writer has no rival, three plain ones do the same, in one
change of threads: every transaction of the house pays for them.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core import sqlite
from ledger import chain
from ledger.chain import Entry, Noted

_NOT_MIGRATED = "the ledger has no head: the database was not migrated"
_HEAD = "SELECT seq, digest FROM ledger_head WHERE id = 1"
_ENTER = """
INSERT INTO ledger_entry (seq, at, tag, actor_kind, actor_id, subject_kind, subject_id, details, previous, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_MOVE = "UPDATE ledger_head SET seq = ?, digest = ? WHERE id = 1"
_FIELDS = ("at", "tag", "actor_kind", "actor_id", "subject_kind", "subject_id", "details")

# `chain.digest` in SQL: what stands before the previous digest, that digest, the number, and what stands after it.
_AT_ONCE = text(
    """
    WITH RECURSIVE head AS (SELECT seq, digest FROM ledger_head WHERE id = 1 FOR UPDATE),
    noted AS (
        SELECT * FROM unnest(
            CAST(:at AS text[]), CAST(:tag AS text[]), CAST(:actor_kind AS text[]), CAST(:actor_id AS text[]),
            CAST(:subject_kind AS text[]), CAST(:subject_id AS text[]), CAST(:details AS text[]),
            CAST(:before AS text[]), CAST(:after AS text[])
        ) WITH ORDINALITY AS given(
            at, tag, actor_kind, actor_id, subject_kind, subject_id, details, before, after, n
        )
    ),
    chained AS (
        SELECT CAST(0 AS bigint) AS n, CAST(seq AS bigint) AS seq, CAST('' AS text) AS previous,
               CAST(digest AS text) AS digest
        FROM head
        UNION ALL
        SELECT noted.n, chained.seq + 1, chained.digest,
               encode(sha256(convert_to(
                   noted.before || chained.digest || :between || (chained.seq + 1) || noted.after, 'UTF8')), 'hex')
        FROM chained JOIN noted ON noted.n = chained.n + 1
    ),
    entered AS (
        INSERT INTO ledger_entry
            (seq, at, tag, actor_kind, actor_id, subject_kind, subject_id, details, previous, digest)
        SELECT chained.seq, at, tag, actor_kind, actor_id, subject_kind, subject_id, details, previous, digest
        FROM chained JOIN noted USING (n)
    )
    UPDATE ledger_head SET seq = last.seq, digest = last.digest
    FROM (SELECT seq, digest FROM chained ORDER BY n DESC LIMIT 1) AS last
    WHERE ledger_head.id = 1
    """
)


async def append(connection: AsyncConnection, noted: Sequence[Noted]) -> None:
    """Numbers and chains the entries, in their order; raises `RuntimeError` in a database without a head."""
    if connection.dialect.name == "sqlite":
        await sqlite.in_one_step(connection, _in_a_row, noted)
    else:
        await _at_once(connection, noted)


def _in_a_row(connection: sqlite3.Connection, noted: Sequence[Noted]) -> None:
    head = connection.execute(_HEAD).fetchone()
    if head is None:
        raise RuntimeError(_NOT_MIGRATED)
    seq, digest = head
    rows: list[tuple[object, ...]] = []
    for one in noted:
        entry = Entry(seq + 1, *one, previous=digest, digest="")
        previous, seq, digest = digest, entry.seq, chain.digest(entry)
        rows.append((seq, *one, previous, digest))
    connection.executemany(_ENTER, rows)
    connection.execute(_MOVE, (seq, digest))


async def _at_once(connection: AsyncConnection, noted: Sequence[Noted]) -> None:
    given: dict[str, Any] = {name: [getattr(one, name) for one in noted] for name in _FIELDS}
    halves = [chain.halves(one) for one in noted]
    given |= {"before": [half[0] for half in halves], "after": [half[1] for half in halves]}
    moved = await connection.execute(_AT_ONCE, given | {"between": chain.BETWEEN})
    if moved.rowcount != 1:
        raise RuntimeError(_NOT_MIGRATED)
