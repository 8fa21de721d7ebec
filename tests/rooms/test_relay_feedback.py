"""The relay's talk with senders and viewers: key frames, gaps, reports, rates."""

import pytest

from rooms import rtcp
from rooms.rtp import RTX
from tests.fakes.rtp import DELTA, KEY, FakeSink, packet, retransmission
from tests.rooms.relay_legs import AUDIO, VIDEO, Leg, pair, unbroken, video


def test_a_key_frame_that_does_not_come_is_asked_for_again_once_a_second() -> None:
    sender, viewer = Leg(), Leg()
    sender.send([video(1, KEY)])
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    for tick in range(35):
        sender.send([video(2 + tick)], tick / 10)
        sender.relay.tick(tick / 10)
    assert len(sender.asked(rtcp.KeyframeRequest)) == 4


def test_many_viewers_asking_are_one_request() -> None:
    sender, viewers = Leg(), [Leg() for _ in range(5)]
    sender.send([video(1, KEY)])
    for viewer in viewers:
        viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    sender.send([video(2, KEY)], 0.1)
    sender.port.control.clear()
    for viewer in viewers:
        viewer.relay.rtcp(rtcp.pli(1, viewer.down(VIDEO).ssrc), 5.0)
    assert len(sender.asked(rtcp.KeyframeRequest)) == 1


def test_one_viewer_cannot_make_every_frame_a_key_frame() -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY)])
    for step in range(600):  # a minute of asking ten times a second
        now = step / 10
        sender.send([video(2 + step, KEY)], now)
        viewer.relay.rtcp(rtcp.pli(1, viewer.down(VIDEO).ssrc), now)
    assert 5 <= len(sender.asked(rtcp.KeyframeRequest)) <= 16


def test_a_gap_is_asked_for_and_mended_for_viewers_and_recorder() -> None:
    sender, viewer = pair()
    sink = FakeSink()
    sender.relay.tap(sink)
    packets = [video(n, KEY if n == 1 else b"\x00%d" % n) for n in range(1, 7)]
    sender.send([*packets[:2], packets[5]], 1.0)
    assert sender.asked(rtcp.Nack) == [rtcp.Nack(0x10, (3, 4, 5))]
    sender.send([retransmission(packets[2], 1, 0x99), retransmission(packets[3], 2, 0x99)], 1.05)
    sender.send([packets[4]], 1.06)  # or as it was, where RTX is not negotiated
    first = viewer.got(VIDEO)[0].sequence
    assert sorted((seen.sequence - first) & 0xFFFF for seen in viewer.got(VIDEO)) == [0, 1, 2, 3, 4, 5]
    assert sorted(taken for _, taken, _ in sink.taken) == sorted(packets)
    assert sender.relay.ups[VIDEO].lost == 0
    sender.relay.tick(1.2)
    assert len(sender.asked(rtcp.Nack)) == 1


def test_probing_by_resending_old_packets_is_dropped() -> None:
    sender, viewer = pair()
    packets = [video(1, KEY), video(2)]
    sender.send([*packets, retransmission(packets[0], 1, 0x99), retransmission(video(77), 2, 0x99)])
    assert len(viewer.got(VIDEO)) == 2


def test_a_report_that_the_thread_noted_after_the_tick_began_is_just_now() -> None:
    sender, _viewer = pair()
    sender.send([video(1, KEY)], 1.0)
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(0x10, 9 << 16, 0, 1, 1)), 1.2)
    block = sender.relay.ups[VIDEO].report(1.1)
    assert block is not None
    assert (block.last_report, block.since) == (9, 0)
    assert rtcp.receiver_report(1, [block])


def test_a_hole_too_large_to_mend_costs_one_key_frame() -> None:
    sender, _viewer = pair()
    sender.send([video(1, KEY)])
    sender.port.control.clear()
    sender.send([video(300)], 1.0)
    assert sender.asked(rtcp.Nack) == []
    assert sender.asked(rtcp.KeyframeRequest) == [rtcp.KeyframeRequest(0x10)]


