"""Planning a real week: open wishes and lawyers' requests, the slots that all rules allow, what is left of terminals
and officers; the same engine as for files; a plan with its proof. Nothing is booked here.

    value     100 for each point of weight, less what a later choice and a later day cost (as in the file format)
    weight    10 * class (ordinary 10, priority 16, defence in an open case 25), 5 for each day waited (40 at most),
              100 more after 30 days
    reserve   priority may take at most `priority_share_percent` of a wing's places (policy), beyond that it counts as
              ordinary; where the share is not nothing, one place at least
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core import clock
from core.db import Session
from core.errors import Reason
from scheduler import booths, facts, openings, wishes
from scheduler.assign.columns import Ints, Way, array, of_ways
from scheduler.assign.prices import LARGEST
from scheduler.assign.problem import Problem
from scheduler.case import SlotFacts
from scheduler.meetings import BETWEEN, Meeting, Meetings
from scheduler.openings import Call, Opening
from scheduler.plans import Plan
from scheduler.tables import PrisonRow
from scheduler.timetable import instant
from scheduler.wishes import Wish

_ORDINARY, _PRIORITY, _URGENT = 10, 16, 25
_SHOWN = 3  # reasons kept for a wish that cannot be served

NO_TIME_LEFT = Reason(
    "no-time-left", "All the times wished for went to others who have waited longer or come first."
)
NOTHING_LEFT = Reason(
    "nothing-left",
    "At all the times wished for no terminal is left, or no officer to supervise, or no booth.",
)
NO_ROOM_LEFT = Reason(
    "no-room-left",
    "At all the times asked for the terminals, or somebody who takes part, are needed by others.",
)
NOT_IN_WEEK = Reason("not-in-week", "None of the times wished for lies in these days.")


@dataclass(frozen=True, slots=True)
class Asked:
    """One wish as it stands: its openings within the wish, with the rank they meet, or why there are none. `share`: of
    the wing's places, in percent, what priority may take."""

    wish: Wish
    wing_id: str
    open: tuple[tuple[Opening, int], ...]
    reasons: tuple[Reason, ...]
    waited: int
    share: int


@dataclass(frozen=True, slots=True)
class Week:
    """Everything that a plan of a prison is computed on."""

    plan: Plan
    zone: ZoneInfo
    now: datetime
    asked: tuple[Asked, ...]
    meetings: tuple[Meeting, ...]
    supply: openings.Supply | None
    read: Mapping[str, Any]
    seats: Mapping[tuple[str, datetime], int] = field(default_factory=dict)  # (booth, moment) -> free

    @property
    def moments(self) -> list[datetime]:
        """Where something may run out."""
        return self.supply.moments(call.starts_at for call in self.calls) if self.supply else []

    @property
    def slots(self) -> dict[str, SlotFacts]:
        return {one.slot.id: one.slot for asked in self.asked for one, _ in asked.open}

    @property
    def calls(self) -> list[Call]:
        """Every call that there might be."""
        visits = [openings.call_in(one.slot, asked.wing_id) for asked in self.asked for one, _ in asked.open]
        return visits + [one.call_at(at) for one in self.meetings for at, _ in one.beginnings]


@dataclass(frozen=True, slots=True)
class Posed:
    """The problem and what its columns mean: column -> (slot, or beginning of a meeting; rank). The requests are the
    wishes, and then the meetings."""

    problem: Problem
    meant: list[tuple[str | datetime, int]]


async def read(session: Session, plan: Plan, meetings: Meetings) -> Week:
    """Reads all that the plan is computed on, with a stamp that tells when and how much."""
    now = clock.now()
    prison = await session.get_one(PrisonRow, plan.prison_id)
    asked = []
    for wish in await wishes.open_in(session, plan.prison_id):
        ground = await facts.ground(session, wish.inmate_id)
        asked.append(await _asked(session, plan, wish, ground, now))
    first = max(now, instant(plan.first_day, time(), prison.zone))
    last = instant(plan.last_day + timedelta(days=1), time(), prison.zone)
    legal = tuple(await meetings.wanted(session, plan.prison_id, first, last))
    week = Week(plan, ZoneInfo(prison.zone), now, tuple(asked), legal, None, {})
    supply = None
    if calls := week.calls:
        span = (min(call.starts_at for call in calls), max(call.ends_at for call in calls))
        supply = await openings.supply(session, plan.prison_id, span, ())
    stamp = {
        "at": now.isoformat(),
        "wishes": len(asked),
        "meetings": len(legal),
        "slots": len(week.slots),
        "bookings": len(supply.booked) if supply else 0,
        "shifts": len(supply.shifts) if supply else 0,
        "terminals": len(supply.seats) if supply else 0,
    }
    week = replace(week, supply=supply, read=stamp)
    return replace(week, seats=await booths.free(session, plan.prison_id, week.moments))


