"""The seal: a signed manifest of everything in a recording's folder, and its verification.

`manifest.json` is canonical JSON (`ledger.chain.canonical`) and names each file with size and SHA-256, a large one with
that of each of its pieces; `manifest.sig` is the raw 64-byte Ed25519 signature of the manifest's bytes (RFC 8032).
Whoever has the folder and the public keys can verify it without this installation, or by hand:

    openssl pkeyutl -verify -pubin -inkey KEY.pub -rawin -in manifest.json -sigfile manifest.sig
    sha256sum *.jsonl *.webm
    split --bytes 4M --filter sha256sum relative-1.raw.webm
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core import keys, placing
from core.keys import PublicKeys, Signer
from ledger.chain import canonical
from recording import clear, day, deletion, folder
from recording.digest import PIECE, Digest, Digester, digest_from, root_of
from recording.problem import Problem

VERSION = 2
_KNOWN = (1, VERSION)  # 1: each track is one file, with a digest of it in the clear


@dataclass(frozen=True, slots=True)
class SealVerdict:
    """What a verification found; the first problem is the first broken place."""

    problems: tuple[Problem, ...]
    recording: str = ""
    manifest: str = ""  # SHA-256 of manifest.json
    key_id: str = ""
    sealed_at: str = ""
    files: int = 0
    deleted_at: str = ""  # for one that was deleted and whose proof of deletion was checked instead
    proof: str = ""  # SHA-256 of deletion.json
    day: str = ""  # under whose root it is proved to stand; empty while that day is not sealed
    in_ledger: bool = False  # whether the ledger was asked, too

    @property
    def intact(self) -> bool:
        return not self.problems

    @property
    def broken_at(self) -> Problem | None:
        return self.problems[0] if self.problems else None

    def report(self) -> dict[str, Any]:
        """As a JSON object, with a sentence for people in `text`."""
        if not self.intact:
            text = "\n".join(f"BROKEN at {one.place}: {one.text}" for one in self.problems)
        elif self.deleted_at:
            text = f"Deleted: recording {self.recording}, {self.deleted_at}; the proof of it holds"
        else:
            by = f"sealed {self.sealed_at} by key {self.key_id}"
            text = f"Intact: recording {self.recording}, {self.files} files, {by}"
            text += f", under the root of {self.day}" if self.day else ""
        proved, unproved = self.proved, self.unproved
        lines = [text, *(f"Proved: {one}" for one in proved), *(f"Not proved: {one}" for one in unproved)]
        facts = {**asdict(self), "intact": self.intact, "proved": proved, "unproved": unproved}
        return {**facts, "text": "\n".join(lines)}

    @property
    def proved(self) -> tuple[str, ...]:
        """Sentences; none for a broken one."""
        if not self.intact:
            return ()
        what = "is gone, as the proof says" if self.deleted_at else "is bit for bit what was sealed"
        said = [f"each of its {self.files} files {what}, and nothing was put beside them"]
        if self.day:
            said.append(f"it was sealed by the end of {self.day}: it stands under that day's signed root")
        if self.in_ledger:
            said.append("the ledger knows this manifest and no other of this recording")
        return tuple(said)

    @property
    def unproved(self) -> tuple[str, ...]:
        """What nobody can tell from a folder and keys alone."""
        said = [
            "that the public keys are those of the prison: compare them with ones that came to you another way"
        ]
        if not self.day:
            said.append("when it was sealed: no proof under the root of its day lies in the folder")
        if not self.in_ledger:
            said.append(
                "that the ledger knows it: the installation can tell (its page, or `kinbridge verify ledger`)"
            )
        return tuple(said)


def sign(path: Path, manifest: dict[str, Any], signer: Signer) -> str:
    """Writes manifest and signature into the folder; answers the manifest's SHA-256. Raises `OSError`."""
    content = canonical({**manifest, "signed_by": signer.key_id, "version": VERSION}).encode()
    placing.place(path / folder.MANIFEST, [content])
    placing.place(path / folder.SIGNATURE, [signer.sign(content)])
    return hashlib.sha256(content).hexdigest()


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of a folder, unverified; `None` where there is none that can be read."""
    try:
        value = json.loads((path / folder.MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read. `pace` is told of the bytes that were read and may wait or raise; `elsewhere` opens a
    file that is not in the folder (`FileNotFoundError` where it is not there either)."""

    pace: Callable[[int], None] | None = None
    elsewhere: Callable[[str], clear.Source] | None = None


