"""Changing one's own authenticator (RFC 6238): the new seed counts only once its first code was shown.

The offer lives in no table: the seed goes to the page sealed for this account, and comes back with the code.
"""

import base64
import binascii
from dataclasses import dataclass

import pyotp

from core.box import BrokenBoxError
from core.db import Session
from core.errors import Forbidden, Refused
from ledger.record import record
from people import forms, gate, sessions
from people.errors import ChallengeWrong
from people.means import Means
from people.model import Identity
from people.staff import fitting_step
from people.tables import StaffRow

_SEED_LENGTH = 32  # base32 characters: 160 bits, RFC 4226 section 4


@dataclass(frozen=True, slots=True)
class Offer:
    """A new seed, as text and otpauth: URI; `sealed` comes back with its first code."""

    secret: str
    uri: str
    sealed: str


def _context(staff_id: str, session_id: str) -> str:
    return f"offer:{staff_id}:{session_id}"


async def _own(session: Session, actor: Identity) -> StaffRow:
    row = await session.get(StaffRow, actor.subject.id)
    if row is None or not actor.strong:
        raise Forbidden
    return row


async def offer(session: Session, means: Means, actor: Identity, sealed: str = "") -> Offer:
    """A fresh seed, or (`sealed` given) the one offered before. Raises `Forbidden`, `ChallengeWrong`."""
    row = await _own(session, actor)
    seed = _opened(means, actor, sealed) if sealed else pyotp.random_base32(_SEED_LENGTH)
    uri = pyotp.TOTP(seed).provisioning_uri(name=row.username, issuer_name="Kinbridge")
    box = means.totp.seal(seed.encode(), _context(row.id, actor.session_id))
    return Offer(seed, uri, base64.urlsafe_b64encode(box).decode())


def _opened(means: Means, actor: Identity, sealed: str) -> str:
    try:
        box = base64.urlsafe_b64decode(sealed)
        return means.totp.open(box, _context(actor.subject.id, actor.session_id)).decode()
    except (BrokenBoxError, binascii.Error, ValueError) as error:
        raise ChallengeWrong from error


async def accept(session: Session, means: Means, actor: Identity, sealed: str, code: str) -> None:
    """Puts the offered seed in the place of the old one; all other sessions end.

    Raises `Refused` (`code-wrong`), `ChallengeWrong` for another session's offer, `TooMany`.
    """
    row = await _own(session, actor)
    await gate.code_try(means, f"authenticator:{row.id}")
    step = fitting_step(_opened(means, actor, sealed), code)
    if step is None:
        text = "This is not the present code of your authenticator."
        raise Refused([forms.reason("code", "wrong", text)])
    row.totp_sealed = means.totp.seal(_opened(means, actor, sealed).encode(), row.id)
    row.totp_step = step
    await sessions.revoke_all(session, actor.subject, actor.subject, bus=means.bus, but=actor.session_id)
    record(session, f"{row.kind}:authenticator:changed", actor=actor.subject, subject=actor.subject)
