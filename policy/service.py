"""Use cases of policy: setting up scopes, drafting a version, approving it by a second person."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from core import clock
from core.db import Session
from core.errors import Conflict, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from policy import bounds as bounds_of_scopes
from policy import model, presets, repository
from policy.model import BadPolicy, LegalBasis, PolicyIncomplete, Scope
from policy.presets import Preset
from policy.tables import PolicyRow, ScopeRow
from policy.wording import KNOWN

_ENDLESS = datetime.max.replace(tzinfo=UTC)
PRESET_AUTHOR = "preset"  # the kind of the Ref that stands for the authors of a preset


class SamePerson(Conflict):
    code = "second-person-needed"
    text = "Rules must be approved by another person than the one who wrote them."


async def create_scope(
    session: Session, actor: Ref, scope_id: str, kind: Scope, title: str, parent_id: str | None
) -> None:
    """A scope below `parent_id`. Raises `NotFound` for an unknown parent, `Conflict` if it stands already."""
    parent = None if parent_id is None else await session.get(ScopeRow, parent_id)
    if parent_id is not None and parent is None:
        raise NotFound
    if await session.get(ScopeRow, scope_id) is not None:
        raise Conflict
    path = scope_id if parent is None else f"{parent.path}/{scope_id}"
    session.add(ScopeRow(id=scope_id, kind=kind, path=path, title=title))
    await session.flush()
    record(session, f"{_who(actor)}:policy:scope-created", actor=actor, subject=Ref("policy-scope", scope_id))


async def draft(
    session: Session,
    actor: Ref,
    scope_id: str,
    values: Mapping[str, Any],
    legal_basis: Sequence[LegalBasis],
    *,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    bounds: Mapping[str, Any] | None = None,
) -> str:
    """A new version of what a scope states, without effect until approved; answers its id.

    Raises `BadPolicy` for unknown or wrong values and for what a wider scope does not allow or what contradicts
    other values, `NotFound` for an unknown scope.
    """
    if await session.get(ScopeRow, scope_id) is None:
        raise NotFound
    _check_codes(values)
    begins = valid_from or clock.now()
    if valid_to is not None and valid_to <= begins:
        raise BadPolicy(problem="they end before they begin")
    version = await repository.next_version(session, scope_id)
    row = PolicyRow(
        id=new_id("pol"),
        scope_id=scope_id,
        version=version,
        values=model.check(values),
        legal_basis=[basis.model_dump(mode="json") for basis in legal_basis],
        bounds=_bounds(bounds or {}),
        valid_from=begins,
        valid_to=valid_to,
        drafted_by_kind=actor.kind,
        drafted_by_id=actor.id,
        drafted_at=clock.now(),
    )
    await _within(session, row)
    session.add(row)
    await session.flush()
    record(
        session,
        f"{_who(actor)}:policy:drafted",
        actor=actor,
        subject=Ref("policy", row.id),
        scope=scope_id,
        version=row.version,
    )
    return row.id


async def approve(session: Session, actor: Ref, policy_id: str) -> None:
    """Puts a draft in force. Raises `SamePerson` for its author, `Conflict` if it was approved before."""
    row = await session.get(PolicyRow, policy_id)
    if row is None:
        raise NotFound
    if (row.drafted_by_kind, row.drafted_by_id) == (actor.kind, actor.id):
        raise SamePerson
    await repository.one_at_a_time(session, row.scope_id)
    await _within(session, row)  # a wider scope may have changed since
    done = await session.scalar(
        update(PolicyRow)
        .where(PolicyRow.id == policy_id, PolicyRow.approved_at.is_(None), PolicyRow.dropped_at.is_(None))
        .values(approved_by_kind=actor.kind, approved_by_id=actor.id, approved_at=clock.now())
        .returning(PolicyRow.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise Conflict
    record(
        session,
        f"{_who(actor)}:policy:approved",
        actor=actor,
        subject=Ref("policy", policy_id),
        scope=row.scope_id,
        version=row.version,
    )


def _bounds(stated: Mapping[str, Any]) -> dict[str, Any]:
    clean, problems = bounds_of_scopes.check(stated)
    if problems:
        raise BadPolicy(problem="; ".join(problems))
    return clean


async def _within(session: Session, row: PolicyRow) -> None:
    """Raises `BadPolicy` where the version goes beyond a wider scope, a narrower one then goes beyond it, or the rules
    of one of them could not be used any more: an approved contradiction would take the prison out of use. Looked at
    from now on, and whenever one of the others begins or ends. What is still missing may be stated later."""
    mine, first = repository.layer_of(row), max(row.valid_from, clock.now())
    turns = await repository.turns(session)
    for scope_id, *_ in await repository.below(session, row.scope_id):
        if scope_id != row.scope_id and scope_id not in turns:
            continue
        path = await repository.path_of(session, scope_id)
        later = {at for one in path for at in turns.get(one, ()) if first < at < (row.valid_to or _ENDLESS)}
        for at in (first, *sorted(later)):
            with contextlib.suppress(PolicyIncomplete):
                await repository.would_be(session, scope_id, mine, at)


async def drop(session: Session, actor: Ref, policy_id: str) -> None:
    """Takes a proposal back, by whoever may propose; raises `Conflict` once it is approved or dropped."""
    dropped = await session.scalar(
        update(PolicyRow)
        .where(PolicyRow.id == policy_id, PolicyRow.approved_at.is_(None), PolicyRow.dropped_at.is_(None))
        .values(dropped_by_kind=actor.kind, dropped_by_id=actor.id, dropped_at=clock.now())
        .returning(PolicyRow.scope_id)
        .execution_options(synchronize_session=False)
    )
    if dropped is None:
        raise Conflict if await session.get(PolicyRow, policy_id) else NotFound
    record(
        session,
        f"{_who(actor)}:policy:dropped",
        actor=actor,
        subject=Ref("policy", policy_id),
        scope=dropped,
    )


async def load_preset(session: Session, actor: Ref, name: str) -> str:
    """Makes the preset's scope (and its parents') stand with the preset's values; answers the scope's id.

    `actor` approves what the preset's authors wrote. Doing it again changes nothing.
    """
    preset = presets.load(name)
    parent_id = None if preset.parent is None else await load_preset(session, actor, preset.parent)
    if await session.get(ScopeRow, preset.scope_id) is None:
        await create_scope(session, actor, preset.scope_id, preset.scope, preset.title, parent_id)
    source = f"{preset.name}@{preset.digest[:16]}"
    if not await repository.has_preset(session, preset.scope_id, source):
        await _take(session, actor, preset, source)
    return preset.scope_id


async def _take(session: Session, actor: Ref, preset: Preset, source: str) -> None:
    author = Ref(PRESET_AUTHOR, preset.name)
    policy_id = await draft(
        session,
        author,
        preset.scope_id,
        preset.values,
        preset.legal_basis,
        valid_from=before_set_up(),
        bounds=preset.bounds,
    )
    row = await session.get_one(PolicyRow, policy_id)
    row.preset = source
    await session.flush()
    await approve(session, actor, policy_id)


def before_set_up() -> datetime:
    """From when the rules of a place that is being set up hold: there was nothing before that they could change."""
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def _check_codes(values: Mapping[str, Any]) -> None:
    unknown = [
        f"{name}: {code}"
        for name, known in KNOWN.items()
        for code in values.get(name, ())
        if code not in known
    ]
    if unknown:
        raise BadPolicy(problem=f"codes without a sentence: {', '.join(unknown)}")


def _who(actor: Ref) -> str:
    """The first part of a ledger tag."""
    return actor.kind if actor.kind in ("admin", "officer", "system") else "system"
