"""Queries of policy: what is in force for a prison or ward at a moment."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, or_, select

from core.db import Session
from policy import model
from policy.model import Draft, Layer, LegalBasis, PolicySet, PolicyUnknown
from policy.tables import PolicyRow, ScopeRow


async def current(session: Session, scope_id: str, at: datetime) -> PolicySet:
    """The merged rules of the prison (or ward) `scope_id` at the moment `at`.

    Raises `PolicyUnknown` for a scope nobody set up, `PolicyIncomplete` when a value is stated by nobody.
    """
    scope = await session.get(ScopeRow, scope_id)
    if scope is None:
        raise PolicyUnknown
    path = scope.path.split("/")
    rows = await session.scalars(
        select(PolicyRow)
        .where(
            PolicyRow.scope_id.in_(path),
            PolicyRow.approved_at.is_not(None),
            PolicyRow.valid_from <= at,
            or_(PolicyRow.valid_to.is_(None), PolicyRow.valid_to > at),
        )
        .order_by(PolicyRow.version)
    )
    newest = {row.scope_id: row for row in rows}
    return model.merge([layer_of(newest[scope_id]) for scope_id in path if scope_id in newest])


async def judged_by(session: Session, version: str) -> PolicySet:
    """The rules that a kept `PolicySet.version` names, as they were; raises `PolicyUnknown`."""
    layers = []
    for part in version.split("+"):
        scope_id, _, number = part.rpartition(".")
        row = await session.scalar(
            select(PolicyRow).where(PolicyRow.scope_id == scope_id, PolicyRow.version == int(number))
        )
        if row is None:
            raise PolicyUnknown
        layers.append(layer_of(row))
    return model.merge(layers)


async def history(session: Session, scope_id: str) -> list[Draft]:
    """Every version of one scope's rules, newest first."""
    rows = await session.scalars(
        select(PolicyRow).where(PolicyRow.scope_id == scope_id).order_by(PolicyRow.version.desc())
    )
    return [_draft_of(row) for row in rows]


async def next_version(session: Session, scope_id: str) -> int:
    highest = await session.scalar(select(func.max(PolicyRow.version)).where(PolicyRow.scope_id == scope_id))
    return (highest or 0) + 1


async def has_preset(session: Session, scope_id: str, preset: str) -> bool:
    """Whether the scope's newest version came from this state of this preset."""
    newest = await session.scalar(
        select(PolicyRow.preset)
        .where(PolicyRow.scope_id == scope_id)
        .order_by(PolicyRow.version.desc())
        .limit(1)
    )
    return newest == preset


def layer_of(row: PolicyRow) -> Layer:
    basis = _basis(row.legal_basis)
    return Layer(row.id, row.scope_id, row.version, row.values, basis)


def _basis(entries: Iterable[object]) -> tuple[LegalBasis, ...]:
    return tuple(LegalBasis.model_validate(entry) for entry in entries)


def _draft_of(row: PolicyRow) -> Draft:
    approved_by = None if row.approved_by_id is None else f"{row.approved_by_kind}:{row.approved_by_id}"
    return Draft(
        layer_of(row), row.valid_from, row.valid_to, f"{row.drafted_by_kind}:{row.drafted_by_id}", approved_by
    )
