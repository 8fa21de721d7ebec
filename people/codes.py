"""Relatives sign in: a code to the telephone, or a password on a browser the account knows.

Whoever asks for a code gets the same answer whether or not the number has an account: the code is sent either
way, and only who holds the telephone learns more. A code belongs to the browser that asked for it, so nobody
can spend the tries of another's code.
"""

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from core import clock, log
from core.db import Session
from core.errors import Refused
from core.ids import Ref
from ledger.record import record
from notices import outbox
from people import documents, forms, gate, passwords, phones
from people.errors import CodeWrong, RegistrationLapsed, SignInFailed, UseCode
from people.known import is_known
from people.means import Caller, Means
from people.signed_in import SignedIn, sign_in
from people.tables import OneTimeCodeRow, RelativeRow

_CODE_LIFE = timedelta(minutes=5)
_TICKET_LIFE = timedelta(minutes=30)  # to fill in the registration, papers in hand
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CodeAsked:
    """`id` goes back with the code (a hidden field); `seconds` the code lives; `phone` is masked."""

    id: str
    seconds: int
    phone: str


@dataclass(frozen=True, slots=True)
class RegisterTicket:
    """The telephone is proved, and has no account yet. `ticket` goes back with the registration form."""

    ticket: str
    phone: str  # masked


def _read_phone(entered: str) -> str:
    phone = phones.normalised(entered)
    if phone is None:
        raise Refused([forms.reason("phone", "invalid", "This is not a telephone number.")])
    return phone


async def _account(session: Session, phone: str) -> RelativeRow | None:
    return await session.scalar(select(RelativeRow).where(RelativeRow.phone == phone))


async def ask_code(session: Session, means: Means, caller: Caller, phone: str) -> CodeAsked:
    """Sends a code. Raises `Refused` (`phone-invalid`) or `TooMany`."""
    number = _read_phone(phone)
    account = await _account(session, number)
    await gate.code_request(session, means, caller, number, account.id if account else None)
    code = f"{secrets.randbelow(1_000_000):06d}"
    row = OneTimeCodeRow(
        id=secrets.token_urlsafe(16),
        phone=number,
        digest="",
        expires_at=clock.now() + _CODE_LIFE,
        used_at=None,
        register_digest=None,
        register_until=None,
    )
    row.digest = _code_digest(means, caller, row.id, code)
    session.add(row)
    await outbox.post(
        session,
        to=Ref("phone", row.id),
        address=number,
        template="code",
        language=caller.language,
        params={"code": code, "minutes": _CODE_LIFE.seconds // 60},
        expires=row.expires_at,
    )
    return CodeAsked(row.id, _CODE_LIFE.seconds, phones.masked(number))


def _code_digest(means: Means, caller: Caller, code_id: str, code: str) -> str:
    """Keyed, because a million codes are hashed in a moment; bound to the browser that asked."""
    return means.codes.index(f"{code_id}:{caller.binding}:{code}")


async def redeem_code(
    session: Session, means: Means, caller: Caller, code_id: str, code: str
) -> SignedIn | RegisterTicket:
    """Signs in, or opens the way to register. Raises `CodeWrong`, and `TooMany` after five tries."""
    await gate.code_try(means, code_id)
    row = await session.get(OneTimeCodeRow, code_id)
    given = _code_digest(means, caller, code_id, documents.normalised(code))
    fits = hmac.compare_digest(given, row.digest if row else _code_digest(means, caller, code_id, ""))
    if row is None or not fits or not await _use(session, row.id, clock.now()):
        _log.warning("x code %s", log.fields(reason="wrong", network=caller.network_group))
        raise CodeWrong
    account = await _account(session, row.phone)
    if account is not None:
        return await sign_in(session, caller, Ref("relative", account.id), strong=False)
    ticket = secrets.token_urlsafe(32)
    row.register_digest = hashlib.sha256(ticket.encode()).hexdigest()
    row.register_until = clock.now() + _TICKET_LIFE
    return RegisterTicket(ticket, phones.masked(row.phone))


async def _use(session: Session, code_id: str, now: datetime) -> bool:
    used = await session.execute(
        update(OneTimeCodeRow)
        .where(
            OneTimeCodeRow.id == code_id, OneTimeCodeRow.used_at.is_(None), OneTimeCodeRow.expires_at > now
        )
        .values(used_at=now)
        .returning(OneTimeCodeRow.id)
    )
    return used.first() is not None


async def take_ticket(session: Session, ticket: str) -> str:
    """The telephone number that a registration ticket proves; the ticket is used up with the transaction.

    Raises `RegistrationLapsed`.
    """
    now = clock.now()
    taken = await session.execute(
        update(OneTimeCodeRow)
        .where(
            OneTimeCodeRow.register_digest == hashlib.sha256(ticket.encode()).hexdigest(),
            OneTimeCodeRow.register_until > now,
        )
        .values(register_digest=None)
        .returning(OneTimeCodeRow.phone)
    )
    phone = taken.scalar()
    if phone is None:
        raise RegistrationLapsed
    return phone


async def sign_in_password(
    session: Session, means: Means, caller: Caller, phone: str, password: str
) -> SignedIn:
    """For browsers the account knows. Everybody else is asked for a code, account or not.

    Raises `UseCode`, `SignInFailed`, `TooMany`, `Refused` (`phone-invalid`).
    """
    number = _read_phone(phone)
    account = await _account(session, number)
    account_id = account.id if account else None
    await gate.password_try(session, means, caller, number, account_id)
    if account is None or not await is_known(session, account_id, caller.device):
        raise UseCode
    if not await passwords.fits(account.password_hash, password):
        _log.warning("x password %s", log.fields(account=account.id, network=caller.network_group))
        raise SignInFailed
    await gate.password_passed(session, means, caller, number, account.id)
    signed = await sign_in(session, caller, Ref("relative", account.id), strong=False)
    record(
        session,
        "family:account:signed-in",
        actor=signed.identity.subject,
        subject=signed.identity.subject,
        by="password",
    )
    return signed
