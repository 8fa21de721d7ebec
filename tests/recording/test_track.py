from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording import matroska
from recording.track import KEYFRAME_EVERY_S, Track
from tests.recording.media import AUDIO, FPS, VIDEO, Sender, Wire, decode, delayed, in_order


def fed(wires: list[Wire]) -> Track:
    track = Track(0.0)
    for wire in wires:
        track.packet(wire.kind, wire.data, wire.arrived)
        track.expire(wire.arrived)
    return track


def written(track: Track, path: Path) -> Path:
    track.flush()
    path.write_bytes(track.take())
    return path


def test_late_packets_find_their_place(tmp_path: Path) -> None:
    wires = Sender().video(4)
    late = delayed(wires, range(5, len(wires), 7), by=0.25)
    track = fed(in_order(late, Sender().audio(4)))
    assert len(decode(written(track, tmp_path / "a.webm")).pictures) == 4 * FPS
    assert track.counters(VIDEO).lost == 0


def test_loss_costs_the_pictures_up_to_the_next_key_frame_and_no_sound(tmp_path: Path) -> None:
    wires = Sender().video(6)
    lost = next(index for index, one in enumerate(wires) if one.sent >= 1.0)
    track = fed(in_order(wires[:lost] + wires[lost + 1 :], Sender().audio(6)))
    decoded = decode(written(track, tmp_path / "a.webm"))
    assert len(decoded.pictures) == 5 * FPS
    assert decoded.sound > 5.98
    counters = track.counters(VIDEO)
    assert (counters.lost, counters.frames) == (1, 5 * FPS)
    assert 24 <= counters.spoilt <= 25


def test_a_key_frame_is_wanted_after_a_loss_until_it_comes() -> None:
    wires = Sender().video(4)
    lost = next(index for index, one in enumerate(wires) if one.sent >= 1.0)
    track = Track(0.0)
    wanted = {}
    for wire in wires[:lost] + wires[lost + 1 :]:
        track.packet(wire.kind, wire.data, wire.arrived)
        track.expire(wire.arrived)
        wanted[wire.sent] = track.wants_keyframe(wire.arrived)
    assert not wanted[0.96]
    assert not wanted[1.2]  # a retransmission may still come
    assert wanted[1.6]
    assert not wanted[2.04]


def test_a_key_frame_is_wanted_now_and_then_as_a_place_to_jump_to() -> None:
    sender = Sender()
    wires = sender.video(20, keys_every=100, width=64, height=48)
    track = Track(0.0)
    wanted = []
    for wire in wires:
        track.packet(wire.kind, wire.data, wire.arrived)
        if track.wants_keyframe(wire.arrived) and wire.sent > 0.2:
            wanted.append(wire.sent)
    first = wanted[0]
    assert KEYFRAME_EVERY_S <= first <= KEYFRAME_EVERY_S + 0.1


def test_sound_before_the_first_picture_is_kept(tmp_path: Path) -> None:
    wires = in_order(Sender().audio(4), [one for one in Sender().video(4) if one.sent >= 1.5])
    decoded = decode(written(fed(wires), tmp_path / "a.webm"))
    assert decoded.sound > 3.98
    assert len(decoded.pictures) == 2 * FPS  # from the key frame at two seconds on
    assert decoded.pictures[0] == pytest.approx(2.03, abs=0.01)


def test_who_has_no_camera_is_recorded(tmp_path: Path) -> None:
    decoded = decode(written(fed(Sender().audio(3)), tmp_path / "a.webm"))
    assert decoded.sound > 2.98
    assert decoded.pictures == []


def test_a_picture_that_changes_its_size_goes_on(tmp_path: Path) -> None:
    small, large = Sender().video(2), Sender(start=2.0).video(2, width=320, height=180)
    next_sequence = small[-1].sequence + 1
    turned = Sender(start=2.0)
    turned.first[VIDEO] = next_sequence
    turned.base[VIDEO] += 2 * 90_000
    large = turned.video(2, width=320, height=180)
    decoded = decode(written(fed(small + large), tmp_path / "a.webm"))
    assert len(decoded.pictures) == 4 * FPS
    assert decoded.sizes == {(192, 108), (320, 180)}


