"""Deadlines that were reckoned with a year's provisional days, or with none, get their end from the announced ones."""

from sqlalchemy import select

from core.db import Session
from core.ids import Ref
from legalaid import clocks
from legalaid.tables import MatterClockRow
from policy import running
from policy.calendar import Calendar
from policy.deadlines import Place
from policy.running import ClockState


async def recount(session: Session, actor: Ref, before: dict[str, Calendar]) -> int:
    """Of clocks that run on one of these calendars, as it was `before`: those whose end follows from it, and is
    another now, get the new end. An end that was promised otherwise is kept. Answers how many changed."""
    rows = await session.scalars(
        select(MatterClockRow)
        .where(MatterClockRow.state == ClockState.RUNNING)
        .order_by(MatterClockRow.due_at)
        .execution_options(populate_existing=True)
    )
    changed = 0
    for row in rows.all():
        old = before.get(row.calendar.upper())
        if old is None:
            continue
        clock, place = clocks.clock_of(row), clocks.place_of(row)
        new = running.recount(clock, Place(old.supposing(), place.zone), place)
        if new is not None:
            await clocks.change(session, actor, row, new, "recounted")
            changed += 1
    return changed
