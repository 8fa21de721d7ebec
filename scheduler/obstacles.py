"""What stands in the way of an inmate and the visitors in a stretch of time: what others hold, and what befell (bans,
appointments, lockdowns, inmates to be kept apart, closed days); each in a query, or both in one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)

from core import clock
from core.db import Session, UtcDateTime, rows
from scheduler.case import Away, BanFacts, SlotFacts, Stretch
from scheduler.happenings import NATURES, Kind
from scheduler.model import COUNTED_STATES, ClaimKind, ticks
from scheduler.places import IGNORED, STALE, Ignoring, stale
from scheduler.planning_tables import HappeningRow
from scheduler.tables import BanRow, BookingRow, ClaimRow, ClosedDateRow

_BAN, _CLOSED = "ban", "closed"
# What of the happenings keeps an inmate from coming to the terminal.
_AWAY = (Kind.COURT, Kind.HOSPITAL, Kind.ILLNESS, Kind.ISOLATION, Kind.RELEASED, Kind.TRANSFERRED)
_ASKED = (*_AWAY, Kind.KEEP_APART, Kind.RESTRICTION, Kind.LOCKDOWN)
_ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)  # leaves room for a buffer
_SATURDAY = 6


@dataclass(slots=True)
class Claimed:
    """What others hold: ticks by (kind, owner), numbers of visits by owner, how many of them are on weekends, numbers
    of units of limits by owner."""

    busy: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    visits: dict[str, set[int]] = field(default_factory=dict)
    weekend: dict[str, int] = field(default_factory=dict)
    limits: dict[str, set[int]] = field(default_factory=dict)


async def claimed(
    session: Session,
    wanted: Sequence[SlotFacts],
    inmate_id: str,
    relatives: Collection[str],
    periods: Collection[str],
    ignoring: Ignoring | ColumnElement[bool],
) -> Claimed:
    """What others hold in the time of the slots of these people's, and of these allowances (their owners)."""
    given = _asked(wanted, inmate_id, relatives, periods)
    if isinstance(ignoring, Ignoring):
        held = await rows(session, _LIVE_CLAIMS, given | ignoring.given)
    else:
        held = await rows(session, _CLAIMS.where(_unless(ignoring)), {**given, "now": clock.now()})
    found = Claimed()
    for kind, owner, number, day in held:
        _sort_claim(found, kind, owner, number, day)
    return found


def _asked(
    wanted: Sequence[SlotFacts], inmate_id: str, relatives: Collection[str], periods: Collection[str]
) -> dict[str, Any]:
    """The parameters of `_CLAIMED`."""
    first = last = 0
    if wanted:
        first = ticks(min(slot.starts_at for slot in wanted), wanted[0].ends_at).start
        last = ticks(wanted[0].starts_at, max(slot.ends_at for slot in wanted)).stop
    return {
        "inmate": inmate_id,
        "relatives": list(relatives),
        "periods": list(periods),
        "limits": [f"{slot.id}/{name}" for slot in wanted for name in slot.limits],
        "first": first,
        "last": last - 1,
    }


def _sort_claim(found: Claimed, kind: str, owner: str, number: int, day: date | None) -> None:
    if kind == ClaimKind.ALLOWANCE:
        found.visits.setdefault(owner, set()).add(number)
        found.weekend[owner] = found.weekend.get(owner, 0) + (day is not None and _on_weekend(day))
    elif kind == ClaimKind.LIMIT:
        found.limits.setdefault(owner, set()).add(number)
    else:
        found.busy.setdefault((kind, owner), set()).add(number)


_IN_TIME = ClaimRow.number.between(bindparam("first"), bindparam("last"))
_CLAIMED = or_(
    and_(ClaimRow.kind == ClaimKind.INMATE, ClaimRow.owner_id == bindparam("inmate"), _IN_TIME),
    and_(
        ClaimRow.kind == ClaimKind.VISITOR,
        ClaimRow.owner_id.in_(bindparam("relatives", expanding=True)),
        _IN_TIME,
    ),
    and_(
        ClaimRow.kind == ClaimKind.ALLOWANCE,
        ClaimRow.owner_id.in_(bindparam("periods", expanding=True)),
    ),
    and_(ClaimRow.kind == ClaimKind.LIMIT, ClaimRow.owner_id.in_(bindparam("limits", expanding=True))),
)


