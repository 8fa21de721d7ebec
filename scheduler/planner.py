"""What the worker does with plans: works them out, and publishes them proposal by proposal.

A plan that is being worked on has a lease: when its process dies another takes over and begins anew, nothing has been
written. Publishing is a chain of small transactions, each of which applies one proposal or says why it cannot: after
a `kill -9` in the middle it goes on where it stopped, and nothing is booked twice.
"""

import contextlib
import logging
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, update

from core import clock
from core.db import Database, Session
from core.errors import KinbridgeError, Reason, Refused
from core.ids import SYSTEM, Ref, new_id
from core.log import fields
from scheduler import (
    access,
    befalling,
    booking,
    booths,
    decision,
    inviting,
    meeting_proposals,
    offering,
    picking,
    planning,
    plans,
    repository,
    solving,
    wishes,
)
from scheduler.meetings import Meetings, NoMeetings
from scheduler.model import VisitorChoice
from scheduler.picking import Purpose
from scheduler.planning import MeetingOutcome, Outcome, Week
from scheduler.planning_tables import PlanRow, ProposalRow
from scheduler.plans import LEASE, Plan, PlanState, Proposal, ProposalState
from scheduler.wishes import WishState

_log = logging.getLogger(__name__)
NO_MEETINGS = NoMeetings()
WISH_OVER = Reason(
    "wish-ended",
    "This request is over: the family has withdrawn it, it has been met already, or the inmate has left.",
)


async def work(db: Database, meetings: Meetings = NO_MEETINGS) -> int:
    """Works out the plan that waits longest, if there is one; answers how many became ready."""
    async with db.read() as session:
        waiting = or_(
            PlanRow.state == PlanState.QUEUED,
            and_(PlanRow.state == PlanState.WORKING, PlanRow.lease_until <= clock.now()),
        )
        plan_id = await session.scalar(select(PlanRow.id).where(waiting).order_by(PlanRow.id).limit(1))
    if plan_id is None or not await _lease(db, plan_id):
        return 0
    try:
        return await _work_out(db, plan_id, meetings)
    except (solving.EngineFailed, KinbridgeError) as error:
        _log.exception("x plan not worked out %s", fields(plan=plan_id))
        async with db.write() as session:
            await plans.move(session, SYSTEM, plan_id, PlanState.FAILED, report={"problem": str(error)})
        return 0


async def _lease(db: Database, plan_id: str) -> bool:
    async with db.write() as session:
        free = or_(PlanRow.state == PlanState.QUEUED, PlanRow.lease_until <= clock.now())
        until = clock.now() + LEASE
        return await plans.move(
            session, SYSTEM, plan_id, PlanState.WORKING, free, lease_until=until, stage="reading", done=0
        )


async def _work_out(db: Database, plan_id: str, meetings: Meetings) -> int:
    async with db.read() as session:
        week = await planning.read(session, await plans.get(session, plan_id), meetings)
    posed = planning.pose(week)
    answer: dict[str, Any] = {}
    async with contextlib.aclosing(solving.solve(posed.problem)) as said:
        async for line in said:
            if "chosen" in line:
                answer = line
            elif not await _say(db, plan_id, line["stage"], line["percent"]):
                return 0  # stopped by an officer: leaving ends the engine
    visits, legal = planning.outcomes(week, posed, answer["chosen"])
    async with db.write() as session:
        return int(await _write(session, week, visits, legal, answer))


async def _say(db: Database, plan_id: str, stage: str, percent: int) -> bool:
    """Notes the progress and renews the lease; False when nobody wants the plan any more."""
    async with db.write() as session:
        wanted = await session.scalar(
            update(PlanRow)
            .where(PlanRow.id == plan_id, PlanRow.state == PlanState.WORKING)
            .values(stage=stage, done=percent, lease_until=clock.now() + LEASE)
            .returning(PlanRow.id)
            .execution_options(synchronize_session=False)
        )
        return wanted is not None


