"""Deletion with proof, in the folder: the files go, the manifest stays, and beside it lies who, when and why.

    deletion.plan   what is to go; there while deletion is under way, so that a cut-off one goes on
    deletion.json   the proof (canonical JSON): what went, the manifest's digest, when, by which rule
    deletion.sig    its raw Ed25519 signature

Each step can be cut off and done again. The time line goes with the media: its marks are about people, too.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from core import keys, placing
from core.keys import PublicKeys, Signer
from ledger.chain import canonical
from recording import folder
from recording.digest import digest_of

VERSION = 1
PLAN = "deletion.plan"
PROOF = "deletion.json"
SIGNATURE = "deletion.sig"
STAYS = frozenset({folder.MANIFEST, folder.SIGNATURE, folder.INCLUSION, PLAN, PROOF, SIGNATURE})


@dataclass(frozen=True, slots=True)
class Deletion:
    """Why a recording goes. `why` is a code: `kept-long-enough`. `key`: fingerprint of the key that its files were
    locked with, and when that was destroyed."""

    recording: str
    booking: str
    retention: str
    keep_until: datetime
    deleted_at: datetime
    why: str
    key: tuple[str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof as it lies in a folder. `problem` is a code and a sentence, `None` for a proof that holds."""

    content: Mapping[str, Any]
    digest: str
    problem: tuple[str, str] | None


class Elsewhere(Protocol):
    """Where files lie that are not in the folder (`recording.store.Shelf`)."""

    def names(self) -> Mapping[str, int]: ...
    def delete(self, name: str) -> None: ...


def delete(
    path: Path,
    deletion: Deletion,
    digests: Mapping[str, str],
    signer: Signer,
    elsewhere: Elsewhere | None = None,
) -> str:
    """Removes all files but the manifest; answers the proof's SHA-256. Blocks; raises `OSError`.

    `digests`: SHA-256 by name of the files that the manifest names; others are read once more.
    """
    placing.make(path)
    if not (path / PLAN).exists():
        if (path / PROOF).exists() and (path / SIGNATURE).exists():
            return hashlib.sha256((path / PROOF).read_bytes()).hexdigest()
        placing.place(path / PLAN, [canonical(_files(path, digests, elsewhere)).encode()])
    files = json.loads((path / PLAN).read_bytes())
    for file in files:
        (path / file["file"]).unlink(missing_ok=True)
    if elsewhere is not None:
        for name in elsewhere.names():
            elsewhere.delete(name)
    placing.sync(path)
    content = canonical(_content(path, deletion, files, signer.key_id)).encode()
    placing.place(path / PROOF, [content])
    placing.place(path / SIGNATURE, [signer.sign(content)])
    for leftover in (path / PLAN, *path.glob("*" + placing.DRAFT)):
        leftover.unlink(missing_ok=True)
    placing.sync(path)
    return hashlib.sha256(content).hexdigest()


def read(path: Path, public_keys: PublicKeys) -> Proof | None:
    """The proof in a folder and whether it holds; `None` where there is none."""
    if not (path / PROOF).exists():
        return None
    try:
        content = (path / PROOF).read_bytes()
        value = json.loads(content)
        signed_by = str(value["signed_by"])
        value["files"] = list(value["files"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Proof({}, "", ("deletion-changed", "it cannot be read as a proof of deletion"))
    digest = hashlib.sha256(content).hexdigest()
    signature = b""
    with contextlib.suppress(OSError):
        signature = (path / SIGNATURE).read_bytes()
    if signed_by not in public_keys:
        text = f"it is signed by {signed_by!r}, which is none of the keys"
        return Proof(value, digest, ("unknown-key", text))
    if not keys.verify(public_keys, signed_by, signature, content):
        text = "proof of deletion and its signature do not belong together"
        return Proof(value, digest, ("deletion-changed", text))
    return Proof(value, digest, None)


def _files(path: Path, digests: Mapping[str, str], elsewhere: Elsewhere | None) -> list[dict[str, str | int]]:
    away = elsewhere.names() if elsewhere is not None else {}
    sent: list[dict[str, str | int]] = [
        {"file": name, "bytes": size, "sha256": digests[name]}
        for name, size in sorted(away.items())
        if name in digests and not (path / name).exists()
    ]
    return sent + [
        {
            "file": entry.name,
            "bytes": entry.stat().st_size,
            "sha256": digests.get(entry.name) or digest_of(entry).sha256,
        }
        for entry in sorted(path.iterdir())
        if entry.name not in STAYS and entry.is_file()
    ]


def _content(path: Path, deletion: Deletion, files: list[Any], key_id: str) -> dict[str, Any]:
    manifest = path / folder.MANIFEST
    return {
        "recording": deletion.recording,
        "booking": deletion.booking,
        "manifest": digest_of(manifest).sha256 if manifest.exists() else None,
        "files": files,
        "class": deletion.retention,
        "keep_until": deletion.keep_until.astimezone(UTC).isoformat(timespec="milliseconds"),
        "deleted_at": deletion.deleted_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "why": deletion.why,
        "key": _destroyed(deletion.key),
        "signed_by": key_id,
        "version": VERSION,
    }


def _destroyed(key: tuple[str, datetime] | None) -> dict[str, str] | None:
    if key is None:
        return None
    return {"fingerprint": key[0], "destroyed_at": key[1].astimezone(UTC).isoformat(timespec="milliseconds")}
