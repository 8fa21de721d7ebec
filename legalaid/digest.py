"""What each desk is told in the morning: how much is open, how much is due soon, how much is overdue."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core import clock
from core.db import Database, Session
from core.errors import Unavailable
from core.ids import Ref
from legalaid.model import DeskKind
from legalaid.tables import DeskRow, MatterClockRow
from notices import outbox
from policy import calendar, horizon
from policy import repository as policies
from policy.horizon import Gap
from policy.lights import Colour
from policy.running import OPEN
from scheduler.tables import PrisonRow

AT = time(8)  # wall time of the prison


async def send(db: Database) -> int:
    """Once a day for each desk that has something open, and once a week for each year of working days that is
    missing; answers how many notices. Every run of a day but the first finds them there."""
    now = clock.now()
    sent = 0
    async with db.read() as session:
        prisons = (await session.execute(select(PrisonRow.id, PrisonRow.zone))).all()
    for prison_id, zone in prisons:
        if now.astimezone(ZoneInfo(zone)).time() < AT:
            continue
        async with db.write() as session:
            sent += await _desks(session, prison_id, zone, now)
            sent += await _calendar(session, prison_id, zone, now)
    return sent


async def _desks(session: Session, prison_id: str, zone: str, now: datetime) -> int:
    rows = await session.execute(
        select(DeskRow.id, DeskRow.phone, MatterClockRow.colour, func.count())
        .join(MatterClockRow, MatterClockRow.desk_id == DeskRow.id)
        .where(DeskRow.prison_id == prison_id, MatterClockRow.state.in_(OPEN))
        .group_by(DeskRow.id, DeskRow.phone, MatterClockRow.colour)
    )
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for desk_id, phone, colour, count in rows.all():
        counts.setdefault((desk_id, phone), {})[colour] = count
    day = now.astimezone(ZoneInfo(zone)).date().isoformat()
    sent = 0
    for (desk_id, phone), by_colour in counts.items():
        posted = await outbox.post(
            session,
            to=Ref("desk", desk_id),
            address=phone,
            template="digest",
            language="zh",
            params={
                "open": sum(by_colour.values()),
                "soon": by_colour.get(Colour.YELLOW, 0),
                "late": by_colour.get(Colour.RED, 0),
            },
            dedupe=f"digest:{desk_id}:{day}",
            zone=zone,
        )
        sent += posted is not None
    return sent


async def gaps(session: Session, prison_id: str, zone: str, now: datetime) -> list[Gap]:
    """The years of working days that a prison will miss; none while its rules are not stated at all."""
    try:
        rules = await policies.current(session, prison_id, now)
    except Unavailable:
        return []
    return horizon.gaps(calendar.load(rules.values.calendar), now.astimezone(ZoneInfo(zone)).date())


async def _calendar(session: Session, prison_id: str, zone: str, now: datetime) -> int:
    """The office and the station are told each week: whoever keeps the clocks needs the days."""
    missing = [gap for gap in await gaps(session, prison_id, zone, now) if not gap.provisional]
    if not missing:
        return 0
    desks = await session.scalars(
        select(DeskRow).where(
            DeskRow.prison_id == prison_id, DeskRow.kind.in_((DeskKind.OFFICE, DeskKind.STATION))
        )
    )
    week = "-".join(str(part) for part in now.astimezone(ZoneInfo(zone)).date().isocalendar()[:2])
    sent = 0
    for desk in desks:
        posted = await outbox.post(
            session,
            to=Ref("desk", desk.id),
            address=desk.phone,
            template="calendar-missing",
            language="zh",
            params={"date": missing[0].first.isoformat()},
            dedupe=f"calendar:{desk.id}:{missing[0].year}:{week}",
            zone=zone,
        )
        sent += posted is not None
    return sent
