"""Every row of the tables of moves, and every move they do not have."""

import pytest

from rooms.model import (
    MOVES,
    SEAT_MOVES,
    IllegalMoveError,
    Phase,
    SeatState,
    check_move,
    check_seat_move,
)

ROOM = {
    ("lobby", "live"), ("lobby", "ended"),
    ("live", "paused"), ("live", "ended"),
    ("paused", "live"), ("paused", "ended"),
}  # fmt: skip
SEAT = {
    ("away", "lobby"), ("away", "removed"),
    ("lobby", "away"), ("lobby", "admitted"), ("lobby", "removed"),
    ("admitted", "away"), ("admitted", "lobby"), ("admitted", "removed"),
}  # fmt: skip


@pytest.mark.parametrize("present", Phase)
@pytest.mark.parametrize("wanted", Phase)
def test_a_room_moves_by_its_table_only(present: Phase, wanted: Phase) -> None:
    if (present.value, wanted.value) in ROOM:
        assert check_move(present, wanted) is wanted
    else:
        with pytest.raises(IllegalMoveError):
            check_move(present, wanted)


@pytest.mark.parametrize("present", SeatState)
@pytest.mark.parametrize("wanted", SeatState)
def test_a_seat_moves_by_its_table_only(present: SeatState, wanted: SeatState) -> None:
    if (present.value, wanted.value) in SEAT:
        assert check_seat_move(present, wanted) is wanted
    else:
        with pytest.raises(IllegalMoveError):
            check_seat_move(present, wanted)


def test_each_state_has_a_row() -> None:
    assert set(MOVES) == set(Phase)
    assert set(SEAT_MOVES) == set(SeatState)
    assert not MOVES[Phase.ENDED]
    assert not SEAT_MOVES[SeatState.REMOVED]
