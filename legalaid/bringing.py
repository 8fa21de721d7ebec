"""What the wing sees of a help day: whom to bring, when, to which room. Never what about.

The list says what the plan says at this moment; who is brought or does not come is marked here, and a place
that falls free is given to somebody else before a minute of it is lost.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import moving, replanning, repository
from legalaid.access import tag
from legalaid.model import Carried, HelpDay, TurnState, TurnView
from legalaid.tables import DeskRow, HelpDayRow, TurnRow
from people.model import Identity, Role
from people.tables import InmateRow, StaffRow
from scheduler.tables import WingRow

AHEAD = timedelta(minutes=10)  # so long before a turn the inmate is brought


class Place(StrEnum):
    """Where somebody of the list is to be."""

    BRING = "bring"  # now
    AT_ROOM = "at-room"  # brought, waits
    IN_TURN = "in-turn"
    LATER = "later"
    BACK = "back"  # the turn is over, or does not take place


@dataclass(frozen=True, slots=True)
class Line:
    """`lawyer_here`: also true before the day begins, when nobody is missed."""

    turn: TurnView
    wing_id: str
    wing: str
    lawyer: str
    lawyer_here: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Bringing:
    """One help day of the prison, as its wings see it; lines in the order of time."""

    day: HelpDay
    station: str
    lines: tuple[Line, ...]


async def today(session: Session, actor: Identity, now: datetime) -> list[Bringing]:
    """The help days of the officer's prison that are not over and begin within half a day."""
    prison_id = _prison(actor)
    rows = await session.execute(
        select(HelpDayRow, DeskRow.name)
        .join(DeskRow, DeskRow.id == HelpDayRow.station_id)
        .where(
            HelpDayRow.prison_id == prison_id,
            HelpDayRow.closed_at.is_(None),
            HelpDayRow.starts_at <= now + timedelta(hours=12),
            HelpDayRow.ends_at > now - timedelta(hours=1),
        )
        .order_by(HelpDayRow.starts_at, HelpDayRow.id)
    )
    return [await _of(session, repository.as_help_day(row), station, now) for row, station in rows.all()]


async def _of(session: Session, day: HelpDay, station: str, now: datetime) -> Bringing:
    turns = await repository.turns(session, day.id)
    inmates = {turn.inmate_id for turn in turns}
    named = await session.execute(
        select(InmateRow.id, WingRow.id, WingRow.name)
        .join(WingRow, WingRow.id == InmateRow.wing_id)
        .where(InmateRow.id.in_(inmates))
    )
    wings = {inmate: (wing, name) for inmate, wing, name in named.all()}
    lawyers = await session.execute(
        select(StaffRow.id, StaffRow.name).where(StaffRow.id.in_({turn.lawyer_id for turn in turns}))
    )
    names = {key: name for key, name in lawyers.all()}  # noqa: C416 - rows are no pairs to the type checker
    here = await repository.here(session, day.id)
    lines = [
        Line(
            turn,
            *wings.get(turn.inmate_id, ("", "")),
            names.get(turn.lawyer_id, ""),
            turn.lawyer_id in here or now < day.starts_at,
            place_of(turn, now),
        )
        for turn in turns
    ]
    return Bringing(day, station, tuple(lines))


def place_of(turn: TurnView, now: datetime) -> Place:
    """Where the inmate of a turn is to be at that moment."""
    if turn.state is TurnState.RUNNING:
        return Place.IN_TURN
    if turn.state is not TurnState.PLANNED:
        return Place.BACK
    if turn.brought_at is not None:
        return Place.AT_ROOM
    return Place.BRING if turn.starts_at <= now + AHEAD else Place.LATER


async def brought(session: Session, actor: Identity, turn_id: str) -> None:
    """The inmate is at the room. Raises `TurnMoved` where the turn is not to come any more."""
    await _own(session, actor, turn_id)
    done = await session.scalar(
        update(TurnRow)
        .where(TurnRow.id == turn_id, TurnRow.state == TurnState.PLANNED, TurnRow.brought_at.is_(None))
        .values(brought_at=clock.now())
        .returning(TurnRow.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise moving.TurnMoved
    subject = Ref("turn", turn_id)
    record(session, tag(actor, "turn:brought"), actor=actor.subject, subject=subject)


async def absent(session: Session, actor: Identity, turn_id: str) -> None:
    """The inmate does not come today: the question waits for the next day, the time goes to somebody else."""
    row, day = await _own(session, actor, turn_id)
    if row.state != TurnState.PLANNED:
        raise moving.TurnMoved
    await replanning.carry(session, actor, turn_id, row.question_id, Carried.ABSENT)
    await replanning.replan(session, actor, day)


def _prison(actor: Identity) -> str:
    """Raises `Forbidden` for whoever is no officer of a prison."""
    if not actor.roles & {Role.MONITOR, Role.APPROVER} or not actor.strong or actor.prison_id is None:
        raise Forbidden
    return actor.prison_id


async def _own(session: Session, actor: Identity, turn_id: str) -> tuple[TurnRow, HelpDay]:
    """A turn of the officer's prison. Raises `NotFound` for another's."""
    prison_id = _prison(actor)
    row = await session.get(TurnRow, turn_id, populate_existing=True)
    day = await repository.help_day(session, row.help_day_id) if row else None
    if row is None or day is None or day.prison_id != prison_id:
        raise NotFound
    return row, day
