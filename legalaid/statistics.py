"""What is counted, by day, station and prison. Times and numbers only: no text is opened for it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from core.db import Session
from core.errors import Forbidden
from legalaid import figures
from legalaid.figures import Answered, Figures
from legalaid.model import Channel, QuestionState, TurnState
from legalaid.tables import DeskRow, HelpDayRow, QuestionRow, TurnRow
from people.model import Identity, Role


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Of one help day: turns held, questions carried over from it."""

    day: date
    answered: int
    carried: int
    rate: float | None

    @property
    def percent(self) -> int | None:
        return None if self.rate is None else round(self.rate * 100)


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
    held = (
        select(TurnRow.help_day_id, func.count().label("held"))
        .where(TurnRow.state == TurnState.DONE)
        .group_by(TurnRow.help_day_id)
        .subquery()
    )
    rows = await session.execute(
        select(HelpDayRow.day, HelpDayRow.carried, func.coalesce(held.c.held, 0))
        .outerjoin(held, held.c.help_day_id == HelpDayRow.id)
        .where(
            HelpDayRow.prison_id == prison_id,
            HelpDayRow.closed_at.is_not(None),
            HelpDayRow.starts_at >= since,
        )
        .order_by(HelpDayRow.starts_at.desc())
    )
    return [
        DayFigures(
            day,
            held,
            carried or 0,
            held / (held + carried) if carried is not None and held + carried else None,
        )
        for day, carried, held in rows.all()
    ]
