"""A bundle: recordings handed to somebody outside, in the clear, with all that proves them. A zip or its folder.

    export.json, export.sig        to whom, what for, who asked and who approved; each file with its SHA-256; signed
    <recording id>/                manifest, signature, inclusion in its day; the tracks and the time line in the clear
    <recording id>/sealed/         the tracks' sealed files as they lie, and their keys (`recording.originals`)
    composite.webm                 all of them side by side, with the receiver's name over it: to look at, no evidence
    keys/<id>.pub                  the public keys; to be compared with ones that came another way
    README.txt

The manifest was signed when the recording was sealed. What is handed out is proved against it without any secret of the
house, years later and by anybody: by the digest of its clear text, or by the sealed files that it comes out of.
"""

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core import keys
from core.keys import PublicKeys
from recording import day, folder, originals
from recording.originals import Place
from recording.problem import Problem

EXPORT = "export.json"
SIGNATURE = "export.sig"
README = "README.txt"
COMPOSITE = "composite.webm"
KEYS = "keys"
VERSION = 1
_STEP = 1 << 20
# What reading a spoilt file may raise. `zipfile` raises the third itself (or a kind of it) where a changed head names a
# compression that it does not know, or a cipher that nobody used.
_SPOILT = (OSError, zipfile.BadZipFile, RuntimeError, EOFError)

UNPROVED = (
    "that the public keys are those of the prison: compare them with ones that came to you another way",
    "that the composite shows what the tracks hold: it is a rendering; the tracks are the evidence",
    "that the ledger knows these recordings: the installation can tell (its page, or `kinbridge verify ledger`)",
)


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """What was found. `proved` and `unproved` are sentences."""

    problems: tuple[Problem, ...]
    export: str = ""
    receiver: str = ""
    recordings: tuple[str, ...] = ()
    files: int = 0
    days: tuple[str, ...] = ()
    proved: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        return not self.problems

    def report(self) -> dict[str, Any]:
        """As a JSON object, with sentences for people in `text`."""
        if self.problems:
            lines = [f"BROKEN at {one.place}: {one.text}" for one in self.problems]
        else:
            lines = [f"Intact: bundle {self.export} for {self.receiver}, {self.files} files"]
            lines += [f"Proved: {one}" for one in self.proved]
        lines += [f"Not proved: {one}" for one in self.unproved]
        return {**asdict(self), "intact": self.intact, "text": "\n".join(lines)}


def verify(path: Path, public_keys: PublicKeys) -> BundleVerdict:
    """Reads every byte once. Needs the bundle and the public keys alone."""
    try:
        place: Place = path if path.is_dir() else _archive(path)
        content, signature = (place / EXPORT).read_bytes(), (place / SIGNATURE).read_bytes()
        stated = json.loads(content)
        listed = {str(one["file"]): (int(one["bytes"]), str(one["sha256"])) for one in stated["files"]}
        ids = tuple(str(one) for one in stated["recordings"])
        signed_by, facts = str(stated["signed_by"]), (str(stated["export"]), str(stated["receiver"]))
    except (*_SPOILT, KeyError, ValueError, TypeError):
        return BundleVerdict((Problem("no-export", EXPORT, "there is no statement that can be read"),))
    problems = list(_signed("export-changed", EXPORT, signed_by, signature, content, public_keys))
    present = dict(_present(place))
    problems += _beside(place, {*present, EXPORT, SIGNATURE})
    digests = _digests(present, problems)
    unread = present.keys() - digests.keys()  # which was said
    problems += _compared({name: one for name, one in listed.items() if name not in unread}, digests)
    days: list[str] = []
    for recording_id in ids:
        problems += _recording(place / recording_id, recording_id, digests, public_keys, days)
    if problems:
        return BundleVerdict(tuple(problems), *facts, ids, len(listed))
    proved, unproved = _proved(stated, ids, days), tuple(_unproved(stated, ids, days))
    return BundleVerdict((), *facts, ids, len(listed), tuple(days), proved, unproved)


def _archive(path: Path) -> zipfile.Path:
    """Raises `OSError`, and `BadZipFile` also for names in which Pythons up to 3.11.9 look for folders without end."""
    place = zipfile.Path(path)
    if any(one.filename.startswith("//") for one in place.root.infolist()):
        raise zipfile.BadZipFile("//")
    return place


def _proved(stated: Mapping[str, Any], ids: tuple[str, ...], days: list[str]) -> tuple[str, ...]:
    handed = f"handed to {stated['receiver']} ({stated['purpose']}), asked by {stated['asked_by']}"
    said = [
        f"{handed}, approved by {stated['approved_by']} at {stated['approved_at']}",
        f"tracks and time line of {', '.join(ids)} are bit for bit what was sealed",
    ]
    said += [f"sealed under the signed root of {one}" for one in sorted(set(days))]
    return tuple(said)


