"""The terminals that are kept for a help day: claimed as a visit claims its own, under the day's id, so that no visit
and no lawyer's meeting is put there. What somebody has already stays theirs, and is asked for again at the next run."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from core import clock
from core.db import Session
from legalaid.tables import HelpDayRow, HelpDayTemplateRow
from scheduler import places, repository, seating
from scheduler.model import ClaimKind, VisitKind, ticks
from scheduler.tables import ClaimRow


async def keep(session: Session, template: HelpDayTemplateRow, prison_id: str) -> int:
    """Brings the claims of the template's coming days up to date; answers how many ticks of a terminal came new."""
    terminals = template.terminals or await _for_lawyers(session, prison_id, template.rooms)
    days = await session.execute(
        select(HelpDayRow.id, HelpDayRow.starts_at, HelpDayRow.ends_at, func.count(ClaimRow.number))
        .outerjoin(ClaimRow, ClaimRow.booking_id == HelpDayRow.id)
        .where(
            HelpDayRow.template_id == template.id,
            HelpDayRow.closed_at.is_(None),
            HelpDayRow.ends_at > clock.now(),
        )
        .group_by(HelpDayRow.id, HelpDayRow.starts_at, HelpDayRow.ends_at)
    )
    added = 0
    for day_id, starts_at, ends_at, has in days.all():
        numbers = ticks(starts_at, ends_at)
        wanted = [key for one in terminals for key in places.ticks_of(ClaimKind.TERMINAL, one, numbers)]
        if has < len(wanted):
            added += await places.claim_free(session, sorted(wanted), day_id)
    return added


async def _for_lawyers(session: Session, prison_id: str, rooms: int) -> list[str]:
    """Where nobody chose: terminals that stand in rooms for lawyers alone, as many as the day has rooms. Its other
    rooms are its own, and take nothing from families."""
    seats = await seating.seats(session, prison_id)
    return [seat.id for seat in seats if seat.use == VisitKind.LEGAL][:rooms]


async def unknown(session: Session, prison_id: str, terminals: Sequence[str]) -> list[str]:
    """Those that are no terminal of the prison at which a lawyer can meet somebody."""
    usable = {
        seat.id for seat in await seating.seats(session, prison_id) if seat.use in ("", VisitKind.LEGAL)
    }
    return [one for one in terminals if one not in usable]


async def give_back(session: Session, help_day_id: str) -> None:
    """The day is over."""
    await session.execute(
        delete(ClaimRow)
        .where(ClaimRow.booking_id == help_day_id)
        .execution_options(synchronize_session=False)
    )


async def kept(
    session: Session, prison_id: str, first: datetime, last: datetime
) -> tuple[tuple[datetime, datetime, str], ...]:
    """(from, until, terminal) of the help days between the two moments."""
    rows = await session.execute(
        select(HelpDayRow.starts_at, HelpDayRow.ends_at, ClaimRow.owner_id)
        .join(ClaimRow, ClaimRow.booking_id == HelpDayRow.id)
        .where(
            HelpDayRow.prison_id == prison_id,
            HelpDayRow.closed_at.is_(None),
            HelpDayRow.starts_at < last,
            HelpDayRow.ends_at > first,
        )
        .distinct()
        .order_by(HelpDayRow.starts_at, ClaimRow.owner_id)
    )
    return tuple((starts_at, ends_at, terminal_id) for starts_at, ends_at, terminal_id in rows)


async def names(session: Session, prison_id: str) -> list[tuple[str, str]]:
    """(id, name) of the terminals that may be kept for a help day, by name."""
    found = await repository.terminals(session, prison_id)
    wrong = set(await unknown(session, prison_id, [one.id for one in found]))
    return [(one.id, one.name) for one in found if one.id not in wrong]
