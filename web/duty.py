"""Whom a member of staff works for: their prison, its zone, its day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound
from people.model import Identity, Role
from scheduler import repository as scheduler
from scheduler.model import Prison
from scheduler.timetable import instant
from web.deps import staff

Monitor = Annotated[Identity, Depends(staff(Role.MONITOR))]
Approver = Annotated[Identity, Depends(staff(Role.APPROVER))]
Officer = Annotated[Identity, Depends(staff(Role.MONITOR, Role.APPROVER))]
Admin = Annotated[Identity, Depends(staff(Role.ADMIN))]
Counsel = Annotated[Identity, Depends(staff(Role.COUNSEL))]
Auditor = Annotated[Identity, Depends(staff(Role.AUDITOR))]
LedgerReader = Annotated[Identity, Depends(staff(Role.ADMIN, Role.AUDITOR))]
AnyStaff = Annotated[
    Identity, Depends(staff(Role.MONITOR, Role.APPROVER, Role.ADMIN, Role.COUNSEL, Role.AUDITOR))
]


class NoPrison(Forbidden):
    code = "no-prison"
    text = "Your account does not belong to a prison yet. Please ask an administrator."


@dataclass(frozen=True, slots=True)
class Duty:
    """`now` is the moment of asking, `today` the date in the prison's zone."""

    prison: Prison
    now: datetime
    today: date

    @property
    def zone(self) -> str:
        return self.prison.zone

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """The moments at which `day` begins and ends there (it may have 23 or 25 hours)."""
        midnight = datetime.min.time()
        return instant(day, midnight, self.zone), instant(day + timedelta(days=1), midnight, self.zone)


async def of(session: Session, who: Identity) -> Duty:
    """The duty of somebody who works for one prison; raises `NoPrison`."""
    if who.prison_id is None:
        raise NoPrison
    return await at(session, who.prison_id)


async def at(session: Session, prison_id: str) -> Duty:
    """The duty at a prison; raises `NotFound`."""
    prison = await scheduler.prison(session, prison_id)
    if prison is None:
        raise NotFound
    now = clock.now()
    return Duty(prison, now, now.astimezone(ZoneInfo(prison.zone)).date())
