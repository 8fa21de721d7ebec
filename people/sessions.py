"""Sessions: kept here, so that they can be listed and revoked; the browser holds a random token only.

The token has 256 random bits; the table knows its SHA-256, so a stolen table signs nobody in. A session ends
at its idle limit, at its absolute limit, when it is revoked, or when its account is no longer active.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from core import clock
from core.bus import Bus
from core.db import Session, after_commit
from core.errors import NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people.model import DeviceState, Identity, Language, Role
from people.tables import DeviceRow, RelativeRow, SessionRow, StaffRow
from policy import repository as policies
from policy.model import BadPolicy, PolicyIncomplete, PolicyUnknown

_AGENT_MAX = 200  # characters of the User-Agent that are kept for the list of sessions
_TOUCH_EVERY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session may lie unused, and how long it may last at all."""

    idle: timedelta
    absolute: timedelta


LIFETIMES: dict[str, Lifetime] = {
    "relative": Lifetime(timedelta(days=7), timedelta(days=30)),
    "officer": Lifetime(timedelta(hours=1), timedelta(hours=12)),
    "counsel": Lifetime(timedelta(hours=1), timedelta(hours=12)),
    "admin": Lifetime(timedelta(minutes=30), timedelta(hours=8)),
    "auditor": Lifetime(timedelta(minutes=30), timedelta(hours=8)),
    "terminal": Lifetime(timedelta(hours=24), timedelta(days=7)),  # signs in anew by its key
}


@dataclass(frozen=True, slots=True)
class SessionView:
    """One line of the list of one's own sessions."""

    id: str
    agent: str
    strong: bool
    created_at: datetime
    seen_at: datetime


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def open_session(session: Session, subject: Ref, *, strong: bool, agent: str) -> tuple[str, Identity]:
    """A new session of an active account: (token, identity). Raises `NotFound` for anybody else."""
    now = clock.now()
    life = LIFETIMES[subject.kind]
    token = secrets.token_urlsafe(32)
    row = SessionRow(
        id=new_id("ses"),
        digest=_digest(token),
        subject_kind=subject.kind,
        subject_id=subject.id,
        strong=strong,
        agent=agent[:_AGENT_MAX],
        created_at=now,
        seen_at=now,
        idle_until=now + life.idle,
        expires_at=now + life.absolute,
    )
    identity = await _identity(session, row)
    if identity is None:
        raise NotFound
    session.add(row)
    tag = f"{_actor_of(subject)}:session:opened"
    record(session, tag, actor=subject, subject=Ref("session", row.id), strong=strong)
    return token, identity


def _actor_of(subject: Ref) -> str:
    """The first part of the ledger's tag for what this subject does."""
    return {"relative": "family", "terminal": "inmate"}.get(subject.kind, subject.kind)


async def resume(session: Session, token: str) -> Identity | None:
    """Whoever holds this token, or None. Reads only: two look-ups by key."""
    row = await session.scalar(select(SessionRow).where(SessionRow.digest == _digest(token)))
    if row is None or not _alive(row, clock.now()):
        return None
    return await _identity(session, row)


async def alive(session: Session, session_id: str) -> bool:
    """Whether the session still holds; for sockets, which have its id only."""
    row = await session.get(SessionRow, session_id, populate_existing=True)
    return row is not None and _alive(row, clock.now())


def _alive(row: SessionRow, now: datetime) -> bool:
    return row.revoked_at is None and now < row.idle_until and now < row.expires_at


async def _identity(session: Session, row: SessionRow) -> Identity | None:
    if row.subject_kind == "relative":
        return await _of_relative(session, row)
    if row.subject_kind == "terminal":
        return await _of_terminal(session, row)
    return await _of_staff(session, row)


async def _of_relative(session: Session, row: SessionRow) -> Identity | None:
    account = await session.get(RelativeRow, row.subject_id)
    if account is None or account.guardian_id is not None:
        return None  # a minor has no account of their own
    return Identity(
        session_id=row.id,
        subject=Ref("relative", account.id),
        roles=frozenset({Role.RELATIVE}),
        name=account.name,
        language=account.language,
        elder=account.elder,
        prison_id=None,
        strong=row.strong,
    )