def _claims(*columns: Any) -> Select[Any]:
    booking = BookingRow.id == ClaimRow.booking_id
    return select(*columns).select_from(ClaimRow).outerjoin(BookingRow, booking).where(_CLAIMED)


_CLAIMS = _claims(ClaimRow.kind, ClaimRow.owner_id, ClaimRow.number, BookingRow.day)


async def ticks_of(
    session: Session, people: Collection[str], starts_at: datetime, ends_at: datetime
) -> set[int]:
    """The ticks of the span in which any of these people is promised to somebody."""
    numbers = ticks(starts_at, ends_at)
    taken = await session.scalars(
        select(ClaimRow.number).where(
            ClaimRow.kind.in_((ClaimKind.INMATE, ClaimKind.VISITOR)),
            ClaimRow.owner_id.in_(people),
            ClaimRow.number.between(numbers.start, numbers.stop - 1),
        )
    )
    return set(taken)


def _unless(ignored: ColumnElement[bool]) -> ColumnElement[bool]:
    """Claims of no booking of ours, or of one that neither has run out nor is left out."""
    return or_(BookingRow.id.is_(None), and_(~STALE, ~ignored))


_LIVE_CLAIMS = _CLAIMS.where(_unless(IGNORED))


def _on_weekend(day: date) -> bool:
    return day.isoweekday() >= _SATURDAY


@dataclass(slots=True)
class Befallen:
    """`apart`: ids of inmates whom this one must not meet. `closed`: the days, with what families read."""

    bans: list[BanFacts] = field(default_factory=list)
    away: list[Away] = field(default_factory=list)
    lockdowns: list[Stretch] = field(default_factory=list)
    apart: set[str] = field(default_factory=set)
    closed: dict[date, str] = field(default_factory=dict)


async def befallen(
    session: Session,
    prison_id: str,
    wing_id: str,
    inmate_id: str,
    relatives: Collection[str],
    zone: ZoneInfo,
    buffer: timedelta,
) -> Befallen:
    """What is in force about these people; nothing of closed days. `buffer`: kept free on both sides of a court
    date."""
    given = {"prison": prison_id, "wing": wing_id, "inmate": inmate_id, "relatives": list(relatives)}
    found = Befallen()
    for row in await rows(session, _BEFALLEN, given):
        _sort_befallen(found, row, zone, buffer)
    return found


@dataclass(frozen=True, slots=True)
class About:
    """Whom and where it is asked about. `periods`: owners of allowances; `buffer`: kept free on both sides of a court
    date; `days`: the first and last of which it is asked whether they are closed."""

    prison_id: str
    wing_id: str
    inmate_id: str
    relatives: Collection[str]
    periods: Collection[str]
    zone: ZoneInfo
    buffer: timedelta
    days: tuple[date, date]


async def in_the_way(
    session: Session, wanted: Sequence[SlotFacts], about: About, ignoring: Ignoring
) -> tuple[Claimed, Befallen]:
    """What `claimed` and `befallen` answer, in one query."""
    given = _asked(wanted, about.inmate_id, about.relatives, about.periods) | ignoring.given
    given |= {"prison": about.prison_id, "wing": about.wing_id, "from": about.days[0], "to": about.days[1]}
    claims, befell = Claimed(), Befallen()
    for *row, number in await rows(session, _IN_THE_WAY, given):
        if number is None:
            _sort_befallen(befell, row, about.zone, about.buffer)
        else:
            _sort_claim(claims, row[0], row[1], number, row[3])
    return claims, befell


def _sort_befallen(found: Befallen, row: Sequence[Any], zone: ZoneInfo, buffer: timedelta) -> None:
    kind, relative_id, other_id, first, last, starts_at, ends_at = row
    if kind == _BAN:
        found.bans.append(BanFacts(relative_id, other_id, first, last))
    elif kind == _CLOSED:
        found.closed[first] = other_id
    else:
        _sort_in(found, Kind(kind), relative_id, other_id, (starts_at, ends_at or _ENDLESS), zone, buffer)


