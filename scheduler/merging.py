"""One person who was entered twice: two records become one (F38). One person proposes it, another approves it after
looking at what it does, and it cannot be undone; the old number goes on finding the record that was kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound, Reason, Refused
from core.ids import Ref, new_id
from ledger.record import record
from people import repository as people
from people.model import Inmate, InmateStatus
from people.tables import InmateRow
from scheduler import befalling, carrying, repository
from scheduler.access import DECIDERS, Actor, ref, require, tag
from scheduler.happenings import Kind
from scheduler.merge_table import MergeRow
from scheduler.model import OPEN_STATES, ClaimKind
from scheduler.tables import BookingRow, ClaimRow

_WORDS_LENGTH = 500
APART = Reason(
    "apart-from-each-other",
    "These two are to be kept apart from each other, so they cannot be one person. End that first if it is wrong.",
)
CALL_NEAR = Reason(
    "call-near", "A visit of one of them is about to begin or under way. Wait until it is over."
)


class MergeState(StrEnum):
    ASKED = "asked"
    DONE = "done"
    DROPPED = "dropped"


MOVES: Mapping[MergeState, frozenset[MergeState]] = {
    MergeState.DONE: frozenset({MergeState.ASKED}),
    MergeState.DROPPED: frozenset({MergeState.ASKED}),
}


class BadMerge(Malformed):
    code = "bad-merge"
    text = "Please give the numbers of two different inmates of this prison, and how you know they are one person."
    status = 422


class MergeByAnother(Conflict):
    code = "merge-by-another"
    text = "You proposed this. Somebody else has to look at it and approve it."


class MergeOver(Conflict):
    code = "merge-over"
    text = "This was decided, or one of the records was changed, in the meantime. Look at it again."


@dataclass(frozen=True, slots=True)
class Merge:
    """`gone` becomes `kept`."""

    id: str
    prison_id: str
    kept: Inmate
    gone: Inmate
    words: str
    state: MergeState
    asked_by: Ref
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """`goes`: how many rows of which table go over. `against`: why it cannot be done now."""

    merge: Merge
    goes: Mapping[str, int]
    against: tuple[Reason, ...]


async def ask(
    session: Session, actor: Actor, prison_id: str, kept_number: str, gone_number: str, words: str
) -> str:
    """Proposes it; answers the proposal's id. Raises `BadMerge`, `MergeOver` where the record is proposed already."""
    require(actor, prison_id, DECIDERS)
    kept = await people.find_inmate(session, prison_id, kept_number.strip())
    gone = await people.find_inmate(session, prison_id, gone_number.strip())
    if kept is None or gone is None or kept.id == gone.id or not 0 < len(words.strip()) <= _WORDS_LENGTH:
        raise BadMerge
    if await _rows(session, MergeRow.gone_id.in_((kept.id, gone.id)), MergeRow.state == MergeState.ASKED):
        raise MergeOver
    by = ref(actor)
    row = MergeRow(
        id=new_id("mrg"), prison_id=prison_id, kept_id=kept.id, gone_id=gone.id, words=words.strip(),
        state=MergeState.ASKED, asked_by_kind=by.kind, asked_by_id=by.id, asked_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    await session.flush()
    _enter(session, actor, "proposed", kept.id, gone.id)
    return row.id


async def open_in(session: Session, prison_id: str) -> list[Merge]:
    """What waits for a second person, the oldest first."""
    return await _rows(session, MergeRow.prison_id == prison_id, MergeRow.state == MergeState.ASKED)


async def _rows(session: Session, *where: ColumnElement[bool]) -> list[Merge]:
    rows = await session.scalars(select(MergeRow).where(*where).order_by(MergeRow.asked_at, MergeRow.id))
    return [await _merge(session, row) for row in rows.all()]


async def _merge(session: Session, row: MergeRow) -> Merge:
    kept, gone = await session.get_one(InmateRow, row.kept_id), await session.get_one(InmateRow, row.gone_id)
    by = Ref(row.asked_by_kind, row.asked_by_id)
    both = (people.as_inmate(kept), people.as_inmate(gone))
    return Merge(row.id, row.prison_id, *both, row.words, MergeState(row.state), by, row.asked_at)


async def get(session: Session, actor: Actor, merge_id: str) -> Merge:
    """Raises `NotFound`, also for another prison's."""
    found = await _rows(session, MergeRow.id == merge_id)
    if not found:
        raise NotFound
    require(actor, found[0].prison_id, DECIDERS)
    return found[0]


async def preview(session: Session, actor: Actor, merge_id: str) -> Preview:
    """What approving it would do. Nothing is changed."""
    merge = await get(session, actor, merge_id)
    return Preview(merge, await carrying.counts(session, merge.gone.id), await _against(session, merge))


async def _against(session: Session, merge: Merge) -> tuple[Reason, ...]:
    both = (merge.kept.id, merge.gone.id)
    open_now = await befalling.open_in(session, merge.prison_id)
    apart = any(one.kind is Kind.KEEP_APART and {one.inmate_id, one.other_id} == {*both} for one in open_now)
    now = clock.now()
    near = await repository.views(
        session,
        BookingRow.inmate_id.in_(both),
        BookingRow.state.in_(OPEN_STATES),
        BookingRow.opens_at <= now,
        BookingRow.slot_ends_at > now,
    )
    of_inmate = ClaimRow.kind == ClaimKind.INMATE
    kept_ticks = select(ClaimRow.number).where(of_inmate, ClaimRow.owner_id == merge.kept.id)
    at_once = await session.scalar(
        select(ClaimRow.number)
        .where(of_inmate, ClaimRow.owner_id == merge.gone.id, ClaimRow.number.in_(kept_ticks))
        .limit(1)
    )
    found = ((apart, APART), (bool(near), CALL_NEAR), (at_once is not None, carrying.AT_ONE_TIME))
    return tuple(reason for holds, reason in found if holds)


async def approve(session: Session, actor: Actor, merge_id: str) -> Mapping[str, int]:
    """The second person agrees: everything goes over to the record that is kept. Cannot be undone.

    Raises `MergeByAnother` for who proposed it, `Refused` with what stands against it, `MergeOver`.
    """
    merge = await get(session, actor, merge_id)
    if ref(actor) == merge.asked_by:
        raise MergeByAnother
    await _move(session, actor, merge_id, MergeState.DONE)
    if against := await _against(session, merge):
        raise Refused(against)
    moved = await carrying.carry(session, merge.gone.id, merge.kept.id)
    closed = await session.scalar(
        update(InmateRow)
        .where(InmateRow.id == merge.gone.id, InmateRow.merged_into.is_(None))
        .values(merged_into=merge.kept.id, status=InmateStatus.MERGED)
        .returning(InmateRow.id)
        .execution_options(synchronize_session=False)
    )
    if closed is None:
        raise MergeOver
    await session.execute(
        update(InmateRow).where(InmateRow.merged_into == merge.gone.id).values(merged_into=merge.kept.id)
    )
    session.expire_all()
    _enter(session, actor, "done", merge.kept.id, merge.gone.id, **moved)
    await befalling.look_again(session, actor, merge.prison_id, merge.kept.id)
    return moved


async def drop(session: Session, actor: Actor, merge_id: str) -> None:
    """They are two persons after all; whoever decides may say so. Raises `MergeOver`."""
    merge = await get(session, actor, merge_id)
    await _move(session, actor, merge_id, MergeState.DROPPED)
    _enter(session, actor, "dropped", merge.kept.id, merge.gone.id)


async def _move(session: Session, actor: Actor, merge_id: str, to: MergeState) -> None:
    by = ref(actor)
    moved = await session.scalar(
        update(MergeRow)
        .where(MergeRow.id == merge_id, MergeRow.state.in_(MOVES[to]))
        .values(state=to, decided_by_kind=by.kind, decided_by_id=by.id, decided_at=clock.now())
        .returning(MergeRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise MergeOver


def _enter(session: Session, actor: Actor, what: str, kept: str, gone: str, **moved: int) -> None:
    record(
        session,
        tag(actor, f"inmate-merge:{what}"),
        actor=ref(actor),
        subject=Ref("inmate", kept),
        gone=gone,
        **moved,
    )
