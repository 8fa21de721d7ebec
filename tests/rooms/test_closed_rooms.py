"""Closed rooms: one test for each way of getting an ear, an eye or a tape into one."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from core import clock
from core.bus import Bus
from core.db import Database
from core.errors import Forbidden, NotFound
from core.ids import Ref
from core.settings import Settings
from ledger import read
from policy import repository as policies
from recording.tables import RecordingRow
from rooms import opening, proving, sittings, tasks
from rooms.actions import Attached, Close, StartRecorder
from rooms.agreed import Party, SittingState
from rooms.client import MediaKind
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.host import Host
from rooms.model import Moment, RoomRecord, SeatRole
from rooms.powers import ForbiddenTopologyError
from rooms.proving import ClosedRoomsUnproved, Finding
from rooms.room import Room
from rooms.running import RunningRoom
from rooms.sittings import PlaceTaken
from rooms.tables import RoomRow, SeatRow, SittingRow
from signaling.client import Client, ClosedByServerError
from tests.fakes.legs import FakeLegs, FakeRecorders
from tests.rooms.closed import (
    LAWYER,
    NODE,
    Meeting,
    meeting,
    monitor_seat,
    plan,
    prove,
    recording_of,
    seat_row,
)
from tests.rooms.stagehand import START, visit
from tests.rooms.test_host import eventually, once
from tests.rooms.visits import Cast, ShiftedClock, monitor, sign_in
from tests.signaling.server import Server

VIDEO = frozenset({MediaKind.VIDEO})
UNMONITORED, VISUAL = Confidentiality.UNMONITORED, Confidentiality.VISUAL_ONLY
PRESENT = Confidentiality.OFFICER_PRESENT
# For what has nothing to do with the kind of database.
solo = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def alone(cast: Cast, shifted: ShiftedClock) -> Meeting:
    """A lawyer's unmonitored meeting."""
    return await meeting(cast, shifted, UNMONITORED)


async def tags(cast: Cast, sitting_id: str) -> list[str]:
    async with cast.db.read() as session:
        return [entry.tag for entry in await read.about(session, Ref("sitting", sitting_id))]


async def recordings(db: Database) -> int:
    async with db.read() as session:
        return len((await session.scalars(select(RecordingRow))).all())


@dataclass
class Talk:
    lawyer: Client
    inmate: Client


@contextlib.asynccontextmanager
async def talking(server: Server, at: Meeting) -> AsyncIterator[Talk]:
    async with (
        server.client(await at.ticket(at.lawyer)) as lawyer,
        server.client(await at.ticket(at.cast.terminal)) as inmate,
    ):
        await lawyer.until(lambda s: bool(s["phase"] == "live"))
        await inmate.until(lambda s: bool(s["phase"] == "live"))
        yield Talk(lawyer, inmate)


def welcome(client: Client) -> dict[str, Any]:
    return next(message for message in client.messages if message["type"] == "welcome")


# At the door


async def test_no_officer_gets_a_ticket_and_each_attempt_is_entered(alone: Meeting) -> None:
    for who in (alone.officer, alone.mighty, monitor(alone.cast, "off_other")):
        with pytest.raises(Forbidden):
            await alone.ticket(await sign_in(alone.cast.db, who))
    written = await tags(alone.cast, alone.id)
    assert written.count("officer:ticket:refused") == 2
    assert written.count("admin:ticket:refused") == 1


async def test_nobody_gets_in_as_somebody_else(alone: Meeting) -> None:
    stranger = await sign_in(alone.cast.db, monitor(alone.cast, "law_2"))
    for who in (alone.cast.relative, stranger):
        with pytest.raises((NotFound, Forbidden)):
            await alone.ticket(who)


async def test_without_a_terminal_the_personal_code_is_the_way_in(cast: Cast, shifted: ShiftedClock) -> None:
    made = await meeting(cast, shifted, UNMONITORED)
    async with cast.db.write() as session:
        await session.execute(update(SittingRow).values(terminal_id=None))
    for inmate in ("", "inm_other"):
        with pytest.raises(NotFound):
            await made.ticket(cast.terminal, inmate)
    assert await made.ticket(cast.terminal, cast.booking.inmate_id)


# In the room


