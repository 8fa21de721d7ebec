"""A confirmed visit with everybody who takes part in it signed in, for the flow tests of rooms and sockets."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core import clock
from core.db import Database
from people.model import Identity, Role
from people.tables import DeviceRow, SessionRow
from rooms import service as rooms
from scheduler import service
from scheduler.model import BookingView
from tests.scheduler import world
from tests.scheduler.world import Family, World


class ShiftedClock:
    """The system's clock, shifted: it runs by itself, and can be put to the beginning of a visit.

    Putting it there moves the wall clock only: the native relay reads monotonic time from the kernel. `shift`
    moves both.
    """

    def __init__(self) -> None:
        self.shift = 0.0
        self._put = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._put + timedelta(seconds=self.shift)

    def monotonic(self) -> float:
        return time.monotonic() + self.shift

    def put_to(self, moment: datetime) -> None:
        self._put += moment - self.now()


@dataclass
class Cast:
    """Who takes part. All have living sessions."""

    world: World
    booking: BookingView
    family: Family
    relative: Identity
    terminal: Identity
    officer: Identity

    @property
    def db(self) -> Database:
        return self.world.db

    async def ticket(self, who: Identity) -> str:
        async with self.db.write() as session:
            return (await rooms.issue_ticket(session, who, self.booking.id)).token

    async def check_ticket(self, who: Identity) -> str:
        async with self.db.write() as session:
            return (await rooms.issue_check_ticket(session, who)).token


async def sign_in(db: Database, who: Identity) -> Identity:
    """Gives an identity of the test world a living session."""
    now = clock.now()
    async with db.write() as session:
        if await session.get(SessionRow, who.session_id) is None:
            session.add(
                SessionRow(
                    id=who.session_id,
                    digest=who.session_id,
                    subject_kind=who.subject.kind,
                    subject_id=who.subject.id,
                    strong=True,
                    agent="test",
                    created_at=now,
                    seen_at=now,
                    idle_until=now + timedelta(hours=1),
                    expires_at=now + timedelta(hours=12),
                )
            )
    return who


async def confirmed_visit(db: Database, **policy: Any) -> Cast:
    """A visit of 25 minutes that is confirmed for the next full five minutes, its lobby open."""
    made = await world.build(db, **({"early_minutes": 15} | policy))
    family = await made.family()
    now = clock.now()
    start = now.replace(second=0, microsecond=0) + timedelta(minutes=5 - now.minute % 5)
    async with db.write() as session:
        device = DeviceRow(
            id="dev_test",
            prison_id=made.prison_id,
            name="T1",
            state="enrolled",
            enrolled_at=now,
            created_by="adm_test",
            created_at=now,
        )
        session.add(device)
        await session.flush()
        await service.create_terminal(session, world.ADMIN, made.prison_id, made.wing_id, "T1", "dev_test")
        slot = await service.create_slot(session, world.ADMIN, made.prison_id, start, minutes=25, raster=30)
    booking = await made.confirmed(family, slot)
    officer = world.identity("officer", "off_monitor", Role.MONITOR, prison_id=made.prison_id)
    device_identity = world.identity("terminal", "dev_test", Role.TERMINAL, prison_id=made.prison_id)
    return Cast(
        made,
        booking,
        family,
        await sign_in(db, family.actor),
        await sign_in(db, device_identity),
        await sign_in(db, officer),
    )


def monitor(cast: Cast, name: str) -> Identity:
    return world.identity("officer", name, Role.MONITOR, prison_id=cast.world.prison_id)