async def _of_terminal(session: Session, row: SessionRow) -> Identity | None:
    device = await session.get(DeviceRow, row.subject_id)
    if device is None or device.state != DeviceState.ENROLLED:
        return None
    return Identity(
        session_id=row.id,
        subject=Ref("terminal", device.id),
        roles=frozenset({Role.TERMINAL}),
        name=device.name,
        language=await _spoken_in(session, device.prison_id),
        elder=False,
        prison_id=device.prison_id,
        strong=row.strong,
    )


async def _spoken_in(session: Session, prison_id: str) -> str:
    """A terminal is nobody's: it speaks the first of its prison's languages. Where there are no rules yet it has to
    work all the same."""
    try:
        return (await policies.current(session, prison_id, clock.now())).values.languages[0]
    except (PolicyUnknown, PolicyIncomplete, BadPolicy):
        return Language.CHINESE


async def _of_staff(session: Session, row: SessionRow) -> Identity | None:
    account = await session.get(StaffRow, row.subject_id)
    if account is None or not account.active or account.kind != row.subject_kind:
        return None
    return Identity(
        session_id=row.id,
        subject=Ref(account.kind, account.id),
        roles=frozenset(Role(role) for role in account.roles.split()),
        name=account.name,
        language=account.language,
        elder=False,
        prison_id=account.prison_id,
        strong=row.strong,
    )


async def touch(session: Session, session_id: str) -> bool:
    """Puts off the idle limit, at most once a minute; answers whether it wrote. A dead one stays dead."""
    now = clock.now()
    row = await session.get(SessionRow, session_id)
    if row is None or not _alive(row, now):
        return False
    idle_until = min(now + LIFETIMES[row.subject_kind].idle, row.expires_at)
    changed = await session.execute(
        update(SessionRow)
        .where(
            SessionRow.id == session_id,
            SessionRow.revoked_at.is_(None),
            SessionRow.seen_at <= now - _TOUCH_EVERY,
        )
        .values(seen_at=now, idle_until=idle_until)
        .returning(SessionRow.id)
    )
    return changed.first() is not None


async def revoke(session: Session, session_id: str, by: Ref, *, bus: Bus) -> bool:
    """Ends one session at once; sockets hear of it through the bus. False: it had ended before."""
    changed = await session.execute(
        update(SessionRow)
        .where(SessionRow.id == session_id, SessionRow.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .returning(SessionRow.id)
    )
    if changed.first() is None:
        return False
    tag = f"{_actor_of(by)}:session:revoked"
    record(session, tag, actor=by, subject=Ref("session", session_id))

    async def announce() -> None:
        await bus.publish("session", {"session": session_id})

    after_commit(session, announce)
    return True


async def revoke_own(session: Session, session_id: str, actor: Identity, *, bus: Bus) -> bool:
    """As `revoke`, for a session of the actor's own list; raises `NotFound` for another's."""
    row = await session.get(SessionRow, session_id)
    if row is None or Ref(row.subject_kind, row.subject_id) != actor.subject:
        raise NotFound
    return await revoke(session, session_id, actor.subject, bus=bus)


async def revoke_all(session: Session, subject: Ref, by: Ref, *, bus: Bus, but: str | None = None) -> int:
    """Ends every session of `subject` (except `but`, the one in use); answers how many."""
    ended = 0
    for view in await of(session, subject):
        if view.id != but:
            ended += await revoke(session, view.id, by, bus=bus)
    return ended


async def of(session: Session, subject: Ref) -> list[SessionView]:
    """The living sessions of `subject`, the latest used first."""
    now = clock.now()
    rows = await session.scalars(
        select(SessionRow)
        .where(
            SessionRow.subject_kind == subject.kind,
            SessionRow.subject_id == subject.id,
            SessionRow.revoked_at.is_(None),
            SessionRow.idle_until > now,
            SessionRow.expires_at > now,
        )
        .order_by(SessionRow.seen_at.desc(), SessionRow.id.desc())
    )
    return [SessionView(row.id, row.agent, row.strong, row.created_at, row.seen_at) for row in rows]
