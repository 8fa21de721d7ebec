"""Looks at a still picture of everybody now and then, where policy wants it, and asks an officer to look.

It has no way to a call: all that it can do is put a task (rules P12, U9). It looks at what is recorded anyway, so where
nothing is recorded nothing is looked at.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context

from core import clock
from core.db import Database, Session
from core.log import fields
from policy import repository as policies
from policy.model import BadPolicy, PolicyIncomplete, PolicyUnknown
from recording import stills
from recording.recorder import Still
from recording.stills import Look
from rooms import desk_tasks, repository
from rooms.desk_tasks import Kind
from rooms.model import SeatRole, SeatView
from scheduler import repository as scheduling
from scheduler.model import BookingView

_log = logging.getLogger(__name__)
EVERY = 10.0  # seconds between two rounds; a new key frame comes each 15 s at least
TWICE = 2  # looks in a row that must say the same
_AGAIN = timedelta(minutes=5)  # what an officer has looked at is not asked again for so long


def _process() -> Executor:
    return ProcessPoolExecutor(1, get_context("spawn"), stills.gently)


@dataclass(slots=True)
class _Seen:
    """What was seen of one track: the frame that was looked at last, and how often in a row something was wrong."""

    frame: bytes = b""
    crowded: int = 0
    blocked: int = 0


class Lookout:
    """`run` until cancelled. `stills_of` answers the newest picture of everybody who is recorded now, by booking."""

    def __init__(
        self,
        db: Database,
        detector: str,
        stills_of: Callable[[], dict[str, Sequence[Still]]],
        executor: Callable[[], Executor] = _process,
    ) -> None:
        self._db = db
        self._detector = detector
        self._stills_of = stills_of
        self._make = executor
        self.executor: Executor | None = None
        self._seen: dict[str, _Seen] = {}  # by track
        self._calls: dict[str, BookingView | None] = {}  # `None`: its rules do not want this

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(EVERY)
                await self.round()
        finally:
            self.close()

    def close(self) -> None:
        """Ends its process."""
        if self.executor is not None:
            self.executor.shutdown(wait=False, cancel_futures=True)

    async def round(self) -> None:
        """Looks once at everybody who may be looked at."""
        present = self._stills_of()
        kept = {still.track_id for some in present.values() for still in some}
        self._seen = {track: seen for track, seen in self._seen.items() if track in kept}
        self._calls = {one: call for one, call in self._calls.items() if one in present}
        for booking_id, some in present.items():
            try:
                await self._of_call(booking_id, some)
            except Exception:  # noqa: BLE001 - a call goes on whatever becomes of what only looks
                _log.exception("x lookout %s", fields(booking=booking_id))

    async def _of_call(self, booking_id: str, some: Sequence[Still]) -> None:
        if booking_id not in self._calls:
            self._calls[booking_id] = await self._wanted(booking_id)
        booking = self._calls[booking_id]
        if booking is None:
            return
        async with self._db.read() as session:
            row = await repository.room_row(session, booking_id)
            seats = await repository.seats(session, row.id) if row is not None else ()
        by_person = {seat.person: seat for seat in seats}
        for still in some:
            seen = self._seen.setdefault(still.track_id, _Seen())
            seat = by_person.get(still.person)
            # By identity: the key frames of a camera that shows nothing at all are the same to the byte.
            if seat is None or not still.frame or still.frame is seen.frame:
                continue
            seen.frame = still.frame
            found = await self._look(still)
            if found is not None:
                await self._judge(booking, seat, seen, found)

    async def _wanted(self, booking_id: str) -> BookingView | None:
        """The call, if its prison's rules at its beginning want this: they do not change while it lasts."""
        async with self._db.read() as session:
            booking = await scheduling.get(session, booking_id)
            rules = (await policies.current(session, booking.wing_id, booking.starts_at)).values
        return booking if rules.watch_pictures == "on" else None

    async def _look(self, still: Still) -> Look | None:
        if self.executor is None:
            self.executor = self._make()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self.executor, stills.look, still.codec, still.frame, self._detector
            )
        except BrokenProcessPool:
            _log.error("x lookout %s", fields(why="its process died; another one is started"))
            self.executor = None
            return None

    async def _judge(self, booking: BookingView, seat: SeatView, seen: _Seen, found: Look) -> None:
        crowded = found.faces is not None and found.faces > expected(booking, seat)
        was_blocked = seen.blocked >= TWICE
        seen.crowded = seen.crowded + 1 if crowded else 0
        seen.blocked = seen.blocked + 1 if found.blocked else 0
        if seen.crowded == TWICE:
            await self._ask(booking, Kind.THIRD_PERSON, seat)
        if seen.blocked == TWICE:
            await self._ask(booking, Kind.CAMERA_BLOCKED, seat)
        elif was_blocked and not found.blocked:
            async with self._db.write() as session:
                await desk_tasks.settle(session, booking.id, [Kind.CAMERA_BLOCKED], seat.id)

    async def _ask(self, booking: BookingView, kind: Kind, seat: SeatView) -> None:
        since = clock.now() - _AGAIN
        async with self._db.write() as session:
            if not await desk_tasks.was_put_since(session, booking.id, kind, seat.id, since):
                await desk_tasks.put(session, booking, kind, seat=seat.id, name=seat.name)


def expected(booking: BookingView, seat: SeatView) -> int:
    """How many faces may be at this end: the inmate alone; of a family all who were approved, on whichever device."""
    return 1 if seat.role is SeatRole.INMATE else len(booking.visitors)


async def wanted_at(session: Session) -> list[str]:
    """Names of the prisons where pictures are looked at, in one wing at least."""
    return [one.name for one in await scheduling.prisons(session) if await _wanted_in(session, one.id)]


async def _wanted_in(session: Session, prison_id: str) -> bool:
    for wing in await scheduling.wings(session, prison_id):
        with contextlib.suppress(
            PolicyUnknown, PolicyIncomplete, BadPolicy
        ):  # without rules there is no call
            if (await policies.current(session, wing.id, clock.now())).values.watch_pictures == "on":
                return True
    return False
