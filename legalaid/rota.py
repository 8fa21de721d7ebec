"""A help day's grid of turns, and what becomes of it when reality differs from the plan. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from scheduler.timetable import instant


def days(weekday: int, first: date, last: date) -> list[date]:
    """The dates of an ISO weekday between the two, both included."""
    start = first + timedelta(days=(weekday - first.isoweekday()) % 7)
    return [start + timedelta(days=n) for n in range(0, max(0, (last - start).days + 1), 7)]


def hours(day: date, starts: time, minutes: int, zone: str) -> tuple[datetime, datetime]:
    """When a help day begins and ends; elapsed minutes, whatever the clocks do."""
    begins = instant(day, starts, zone)
    return begins, begins + timedelta(minutes=minutes)


def grid(starts_at: datetime, ends_at: datetime, turn_minutes: int, now: datetime) -> list[datetime]:
    """When each turn that is still to come begins; one that would not end in time is none."""
    width = timedelta(minutes=turn_minutes)
    begin = starts_at
    if now > starts_at:
        begin = now
    return [begin + n * width for n in range(max(0, (ends_at - begin) // width))]


@dataclass(frozen=True, slots=True)
class Seat:
    """A turn that is planned or running. `frees_at`: when a running one will be over, as far as is known."""

    id: str
    lawyer: str
    inmate: str
    room: int
    starts_at: datetime
    minutes: int
    frees_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """`starts_at` None: it cannot be reached before the day ends."""

    id: str
    room: int
    starts_at: datetime | None


def reflow(seats: Sequence[Seat], rooms: int, now: datetime, ends_at: datetime) -> list[Moved]:
    """New times and rooms for every planned turn, in the planned order, none before `now`.

    A turn waits for its lawyer, its inmate and a room; the room it was promised is taken if it is free first.
    What ran over moves the rest; what was shorter than planned, or did not take place, draws it forward.
    """
    free_room = dict.fromkeys(range(1, rooms + 1), now)
    free_person: dict[str, datetime] = {}
    for seat in seats:
        if seat.frees_at is not None:
            over = max(seat.frees_at, now)
            free_room[seat.room] = over
            free_person[seat.lawyer] = free_person[seat.inmate] = over
    moved = []
    for seat in sorted((s for s in seats if s.frees_at is None), key=lambda s: (s.starts_at, s.room)):
        people = max(free_person.get(seat.lawyer, now), free_person.get(seat.inmate, now))
        room = min(
            free_room, key=lambda number: (max(free_room[number], people), number != seat.room, number)
        )
        begins = max(people, free_room[room])
        over = begins + timedelta(minutes=seat.minutes)
        if over > ends_at:
            moved.append(Moved(seat.id, seat.room, None))
            continue
        free_room[room] = free_person[seat.lawyer] = free_person[seat.inmate] = over
        moved.append(Moved(seat.id, room, begins))
    return moved


def fair_order(lawyers: Iterable[str], had: Mapping[str, int]) -> list[str]:
    """Those who had the fewest turns lately first."""
    return sorted(lawyers, key=lambda lawyer: (had.get(lawyer, 0), lawyer))
