"""Erasing what an account of somebody who works here tells: at once what signs in, and the name once no act needs it.

The row stays under its id, for the ledger and other people's papers point at it. Each step may be done again.
"""

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from core.db import Session
from core.errors import Reason
from core.ids import SYSTEM, Ref
from people import sessions
from people.erasing import ERASED, Share
from people.means import Means
from people.model import StaffKind
from people.tables import KnownDeviceRow, PasskeyRow, RecoveryCodeRow, SessionRow, StaffRow


async def last_administrator(session: Session, ids: Sequence[str]) -> Reason | None:
    """Somebody must be able to let others in."""
    for row in await _rows(session, ids):
        others = select(func.count()).where(
            StaffRow.kind == StaffKind.ADMIN, StaffRow.active, StaffRow.id != row.id
        )
        if row.kind == StaffKind.ADMIN and row.active and not await session.scalar(others):
            return Reason(
                "last-administrator",
                "There is no other administrator. Please have one made first.",
                {"field": "agreed"},
            )
    return None


async def account(session: Session, means: Means, ids: Sequence[str]) -> list[Share]:
    """Password, second factor, passkeys, devices and the document's index go, and the account is shut for good."""
    erased = 0
    rows = await _rows(session, ids)
    for row in rows:
        gone = f"erased:{row.id}"
        if row.username == gone and not row.active:
            continue
        erased += 1
        await sessions.revoke_all(session, Ref(row.kind, row.id), SYSTEM, bus=means.bus)
        await session.flush()
        mine = (SessionRow.subject_kind == row.kind, SessionRow.subject_id == row.id)
        await session.execute(delete(SessionRow).where(*mine))
        await session.execute(delete(KnownDeviceRow).where(KnownDeviceRow.account_id == row.id))
        await session.execute(delete(PasskeyRow).where(PasskeyRow.staff_id == row.id))
        await session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.staff_id == row.id))
        row.active, row.username, row.password_hash = False, gone, None
        row.totp_sealed = row.person_index = row.invite_digest = row.invite_until = None
    return [Share("sign-in", erased)] if rows else []


async def name(session: Session, ids: Sequence[str], why: Share | None) -> list[Share]:
    """The name itself; `why`: what it must still be kept for."""
    rows = await _rows(session, ids)
    if not rows:
        return []
    if why is not None:
        return [Share("staff-name", 0, len(rows), why.why, why.until)]
    named = [row.id for row in rows if row.name != ERASED]
    await session.execute(update(StaffRow).where(StaffRow.id.in_(named)).values(name=ERASED))
    return [Share("staff-name", len(named))]


async def _rows(session: Session, ids: Sequence[str]) -> Sequence[StaffRow]:
    return (await session.scalars(select(StaffRow).where(StaffRow.id.in_(ids)))).all()
