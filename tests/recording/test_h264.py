"""H.264 from packets to a finished file: in step, decodable to the end, whatever was lost."""

import itertools
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import clock, keys
from core.ids import Ref
from core.settings import Settings
from recording import finalise, folder, h264, matroska, rtp, seal, sealing
from recording.pictures import H264, of_file
from recording.recorder import RoomRecorder
from recording.track import Track
from recording.writer import Writer
from rooms.codec import VideoCodec
from tests.recording import avc
from tests.recording.conftest import facts
from tests.recording.media import AUDIO, FPS, HEIGHT, VIDEO, WIDTH, FakeLeg, Sender, Wire, decode, in_order
from tests.recording.test_finalise import offsets


def fed(wires: list[Wire], sender: Sender | None = None, reports: tuple[float, ...] = ()) -> Track:
    track = Track(0.0, H264)
    pending = list(reports)
    for wire in wires:
        while sender and pending and wire.sent - sender.start >= pending[0]:
            at = pending.pop(0)
            for kind in (AUDIO, VIDEO):
                track.sender_report(kind, *sender.report(kind, at))
        track.packet(wire.kind, wire.data, wire.arrived)
        track.expire(wire.arrived)
    track.flush()
    return track


def push(*payloads: bytes, stamp: int = 0) -> tuple[h264.H264Frames, list[rtp.Frame | None]]:
    frames = h264.H264Frames()
    last = len(payloads) - 1
    got = [
        frames.push(rtp.Packet(place, stamp, 1, place == last, payload, 0.0))
        for place, payload in enumerate(payloads)
    ]
    return frames, got


def key_units() -> list[bytes]:
    return avc.units(avc.pictures(1)[0].data)


def test_a_call_in_h264_becomes_a_file_that_plays_to_its_end_in_step(tmp_path: Path) -> None:
    sender = Sender(video_delay=0.19, audio_delay=0.02)
    wires = in_order(avc.video(sender, 6), sender.audio(6))
    track = fed(wires, sender, (0.4, 2.5))
    told = track.notes()
    notes = {kind: [note for of, note in told if of is kind] for kind in (AUDIO, VIDEO)}
    raw, out = tmp_path / "a.raw.mkv", tmp_path / "a.mkv"
    raw.write_bytes(track.take())
    live = decode(raw)
    assert len(live.pictures) == 6 * FPS  # the file that grows plays too
    finished = finalise.track(finalise.Files(raw, out), notes, None)
    assert finished is not None
    assert finished.size == (WIDTH, HEIGHT)
    assert {(stream.kind, stream.codec, stream.frames) for stream in finished.streams} == {
        (VIDEO, "h264", 6 * FPS),
        (AUDIO, "opus", 6 * 50),
    }
    decoded = decode(out)
    assert (len(decoded.pictures), decoded.sizes) == (6 * FPS, {(WIDTH, HEIGHT)})
    assert max(map(abs, offsets(out))) < 20
    with av.open(str(out)) as container:
        assert container.format.name.startswith("matroska")
        assert container.streams.video[0].codec_context.extradata == h264.private(_first_key(raw))


def _first_key(raw: Path) -> bytes:
    data = raw.read_bytes()
    block = next(one for one in matroska.blocks(memoryview(data)) if one.kind is VIDEO)
    return data[block.start : block.start + block.size]


@pytest.mark.parametrize("place", [0, 1, 2, 30, 60])
def test_a_lost_packet_costs_the_pictures_up_to_the_next_key_frame(tmp_path: Path, place: int) -> None:
    wires = avc.video(Sender(), 5)
    track = fed(wires[:place] + wires[place + 1 :])
    raw = tmp_path / "a.raw.mkv"
    raw.write_bytes(track.take())
    decoded = decode(raw)
    assert len(decoded.pictures) == track.counters(VIDEO).frames >= 3 * FPS - 1
    assert 5 * FPS - len(decoded.pictures) == track.counters(VIDEO).spoilt


