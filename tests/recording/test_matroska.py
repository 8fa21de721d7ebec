import contextlib
from pathlib import Path

import av
from hypothesis import given
from hypothesis import strategies as st

from recording import finished, matroska
from recording.matroska import Block, LiveWriter
from recording.pictures import VP8
from recording.track import Track
from rooms.client import MediaKind
from tests.recording.media import AUDIO, VIDEO, Sender, decode, in_order, pictures, sounds


def live(seconds: int = 4) -> bytes:
    sender = Sender()
    track = Track(0.0)
    for wire in in_order(sender.video(seconds), sender.audio(seconds)):
        track.packet(wire.kind, wire.data, wire.arrived)
    track.flush()
    return track.take()


def test_a_live_file_decodes_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "live.webm"
    path.write_bytes(live())
    decoded = decode(path)
    assert len(decoded.pictures) == len(pictures(4))
    assert decoded.sound > 3.98
    assert decoded.sizes == {(192, 108)}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    data = live()
    found = list(matroska.blocks(memoryview(data)))
    assert [data[one.start :][: one.size] for one in found if one.kind is VIDEO] == [
        one.data for one in pictures(4)
    ]
    assert [data[one.start :][: one.size] for one in found if one.kind is AUDIO] == [
        one.data for one in sounds(4)
    ]
    path = tmp_path / "live.webm"
    path.write_bytes(data)
    with av.open(str(path)) as container:
        packets = [
            (packet.stream.type, packet.pts, packet.is_keyframe)
            for packet in container.demux()
            if packet.size
        ]
    assert [one for one in packets if one[0] == "video"] == [
        ("video", one.ms, one.key) for one in found if one.kind is VIDEO
    ]


def test_a_cut_anywhere_plays_up_to_the_cut(tmp_path: Path) -> None:
    data = live()
    all_blocks = list(matroska.blocks(memoryview(data)))
    path = tmp_path / "cut.webm"
    for cut in [*range(0, 1200, 61), *range(1200, len(data), 9973)]:
        found = list(matroska.blocks(memoryview(data)[:cut]))
        assert found == [one for one in all_blocks if one.start + one.size <= cut]
        if sum(one.kind is VIDEO for one in found) < 2:
            continue
        path.write_bytes(data[:cut])
        decoded = decode(path)
        assert 0 <= len(decoded.pictures) - sum(one.kind is VIDEO for one in found) <= 1


@given(st.binary(max_size=300))
def test_the_reader_survives_anything(tail: bytes) -> None:
    start = LiveWriter().start(None)
    for data in (tail, start + tail, start + matroska.CLUSTER + matroska.UNKNOWN + tail):
        with contextlib.suppress(matroska.ForeignBytesError):
            for block in matroska.blocks(memoryview(data)):
                assert 0 < block.start <= block.start + block.size <= len(data)


@given(st.lists(st.tuples(st.sampled_from([AUDIO, VIDEO]), st.integers(0, 400), st.booleans()), max_size=60))
def test_blocks_keep_their_times_in_whatever_rhythm_they_come(
    steps: list[tuple[MediaKind, int, bool]],
) -> None:
    writer = LiveWriter()
    data = writer.start(None)
    times = {AUDIO: 0, VIDEO: 0}
    expected = []
    for kind, step, key in steps:
        times[kind] += step * 50
        data += writer.block(kind, times[kind], key, b"frame")
        expected.append((kind, times[kind], key))
    assert [(one.kind, one.ms, one.key) for one in matroska.blocks(memoryview(data))] == expected


def test_a_finished_file_has_duration_and_cues(tmp_path: Path) -> None:
    data = live(6)
    blocks = sorted(matroska.blocks(memoryview(data)), key=lambda one: one.ms)
    begin = blocks[0].ms
    shifted = [one._replace(ms=one.ms - begin) for one in blocks]

    def read(block: Block) -> bytes:
        return data[block.start : block.start + block.size]

    path = tmp_path / "finished.webm"
    path.write_bytes(b"".join(finished.layout(shifted, VP8, pictures(6)[0].data, 6000, read)))
    with av.open(str(path)) as container:
        assert container.duration == 6_000_000
        container.seek(5_500_000)
        first = next(packet for packet in container.demux(video=0))
        assert (first.pts, first.is_keyframe) == (4000, True)
    assert len(decode(path).pictures) == 150


def test_sound_alone_declares_no_picture_when_finished(tmp_path: Path) -> None:
    frames = sounds(12)
    data = b"".join(one.data for one in frames)
    places, at = [], 0
    for index, one in enumerate(frames):
        places.append(Block(AUDIO, index * 20, True, at, len(one.data)))
        at += len(one.data)
    path = tmp_path / "sound.webm"
    path.write_bytes(
        b"".join(finished.layout(places, VP8, None, 12_000, lambda one: data[one.start :][: one.size]))
    )
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["audio"]
        container.seek(11_000_000)
        assert 9_000 < (next(container.demux()).pts or 0) <= 11_000
    assert decode(path).sound > 11.98
