"""Proof files on disk: sealed, under random names, written whole or not at all."""

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import clock, placing
from core.db import Session, after_commit
from core.errors import NotFound, Reason, Unavailable
from core.ids import new_id
from people.errors import ProofNotReadable, ProofTooLarge, ProofType
from people.means import Means
from people.proof_content import Content, checked
from people.tables import ProofRow


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the browser sent it. Read at most `PROOF_MAX_BYTES + 1` bytes: more is refused anyway."""

    name: str
    data: bytes


async def examined(files: Sequence[Upload]) -> tuple[list[Content], list[Reason]]:
    """What to keep of each file, and what is wrong with the others."""
    contents: list[Content] = []
    reasons: list[Reason] = []
    for number, upload in enumerate(files, 1):
        try:
            contents.append(await asyncio.to_thread(checked, upload.data))
        except (ProofTooLarge, ProofNotReadable, ProofType) as error:
            reasons.append(
                Reason(error.code, error.text, {**error.params, "field": "proof", "number": number})
            )
    return contents, reasons


async def keep(
    session: Session, means: Means, relationship_id: str, contents: Iterable[Content]
) -> list[str]:
    """Writes the files now and their rows with the transaction; files without a row are swept later."""
    ids = []
    for content in contents:
        row = ProofRow(
            id=new_id("prf"),
            relationship_id=relationship_id,
            file=secrets.token_hex(16),
            media_type=content.media_type,
            size=len(content.data),
            digest=hashlib.sha256(content.data).hexdigest(),
            created_at=clock.now(),
            deleted_at=None,
        )
        sealed = means.proofs.seal(content.data, row.id)
        await asyncio.to_thread(_write, path_of(means, row.file), sealed)
        session.add(row)
        ids.append(row.id)
    return ids


def path_of(means: Means, file: str) -> Path:
    return means.proofs_dir / file[:2] / f"{file}.box"


def _write(path: Path, sealed: bytes) -> None:
    placing.make(path.parent)
    placing.place(path, [sealed])


async def opened(means: Means, row: ProofRow) -> bytes:
    """The plain content. Raises `NotFound` when it has been deleted, `BrokenBoxError` if tampered with."""
    if row.deleted_at is not None:
        raise NotFound
    try:
        sealed = await asyncio.to_thread(path_of(means, row.file).read_bytes)
    except FileNotFoundError as error:
        raise Unavailable from error
    return means.proofs.open(sealed, row.id)


def delete(session: Session, means: Means, row: ProofRow) -> None:
    """Marks the row now, removes the file once that is committed."""
    row.deleted_at = clock.now()
    path = path_of(means, row.file)

    async def remove() -> None:
        with contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(path.unlink)

    after_commit(session, remove)
