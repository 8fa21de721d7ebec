"""Picking a slot: all rules are asked, and then all that is needed is taken at once (`taking`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, or_, select

from core import clock
from core.db import Session
from core.errors import Malformed, NotFound, Reason, Refused
from core.ids import SYSTEM, new_id, reference
from ledger.record import record
from people.model import Identity
from policy.rulebook import VisitType
from scheduler import access, capacity, facts, judging, moves, places, repository, rules, taking
from scheduler.access import ref, tag
from scheduler.case import Case, SlotFacts
from scheduler.facts import Ground, Guest
from scheduler.judging import Verdict
from scheduler.model import BookingState, BookingView, ClaimKind, Fault, VisitKind, ticks
from scheduler.places import Ignoring, Key
from scheduler.tables import BookingRow

_KEY_LENGTH = 100  # characters of an idempotency key
_TRIES = 5  # of a pick, each time somebody else was faster by an instant

_OF_FAMILIES = frozenset({VisitType.FAMILY, VisitType.GUARDIAN, VisitType.OTHER})

HOLD_EXPIRED = Reason(
    "hold-expired", "Your pick was held for you for a while and has run out. Please pick a time again."
)


class BadKey(Malformed):
    code = "bad-key"
    text = "This request came without a usable key. Please load the page again."


def check_key(key: str) -> None:
    """Raises `BadKey` for what cannot make a request idempotent."""
    if not 0 < len(key) <= _KEY_LENGTH:
        raise BadKey


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a pick is for, besides a visit: to take the place of `replaces`, or to be a `part` of `link` (other picks
    of the same link are not let go). `on_behalf`: the relative for whom staff act; `extra`: in a place beyond the
    capacity, which staff opened. `starter`: see `Case`."""

    replaces: BookingView | None = None
    link: str | None = None
    part: str = "main"
    on_behalf: str | None = None
    extra: bool = False
    starter: str | None = "family"


_VISIT = Purpose()


async def hold(
    session: Session, actor: Identity, inmate_id: str, slot_id: str, key: str, purpose: Purpose = _VISIT
) -> BookingView:
    """Keeps a place of the slot for the family for `hold_minutes`; the same `key` again is the same pick.

    An earlier pick of this relative for this inmate is let go. Raises `Refused` with every reason,
    `NotFound` for a slot or inmate that is not the relative's.
    """
    relative_id = purpose.on_behalf or access.relative_id(actor)
    check_key(key)
    held = await _held_now(session, relative_id, inmate_id, key)
    if held.same is not None:
        return await repository.get(session, held.same)
    ground, who = await facts.asking(session, relative_id, inmate_id)
    booking_id = new_id("bkg")
    in_the_way = held.in_the_way(purpose)
    for _ in range(_TRIES):
        if in_the_way:
            await _push_aside(session, actor, slot_id, inmate_id, relative_id, purpose)
        slot = await look(session, ground, slot_id, booking_id, purpose)
        if slot.stale and not in_the_way:
            await _push_aside(session, actor, slot_id, inmate_id, relative_id, purpose)
        try:
            case, verdict = await judged(session, ground, [who], slot, booking_id, purpose)
        except Refused:
            # The same pick, sent twice at once, may be what stands in its own way.
            if same := await known(session, relative_id, inmate_id, key):
                return same
            raise
        keys = _keys(case, slot, relative_id, verdict, purpose)
        row = _row(ground, slot, relative_id, booking_id, key, purpose)
        if keys is not None and await taking.take(session, row, keys, extra=purpose.extra):
            record(
                session,
                tag(actor, "booking:held"),
                actor=ref(actor),
                subject=access.booking_ref(booking_id),
                slot=slot_id,
            )
            return repository.fresh(row, ground.prison, ground.wing_name)
        if same := await known(session, relative_id, inmate_id, key):
            return same
        in_the_way = True
    raise moves.Moved


