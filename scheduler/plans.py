"""Plans of a week: queued, worked out, looked at, published proposal by proposal. States and moves; no work here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Database, Session
from core.errors import Conflict, KinbridgeError, Malformed, NotFound, Reason, Refused, Unavailable
from core.ids import Ref, new_id
from ledger.record import record
from scheduler.access import DECIDERS, Actor, ref, require, tag
from scheduler.planning_tables import MeetingProposalRow, PlanRow, ProposalRow

LEASE = timedelta(seconds=30)
_LONGEST = 35  # days of one plan


class PlanState(StrEnum):
    QUEUED = "queued"
    WORKING = "working"
    READY = "ready"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    STOPPED = "stopped"  # by the officer, before it was ready
    FAILED = "failed"


PLAN_MOVES: Mapping[PlanState, frozenset[PlanState]] = {
    PlanState.QUEUED: frozenset(),
    PlanState.WORKING: frozenset(
        {PlanState.QUEUED, PlanState.WORKING}
    ),  # again, when whoever worked has died
    PlanState.READY: frozenset({PlanState.WORKING}),
    PlanState.PUBLISHING: frozenset({PlanState.READY}),
    PlanState.PUBLISHED: frozenset({PlanState.PUBLISHING}),
    PlanState.STOPPED: frozenset({PlanState.QUEUED, PlanState.WORKING, PlanState.READY}),
    PlanState.FAILED: frozenset({PlanState.QUEUED, PlanState.WORKING}),
}
LIVE = frozenset({PlanState.QUEUED, PlanState.WORKING, PlanState.READY, PlanState.PUBLISHING})
# What is being done, for whoever waits.
STAGES: Mapping[str, str] = {
    "queued": "Waiting for its turn",
    "reading": "Reading wishes, lawyers' requests, times, terminals and rosters",
    "prices": "Working out what each time is worth",
    "search": "Looking for a better plan",
    "writing": "Writing the plan down",
}


class ProposalState(StrEnum):
    PROPOSED = "proposed"
    LEFT_OUT = "left-out"  # the plan has no time for it; `reasons` say why
    APPLIED = "applied"
    STALE = "stale"  # what it was computed on has changed; `reasons` say what stands in the way now


GIVEN = frozenset({ProposalState.PROPOSED, ProposalState.APPLIED})  # has a time


class BadWeek(Malformed):
    code = "bad-week"
    text = "Please choose a first and a last day, five weeks at most, that are not over."
    status = 422


class PlanMoved(Conflict):
    code = "plan-moved"
    text = "This plan has moved on in the meantime. Look at it as it is now."


@dataclass(frozen=True, slots=True)
class Plan:
    """`read`: what it was computed on. `report`: `planning.report`'s figures once it is ready."""

    id: str
    prison_id: str
    first_day: date
    last_day: date
    state: PlanState
    stage: str
    done: int
    read: Mapping[str, Any]
    report: Mapping[str, Any]
    certificate: Mapping[str, Any]
    made_by: Ref
    made_at: datetime
    state_since: datetime

    @property
    def read_at(self) -> datetime:
        """When what it was computed on was read."""
        return datetime.fromisoformat(self.read["at"]) if "at" in self.read else self.made_at

    @property
    def published_by(self) -> Ref:
        """Who pressed, and so decides on what is booked by it: not always who had asked for the plan."""
        return Ref(*self.report["published_by"]) if "published_by" in self.report else self.made_by


@dataclass(frozen=True, slots=True)
class Proposal:
    id: str
    plan_id: str
    wish_id: str
    slot_id: str | None
    rank: int | None
    state: ProposalState
    booking_id: str | None
    reasons: tuple[Reason, ...]


async def ask(session: Session, actor: Actor, prison_id: str, first: date, last: date, today: date) -> Plan:
    """Queues a plan of these days; one that is not published yet for this prison is stopped."""
    require(actor, prison_id, DECIDERS)
    if not max(first, today) <= last or (last - first).days > _LONGEST:
        raise BadWeek
    for old in await find(session, PlanRow.prison_id == prison_id, PlanRow.state.in_(LIVE)):
        await move(session, actor, old.id, PlanState.STOPPED)
    now, by = clock.now(), ref(actor)
    row = PlanRow(
        id=new_id("pln"),
        prison_id=prison_id,
        first_day=max(first, today),
        last_day=last,
        state=PlanState.QUEUED,
        stage="queued",
        done=0,
        lease_until=None,
        read={},
        report={},
        certificate={},
        made_by_kind=by.kind,
        made_by_id=by.id,
        made_at=now,
        state_since=now,
    )
    session.add(row)
    await session.flush()
    subject = Ref("plan", row.id)
    record(
        session, tag(actor, "plan:asked"), actor=by, subject=subject, first=str(row.first_day), last=str(last)
    )
    return await get(session, row.id)


async def get(session: Session, plan_id: str) -> Plan:
    found = await find(session, PlanRow.id == plan_id)
    if not found:
        raise NotFound
    return found[0]


