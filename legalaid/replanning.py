"""A help day that runs is worked out anew at each event (`legalaid.rest`), and what changed is written down.

What the day cannot hold any more is carried over at once, so that nobody waits for it; what fits again, or was
never planned, is taken up as soon as there is time. What somebody carried over by hand stays so that day.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from legalaid import access, directory_links, moving, repository, rest, rota, turn_rooms
from legalaid.access import Actor, tag
from legalaid.matching import Ask, Helper
from legalaid.model import Carried, Coming, HelpDay, QuestionState, QuestionView, TurnState, TurnView
from legalaid.rest import Hours, Seat, Standing
from legalaid.tables import ConflictRow, QuestionRow, TurnRow

FAIR = timedelta(days=90)  # turns lately
_SOON = timedelta(minutes=2)  # a turn that should be over frees its room in a moment, as far as we know
_LATE = timedelta(minutes=10)  # a lawyer who is not there yet is not counted on for so long


async def asks(session: Session, day: HelpDay, now: datetime, planned: Container[str] = ()) -> list[Ask]:
    """What waits for this day, `planned` included; what somebody carried over today is left out."""
    left = set(
        await session.scalars(
            select(TurnRow.question_id).where(TurnRow.help_day_id == day.id, TurnRow.carried_why.is_not(None))
        )
    )
    waiting = [
        view
        for view in await repository.waiting(session, day.station_id)
        if view.id in planned
        or (
            view.state is QuestionState.ASKED
            and view.id not in left
            and view.topic in day.topics
            and view.language in day.languages
        )
    ]
    before = await repository.thread_lawyers(session, (view.thread_id for view in waiting))
    wished = await directory_links.lawyers(session, [view.wish_id for view in waiting if view.wish_id])
    return [_ask(view, before.get(view.thread_id) or wished.get(view.wish_id or ""), now) for view in waiting]


def _ask(view: QuestionView, before: str | None, now: datetime) -> Ask:
    waited = (now - view.asked_at).days
    return Ask(
        view.id,
        view.inmate_id,
        view.topic,
        view.language,
        view.urgent,
        view.carried,
        waited,
        before,
        view.long,
    )


async def helpers(session: Session, day: HelpDay, turns: int, now: datetime) -> list[Helper]:
    """Those who come, the least used first, each for all `turns` of the grid."""
    said = await repository.coming(session, day.id)
    lawyers = {
        lawyer.id: lawyer
        for lawyer in await repository.lawyers(session, day.prison_id)
        if said.get(lawyer.id) == Coming.COMES
    }
    had = await repository.turns_had(session, day.station_id, now - FAIR)
    all_turns = frozenset(range(turns))
    return [
        Helper(
            key,
            lawyers[key].topics,
            lawyers[key].languages,
            all_turns,
            await _conflicts(session, key),
            had.get(key, 0),
        )
        for key in rota.fair_order(lawyers, had)
    ]


async def _conflicts(session: Session, staff_id: str) -> frozenset[str]:
    query = select(ConflictRow.inmate_id).where(ConflictRow.staff_id == staff_id)
    return frozenset(await session.scalars(query))


async def replan(session: Session, actor: Actor, day: HelpDay) -> int:
    """New times, rooms and, where it must be, lawyers for all that is not begun; answers how many turns are
    to come."""
    now = clock.now()
    turns = await repository.turns(
        session, day.id, states=(TurnState.PLANNED, TurnState.RUNNING, TurnState.DONE)
    )
    planned = {turn.question_id: turn for turn in turns if turn.state is TurnState.PLANNED}
    hours = hours_of(day, max(now, day.starts_at), turns)
    found = await asks(session, day, now, planned)
    helping = await helpers(session, day, 1, now)
    standing = _standing(day, turns, hours, await _awaited(session, day, helping, now))
    seats = rest.plan(found, helping, standing, hours)
    seated = {seat.ask for seat in seats}
    for question_id, turn in planned.items():
        if question_id not in seated:
            await carry(session, SYSTEM, turn.id, question_id, None)
    for seat in seats:
        if seat.ask in planned:
            await _move(session, actor, planned[seat.ask], seat)
        else:
            await add(session, actor, day, seat)
    return len(seats)


def hours_of(day: HelpDay, now: datetime, turns: Sequence[TurnView] = ()) -> Hours:
    """What is left of a day, with what its turns that are over teach about their length."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    for turn in turns:
        if turn.state is TurnState.DONE and turn.began_at and turn.ended_at:
            taken[turn.long].append((turn.ended_at - turn.began_at).total_seconds() / 60)
    plain = rest.expected(day.turn_minutes, taken[False])
    longer = rest.expected(day.turn_minutes * rest.LONG, taken[True])
    return Hours(now, day.ends_at, day.turn_minutes, plain, max(plain, longer))