async def known(session: Session, relative_id: str, inmate_id: str, key: str) -> BookingView | None:
    """The pick that was made with this key before."""
    same = (await _held_now(session, relative_id, inmate_id, key)).same
    return None if same is None else await repository.get(session, same)


@dataclass(frozen=True, slots=True)
class _Held:
    """`same`: the booking that this pick made before. `others`: (link, whether it has run out) of the picks of the
    relative, and of others for this inmate that have run out."""

    same: str | None
    others: tuple[tuple[str | None, bool], ...]

    def in_the_way(self, purpose: Purpose) -> bool:
        return any(stale or link is None or link != purpose.link for link, stale in self.others)


_HELD_NOW = select(
    BookingRow.id, BookingRow.hold_key, BookingRow.requested_by, BookingRow.held_until, BookingRow.link
).where(
    or_(
        and_(
            BookingRow.requested_by == bindparam("relative"),
            or_(BookingRow.hold_key == bindparam("key"), BookingRow.state == BookingState.HELD),
        ),
        and_(BookingRow.inmate_id == bindparam("inmate"), places.STALE),
    )
)


async def _held_now(session: Session, relative_id: str, inmate_id: str, key: str) -> _Held:
    given = {"relative": relative_id, "inmate": inmate_id, "key": key, "now": clock.now()}
    rows = await session.execute(_HELD_NOW, given)
    same, others = None, []
    for booking_id, hold_key, requested_by, held_until, link in rows:
        if hold_key == key and requested_by == relative_id:
            same = booking_id
        else:
            others.append((link, held_until is not None and held_until <= clock.now()))
    return _Held(same, tuple(others))


async def _push_aside(
    session: Session, actor: Identity, slot_id: str, inmate_id: str, relative_id: str, purpose: Purpose
) -> None:
    """Ends stale holds in the way, and the relative's own present pick."""
    found = await places.lock_in_the_way(session, slot_id, inmate_id, relative_id, purpose.link)
    for booking_id, is_stale in found:
        if is_stale:
            await expire_hold(session, booking_id)
        else:
            await moves.try_move(session, actor, booking_id, BookingState.WITHDRAWN)


async def expire_hold(session: Session, booking_id: str) -> bool:
    """Ends a hold that has run out; False when it has not, or was ended before."""
    stale = places.stale(clock.now())
    came_from = await moves.try_move(
        session, SYSTEM, booking_id, BookingState.EXPIRED, only_if=stale, reason=HOLD_EXPIRED
    )
    return came_from is not None


def ignoring_of(booking_id: str, purpose: Purpose) -> Ignoring:
    """The bookings that do not stand in the way: this one, and the one that it replaces."""
    return Ignoring(booking_id, "" if purpose.replaces is None else purpose.replaces.id)


async def look(
    session: Session, ground: Ground, slot_id: str, booking_id: str, purpose: Purpose
) -> SlotFacts:
    """The slot, if it is of the inmate's prison; raises `NotFound`."""
    found = await facts.slot(session, ground, slot_id, ignoring_of(booking_id, purpose))
    if found is None:
        raise NotFound
    return found


async def judged(
    session: Session,
    ground: Ground,
    guests: Sequence[Guest],
    slot: SlotFacts,
    booking_id: str,
    purpose: Purpose,
) -> tuple[Case, Verdict]:
    """The case, and what must be let pass; raises `Refused` with every reason if some cannot be."""
    case = await facts.judge(
        session, ground, guests, [slot], ignoring=ignoring_of(booking_id, purpose), starter=purpose.starter
    )
    found = rules.refusals(case, slot)
    if purpose.extra:
        found = tuple(reason for reason in found if reason.code != "slot-full")
    verdict = judging.verdict(case.policy, found)
    if verdict.refused:
        raise Refused(found)
    return case, verdict