def verify_folder(path: Path, public_keys: PublicKeys, reading: Reading = Reading()) -> SealVerdict:
    """Checks signature, then each file, then that nothing was put in; needs nothing but the folder and keys.

    Of a deleted recording the proof of deletion is checked instead. Reads every byte once; blocks for as
    long as the disk takes, or longer.
    """
    gone = deletion.read(path, public_keys)
    if gone is not None:
        return _deleted(path, gone, public_keys)
    try:
        content = (path / folder.MANIFEST).read_bytes()
    except OSError:
        return SealVerdict(
            (Problem("no-manifest", folder.MANIFEST, "there is no manifest that can be read"),)
        )
    digest = hashlib.sha256(content).hexdigest()
    manifest = read_manifest(path)
    if manifest is None:
        problem = Problem("manifest-changed", folder.MANIFEST, "it cannot be read as a manifest")
        return SealVerdict((problem,), manifest=digest)
    problems = [*_signature(path, content, manifest, public_keys)]
    files = listed(manifest)
    for one in files:
        problems.extend(_file(path / one.name, one, reading))
    under = _inclusion(path, str(manifest.get("recording")), digest, public_keys, problems)
    expected = {folder.MANIFEST, folder.SIGNATURE, folder.INCLUSION, *(one.name for one in files)}
    problems.extend(
        Problem("extra-file", entry.name, "it was not there when the recording was sealed")
        for entry in sorted(path.iterdir())
        if entry.name not in expected
    )
    return SealVerdict(
        tuple(problems),
        str(manifest.get("recording", "")),
        digest,
        str(manifest.get("signed_by", "")),
        str(manifest.get("sealed_at", "")),
        len(files),
        day=under,
    )


def digests(path: Path) -> dict[str, str]:
    """SHA-256 by name of the files that a folder's manifest names, unverified; that of the pieces' digests where it
    has no other."""
    return {one.name: one.sha256 or root_of(one.pieces) for one in listed(read_manifest(path) or {})}


def compare(
    verdict: SealVerdict,
    recording_id: str,
    known: str | None,
    sealed: Sequence[str | None],
    deleted: Sequence[str | None] = (),
) -> SealVerdict:
    """Adds what the database and the ledger say: `known` is the row's digest, `sealed` those of the
    ledger's sealing entries, `deleted` those of the proofs in its entries of deletion."""
    verdict = replace(verdict, in_ledger=True)
    problems = list(verdict.problems)
    if [verdict.proof] * bool(verdict.proof) != list(deleted):
        problems.append(
            Problem("deletion-differs", deletion.PROOF, "folder and ledger do not tell of the same deletion")
        )
    if verdict.recording and verdict.recording != recording_id:
        problems.append(
            Problem("other-recording", folder.MANIFEST, f"it is the manifest of {verdict.recording}")
        )
    if verdict.proof and known is None and not sealed:
        return replace(verdict, problems=tuple(problems))  # it was never sealed
    if len(sealed) != 1:
        problems.append(
            Problem("not-sealed", "ledger", f"the ledger has {len(sealed)} sealing entries, not one")
        )
    elif sealed[0] != verdict.manifest:
        problems.append(
            Problem("ledger-differs", folder.MANIFEST, "the ledger knows another manifest of this recording")
        )
    if known != verdict.manifest and not problems:
        problems.append(Problem("row-differs", "database", "its row names another manifest"))
    return replace(verdict, problems=tuple(problems))


def _deleted(path: Path, gone: deletion.Proof, public_keys: PublicKeys) -> SealVerdict:
    """The proof's signature, that it is about this manifest, and that nothing is left."""
    problems = [Problem(gone.problem[0], deletion.PROOF, gone.problem[1])] if gone.problem else []
    digest = ""
    if (path / folder.MANIFEST).exists():
        content = (path / folder.MANIFEST).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        problems.extend(_signature(path, content, read_manifest(path) or {}, public_keys))
    recording_id = str(gone.content.get("recording", ""))
    under = _inclusion(path, recording_id, digest, public_keys, problems)
    if (gone.content.get("manifest") or "") != digest:
        problems.append(Problem("manifest-changed", folder.MANIFEST, "the proof names another manifest"))
    problems.extend(
        Problem("extra-file", entry.name, "it should have been deleted")
        for entry in sorted(path.iterdir())
        if entry.name not in deletion.STAYS
    )
    return SealVerdict(
        tuple(problems),
        recording_id,
        digest,
        str(gone.content.get("signed_by", "")),
        files=len(gone.content.get("files", ())),
        deleted_at=str(gone.content.get("deleted_at", "")),
        proof=gone.digest,
        day=under,
    )