async def _awaited(
    session: Session, day: HelpDay, helping: list[Helper], now: datetime
) -> Mapping[str, datetime]:
    """Lawyers who should be there by now and are not: when they are counted on."""
    if now < day.starts_at:
        return {}
    here = await repository.here(session, day.id)
    return {helper.id: now + _LATE for helper in helping if helper.id not in here}


def _standing(day: HelpDay, turns: list[TurnView], hours: Hours, awaited: Mapping[str, datetime]) -> Standing:
    rooms = dict.fromkeys(range(1, day.rooms + 1), hours.now)
    persons = dict(awaited)
    for turn in turns:
        if turn.state is TurnState.RUNNING and turn.began_at is not None:
            more = timedelta(minutes=turn.minutes - hours.arranged(long=turn.long))
            over = max(turn.began_at + hours.takes(long=turn.long) + more, hours.now + _SOON)
            rooms[turn.room] = persons[turn.lawyer_id] = persons[turn.inmate_id] = over
    kept = {t.question_id: (t.lawyer_id, t.room) for t in turns if t.state is TurnState.PLANNED}
    return Standing(rooms, persons, kept)


async def carry(session: Session, actor: Actor, turn_id: str, question_id: str, why: Carried | None) -> None:
    """The question waits for the next day. Raises `TurnMoved` where the turn is over already."""
    await moving.turn(session, actor, turn_id, TurnState.CARRIED, ended_at=clock.now(), carried_why=why)
    await turn_rooms.close(session, actor, turn_id, "carried-over")
    await moving.question(session, actor, question_id, QuestionState.ASKED, lawyer_id=None)


async def _move(session: Session, actor: Actor, turn: TurnView, seat: Seat) -> None:
    """The first time that was told is kept beside the new one."""
    now = (turn.lawyer_id, turn.room, turn.starts_at, turn.minutes)
    if now == (seat.lawyer, seat.room, seat.starts_at, seat.minutes):
        return
    moved = await session.scalar(
        update(TurnRow)
        .where(TurnRow.id == turn.id, TurnRow.state == TurnState.PLANNED)
        .values(
            starts_at=seat.starts_at,
            room=seat.room,
            lawyer_id=seat.lawyer,
            minutes=seat.minutes,
            first_at=turn.first_at or turn.starts_at,
        )
        .returning(TurnRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None or turn.lawyer_id == seat.lawyer:
        return
    await session.execute(
        update(QuestionRow)
        .where(QuestionRow.id == turn.question_id)
        .values(lawyer_id=seat.lawyer)
        .execution_options(synchronize_session=False)
    )
    subject = Ref("turn", turn.id)
    record(session, tag(actor, "turn:handed"), actor=access.ref(actor), subject=subject, lawyer=seat.lawyer)


async def add(session: Session, actor: Actor, day: HelpDay, seat: Seat) -> None:
    """A turn for a question that waits. Raises `QuestionMoved` where it does not wait any more."""
    session.add(
        TurnRow(
            id=new_id("trn"),
            help_day_id=day.id,
            question_id=seat.ask,
            lawyer_id=seat.lawyer,
            inmate_id=seat.inmate,
            room=seat.room,
            starts_at=seat.starts_at,
            minutes=seat.minutes,
            state=TurnState.PLANNED,
            began_at=None,
            ended_at=None,
            first_at=None,
            brought_at=None,
            carried_why=None,
        )
    )
    await moving.question(session, actor, seat.ask, QuestionState.PLANNED, lawyer_id=seat.lawyer)
    await session.flush()
