"""Inmate terminals: a browser that an administrator enrolled, known by a key it made and cannot give away.

Enrolment: the administrator makes a one-time code and types it at the terminal; the browser makes an ECDSA
P-256 key pair whose private half is not extractable (Web Cryptography API section 14.3) and hands over the
public half. Sign-in: the browser signs a fresh message. No password is ever typed at the screen.
"""

import base64
import binascii
import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from sqlalchemy import select, update

from core import clock, log
from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people import challenges, documents, forms, gate, sessions
from people.challenges import Purpose
from people.errors import DeviceRefused, EnrolmentWrong
from people.means import Caller, Means
from people.model import Device, DeviceState, Identity, Role
from people.repository import as_device
from people.signed_in import SignedIn, sign_in
from people.tables import DeviceRow

_CODE_LIFE = timedelta(minutes=30)
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceInvitation:
    """`code` is shown once, to the administrator: `K7QM-2W9X-4H`, about 49 random bits."""

    device_id: str
    code: str


@dataclass(frozen=True, slots=True)
class DeviceChallenge:
    """`message` is what the browser signs (its UTF-8 bytes; ECDSA with SHA-256, raw r and s)."""

    id: str
    message: str


def _new(by: Ref, prison_id: str, name: str, state: DeviceState) -> DeviceRow:
    forms.raise_all(forms.name_problems("name", name))
    return DeviceRow(
        id=new_id("trm"),
        prison_id=prison_id,
        name=forms.clean(name),
        state=state,
        enrol_digest=None,
        enrol_until=None,
        public_key=None,
        enrolled_at=clock.now() if state is DeviceState.ENROLLED else None,
        created_by=str(by),
        created_at=clock.now(),
    )


def _digest(code: str) -> str:
    return hashlib.sha256(documents.normalised(code).encode()).hexdigest()


def _require_admin(actor: Identity, prison_id: str) -> None:
    if Role.ADMIN not in actor.roles or not actor.strong or actor.prison_id not in (None, prison_id):
        raise Forbidden


async def register_device(session: Session, by: Ref, prison_id: str, name: str) -> Device:
    """An enrolled terminal that has no key: only a demonstration signs in to it, by one click."""
    row = _new(by, prison_id, name, DeviceState.ENROLLED)
    session.add(row)
    await session.flush()
    record(session, "admin:terminal:enrolled", actor=by, subject=Ref("terminal", row.id), key=False)
    return as_device(row)


async def invite_device(session: Session, actor: Identity, prison_id: str, name: str) -> DeviceInvitation:
    """Makes the one-time code, valid 30 minutes. Raises `Forbidden`, `Refused` (`name-…`)."""
    _require_admin(actor, prison_id)
    row = _new(actor.subject, prison_id, name, DeviceState.INVITED)
    code = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    row.enrol_digest = _digest(code)
    row.enrol_until = clock.now() + _CODE_LIFE
    session.add(row)
    record(session, "admin:terminal:invited", actor=actor.subject, subject=Ref("terminal", row.id))
    return DeviceInvitation(row.id, f"{code[:4]}-{code[4:8]}-{code[8:]}")


async def enrol_device(
    session: Session, means: Means, caller: Caller, code: str, public_key: dict[str, Any] | str
) -> Device:
    """Keeps the browser's public key: a JWK, or SubjectPublicKeyInfo in base64. The code is used up.

    Raises `EnrolmentWrong` for a code or a key that will not do, `TooMany`.
    """
    await gate.anonymous_try(means, caller, "enrol", 20)
    key = _read_key(public_key)
    now = clock.now()
    taken = await session.execute(
        update(DeviceRow)
        .where(
            DeviceRow.enrol_digest == _digest(code),
            DeviceRow.enrol_until > now,
            DeviceRow.state == DeviceState.INVITED,
        )
        .values(
            state=DeviceState.ENROLLED, enrolled_at=now, public_key=key, enrol_digest=None, enrol_until=None
        )
        .returning(DeviceRow.id)
    )
    device_id = taken.scalar()
    if device_id is None:
        raise EnrolmentWrong
    record(
        session,
        "inmate:terminal:enrolled",
        actor=Ref("terminal", device_id),
        subject=Ref("terminal", device_id),
        key=True,
    )
    row = await session.get(DeviceRow, device_id, populate_existing=True)
    if row is None:
        raise EnrolmentWrong
    return as_device(row)


