"""A line becomes narrow in the middle of a call: its own queue costs sound a moment, and nothing after that."""

import pytest

from tests.rooms.narrow import Call

FAMILY, INMATE = 0, 1
BEGINS = (0.0, 0.37, 0.75)  # seconds: where between two looks of the server's it happens
LATER = 8  # seconds


@pytest.mark.parametrize("begins", BEGINS)
@pytest.mark.parametrize(
    ("up", "down"),
    [
        (300_000, 300_000),
        (300_000, None),
        (None, 300_000),
        (None, 250_000),
        (500_000, 500_000),
        (None, 500_000),
    ],
)
def test_after_the_first_second_sound_is_whole(up: float | None, down: float | None, begins: float) -> None:
    call = Call()
    call.play(up, down, LATER + 1, begins)
    first, *later = call.made_up(FAMILY, LATER)
    assert first > 0.2 if down else first < 0.02, "it is the queue of the line that one hears"
    assert max(later) < 0.02, later
    _, *later = call.made_up(INMATE, LATER)
    assert max(later) < 0.02, later


def test_what_passes_is_known_although_it_is_missed_late() -> None:
    """The viewer asks for what the line drops only when the next packet behind it has come through the queue."""
    call = Call()
    call.play(None, 300_000, 4.0)
    assert 150_000 < call.relays[FAMILY].rate.down.bits_per_second <= 320_000
    assert call.relays[FAMILY].rate.up.bits_per_second > 1_000_000, "the other direction is what it was"
    assert not call.relays[FAMILY].rate.holds, "pictures go on"
