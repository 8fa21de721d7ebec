"""Browsers that an account has been used on. A guess made elsewhere never shuts them out."""

import hashlib
import secrets

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.ids import new_id
from people.tables import KnownDeviceRow

_NOBODY = "-"  # looked up for an account that is not there, so that the work is the same


def new_token() -> str:
    """The value of the device cookie of a browser that has none."""
    return secrets.token_urlsafe(32)


def _digest(account_id: str, device: str) -> str:
    """Bound to the account, so that the table does not tell which accounts share a browser."""
    return hashlib.sha256(f"{account_id}:{device}".encode()).hexdigest()


async def is_known(session: Session, account_id: str | None, device: str) -> bool:
    """Whether this account was signed in to on this browser before."""
    account = account_id or _NOBODY
    found = await session.scalar(
        select(KnownDeviceRow.id).where(
            KnownDeviceRow.account_id == account, KnownDeviceRow.digest == _digest(account, device)
        )
    )
    return bool(device) and found is not None


async def remember(session: Session, account_id: str, device: str) -> None:
    """After a sign-in that needed more than a password."""
    if not device:
        return
    digest = _digest(account_id, device)
    seen = await session.execute(
        update(KnownDeviceRow)
        .where(KnownDeviceRow.account_id == account_id, KnownDeviceRow.digest == digest)
        .values(seen_at=clock.now())
        .returning(KnownDeviceRow.id)
    )
    if seen.first() is None:
        session.add(
            KnownDeviceRow(id=new_id("dev"), account_id=account_id, digest=digest, seen_at=clock.now())
        )
