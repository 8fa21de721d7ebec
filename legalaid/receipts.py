"""The signed receipt of a closed meeting: that it was not recorded and not monitored, to be kept by both sides.

A receipt is canonical JSON (`ledger.chain.canonical`), signed by the installation's key (Ed25519, RFC 8032), in one
file: `{"statement": …, "key_id": …, "signature": base64}`. Whoever has it and the public key can check it without us:
`kinbridge verify receipt FILE`.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import keys
from core.errors import Conflict
from core.keys import PublicKeys, Signer
from ledger.chain import canonical
from legalaid.confidential import BASES
from rooms.agreed import SittingState, SittingView
from rooms.confidentiality import Confidentiality

VERSION = 1
_MONITORED = frozenset({Confidentiality.MONITORED, Confidentiality.OFFICER_PRESENT})


class MeetingNotOver(Conflict):
    code = "meeting-not-over"
    text = "The receipt is written when the meeting is over."


@dataclass(frozen=True, slots=True)
class ReceiptVerdict:
    """`problem`: empty if the receipt is as it was signed."""

    problem: str
    statement: Mapping[str, Any]
    key_id: str = ""

    @property
    def intact(self) -> bool:
        return not self.problem

    def report(self) -> dict[str, Any]:
        if not self.intact:
            return {"intact": False, "problem": self.problem, "text": f"BROKEN receipt: {self.problem}"}
        told = self.statement
        how = "not recorded" if not told["recorded"] else "recorded"
        ears = "not monitored" if not told["monitored"] else "an officer was present"
        text = f"Intact: meeting {told['reference']}, {how}, {ears}; signed by key {self.key_id}"
        return {"intact": True, "key_id": self.key_id, "statement": dict(told), "text": text}


def statement(view: SittingView) -> dict[str, Any]:
    """What is signed. Roles, no names: the receipt may lie about. Raises `MeetingNotOver`."""
    agreed = view.agreed
    if view.state is SittingState.AGREED:
        raise MeetingNotOver
    oversight = agreed.topology.oversight
    return {
        "version": VERSION,
        "meeting": view.id,
        "reference": agreed.reference,
        "kind": agreed.kind.value,
        "confidentiality": agreed.confidentiality.value,
        "basis": view.basis,
        "basis_text": BASES.get(view.basis, ""),
        "parties": sorted(party.role.value for party in agreed.parties),
        "began_at": view.live_at.isoformat() if view.live_at else None,
        "ended_at": view.ended_at.isoformat() if view.ended_at else None,
        "talked_ms": view.used_ms,
        "recorded": oversight.recorder,
        "monitored": agreed.confidentiality in _MONITORED,
        "officer_can_see": oversight.acts is not None,
        "officer_can_hear": oversight.hears,
    }


def sign(view: SittingView, signer: Signer) -> bytes:
    """The receipt as a file. Raises `MeetingNotOver`."""
    told = statement(view)
    signature = base64.b64encode(signer.sign(canonical(told).encode())).decode()
    receipt = {"statement": told, "key_id": signer.key_id, "signature": signature}
    return json.dumps(receipt, ensure_ascii=False, indent=2).encode() + b"\n"


def verify(data: bytes, public_keys: PublicKeys) -> ReceiptVerdict:
    """Never raises: whatever the file is, it gets a verdict."""
    try:
        receipt = json.loads(data)
        told, key_id = receipt["statement"], receipt["key_id"]
        signature = base64.b64decode(receipt["signature"], validate=True)
        message = canonical(told).encode()
        known = bool(told["reference"]) and {"recorded", "monitored"} <= told.keys()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        return ReceiptVerdict("this is not a receipt", {})
    if not known or not isinstance(key_id, str):
        return ReceiptVerdict("this is not a receipt", {})
    if key_id not in public_keys:
        return ReceiptVerdict(f"no public key {key_id} is known", told)
    if not keys.verify(public_keys, key_id, signature, message):
        return ReceiptVerdict("the signature does not fit what it says", told)
    return ReceiptVerdict("", told, key_id)


def verify_file(path: Path, public_keys: PublicKeys) -> ReceiptVerdict:
    try:
        return verify(path.read_bytes(), public_keys)
    except OSError as error:
        return ReceiptVerdict(str(error), {})
