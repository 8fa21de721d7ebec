"""Something that the same browser must answer, once, within minutes: second factors, passkeys, terminals."""

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import update

from core import clock
from core.db import Session
from people.errors import ChallengeWrong
from people.tables import ChallengeRow

_LIFE = timedelta(minutes=5)


class Purpose(StrEnum):
    SECOND_FACTOR = "second-factor"
    PASSKEY_SIGN_IN = "passkey-sign-in"
    PASSKEY_ADD = "passkey-add"
    TERMINAL = "terminal"


def _digest(binding: str) -> str:
    return hashlib.sha256(binding.encode()).hexdigest()


async def make(
    session: Session, purpose: Purpose, binding: str, subject_id: str | None = None
) -> ChallengeRow:
    """A challenge of 256 random bits, bound to what only this browser holds."""
    row = ChallengeRow(
        id=secrets.token_urlsafe(16),
        purpose=purpose,
        binding=_digest(binding),
        subject_id=subject_id,
        value=secrets.token_urlsafe(32),
        expires_at=clock.now() + _LIFE,
        used_at=None,
    )
    session.add(row)
    await session.flush()
    return row


async def take(session: Session, purpose: Purpose, binding: str, challenge_id: str) -> ChallengeRow:
    """Uses the challenge up: it can be answered once. If the transaction fails, it is unused again, so the
    caller counts tries elsewhere. Raises `ChallengeWrong` for another's, a used or a run-out one.
    """
    now = clock.now()
    taken = await session.execute(
        update(ChallengeRow)
        .where(
            ChallengeRow.id == challenge_id,
            ChallengeRow.purpose == purpose,
            ChallengeRow.binding == _digest(binding),
            ChallengeRow.used_at.is_(None),
            ChallengeRow.expires_at > now,
        )
        .values(used_at=now)
        .returning(ChallengeRow.id)
    )
    row = await session.get(ChallengeRow, challenge_id) if taken.first() else None
    if row is None or not binding:
        raise ChallengeWrong
    return row
