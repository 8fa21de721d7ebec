"""The small picture: told apart by the answer's numbers, shown instead of the large one without a gap."""

from itertools import pairwise

from rooms import rtcp
from rooms.lines import media_lines
from rooms.relay import Relay
from tests.fakes.rtp import KEY, FakeSink, packet, retransmission
from tests.rooms.relay_legs import BOTH, VIDEO, Leg, unbroken, video

LOW, LOW_RTX = 0x30, 0x31


class Layered(Leg):
    """A leg that sends its picture twice."""

    def __init__(self, told: tuple[int, ...] = (LOW, LOW_RTX)) -> None:
        super().__init__()
        self.relay = Relay(self.port, media_lines(BOTH, 3, low=True), self.dropped)
        self.relay.expect_low(told)


def low(sequence: int, payload: bytes = b"\x00low", timestamp: int = 0) -> bytes:
    return video(sequence, payload, timestamp, LOW)


def small_and_large() -> tuple[Layered, Leg]:
    sender, viewer = Layered(), Leg()
    sender.send([video(1, KEY), low(900, KEY)])
    return sender, viewer


def test_the_line_stands_behind_the_own_picture() -> None:
    uses = [(line.kind.value, line.use) for line in media_lines(BOTH, 1, low=True)]
    assert uses[:4] == [("audio", "own"), ("video", "own"), ("video", "low"), ("audio", "announce")]
    assert "low" not in [line.use for line in media_lines(frozenset(), 1, low=True)]


def test_each_viewer_gets_the_picture_that_was_chosen() -> None:
    sender, viewer = small_and_large()
    wall = Leg()
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    wall.relay.show(0, sender.relay, 0.0, audio=False, video=True, low=True)
    sender.send([video(2, KEY), low(901, KEY), video(3), low(902)], 0.1)
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, b"\x10\x01"]
    assert [seen.payload for seen in wall.got(VIDEO)] == [KEY, b"\x00low"]


def test_going_over_waits_for_the_key_frame_and_leaves_no_gap() -> None:
    sender, viewer = small_and_large()
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    sender.send([video(2, KEY, 3000)], 0.1)
    viewer.relay.show(0, sender.relay, 0.2, audio=True, video=True, low=True)
    sender.send(
        [low(950, timestamp=777_000), video(3, timestamp=6000)], 0.2
    )  # no key frame: the large one goes on
    sender.send([low(951, KEY, 780_000), video(4, timestamp=9000), low(952, timestamp=783_000)], 0.3)
    seen = viewer.got(VIDEO)
    assert [one.payload for one in seen] == [KEY, b"\x10\x01", KEY, b"\x00low"]
    assert unbroken(seen)
    steps = [b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in pairwise(seen)]
    assert all(0 < step < 90_000 for step in steps)
    assert viewer.down(VIDEO).source is sender.relay.low


def test_after_going_over_reports_and_resends_are_the_new_layers() -> None:
    sender, viewer = small_and_large()
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True, low=True)
    sender.send([low(901, KEY)], 0.1)
    viewer.relay.show(0, sender.relay, 0.2, audio=True, video=True)
    sender.send([video(2, KEY)], 0.3)
    viewer.port.control.clear()
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(LOW, 5 << 32, 0, 1, 1)), 0.4)
    assert viewer.asked(rtcp.SenderReport) == []
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(0x10, 6 << 32, 0, 1, 1)), 0.4)
    assert len(viewer.asked(rtcp.SenderReport)) == 1
    newest = viewer.got(VIDEO)[-1]
    viewer.port.raw.clear()
    viewer.relay.rtcp(rtcp.nack(1, newest.ssrc, [newest.sequence]), 0.5)
    assert [seen.payload for seen in viewer.port.packets] == [KEY]


def test_changing_ones_mind_keeps_what_flows() -> None:
    sender, viewer = small_and_large()
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    sender.send([video(2, KEY)], 0.1)
    for small in (True, False):
        viewer.relay.show(0, sender.relay, 0.2, audio=True, video=True, low=small)
    sender.send([low(901, KEY), video(3)], 0.3)
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, b"\x10\x01"]


def test_the_small_picture_is_mended_reported_on_and_never_recorded() -> None:
    sender, viewer = small_and_large()
    sink = FakeSink()
    sender.relay.tap(sink)
    viewer.relay.show(0, sender.relay, 0.0, audio=False, video=True, low=True)
    lost = low(902, b"\x00lost")
    sender.send([low(901, KEY), low(903)], 0.1)
    assert rtcp.Nack(LOW, (902,)) in sender.asked(rtcp.Nack)
    sender.send([retransmission(lost, 1, LOW_RTX)], 0.2)
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, b"\x00low", b"\x00lost"]
    assert not [data for _, data, _ in sink.taken if data[8:12] == LOW.to_bytes(4, "big")]
    sender.relay.tick(2.0)
    assert {block.ssrc for block in sender.asked(rtcp.ReportBlock)} == {0x10, LOW}


def test_a_peer_that_names_no_number_sends_one_picture_to_all() -> None:
    sender, viewer = Layered(told=()), Leg()
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True, low=True)
    sender.send([video(1, KEY), packet(VIDEO, 7, 0, LOW, KEY)], 0.1)
    assert len(viewer.got(VIDEO)) == 1
    assert sender.dropped["rtp-second-stream"] == 1
