"""The proof that closed rooms are closed: kept here, asked for before any closed room opens.

It is made by a canary (`web.canary`): real legs, through the real port, in rooms of the real topologies.
No proof, a failed one, or one that is too old: legal rooms stay shut until it holds again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

import ledger.record
from core import clock
from core.db import Session
from core.errors import Unavailable
from core.ids import SYSTEM, Ref, new_id
from rooms import directory
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.powers import Topology
from rooms.tables import ProofRow
from scheduler import repository as scheduler

EVERY = timedelta(hours=24)
GOOD_FOR = timedelta(hours=26)  # a day, and time to try again


class ClosedRoomsUnproved(Unavailable):
    code = "closed-rooms-unproved"
    text = (
        "Confidential meetings cannot be held just now: the daily proof that nobody can listen in has failed or is "
        "missing. The administrator has been told. Nothing was opened."
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `figure` is what was measured, `wanted` what it must be."""

    code: str
    figure: int
    wanted: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Proof:
    at: datetime
    node_id: str
    holds: bool
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        return self.holds and clock.now() - self.at < GOOD_FOR


async def enter(session: Session, node_id: str, findings: tuple[Finding, ...]) -> Proof:
    """Keeps a proof, with its entry in the ledger."""
    holds = bool(findings) and all(finding.holds for finding in findings)
    row = ProofRow(
        id=new_id("prf"),
        at=clock.now(),
        node_id=node_id,
        holds=holds,
        findings=[[f.code, f.figure, f.wanted, f.holds] for f in findings],
    )
    session.add(row)
    await session.flush()
    what = "proved" if holds else "proof-failed"
    failed = ",".join(finding.code for finding in findings if not finding.holds)
    ledger.record.record(
        session, f"system:closed-rooms:{what}", actor=SYSTEM, subject=Ref("node", node_id), failed=failed
    )
    return _proof(row)


def _proof(row: ProofRow) -> Proof:
    findings = tuple(Finding(code, figure, wanted, holds) for code, figure, wanted, holds in row.findings)
    return Proof(row.at, row.node_id, row.holds, findings)


async def latest(session: Session, node_id: str = "") -> Proof | None:
    """The last one of this node; without a name, of any."""
    query = select(ProofRow).order_by(ProofRow.at.desc(), ProofRow.id.desc()).limit(1)
    row = await session.scalar(query.where(ProofRow.node_id == node_id) if node_id else query)
    return _proof(row) if row is not None else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether closed rooms may open just now; `text` says it to an operator, with what failed and since when."""

    good: bool
    text: str


async def standing(session: Session) -> Standing:
    """Of all nodes that live; while none does, of the last proof there was. Without a prison there is nothing to
    prove."""
    if not await scheduler.prisons(session):
        return Standing(good=True, text="no prison yet, so nothing to prove")
    living = [node for node, _rooms in await directory.nodes(session)] or [""]
    proofs = [await latest(session, node) for node in living]
    for proof in proofs:
        if proof is None:
            return Standing(good=False, text="not proved yet: no confidential room opens")
        if not proof.good:
            broken = ", ".join(finding.code for finding in proof.findings if not finding.holds) or "too old"
            return Standing(good=False, text=f"no confidential room opens: {broken} ({proof.at.isoformat()})")
    oldest = min(proof.at for proof in proofs if proof is not None)
    return Standing(good=True, text=f"proved {oldest.isoformat()}")


async def demand(session: Session, topology: Topology, node_id: str = "") -> None:
    """Raises `ClosedRoomsUnproved` for a closed room while there is no good proof, of this node if one is named."""
    if topology.confidentiality is Confidentiality.MONITORED or topology.kind is RoomKind.CANARY:
        return
    proof = await latest(session, node_id)
    if proof is None or not proof.good:
        raise ClosedRoomsUnproved
