"""Passkeys of staff (WebAuthn level 2): a key in the person's device, unlocked there, which no page can take.

Sign-in asks for no username, so there is nothing to guess; the authenticator must have verified its user, so
a passkey is both factors. Challenges are answered once, by the browser they were made for.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import webauthn
from sqlalchemy import delete, func, select, update
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core import clock, log
from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people import challenges, forms, gate
from people.challenges import Purpose
from people.errors import AlreadyRegistered, ChallengeWrong, LastKey, SignInFailed
from people.means import Caller, Means
from people.model import Identity
from people.signed_in import SignedIn, sign_in
from people.tables import PasskeyRow, StaffRow

_NAME = "Kinbridge"
# What the library raises for an answer that is wrong, and for one that is not even an answer.
_BROKEN = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PasskeyOptions:
    """`options` is what `navigator.credentials` takes, as JSON; `challenge_id` comes back with its answer."""

    challenge_id: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Passkey:
    """A line of the list of one's own passkeys."""

    id: str
    name: str
    created_at: datetime
    used_at: datetime | None


async def _own(session: Session, actor: Identity) -> StaffRow:
    """Keys are added and removed only by who has shown a second factor in this session."""
    row = await session.get(StaffRow, actor.subject.id)
    if row is None or not actor.strong:
        raise Forbidden
    return row


async def passkey_add_options(
    session: Session, means: Means, actor: Identity, caller: Caller
) -> PasskeyOptions:
    """What the browser needs to make a key for the actor."""
    row = await _own(session, actor)
    known = await session.scalars(select(PasskeyRow.credential_id).where(PasskeyRow.staff_id == row.id))
    challenge = await challenges.make(session, Purpose.PASSKEY_ADD, _binding(actor, caller), row.id)
    options = webauthn.generate_registration_options(
        rp_id=means.rp_id,
        rp_name=_NAME,
        user_id=row.id.encode(),
        user_name=row.username,
        user_display_name=row.name,
        challenge=base64url_to_bytes(challenge.value),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in known],
    )
    return PasskeyOptions(challenge.id, json.loads(webauthn.options_to_json(options)))


def _binding(actor: Identity, caller: Caller) -> str:
    """A key is added in the very session that asked for it."""
    return f"{actor.session_id}:{caller.binding}"


async def passkey_add(
    session: Session,
    means: Means,
    actor: Identity,
    caller: Caller,
    challenge_id: str,
    credential: dict[str, Any],
    name: str,
) -> Passkey:
    """Keeps the key that the browser made. Raises `ChallengeWrong`, `AlreadyRegistered`."""
    row = await _own(session, actor)
    challenge = await challenges.take(session, Purpose.PASSKEY_ADD, _binding(actor, caller), challenge_id)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge.value),
            expected_rp_id=means.rp_id,
            expected_origin=means.origin,
            require_user_verification=True,
        )
    except _BROKEN as error:
        raise ChallengeWrong from error
    credential_id = bytes_to_base64url(made.credential_id)
    if await session.scalar(select(PasskeyRow.id).where(PasskeyRow.credential_id == credential_id)):
        raise AlreadyRegistered
    key = PasskeyRow(
        id=new_id("pky"),
        staff_id=row.id,
        credential_id=credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=forms.clean(name)[:60] or _NAME,
        created_at=clock.now(),
        used_at=None,
    )
    session.add(key)
    record(session, f"{row.kind}:passkey:added", actor=actor.subject, subject=Ref("passkey", key.id))
    return Passkey(key.id, key.name, key.created_at, None)


async def passkeys_of(session: Session, actor: Identity) -> list[Passkey]:
    rows = await session.scalars(
        select(PasskeyRow).where(PasskeyRow.staff_id == actor.subject.id).order_by(PasskeyRow.id)
    )
    return [Passkey(row.id, row.name, row.created_at, row.used_at) for row in rows]


async def passkey_remove(session: Session, actor: Identity, passkey_id: str) -> None:
    """Raises `NotFound` for another's key, `LastKey` for the only second factor."""
    row = await _own(session, actor)
    count = await session.scalar(select(func.count()).where(PasskeyRow.staff_id == row.id))
    if row.totp_sealed is None and count == 1:
        raise LastKey
    gone = await session.execute(
        delete(PasskeyRow)
        .where(PasskeyRow.id == passkey_id, PasskeyRow.staff_id == row.id)
        .returning(PasskeyRow.id)
    )
    if gone.first() is None:
        raise NotFound
    record(session, f"{row.kind}:passkey:removed", actor=actor.subject, subject=Ref("passkey", passkey_id))


async def passkey_sign_in_options(session: Session, means: Means, caller: Caller) -> PasskeyOptions:
    """The same for everybody: no account is named."""
    await gate.anonymous_try(means, caller, "passkey", 60)
    challenge = await challenges.make(session, Purpose.PASSKEY_SIGN_IN, caller.binding)
    options = webauthn.generate_authentication_options(
        rp_id=means.rp_id,
        challenge=base64url_to_bytes(challenge.value),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return PasskeyOptions(challenge.id, json.loads(webauthn.options_to_json(options)))


async def passkey_sign_in(
    session: Session, means: Means, caller: Caller, challenge_id: str, credential: dict[str, Any]
) -> SignedIn:
    """Raises `ChallengeWrong`, `SignInFailed`, `TooMany`."""
    await gate.anonymous_try(means, caller, "passkey", 60)
    challenge = await challenges.take(session, Purpose.PASSKEY_SIGN_IN, caller.binding, challenge_id)
    key = await session.scalar(
        select(PasskeyRow).where(PasskeyRow.credential_id == str(credential.get("id", "")))
    )
    account = await session.get(StaffRow, key.staff_id) if key else None
    if key is None or account is None or not account.active:
        raise SignInFailed
    try:
        shown = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge.value),
            expected_rp_id=means.rp_id,
            expected_origin=means.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except _BROKEN as error:
        _log.warning("x passkey %s", log.fields(passkey=key.id, reason=type(error).__name__))
        raise SignInFailed from error
    await session.execute(
        update(PasskeyRow)
        .where(PasskeyRow.id == key.id, PasskeyRow.sign_count <= shown.new_sign_count)
        .values(sign_count=shown.new_sign_count, used_at=clock.now())
    )
    return await sign_in(session, caller, Ref(account.kind, account.id), strong=True)
