"""The tables of people. Prisons and wings belong to the scheduler above: their ids stand here without a key.

Retention: `one_time_code`, `challenge`, `session` and `known_device` are swept by `people.tasks` when they
have run out; a proof's file is deleted `PROOF_KEPT_DAYS` after its relationship is over. Columns ending in
`_sealed` are boxes of `core.box`; `_index` and `_digest` can be compared but not read back.
"""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base

_LIVE = text("state IN ('pending', 'approved')")


class InmateRow(Base):
    __tablename__ = "inmate"
    __table_args__ = (UniqueConstraint("prison_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    name: Mapped[str]
    prison_id: Mapped[str] = mapped_column(index=True)
    wing_id: Mapped[str]
    level: Mapped[str]
    status: Mapped[str]
    location: Mapped[str] = mapped_column(default="")  # wing-landing-sublanding-cell, as far as it is known
    category: Mapped[str] = mapped_column(default="")  # security category
    convicted: Mapped[bool] = mapped_column(default=True)
    case_type: Mapped[str] = mapped_column(default="")  # kind of case, where policy treats kinds differently
    foreign: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    merged_into: Mapped[str | None]  # the record that goes on, of one who was entered twice


class RelativeRow(Base):
    __tablename__ = "relative"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    phone: Mapped[str | None] = mapped_column(unique=True)  # E.164; None of a minor
    born: Mapped[date]
    document_kind: Mapped[str]
    document_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    document_index: Mapped[str] = mapped_column(unique=True)
    document_hint: Mapped[str]  # masked, for pages
    language: Mapped[str]
    elder: Mapped[bool]
    guardian_id: Mapped[str | None] = mapped_column(ForeignKey("relative.id"), index=True)
    consent_at: Mapped[datetime | None]  # the guardian's consent, for children under CONSENT_AGE
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime]


class StaffRow(Base):
    __tablename__ = "staff"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    username: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str]
    roles: Mapped[str]  # space-separated, sorted
    prison_id: Mapped[str | None] = mapped_column(index=True)
    language: Mapped[str]
    active: Mapped[bool]
    password_hash: Mapped[str | None]
    totp_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_step: Mapped[int]  # the last time step that was used; none is used twice
    person_index: Mapped[str | None]  # as relative.document_index: finds cases of the officer's own family
    invite_digest: Mapped[str | None] = mapped_column(unique=True)
    invite_until: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class PasskeyRow(Base):
    __tablename__ = "passkey"

    id: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    credential_id: Mapped[str] = mapped_column(unique=True)  # base64url
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # COSE
    sign_count: Mapped[int]
    name: Mapped[str]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RecoveryCodeRow(Base):
    __tablename__ = "recovery_code"

    id: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"), index=True)
    digest: Mapped[str]
    used_at: Mapped[datetime | None]


class DeviceRow(Base):
    __tablename__ = "device"

    id: Mapped[str] = mapped_column(primary_key=True)
    prison_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    state: Mapped[str]
    enrol_digest: Mapped[str | None] = mapped_column(unique=True)
    enrol_until: Mapped[datetime | None]
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)  # DER SubjectPublicKeyInfo, P-256
    enrolled_at: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class OneTimeCodeRow(Base):
    """A code sent to a telephone, and afterwards the proof that the telephone is at hand."""

    __tablename__ = "one_time_code"

    id: Mapped[str] = mapped_column(primary_key=True)  # random: it is the browser's side of the binding
    phone: Mapped[str]
    digest: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    register_digest: Mapped[str | None] = mapped_column(unique=True)  # ticket to register this phone
    register_until: Mapped[datetime | None]


class ChallengeRow(Base):
    """Something to be answered once, by the same browser: `binding` is the digest of what only it knows."""

    __tablename__ = "challenge"

    id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    binding: Mapped[str]
    subject_id: Mapped[str | None]
    value: Mapped[str]  # base64url
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class SessionRow(Base):
    __tablename__ = "session"
    __table_args__ = (Index("ix_session_subject", "subject_kind", "subject_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)  # SHA-256 of the token
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    strong: Mapped[bool]
    agent: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    idle_until: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]


class KnownDeviceRow(Base):
    """A browser that signed in to this account before; strangers' tries elsewhere never block it."""

    __tablename__ = "known_device"
    __table_args__ = (UniqueConstraint("account_id", "digest"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    digest: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(index=True)


class RelationshipRow(Base):
    __tablename__ = "relationship"
    __table_args__ = (
        Index(
            "uq_relationship_live",
            "relative_id",
            "inmate_id",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    relative_id: Mapped[str] = mapped_column(ForeignKey("relative.id"))
    inmate_id: Mapped[str] = mapped_column(ForeignKey("inmate.id"), index=True)
    kinship: Mapped[str]
    note: Mapped[str] = mapped_column(Text)
    state: Mapped[str]
    reason: Mapped[str | None]
    words: Mapped[str] = mapped_column(Text)
    guardian_id: Mapped[str | None] = mapped_column(ForeignKey("relative.id"))
    guardian_consent_at: Mapped[datetime | None]
    applied_at: Mapped[datetime]
    decided_by_kind: Mapped[str | None]
    decided_by_id: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class SupplementRow(Base):
    """Papers that an officer found missing from an application. `answered_at`: when the family sent some."""

    __tablename__ = "relationship_supplement"

    id: Mapped[str] = mapped_column(primary_key=True)
    relationship_id: Mapped[str] = mapped_column(ForeignKey("relationship.id"), index=True)
    words: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]  # id of the officer
    answered_at: Mapped[datetime | None]


class ProofRow(Base):
    """`file` is a random name under data_dir/proofs; `digest` is SHA-256 of the plain content."""

    __tablename__ = "proof"

    id: Mapped[str] = mapped_column(primary_key=True)
    relationship_id: Mapped[str] = mapped_column(ForeignKey("relationship.id"), index=True)
    file: Mapped[str] = mapped_column(unique=True)
    media_type: Mapped[str]
    size: Mapped[int]
    digest: Mapped[str]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
