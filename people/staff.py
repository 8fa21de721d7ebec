"""Staff: invited by an administrator, signed in by password and second factor. Passkeys: `people.passkeys`.

An invitation is a random link handed over in person; it is used once, by whoever sets the password and shows
the first code of the authenticator. Seeds are sealed; a time step is never accepted twice (RFC 6238 section
5.2); recovery codes are kept as keyed digests and work once.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta

import pyotp
from sqlalchemy import func, select, update

from core import clock, log
from core.box import BrokenBoxError
from core.db import Session, after_failure
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import Ref, new_id
from ledger.record import record
from people import challenges, documents, forms, gate, passwords, sessions
from people.challenges import Purpose
from people.errors import ChallengeWrong, InvitationWrong, SignInFailed
from people.forms import StaffForm
from people.means import Caller, Means
from people.model import DocumentKind, Identity, Role, Staff
from people.repository import as_staff
from people.signed_in import SignedIn, sign_in
from people.tables import RecoveryCodeRow, StaffRow

_INVITE_LIFE = timedelta(days=3)
_STEP = 30  # seconds, RFC 6238's default
_DRIFT = 1  # steps before and after, for clocks that are a little wrong
_RECOVERY_CODES = 10
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"  # nothing that is mistaken for another
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Invitation:
    """`token` is shown once, to the administrator."""

    staff_id: str
    token: str


@dataclass(frozen=True, slots=True)
class InvitationView:
    """What the invited person sees: the seed for the authenticator, as text and as otpauth: URI."""

    name: str
    username: str
    totp_secret: str
    totp_uri: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The password was right; `id` goes with the second factor."""

    id: str


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def create_staff(session: Session, by: Ref, form: StaffForm) -> Invitation:
    """An account that waits for its owner. `by` is an administrator, or `SYSTEM` at set-up.

    Raises `Refused` with every field's problem.
    """
    reasons = forms.staff_problems(form)
    username = form.username.strip().lower()
    if await session.scalar(select(StaffRow.id).where(StaffRow.username == username)) is not None:
        reasons.append(forms.reason("username", "taken", "This username is taken."))
    if reasons:
        raise Refused(reasons)
    row = StaffRow(
        id=new_id("stf"),
        kind=form.kind,
        username=username,
        name=forms.clean(form.name),
        roles=" ".join(sorted(forms.staff_roles(form))),
        prison_id=form.prison_id,
        language=form.language,
        active=True,
        password_hash=None,
        totp_sealed=None,
        totp_step=0,
        person_index=None,
        invite_digest=None,
        invite_until=None,
        created_by=str(by),
        created_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    record(session, "admin:account:created", actor=by, subject=Ref(row.kind, row.id), roles=row.roles.split())
    return _invite(row)


async def invite_staff(session: Session, actor: Identity, form: StaffForm) -> Invitation:
    """As `create_staff`, by an administrator: one who is bound to a prison makes accounts for it alone.

    Raises `Forbidden`, `Refused`.
    """
    _require_admin(actor)
    if actor.prison_id is not None and form.prison_id != actor.prison_id:
        raise Forbidden
    return await create_staff(session, actor.subject, form)


async def set_document(
    session: Session, means: Means, by: Ref, staff_id: str, kind: DocumentKind, number: str
) -> None:
    """Notes whose document it is, as a keyed index only: nobody decides on their own family membership."""
    row = await session.get(StaffRow, staff_id)
    if row is None:
        raise NotFound
    forms.raise_all(documents.problems(kind, number, None, clock.now().date()))
    row.person_index = means.documents.index(documents.identity_key(kind, number))
    record(session, "admin:account:identified", actor=by, subject=Ref(row.kind, row.id))


def _invite(row: StaffRow) -> Invitation:
    token = secrets.token_urlsafe(32)
    row.invite_digest = _digest(token)
    row.invite_until = clock.now() + _INVITE_LIFE
    return Invitation(row.id, token)


def _require_admin(actor: Identity) -> None:
    if Role.ADMIN not in actor.roles or not actor.strong:
        raise Forbidden


async def _for_admin(session: Session, actor: Identity, staff_id: str) -> StaffRow:
    """Administrators of one prison see its staff only; those of none see all."""
    _require_admin(actor)
    row = await session.get(StaffRow, staff_id)
    if row is None or (actor.prison_id is not None and row.prison_id != actor.prison_id):
        raise NotFound
    return row


async def reinvite(session: Session, means: Means, actor: Identity, staff_id: str) -> Invitation:
    """For somebody who lost everything: takes password, seed and sessions away and invites anew."""
    row = await _for_admin(session, actor, staff_id)
    row.password_hash = row.totp_sealed = None
    subject = Ref(row.kind, row.id)
    await sessions.revoke_all(session, subject, actor.subject, bus=means.bus)
    record(session, "admin:account:reinvited", actor=actor.subject, subject=subject)
    return _invite(row)


async def set_active(session: Session, means: Means, actor: Identity, staff_id: str, active: bool) -> Staff:
    """Shuts an account (its sessions end at once), or opens it again. Nobody shuts their own."""
    row = await _for_admin(session, actor, staff_id)
    subject = Ref(row.kind, row.id)
    if subject == actor.subject:
        raise Conflict
    row.active = active
    if not active:
        await sessions.revoke_all(session, subject, actor.subject, bus=means.bus)
    record(
        session,
        "admin:account:opened" if active else "admin:account:shut",
        actor=actor.subject,
        subject=subject,
    )
    return as_staff(row)


async def invitation(session: Session, means: Means, caller: Caller, token: str) -> InvitationView:
    """Opens an invitation: makes and shows the seed (a write session). Raises `InvitationWrong`."""
    await gate.anonymous_try(means, caller, "invitation")
    row = await _invited(session, token)
    if row.totp_sealed is None:
        row.totp_sealed = means.totp.seal(pyotp.random_base32().encode(), row.id)
    seed = _seed(means, row)
    uri = pyotp.TOTP(seed).provisioning_uri(name=row.username, issuer_name="Kinbridge")
    return InvitationView(row.name, row.username, seed, uri)


async def _invited(session: Session, token: str) -> StaffRow:
    row = await session.scalar(
        select(StaffRow).where(
            StaffRow.invite_digest == _digest(token), StaffRow.invite_until > clock.now(), StaffRow.active
        )
    )
    if row is None:
        raise InvitationWrong
    return row


def _seed(means: Means, row: StaffRow) -> str:
    if row.totp_sealed is None:
        raise BrokenBoxError
    return means.totp.open(row.totp_sealed, row.id).decode()


async def accept_invitation(
    session: Session, means: Means, caller: Caller, token: str, password: str, code: str
) -> tuple[str, ...]:
    """Sets the password, checks the authenticator, and answers the recovery codes, shown this once.

    Raises `InvitationWrong`, `Refused` (`password-…`, `code-wrong`).
    """
    await gate.anonymous_try(means, caller, "invitation")
    row = await _invited(session, token)
    if row.totp_sealed is None:
        raise InvitationWrong
    reasons = forms.password_problems(password, forms.STAFF_PASSWORD_MIN, row.username, row.name)
    step = fitting_step(_seed(means, row), code)
    if step is None or step <= row.totp_step:
        reasons.append(forms.reason("code", "wrong", "This is not the present code of your authenticator."))
    if reasons or step is None:
        raise Refused(reasons)
    row.password_hash = await passwords.hashed(password)
    row.totp_step = step
    row.invite_digest = row.invite_until = None
    subject = Ref(row.kind, row.id)
    record(session, f"{row.kind}:account:enrolled", actor=subject, subject=subject)
    return await _new_recovery_codes(session, means, row)


async def _new_recovery_codes(session: Session, means: Means, row: StaffRow) -> tuple[str, ...]:
    await session.execute(
        update(RecoveryCodeRow)
        .where(RecoveryCodeRow.staff_id == row.id, RecoveryCodeRow.used_at.is_(None))
        .values(used_at=clock.now())
    )
    codes = tuple("".join(secrets.choice(_ALPHABET) for _ in range(12)) for _ in range(_RECOVERY_CODES))
    session.add_all(
        RecoveryCodeRow(
            id=new_id("rec"), staff_id=row.id, digest=_recovery_digest(means, row.id, code), used_at=None
        )
        for code in codes
    )
    return tuple(f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes)


def _recovery_digest(means: Means, staff_id: str, code: str) -> str:
    return means.codes.index(f"recovery:{staff_id}:{documents.normalised(code).lower()}")


async def new_recovery_codes(session: Session, means: Means, actor: Identity) -> tuple[str, ...]:
    """Replaces one's own recovery codes. Raises `Forbidden` without a second factor shown."""
    row = await session.get(StaffRow, actor.subject.id)
    if row is None or not actor.strong:
        raise Forbidden
    record(session, f"{row.kind}:recovery-codes:made", actor=actor.subject, subject=actor.subject)
    return await _new_recovery_codes(session, means, row)


async def recovery_codes_left(session: Session, staff_id: str) -> int:
    left = select(func.count()).where(RecoveryCodeRow.staff_id == staff_id, RecoveryCodeRow.used_at.is_(None))
    return await session.scalar(left) or 0


def fitting_step(seed: str, code: str) -> int | None:
    """The time step near now whose code this is. All are compared, whichever fits."""
    now = int(clock.now().timestamp()) // _STEP
    totp = pyotp.TOTP(seed)
    given = documents.normalised(code)
    fitting = [
        step
        for step in range(now - _DRIFT, now + _DRIFT + 1)
        if pyotp.utils.strings_equal(totp.at(step * _STEP), given)
    ]
    return fitting[-1] if fitting else None


async def staff_password(
    session: Session, means: Means, caller: Caller, username: str, password: str
) -> Pending:
    """First step. Raises `SignInFailed` for a wrong name and a wrong password alike, and `TooMany`."""
    name = username.strip().lower()
    row = await session.scalar(select(StaffRow).where(StaffRow.username == name))
    account_id = row.id if row else None
    await gate.password_try(session, means, caller, name, account_id)
    fits = await passwords.fits(row.password_hash if row else None, password)
    if row is None or not fits or not row.active or row.totp_sealed is None:
        _log.warning("x password %s", log.fields(account=account_id, network=caller.network_group))
        raise SignInFailed
    await gate.password_passed(session, means, caller, name, row.id)
    pending = await challenges.make(session, Purpose.SECOND_FACTOR, caller.binding, row.id)
    return Pending(pending.id)


async def _second(session: Session, means: Means, caller: Caller, pending_id: str) -> StaffRow:
    """The account that waits for its second factor; uses the waiting up."""
    pending = await challenges.take(session, Purpose.SECOND_FACTOR, caller.binding, pending_id)
    row = await session.get(StaffRow, pending.subject_id or "")
    if row is None or not row.active:
        raise ChallengeWrong
    await gate.second_try(session, means, caller, pending_id, row.id)
    return row


async def staff_totp(session: Session, means: Means, caller: Caller, pending_id: str, code: str) -> SignedIn:
    """Second step. Raises `SignInFailed` (a wrong or used code), `ChallengeWrong`, `TooMany`."""
    row = await _second(session, means, caller, pending_id)
    step = fitting_step(_seed(means, row), code)
    if step is None or not await _use_step(session, row.id, step):
        raise _failed(session, row, caller, "totp")
    return await sign_in(session, caller, Ref(row.kind, row.id), strong=True)


def _failed(session: Session, row: StaffRow, caller: Caller, how: str) -> SignInFailed:
    """Somebody knows the password and not the rest: that is entered, though the transaction fails."""
    subject = Ref(row.kind, row.id)
    _log.warning("x %s %s", how, log.fields(account=row.id, network=caller.network_group))

    async def note(later: Session) -> None:
        record(later, f"{subject.kind}:second-factor:failed", actor=subject, subject=subject, how=how)

    after_failure(session, note)
    return SignInFailed()


async def _use_step(session: Session, staff_id: str, step: int) -> bool:
    used = await session.execute(
        update(StaffRow)
        .where(StaffRow.id == staff_id, StaffRow.totp_step < step)
        .values(totp_step=step)
        .returning(StaffRow.id)
    )
    return used.first() is not None


async def staff_recovery(
    session: Session, means: Means, caller: Caller, pending_id: str, code: str
) -> SignedIn:
    """Second step without the authenticator: a recovery code, once. Raises as `staff_totp`."""
    row = await _second(session, means, caller, pending_id)
    used = await session.execute(
        update(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.staff_id == row.id,
            RecoveryCodeRow.digest == _recovery_digest(means, row.id, code),
            RecoveryCodeRow.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCodeRow.id)
    )
    if used.first() is None:
        raise _failed(session, row, caller, "recovery")
    subject = Ref(row.kind, row.id)
    record(session, f"{row.kind}:recovery-code:used", actor=subject, subject=subject)
    return await sign_in(session, caller, subject, strong=True)
