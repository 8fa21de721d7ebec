"""What a plan proposes for lawyers' requests: written with the plan, arranged one by one when it is published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from core.db import Database, Session
from core.errors import Conflict, KinbridgeError, Reason, Refused
from core.ids import Ref, new_id
from scheduler import openings, plans
from scheduler.meetings import Meeting, Meetings, call_of
from scheduler.openings import Call
from scheduler.placement import NO_TERMINAL
from scheduler.planning import MeetingOutcome
from scheduler.planning_tables import MeetingProposalRow
from scheduler.plans import Plan, ProposalState


@dataclass(frozen=True, slots=True)
class MeetingProposal:
    id: str
    plan_id: str
    meeting_id: str
    inmate_id: str
    wing_id: str
    minutes: int
    starts_at: datetime | None
    watched: bool
    state: ProposalState
    reasons: tuple[Reason, ...]

    def call_at(self, starts_at: datetime) -> Call:
        return call_of(starts_at, self.minutes, self.wing_id, watched=self.watched)


def write(session: Session, plan: Plan, outcomes: Sequence[MeetingOutcome]) -> None:
    """Beside the plan's other proposals, in its transaction."""
    session.add_all(_row(plan, one, one.meeting) for one in outcomes)


def _row(plan: Plan, one: MeetingOutcome, meeting: Meeting) -> MeetingProposalRow:
    return MeetingProposalRow(
        id=new_id("mpr"),
        plan_id=plan.id,
        meeting_id=meeting.id,
        inmate_id=meeting.inmate_id,
        wing_id=meeting.wing_id,
        minutes=meeting.minutes,
        watched=meeting.watched,
        starts_at=one.starts_at,
        rank=one.rank,
        state=ProposalState.PROPOSED if one.starts_at else ProposalState.LEFT_OUT,
        sitting_id=None,
        reasons=plans.written(one.reasons),
    )


async def of_plan(session: Session, plan_id: str) -> list[MeetingProposal]:
    rows = await session.scalars(
        select(MeetingProposalRow)
        .where(MeetingProposalRow.plan_id == plan_id)
        .order_by(MeetingProposalRow.id)
        .execution_options(populate_existing=True)
    )
    return [
        MeetingProposal(
            row.id,
            row.plan_id,
            row.meeting_id,
            row.inmate_id,
            row.wing_id,
            row.minutes,
            row.starts_at,
            row.watched,
            ProposalState(row.state),
            plans.read_back(row.reasons),
        )
        for row in rows
    ]


async def settle(db: Database, by: Ref, proposal: MeetingProposal, meetings: Meetings) -> bool:
    """As `plans.settle`."""
    return await plans.settle(
        db, by, MeetingProposalRow, proposal, lambda session: apply(session, by, proposal, meetings)
    )


async def apply(session: Session, actor: Ref, proposal: MeetingProposal, meetings: Meetings) -> bool:
    """Arranges what is proposed at the first terminal that is free; False when it was settled before.

    Raises what arranging raises; the caller then notes it as stale.
    """
    starts_at = proposal.starts_at
    applied = ProposalState.APPLIED
    if starts_at is None or not await plans.settled(session, MeetingProposalRow, proposal, applied):
        return False
    refused: KinbridgeError = Refused([NO_TERMINAL])
    for terminal_id in await _free(session, proposal, starts_at):
        try:
            sitting_id = await meetings.arrange(session, actor, proposal.meeting_id, starts_at, terminal_id)
        except Conflict as conflict:
            refused = conflict
            continue
        await session.execute(
            update(MeetingProposalRow)
            .where(MeetingProposalRow.id == proposal.id)
            .values(sitting_id=sitting_id)
            .execution_options(synchronize_session=False)
        )
        plans.enter(session, actor, "plan:applied", proposal, sitting=sitting_id)
        return True
    raise refused


async def _free(session: Session, proposal: MeetingProposal, starts_at: datetime) -> list[str]:
    plan = await plans.get(session, proposal.plan_id)
    return await terminals(session, plan.prison_id, proposal.call_at(starts_at))


async def terminals(session: Session, prison_id: str, call: Call) -> list[str]:
    """The terminals that a lawyers' call could have and that no visit needs, one for such calls alone first."""
    span = (call.starts_at, call.ends_at)
    supply = await openings.supply(session, prison_id, span, ())
    at = supply.moments([call.starts_at])
    left = supply.capacities(at)
    fitting = {
        kept for kept, rows in supply.ways(call, at).items() if all(left.get(row, 1) > 0 for row in rows)
    }
    free = [seat for seat in supply.seats if seat.kept_as in fitting and seat.usable(span)]
    taken = {view.terminal_id for view, _ in supply.booked}
    return [seat.id for seat in sorted(free, key=lambda seat: not seat.use) if seat.id not in taken]