def _read_key(given: dict[str, Any] | str) -> bytes:
    """DER of a P-256 public key; its point is checked to lie on the curve. Raises `EnrolmentWrong`."""
    try:
        if isinstance(given, str):
            key = serialization.load_der_public_key(base64.b64decode(given, validate=True))
        else:
            key = _from_jwk(given)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise EnrolmentWrong from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise EnrolmentWrong
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _from_jwk(jwk: dict[str, Any]) -> ec.EllipticCurvePublicKey:
    """RFC 7517 and 7518 section 6.2.1. A private part (`d`) is refused: it should not have left the browser."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise ValueError("not a public P-256 key")
    x, y = (int.from_bytes(_unpadded(str(jwk[part]))) for part in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


async def device_challenge(session: Session, means: Means, caller: Caller, device_id: str) -> DeviceChallenge:
    """A fresh message to sign; the same kind of answer for a device that there is not."""
    await gate.anonymous_try(means, caller, "terminal", 120)
    row = await challenges.make(session, Purpose.TERMINAL, caller.binding, device_id[:64])
    return DeviceChallenge(row.id, _message(row.value, device_id[:64]))


def _message(value: str, device_id: str) -> str:
    """Says what it is for, so that a signature can serve nothing else."""
    return f"kinbridge terminal sign-in\n{device_id}\n{value}"


async def device_sign_in(
    session: Session, means: Means, caller: Caller, challenge_id: str, signature: str
) -> SignedIn:
    """`signature`: base64 or base64url. Raises `ChallengeWrong`, `DeviceRefused`, `TooMany`."""
    await gate.anonymous_try(means, caller, "terminal", 120)
    challenge = await challenges.take(session, Purpose.TERMINAL, caller.binding, challenge_id)
    row = await session.get(DeviceRow, challenge.subject_id or "")
    if row is None or row.state != DeviceState.ENROLLED or row.public_key is None:
        raise DeviceRefused
    try:
        _verify(row.public_key, signature, _message(challenge.value, row.id).encode())
    except (InvalidSignature, ValueError) as error:
        _log.warning("x terminal %s", log.fields(device=row.id, reason="signature"))
        raise DeviceRefused from error
    return await sign_in(session, caller, Ref("terminal", row.id), strong=True)


def _verify(public_key: bytes, signature: str, message: bytes) -> None:
    """Web Cryptography signs as r || s, 32 bytes each (FIPS 186-5); raises for anything else."""
    raw = _unpadded(signature.replace("+", "-").replace("/", "_").rstrip("="))
    if len(raw) != 64:
        raise ValueError("not a P-256 signature")
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key = serialization.load_der_public_key(public_key)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("only P-256 keys are kept")
    key.verify(der, message, ec.ECDSA(hashes.SHA256()))


async def revoke_device(session: Session, means: Means, actor: Identity, device_id: str) -> Device:
    """Shuts a terminal out at once. Raises `Forbidden`, `NotFound`."""
    row = await session.scalar(select(DeviceRow).where(DeviceRow.id == device_id))
    if row is None:
        raise NotFound
    _require_admin(actor, row.prison_id)
    row.state = DeviceState.REVOKED
    row.public_key = row.enrol_digest = None
    subject = Ref("terminal", row.id)
    await sessions.revoke_all(session, subject, actor.subject, bus=means.bus)
    record(session, "admin:terminal:revoked", actor=actor.subject, subject=subject)
    return as_device(row)
