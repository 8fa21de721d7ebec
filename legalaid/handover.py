"""Handing a matter between desks and levels (village, town, county, city), with its clock and its history.

The clock goes along with the time it has left: nobody gains a day by handing on. Whoever waits sees the new
desk at once; the desk is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from core.db import Session
from core.errors import Conflict, NotFound, Reason, Refused
from core.ids import Ref
from legalaid import access, asking, case_file, clocks, complaints, holding, moving
from legalaid.case_model import CaseState, LetterKind
from legalaid.case_tables import CaseRow
from legalaid.complaint_table import ComplaintRow
from legalaid.complaints import ComplaintState
from legalaid.forms import reason
from legalaid.gathering_model import GatheringKind, GatheringState
from legalaid.gathering_tables import GatheringRow
from legalaid.help_tables import PrecheckRow, ReferralRow
from legalaid.means import LegalMeans
from legalaid.model import Desk, DeskKind, QuestionState
from legalaid.prechecks import PrecheckState
from legalaid.referrals import ReferralState
from legalaid.repository import as_desk
from legalaid.tables import DeskRow, QuestionRow
from people.model import Identity

WORDS_MAX = 200
Matter = QuestionRow | ReferralRow | PrecheckRow | CaseRow | ComplaintRow | GatheringRow


@dataclass(frozen=True, slots=True)
class Road:
    """`holder`: the column of the desk that holds a matter; `states`: those in which it may be handed on."""

    table: type[Matter]
    holder: InstrumentedAttribute[str]
    states: frozenset[str]


ROADS: Mapping[str, Road] = {
    "question": Road(QuestionRow, QuestionRow.station_id, frozenset({QuestionState.ASKED})),
    "referral": Road(ReferralRow, ReferralRow.desk_id, frozenset({ReferralState.RAISED})),
    "precheck": Road(
        PrecheckRow, PrecheckRow.desk_id, frozenset({PrecheckState.HANDED_IN, PrecheckState.MISSING})
    ),
    "case": Road(
        CaseRow,
        CaseRow.desk_id,
        frozenset({CaseState.APPLIED, CaseState.FORWARDED, CaseState.SUPPLEMENT, CaseState.APPROVED}),
    ),
    "complaint": Road(ComplaintRow, ComplaintRow.desk_id, frozenset({ComplaintState.MADE})),
    **{
        kind: Road(GatheringRow, GatheringRow.desk_id, frozenset({GatheringState.ASKED}))
        for kind in GatheringKind
    },
}


async def targets(session: Session, desk_id: str) -> list[Desk]:
    """Where what a desk holds can go: to the desks of its kind, whatever their level."""
    here = await session.get_one(DeskRow, desk_id)
    rows = await session.scalars(
        select(DeskRow)
        .where(DeskRow.prison_id == here.prison_id, DeskRow.kind == here.kind, DeskRow.id != desk_id)
        .order_by(DeskRow.name)
    )
    return [as_desk(row) for row in rows]


async def offered(session: Session, actor: Identity, matter: Ref) -> list[Desk]:
    """Where the actor may hand a matter on to now; none for who does not hold it."""
    road = ROADS[matter.kind]
    state, at = await _standing(session, road, matter)
    if state not in road.states or not await _holds(session, actor, matter, at):
        return []
    return await targets(session, at)


async def hand(
    session: Session, means: LegalMeans, actor: Identity, matter: Ref, desk_id: str, words: str
) -> None:
    """By the desk that holds it, with a reason.

    Raises `Refused`, `NotFound` for others' matters, `ClockMoved` or a `Conflict` for one that is over.
    """
    road = ROADS.get(matter.kind)
    if road is None:
        raise NotFound
    _, at = await _standing(session, road, matter)
    if not await _holds(session, actor, matter, at):
        raise NotFound
    problems: list[Reason] = []
    if not words.strip():
        problems.append(reason("words", "missing", "Please say why it goes there."))
    if desk_id not in {desk.id for desk in await targets(session, at)}:
        problems.append(reason("desk_id", "missing", "Please choose a desk."))
    if problems:
        raise Refused(problems)
    why = words.strip()[:WORDS_MAX]
    if matter.kind == "question":
        await _freed(session, actor, matter.id)
    desk = await session.get_one(DeskRow, desk_id)
    await _move(session, road, matter, at, desk)
    await clocks.hand(session, actor, matter, desk, why)
    if matter.kind == "case":
        row = await case_file.row_of(session, matter.id)
        await case_file.write(session, means, actor, row.id, LetterKind.HANDED, f"{desk.name}\n\n{why}", at)
        await case_file.tell(session, row, f"handed-{desk_id}")


async def _standing(session: Session, road: Road, matter: Ref) -> tuple[str, str]:
    """(state, the desk that holds it). Raises `NotFound`."""
    found = await session.execute(select(road.table.state, road.holder).where(road.table.id == matter.id))
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return row[0], row[1]


async def _holds(session: Session, actor: Identity, matter: Ref, at: str) -> bool:
    """Whether the actor works at the desk, or at the one that took over because it was late. Of questions, those
    a lawyer may read: raises as `access.lawyer_of`; of complaints as `complaints.unconcerned`."""
    if matter.kind == "question":
        await access.lawyer_of(session, actor, await session.get_one(QuestionRow, matter.id))
        return True
    if matter.kind == "complaint":
        await complaints.unconcerned(session, actor, matter.id)
    return await holding.holds(session, actor, matter, at)


async def _freed(session: Session, actor: Identity, question_id: str) -> None:
    """A planned turn falls free: the other station plans its own days."""
    row = await session.get_one(QuestionRow, question_id, populate_existing=True)
    if row.state == QuestionState.PLANNED:
        await moving.question(session, actor, question_id, QuestionState.ASKED)
        await asking.drop_turn(session, actor, question_id)


async def _move(session: Session, road: Road, matter: Ref, at: str, desk: DeskRow) -> None:
    """Raises `Conflict` where it is no longer with that desk, or no longer open."""
    moved = await session.scalar(
        update(road.table)
        .where(road.table.id == matter.id, road.holder == at, road.table.state.in_(road.states))
        .values({road.holder.key: desk.id, **_belonging(matter, desk)})
        .returning(road.table.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise Conflict


def _belonging(matter: Ref, desk: DeskRow) -> dict[str, str]:
    """What else changes with the holder: an application's station acts for its applicant, a case keeps its centre."""
    if matter.kind != "case":
        return {}
    return {"station_id": desk.id} if desk.kind == DeskKind.STATION else {"centre_id": desk.id}
