"""A lawyer's roster: the days, who said what, how many turns each had, and the feed for the own calendar."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import NotFound
from legalaid import access, days, ical, replanning, repository, rota, setup
from legalaid.ical import Event
from legalaid.model import Coming, HelpDay
from legalaid.tables import ComingRow, DeskRow, HelpDayRow, LawyerRow
from people.model import Identity

_PAST = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class RosterDay:
    """`mine`: what the asking lawyer said, None if nothing; `others`: names of colleagues who come; `missing`:
    those who were to come and cannot. `asked`: the reader would be the fairest to step in for one of them."""

    day: HelpDay
    mine: Coming | None
    others: tuple[str, ...]
    missing: tuple[str, ...]
    asked: bool


async def of(session: Session, actor: Identity) -> list[RosterDay]:
    """The station's days of the next four weeks."""
    lawyer = await access.lawyer(session, actor)
    station = await session.get_one(DeskRow, lawyer.station_id)
    colleagues = [
        one for one in await repository.lawyers(session, station.prison_id) if one.station_id == station.id
    ]
    names = {one.id: one.name for one in colleagues}
    now = clock.now()
    had = await repository.turns_had(session, station.id, now - replanning.FAIR)
    found = []
    for day in await repository.help_days(session, station.id, now, now + days.HORIZON):
        said = await repository.coming(session, day.id)
        coming = {key for key, what in said.items() if what == Coming.COMES and key in names}
        missing = sorted(names[key] for key, what in said.items() if what != Coming.COMES and key in names)
        free = rota.fair_order((key for key in names if key not in said), had)
        mine = said.get(lawyer.staff_id)
        found.append(
            RosterDay(
                day=day,
                mine=Coming(mine) if mine else None,
                others=tuple(sorted(names[key] for key in coming - {lawyer.staff_id})),
                missing=tuple(missing),
                asked=lawyer.staff_id in free[: len(missing)],
            )
        )
    return found


async def fairness(session: Session, actor: Identity) -> list[tuple[str, int]]:
    """(name, turns of the last 90 days) of each lawyer of the station, the fewest first."""
    lawyer = await access.lawyer(session, actor)
    station = await session.get_one(DeskRow, lawyer.station_id)
    had = await repository.turns_had(session, station.id, clock.now() - replanning.FAIR)
    lawyers = [
        one for one in await repository.lawyers(session, station.prison_id) if one.station_id == station.id
    ]
    return sorted(((one.name, had.get(one.id, 0)) for one in lawyers), key=lambda pair: (pair[1], pair[0]))


async def feed(session: Session, token: str, name: str, summary: str, rooms: str) -> str:
    """The calendar behind a secret address. Raises `NotFound` for a token that is none (any more).

    `name`, `summary` and `rooms` ("{rooms} rooms") come in the reader's language.
    """
    lawyer = await session.scalar(select(LawyerRow).where(LawyerRow.feed_digest == setup.feed_digest(token)))
    if lawyer is None:
        raise NotFound
    rows = await session.execute(
        select(HelpDayRow, ComingRow)
        .join(ComingRow, ComingRow.help_day_id == HelpDayRow.id)
        .where(ComingRow.staff_id == lawyer.staff_id, HelpDayRow.starts_at >= clock.now() - _PAST)
        .order_by(HelpDayRow.starts_at)
    )
    events = [
        Event(
            uid=day.id,
            starts_at=day.starts_at,
            ends_at=day.ends_at,
            summary=summary,
            description=rooms.format(rooms=day.rooms),
            changed_at=said.said_at,
            sequence=int(said.said_at.timestamp()),
            cancelled=said.coming != Coming.COMES,
        )
        for day, said in rows.all()
    ]
    return ical.feed(name, events)