async def find(session: Session, *where: ColumnElement[bool], limit: int | None = None) -> list[Plan]:
    """Plans by conditions on `PlanRow`, the newest first."""
    query = select(PlanRow).where(*where).order_by(PlanRow.id.desc())
    rows = await session.scalars(query.limit(limit).execution_options(populate_existing=True))
    return [
        Plan(
            row.id,
            row.prison_id,
            row.first_day,
            row.last_day,
            PlanState(row.state),
            row.stage,
            row.done,
            row.read,
            row.report,
            row.certificate,
            Ref(row.made_by_kind, row.made_by_id),
            row.made_at,
            row.state_since,
        )
        for row in rows
    ]


async def latest(session: Session, prison_id: str) -> Plan | None:
    """The newest plan of the prison."""
    found = await find(session, PlanRow.prison_id == prison_id, limit=1)
    return found[0] if found else None


async def move(
    session: Session, actor: Actor, plan_id: str, to: PlanState, *only_if: ColumnElement[bool], **values: Any
) -> bool:
    """The one mover of plans; False when it is in no state from which `to` may be reached."""
    now = clock.now()
    moved = await session.scalar(
        update(PlanRow)
        .where(PlanRow.id == plan_id, PlanRow.state.in_(PLAN_MOVES[to]), *only_if)
        .values(state=to, state_since=now, **values)
        .returning(PlanRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        return False
    record(session, tag(actor, f"plan:{to}"), actor=ref(actor), subject=Ref("plan", plan_id))
    return True


async def stop(session: Session, actor: Actor, plan_id: str) -> None:
    """The officer does not want it. Raises `PlanMoved` when it is published, or being so."""
    plan = await get(session, plan_id)
    require(actor, plan.prison_id, DECIDERS)
    if not await move(session, actor, plan_id, PlanState.STOPPED):
        raise PlanMoved


async def publish(session: Session, actor: Actor, plan_id: str) -> None:
    """One press: the worker now applies it proposal by proposal; a second press meanwhile changes nothing. Raises
    `PlanMoved`."""
    plan = await get(session, plan_id)
    require(actor, plan.prison_id, DECIDERS)
    by = ref(actor)
    report = {**plan.report, "published_by": [by.kind, by.id]}  # which is written when it becomes ready
    if plan.state is PlanState.READY and await move(
        session, actor, plan_id, PlanState.PUBLISHING, lease_until=None, report=report
    ):
        return
    if (await get(session, plan_id)).state is not PlanState.PUBLISHING:
        raise PlanMoved


async def proposals(session: Session, plan_id: str) -> list[Proposal]:
    rows = await session.scalars(
        select(ProposalRow)
        .where(ProposalRow.plan_id == plan_id)
        .order_by(ProposalRow.id)
        .execution_options(populate_existing=True)
    )
    return [
        Proposal(
            row.id,
            row.plan_id,
            row.wish_id,
            row.slot_id,
            row.rank,
            ProposalState(row.state),
            row.booking_id,
            read_back(row.reasons),
        )
        for row in rows
    ]


class Proposed(Protocol):
    """What a plan proposes, to a family or to a lawyer."""

    @property
    def id(self) -> str: ...
    @property
    def plan_id(self) -> str: ...


_Table = type[ProposalRow] | type[MeetingProposalRow]


async def settle(
    db: Database, by: Ref, table: _Table, one: Proposed, apply: Callable[[Session], Awaitable[bool]]
) -> bool:
    """One proposal in one transaction; what stands in its way now is noted with every reason in another. Raises
    `Unavailable` where only the database was in the way: whoever goes on with the plan tries again."""
    try:
        async with db.write() as session:
            return await apply(session)
    except Refused as refused:
        reasons = refused.reasons
    except KinbridgeError as error:
        if type(error) is Unavailable:  # and not that some part of the prison's data is
            raise
        reasons = (error.reason,)
    async with db.write() as session:
        if await settled(session, table, one, ProposalState.STALE, reasons=written(reasons)):
            enter(session, by, "plan:stale", one, reasons=[reason.code for reason in reasons])
    return False


async def settled(session: Session, table: _Table, one: Proposed, to: ProposalState, **values: Any) -> bool:
    """Moves a proposal that nobody has settled; False when somebody has."""
    moved = await session.scalar(
        update(table)
        .where(table.id == one.id, table.state == ProposalState.PROPOSED)
        .values(state=to, **values)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return moved is not None


def enter(session: Session, actor: Ref, what: str, one: Proposed, **details: Any) -> None:
    subject = Ref("proposal", one.id)
    record(session, tag(actor, what), actor=actor, subject=subject, plan=one.plan_id, **details)


def written(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Reasons as they are kept with a proposal."""
    return [{"code": one.code, "text": one.text, "params": one.params} for one in reasons]


def read_back(reasons: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    """The reasons that `written` wrote."""
    return tuple(Reason(one["code"], one["text"], one["params"]) for one in reasons)
