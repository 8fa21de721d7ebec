"""Planning a real week: open wishes, the slots that all rules allow, what is left of terminals and officers; the same
engine as for files; a plan with its proof. Nothing is booked here.

    value     100 for each point of weight, less what a later choice and a later day cost (as in the file format)
    weight    10 * class (ordinary 10, priority 16), 5 for each day waited (40 at most), 100 more after 30 days
    reserve   priority may take at most `priority_share_percent` of a wing's places (policy), beyond that it counts as
              ordinary; where the share is not nothing, one place at least
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core import clock
from core.db import Session
from core.errors import Reason
from scheduler import facts, openings, wishes
from scheduler.assign.columns import Columns, Way, array, of_ways
from scheduler.assign.problem import Problem
from scheduler.case import SlotFacts
from scheduler.openings import Opening
from scheduler.plans import Plan
from scheduler.wishes import Wish

_ORDINARY, _PRIORITY = 10, 16
_SHOWN = 3  # reasons kept for a wish that cannot be served

NO_TIME_LEFT = Reason(
    "no-time-left", "All the times wished for went to others who have waited longer or come first."
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
    asked: tuple[Asked, ...]
    supply: openings.Supply | None
    read: Mapping[str, Any]

    @property
    def slots(self) -> dict[str, SlotFacts]:
        return {one.slot.id: one.slot for asked in self.asked for one, _ in asked.open}


@dataclass(frozen=True, slots=True)
class Posed:
    """The problem and what its columns mean: column -> (slot, rank)."""

    problem: Problem
    meant: list[tuple[str, int]]


async def read(session: Session, plan: Plan) -> Week:
    """Reads all that the plan is computed on, with a stamp that tells when and how much."""
    now = clock.now()
    asked = []
    zone = ZoneInfo("UTC")
    for wish in await wishes.open_in(session, plan.prison_id):
        ground = await facts.ground(session, wish.inmate_id)
        zone = ground.zone
        asked.append(await _asked(session, plan, wish, ground, now))
    slots = {one.slot.id: one.slot for entry in asked for one, _ in entry.open}
    supply = None
    if slots:
        span = (
            min(slot.starts_at for slot in slots.values()),
            max(slot.ends_at for slot in slots.values()),
        )
        supply = await openings.supply(session, plan.prison_id, span, ())
    stamp = {
        "at": now.isoformat(),
        "wishes": len(asked),
        "slots": len(slots),
        "bookings": len(supply.booked) if supply else 0,
        "shifts": len(supply.shifts) if supply else 0,
        "terminals": len(supply.seats) if supply else 0,
    }
    return Week(plan, zone, tuple(asked), supply, stamp)


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
    base = _PRIORITY if first else _ORDINARY
    return 10 * base + 5 * min(asked.waited, 40) + (100 if asked.waited > 30 else 0)


def pose(week: Week) -> Posed:
    """The week as columns and rows for the engine."""
    slots = week.slots
    at = week.supply.moments(slots.values()) if week.supply else []
    capacity = week.supply.capacities(at) if week.supply else {}
    capacity |= {f"seat:{slot.id}": slot.capacity - slot.taken for slot in slots.values()}
    capacity |= _reserves(week)
    ways: list[Way] = []
    meant: list[tuple[str, int]] = []
    for number, asked in enumerate(week.asked):
        for one, rank in asked.open:
            rows = _rows(week, asked, one, at)
            people = [row for row in rows if row.startswith(("inmate:", "visitor:"))]
            capacity |= dict.fromkeys(people, 1) | {f"allowance:{one.period}": one.left}
            for first in (True, False) if asked.wish.ground else (False,):
                taken = [*rows, f"priority:{asked.wing_id}"] if first else rows
                if all(capacity.get(row, 1) > 0 for row in taken):
                    value = _value(week, weight_of(asked, first=first), rank, one.slot)
                    ways.append(Way(number, len(ways), value, tuple(taken)))
                    meant.append((one.slot.id, rank))
    wings = {wing: number for number, wing in enumerate(sorted({asked.wing_id for asked in week.asked}))}
    columns: Columns = of_ways(ways, capacity, len(week.asked))
    blocks = array(wings[asked.wing_id] for asked in week.asked)
    return Posed(Problem(columns, blocks, array(asked.waited for asked in week.asked)), meant)


def _rows(week: Week, asked: Asked, one: Opening, at: Sequence[datetime]) -> list[str]:
    rows = [f"seat:{one.slot.id}", f"allowance:{one.period}"]
    if week.supply is not None:
        rows += week.supply.rows(one.slot, asked.wing_id, at)
    people = [f"inmate:{asked.wish.inmate_id}", *(f"visitor:{v}" for v in asked.wish.relationships)]
    return rows + [row for person in people for row in openings.busy(person, one.slot, at)]


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


def _value(week: Week, weight: int, rank: int, slot: SlotFacts) -> int:
    day = (slot.day - week.plan.first_day).days
    return 100 * weight - int(weight * (0.5 * rank + 0.4 * day))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one wish: a slot with the rank it meets, or why none."""

    asked: Asked
    slot_id: str | None
    rank: int | None
    reasons: tuple[Reason, ...]


def outcomes(week: Week, posed: Posed, chosen: Sequence[int]) -> list[Outcome]:
    """Each wish with its time, or its reasons."""
    found = []
    for asked, column in zip(week.asked, chosen, strict=True):
        if column >= 0:
            slot_id, rank = posed.meant[int(posed.problem.columns.start[column])]
            found.append(Outcome(asked, slot_id, rank, ()))
        else:
            found.append(Outcome(asked, None, None, asked.reasons or (NO_TIME_LEFT,)))
    return found


def report(results: Sequence[Outcome], answer: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a plan: who was served, the longest wait among those left out, priority's share, the gap to the
    best in percent, the waiting thresholds with their proof, nothing that names anybody."""
    served = [one for one in results if one.slot_id is not None]
    left = [one for one in results if one.slot_id is None]
    value, bound = int(answer["value"]), float(answer["bound"])
    return {
        "wishes": len(results),
        "served": len(served),
        "first_choice": sum(one.rank == 0 for one in served),
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