async def _asked(session: Session, plan: Plan, wish: Wish, ground: facts.Ground, now: datetime) -> Asked:
    waited, share = wish.waited_days(now), ground.policy.values.priority_share_percent
    days = [choice.day for choice in wish.choices if plan.first_day <= choice.day <= plan.last_day]
    if not days or ground.prison.id != wish.prison_id:
        return Asked(wish, ground.inmate.wing_id, (), (NOT_IN_WEEK,), waited, share)
    guests = await facts.guests(session, wish.inmate_id, wish.relationships)
    found = await openings.of(session, ground, guests, (min(days), max(days)), ())
    ranked = [(one, _rank(wish, one.slot, ground.zone)) for one in found]
    meeting = [(one, rank) for one, rank in ranked if rank is not None]
    usable = tuple((one, rank) for one, rank in meeting if not one.reasons)
    against: dict[str, Reason] = {}
    for one, _ in meeting:
        for reason in one.reasons:
            against.setdefault(reason.code, reason)
    reasons = tuple(against.values())[:_SHOWN] or (wishes.NO_SUCH_TIME,)
    return Asked(wish, ground.inmate.wing_id, usable, () if usable else reasons, waited, share)


def _rank(wish: Wish, slot: SlotFacts, zone: ZoneInfo) -> int | None:
    ranks = [choice.rank for choice in wish.choices if choice.holds(slot.starts_at, slot.minutes, zone)]
    return min(ranks, default=None)


def weight_of(asked: Asked, *, first: bool) -> int:
    """`first`: whether its ground counts."""
    return _weight(_PRIORITY if first else _ORDINARY, asked.waited)


def _weight(base: int, waited: int) -> int:
    return 10 * base + 5 * min(waited, 40) + (100 if waited > 30 else 0)


def pose(week: Week) -> Posed:
    """The week as columns and rows for the engine."""
    posing = _Posing(week)
    for number, asked in enumerate(week.asked):
        for one, rank in asked.open:
            posing.visit(number, asked, one, rank)
    for number, meeting in enumerate(week.meetings, len(week.asked)):
        for starts_at, rank in meeting.beginnings:
            posing.meeting(number, meeting, starts_at, rank)
    waited = [*(asked.waited for asked in week.asked), *(one.waited_days(week.now) for one in week.meetings)]
    columns = of_ways(posing.ways, posing.capacity, len(waited))
    return Posed(Problem(columns, _blocks(week), array(waited)), posing.meant)


def _blocks(week: Week) -> Ints:
    """All in one where that is small enough, for here wings and lawyers share terminals and officers; else by wing."""
    wings = sorted({asked.wing_id for asked in week.asked})
    if len(week.asked) + len(week.meetings) <= LARGEST:
        wings = []
    number = {wing: place for place, wing in enumerate(wings, 1)}
    return array([*(number.get(asked.wing_id, 0) for asked in week.asked), *(0 for _ in week.meetings)])


class _Posing:
    """The ways of a week as they are listed, with what there is of each thing that they take."""

    def __init__(self, week: Week) -> None:
        self._week = week
        self._at = week.moments
        self.capacity = week.supply.capacities(self._at) if week.supply else {}
        self.capacity |= {f"seat:{slot.id}": slot.capacity - slot.taken for slot in week.slots.values()}
        self.capacity |= {f"booth:{one}:{at.isoformat()}": free for (one, at), free in week.seats.items()}
        self.capacity |= _reserves(week)
        self.ways: list[Way] = []
        self.meant: list[tuple[str | datetime, int]] = []

    def visit(self, number: int, asked: Asked, one: Opening, rank: int) -> None:
        starts, ends = one.slot.starts_at, one.slot.ends_at
        rows = [f"seat:{one.slot.id}", f"allowance:{one.period}"]
        self.capacity[f"allowance:{one.period}"] = one.left
        for person in (f"inmate:{asked.wish.inmate_id}", *(f"visitor:{v}" for v in asked.wish.relationships)):
            rows += self._busy(person, starts, ends)
        if asked.wish.booth_id is not None:
            seats = openings.busy(f"booth:{asked.wish.booth_id}", starts, ends, self._at)
            self.capacity = (
                dict.fromkeys(seats, 0) | self.capacity
            )  # none in one that was closed or taken back
            rows += seats
        for first in (True, False) if asked.wish.ground else (False,):
            value = self._value(weight_of(asked, first=first), rank, one.slot.day)
            taken = [*rows, f"priority:{asked.wing_id}"] if first else rows
            self._add(number, value, taken, openings.call_in(one.slot, asked.wing_id), (one.slot.id, rank))

    def meeting(self, number: int, one: Meeting, starts_at: datetime, rank: int) -> None:
        call = one.call_at(starts_at)
        rows = self._busy(f"inmate:{one.inmate_id}", starts_at, call.ends_at)
        for person in one.people:
            rows += self._busy(f"visitor:{person}", starts_at, call.talk_ends + BETWEEN)
        base = _URGENT if one.urgent else _ORDINARY
        value = self._value(
            _weight(base, one.waited_days(self._week.now)), rank, starts_at.astimezone(self._week.zone).date()
        )
        self._add(number, value, rows, call, (starts_at, rank))

    def _busy(self, person: str, starts: datetime, ends: datetime) -> list[str]:
        rows = openings.busy(person, starts, ends, self._at)
        self.capacity |= dict.fromkeys(rows, 1)
        return rows

    def _value(self, weight: int, rank: int, day: date) -> int:
        return 100 * weight - int(weight * (0.5 * rank + 0.4 * (day - self._week.plan.first_day).days))

    def _add(
        self, number: int, value: int, rows: Sequence[str], call: Call, meant: tuple[str | datetime, int]
    ) -> None:
        """Once for each class of terminals that the call could have."""
        if self._week.supply is None:
            return
        for taken in self._week.supply.ways(call, self._at).values():
            if all(self.capacity.get(row, 1) > 0 for row in (*rows, *taken)):
                self.ways.append(Way(number, len(self.ways), value, (*rows, *taken)))
                self.meant.append(meant)