def test_another_source_is_taken_over_after_a_silence_only(tmp_path: Path) -> None:
    first = Sender().video(2)
    probe = Sender(ssrc={AUDIO: 5, VIDEO: 6}).video(1)
    second = Sender(start=6.0, ssrc={AUDIO: 7, VIDEO: 8}, base={AUDIO: 1, VIDEO: 77}).video(2)
    track = fed(in_order(first, probe, second))
    decoded = decode(written(track, tmp_path / "a.webm"))
    assert len(decoded.pictures) == 4 * FPS
    assert decoded.pictures[50] == pytest.approx(6.03, abs=0.01)
    assert decoded.pictures[49] == pytest.approx(1.99, abs=0.01)


def test_a_pause_is_a_gap_in_time_not_a_shorter_film(tmp_path: Path) -> None:
    sender = Sender()
    wires = [one for one in in_order(sender.video(6), sender.audio(6)) if not 2.0 <= one.sent < 4.0]
    decoded = decode(written(fed(wires), tmp_path / "a.webm"))
    assert decoded.pictures[-1] == pytest.approx(5.99, abs=0.01)
    assert decoded.flashes[-1] == pytest.approx(5.03, abs=0.01)
    assert decoded.beeps[-1] == pytest.approx(5.03, abs=0.02)


def test_padding_is_no_frame_and_no_stall() -> None:
    sender = Sender()
    track = Track(0.0)
    wires = sender.video(1)
    sequence = wires[-1].sequence + 1
    for wire in wires:
        track.packet(wire.kind, wire.data, wire.arrived)
    for index in range(100):
        data = (
            b"\xa0"
            + wires[-1].data[1:2]
            + (sequence + index & 0xFFFF).to_bytes(2)
            + wires[-1].data[4:12]
            + b"\x00" * 9
            + b"\x0a"
        )
        track.packet(VIDEO, data, 1.0 + index * 0.1)
    assert track.counters(VIDEO).frames == FPS
    assert track.stalled_s(10.9) == 0


def test_packets_without_a_usable_frame_are_a_stall() -> None:
    track = Track(0.0)
    for wire in Sender().video(8, width=64, height=48):
        broken = wire.data[:12] + b"\x80"  # a descriptor that is cut off
        track.packet(VIDEO, broken, wire.arrived)
    assert track.stalled_s(8.0) > 5
    assert track.stalled_s(20.0) == 0  # whoever sends nothing does not stall


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_whatever_the_network_does_the_file_stays_sound(data: st.DataObject) -> None:
    wires = in_order(Sender().video(3), Sender().audio(3))
    count = len(wires)
    lost = data.draw(st.sets(st.integers(0, count - 1), max_size=20))
    late = data.draw(st.dictionaries(st.integers(0, count - 1), st.floats(0, 1.5), max_size=20))
    cut = data.draw(st.dictionaries(st.integers(0, count - 1), st.integers(0, 40), max_size=10))
    track = Track(0.0)
    shaken = sorted(
        (wire.arrived + late.get(index, 0), index) for index, wire in enumerate(wires) if index not in lost
    )
    for arrived, index in shaken:
        wire = wires[index]
        track.packet(wire.kind, wire.data[: -cut[index]] if cut.get(index) else wire.data, arrived)
        track.expire(arrived)
    track.flush()
    out = track.take()
    blocks = list(matroska.blocks(memoryview(out)))
    for kind in (AUDIO, VIDEO):
        times = [one.ms for one in blocks if one.kind is kind]
        assert times == sorted(set(times))
        assert len(times) == track.counters(kind).frames
    assert track.counters(AUDIO).frames >= 150 - len(lost) - len(late) - len(cut)
