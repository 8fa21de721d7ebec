"""A wall: who may see what on it, what is asked of the rooms for it, and that a narrow line shows fewer tiles."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from core.errors import Forbidden, NotFound
from core.ids import Ref
from ledger import read
from people.model import Identity, Role
from rooms import service, tickets
from rooms import wall as walls
from rooms.client import MediaKind, Way
from rooms.codec import VideoCodec
from rooms.model import Purpose, Visit
from rooms.wall import Face, Wall
from tests.fakes.legs import FakeLeg, FakeLegs
from tests.rooms.stagehand import visit
from tests.rooms.visits import Cast
from tests.signaling.raw_client import Events

OWN, OTHER = visit(), replace(visit(), about=Ref("booking", "bkg_2"))


@dataclass
class Room:
    """A running room, as far as a wall sees it."""

    visit: Visit
    small: bool = True
    wanted: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        both = frozenset(MediaKind)
        self.legs = {
            inmate: FakeLeg(f"{self.visit.about.id}-{inmate}", Events(), both, 1, announce=True)
            for inmate in (False, True)
        }

    def face(self, *, inmate: bool) -> Face | None:
        return Face(self.legs[inmate], self.small)

    def wanted_small(self, wall: str, legs: frozenset[str]) -> None:
        self.wanted[wall] = legs


class Stand:
    """A wall with two rooms; `allowed` stands for what the database says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.legs, self.said = FakeLegs(), list[dict[str, Any]]()
        self.rooms = [Room(OWN), Room(OTHER)]
        self.allowed = {OWN.about.id, OTHER.about.id}
        database: Any = None
        self.wall = Wall(
            "wall", Ref("officer", "off_1"), OWN.about, self._post, self.legs, database, lambda: self.rooms
        )

        async def may(told: Visit) -> bool:
            return told.about.id in self.allowed

        monkeypatch.setattr(self.wall, "_may", may)

    async def _post(self, conn: str, message: dict[str, Any]) -> None:
        assert conn == "wall"
        self.said.append(message.get("message", message))

    @property
    def leg(self) -> FakeLeg:
        return self.legs.legs["wall"]

    async def tile(self, line: int, booking: str | None, end: str = "family") -> None:
        await self.wall.take({"type": "tile", "line": line, "booking": booking or "", "end": end})


@pytest.fixture
async def stand(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr(walls, "_LOOK", 0.01)
    made = Stand(monkeypatch)
    running = asyncio.create_task(made.wall.run())
    async with asyncio.timeout(20):
        while not any(message["type"] == "offer" for message in made.said if "type" in message):
            await asyncio.sleep(0)
    yield made
    made.wall.end()
    await running


async def test_its_leg_has_pictures_only(stand: Stand) -> None:
    assert stand.leg.publishes == frozenset()
    assert stand.leg.carries == [frozenset({MediaKind.VIDEO})] * 16
    assert not stand.leg.announced


async def test_a_tile_shows_the_small_picture_and_the_room_is_asked_for_it(stand: Stand) -> None:
    await stand.tile(0, "bkg_1")
    await stand.tile(5, "bkg_2", "inmate")
    assert stand.leg.lines == {0: ("bkg_1-False", False, True), 5: ("bkg_2-True", False, True)}
    assert stand.leg.small[0]
    assert stand.leg.small[5]
    assert [room.wanted["wall"] for room in stand.rooms] == [{"bkg_1-False"}, {"bkg_2-True"}]


async def test_what_is_out_of_sight_is_neither_sent_nor_asked_for(stand: Stand) -> None:
    await stand.tile(0, "bkg_1")
    await stand.tile(0, None)
    assert stand.leg.lines == {}
    assert stand.rooms[0].wanted["wall"] == frozenset()


async def test_who_sends_one_picture_is_shown_with_that(stand: Stand) -> None:
    stand.rooms[0].small = False
    await stand.tile(0, "bkg_1")
    assert not stand.leg.small[0]


async def test_a_browser_that_cannot_do_a_coding_is_told_so_once(stand: Stand) -> None:
    stand.leg.codings = frozenset({VideoCodec.VP8})
    stand.rooms[0].legs[False].codec = VideoCodec.H264
    await stand.tile(0, "bkg_1")
    await stand.tile(1, "bkg_2")
    await stand.tile(2, None)
    told = {"type": "tile", "line": 0, "shown": False, "code": "other-coding"}
    assert [one for one in stand.said if one.get("type") == "tile"] == [told]


@pytest.mark.parametrize("booking", ["bkg_2", "bkg_of_another_node"])
async def test_what_may_not_be_seen_is_refused(stand: Stand, booking: str) -> None:
    stand.allowed = {"bkg_1"}
    await stand.tile(3, booking)
    assert stand.said[-1] == {"type": "tile", "line": 3, "shown": False, "code": "not-here"}
    assert stand.leg.lines == {}


async def test_a_narrow_line_shows_the_first_tiles(stand: Stand) -> None:
    stand.leg.down = Way(200_000, 0.0, 0.0, None, limited=False)
    for line in range(4):
        await stand.tile(line, "bkg_1")
    assert sorted(stand.leg.lines) == [0, 1]


async def test_a_wall_that_ends_asks_for_nothing_more(stand: Stand) -> None:
    await stand.tile(0, "bkg_1")
    await stand.wall.take({"type": "bye"})
    async with asyncio.timeout(20):
        while not stand.leg.closed:
            await asyncio.sleep(0)
    assert stand.rooms[0].wanted["wall"] == frozenset()


async def test_only_who_monitors_the_prison_gets_a_wall(cast: Cast) -> None:
    for who in (cast.relative, cast.terminal):
        with pytest.raises(Forbidden):
            await _ticket(cast, who)
    with pytest.raises(NotFound):
        await _ticket(cast, replace(cast.officer, prison_id="prn_other"))
    with pytest.raises(Forbidden):
        await _ticket(cast, replace(cast.officer, roles=frozenset({Role.APPROVER})))
    token = await _ticket(cast, cast.officer)
    async with cast.db.write() as session:
        granted = await tickets.redeem(session, token)
    assert granted.purpose is Purpose.WALL
    async with cast.db.read() as session:
        refused = await read.latest(session, tag_prefix="officer:ticket:refused", limit=9)
    assert {entry.parsed()["code"] for entry in refused} == {"not-found", "forbidden"}


async def test_what_a_wall_looks_at_is_entered_once(cast: Cast) -> None:
    about = Ref("booking", cast.booking.id)
    wall = Wall("wall", cast.officer.subject, about, _nowhere, FakeLegs(), cast.db, list)
    looked = replace(OWN, about=about)
    assert await wall._may(looked)
    assert await wall._may(looked)
    async with cast.db.read() as session:
        (entry,) = await read.latest(session, tag_prefix="officer:wall:watched", limit=9)
    assert entry.subject_id == about.id


async def _nowhere(conn: str, message: dict[str, Any]) -> None:
    raise AssertionError(conn, message)


async def _ticket(cast: Cast, who: Identity) -> str:
    async with cast.db.write() as session:
        return (await service.issue_wall_ticket(session, who, cast.booking.id)).token