_NOTHING, _NEVER = cast(null(), UtcDateTime()), cast(null(), Date())
_INMATE: BindParameter[str] = bindparam("inmate")
_RELATIVES: BindParameter[str] = bindparam("relatives", expanding=True)
_BANS = select(
    literal(_BAN).label("kind"), BanRow.relative_id, BanRow.inmate_id, BanRow.first_day, BanRow.last_day,
    _NOTHING.label("starts_at"), _NOTHING.label("ends_at"),
).where(
    BanRow.prison_id == bindparam("prison"),
    BanRow.lifted_at.is_(None),
    or_(BanRow.inmate_id.is_(None), BanRow.inmate_id == _INMATE),
    or_(BanRow.relative_id.is_(None), BanRow.relative_id.in_(_RELATIVES)),
)  # fmt: skip
_HAPPENED = select(
    HappeningRow.kind, HappeningRow.relative_id,
    # of a pair, the one who is not asked about
    case((HappeningRow.other_id == _INMATE, HappeningRow.inmate_id), else_=HappeningRow.other_id),
    _NEVER, _NEVER, HappeningRow.starts_at, HappeningRow.ends_at,
).where(
    HappeningRow.prison_id == bindparam("prison"),
    HappeningRow.state == "open",
    HappeningRow.kind.in_(_ASKED),
    or_(
        HappeningRow.inmate_id == _INMATE,
        HappeningRow.other_id == _INMATE,
        and_(
            HappeningRow.kind == Kind.RESTRICTION,
            HappeningRow.relative_id.in_(_RELATIVES),
            HappeningRow.inmate_id.is_(None),  # or it is about the visitor and one inmate only
        ),
        and_(
            HappeningRow.kind == Kind.LOCKDOWN,
            or_(HappeningRow.wing_id.is_(None), HappeningRow.wing_id == bindparam("wing")),
        ),
    ),
)  # fmt: skip
_BEFALLEN = union_all(_BANS, _HAPPENED)
_SHUT = select(
    literal(_CLOSED), cast(null(), String), ClosedDateRow.words, ClosedDateRow.day, _NEVER, _NOTHING, _NOTHING
).where(
    ClosedDateRow.prison_id == bindparam("prison"),
    ClosedDateRow.template_id.is_(None),
    ClosedDateRow.day.between(bindparam("from"), bindparam("to")),
)
_NUMBERLESS = cast(null(), Integer).label("number")
_OF_CLAIMS = _claims(
    ClaimRow.kind, ClaimRow.owner_id, cast(null(), String), BookingRow.day, _NEVER, _NOTHING, _NOTHING, ClaimRow.number
)  # fmt: skip
_IN_THE_WAY = union_all(
    *(one.add_columns(_NUMBERLESS) for one in (_BANS, _HAPPENED, _SHUT)), _OF_CLAIMS.where(_unless(IGNORED))
)


_INSTANT = timedelta(microseconds=1)  # ends are excluded: midnight is the day before


def _sort_in(
    found: Befallen,
    kind: Kind,
    relative_id: str | None,
    other_id: str | None,
    span: Stretch,
    zone: ZoneInfo,
    buffer: timedelta,
) -> None:
    if kind is Kind.KEEP_APART and other_id is not None:
        found.apart.add(other_id)
    elif kind is Kind.LOCKDOWN:
        found.lockdowns.append(span)
    elif kind is Kind.RESTRICTION:
        last = date.max if span[1] == _ENDLESS else (span[1] - _INSTANT).astimezone(zone).date()
        found.bans.append(BanFacts(relative_id, None, span[0].astimezone(zone).date(), last))
    elif kind is Kind.COURT:
        until = span[1] if span[1] == _ENDLESS else span[1] + buffer
        found.away.append(Away(span[0] - buffer, until, NATURES[kind].text))
    elif kind in _AWAY:
        found.away.append(Away(*span, NATURES[kind].text))


async def visits_of(
    session: Session, prison_id: str, inmates: Collection[str], first: date, last: date
) -> dict[date, tuple[Stretch, ...]]:
    """When these inmates have a visit or a live hold in this prison, by day."""
    if not inmates:
        return {}
    visits = await session.execute(
        select(BookingRow.day, BookingRow.starts_at, BookingRow.slot_ends_at).where(
            BookingRow.inmate_id.in_(inmates),
            BookingRow.prison_id == prison_id,
            BookingRow.day.between(first, last),
            BookingRow.state.in_(COUNTED_STATES),
            ~stale(clock.now()),
        )
    )
    days: dict[date, tuple[Stretch, ...]] = {}
    for day, starts_at, ends_at in visits:
        days[day] = (*days.get(day, ()), (starts_at, ends_at))
    return days