def test_a_jump_of_the_sender_is_a_new_beginning() -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY, 0), packet(AUDIO, 1, 0, 0x20)], 0.0)
    sender.send([video(30_000, DELTA), video(30_001, KEY), packet(AUDIO, 30_000, 0, 0x20)], 1.0)
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, KEY]
    assert unbroken(viewer.got(VIDEO))
    assert unbroken(viewer.got(AUDIO))
    assert sender.relay.ups[VIDEO].lost == 0


@pytest.mark.parametrize("rtx", [True, False])
def test_a_viewer_gets_again_what_it_missed(rtx: bool) -> None:
    sender, viewer = pair()
    viewer.down(VIDEO).takes |= {RTX} if rtx else set()
    sender.send([video(n, KEY if n == 1 else b"\x00%d" % n, n * 3000) for n in range(1, 10)])
    missed = viewer.got(VIDEO)[4]
    viewer.port.raw.clear()
    viewer.relay.rtcp(rtcp.nack(1, missed.ssrc, [missed.sequence]), 1.0)
    (again,) = viewer.port.packets
    if rtx:
        assert (again.ssrc, again.payload_type) == (viewer.down(VIDEO).rtx_ssrc, RTX)
        assert again.payload == missed.sequence.to_bytes(2, "big") + missed.payload
        assert again.timestamp == missed.timestamp
    else:
        assert again == missed


def test_what_was_never_sent_to_a_viewer_is_not_sent_on_request() -> None:
    sender, viewer = Leg(), Leg()
    sender.send([video(n, KEY) for n in range(20)])
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    sender.send([video(20, KEY)])
    (only,) = viewer.got(VIDEO)
    viewer.port.raw.clear()
    before_and_after = [(only.sequence + d) & 0xFFFF for d in (-5, -1, 1, 5)]
    viewer.relay.rtcp(rtcp.nack(1, only.ssrc, sorted(before_and_after)), 1.0)
    assert viewer.port.raw == []


def test_a_viewer_that_asks_for_everything_all_the_time_is_bounded() -> None:
    sender, viewer = pair()
    sender.send([video(n, KEY if n == 0 else DELTA) for n in range(400)])
    everything = sorted(seen.sequence for seen in viewer.got(VIDEO))
    viewer.port.raw.clear()
    for step in range(100):
        viewer.relay.rtcp(rtcp.nack(1, viewer.down(VIDEO).ssrc, everything), 1.0 + step / 100)
    assert len(viewer.port.raw) <= 500


def test_sender_reports_tell_the_viewer_its_own_numbers() -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY, 1000), packet(AUDIO, 1, 50, 0x20)], 0.0)
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(0x10, 77 << 32, 4000, 5, 6)), 0.1)
    (told,) = viewer.asked(rtcp.SenderReport)
    assert isinstance(told, rtcp.SenderReport)
    got = viewer.got(VIDEO)[0]
    assert (told.ssrc, told.ntp, told.packets) == (got.ssrc, 77 << 32, 1)
    assert (told.rtp - got.timestamp) & 0xFFFFFFFF == 3000


def test_a_viewer_that_comes_later_is_told_the_last_report_at_once() -> None:
    sender, viewer = Leg(), Leg()
    sender.send([packet(AUDIO, 1, 50, 0x20)], 0.0)
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(0x20, 77 << 32, 50, 5, 6)), 0.1)
    viewer.relay.show(0, sender.relay, 1.0, audio=True, video=True)
    assert viewer.asked(rtcp.SenderReport) == []
    sender.send([packet(AUDIO, 2, 1010, 0x20)], 1.0)
    (told,) = viewer.asked(rtcp.SenderReport)
    assert isinstance(told, rtcp.SenderReport)
    assert (viewer.got(AUDIO)[0].timestamp - told.rtp) & 0xFFFFFFFF == 960


