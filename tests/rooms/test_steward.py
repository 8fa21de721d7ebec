"""The steward of a running room: what a narrow way makes it tell whom, what it holds back, and what it keeps."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from rooms.actions import Fitted, LegRated, Mark, OpenLeg
from rooms.client import Way
from rooms.model import SeatView
from rooms.stage import Stage
from rooms.steward import Steward, Told
from tests.fakes.legs import FakeLeg
from tests.rooms.stagehand import INMATE, OFFICER, START, WIFE, Stagehand
from tests.signaling.raw_client import Events

WIDE = Way(6_000_000, 0.0, 0.0, 0.0, limited=False)


class Scene:
    """A live visit with legs that say what they are told to say."""

    def __init__(self) -> None:
        self.hand = Stagehand()
        self.stage, self.steps = Stage(), Counter[str]()
        effects = self.hand.enter(OFFICER, WIFE, INMATE)
        for seat in (WIFE, INMATE):
            assert self.hand.act("admit", seat=seat.id) == "done"
        for effect in effects:
            if isinstance(effect, OpenLeg):
                leg = FakeLeg(effect.conn, Events(), effect.publishes, effect.lines, announce=effect.announce)
                leg.up = leg.down = WIDE
                self.stage.enter(effect.conn, leg)
        self.steward = Steward(self.hand.room, self.stage, self.steps)
        self.light()
        self.now = 1000.0

    def light(self) -> None:
        room = self.hand.room
        self.stage.light(room.scene(), {seat.id: seat.view for seat in room.seats})

    def leg(self, conn: str) -> FakeLeg:
        found = self.stage.legs[conn]
        assert isinstance(found, FakeLeg)
        return found

    def second(self) -> Told:
        """One second passes; the room is told what the steward found."""
        self.now += 1.0
        told = self.steward.look(START + timedelta(seconds=self.now - 1000), self.now)
        assert told is not None
        for action in told.actions:
            self.hand.do(action)
        return told

    def person(self, viewer: SeatView, name: str) -> dict[str, Any]:
        """What `viewer` was told last of the person of that name."""
        message = self.hand.state(viewer)
        found: dict[str, Any] = next(p for p in message["people"] if p["name"] == name)
        return found


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_wide_lines_need_no_words(scene: Scene) -> None:
    told = scene.second()
    assert [conn for conn, message in told.messages if message["type"] == "send"] == []
    assert scene.leg("wife").limited == scene.leg("inmate").limited
    assert scene.leg("officer").lines[0][2]


def test_a_narrow_way_up_is_told_to_its_sender_and_to_all(scene: Scene) -> None:
    scene.second()
    scene.leg("wife").up = Way(200_000, 0.2, 400.0, None, limited=False)
    told = scene.second()
    ((conn, message),) = [one for one in told.messages if one[1]["type"] == "send"]
    assert (conn, message["picture"], message["lines"], message["small"]) == ("wife", "180p", 180, False)
    assert scene.person(INMATE, WIFE.name)["picture"] == "180p"
    assert scene.person(INMATE, WIFE.name)["because"] == "theirs"
    assert scene.person(WIFE, WIFE.name)["because"] == "yours"
    marks = [effect for effect in scene.hand.effects if isinstance(effect, Mark)]
    assert [mark.details["to"] for mark in marks if mark.tag == "system:picture:stepped"] == ["180p"] * 2
    assert scene.steps == {"180p": 1}


def test_who_cannot_take_pictures_gets_none_and_whole_sound(scene: Scene) -> None:
    scene.second()
    scene.leg("inmate").down = Way(40_000, 0.5, 900.0, None, limited=False)
    scene.second()
    assert scene.leg("inmate").lines[0] == ("wife", True, False)
    assert scene.leg("officer").lines[0][2], "the officer's line is wide"
    assert scene.person(INMATE, WIFE.name)["picture"] == "sound"


def test_a_weak_officer_gets_the_small_picture_and_nobody_else_less(scene: Scene) -> None:
    scene.second()
    scene.leg("officer").down = Way(400_000, 0.2, 400.0, None, limited=False)
    told = scene.second()
    assert {message["picture"] for _, message in told.messages if message["type"] == "send"} == {"720p"}
    assert all(message["small"] for _, message in told.messages if message["type"] == "send")
    assert scene.leg("officer").small[0]
    assert not scene.leg("inmate").small[0]


def test_still_pictures_pass_now_and_then(scene: Scene) -> None:
    scene.second()
    scene.leg("inmate").down = Way(100_000, 0.2, 400.0, None, limited=False)
    scene.second()
    seen = set()
    for step in range(40):
        scene.steward.look(START, scene.now + step / 10)
        seen.add(scene.leg("inmate").lines[0][2])
    assert seen == {True, False}


def test_a_pause_is_a_pause_whatever_fits(scene: Scene) -> None:
    scene.second()
    assert scene.hand.act("pause", code="security") == "done"
    scene.stage.dim(scene.hand.room.scene())
    scene.second()
    assert scene.leg("inmate").lines == {}


def test_an_officer_sees_the_figures_and_the_room_keeps_them(scene: Scene) -> None:
    told = [scene.second() for _ in range(62)]
    measured = [message for one in told for conn, message in one.messages if message["type"] == "measured"]
    assert len(measured) == 31
    assert {person["seat"] for person in measured[0]["people"]} == {WIFE.id, INMATE.id}
    assert sorted(minute.leg for one in told for minute in one.minutes) == ["inmate", "officer", "wife"]
    assert sorted(minute.seat_id for minute in scene.steward.flush()) == sorted(
        [INMATE.id, OFFICER.id, WIFE.id]
    )
    rated = [action for one in told for action in one.actions if isinstance(action, LegRated)]
    assert len(rated) == 31 * 3
    assert sum(isinstance(action, Fitted) for one in told for action in one.actions) == 1


def test_who_comes_back_over_a_narrow_line_begins_there() -> None:
    scene = Scene()
    conn, before = next(
        (seat.leg, scene.leg(seat.leg))
        for seat in scene.hand.room.seats
        if seat.id == WIFE.id and seat.leg is not None
    )
    before.up = Way(180_000, 0.0, 0.0, None, limited=False)
    scene.second()
    assert before.recalled is None
    seat = next(seat for seat in scene.hand.room.seats if seat.id == WIFE.id)
    again = FakeLeg("conn_again", Events(), before.publishes, len(before.carries))
    again.up = again.down = WIDE
    scene.stage.exit(conn)
    scene.stage.enter("conn_again", again)
    seat.leg = "conn_again"
    scene.second()
    assert again.recalled == (180_000, WIDE.bits)
    scene.second()
    again.recalled = None
    scene.second()
    assert again.recalled is None, "once"