@once
async def test_a_talk_has_two_legs_no_announcement_and_no_recorder(
    server: Server, alone: Meeting, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    async with talking(server, alone) as talk:
        assert {"recorded": False, "supervised": False, "sealed": ["audio", "video"]}.items() <= (
            welcome(talk.lawyer)["visit"].items()
        )
        assert len(legs.open_legs) == 2
        assert not any(leg.announced for leg in legs.open_legs)
        assert talk.lawyer.state["recording"]["running"] is False
        assert talk.lawyer.state["supervised"] is False
    assert recorders.recorders == []
    assert await recordings(alone.cast.db) == 0


@once
async def test_a_reconnect_and_another_node_bring_nobody_in(
    server: Server,
    alone: Meeting,
    host: Host,
    settings: Settings,
    bus: Bus,
    legs: FakeLegs,
    recorders: FakeRecorders,
) -> None:
    async with talking(server, alone):
        pass
    async with talking(server, alone):
        assert len(legs.open_legs) == 2
    await host.stop()
    other = Host(settings, alone.cast.db, bus, legs, recorders)
    await other.start()
    try:
        async with talking(server, alone):
            assert len(legs.open_legs) == 2
        with pytest.raises(Forbidden):
            await alone.ticket(alone.officer)
    finally:
        await other.stop()
    assert recorders.recorders == []


@once
async def test_a_seat_that_was_smuggled_in_opens_no_leg(
    server: Server, alone: Meeting, legs: FakeLegs
) -> None:
    """An officer's ticket from when the meeting was less closed; the seat's row is still there."""
    del server
    async with alone.cast.db.write() as session:
        room = await opening.open_room(session, Ref("sitting", alone.id), NODE)
    assert room is not None
    seat = monitor_seat()
    effects = room.room.handle(Attached("conn_spy", seat), Moment(room.room.now.wall, room.room.now.mono))
    assert [effect.code for effect in effects if isinstance(effect, Close)] == ["forbidden"]
    assert "officer:seat:refused" in [getattr(effect, "tag", "") for effect in effects]
    assert room.room.seat(seat.id) is None
    assert legs.legs == {}


@once
async def test_an_officer_may_look_on_and_has_no_line_for_sound(
    server: Server, cast: Cast, shifted: ShiftedClock, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    made = await meeting(cast, shifted, VISUAL)
    async with talking(server, made), server.client(await made.ticket(cast.officer)) as officer:
        await officer.until(lambda s: all(person["connected"] for person in s["people"]))
        offered = next(m for m in officer.messages if m["type"] == "offer")["lines"]
        assert [(line["kind"], line["use"]) for line in offered] == [("video", "line")] * 2
        leg = next(leg for leg in legs.open_legs if not leg.publishes)
        assert leg.carries == [VIDEO, VIDEO]
        await eventually(lambda: len(leg.lines) == 2)
        assert {shown[1:] for shown in leg.lines.values()} == {(False, True)}
        with pytest.raises(ClosedByServerError, match="4403"):
            await officer.act("speak")
    assert recorders.recorders == []


@once
async def test_what_is_granted_counts_at_once_also_in_a_room_that_runs(
    server: Server, cast: Cast, shifted: ShiftedClock, legs: FakeLegs
) -> None:
    made = await meeting(cast, shifted, VISUAL)
    async with server.client(await made.ticket(cast.officer)) as officer:
        async with talking(server, made):
            late = await made.ticket(cast.officer)
            assert await made.close_more()
            assert (await officer.ended()).code == 1012
        with pytest.raises(Forbidden):
            await made.ticket(cast.officer)
        async with server.client(late) as again:
            assert (await again.ended()).code == 4403
        async with talking(server, made) as talk:
            assert welcome(talk.inmate)["visit"]["confidentiality"] == "unmonitored"
            assert len(legs.open_legs) == 2
    assert not await made.close_more()


async def test_a_new_policy_opens_nothing(alone: Meeting, bus: Bus) -> None:
    """Whatever a prison's rules say of recording, they do not say it of this."""
    del bus
    async with alone.cast.db.write() as session:
        rules = await policies.current(
            session, alone.cast.world.prison_id, (await alone.view()).agreed.starts_at
        )
        assert rules.values.record_while_paused
        opened = await opening.open_room(session, Ref("sitting", alone.id), NODE)
    assert opened is not None
    assert opened.room.topology.oversight.recorder is False
    assert all(not seat.is_monitor for seat in opened.room.seats)


@solo
async def test_a_room_is_not_given_what_could_record_it(
    alone: Meeting, db: Database, legs: FakeLegs, recorders: FakeRecorders
) -> None:
    async with db.write() as session:
        opened = await opening.open_room(session, Ref("sitting", alone.id), NODE)
    assert opened is not None
    running = RunningRoom(opened.room, opened.claim, db, _nowhere, legs, recorders)
    with pytest.raises(ForbiddenTopologyError):
        await running._start_recorder(StartRecorder())
    assert recorders.recorders == []


async def _nowhere(conn: str, message: dict[str, Any]) -> None:
    del conn, message


# Behind our back: the database


async def test_the_database_refuses_a_tape_an_ear_and_a_step_back(alone: Meeting, db: Database) -> None:
    async with db.write() as session:
        opened = await opening.open_room(session, Ref("sitting", alone.id), NODE)
    assert opened is not None
    room_id = opened.claim.room_id
    refused: list[Executable] = [
        insert(RecordingRow).values(**recording_of(room_id)),
        insert(SeatRow).values(**seat_row(room_id, "monitor")),
        update(SeatRow).where(SeatRow.role == "counsel").values(role="monitor"),
        update(RoomRow).where(RoomRow.id == room_id).values(confidentiality="monitored"),
        update(RoomRow)
        .where(RoomRow.id == room_id)
        .values(sitting_id=None, booking_id=alone.cast.booking.id),
        update(SittingRow).where(SittingRow.id == alone.id).values(confidentiality="visual_only"),
        update(SittingRow).where(SittingRow.id == alone.id).values(confidentiality="anything"),
        text(f"UPDATE sitting SET confidentiality = 'monitored' WHERE id = '{alone.id}'"),
    ]
    for statement in refused:
        with pytest.raises(DBAPIError):
            async with db.write() as session:
                await session.execute(statement)
    assert await recordings(db) == 0
    assert (await alone.view()).agreed.confidentiality is UNMONITORED


async def test_a_recording_of_a_visit_cannot_be_moved_to_a_closed_room(alone: Meeting, db: Database) -> None:
    async with db.write() as session:
        opened = await opening.open_room(session, Ref("sitting", alone.id), NODE)
        assert opened is not None
        await session.execute(insert(RecordingRow).values(**recording_of("room_elsewhere")))
    with pytest.raises(DBAPIError):
        async with db.write() as session:
            await session.execute(update(RecordingRow).values(room_id=opened.claim.room_id))


# What is agreed


async def test_a_place_is_kept_for_it_and_no_allowance_is_used(
    cast: Cast, shifted: ShiftedClock, db: Database
) -> None:
    made = await meeting(cast, shifted, UNMONITORED)
    with pytest.raises(PlaceTaken):
        async with db.write() as session:
            await sittings.agree(session, LAWYER, plan(cast, UNMONITORED))
    async with db.write() as session:
        assert await sittings.cancel(session, LAWYER, made.id, "withdrawn")
        assert not await sittings.cancel(session, LAWYER, made.id, "withdrawn")
        assert await sittings.agree(session, LAWYER, plan(cast, UNMONITORED)) != made.id
    assert (await made.view()).state is SittingState.CANCELLED


async def test_what_no_node_ran_is_over_two_minutes_after_its_end(cast: Cast, shifted: ShiftedClock) -> None:
    made = await meeting(cast, shifted, UNMONITORED)
    shifted.put_to((await made.view()).agreed.ends_at + timedelta(minutes=1))
    assert await tasks.close_missed_sittings(cast.db) == 0
    shifted.shift += 120
    assert await tasks.close_missed_sittings(cast.db) == 1
    assert (await made.view()).state is SittingState.CANCELLED


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (RoomKind.TURN, PRESENT),
        (RoomKind.TURN, Confidentiality.MONITORED),
        (RoomKind.LEGAL, Confidentiality.MONITORED),
        (RoomKind.FAMILY, UNMONITORED),
        (RoomKind.COUNSELLING, PRESENT),
    ],
)
@solo
async def test_what_must_not_be_agreed(cast: Cast, kind: RoomKind, how: Confidentiality) -> None:
    with pytest.raises(ForbiddenTopologyError):
        async with cast.db.write() as session:
            await sittings.agree(session, LAWYER, plan(cast, how, kind))


