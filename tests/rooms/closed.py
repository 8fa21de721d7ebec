"""A lawyer, a client and an officer who would like to listen, for the tests of closed rooms."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core import clock
from core.db import Database
from core.ids import Ref, new_id
from people.model import Identity, Role
from rooms import proving, service, sittings
from rooms.agreed import Party, SittingView
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import SeatRole, SeatView
from rooms.proving import Finding
from rooms.sittings import Plan
from rooms.tables import NodeRow
from tests.rooms.visits import Cast, ShiftedClock, sign_in
from tests.scheduler.world import identity

LAWYER = Ref("counsel", "law_1")
NODE = "node_x"
HOLDS = Finding("sound-to-officer", 0, "0", holds=True)


@dataclass
class Meeting:
    """A sitting at the cast's terminal, in the half hour after its visit."""

    cast: Cast
    id: str
    lawyer: Identity

    @property
    def officer(self) -> Identity:
        return self.cast.officer

    @property
    def mighty(self) -> Identity:
        """An administrator with every role there is, of the whole installation's first prison."""
        return replace(
            identity("admin", "adm_mighty", *Role, prison_id=self.cast.world.prison_id), name="Root"
        )

    async def ticket(self, who: Identity, inmate_id: str = "") -> str:
        async with self.cast.db.write() as session:
            return (await service.issue_sitting_ticket(session, who, self.id, inmate_id)).token

    async def view(self) -> SittingView:
        async with self.cast.db.read() as session:
            return await sittings.get(session, self.id)

    async def close_more(self, to: Confidentiality = Confidentiality.UNMONITORED) -> bool:
        async with self.cast.db.write() as session:
            return await sittings.close_more(session, LAWYER, self.id, to, "defence-open-case")


async def prove(db: Database, finding: Finding = HOLDS) -> None:
    """Of every node there is, and of the one that tests stand for."""
    async with db.write() as session:
        nodes = (await session.scalars(select(NodeRow.id))).all()
        for node in (*nodes, NODE):
            await proving.enter(session, node, (finding,))


def plan(cast: Cast, how: Confidentiality, kind: RoomKind = RoomKind.LEGAL) -> Plan:
    starts_at = cast.booking.slot_ends_at + timedelta(minutes=5)
    return Plan(
        kind=kind,
        confidentiality=how,
        basis="defence-open-case",
        matter=Ref("lawyer-meeting", "mtg_1"),
        prison_id=cast.world.prison_id,
        parties=(
            Party(SeatRole.COUNSEL, LAWYER, "Advocate Chen"),
            Party(SeatRole.INMATE, Ref("inmate", cast.booking.inmate_id), cast.booking.inmate_name),
        ),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        minutes=30,
        terminal_id=cast.booking.terminal_id,
        early=timedelta(minutes=5),
    )


async def meeting(cast: Cast, shifted: ShiftedClock, how: Confidentiality, *, proved: bool = True) -> Meeting:
    """Agreed, and its time has come."""
    wanted = plan(cast, how)
    async with cast.db.write() as session:
        sitting_id = await sittings.agree(session, LAWYER, wanted)
    shifted.put_to(wanted.starts_at)
    if proved:
        await prove(cast.db)
    lawyer = identity("counsel", LAWYER.id, Role.COUNSEL, prison_id=cast.world.prison_id)
    made = Meeting(cast, sitting_id, await sign_in(cast.db, lawyer))
    await sign_in(cast.db, made.mighty)
    return made


def recording_of(room_id: str) -> dict[str, Any]:
    """A recording's row, as somebody would write it who has the database's password."""
    now = clock.now()
    return {
        "id": new_id("rec"),
        "booking_id": "bkg_x",
        "room_id": room_id,
        "prison_id": "prs_x",
        "state": "writing",
        "node_id": "node_x",
        "beat_at": now,
        "folder": "x",
        "started_at": now,
        "retention": "visit",
        "keep_until": now,
        "reason": "",
        "tries": 0,
        "holds": 0,
        "damage": "",
    }


def seat_row(room_id: str, role: str) -> dict[str, Any]:
    return {
        "id": new_id("seat"),
        "room_id": room_id,
        "role": role,
        "person_kind": "officer",
        "person_id": "off_spy",
        "name": "Spy",
        "kinship": "",
        "relationship_id": "",
        "state": "away",
        "muted": False,
    }


def monitor_seat() -> SeatView:
    return SeatView(new_id("seat"), SeatRole.MONITOR, Ref("officer", "off_spy"), "Spy")
