"""Queries of people. They answer whoever asks: services narrow them by the asking actor."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Select, func, select

from core.db import Session
from core.ids import Ref
from people.model import (
    LIVE_RELATIONSHIPS,
    Device,
    DeviceState,
    DocumentKind,
    Inmate,
    InmateStatus,
    Kinship,
    Proof,
    Relationship,
    RelationshipState,
    Relative,
    Role,
    Staff,
    StaffKind,
)
from people.phones import masked
from people.tables import DeviceRow, InmateRow, ProofRow, RelationshipRow, RelativeRow, StaffRow

_FIELDS = tuple(one.name for one in fields(Inmate))
INMATE: tuple[Any, ...] = tuple(getattr(InmateRow, name) for name in _FIELDS)


def inmate_of(values: Iterable[Any]) -> Inmate:
    """From what the columns of `INMATE` answer."""
    found = dict(zip(_FIELDS, values, strict=True))
    return Inmate(**(found | {"status": InmateStatus(found["status"])}))


def as_inmate(row: InmateRow) -> Inmate:
    return inmate_of(getattr(row, name) for name in _FIELDS)


def as_relative(row: RelativeRow) -> Relative:
    return Relative(
        id=row.id,
        name=row.name,
        phone=masked(row.phone) if row.phone else "",
        born=row.born,
        document_kind=DocumentKind(row.document_kind),
        document=row.document_hint,
        language=row.language,
        elder=row.elder,
        guardian_id=row.guardian_id,
        has_password=row.password_hash is not None,
        created_at=row.created_at,
    )


def as_staff(row: StaffRow) -> Staff:
    return Staff(
        id=row.id,
        kind=StaffKind(row.kind),
        username=row.username,
        name=row.name,
        roles=frozenset(Role(role) for role in row.roles.split()),
        prison_id=row.prison_id,
        language=row.language,
        active=row.active,
        enrolled=row.password_hash is not None,
        created_at=row.created_at,
    )


def as_device(row: DeviceRow) -> Device:
    return Device(row.id, row.prison_id, row.name, DeviceState(row.state), row.enrolled_at)


def as_proof(row: ProofRow) -> Proof:
    return Proof(row.id, row.relationship_id, row.media_type, row.size, row.created_at)


async def inmate(session: Session, inmate_id: str) -> Inmate | None:
    row = await session.get(InmateRow, inmate_id)
    return as_inmate(row) if row else None


async def find_inmate(session: Session, prison_id: str, number: str) -> Inmate | None:
    """By the number that is unique in the prison; the number of a record that was merged finds the one that goes on."""
    row = await session.scalar(
        select(InmateRow).where(InmateRow.prison_id == prison_id, InmateRow.number == number)
    )
    if row is not None and row.merged_into is not None:
        row = await session.get(InmateRow, row.merged_into)
    return as_inmate(row) if row else None


async def inmates_by_wing(session: Session, prison_id: str) -> dict[str, int]:
    """Wing -> how many inmates it has; one that was entered twice counts once."""
    rows = await session.execute(
        select(InmateRow.wing_id, func.count())
        .where(InmateRow.prison_id == prison_id, InmateRow.merged_into.is_(None))
        .group_by(InmateRow.wing_id)
    )
    return {row[0]: row[1] for row in rows}


async def relative(session: Session, relative_id: str) -> Relative | None:
    row = await session.get(RelativeRow, relative_id)
    return as_relative(row) if row else None


async def minors_of(session: Session, guardian_id: str) -> list[Relative]:
    """The minors whom this account looks after."""
    rows = await session.scalars(
        select(RelativeRow).where(RelativeRow.guardian_id == guardian_id).order_by(RelativeRow.id)
    )
    return [as_relative(row) for row in rows]


async def staff(session: Session, staff_id: str) -> Staff | None:
    row = await session.get(StaffRow, staff_id)
    return as_staff(row) if row else None


async def staff_of(session: Session, prison_id: str | None) -> list[Staff]:
    """All staff of a prison; `None`: everybody."""
    query = select(StaffRow).order_by(StaffRow.username)
    if prison_id is not None:
        query = query.where(StaffRow.prison_id == prison_id)
    return [as_staff(row) for row in await session.scalars(query)]


async def find_staff(session: Session, username: str) -> Staff | None:
    row = await session.scalar(select(StaffRow).where(StaffRow.username == username.strip().lower()))
    return as_staff(row) if row else None


async def terminal_device(session: Session, device_id: str) -> Device | None:
    row = await session.get(DeviceRow, device_id)
    return as_device(row) if row else None


async def devices_of(session: Session, prison_id: str) -> list[Device]:
    """The terminals' devices of a prison, revoked ones included."""
    rows = await session.scalars(
        select(DeviceRow).where(DeviceRow.prison_id == prison_id).order_by(DeviceRow.id)
    )
    return [as_device(row) for row in rows]