def test_a_file_cut_anywhere_plays_to_the_cut(tmp_path: Path) -> None:
    whole = fed(in_order(avc.video(Sender(), 3), Sender().audio(3))).take()
    for cut in range(2000, len(whole), len(whole) // 7):
        path = tmp_path / "cut.mkv"
        path.write_bytes(whole[:cut])
        kept = list(matroska.blocks(memoryview(whole[:cut])))
        assert len(decode(path).pictures) == sum(one.kind is VIDEO for one in kept)


def test_the_size_is_read_from_the_parameter_set() -> None:
    for width, height in ((192, 108), (640, 360), (1280, 720), (322, 182)):
        sps = next(unit for unit in avc.units(avc._pictures(1, width, height)[0].data) if unit[0] & 31 == 7)
        assert h264.size_of(sps) == (width, height)


def test_the_three_ways_of_sending_a_unit_give_the_same_frame() -> None:
    units = [unit for unit in key_units() if unit[0] & 31 != 6]
    single = push(*units)[1][-1]
    stap = bytes([0x60 | avc.STAP_A]) + b"".join(len(u).to_bytes(2) + u for u in units[:2])
    together = push(stap, *units[2:])[1][-1]
    parts = push(*units[:2], *itertools.chain.from_iterable(avc._parts(unit, 50) for unit in units[2:]))[1][
        -1
    ]
    assert single is not None
    assert single.key
    assert single == together == parts
    assert list(h264.units(single.data)) == units


def test_a_key_frame_without_its_parameter_sets_gets_those_that_were_sent_before() -> None:
    frames = h264.H264Frames()
    sets = [unit for unit in key_units() if unit[0] & 31 in (7, 8)]
    slices = [unit for unit in key_units() if unit[0] & 31 == 5]
    for place, unit in enumerate(sets):
        assert frames.push(rtp.Packet(place, 1, 1, place == len(sets) - 1, unit, 0.0)) is None
    for place, unit in enumerate(slices):
        frame = frames.push(rtp.Packet(9 + place, 2, 1, place == len(slices) - 1, unit, 0.0))
    assert frame is not None
    assert list(h264.units(frame.data)) == sets + slices
    assert frames.spoilt == 0


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00", b"\x1e", b"\x7f\x00", b"\x78", b"\x78\x00", b"\x78\x00\x00", b"\x78\x00\x09abc",  # STAP-A
        b"\x7c", b"\x7c\x85", b"\x7c\x05abc", b"\x7c\x85abc", b"\x65", b"\x65\x10", b"\x41", b"\x41\x80",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_frame_left_out(payload: bytes) -> None:
    frames, got = push(payload)
    assert got == [None]
    assert frames.broken
    assert frames.spoilt == 1


def test_a_frame_that_never_ends_is_given_up() -> None:
    frames = h264.H264Frames()
    most = 0
    for place in range(rtp.LARGEST_FRAME // 60_000 + 2):
        assert frames.push(rtp.Packet(place, 0, 1, False, b"\x41\x80" + bytes(60_000), 0.0)) is None
        most = max(most, frames._bytes)
    assert (frames.spoilt, frames._units) == (1, [])
    assert most <= rtp.LARGEST_FRAME


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.integers(0, 2)), max_size=20))
def test_no_payload_raises(sent: list[tuple[bytes, bool, int]]) -> None:
    frames = h264.H264Frames()
    for place, (payload, marker, stamp) in enumerate(sent):
        frame = frames.push(rtp.Packet(place, stamp, 1, marker, payload, 0.0))
        if frame is not None:
            assert list(h264.units(frame.data))
            if frame.key:
                assert h264.size(frame.data) is not None


@given(st.binary(max_size=64))
def test_no_parameter_set_raises(data: bytes) -> None:
    size = h264.size_of(b"\x67" + data)
    assert size is None or (0 < size[0] <= 8192 and 0 < size[1] <= 8192)


def test_a_file_s_suffix_tells_its_coding() -> None:
    assert [of_file(name).name for name in ("a.mkv", "a.raw.mkv", "a.webm", "a.raw.webm")] == [
        "h264", "h264", "vp8", "vp8",
    ]  # fmt: skip


async def test_a_visit_in_h264_is_recorded_sealed_and_verified(settings: Settings) -> None:
    async def finished(_reason: str) -> None:
        """No row moves on here."""

    path = folder.root(settings) / "rec_1"
    folder.make(path)
    recorder = RoomRecorder("rec_1", path, Writer(), finished)
    leg, sender = FakeLeg("leg_1", VideoCodec.H264), Sender()
    recorder.add(leg, Ref("relative", "rel_1"), "relative", "Wang Guilan")
    leg.send(in_order(avc.video(sender, 3), sender.audio(3)), clock.monotonic())
    await recorder.finish("over")
    assert [one.name for one in path.glob("*.mkv")] == ["relative-1.raw.mkv"]
    sealing.seal_folder(path, facts(), settings, keys.signer(settings.data_dir), lambda: None)
    assert seal.verify_folder(path, keys.public_keys(settings.data_dir / "keys")).intact
    assert sorted(one.name for one in path.iterdir()) == [
        "events.jsonl",
        "manifest.json",
        "manifest.sig",
        "relative-1.mkv",
    ]
    (track,) = (seal.read_manifest(path) or {})["tracks"]
    assert {media["codec"] for media in track["media"]} == {"h264", "opus"}
    assert len(decode(path / "relative-1.mkv").pictures) == 3 * FPS