def _unproved(stated: Mapping[str, Any], ids: tuple[str, ...], days: list[str]) -> Iterator[str]:
    yield from UNPROVED
    if len(days) != len(ids):
        yield "when it was sealed, by the root of its day"
    for missing in stated.get("missing", ()):
        yield f"what else was recorded of this visit: {missing['recording']} ({missing['state']}) is not in it"


def _signed(
    code: str, place: str, signed_by: str, signature: bytes, content: bytes, public_keys: PublicKeys
) -> Iterator[Problem]:
    if signed_by not in public_keys:
        yield Problem("unknown-key", place, f"it is signed by {signed_by!r}, which is none of the keys")
    elif not keys.verify(public_keys, signed_by, signature, content):
        yield Problem(code, place, "it and its signature do not belong together")


def _present(place: Place, before: str = "") -> Iterator[tuple[str, Place]]:
    children: list[Place] = list(place.iterdir())
    for one in sorted(children, key=lambda found: found.name):
        name = before + one.name
        if one.is_dir():
            yield from _present(one, name + "/")
        elif name not in (EXPORT, SIGNATURE):
            yield name, one


def _beside(place: Place, known: set[str]) -> Iterator[Problem]:
    """What lies in a zip twice, or under a name that only some programs take for one of these: they may unpack that."""
    if isinstance(place, zipfile.Path):
        names = Counter(one.orig_filename for one in place.root.infolist())
        for name in sorted(one for one in names if names[one] > 1 or one not in known):
            yield Problem("extra-file", name, "it lies in the zip beside what was handed out")


def _digests(present: Mapping[str, Place], problems: list[Problem]) -> dict[str, tuple[int, str]]:
    found = {}
    for name, one in present.items():
        digest, size = hashlib.sha256(), 0
        try:
            with one.open("rb") as file:
                while data := file.read(_STEP):
                    digest.update(data)
                    size += len(data)
        except _SPOILT:
            problems.append(Problem("unreadable-file", name, "it cannot be read"))
            continue
        found[name] = (size, digest.hexdigest())
    return found


def _compared(
    listed: Mapping[str, tuple[int, str]], present: Mapping[str, tuple[int, str]]
) -> Iterator[Problem]:
    for name, stated in listed.items():
        if name not in present:
            yield Problem("missing-file", name, "it is not there")
        elif present[name] != stated:
            yield Problem("changed-file", name, "its content was changed")
    for name in sorted(present.keys() - listed.keys()):
        yield Problem("extra-file", name, "it was not there when the bundle was made")


def _recording(
    place: Place,
    recording_id: str,
    present: Mapping[str, tuple[int, str]],
    public_keys: PublicKeys,
    days: list[str],
) -> Iterator[Problem]:
    """What the seal says of one recording's files."""
    where = f"{recording_id}/{folder.MANIFEST}"
    try:
        content = (place / folder.MANIFEST).read_bytes()
        signature = (place / folder.SIGNATURE).read_bytes()
        manifest = json.loads(content)
        laid = [one for one in manifest["tracks"] if originals.is_laid(one)]
        entries = [*manifest["tracks"], manifest["events"]]
        sealed = {one["file"]: one.get("clear", one) for one in entries if one["file"] and one not in laid}
        stated = {name: (int(one["bytes"]), str(one["sha256"])) for name, one in sealed.items()}
    except (*_SPOILT, KeyError, ValueError, TypeError, AttributeError):
        yield Problem("no-manifest", where, "there is no manifest that can be read")
        return
    yield from _signed(
        "manifest-changed", where, str(manifest.get("signed_by")), signature, content, public_keys
    )
    if manifest.get("recording") != recording_id:
        yield Problem("other-recording", where, f"it is the manifest of {manifest.get('recording')}")
    for name, expected in stated.items():
        if present.get(f"{recording_id}/{name}") != expected:
            yield Problem("not-as-sealed", f"{recording_id}/{name}", "it is not what was sealed")
    for track in laid:
        yield from _laid(place, track)
    try:
        proof = (place / folder.INCLUSION).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        days.append(day.check_inclusion(proof, recording_id, digest, public_keys))
    except (FileNotFoundError, KeyError):
        return  # its day is not over yet
    except ValueError as error:
        yield Problem("inclusion-wrong", f"{recording_id}/{folder.INCLUSION}", str(error))


def _laid(place: Place, track: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        yield from originals.check(place, track)
    except (*_SPOILT, KeyError, ValueError, TypeError, AttributeError):
        where = f"{place.name}/{originals.FOLDER}"
        yield Problem("not-as-sealed", where, f"what proves {track['file']} is not there, or cannot be read")
