"""The lawyer's day: begin a turn, finish it, let it run over, carry it over. Whatever happens moves the rest."""

from sqlalchemy import update

from core import clock
from core.db import Session
from core.errors import NotFound, Refused
from core.ids import Ref
from ledger.record import record
from legalaid import access, clocks, moving, replanning, repository, turn_rooms
from legalaid.forms import reason
from legalaid.model import Carried, HelpDay, QuestionState, TurnState, TurnView
from legalaid.tables import QuestionRow, TurnRow
from people.model import Identity
from policy.running import ClockState

RUN_OVER_MAX = 60  # minutes at a time


class Occupied(moving.TurnMoved):
    code = "turn-occupied"
    text = "You, the other person or the room is still in another turn. Finish that one first."


async def begin(session: Session, actor: Identity, turn_id: str) -> None:
    """Raises `Occupied` while somebody of this turn, or its room, is in another; `TurnMoved`, `NotFound`."""
    row, day = await _own(session, actor, turn_id)
    running = await repository.turns(session, day.id, states=(TurnState.RUNNING,))
    if any(row.lawyer_id == t.lawyer_id or row.inmate_id == t.inmate_id for t in running):
        raise Occupied
    room = _room(row, day, running)
    await moving.question(session, actor, row.question_id, QuestionState.IN_TURN)
    await moving.turn(session, actor, turn_id, TurnState.RUNNING, began_at=clock.now(), room=room)
    await turn_rooms.open_for(session, actor, row, day)
    await replanning.replan(session, actor, day)


def _room(row: TurnRow, day: HelpDay, running: list[TurnView]) -> int:
    """The room that was planned, or the first free one."""
    taken = {t.room for t in running}
    free: list[int] = [room for room in (row.room, *range(1, day.rooms + 1)) if room not in taken]
    if not free:
        raise Occupied
    return free[0]


async def done(session: Session, actor: Identity, turn_id: str) -> None:
    """The question was answered in this turn; its clock ends."""
    row, day = await _own(session, actor, turn_id)
    now = clock.now()
    await moving.turn(session, actor, turn_id, TurnState.DONE, ended_at=now)
    await turn_rooms.close(session, actor, turn_id, "done")
    await moving.question(session, actor, row.question_id, QuestionState.ANSWERED, answered_at=now)
    await clocks.end(session, actor, Ref("question", row.question_id), ClockState.DONE)
    await replanning.replan(session, actor, day)


async def run_over(session: Session, actor: Identity, turn_id: str, minutes: int) -> None:
    """The turn needs `minutes` more. Everybody after it is moved; who cannot be reached is carried over."""
    if not 0 < minutes <= RUN_OVER_MAX:
        raise Refused(
            [reason("minutes", "invalid", "Between 1 and {max} minutes, please.", max=RUN_OVER_MAX)]
        )
    row, day = await _own(session, actor, turn_id)
    changed = await session.scalar(
        update(TurnRow)
        .where(TurnRow.id == row.id, TurnRow.state == TurnState.RUNNING, TurnRow.minutes == row.minutes)
        .values(minutes=row.minutes + minutes)
        .returning(TurnRow.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise moving.TurnMoved
    subject = Ref("turn", turn_id)
    record(session, "counsel:turn:run-over", actor=actor.subject, subject=subject, minutes=minutes)
    await turn_rooms.longer(session, actor, row, day, minutes)
    await replanning.replan(session, actor, day)


async def carry_over(session: Session, actor: Identity, turn_id: str) -> None:
    """Not finished, or nobody came: the question waits for the next day, and comes first then."""
    row, day = await _own(session, actor, turn_id)
    await replanning.carry(session, actor, row.id, row.question_id, Carried.UNFINISHED)
    await replanning.replan(session, actor, day)


async def _own(session: Session, actor: Identity, turn_id: str) -> tuple[TurnRow, HelpDay]:
    """The turn of the acting lawyer. Raises `NotFound` for another's."""
    lawyer = await access.lawyer(session, actor)
    row = await session.get(TurnRow, turn_id, populate_existing=True)
    if row is None or row.lawyer_id != lawyer.staff_id:
        raise NotFound
    await access.lawyer_of(session, actor, await session.get_one(QuestionRow, row.question_id))
    day = await repository.help_day(session, row.help_day_id)
    if day is None:
        raise NotFound
    return row, day
