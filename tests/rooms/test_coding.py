"""One coding per call, chosen before anything is offered."""

from dataclasses import replace

import pytest

from rooms.actions import Attached, LegConnected, OpenLeg
from rooms.codec import VideoCodec, choose, known
from rooms.model import SeatView
from tests.rooms.stagehand import INMATE, OFFICER, RULES, WIFE, Stagehand, visit

VP8, H264 = VideoCodec.VP8, VideoCodec.H264
BOTH = frozenset({VP8, H264})


@pytest.mark.parametrize(
    ("preferred", "present", "able", "begun", "chosen"),
    [
        (VP8, VP8, [BOTH, BOTH], False, VP8),
        (H264, VP8, [BOTH, BOTH], False, H264),
        (H264, H264, [BOTH, {VP8}], True, VP8),
        (VP8, VP8, [BOTH, {H264}], True, H264),
        (VP8, H264, [BOTH, BOTH], True, H264),  # what flows is not disturbed without need
        (H264, H264, [{VP8}, {H264}], True, VP8),  # nothing suits both: sound does
        (VP8, VP8, [], False, VP8),
    ],
)
def test_the_choice(
    preferred: VideoCodec,
    present: VideoCodec,
    able: list[frozenset[VideoCodec]],
    begun: bool,
    chosen: VideoCodec,
) -> None:
    assert choose(preferred, present, map(frozenset, able), begun=begun) is chosen


def test_what_a_client_says_of_itself() -> None:
    assert known(["h264", "av1", "vp8"]) == BOTH
    assert known(["av1"]) == known([]) == {VP8}


def opened(hand: Stagehand, seat: SeatView, codecs: frozenset[VideoCodec], conn: str) -> VideoCodec:
    effects = hand.do(Attached(conn, seat, codecs))
    hand.do(LegConnected(conn))
    return next(effect.codec for effect in effects if isinstance(effect, OpenLeg))


def test_a_late_comer_who_cannot_do_it_brings_the_others_back_in_vp8() -> None:
    hand = Stagehand(visit(rules=replace(RULES, codec=H264)))
    assert opened(hand, WIFE, BOTH, "wife") is H264
    assert opened(hand, OFFICER, frozenset({VP8}), "officer") is VP8
    assert hand.closed("wife") == ["room-moved"]
    assert opened(hand, WIFE, BOTH, "wife2") is VP8
    assert opened(hand, INMATE, BOTH, "inmate") is VP8
    assert hand.closed("officer") == hand.closed("wife2") == []
    assert hand.tags().count("system:visit:recoded") == 1


def test_a_device_without_vp8_makes_it_h264_for_all() -> None:
    hand = Stagehand()
    assert opened(hand, WIFE, frozenset({H264}), "wife") is H264
    assert opened(hand, INMATE, BOTH, "inmate") is H264
    assert "system:visit:recoded" not in hand.tags()


def test_a_wall_player_watches_and_does_not_supervise() -> None:
    hand = Stagehand()
    hand.do(Attached("player", OFFICER, offer="v=0"))
    hand.do(LegConnected("player"))
    hand.sockets[OFFICER.id] = "player"
    hand.enter(WIFE, INMATE)
    assert "for-officer" in hand.state(WIFE)["waiting"]
    assert hand.state(WIFE)["supervised"] is False
    assert hand.shown(OFFICER) == {WIFE.id: (True, True), INMATE.id: (True, True)}


def test_who_only_watches_publishes_nothing() -> None:
    effects = Stagehand().do(Attached("player", WIFE, offer="v=0", sends=False))
    (leg,) = (effect for effect in effects if isinstance(effect, OpenLeg))
    assert (leg.publishes, leg.offer) == (frozenset(), "v=0")
