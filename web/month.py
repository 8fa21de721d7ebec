"""A month as a table of weeks, Monday first. Pure."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from scheduler.model import DayOffer


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the table. `free`: times that can be booked; `inside`: of this month."""

    date: date
    inside: bool
    slots: int
    free: int


@dataclass(frozen=True, slots=True)
class Grid:
    first: date
    weeks: tuple[tuple[Cell, ...], ...]


def first_of(text: str, otherwise: date) -> date:
    """`2026-12` -> its first day; the first of `otherwise`'s month for anything else."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return otherwise.replace(day=1)


def following(first: date) -> date:
    """The first of the next month."""
    return (first + timedelta(days=32)).replace(day=1)


def preceding(first: date) -> date:
    """The first of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


def grid(first: date, offers: Iterable[DayOffer], today: date) -> Grid:
    """The table of the month that begins on `first`; weeks that are over are left out."""
    by_day = {offer.date: offer for offer in offers}

    def cell(day: date) -> Cell:
        offer = by_day.get(day)
        slots = offer.slots if offer else ()
        return Cell(day, day.month == first.month, len(slots), sum(slot.offered for slot in slots))

    weeks = calendar.Calendar(firstweekday=0).monthdatescalendar(first.year, first.month)
    return Grid(first, tuple(tuple(cell(day) for day in week) for week in weeks if week[-1] >= today))
