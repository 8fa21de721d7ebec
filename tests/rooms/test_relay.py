"""The relay: what one leg sends is what the others get, as one unbroken stream each."""

from itertools import pairwise

from rooms import rtcp
from rooms.client import MediaKind
from rooms.plain import PlainFlows
from rooms.rtp import OPUS
from tests.fakes.rtp import DELTA, KEY, MORE, FakeSink, packet
from tests.rooms.relay_legs import AUDIO, VIDEO, Leg, pair, unbroken, video


def test_sound_and_picture_reach_the_line_under_its_own_ssrc() -> None:
    sender, viewer = pair()
    sender.send([packet(AUDIO, 9, 960, 0x20, b"sound"), video(1, KEY), video(2)])
    (sound,) = viewer.got(AUDIO)
    assert (sound.payload_type, sound.payload) == (OPUS, b"sound")
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, DELTA]
    assert unbroken(viewer.got(VIDEO))
    assert sender.port.packets == []


def test_nothing_flows_by_default_and_nothing_after_clearing() -> None:
    sender, viewer = Leg(), Leg()
    sender.send([video(1, KEY)])
    assert viewer.port.packets == []
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    viewer.relay.show(0, None, 0.0, audio=True, video=True)
    sender.send([video(2, KEY), packet(AUDIO, 1, ssrc=0x20)])
    assert viewer.port.packets == []


def test_showing_again_the_same_changes_nothing() -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY)])
    viewer.relay.show(0, sender.relay, 0.1, audio=True, video=True)
    sender.send([video(2)], 0.1)
    assert unbroken(viewer.got(VIDEO))
    assert len(viewer.got(VIDEO)) == 2


def test_picture_begins_with_a_key_frame_that_was_asked_for() -> None:
    sender, viewer = Leg(), Leg()
    sender.send([video(1, KEY), video(2)])
    viewer.relay.show(0, sender.relay, 0.5, audio=False, video=True)
    assert sender.asked(rtcp.KeyframeRequest) == [rtcp.KeyframeRequest(0x10)]
    sender.send([video(3), video(4, MORE), video(5, KEY), video(6, MORE)], 0.5)
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, MORE]


def test_a_long_mute_leaves_no_hole() -> None:
    """Trap: a hole of more than 32,767 numbers makes libsrtp refuse the stream for good."""
    sender, viewer = pair()
    sender.send([video(0, KEY)])
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=False)
    sender.send([video(number, DELTA, number * 500) for number in range(1, 40_000)], 1.0)
    viewer.relay.show(0, sender.relay, 240.0, audio=True, video=True)
    sender.send([video(40_000, DELTA), video(40_001, KEY, 40_001 * 500), video(40_002, MORE)], 240.0)
    got = viewer.got(VIDEO)
    assert [seen.payload for seen in got] == [KEY, KEY, MORE]
    assert unbroken(got)
    assert (got[1].timestamp - got[0].timestamp) & 0xFFFFFFFF == 240 * 90_000


def test_a_muted_sound_comes_back_at_once_and_in_time() -> None:
    sender, viewer = pair()
    sender.send([packet(AUDIO, 1, 0, 0x20)], 0.0)
    viewer.relay.show(0, sender.relay, 0.0, audio=False, video=True)
    sender.send([packet(AUDIO, 2 + n, 960 * n, 0x20) for n in range(50)], 0.5)
    viewer.relay.show(0, sender.relay, 1.0, audio=True, video=True)
    sender.send([packet(AUDIO, 52, 48_000, 0x20, b"back")], 1.0)
    got = viewer.got(AUDIO)
    assert [seen.payload for seen in got] == [b"payload", b"back"]
    assert unbroken(got)
    assert (got[1].timestamp - got[0].timestamp) & 0xFFFFFFFF == 48_000


def test_another_source_goes_on_where_the_first_ended() -> None:
    first, viewer = pair()
    first.send([video(1000, KEY, 5), video(1001, DELTA, 3005)], 10.0)
    second = Leg()
    second.send([video(7, KEY, 4_000_000_000)], 10.0)
    viewer.relay.show(0, second.relay, 10.5, audio=True, video=True)
    first.send([video(1002)], 10.5)
    second.send([video(8), video(9, KEY, 4_000_003_000), video(10, DELTA, 4_000_006_000)], 11.0)
    got = viewer.got(VIDEO)
    assert [seen.payload for seen in got] == [KEY, DELTA, KEY, DELTA]
    assert unbroken(got)
    assert [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(got)] == [
        3000,
        90_000,
        3000,
    ]


def test_a_late_packet_from_before_the_beginning_is_not_sent() -> None:
    sender, viewer = Leg(), Leg()
    sender.send([video(1, KEY), video(3)])
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    sender.send([video(5, KEY), video(4), video(2), video(6)])
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, DELTA]
    assert unbroken(viewer.got(VIDEO))


def test_reordering_is_passed_on_and_doubles_are_not() -> None:
    sender, viewer = pair()
    sender.send(
        [video(n, p) for n, p in ((1, KEY), (3, b"\x003"), (2, b"\x002"), (3, b"\x003"), (4, b"\x004"))]
    )
    got = viewer.got(VIDEO)
    first = got[0].sequence
    assert [((seen.sequence - first) & 0xFFFF, seen.payload[1:]) for seen in got[1:]] == [
        (2, b"3"),
        (1, b"2"),
        (3, b"4"),
    ]
    assert sender.dropped["rtp-duplicate"] == 1


