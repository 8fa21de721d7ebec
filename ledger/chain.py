"""The chain: canonical form of an entry, its digest, and verification. Pure.

digest = SHA-256 over the canonical JSON of all other fields of the entry, `previous` included; the first
entry's `previous` is 64 zeros. Canonical: keys sorted, no blanks, UTF-8, no NaN (as RFC 8785 for the
strings, integers, lists and objects that occur here).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `at` is UTC, ISO 8601 with microseconds; `details` is canonical JSON."""

    seq: int
    at: str
    tag: str
    actor_kind: str
    actor_id: str
    subject_kind: str
    subject_id: str
    details: str
    previous: str
    digest: str

    def parsed(self) -> dict[str, Any]:
        """The details as an object."""
        value: dict[str, Any] = json.loads(self.details)
        return value


class Noted(NamedTuple):
    """An entry that has no place in the chain yet; the fields of `Entry` that do not depend on it, in their order."""

    at: str
    tag: str
    actor_kind: str
    actor_id: str
    subject_kind: str
    subject_id: str
    details: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found: `broken_at` is the first bad sequence number, `None` if intact."""

    entries: int
    head: str
    broken_at: int | None = None
    problem: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_at is None


def canonical(value: object) -> str:
    """Canonical JSON; raises `TypeError` or `ValueError` for what has no canonical form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(entry: Entry) -> str:
    """The digest that belongs to the other fields of `entry`, in hexadecimal."""
    body = {f.name: getattr(entry, f.name) for f in fields(Entry) if f.name != "digest"}
    return hashlib.sha256(canonical(body).encode()).hexdigest()


BETWEEN = '","seq":'  # what stands between the previous digest and the number


def halves(noted: Noted) -> tuple[str, str]:
    """The text that is digested, before the previous digest and after the number: in canonical form these two stand in
    its midst, so that a database can put them in."""
    one = noted._asdict()
    before = canonical({name: one[name] for name in ("actor_id", "actor_kind", "at", "details")})
    after = canonical({name: one[name] for name in ("subject_id", "subject_kind", "tag")})
    return f'{before[:-1]},"previous":"', f",{after[1:]}"


class Verifier:
    """Takes entries in order and remembers the first that does not fit."""

    def __init__(self) -> None:
        self._seq = 0
        self._head = GENESIS

    def problem_of(self, entry: Entry) -> str:
        """What is wrong with the next entry, or an empty string."""
        if entry.seq != self._seq + 1:
            return f"entry {self._seq + 1} is missing"
        if entry.previous != self._head:
            return "its link to the entry before it does not fit"
        if entry.digest != digest(entry):
            return "its content was changed"
        self._seq, self._head = entry.seq, entry.digest
        return ""

    def verdict(self, broken: tuple[int, str] | None = None) -> Verdict:
        if broken is None:
            return Verdict(self._seq, self._head)
        return Verdict(self._seq, self._head, broken[0], broken[1])


def verify(entries: Iterable[Entry], head: tuple[int, str] | None = None) -> Verdict:
    """Checks a whole chain from its first entry; `head` is the (seq, digest) it is said to end with."""
    verifier = Verifier()
    for entry in entries:
        if problem := verifier.problem_of(entry):
            return verifier.verdict((entry.seq, problem))
    verdict = verifier.verdict()
    if head is not None and head != (verdict.entries, verdict.head):
        return verifier.verdict(
            (verdict.entries + 1, f"the ledger ends early: it should reach entry {head[0]}")
        )
    return verdict
