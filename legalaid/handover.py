"""Handing a matter between desks and levels (village, town, county, city), with its clock and its history.

The clock goes along with the time it has left: nobody gains a day by handing on. Whoever waits sees the new
desk at once; the desk is told.
"""

from sqlalchemy import select, update
from sqlalchemy.sql.dml import ReturningUpdate

from core.db import Session
from core.errors import Conflict, NotFound, Reason, Refused
from core.ids import Ref
from legalaid import access, asking, clocks, moving, referrals
from legalaid.forms import reason
from legalaid.help_tables import ReferralRow
from legalaid.model import Desk, DeskKind, QuestionState
from legalaid.repository import as_desk
from legalaid.tables import DeskRow, QuestionRow
from people.model import Identity

WORDS_MAX = 200


async def targets(session: Session, desk_id: str, kind: str) -> list[Desk]:
    """Where a matter of that kind can go from a desk: questions to stations, referrals to welfare desks."""
    here = await session.get_one(DeskRow, desk_id)
    wanted = DeskKind.STATION if kind == "question" else DeskKind.WELFARE
    rows = await session.scalars(
        select(DeskRow)
        .where(DeskRow.prison_id == here.prison_id, DeskRow.kind == wanted, DeskRow.id != desk_id)
        .order_by(DeskRow.name)
    )
    return [as_desk(row) for row in rows]


async def hand(session: Session, actor: Identity, matter: Ref, desk_id: str, words: str) -> None:
    """By the desk that holds it, with a reason.

    Raises `Refused`, `NotFound` for others' matters, `ClockMoved` or a `Conflict` for one that is over.
    """
    held = await clocks.of_matter(session, matter)
    if held is None or matter.kind not in ("question", "referral"):
        raise NotFound
    at = await _from(session, actor, matter)
    problems: list[Reason] = []
    if not words.strip():
        problems.append(reason("words", "missing", "Please say why it goes there."))
    if desk_id not in {desk.id for desk in await targets(session, at, matter.kind)}:
        problems.append(reason("desk_id", "missing", "Please choose a desk."))
    if problems:
        raise Refused(problems)
    desk = await session.get_one(DeskRow, desk_id)
    await (_question if matter.kind == "question" else _referral)(session, actor, matter.id, at, desk)
    await clocks.hand(session, actor, matter, desk, words.strip()[:WORDS_MAX])


async def _from(session: Session, actor: Identity, matter: Ref) -> str:
    """The desk that hands on. Raises `NotFound` for whoever does not work there."""
    if matter.kind == "question":
        question = await session.get(QuestionRow, matter.id, populate_existing=True)
        if question is None:
            raise NotFound
        await access.lawyer_of(session, actor, question)
        return question.station_id
    row = await referrals.row_of(session, matter.id)
    await referrals.at_desk(session, actor, row)
    return row.desk_id


async def _question(session: Session, actor: Identity, question_id: str, at: str, desk: DeskRow) -> None:
    """A planned turn falls free: the other station plans its own days."""
    row = await session.get_one(QuestionRow, question_id)
    if row.state == QuestionState.PLANNED:
        await moving.question(session, actor, question_id, QuestionState.ASKED)
        await asking.drop_turn(session, actor, question_id)
    await _move(
        session,
        update(QuestionRow)
        .where(
            QuestionRow.id == question_id,
            QuestionRow.station_id == at,
            QuestionRow.state == QuestionState.ASKED,
        )
        .values(station_id=desk.id)
        .returning(QuestionRow.id),
    )


async def _referral(session: Session, actor: Identity, referral_id: str, at: str, desk: DeskRow) -> None:
    del actor
    await _move(
        session,
        update(ReferralRow)
        .where(
            ReferralRow.id == referral_id,
            ReferralRow.desk_id == at,
            ReferralRow.state == referrals.ReferralState.RAISED,
        )
        .values(desk_id=desk.id)
        .returning(ReferralRow.id),
    )


async def _move(session: Session, statement: ReturningUpdate[tuple[str]]) -> None:
    moved = await session.scalar(statement.execution_options(synchronize_session=False))
    if moved is None:
        raise Conflict