def _pairs() -> Select[RelationshipRow, RelativeRow, InmateRow]:
    return (
        select(RelationshipRow, RelativeRow, InmateRow)
        .join(RelativeRow, RelativeRow.id == RelationshipRow.relative_id)
        .join(InmateRow, InmateRow.id == RelationshipRow.inmate_id)
    )


async def _views(
    session: Session, query: Select[RelationshipRow, RelativeRow, InmateRow]
) -> list[Relationship]:
    found = (await session.execute(query)).all()
    proofs: dict[str, list[str]] = {}
    for row in await proof_rows(session, [row[0].id for row in found]):
        proofs.setdefault(row.relationship_id, []).append(row.id)
    return [_view(*row, tuple(proofs.get(row[0].id, ()))) for row in found]


def _view(
    row: RelationshipRow, visitor: RelativeRow, held: InmateRow, proof_ids: tuple[str, ...]
) -> Relationship:
    decided_by = None
    if row.decided_by_kind and row.decided_by_id:
        decided_by = Ref(row.decided_by_kind, row.decided_by_id)
    return Relationship(
        id=row.id,
        relative_id=visitor.id,
        relative_name=visitor.name,
        relative_born=visitor.born,
        inmate_id=held.id,
        inmate_name=held.name,
        inmate_number=held.number,
        prison_id=held.prison_id,
        wing_id=held.wing_id,
        kinship=Kinship(row.kinship),
        note=row.note,
        state=RelationshipState(row.state),
        reason=row.reason,
        words=row.words,
        guardian_id=row.guardian_id,
        guardian_consent_at=row.guardian_consent_at,
        proof_ids=proof_ids,
        applied_at=row.applied_at,
        decided_by=decided_by,
        decided_at=row.decided_at,
    )


async def proof_rows(session: Session, relationship_ids: Iterable[str]) -> Sequence[ProofRow]:
    """The proofs of these relationships whose files still exist, oldest first."""
    query = select(ProofRow).where(
        ProofRow.relationship_id.in_(list(relationship_ids)), ProofRow.deleted_at.is_(None)
    )
    return (await session.scalars(query.order_by(ProofRow.id))).all()


async def relationship_by_id(session: Session, relationship_id: str) -> Relationship | None:
    views = await _views(session, _pairs().where(RelationshipRow.id == relationship_id))
    return views[0] if views else None


async def relationship(session: Session, relative_id: str, inmate_id: str) -> Relationship | None:
    """The live (pending or approved) one between the two, otherwise the latest."""
    query = _pairs().where(RelationshipRow.relative_id == relative_id, RelationshipRow.inmate_id == inmate_id)
    views = await _views(
        session, query.order_by(RelationshipRow.applied_at.desc(), RelationshipRow.id.desc())
    )
    live = [view for view in views if view.state in LIVE_RELATIONSHIPS]
    return next(iter(live or views), None)


async def relationships_of(session: Session, relative_id: str) -> list[Relationship]:
    """A relative's own and those of the minors in the same account, newest first."""
    query = _pairs().where((RelativeRow.id == relative_id) | (RelativeRow.guardian_id == relative_id))
    return await _views(session, query.order_by(RelationshipRow.applied_at.desc(), RelationshipRow.id.desc()))


async def approved_of_inmate(session: Session, inmate_id: str) -> list[Relationship]:
    """Everybody who may visit this inmate: from these the visitors of a booking are chosen."""
    query = _pairs().where(
        RelationshipRow.inmate_id == inmate_id, RelationshipRow.state == RelationshipState.APPROVED
    )
    return await _views(session, query.order_by(RelationshipRow.applied_at, RelationshipRow.id))


async def pending_relationships(session: Session, prison_id: str) -> list[Relationship]:
    """What waits for an officer of this prison, oldest first."""
    query = _pairs().where(
        InmateRow.prison_id == prison_id, RelationshipRow.state == RelationshipState.PENDING
    )
    return await _views(session, query.order_by(RelationshipRow.applied_at, RelationshipRow.id))


async def decided_relationships(session: Session, prison_id: str, limit: int) -> list[Relationship]:
    """What was decided last of the relationships with inmates of this prison, the newest first."""
    query = _pairs().where(
        InmateRow.prison_id == prison_id, RelationshipRow.state != RelationshipState.PENDING
    )
    newest = func.coalesce(RelationshipRow.decided_at, RelationshipRow.applied_at).desc()
    return await _views(session, query.order_by(newest, RelationshipRow.id.desc()).limit(limit))