@solo
async def test_an_officer_is_never_a_party(cast: Cast) -> None:
    wanted = plan(cast, VISUAL)
    spy = Party(SeatRole.MONITOR, Ref("officer", "off_spy"), "Spy")
    with pytest.raises(ForbiddenTopologyError):
        async with cast.db.write() as session:
            await sittings.agree(session, LAWYER, replace(wanted, parties=(*wanted.parties, spy)))


@once
async def test_more_time_reaches_a_room_that_runs(server: Server, alone: Meeting) -> None:
    async with talking(server, alone) as talk:
        assert talk.lawyer.state["clock"]["granted_ms"] == 30 * 60_000
        async with alone.cast.db.write() as session:
            await sittings.extend(session, LAWYER, alone.id, 10)
        await talk.lawyer.until(lambda s: bool(s["clock"]["granted_ms"] == 40 * 60_000))


# The proof


@solo
async def test_without_a_good_proof_nothing_closed_opens(cast: Cast, shifted: ShiftedClock) -> None:
    made = await meeting(cast, shifted, UNMONITORED, proved=False)

    async def refused() -> None:
        with pytest.raises(ClosedRoomsUnproved):
            await made.ticket(made.lawyer)
        with pytest.raises(ClosedRoomsUnproved):
            async with cast.db.write() as session:
                await opening.open_room(session, Ref("sitting", made.id), NODE)

    await refused()
    await prove(cast.db, Finding("sound-to-officer", 3, "0", holds=False))
    await refused()
    await prove(cast.db)
    assert await made.ticket(made.lawyer)
    await prove(cast.db, Finding("bytes-on-disk", 16, "0", holds=False))
    await refused()
    await prove(cast.db)
    shifted.shift += proving.GOOD_FOR.total_seconds() + 1
    async with cast.db.write() as session:
        await session.execute(update(SittingRow).values(ends_at=clock.now() + timedelta(hours=1)))
    await refused()


def test_a_pure_room_of_a_kind_that_must_not_be_is_not_made() -> None:
    with pytest.raises(ForbiddenTopologyError):
        Room(visit(kind=RoomKind.FAMILY, confidentiality=UNMONITORED), RoomRecord(), Moment(START, 0.0))