def _reserves(week: Week) -> dict[str, int]:
    """How many visits of each wing may be taken by priority: a share of the places that are left, one at least."""
    places: dict[str, dict[str, int]] = {}
    shares = {asked.wing_id: asked.share for asked in week.asked}
    for asked in week.asked:
        for one, _ in asked.open:
            places.setdefault(asked.wing_id, {})[one.slot.id] = one.slot.capacity - one.slot.taken
    return {
        f"priority:{wing}": max(1, sum(of.values()) * shares[wing] // 100) if shares[wing] else 0
        for wing, of in places.items()
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one wish: a slot with the rank it meets, or why none."""

    asked: Asked
    slot_id: str | None
    rank: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class MeetingOutcome:
    """What becomes of a lawyer's request: a beginning with the rank it meets, or why none."""

    meeting: Meeting
    starts_at: datetime | None
    rank: int | None
    reasons: tuple[Reason, ...]


def outcomes(week: Week, posed: Posed, chosen: Sequence[int]) -> tuple[list[Outcome], list[MeetingOutcome]]:
    """Each wish and each meeting with its time, or its reasons."""
    columns = posed.problem.columns
    starts, ways = columns.start, columns.first[1:] - columns.first[:-1]
    got = [posed.meant[int(starts[column])] if column >= 0 else (None, None) for column in chosen]
    visits = []
    for number, (asked, (slot_id, rank)) in enumerate(zip(week.asked, got, strict=False)):
        why = (NO_TIME_LEFT if ways[number] else NOTHING_LEFT,)
        reasons = () if slot_id is not None else asked.reasons or why
        visits.append(Outcome(asked, slot_id if isinstance(slot_id, str) else None, rank, reasons))
    meetings = []
    for meeting, (at, rank) in zip(week.meetings, got[len(week.asked) :], strict=True):
        reasons = () if at is not None else meeting.reasons or (NO_ROOM_LEFT,)
        meetings.append(MeetingOutcome(meeting, at if isinstance(at, datetime) else None, rank, reasons))
    return visits, meetings


def report(
    results: Sequence[Outcome], meetings: Sequence[MeetingOutcome], answer: Mapping[str, Any]
) -> dict[str, Any]:
    """The figures of a plan: who was served, the longest wait among those left out, priority's share, the gap to the
    best in percent, the waiting thresholds with their proof, nothing that names anybody."""
    served = [one for one in results if one.slot_id is not None]
    left = [one for one in results if one.slot_id is None]
    value, bound = int(answer["value"]), float(answer["bound"])
    return {
        "wishes": len(results),
        "served": len(served),
        "first_choice": sum(one.rank == 0 for one in served),
        "meetings": len(meetings),
        "meetings_served": sum(one.starts_at is not None for one in meetings),
        "longest_wait": max((one.asked.waited for one in left), default=0),
        "priority": sum(bool(one.asked.wish.ground) for one in results),
        "priority_served": sum(bool(one.asked.wish.ground) for one in served),
        "value": value,
        "bound": round(bound, 1),
        "gap_percent": round(100 * (bound - value) / bound, 2) if bound > 0 else 0.0,
        "tiers": list(answer["tiers"]),
    }


def days(plan: Plan) -> list[date]:
    return [plan.first_day + timedelta(days=n) for n in range((plan.last_day - plan.first_day).days + 1)]
