"""The officer's board: today's visits, sorted by what needs somebody now. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from rooms.model import Phase, RoomView, SeatRole, SeatState
from scheduler.model import BookingState, BookingView
from web.i18n import N_
from web.lights import Light, Tone


class Situation(IntEnum):
    """What a visit needs, most urgent first: the order of the board."""

    WAITING = 1  # somebody stands in the lobby
    PAUSED = 2
    DUE = 3  # the lobby is open, nobody is there
    LIVE = 4
    LATER = 5
    ENDED = 6


LIGHTS: dict[Situation, Light] = {
    Situation.WAITING: Light(Tone.YELLOW, N_("In the lobby")),
    Situation.PAUSED: Light(Tone.RED, N_("Paused")),
    Situation.DUE: Light(Tone.YELLOW, N_("Due now")),
    Situation.LIVE: Light(Tone.GREEN, N_("In the call")),
    Situation.LATER: Light(Tone.GREY, N_("Later")),
    Situation.ENDED: Light(Tone.GREY, N_("Ended")),
}
NEEDS_SOMEBODY = frozenset({Situation.WAITING, Situation.PAUSED, Situation.DUE})
_TO_COME = frozenset({BookingState.ASSIGNED, BookingState.CONFIRMED})
OUTCOMES: dict[BookingState, str] = {
    BookingState.COMPLETED: N_("Took place"),
    BookingState.NO_SHOW: N_("Did not take place"),
    BookingState.CANCELLED: N_("Cancelled"),
}
SHOWN = _TO_COME | OUTCOMES.keys()


@dataclass(frozen=True, slots=True)
class Row:
    """One visit on the board. `minutes_till`: to its start, negative afterwards."""

    booking: BookingView
    situation: Situation
    light: Light
    minutes_till: int
    present: tuple[str, ...]  # who is there: names of the seats that are taken
    outcome: str | None  # a message id

    @property
    def needs_somebody(self) -> bool:
        return self.situation in NEEDS_SOMEBODY


def rows(visits: Iterable[tuple[BookingView, RoomView | None]], now: datetime) -> list[Row]:
    """The board's rows in order."""
    made = [_row(booking, room, now) for booking, room in visits if booking.state in SHOWN]
    return sorted(made, key=lambda row: (row.situation, row.booking.starts_at, row.booking.id))


def _row(booking: BookingView, room: RoomView | None, now: datetime) -> Row:
    situation = _situation(booking, room, now)
    return Row(
        booking=booking,
        situation=situation,
        light=LIGHTS[situation],
        minutes_till=int((booking.starts_at - now).total_seconds() // 60),
        present=_present(room) if room else (),
        outcome=OUTCOMES.get(booking.state),
    )


_BY_PHASE = {
    Phase.LIVE: Situation.LIVE,
    Phase.PAUSED: Situation.PAUSED,
    Phase.ENDED: Situation.ENDED,
}


def _situation(booking: BookingView, room: RoomView | None, now: datetime) -> Situation:
    if booking.state not in _TO_COME or (room is None and now >= booking.slot_ends_at):
        return Situation.ENDED
    if room is None:
        return Situation.DUE if now >= booking.opens_at else Situation.LATER
    if room.record.phase is Phase.LOBBY:
        return Situation.WAITING if _somebody_waits(room) else Situation.DUE
    return _BY_PHASE[room.record.phase]


def _somebody_waits(room: RoomView) -> bool:
    return any(
        seat.state is SeatState.LOBBY for seat in room.record.seats if seat.role is not SeatRole.MONITOR
    )


def _present(room: RoomView) -> tuple[str, ...]:
    there = (SeatState.LOBBY, SeatState.ADMITTED)
    return tuple(
        seat.name for seat in room.record.seats if seat.role is not SeatRole.MONITOR and seat.state in there
    )