def _inclusion(
    path: Path, recording_id: str, manifest: str, public_keys: PublicKeys, problems: list[Problem]
) -> str:
    """The day whose root the manifest stands under, where a proof of it lies in the folder."""
    try:
        return day.check_inclusion(
            (path / folder.INCLUSION).read_bytes(), recording_id, manifest, public_keys
        )
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        problems.append(Problem("inclusion-wrong", folder.INCLUSION, str(error)))
        return ""


def _signature(
    path: Path, content: bytes, manifest: dict[str, Any], public_keys: PublicKeys
) -> Iterator[Problem]:
    try:
        signature = (path / folder.SIGNATURE).read_bytes()
    except OSError:
        yield Problem("no-signature", folder.SIGNATURE, "there is no signature that can be read")
        return
    signed_by = manifest.get("signed_by")
    if not isinstance(signed_by, str) or signed_by not in public_keys:
        yield Problem(
            "unknown-key", folder.MANIFEST, f"it is signed by {signed_by!r}, which is none of the keys"
        )
    elif not keys.verify(public_keys, signed_by, signature, content):
        yield Problem("manifest-changed", folder.MANIFEST, "manifest and signature do not belong together")
    elif manifest.get("version") not in _KNOWN:
        text = f"it is of version {manifest.get('version')!r}, which this program does not know"
        yield Problem("unknown-version", folder.MANIFEST, text)


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as a manifest names it. `sha256` is empty where it has that of each piece alone."""

    name: str
    bytes: int
    sha256: str
    pieces: tuple[str, ...]

    def digester(self) -> Digester:
        """For what tells whether a file is this one; each byte is digested once."""
        return Digester(in_pieces=not self.sha256, as_whole=bool(self.sha256))

    def is_same(self, found: Digest) -> bool:
        """Of what `digester` answered."""
        if self.sha256:
            return (found.bytes, found.sha256) == (self.bytes, self.sha256)
        return (found.bytes, found.pieces) == (self.bytes, self.pieces)


def listed(manifest: dict[str, Any]) -> list[Listed]:
    """The files in a manifest; a malformed entry is no entry (its file is then one too many, and the signature does not
    fit anyway)."""
    tracks = manifest.get("tracks")
    written = (
        [one.get("written") for one in tracks if isinstance(one, dict)] if isinstance(tracks, list) else []
    )
    lists = [tracks, written, manifest.get("strays"), [manifest.get("events")]]
    found = []
    for entry in (one for entries in lists if isinstance(entries, list) for one in entries):
        if not isinstance(entry, dict) or not entry.get("file"):
            continue
        name, size, sha256 = entry["file"], entry.get("bytes"), entry.get("sha256", "")
        pieces = entry.get("pieces", [])
        plain = isinstance(name, str) and Path(name).name == name
        if plain and isinstance(size, int) and isinstance(sha256, str) and isinstance(pieces, list):
            found.append(Listed(name, size, sha256, tuple(map(str, pieces))))
    return found


def _file(path: Path, stated: Listed, reading: Reading = Reading()) -> Iterator[Problem]:
    try:
        present = _read(path, reading, stated.digester())
        changed = present is not None and not stated.is_same(present)
        if changed and stated.sha256:
            present = _read(path, reading, Digester())  # once more, to tell where
    except OSError as error:
        yield Problem("unreadable-file", path.name, f"it cannot be read: {error.strerror}")
        return
    if present is None:
        yield Problem("missing-file", path.name, "it is not there")
        return
    if not changed:
        return
    same, pieces = 0, stated.pieces
    while same < min(len(pieces), len(present.pieces)) and pieces[same] == present.pieces[same]:
        same += 1
    where = f"from byte {same * PIECE} to {min((same + 1) * PIECE, max(stated.bytes, present.bytes))}"
    if present.bytes != stated.bytes:
        where = f"{where}; it has {present.bytes} bytes instead of {stated.bytes}"
    yield Problem("changed-file", path.name, f"its content was changed: {where}")


def _read(path: Path, reading: Reading, digester: Digester) -> Digest | None:
    """`None` for a file that is not there."""
    here = path.is_file() and not path.is_symlink()
    if not here and reading.elsewhere is None:
        return None
    try:
        source = clear.Local(path) if here or reading.elsewhere is None else reading.elsewhere(path.name)
    except FileNotFoundError:
        return None
    try:
        return digest_from(source, digester, reading.pace)
    finally:
        source.close()
