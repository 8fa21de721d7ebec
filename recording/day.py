"""A day under one root: the ledger's entries and the recordings that were sealed, chained to the day before.

    days/<date>.json          the head, canonical JSON: root, which entries, the day before, who signed
    days/<date>.json.sig      the raw Ed25519 signature of its bytes
    days/<date>.leaves.json   what stands under the root, so that anybody can reckon it anew
    days/<date>.json.tsr      an outside authority's time stamp on the head, where one is configured

The leaves are, in order, `["ledger", seq, digest]` of each entry and `["recording", id, manifest]` of each
recording, as canonical JSON, in a tree as in RFC 6962 (`ledger.merkle`). Days are those of UTC. Whoever keeps
a copy of the newest head elsewhere can tell that nothing before it was taken away or changed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from core import keys
from core.keys import PublicKeys
from ledger import merkle
from ledger.chain import canonical
from recording import timestamp
from recording.problem import Problem
from recording.timestamp import Roots

VERSION = 1
HEAD = ".json"
SIGNATURE = ".json.sig"
LEAVES = ".leaves.json"


@dataclass(frozen=True, slots=True)
class Leaves:
    """What stands under a day's root. `first`: the sequence number of the first of `entries` (digests)."""

    first: int
    entries: tuple[str, ...]
    recordings: tuple[tuple[str, str], ...]  # id, SHA-256 of the manifest

    def encoded(self) -> list[bytes]:
        ledger = [["ledger", self.first + number, digest] for number, digest in enumerate(self.entries)]
        sealed = [["recording", *one] for one in self.recordings]
        return [canonical(leaf).encode() for leaf in (*ledger, *sealed)]

    def content(self) -> bytes:
        """As it stands in the file of leaves."""
        value = {"first": self.first, "entries": self.entries, "recordings": self.recordings}
        return canonical(value).encode()


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """What the check of a day's file found; `unproved` says what could not be told, in sentences."""

    problems: tuple[Problem, ...]
    day: str = ""
    root: str = ""
    key_id: str = ""
    sealed_at: str = ""
    stamped_at: str = ""  # by an outside authority; "": not proved
    entries: int = 0
    recordings: int = 0
    unproved: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        return not self.problems

    def report(self) -> dict[str, Any]:
        """As a JSON object, with a sentence for people in `text`."""
        if self.problems:
            text = f"BROKEN at {self.problems[0].place}: {self.problems[0].text}"
        else:
            what = f"{self.entries} entries of the ledger, {self.recordings} recordings"
            text = f"Intact: day {self.day}, {what}, sealed {self.sealed_at} by key {self.key_id}"
            text += f", seen by an outside authority {self.stamped_at}" if self.stamped_at else ""
        lines = [text, *(f"Not proved: {one}" for one in self.unproved)]
        return {**asdict(self), "intact": self.intact, "text": "\n".join(lines)}


def head(
    day: date, leaves: Leaves, ledger_head: str, previous: Mapping[str, Any] | None, sealed_at: str, key: str
) -> bytes:
    """The bytes that are signed. `ledger_head`: the digest of the last entry up to the end of the day."""
    return canonical(
        {
            "day": day.isoformat(),
            "previous": previous,
            "ledger": {
                "first": leaves.first,
                "last": leaves.first + len(leaves.entries) - 1,
                "head": ledger_head,
            },
            "recordings": len(leaves.recordings),
            "root": merkle.root(leaves.encoded()).hex(),
            "sealed_at": sealed_at,
            "signed_by": key,
            "version": VERSION,
        }
    ).encode()


def link(content: bytes) -> dict[str, str]:
    """How the next day names this one."""
    value = json.loads(content)
    return {"day": value["day"], "digest": hashlib.sha256(content).hexdigest(), "root": value["root"]}


def inclusion(
    content: bytes, signature: bytes, leaves: Leaves, tree: merkle.Tree, recording_id: str
) -> bytes:
    """The proof that a recording stands under a day's root: complete with the signed head, as a file.
    `tree` is that of `leaves`.

    Raises `StopIteration` for a recording that is not among the leaves.
    """
    place, manifest = next(
        (number, one[1]) for number, one in enumerate(leaves.recordings) if one[0] == recording_id
    )
    index = len(leaves.entries) + place
    return canonical(
        {
            "recording": recording_id,
            "manifest": manifest,
            "index": index,
            "path": [node.hex() for node in tree.path(index)],
            "head": content.decode(),
            "signature": signature.hex(),
        }
    ).encode()


def check_inclusion(proof: bytes, recording_id: str, manifest: str, public_keys: PublicKeys) -> str:
    """The day under whose root a recording is proved to stand. Raises `ValueError` for a proof of nothing."""
    try:
        value = json.loads(proof)
        content = value["head"].encode()
        stated = json.loads(content)
        leaf = canonical(["recording", recording_id, manifest]).encode()
        size = stated["ledger"]["last"] - stated["ledger"]["first"] + 1 + stated["recordings"]
        found = merkle.root_of(leaf, value["index"], size, [bytes.fromhex(one) for one in value["path"]])
        signed = keys.verify(public_keys, stated["signed_by"], bytes.fromhex(value["signature"]), content)
        day = str(stated["day"])
        about = (value["recording"], value["manifest"])
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError("it cannot be read as a proof") from error
    if not signed:
        raise ValueError("its day is not signed by any of the keys")
    if about != (recording_id, manifest) or found is None or found.hex() != stated["root"]:
        raise ValueError("it does not lead from this manifest to the day's root")
    return day


