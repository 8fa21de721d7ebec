"""Queries of policy: what is in force for a prison or ward at a moment."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.db import Session, UtcDateTime, rows
from policy import model
from policy.model import Draft, Layer, LegalBasis, PolicySet, PolicyUnknown
from policy.tables import PolicyRow, ScopeRow

# Scopes never move and approved versions never change, so both are remembered: what is asked each time is only
# which versions are in force.
_paths: WeakKeyDictionary[object, dict[str, tuple[str, ...]]] = WeakKeyDictionary()
_merged: dict[tuple[str, ...], PolicySet] = {}
_MERGED_MOST = 4096


async def current(session: Session, scope_id: str, at: datetime) -> PolicySet:
    """The merged rules of the prison (or ward) `scope_id` at the moment `at`.

    Raises `PolicyUnknown` for a scope nobody set up, `PolicyIncomplete` when a value is stated by nobody,
    `BadPolicy` when scopes contradict each other.
    """
    path = await path_of(session, scope_id)
    return await _merge(session, await _in_force(session, path, at))


async def _merge(session: Session, in_force: tuple[str, ...]) -> PolicySet:
    found = _merged.get(in_force)
    if found is None:
        found = model.merge(await _layers(session, in_force))
        if len(_merged) >= _MERGED_MOST:
            _merged.clear()
        _merged[in_force] = found
    return found


async def path_of(session: Session, scope_id: str) -> tuple[str, ...]:
    """The scope and those above it, the widest first; raises `PolicyUnknown`."""
    known = _paths.setdefault(session.get_bind().engine, {})
    if scope_id not in known:
        path = await session.scalar(select(ScopeRow.path).where(ScopeRow.id == scope_id))
        if path is None:
            raise PolicyUnknown
        known[scope_id] = tuple(path.split("/"))
    return known[scope_id]


async def _in_force(session: Session, path: tuple[str, ...], at: datetime) -> tuple[str, ...]:
    """The ids of the newest version in force of each scope, in the order of the path."""
    return _newest(path, await rows(session, _IN_FORCE, {"path": list(path), "at": at}))


def _newest(path: Iterable[str], found: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    newest = {row[0]: row[1] for row in found}
    return tuple(newest[scope_id] for scope_id in path if scope_id in newest)


_AT: BindParameter[datetime] = bindparam("at", type_=UtcDateTime())
_VALID = and_(
    PolicyRow.approved_at.is_not(None),
    PolicyRow.valid_from <= _AT,
    or_(PolicyRow.valid_to.is_(None), PolicyRow.valid_to > _AT),
)
# Asked by every page: built once.
_IN_FORCE = (
    select(PolicyRow.scope_id, PolicyRow.id)
    .where(PolicyRow.scope_id.in_(bindparam("path", expanding=True)), _VALID)
    .order_by(PolicyRow.version)
)


class _OnPath(FunctionElement[Any]):
    """Whether a scope (the first argument) is one of a path's. Of no type: SQLite would compare a truth with 1, and
    go through all rows for it."""

    inherit_cache = True


@compiles(_OnPath, "sqlite")
def _on_path_sqlite(element: _OnPath, compiler: SQLCompiler, **options: Any) -> str:
    scope_id, path = (compiler.process(one, **options) for one in element.clauses)
    parts = f"""json_each('["' || replace({path}, '/', '","') || '"]')"""
    return f"{scope_id} IN (SELECT value FROM {parts})"  # noqa: S608 - names of columns


@compiles(_OnPath, "postgresql")
def _on_path_postgresql(element: _OnPath, compiler: SQLCompiler, **options: Any) -> str:
    scope_id, path = (compiler.process(one, **options) for one in element.clauses)
    return f"{scope_id} = ANY (string_to_array({path}, '/'))"


def with_rules(statement: Select[Any], scope_id: Any) -> Select[Any]:
    """A statement whose rows have a scope each, and what is in force there at `:at` in one question: every row as
    often as there are versions in force, at least once, with three more columns for `merged`; older versions first."""
    return (
        statement.add_columns(ScopeRow.path, PolicyRow.scope_id, PolicyRow.id)
        .outerjoin(ScopeRow, ScopeRow.id == scope_id)
        .outerjoin(PolicyRow, and_(_OnPath(PolicyRow.scope_id, ScopeRow.path), _VALID))
        .order_by(PolicyRow.version)
    )


async def merged(session: Session, found: Sequence[Sequence[Any]]) -> PolicySet:
    """The rules that the last three columns of these rows of `with_rules` name, all of one scope; raises as
    `current`."""
    path = found[0][-3]
    if path is None:
        raise PolicyUnknown
    return await _merge(session, _newest(path.split("/"), (row[-2:] for row in found)))


async def _layers(session: Session, policy_ids: tuple[str, ...]) -> list[Layer]:
    found = await session.scalars(select(PolicyRow).where(PolicyRow.id.in_(policy_ids)))
    by_id = {row.id: row for row in found}
    return [layer_of(by_id[policy_id]) for policy_id in policy_ids]


async def layers(session: Session, scope_id: str, at: datetime) -> list[Layer]:
    """What each scope from the widest to this one states at `at`; a scope that states nothing is left out."""
    path = await path_of(session, scope_id)
    return await _layers(session, await _in_force(session, path, at))


async def would_be(session: Session, scope_id: str, draft: Layer, at: datetime) -> PolicySet:
    """The rules of `scope_id` at `at` if `draft`, of it or of a wider scope, were in force by then; a newer version of
    its scope that holds by then comes before it."""
    path = await path_of(session, scope_id)
    standing = {layer.scope_id: layer for layer in await layers(session, scope_id, at)}
    if draft.scope_id not in standing or standing[draft.scope_id].version < draft.version:
        standing[draft.scope_id] = draft
    return model.merge([standing[one] for one in path if one in standing])


async def turns(session: Session) -> dict[str, set[datetime]]:
    """Scope -> when approved versions of what it states begin and end."""
    approved = PolicyRow.approved_at.is_not(None)
    found: dict[str, set[datetime]] = {}
    for scope_id, *moments in await session.execute(
        select(PolicyRow.scope_id, PolicyRow.valid_from, PolicyRow.valid_to).where(approved)
    ):
        found.setdefault(scope_id, set()).update(at for at in moments if at is not None)
    return found


async def one_at_a_time(session: Session, scope_id: str) -> None:
    """Whoever else puts rules of this nation in force waits until the transaction ends: two versions that contradict
    each other would otherwise be approved side by side, neither seeing the other."""
    nation = (await path_of(session, scope_id))[0]
    await session.execute(select(ScopeRow.id).where(ScopeRow.id == nation).with_for_update(key_share=True))


async def below(session: Session, scope_id: str) -> list[tuple[str, str, str]]:
    """(id, kind, title) of the scope itself and every narrower one, the wider before the narrower."""
    path = "/".join(await path_of(session, scope_id))
    found = await session.execute(
        select(ScopeRow.id, ScopeRow.kind, ScopeRow.title)
        .where(or_(ScopeRow.path == path, ScopeRow.path.startswith(f"{path}/", autoescape=True)))
        .order_by(ScopeRow.path)
    )
    return [(row[0], row[1], row[2]) for row in found]


async def draft_of(session: Session, policy_id: str) -> Draft | None:
    row = await session.get(PolicyRow, policy_id)
    return None if row is None else _draft_of(row)


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
    found = await session.scalars(
        select(PolicyRow).where(PolicyRow.scope_id == scope_id).order_by(PolicyRow.version.desc())
    )
    return [_draft_of(row) for row in found]


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
    return Layer(row.id, row.scope_id, row.version, row.values, basis, row.bounds)


def _basis(entries: Iterable[object]) -> tuple[LegalBasis, ...]:
    return tuple(LegalBasis.model_validate(entry) for entry in entries)


def _draft_of(row: PolicyRow) -> Draft:
    approved_by = None if row.approved_by_id is None else f"{row.approved_by_kind}:{row.approved_by_id}"
    drafted_by = f"{row.drafted_by_kind}:{row.drafted_by_id}"
    dropped = row.dropped_at is not None
    return Draft(layer_of(row), row.valid_from, row.valid_to, drafted_by, approved_by, dropped)