def _row(
    ground: Ground, slot: SlotFacts, relative_id: str, booking_id: str, key: str, purpose: Purpose
) -> dict[str, Any]:
    """The booking's row, every column of it."""
    values, now = ground.policy.values, clock.now()
    set_now = {
        "id": booking_id,
        "reference": reference(),
        "kind": VisitKind.FAMILY,
        "state": BookingState.HELD,
        "inmate_id": ground.inmate.id,
        "inmate_name": ground.inmate.name,
        "prison_id": ground.prison.id,
        "wing_id": ground.inmate.wing_id,
        "slot_id": slot.id,
        "day": slot.day,
        "starts_at": slot.starts_at,
        "slot_ends_at": slot.ends_at,
        "minutes": min(slot.minutes, values.length(ground.inmate.level)),
        "opens_at": slot.starts_at - timedelta(minutes=values.early_minutes),
        "requested_by": relative_id,
        "hold_key": key,
        "policy_version": ground.policy.version,
        "held_until": now + timedelta(minutes=values.hold_minutes),
        "state_since": now,
        "state_by_kind": "relative",
        "state_by_id": relative_id,
        "reason_params": {},
        "words": "",
        "fault": Fault.NOBODY,
        "created_at": now,
        "replaces": purpose.replaces.id if purpose.replaces else None,
        "link": purpose.link,
        "part": purpose.part,
        "exceptions": [],
        "chain": [],
    }
    return dict.fromkeys(repository.BOOKING_COLUMNS) | set_now


def _keys(
    case: Case, slot: SlotFacts, relative_id: str, verdict: Verdict, purpose: Purpose
) -> list[Key] | None:
    """All that the pick claims, less what the booking has that it replaces; `None`: somebody was faster."""
    numbers = ticks(slot.starts_at, slot.ends_at)
    keys = [
        *places.ticks_of(ClaimKind.INMATE, case.inmate.id, numbers),
        *places.ticks_of(ClaimKind.VISITOR, relative_id, numbers),
        *((ClaimKind.LIMIT, *unit) for unit in _units(case, slot)),
    ]
    old = purpose.replaces
    if old is not None:
        kept = ticks(old.starts_at, old.slot_ends_at)
        keys = [key for key in keys if key[0] == ClaimKind.LIMIT or key[2] not in kept]
    visit = _visit_key(case, slot, verdict, old)
    if isinstance(visit, bool):
        return keys if visit else None
    return [*keys, visit]


def _units(case: Case, slot: SlotFacts) -> list[tuple[str, int]]:
    if not slot.limits:
        return []
    adults = sum(visitor.age_on(slot.day) >= case.policy.adult_age for visitor in case.visitors)
    wanted = capacity.demand(slot.limits, case.visitors, adults, case.channel)
    return capacity.units(slot, case.used_limits, wanted)


async def settle_visit(
    session: Session,
    case: Case,
    slot: SlotFacts,
    verdict: Verdict,
    booking_id: str,
    old: BookingView | None,
) -> None:
    """Who comes says what kind of visit it is, and so whether it counts; the pick knew only who asks. Raises `Moved`
    where it counts after all and none is left."""
    if _OF_FAMILIES.isdisjoint(case.policy.uncounted_types):
        return
    await places.release_visit(session, booking_id)
    key = _visit_key(case, slot, verdict, old)
    if key is False or (key is not True and not await places.claim(session, [key], booking_id)):
        raise moves.Moved


def _visit_key(case: Case, slot: SlotFacts, verdict: Verdict, old: BookingView | None) -> Key | bool:
    """The claim on the allowance; True where none is needed, False where none is left."""
    period = case.period(slot.day)
    if not case.counted(slot):
        return True
    if old is not None:
        before = old.starts_at.astimezone(case.zone).date()
        if case.period(before).key == period.key:
            return True  # the visit that the old one has goes over to this one
    beyond = any(reason.code in judging.BEYOND_ALLOWANCE for reason in verdict.excepted)
    taken = case.numbers.get(period.key, ())
    key = places.visit_key(f"{case.inmate.id}/{period.key}", taken, None if beyond else case.limit(slot.day))
    return key or False
