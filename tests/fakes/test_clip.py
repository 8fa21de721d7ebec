"""The ruler is measured before it measures anything else."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.fakes import clip
from tests.fakes.reading import beeps, read


@pytest.mark.parametrize("number", [0, 1, 128, 249])
def test_a_row_says_its_number_and_person(number: int) -> None:
    assert clip.number_of(clip.bits(number, 5)) == (number, 5)


def test_a_row_with_one_wrong_block_is_no_row() -> None:
    for block in range(clip.BLOCKS):
        row = clip.bits(77, 2)
        row[block] ^= 1
        assert clip.number_of(row) is None


def test_beeps_are_found_where_they_were_put() -> None:
    person = clip.FAMILY
    sound = clip.sound(person).astype(np.float32) / 32768
    found = beeps(sound, clip.SOUND_RATE, person.pitch)
    expected = [second - clip.LEAD for second in range(1, clip.SECONDS + 1)]
    assert found == pytest.approx(expected, abs=0.005)
    assert beeps(sound, clip.SOUND_RATE, clip.INMATE.pitch) == []


def test_a_file_is_read_back_frame_by_frame(tmp_path: Path) -> None:
    made = clip.write(clip.INMATE, tmp_path)
    path = tmp_path / "clip.mkv"
    with av.open(str(made.video)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=clip.RATE)
        stream.width, stream.height, stream.pix_fmt = clip.WIDTH, clip.HEIGHT, "yuv420p"
        for picture in source.decode(video=0):
            target.mux(stream.encode(picture.reformat(format="yuv420p")))
        target.mux(stream.encode())
    reading = read(path, clip.INMATE.pitch)
    assert [f.number for f in reading.frames] == list(range(clip.FRAMES))
    assert {f.person for f in reading.frames} == {clip.INMATE.number}
    assert reading.flashes == pytest.approx(list(range(clip.SECONDS)), abs=0.002)
    assert reading.seconds == pytest.approx(clip.SECONDS, abs=0.01)