def test_the_round_trip_and_loss_of_a_viewer_are_known_from_its_reports() -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY)], 0.0)
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(0x10, 0x1234_5678_9ABC_DEF0, 0, 1, 1)), 10.0)
    block = rtcp.ReportBlock(viewer.down(VIDEO).ssrc, 64, 1, 1, 0, 0x5678_9ABC, 65_536 // 2)
    viewer.relay.rtcp(rtcp.receiver_report(1, [block]), 10.75)
    assert viewer.relay.round_trip(11.0) == pytest.approx(0.25)
    assert viewer.relay.loss(11.0) == pytest.approx(0.25)
    assert viewer.relay.loss(30.0) is None


def _rates(sender: Leg) -> int:
    return sum(b"REMB" in data for data in sender.port.control)


def test_the_sender_gets_reports_and_a_rate_once_a_second() -> None:
    sender, _ = pair()
    for n in range(100):
        if n % 10 != 5:
            sender.send([video(n, KEY if n == 0 else DELTA)], n / 50)
    sender.relay.tick(2.0)
    (block,) = sender.asked(rtcp.ReportBlock)
    assert isinstance(block, rtcp.ReportBlock)
    assert (block.ssrc, block.lost, block.fraction, block.highest) == (0x10, 10, 25, 99)
    assert any(b"REMB" in data for data in sender.port.control)
    told, rates = len(sender.asked(rtcp.ReportBlock)), _rates(sender)
    sender.relay.tick(2.1)
    assert (len(sender.asked(rtcp.ReportBlock)), _rates(sender)) == (told, rates)


def test_a_viewers_loss_of_sound_is_told_to_the_speaker_so_that_packets_repeat_each_other() -> None:
    sender, viewer = pair()
    sender.send([packet(AUDIO, n, n * 960, 0x20) for n in range(50)], 0.5)
    block = rtcp.ReportBlock(viewer.down(AUDIO).ssrc, 26, 0, 0, 0, 0, 0)
    viewer.relay.rtcp(rtcp.receiver_report(1, [block]), 0.9)
    sender.relay.tick(1.0)
    (told,) = sender.asked(rtcp.ReportBlock)
    assert isinstance(told, rtcp.ReportBlock)
    assert (told.fraction, told.lost) == (51, 0)
    sender.port.control.clear()
    sender.send([packet(AUDIO, n, n * 960, 0x20) for n in range(50, 100)], 19.0)
    sender.relay.tick(20.0)
    (later,) = sender.asked(rtcp.ReportBlock)
    assert isinstance(later, rtcp.ReportBlock)
    assert later.fraction == 0


def test_gaps_of_sound_are_asked_for_and_mended_too() -> None:
    sender, viewer = pair()
    packets = [packet(AUDIO, n, n * 960, 0x20, bytes([n])) for n in range(1, 5)]
    sender.send([packets[0], packets[3]], 0.5)
    assert sender.asked(rtcp.Nack) == [rtcp.Nack(0x20, (2, 3))]
    sender.send(packets[1:3], 0.55)
    assert sorted(seen.payload for seen in viewer.got(AUDIO)) == [bytes([n]) for n in range(1, 5)]
    first = viewer.got(AUDIO)[0].sequence
    viewer.port.raw.clear()
    viewer.relay.rtcp(rtcp.nack(1, viewer.down(AUDIO).ssrc, [first + 1 & 0xFFFF]), 0.6)
    assert [seen.payload for seen in viewer.port.packets] == [b"\x02"]


def test_what_was_mended_is_still_told_as_lost_so_that_the_sender_slows_down() -> None:
    sender, _viewer = pair()
    packets = [video(n, KEY if n == 0 else DELTA) for n in range(20)]
    sender.send([data for n, data in enumerate(packets) if n not in (5, 6)], 1.0)
    sender.send([retransmission(packets[n], n, 0x99) for n in (5, 6)], 1.1)
    sender.relay.tick(2.0)
    (block,) = sender.asked(rtcp.ReportBlock)
    assert isinstance(block, rtcp.ReportBlock)
    assert (block.fraction, block.lost) == (25, 0)


def test_a_new_stream_is_not_judged_by_the_clock_of_the_old_one() -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY)], 0.0)
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(0x10, 77 << 32, 4000, 5, 6)), 0.1)
    viewer.port.control.clear()
    sender.send([video(500, KEY, ssrc=0x77)], 2.0)
    assert len(viewer.got(VIDEO)) == 2
    assert viewer.asked(rtcp.SenderReport) == []
