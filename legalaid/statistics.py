"""What is counted, by day, station and prison. Times and numbers only: no text is opened for it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from core.db import Session
from core.errors import Forbidden
from legalaid import figures
from legalaid.figures import Answered, Figures
from legalaid.model import Channel, QuestionState, TurnState
from legalaid.tables import DeskRow, HelpDayRow, QuestionRow, TurnRow
from people.model import Identity, Role


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Of one help day: the questions answered in its turns, and those carried over from it."""

    day: date
    station: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """`prison` and `stations` are of all questions asked since `since`; `channels` how many came by each."""

    prison: Figures
    stations: list[tuple[str, Figures]]
    days: list[DayFigures]
    channels: dict[str, int]
    urgent: int


async def report(session: Session, actor: Identity, prison_id: str, since: datetime) -> Report:
    """For administrators of that prison."""
    if Role.ADMIN not in actor.roles or not actor.strong or actor.prison_id not in (None, prison_id):
        raise Forbidden
    rows = (
        await session.execute(
            select(
                QuestionRow.station_id,
                QuestionRow.channel,
                QuestionRow.urgent,
                QuestionRow.asked_at,
                QuestionRow.answered_at,
                QuestionRow.carried,
            ).where(
                QuestionRow.prison_id == prison_id,
                QuestionRow.asked_at >= since,
                QuestionRow.state != QuestionState.WITHDRAWN,
            )
        )
    ).all()
    names = await session.execute(
        select(DeskRow.id, DeskRow.name).where(DeskRow.prison_id == prison_id, DeskRow.kind == "station")
    )
    return Report(
        prison=_figures([(r.asked_at, r.answered_at, r.carried) for r in rows]),
        stations=[
            (name, _figures([(r.asked_at, r.answered_at, r.carried) for r in rows if r.station_id == key]))
            for key, name in names.all()
        ],
        days=await _days(session, prison_id, since),
        channels={one.value: sum(r.channel == one for r in rows) for one in Channel},
        urgent=sum(r.urgent for r in rows),
    )


def _figures(rows: list[tuple[datetime, datetime | None, int]]) -> Figures:
    questions = [Answered(asked, answered) for asked, answered, _ in rows]
    return figures.of(questions, sum(carried for _, _, carried in rows))


async def _days(session: Session, prison_id: str, since: datetime) -> list[DayFigures]:
    """Closed days, the latest first."""
    days = await session.execute(
        select(HelpDayRow.id, HelpDayRow.day, DeskRow.name, HelpDayRow.carried)
        .join(DeskRow, DeskRow.id == HelpDayRow.station_id)
        .where(
            HelpDayRow.prison_id == prison_id,
            HelpDayRow.closed_at.is_not(None),
            HelpDayRow.starts_at >= since,
        )
        .order_by(HelpDayRow.starts_at.desc())
    )
    held = await _held(session, prison_id, since)
    return [
        DayFigures(day, station, figures.of(held.get(key, ()), carried or 0))
        for key, day, station, carried in days.all()
    ]


async def _held(session: Session, prison_id: str, since: datetime) -> dict[str, list[Answered]]:
    """Help day -> the questions that were answered in its turns."""
    turns = await session.execute(
        select(TurnRow.help_day_id, QuestionRow.asked_at, TurnRow.ended_at)
        .join(QuestionRow, QuestionRow.id == TurnRow.question_id)
        .join(HelpDayRow, HelpDayRow.id == TurnRow.help_day_id)
        .where(
            HelpDayRow.prison_id == prison_id,
            HelpDayRow.starts_at >= since,
            TurnRow.state == TurnState.DONE,
        )
    )
    found: dict[str, list[Answered]] = defaultdict(list)
    for key, asked_at, ended_at in turns:
        found[key].append(Answered(asked_at, ended_at))
    return found
