import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recording import rtp
from tests.recording import media
from tests.recording.media import Sender, header


def packet(sequence: int, arrived: float = 0.0, payload: bytes = b"x") -> rtp.Packet:
    return rtp.Packet(sequence & 0xFFFF, sequence * 10, 1, False, payload, arrived)


def through(order: rtp.Reorder, *packets: rtp.Packet) -> list[int | None]:
    return [one and one.sequence for each in packets for one in order.push(each)]


def test_a_packet_is_read_with_its_extension_csrcs_and_padding() -> None:
    plain = bytes([0xB2, 0xE0]) + struct.pack("!HII", 7, 9, 11) + b"CSRCCSRC"
    data = plain + b"\xbe\xde\x00\x01EXTE" + b"payload" + b"\x00\x00\x03"
    assert rtp.parse(data, 1.5) == rtp.Packet(7, 9, 11, True, b"payload", 1.5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        header(1, 2, 3, False, 96)[:11],
        b"\x40" + header(1, 2, 3, False, 96)[1:],  # version 1
        b"\xa0" + header(1, 2, 3, False, 96)[1:] + b"ab\x00",  # no padding counted
        b"\xa0" + header(1, 2, 3, False, 96)[1:] + b"ab\x09",  # more padding than packet
        b"\x90" + header(1, 2, 3, False, 96)[1:] + b"\xbe",  # half an extension
        b"\x90" + header(1, 2, 3, False, 96)[1:] + b"\xbe\xde\x00\x09abcd",
        b"\x8f" + header(1, 2, 3, False, 96)[1:],  # fifteen sources that are not there
    ],
)
def test_a_malformed_packet_is_none(data: bytes) -> None:
    assert rtp.parse(data, 0) is None


@given(st.binary(max_size=200))
@example(b"\xff" * 12)
def test_nothing_a_peer_sends_raises(data: bytes) -> None:
    for candidate in (data, header(1, 2, 3, True, 96) + data):
        parsed = rtp.parse(candidate, 0)
        if parsed is not None:
            for frames in (rtp.Vp8Frames(), rtp.OpusFrames()):
                frames.push(parsed)
    assert 0 <= rtp.opus_ms(data) <= 120


def test_order_is_restored_and_duplicates_vanish() -> None:
    order = rtp.Reorder()
    sequences = [65_534, 0, 65_535, 0, 2, 1, 1, 3]
    assert through(order, *map(packet, sequences)) == [65_534, 65_535, 0, 1, 2, 3]
    assert order.lost == 0


def test_a_hole_is_waited_for_and_then_given_up() -> None:
    order = rtp.Reorder()
    assert through(order, packet(1, 0.0), packet(3, 0.1), packet(4, 0.3)) == [1]
    assert list(order.expire(0.49)) == []
    assert [one and one.sequence for one in order.expire(0.51)] == [None, 3, 4]
    assert order.lost == 1
    assert through(order, packet(2, 0.6), packet(5, 0.6)) == [5]


def test_two_holes_are_given_up_one_after_the_other() -> None:
    order = rtp.Reorder()
    through(order, packet(1, 0.0), packet(3, 0.1), packet(5, 0.4))
    assert [one and one.sequence for one in order.expire(0.55)] == [None, 3]
    assert [one and one.sequence for one in order.expire(0.85)] == [None, 5]
    assert order.lost == 2


def test_too_many_waiting_do_not_wait_on() -> None:
    order = rtp.Reorder()
    through(order, packet(0))
    out = through(order, *(packet(2 + index) for index in range(rtp.HOLD_PACKETS + 1)))
    assert out == [None, *range(2, rtp.HOLD_PACKETS + 3)]


def test_a_sender_that_numbers_anew_is_believed_at_its_second_packet() -> None:
    order = rtp.Reorder()
    through(order, packet(30_000))
    assert through(order, packet(5_000), packet(5_001), packet(5_002)) == [None, 5_001, 5_002]
    order = rtp.Reorder()
    through(order, packet(30_000))
    assert through(order, packet(5_000), packet(30_001), packet(7_000)) == [30_001]


@given(st.permutations(list(range(40))), st.sets(st.integers(0, 39), max_size=10))
def test_whatever_the_order_each_packet_comes_once_in_order_and_none_is_made_up(
    sequences: list[int], missing: set[int]
) -> None:
    order = rtp.Reorder()
    there = [one for one in sequences if one not in missing]
    out = through(order, *(packet(one + 65_520, index * 0.001) for index, one in enumerate(there)))
    out += [one and one.sequence for one in order.flush()]
    got = [(one - 65_520) & 0xFFFF for one in out if one is not None]
    assert got == sorted(set(got))
    first = there[0] if there else 0
    assert set(got) == {one for one in there if one >= first}


def test_vp8_frames_come_out_as_they_went_in() -> None:
    frames = rtp.Vp8Frames()
    got = []
    for wire in Sender().video(2):
        parsed = rtp.parse(wire.data, wire.arrived)
        assert parsed is not None
        if whole := frames.push(parsed):
            got.append((whole.data, whole.key))
    assert got == [(one.data, one.key) for one in media.pictures(2)]
    assert rtp.vp8_size(got[0][0]) == (192, 108)


def test_after_a_loss_pictures_go_on_at_the_next_key_frame() -> None:
    frames = rtp.Vp8Frames()
    order = rtp.Reorder()
    wires = Sender().video(6)
    lost = next(index for index, one in enumerate(wires) if one.sent >= 1.0)
    got = []
    for index, wire in enumerate(wires):
        parsed = rtp.parse(wire.data, wire.arrived)
        assert parsed is not None
        for one in order.push(parsed) if index != lost else ():
            if one is None:
                frames.hole()
            elif whole := frames.push(one):
                got.append(whole)
    times = [(one.timestamp - 4_294_900_000) % (1 << 32) / 90_000 for one in got]
    assert [time for time in times if time < 1.0] == [index / media.FPS for index in range(media.FPS)]
    assert min(time for time in times if time >= 1.0) == 2.0
    assert len(got) == 25 + 4 * 25


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b"\x10abc", (1, True)),
        (b"\x00abc", (1, False)),
        (b"\x11abc", (1, False)),  # the second partition of a frame
        (b"\x90\x80\x12abc", (3, True)),
        (b"\x90\x80\x92\x34abc", (4, True)),
        (b"\x90\xf0\x92\x34\x01\x02abc", (6, True)),
        (b"\x90\x20\x02abc", (3, True)),
        (b"\x10", None),
        (b"\x90\x80", None),
        (b"\x90\x80\x92\x34", None),
    ],
)
def test_vp8_descriptors(payload: bytes, found: tuple[int, bool] | None) -> None:
    assert rtp.vp8_descriptor(payload) == found


@pytest.mark.parametrize(
    ("packet_head", "milliseconds"),
    [
        (b"\x78", 20.0),
        (b"\xfc", 20.0),
        (b"\xe0", 2.5),
        (b"\x01", 20.0),  # two frames of ten
        (b"\x1b\x02", 120.0),  # two of sixty
        (b"\x1b\x03", 0.0),  # more than a packet may hold
        (b"\x03", 0.0),
    ],
)
def test_the_length_of_opus_packets(packet_head: bytes, milliseconds: float) -> None:
    assert rtp.opus_ms(packet_head) == milliseconds
