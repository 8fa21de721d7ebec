"""The lawyer's day: begin a turn, finish it, let it run over, carry it over. Whatever happens moves the rest."""

from datetime import datetime, timedelta

from sqlalchemy import update

from core import clock
from core.db import Session
from core.errors import NotFound, Refused
from core.ids import SYSTEM, Ref
from ledger.record import record
from legalaid import access, clocks, moving, repository, rota, turn_rooms
from legalaid.forms import reason
from legalaid.model import HelpDay, QuestionState, TurnState, TurnView
from legalaid.rota import Seat
from legalaid.tables import QuestionRow, TurnRow
from people.model import Identity
from policy.running import ClockState

RUN_OVER_MAX = 60  # minutes at a time
_SOON = timedelta(minutes=2)  # a turn that should be over frees its room in a moment, as far as we know


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
    await reflow(session, day)


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
    await reflow(session, day)


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
    await reflow(session, day)


async def carry_over(session: Session, actor: Identity, turn_id: str) -> None:
    """Not finished, or nobody came: the question waits for the next day, and comes first then."""
    row, day = await _own(session, actor, turn_id)
    await _carried(session, actor, row.id, row.question_id)
    await reflow(session, day)


async def _carried(session: Session, actor: access.Actor, turn_id: str, question_id: str) -> None:
    await moving.turn(session, actor, turn_id, TurnState.CARRIED, ended_at=clock.now())
    await turn_rooms.close(session, actor, turn_id, "carried-over")
    await moving.question(session, actor, question_id, QuestionState.ASKED, lawyer_id=None)


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


async def reflow(session: Session, day: HelpDay) -> None:
    """New times for all that is planned; what the day cannot hold any more is carried over at once, so that
    nobody waits for it."""
    now = clock.now()
    turns = await repository.turns(session, day.id, states=(TurnState.PLANNED, TurnState.RUNNING))
    moved = rota.reflow([_seat(turn, now) for turn in turns], day.rooms, max(now, day.starts_at), day.ends_at)
    questions = {turn.id: turn.question_id for turn in turns}
    for one in moved:
        if one.starts_at is None:
            await _carried(session, SYSTEM, one.id, questions[one.id])
            continue
        await session.execute(
            update(TurnRow)
            .where(TurnRow.id == one.id, TurnRow.state == TurnState.PLANNED)
            .values(starts_at=one.starts_at, room=one.room)
            .execution_options(synchronize_session=False)
        )


def _seat(turn: TurnView, now: datetime) -> Seat:
    frees = None
    if turn.state is TurnState.RUNNING and turn.began_at is not None:
        frees = max(turn.began_at + timedelta(minutes=turn.minutes), now + _SOON)
    return Seat(turn.id, turn.lawyer_id, turn.inmate_id, turn.room, turn.starts_at, turn.minutes, frees)
