"""The relay under whatever peers may send, in any order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooms import rtcp
from rooms.client import MediaKind
from rooms.rtp import RTX
from tests.fakes.rtp import KEY, packet
from tests.rooms.relay_legs import AUDIO, VIDEO, Leg, pair, video


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=30))
def test_whatever_an_authentic_peer_sends_nothing_is_raised(datagrams: list[tuple[bool, bytes]]) -> None:
    sender, viewer = pair()
    sender.send([video(1, KEY), packet(AUDIO, 1, 0, 0x20)])
    for control, data in datagrams:
        if control:
            sender.relay.rtcp(data, 1.0)
            viewer.relay.rtcp(data, 1.0)
        else:
            for start in (b"", video(2)[:12], packet(RTX, 3, 0, 0x99)[:12], bytes([0xB0]) + video(4)[1:12]):
                sender.relay.rtp(start + data, 1.0)
    sender.send([packet(AUDIO, 2, 0, 0x20)], 2.0)
    # A whole packet among the rubbish may have been forwarded too; the honest stream goes on all the same.
    payloads = [seen.payload for seen in viewer.got(AUDIO)]
    assert len(payloads) >= 2
    assert payloads[0] == payloads[-1] == b"payload"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(-20, 30), st.sampled_from(["on", "off", "other", "keep"])), max_size=80)
)
def test_whatever_happens_a_viewer_sees_numbers_that_never_step_back_far(
    steps: list[tuple[int, str]],
) -> None:
    """Losses, reordering, mutes and changes of source in any order: the stream stays within what SRTP bears."""
    sources, viewer, now, at = [Leg(), Leg()], Leg(), 0.0, [100, 65_500]
    shown = 0
    viewer.relay.show(0, sources[0].relay, now, audio=True, video=True)
    for step, what in steps:
        now += 0.02
        if what == "other":
            shown = 1 - shown
        source = None if what == "off" else sources[shown].relay
        if what != "keep":
            viewer.relay.show(0, source, now, audio=True, video=True)
        at[shown] = max(0, at[shown] + step)
        sources[shown].send([video(at[shown], KEY)], now)
    got = viewer.got(VIDEO)
    highest = got[0].sequence if got else 0
    for seen in got:
        ahead = ((seen.sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        assert -40 < ahead <= 501
        highest = (highest + max(0, ahead)) & 0xFFFF


def test_a_storm_of_sender_reports_is_not_the_viewers() -> None:
    """A packet holds fifty of them, and each would be sealed and sent to everybody who watches."""
    sender, viewer = pair()
    sender.send([packet(AUDIO, 1, 0, 0x20)])
    for tick in range(100):
        told = [rtcp.SenderReport(0x20, (tick * 50 + n) << 32, 0, 1, 1) for n in range(50)]
        sender.relay.rtcp(b"".join(map(rtcp.sender_report, told)), 1.0 + tick / 100)
    assert 5 <= len(viewer.asked(rtcp.SenderReport)) <= 11
    assert sender.dropped["rtcp-too-often"] > 4900


@pytest.mark.parametrize("congested", [False, True])
def test_a_storm_of_requests_is_not_looked_at_number_by_number(
    monkeypatch: pytest.MonkeyPatch, congested: bool
) -> None:
    """A packet of a kilobyte may ask for four thousand numbers."""
    sender, viewer = pair()
    sender.send([video(1, KEY), *(video(number) for number in range(2, 500))])
    viewer.relay.rate.down.congested = congested
    looked: list[int] = []
    flow = sender.relay.ups[MediaKind.VIDEO].flow
    kept = flow.kept

    def noted(number: int) -> bytes | None:
        looked.append(number)
        return kept(number)

    monkeypatch.setattr(flow, "kept", noted)
    newest = viewer.got(VIDEO)[-1].sequence
    asked = [(newest - back) & 0xFFFF for back in range(400)] * 10
    before = len(viewer.port.packets)
    for tick in range(100):
        viewer.relay._heard(
            viewer.down(VIDEO), rtcp.Nack(viewer.down(VIDEO).ssrc, tuple(asked)), 1 + tick / 100
        )
    assert len(looked) < 4500
    assert len(viewer.port.packets) - before <= 500
    assert viewer.down(VIDEO).missed == 400, "each is counted once"