def verify_file(path: Path, public_keys: PublicKeys, roots: Roots = ()) -> DayVerdict:
    """Checks `<date>.json`: its signature, its root where the leaves lie beside it, its link to the day
    before where that does, its time stamp where there is one and `roots` are given. Needs nothing but these."""
    try:
        content = path.read_bytes()
        value = json.loads(content)
        covered = value["ledger"]["last"] - value["ledger"]["first"] + 1
        facts = (value["day"], value["root"], value["signed_by"], value["sealed_at"])
        named = date.fromisoformat(value["day"]).isoformat()
        count = int(value["recordings"])
    except (OSError, ValueError, KeyError, TypeError):
        return DayVerdict((Problem("day-unreadable", path.name, "it cannot be read as the head of a day"),))
    problems = [*_signature(path, content, value["signed_by"], public_keys)]
    if path.name != named + HEAD:
        problems.append(Problem("day-misnamed", path.name, f"it is the head of {named}"))
    unproved: list[str] = []
    problems += [*_leaves(path, value, unproved), *_previous(path, value, unproved)]
    stamped_at = ""
    try:
        stamped_at = _stamped(path, content, roots, unproved)
    except ValueError as error:
        problems.append(Problem("stamp-wrong", path.name.removesuffix(HEAD) + timestamp.STAMP, str(error)))
    return DayVerdict(tuple(problems), *facts, stamped_at, covered, count, tuple(unproved))


def read_leaves(path: Path) -> Leaves | None:
    """The leaves in a file; `None` for a file that holds none. Raises `OSError`."""
    try:
        value = json.loads(path.read_bytes())
        sealed = tuple((one[0], one[1]) for one in value["recordings"])
        return Leaves(int(value["first"]), tuple(value["entries"]), sealed)
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def _signature(path: Path, content: bytes, signed_by: str, public_keys: PublicKeys) -> Iterator[Problem]:
    try:
        signature = path.with_name(path.name.removesuffix(HEAD) + SIGNATURE).read_bytes()
    except OSError:
        yield Problem("no-signature", path.name, "there is no signature that can be read")
        return
    if signed_by not in public_keys:
        yield Problem("unknown-key", path.name, f"it is signed by {signed_by!r}, which is none of the keys")
    elif not keys.verify(public_keys, signed_by, signature, content):
        yield Problem("day-changed", path.name, "head and signature do not belong together")


def _leaves(path: Path, value: Mapping[str, Any], unproved: list[str]) -> Iterator[Problem]:
    beside = path.with_name(path.name.removesuffix(HEAD) + LEAVES)
    if not beside.exists():
        unproved.append("its leaves are not here, so the root was not reckoned anew")
        return
    found = read_leaves(beside)
    stated = (value["ledger"]["first"], value["ledger"]["last"], value["recordings"], value["root"])
    if found is None or stated != _summary(found):
        yield Problem("leaves-differ", beside.name, "these leaves do not make the root that was signed")


def _summary(leaves: Leaves) -> tuple[int, int, int, str]:
    last = leaves.first + len(leaves.entries) - 1
    return leaves.first, last, len(leaves.recordings), merkle.root(leaves.encoded()).hex()


def _previous(path: Path, value: Mapping[str, Any], unproved: list[str]) -> Iterator[Problem]:
    previous = value.get("previous")
    if previous is None:
        return
    beside = path.with_name(f"{date.fromisoformat(previous['day'])}{HEAD}")
    if not beside.exists():
        unproved.append(f"the day before, {previous['day']}, is not here, so the link to it was not followed")
    elif hashlib.sha256(beside.read_bytes()).hexdigest() != previous["digest"]:
        yield Problem("day-unlinked", beside.name, "it is not the day that the next one was chained to")


def _stamped(path: Path, content: bytes, roots: Roots, unproved: list[str]) -> str:
    """When an outside authority saw the head; "" when that cannot be told. Raises `ValueError` for a stamp
    that is there and proves nothing."""
    try:
        answer = path.with_name(path.name.removesuffix(HEAD) + timestamp.STAMP).read_bytes()
    except OSError:
        unproved.append("no outside authority's time stamp is here, so only the house itself tells the time")
        return ""
    if not roots:
        unproved.append("there is a time stamp, and no certificate was given to check it by (--roots)")
        return ""
    return timestamp.check(answer, content, roots).isoformat(timespec="seconds")


def names(folder: Path) -> Sequence[str]:
    """The dates of all heads in a folder, in order."""
    return sorted(path.name.removesuffix(HEAD) for path in folder.glob("????-??-??" + HEAD))
