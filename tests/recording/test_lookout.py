"""The lookout asks an officer, and can do nothing else: where policy wants it, after two looks, once."""

import os
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from core.db import Database
from core.ids import Ref
from ledger import read as ledger
from recording.lookout import Lookout, expected
from recording.recorder import Still
from rooms import desk_tasks, opening, repository
from rooms.model import SeatRole
from tests.recording import portraits
from tests.rooms.visits import Cast, confirmed_visit

ONE, TWO = (portraits.coded(portraits.room(people)) for people in (1, 2))
BLACK = portraits.coded(portraits.room(1) // 12)


class Studio:
    """A call whose pictures are what a test says."""

    def __init__(self, cast: Cast, seats: dict[str, tuple[str, Ref]]) -> None:
        self.cast = cast
        self.seats = seats
        self.frames: dict[str, bytes] = {}
        self.lookout = Lookout(cast.db, "recording.faces:Faces", self.stills, self.executor)

    def executor(self) -> Executor:
        return ThreadPoolExecutor(1)

    def stills(self) -> dict[str, Sequence[Still]]:
        shown = [Still(role, self.seats[role][1], "vp8", frame) for role, frame in self.frames.items()]
        return {self.cast.booking.id: shown}

    async def shows(self, role: str, *frames: bytes) -> None:
        """One look at each: every one is a new picture, be it the same to the byte as the one before."""
        for frame in frames:
            self.frames[role] = bytes(bytearray(frame))
            await self.lookout.round()

    async def tasks(self) -> list[tuple[str, str]]:
        async with self.cast.db.read() as session:
            found = await desk_tasks.open_in(session, self.cast.world.prison_id)
        roles = {seat: role for role, (seat, _) in self.seats.items()}
        return [(task.kind.value, roles[task.seat_id]) for task in found]


async def studio(db: Database, watch: str) -> Studio:
    cast = await confirmed_visit(db, watch_pictures=watch)
    async with db.write() as session:
        room_id = await opening.prepare(session, await opening.read(session, Ref("booking", cast.booking.id)))
        seats = {str(one.role): (one.id, one.person) for one in await repository.seats(session, room_id)}
    return Studio(cast, seats)


async def test_a_second_face_beside_the_inmate_is_a_task_after_two_looks_and_nothing_else(
    db: Database,
) -> None:
    made = await studio(db, "on")
    await made.shows("inmate", TWO, ONE, TWO)
    assert await made.tasks() == []
    await made.shows("inmate", TWO, TWO, TWO)
    assert await made.tasks() == [("third-person", "inmate")]
    async with db.read() as session:
        entries = await ledger.about(session, Ref("booking", made.cast.booking.id))
    assert "system:task:put" in {entry.tag for entry in entries}
    assert not [entry for entry in entries if entry.tag.startswith(("system:visit:", "officer:visit:"))]


async def test_a_covered_camera_is_a_task_until_it_shows_something(db: Database) -> None:
    made = await studio(db, "on")
    await made.shows("relative", BLACK)
    await made.lookout.round()  # the same picture is not a second look
    assert await made.tasks() == []
    await made.shows("relative", BLACK)
    assert await made.tasks() == [("camera-blocked", "relative")]
    await made.shows("relative", ONE)
    assert await made.tasks() == []


async def test_where_policy_does_not_want_it_nothing_is_looked_at(db: Database) -> None:
    made = await studio(db, "off")
    await made.shows("inmate", TWO, TWO, BLACK, BLACK)
    assert await made.tasks() == []


async def test_a_family_may_sit_together_before_one_device(db: Database) -> None:
    made = await studio(db, "on")
    async with db.read() as session:
        row = await repository.room_row(session, made.cast.booking.id)
        assert row is not None
        seats = {one.role: one for one in await repository.seats(session, row.id)}
    assert expected(made.cast.booking, seats[SeatRole.INMATE]) == 1
    assert expected(made.cast.booking, seats[SeatRole.RELATIVE]) == len(made.cast.booking.visitors)


async def test_its_process_may_die_and_another_one_looks_on(db: Database) -> None:
    made = await studio(db, "on")
    made.lookout = Lookout(db, "recording.faces:Faces", made.stills)  # with a process of its own
    await made.shows("inmate", TWO)
    executor = made.lookout.executor
    assert executor is not None
    dying = executor.submit(os.abort)
    assert dying.exception() is not None
    await made.shows("inmate", TWO, TWO, TWO)
    assert await made.tasks() == [("third-person", "inmate")]
    made.lookout.close()
