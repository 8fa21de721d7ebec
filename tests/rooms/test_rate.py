"""Both ways of a leg out of counters and reports, and the level of its sound."""

import pytest

from rooms import loudness, rtcp
from rooms.bandwidth import CAP
from tests.fakes.rtp import DELTA, KEY, packet
from tests.rooms.relay_legs import AUDIO, VIDEO, Leg, pair, video

SOUND = b"s" * 100
PICTURE = DELTA + bytes(1000)


def talk(
    sender: Leg,
    seconds: int,
    *,
    lateness: float = 0.0,
    packets: int = 100,
    start: int = 0,
    trip: float | None = None,
) -> float:
    """Sound every 20 ms and `packets` of picture a second, for whole seconds; what comes late does so by and by
    more. Answers the moment of its end."""
    for step in range(start * 50, (start + seconds) * 50):
        now = step / 50 + lateness * (step - start * 50) / (seconds * 50)
        sender.send([packet(AUDIO, step, step * 960, 0x20, SOUND)], now)
        number = step * packets // 50
        sender.send([video(n, PICTURE) for n in range(number, (step + 1) * packets // 50)], now)
        if step % 5 == 4:
            sender.relay.tick(now, trip)
    return now


def told(sender: Leg) -> int:
    """The last REMB."""
    data = next(data for data in reversed(sender.port.control) if b"REMB" in data)
    at = data.index(b"REMB") + 5
    exponent, mantissa = data[at] >> 2, (data[at] & 3) << 16 | data[at + 1] << 8 | data[at + 2]
    return mantissa << exponent


def test_what_arrives_in_time_lowers_nothing() -> None:
    sender, _ = pair()
    talk(sender, 5)
    assert told(sender) == pytest.approx(CAP, rel=0.01)


def test_sound_that_comes_ever_later_says_that_a_queue_fills() -> None:
    sender, _ = pair()
    talk(sender, 3)
    talk(sender, 5, lateness=2.0, start=3)
    assert told(sender) < 0.9 * 100 * 1000 * 8
    assert (sender.relay.rate.queue_up or 0) > 0.3


def test_a_microphone_whose_clock_slips_is_no_queue() -> None:
    sender, _ = pair()
    talk(sender, 3, trip=0.05)
    talk(sender, 5, lateness=2.0, start=3, trip=0.05)
    assert told(sender) == pytest.approx(CAP, rel=0.01)


def test_what_all_viewers_can_use_is_told_when_it_is_less() -> None:
    sender, _ = pair()
    sender.relay.rate.limit = 250_000
    talk(sender, 3)
    assert told(sender) == pytest.approx(250_000, rel=0.01)


def test_a_standstill_is_no_narrow_line() -> None:
    sender, _ = pair()
    talk(sender, 3)
    for tick in range(20):
        sender.relay.tick(3 + tick / 10)
    talk(sender, 3, start=5)  # two seconds of numbers never came
    assert told(sender) == pytest.approx(CAP, rel=0.01)


@pytest.mark.parametrize(("fraction", "lowered"), [(0, False), (13, False), (128, True)])
def test_a_viewers_loss_says_what_its_way_carries(fraction: int, lowered: bool) -> None:
    sender, viewer = pair()
    sender.send([video(0, KEY)])
    cap = viewer.relay.rate.down.bits_per_second
    for second in range(6):
        now = talk(sender, 1, start=second)
        newest = viewer.got(VIDEO)[-1]
        block = rtcp.ReportBlock(newest.ssrc, fraction, 0, newest.sequence, 0, 0, 0)
        viewer.relay.rtcp(rtcp.receiver_report(1, [block]), now)
        viewer.relay.tick(now + 0.01)
    assert (viewer.relay.rate.down.bits_per_second < cap) is lowered
    if lowered:
        assert viewer.relay.rate.down.bits_per_second == pytest.approx(0.85 * 0.5 * 100 * 1050 * 8, rel=0.2)


def test_what_was_lost_on_the_way_up_is_not_the_viewers_way() -> None:
    sender, viewer = pair()
    sender.send([video(0, KEY)])
    cap = viewer.relay.rate.down.bits_per_second
    for second in range(6):
        for n in range(100 * second, 100 * second + 100):
            if n % 4:
                sender.send([video(n, PICTURE)], second + n % 100 / 100)
        sender.relay.tick(second + 0.99)
        newest = viewer.got(VIDEO)[-1]
        block = rtcp.ReportBlock(newest.ssrc, 64, 0, newest.sequence, 0, 0, 0)
        viewer.relay.rtcp(rtcp.receiver_report(1, [block]), second + 1.0)
        viewer.relay.tick(second + 1.0)
    assert viewer.relay.rate.down.bits_per_second == cap


def extended(level: int, before: bytes = b"") -> bytes:
    body = before + bytes([loudness.EXTENSION << 4, 0x80 | level])
    body += bytes(-len(body) % 4)
    plain = packet(AUDIO, 1, 0, 0x20, b"sound")
    head = bytes([plain[0] | 0x10]) + plain[1:12]
    return head + b"\xbe\xde" + (len(body) // 4).to_bytes(2, "big") + body + plain[12:]


@pytest.mark.parametrize(
    ("data", "level"),
    [
        (extended(40), 40),
        (extended(0, before=b"\x00\x32abc"), 0),
        (packet(AUDIO, 1), None),
        (extended(40)[:14], None),
        (extended(40)[:12] + b"\x10\x00\x00\x01\x10\xa8\x00\x00", None),
        (extended(3)[:12] + b"\xbe\xde\xff\xff\x20", None),
    ],
)
def test_the_level_stands_in_the_packet(data: bytes, level: int | None) -> None:
    assert loudness.level(data) == level


def test_the_loudest_of_a_second_counts() -> None:
    sender, _ = pair()
    for at, level in enumerate((90, 30, 70)):
        data = extended(level)
        sender.send([data[:2] + at.to_bytes(2, "big") + data[4:]], at / 10)
        sender.relay.tick(at / 10)
    assert sender.relay.level == 30


def test_a_sender_is_told_little_at_first_and_more_within_two_seconds() -> None:
    sender, _ = pair()
    said = []
    for tick in range(25):
        now = 10 + tick / 10
        sender.send([video(tick, KEY if tick == 0 else DELTA)], now)
        sender.relay.tick(now)
        said.append(told(sender))
    assert said[0] == pytest.approx(500_000, rel=0.01)
    assert said == sorted(said)
    assert said[-1] == pytest.approx(CAP, rel=0.01)