def test_numbers_wrap_without_a_break() -> None:
    sender, viewer = Leg(), Leg()
    down = viewer.down(VIDEO)
    near = 0x1FFE0, 0xFFFFFF00  # what was sent before: numbers and timestamps are about to wrap
    down.flow = PlainFlows(viewer.port, viewer.dropped).outflow(VIDEO, down.ssrc, near, down)
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    packets = [
        video(0xFFF0 + n, KEY if n == 0 else DELTA, (0xFFFF0000 + 3000 * n) & 0xFFFFFFFF) for n in range(80)
    ]
    sender.send(packets)
    got = viewer.got(VIDEO)
    assert len(got) == 80
    assert (got[0].sequence, got[-1].sequence) == (0xFFE1, 0x30)
    assert unbroken(got)
    assert {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(got)} == {3000}
    assert sender.relay.ups[VIDEO].lost == 0


def test_the_announce_line_carries_sound_only() -> None:
    officer, inmate = Leg(publishes=frozenset({AUDIO})), Leg()
    inmate.relay.announce(officer.relay, 0.0)
    officer.send([packet(AUDIO, 1, 0, 0x20, b"listen")])
    assert [seen.payload for seen in inmate.got(AUDIO, None)] == [b"listen"]
    inmate.relay.announce(None, 0.0)
    officer.send([packet(AUDIO, 2, 0, 0x20)])
    assert len(inmate.port.packets) == 1


def test_a_leg_can_be_its_own_mirror() -> None:
    leg = Leg()
    leg.relay.show(0, leg.relay, 0.0, audio=True, video=True)
    leg.send([packet(AUDIO, 1, 0, 0x20, b"me")])
    assert [seen.payload for seen in leg.got(AUDIO)] == [b"me"]
    leg.relay.close()
    leg.send([packet(AUDIO, 2, 0, 0x20, b"me")])
    assert len(leg.port.packets) == 1


def test_a_recorder_gets_all_whatever_is_forwarded_until_it_lets_go() -> None:
    sender, sink = Leg(), FakeSink()
    sender.relay.tap(sink)
    sender.relay.tap(sink)
    sender.send([packet(AUDIO, 1, 0, 0x20), video(1)], 3.5)
    sender.relay.rtcp(rtcp.sender_report(rtcp.SenderReport(0x10, 9, 8, 5, 6)), 3.6)
    assert [(kind, arrived) for kind, _, arrived in sink.taken] == [(AUDIO, 3.5), (VIDEO, 3.5)]
    assert sink.reports == [(VIDEO, 9, 8)]
    late = FakeSink()
    sender.relay.tap(late)
    assert late.reports == [(VIDEO, 9, 8)]
    sender.relay.untap(sink)
    sender.send([video(2)])
    assert (len(sink.taken), len(late.taken)) == (2, 1)


def test_a_recorder_may_be_given_pictures_without_their_sound_for_a_while() -> None:
    sender, sink = Leg(), FakeSink()
    for number, sound in enumerate((True, False, False, True), start=1):
        sender.relay.tap(sink, sound=sound)
        sender.send([packet(AUDIO, number, 0, 0x20, b"%d" % number), video(number)])
    assert [data[12:] for kind, data, _ in sink.taken if kind is AUDIO] == [b"1", b"4"]
    assert sum(kind is VIDEO for kind, *_ in sink.taken) == 4


def test_a_failing_recorder_silences_nobody() -> None:
    class Broken(FakeSink):
        def packet(self, kind: MediaKind, packet: bytes, arrived: float) -> None:
            raise OSError

    sender, viewer = pair()
    sender.relay.tap(Broken())
    sender.send([video(1, KEY), video(2)])
    assert len(viewer.got(VIDEO)) == 2
    assert sender.dropped["sink-failed"] == 2


def test_nothing_is_sent_before_the_port_is_ready_or_on_a_line_that_was_refused() -> None:
    sender, viewer = Leg(), Leg(ready=False)
    viewer.down(VIDEO).takes = frozenset()
    viewer.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    sender.send([packet(AUDIO, 1, 0, 0x20), video(1, KEY)])
    assert viewer.port.packets == []
    viewer.port.ready = True
    viewer.relay.update(1.0)
    sender.send([packet(AUDIO, 2, 0, 0x20), video(2, KEY)])
    assert (len(viewer.got(AUDIO)), len(viewer.got(VIDEO))) == (1, 0)


def test_closing_frees_both_sides() -> None:
    sender, viewer = pair()
    viewer.relay.close()
    assert sender.relay.ups[VIDEO].outs == []
    viewer2 = Leg()
    viewer2.relay.show(0, sender.relay, 0.0, audio=True, video=True)
    sender.relay.close()
    assert viewer2.down(VIDEO).source is None


def test_only_a_few_streams_are_known_per_leg() -> None:
    leg = Leg()
    for ssrc in range(100):
        if leg.relay.knows(ssrc.to_bytes(4, "big")):
            leg.send([video(1, KEY, ssrc=ssrc)])
    assert len(leg.relay._handlers) <= 16
    assert leg.dropped["rtp-second-stream"] == 15


def test_a_browser_may_change_its_ssrc_once_the_old_stream_is_quiet() -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY)], 0.0)
    sender.send([video(500, KEY, ssrc=0x77)], 0.5)
    assert len(viewer.got(VIDEO)) == 1
    sender.send([video(501, KEY, ssrc=0x77), video(502, DELTA, ssrc=0x77)], 2.0)
    assert [seen.payload for seen in viewer.got(VIDEO)] == [KEY, KEY, DELTA]
    assert unbroken(viewer.got(VIDEO))
    sender.send([video(2, KEY)], 2.1)
    assert len(viewer.got(VIDEO)) == 3


def test_what_was_not_offered_is_dropped() -> None:
    watcher = Leg(publishes=frozenset({AUDIO}))
    watcher.send([video(1, KEY), packet(0, 1, 0, 5), packet(13, 1, 0, 6)])
    assert watcher.dropped["rtp-payload-type"] == 3
