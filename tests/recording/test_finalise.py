"""Raw to finished: in step, complete, measured."""

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from core import placing
from recording import finalise
from recording.digest import digest_of
from recording.finalise import Files, FinishedTrack, NotFinishedError
from recording.matroska import LiveWriter
from recording.timing import Jump, Sighting
from recording.track import Track
from rooms.client import MediaKind
from tests.recording.media import AUDIO, FPS, VIDEO, Sender, Wire, decode, in_order


@dataclass
class Take:
    raw: Path
    out: Path
    notes: dict[MediaKind, list[Sighting | Jump]]

    def finish(self, ended_ms: int | None = None) -> FinishedTrack:
        finished = finalise.track(Files(self.raw, self.out), self.notes, ended_ms)
        assert finished is not None
        return finished


def record(
    home: Path, wires: list[Wire], sender: Sender | None = None, reports: tuple[float, ...] = ()
) -> Take:
    """Records `wires`; `sender` reports at each of the moments of its own time, as a browser does."""
    track = Track(0.0)
    pending = list(reports)
    for wire in wires:
        while sender and pending and wire.sent * (1 + sender.drift) - sender.start >= pending[0]:
            at = pending.pop(0)
            for kind in MediaKind:
                track.sender_report(kind, *sender.report(kind, at))
        track.packet(wire.kind, wire.data, wire.arrived)
        track.expire(wire.arrived)
    track.flush()
    take = Take(home / "a.raw.webm", home / "a.webm", {AUDIO: [], VIDEO: []})
    for kind, note in track.notes():
        take.notes[kind].append(note)
    take.raw.write_bytes(track.take())
    return take


def offsets(path: Path) -> list[float]:
    """Milliseconds from each flash to its beep."""
    decoded = decode(path)
    assert len(decoded.flashes) == len(decoded.beeps) > 3
    return [(beep - flash) * 1000 for flash, beep in zip(decoded.flashes, decoded.beeps, strict=True)]


def test_flash_and_beep_are_in_step_however_late_the_picture_came(tmp_path: Path) -> None:
    sender = Sender(video_delay=0.19, audio_delay=0.02, clock=3_900_000_600.0)
    wires = in_order(sender.video(12), sender.audio(12))
    take = record(tmp_path, wires, sender, reports=(0.4, 2.5, 7.5))
    finished = take.finish()
    assert all(stream.aligned for stream in finished.streams)
    assert max(map(abs, offsets(take.out))) < 20
    assert offsets(take.raw)[0] < -150  # so it is the reports that did it


def test_without_reports_arrival_decides_and_the_manifest_can_say_so(tmp_path: Path) -> None:
    sender = Sender(video_delay=0.05, audio_delay=0.04)
    take = record(tmp_path, in_order(sender.video(6), sender.audio(6)))
    finished = take.finish()
    assert [stream.aligned for stream in finished.streams] == [False, False]
    assert max(map(abs, offsets(take.out))) < 20


def test_the_finished_file_has_every_frame_and_says_how_long_it_is(tmp_path: Path) -> None:
    sender = Sender()
    take = record(tmp_path, in_order(sender.video(6), sender.audio(6)))
    finished = take.finish(ended_ms=6030)
    audio, video = finished.streams
    assert (audio.frames, video.frames) == (300, 6 * FPS)
    assert finished.duration_ms == 6000
    assert finished.offset_ms == 30
    assert finished.size == (192, 108)
    assert (audio.gaps, video.gaps) == ((), ())
    assert finished.digest == digest_of(take.out)
    assert finished.raw == digest_of(take.raw, in_pieces=False)
    with av.open(str(take.out)) as container:
        assert container.duration == 6_000_000
    decoded = decode(take.out)
    assert len(decoded.pictures) == 6 * FPS
    assert decoded.sound > 5.98


def test_doing_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    sender = Sender()
    take = record(tmp_path, in_order(sender.video(4), sender.audio(4)), sender, (0.5, 2.0))
    first = take.finish()
    content = take.out.read_bytes()
    assert take.finish() == first
    assert take.out.read_bytes() == content


def test_gaps_are_stated_at_the_start_in_the_middle_and_at_the_end(tmp_path: Path) -> None:
    sender = Sender()
    wires = [one for one in sender.audio(8) if not 3.0 <= one.sent < 5.0]
    wires += [one for one in sender.video(8) if 2.0 <= one.sent < 6.0]
    finished = record(tmp_path, in_order(wires)).finish(ended_ms=9030)
    gaps = {stream.kind: stream.gaps for stream in finished.streams}
    assert gaps[AUDIO] == ((2980, 5000), (7980, 9000))
    assert gaps[VIDEO] == ((0, 2000), (5960, 9000))


def test_pauses_in_sound_are_filled_with_silence_that_is_not_counted_as_recorded(tmp_path: Path) -> None:
    sender = Sender()
    spoken = [
        one for index, one in enumerate(sender.audio(8)) if one.sent % 1 < 0.2 or index % 20 == 0
    ]  # DTX
    take = record(tmp_path, in_order(spoken, sender.video(8)))
    audio = take.finish().streams[0]
    assert audio.frames == len(spoken)
    assert audio.frames_sha256 == hashlib.sha256(b"".join(one.data[12:] for one in spoken)).hexdigest()
    assert audio.gaps == ()
    assert (audio.frames + audio.filled) * 20 == pytest.approx(7_620, abs=20)
    decoded = decode(take.out)
    assert decoded.sound == pytest.approx(7.62, abs=0.03)
    assert max(map(abs, offsets(take.out))) < 20
    with av.open(str(take.out)) as container:
        ends = [
            (packet.pts, packet.pts + 20) for packet in container.demux(audio=0) if packet.pts is not None
        ]
    assert all(abs(end - start) <= 1 for (_, end), (start, _) in itertools.pairwise(ends))


def test_a_file_without_a_frame_gives_nothing(tmp_path: Path) -> None:
    raw, out = tmp_path / "a.raw.webm", tmp_path / "a.webm"
    assert finalise.track(Files(raw, out), {}, None) is None
    raw.touch()
    assert finalise.track(Files(raw, out), {}, None) is None
    raw.write_bytes(LiveWriter().start(None))
    assert finalise.track(Files(raw, out), {}, None) is None
    assert not out.exists()


def test_every_cut_of_a_raw_file_can_be_finished(tmp_path: Path) -> None:
    sender = Sender()
    take = record(tmp_path, in_order(sender.video(4), sender.audio(4)))
    whole = take.raw.read_bytes()
    for cut in range(3000, len(whole), len(whole) // 12):
        take.raw.write_bytes(whole[:cut])
        finished = take.finish()
        assert sum(stream.frames for stream in finished.streams) > 0
        assert abs(decode(take.out).sound * 1000 - finished.duration_ms) < 100


def test_a_finished_file_that_reads_otherwise_is_not_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the disk had given back something else than was written."""
    sender = Sender()
    take = record(tmp_path, in_order(sender.video(2), sender.audio(2)))
    place = placing.place

    def bad_disk(path: Path, pieces: Iterable[bytes]) -> None:
        place(path, pieces)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    monkeypatch.setattr(placing, "place", bad_disk)
    with pytest.raises(NotFinishedError):
        take.finish()
    assert take.raw.exists()
