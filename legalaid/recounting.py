"""Deadlines that were reckoned with a year's provisional days, or with none, get their end from the announced ones."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.db import Session
from core.ids import Ref
from legalaid import clocks
from legalaid.tables import MatterClockRow
from policy import running
from policy.calendar import Calendar
from policy.deadlines import Place
from policy.running import ClockState


async def recount(
    session: Session, actor: Ref, before: Mapping[str, Calendar], after: Mapping[str, Calendar]
) -> int:
    """Of clocks that run on one of these calendars, as it was `before`: those whose end follows from it, and is
    another `after`, get the new end. An end that was promised otherwise is kept. Answers how many changed."""
    rows = await session.scalars(
        select(MatterClockRow)
        .where(MatterClockRow.state == ClockState.RUNNING)
        .order_by(MatterClockRow.due_at)
        .execution_options(populate_existing=True)
    )
    changed = 0
    for row in rows.all():
        name, zone = row.calendar.upper(), ZoneInfo(row.zone)
        if name not in before:
            continue
        old, new = Place(before[name].supposing(), zone), Place(after[name].supposing(), zone)
        counted = running.recount(clocks.clock_of(row), old, new)
        if counted is not None:
            await clocks.change(session, actor, row, counted, "recounted")
            changed += 1
    return changed