async def _write(
    session: Session,
    week: Week,
    visits: list[Outcome],
    legal: list[MeetingOutcome],
    answer: dict[str, Any],
) -> bool:
    ready = await plans.move(
        session,
        SYSTEM,
        week.plan.id,
        PlanState.READY,
        stage="writing",
        done=100,
        lease_until=None,
        read=dict(week.read),
        report=planning.report(visits, legal, answer),
        certificate={"duals": answer["duals"], "capacity": answer["capacity"]},
    )
    if ready:
        session.add_all(_proposal(week.plan, one) for one in visits)
        meeting_proposals.write(session, week.plan, legal)
        await session.flush()
    return ready


def _proposal(plan: Plan, one: Outcome) -> ProposalRow:
    return ProposalRow(
        id=new_id("prp"),
        plan_id=plan.id,
        wish_id=one.asked.wish.id,
        slot_id=one.slot_id,
        rank=one.rank,
        state=ProposalState.PROPOSED if one.slot_id else ProposalState.LEFT_OUT,
        booking_id=None,
        reasons=plans.written(one.reasons),
    )


async def publish(db: Database, meetings: Meetings = NO_MEETINGS) -> int:
    """Goes on with every plan that is being published; answers how many proposals were applied."""
    async with db.read() as session:
        wanted = await plans.find(session, PlanRow.state == PlanState.PUBLISHING)
        todo = [
            (plan, await meeting_proposals.of_plan(session, plan.id), await plans.proposals(session, plan.id))
            for plan in wanted
        ]
    applied = 0
    for plan, legal, proposals in todo:
        for meeting in legal:
            if meeting.state is ProposalState.PROPOSED:
                applied += await meeting_proposals.settle(db, plan.published_by, meeting, meetings)
        for proposal in proposals:
            if proposal.state is ProposalState.PROPOSED:
                applied += await _settle(db, plan.published_by, proposal)
        async with db.write() as session:
            await plans.move(session, plan.published_by, plan.id, PlanState.PUBLISHED)
    return applied


async def _settle(db: Database, by: Ref, proposal: Proposal) -> bool:
    return await plans.settle(db, by, ProposalRow, proposal, lambda session: apply(session, by, proposal))


async def apply(session: Session, actor: Ref, proposal: Proposal) -> bool:
    """Books what is proposed, through the same functions as any family; False when it was settled before.

    Raises what they raise; the caller then notes it as stale.
    """
    applied = ProposalState.APPLIED
    if proposal.slot_id is None or not await plans.settled(session, ProposalRow, proposal, applied):
        return False
    wish = await wishes.get(session, proposal.wish_id)
    if wish.state is not WishState.OPEN:
        raise Refused([WISH_OVER])
    family = access.in_the_name_of(wish.requested_by)
    held = await picking.hold(
        session, family, wish.inmate_id, proposal.slot_id, proposal.id, Purpose(starter=None)
    )
    if wish.booth_id is not None:
        await booths.sit(session, held, wish.booth_id)
    choice = [VisitorChoice(one) for one in wish.relationships]
    await booking.request(session, family, held.id, choice, proposal.id)
    if not (await repository.get(session, held.id)).chain:
        await decision.approve(session, actor, held.id)
    served = await wishes.move(session, actor, wish.id, WishState.SERVED, held.id)
    if not served:  # withdrawn this very moment
        raise Refused([WISH_OVER])
    await session.execute(update(ProposalRow).where(ProposalRow.id == proposal.id).values(booking_id=held.id))
    plans.enter(session, actor, "plan:applied", proposal, booking=held.id)
    return True


async def tidy(db: Database) -> int:
    """Ends what is over: happenings, offers, flags of bookings that went another way, wishes whose days have passed.
    Answers how many."""
    now = clock.now()
    async with db.read() as session:
        over = await befalling.ended(session, now)
        prisons = await repository.prisons(session)
    for happening_id in over:
        async with db.write() as session:
            await befalling.close(session, SYSTEM, happening_id)
    async with db.write() as session:
        ended = await offering.expire(session) + await inviting.expire(session)
        ended += await befalling.stale_flags(session)
        for prison in prisons:
            today = now.astimezone(ZoneInfo(prison.zone)).date()
            ended += await wishes.expire(session, prison.id, today)
    return ended + len(over)
