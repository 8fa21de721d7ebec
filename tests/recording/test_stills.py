"""Still pictures: key frames are decoded, faces counted, covered lenses seen; from made pictures, with the real
library."""

import pytest

from recording import stills
from recording.stills import Look
from rooms.codec import VideoCodec
from tests.recording import portraits

FACES = "recording.faces:Faces"


@pytest.mark.parametrize("people", [0, 1, 2, 3])
def test_faces_are_counted_in_a_key_frame(people: int) -> None:
    frame = portraits.coded(portraits.room(people))
    if people:
        assert stills.look("vp8", frame, FACES) == Look(people, blocked=False)
    else:  # a bare wall shows nothing
        assert stills.look("vp8", frame, FACES) == Look(0, blocked=True)


def test_a_key_frame_of_h264_is_read_too() -> None:
    frame = portraits.coded(portraits.room(2), "libx264")
    assert stills.look("h264", frame, FACES) == Look(2, blocked=False)


def test_a_dark_picture_is_a_camera_that_shows_nothing() -> None:
    dark = portraits.coded(portraits.room(2) // 12)
    assert stills.look("vp8", dark, FACES) == Look(0, blocked=True)


@pytest.mark.parametrize("detector", ["recording.nothing:Faces", "recording.faces:Nobody"])
def test_without_a_library_faces_are_not_counted_and_covered_lenses_are_seen(detector: str) -> None:
    assert stills.look("vp8", portraits.coded(portraits.room(2)), detector) == Look(None, blocked=False)
    assert stills.look("vp8", portraits.coded(portraits.room(0)), detector) == Look(0, blocked=True)


@pytest.mark.parametrize("frame", [b"", b"\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01" + bytes(40), b"x" * 300])
@pytest.mark.parametrize("codec", VideoCodec)
def test_what_is_no_picture_is_passed_over(frame: bytes, codec: VideoCodec) -> None:
    found = stills.look(codec.value, frame, FACES)
    assert found is None or found.faces == 0


def test_a_wide_picture_is_made_small_before_it_is_looked_at() -> None:
    picture = stills.decoded(VideoCodec.VP8, portraits.coded(portraits.room(1)))
    assert picture is not None
    assert picture.shape == (270, stills.WIDTH)
