"""A line that overflows is known within half a second; what only loses is not taken for one."""

import random
from collections.abc import Callable

import pytest

from rooms import rtcp
from rooms.overflow import Overflow, Passed
from rooms.rtp import CLOCK_RATE
from tests.fakes.rtp import DELTA, KEY, packet
from tests.rooms.relay_legs import AUDIO, VIDEO, Leg, pair, video
from tests.rooms.test_rate import told

RATE = 150  # packets a second
SIZE = 1000


def first(loses: Callable[[float, int], bool], seconds: float = 5.0) -> tuple[float, Passed] | None:
    """When it is said, and what. `loses`: whether the packet of this moment and number is lost."""
    overflow, sent, lost = Overflow(), 0, 0
    for tick in range(int(seconds * 10)):
        for _ in range(RATE // 10):
            sent += 1
            lost += loses(tick / 10, sent)
        if (passed := overflow.look(tick / 10, sent, lost, (sent - lost) * SIZE)) is not None:
            return tick / 10, passed
    return None


@pytest.mark.parametrize("part", [3, 4, 8])
def test_what_goes_on_being_too_much_is_known_within_half_a_second(part: int) -> None:
    found = first(lambda at, n: at >= 2.0 and n % part != 0)
    assert found is not None
    at, passed = found
    assert 2.0 < at <= 2.5
    assert passed.loss == pytest.approx(1 - 1 / part, abs=0.25)
    # The first part of the window may be of the time before.
    assert passed.bits < 0.8 * RATE * SIZE * 8


def test_radio_that_loses_is_no_overflow() -> None:
    dice = random.Random(3)
    assert first(lambda _at, _n: dice.random() < 0.15, seconds=120) is None


def test_a_gap_is_no_overflow() -> None:
    """What was lost while nothing came is counted at once, with the first packet behind it."""
    overflow = Overflow()
    for tick in range(60):
        sent = lost = 0
        if tick < 20:
            sent = 15 * tick
        else:
            sent, lost = (300, 0) if tick < 40 else (600 + 15 * (tick - 40), 300)
        assert overflow.look(tick / 10, sent, lost, (sent - lost) * SIZE) is None


def test_a_stream_that_begins_anew_is_judged_anew() -> None:
    overflow = Overflow()
    for tick in range(3):
        assert overflow.look(tick / 10, 1000 + 15 * tick, 10 * tick, 0) is None
    assert overflow.look(0.3, 5, 4, 0) is None


class Talk:
    """Somebody who sends sound and pictures over a line that carries a part of them, tick by tick."""

    def __init__(self, sender: Leg) -> None:
        self.sender = sender
        self.sound = self.picture = 0
        self.tick = 0
        self.key = True

    def go(self, ticks: int, *, one_of: int = 1, pictures: int = 12) -> float:
        """`one_of` this many packets arrives. Answers the moment of the end."""
        for _ in range(ticks):
            now = self.tick / 10
            for _ in range(5):
                self.sound += 1
                if self.sound % one_of == 0 or one_of == 1:
                    stamp = self.sound * CLOCK_RATE[AUDIO] // 50
                    self.sender.send([packet(AUDIO, self.sound, stamp, 0x20, b"s" * 100)], now)
            for _ in range(pictures):
                self.picture += 1
                if self.picture % one_of == 0 or one_of == 1:
                    payload, self.key = (KEY if self.key else DELTA) + bytes(1000), False
                    self.sender.send([video(self.picture, payload, ssrc=0x10)], now)
            self.sender.relay.tick(now, 0.05)
            self.tick += 1
        return now


def test_a_sender_whose_line_overflows_is_told_at_once_and_again() -> None:
    sender, _ = pair()
    talk = Talk(sender)
    talk.go(30)
    before = told(sender)
    count = len(sender.port.control)
    talk.go(6, one_of=5)
    assert told(sender) < before / 2
    assert sum(b"REMB" in data for data in sender.port.control[count:]) >= 1
    again = len(sender.port.control)
    talk.go(8)
    assert sum(b"REMB" in data for data in sender.port.control[again:]) >= 3, "it may be lost on the way"


def test_pictures_are_not_asked_for_again_while_the_way_overflows() -> None:
    sender, _ = pair()
    talk = Talk(sender)
    talk.go(30)
    talk.go(6, one_of=5)
    asked = len(sender.asked(rtcp.Nack))
    talk.go(5, one_of=5)
    new = sender.asked(rtcp.Nack)[asked:]
    assert {one.ssrc for one in new if isinstance(one, rtcp.Nack)} <= {0x20}, "only sound"
    keys = len(sender.asked(rtcp.KeyframeRequest))
    talk.go(30)
    assert len(sender.asked(rtcp.KeyframeRequest)) > keys, "then a key frame mends all"


def test_pictures_are_held_back_from_a_line_that_overflows_until_they_fit() -> None:
    """The other way of a narrow line is mostly narrow, too; a report says whether, or that it is not."""
    sender, viewer = pair()
    talk, own = Talk(sender), Talk(viewer)
    for _ in range(30):
        talk.go(1)
        own.go(1)
    for _ in range(6):
        talk.go(1)
        own.go(1, one_of=5)
    assert holding(viewer)
    seen = len(viewer.got(VIDEO))
    heard = len(viewer.got(AUDIO))
    for _ in range(5):
        now = talk.go(1)
        own.go(1)
    assert len(viewer.got(VIDEO)) == seen
    assert len(viewer.got(AUDIO)) > heard, "sound is never held back"
    report(viewer, now, 0.8)
    assert viewer.relay.rate.down.bits_per_second < 400_000
    for _ in range(20):
        now = talk.go(1)
        own.go(1)
    assert holding(viewer), "nine hundred kilobits do not fit"
    for _ in range(10):
        talk.key = True
        now = talk.go(1, pictures=1)
        own.go(1)
    assert not holding(viewer)
    assert len(viewer.got(VIDEO)) > seen


def test_what_a_viewer_asks_for_again_says_that_its_line_overflows() -> None:
    sender, viewer = pair()
    talk = Talk(sender)
    talk.go(30)
    before = viewer.relay.rate.down.bits_per_second
    for _ in range(6):
        seen = len(viewer.got(VIDEO))
        now = talk.go(1)
        lost = [one.sequence for one in viewer.got(VIDEO)[seen:]][::2] + [
            one.sequence for one in viewer.got(VIDEO)[seen:]
        ][1::4]
        media = viewer.down(VIDEO).ssrc
        viewer.relay.rtcp(rtcp.nack(1, media, sorted(set(lost))), now)
        viewer.relay.tick(now, 0.05)
    assert viewer.relay.rate.holds
    assert viewer.relay.rate.down.bits_per_second < before / 2


def holding(viewer: Leg) -> bool:
    return viewer.relay.rate.holds


def report(viewer: Leg, now: float, lost: float) -> None:
    newest = viewer.got(VIDEO)[-1]
    block = rtcp.ReportBlock(newest.ssrc, int(lost * 256), 0, newest.sequence, 0, 0, 0)
    viewer.relay.rtcp(rtcp.receiver_report(1, [block]), now)
