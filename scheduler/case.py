"""What the rules look at: the inmate, the visitors, the slot, and what stands in their way. Pure values."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from policy.model import FamilyPolicy, Period
from policy.rulebook import COMPANIONS, Channel, Span, VisitType
from scheduler.audience import EVERYBODY, Audience

Stretch = tuple[datetime, datetime]  # half-open

_SATURDAY = 6


@dataclass(frozen=True, slots=True)
class Away:
    """When an inmate cannot come, the way there and back included; `text` is what families read."""

    starts_at: datetime
    ends_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class VisitorFacts:
    """One who wants to come. `busy`: ticks in which another booking has this person."""

    relative_id: str
    name: str
    born: date
    approved: bool
    busy: frozenset[int] = frozenset()
    kinship: str = "spouse"

    def age_on(self, day: date) -> int:
        """Full years on `day`; who was born on 29 February is a year older on 1 March."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class InmateFacts:
    """`present`: in the prison, and not at court or in hospital. `apart`: when those have visits whom this inmate
    must not meet."""

    id: str
    wing_id: str
    level: str
    present: bool
    busy: frozenset[int] = frozenset()
    location: str = ""
    category: str = ""
    convicted: bool = True
    case_type: str = ""
    foreign: bool = False
    away: tuple[Away, ...] = ()
    apart: Mapping[date, tuple[Stretch, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BanFacts:
    """`relative_id` or `inmate_id` None: whoever it is. Both days included."""

    relative_id: str | None
    inmate_id: str | None
    first_day: date
    last_day: date


@dataclass(slots=True)  # not frozen: that makes making one take four times as long, and a month has hundreds
class SlotFacts:
    """One slot, never changed. `taken` counts live bookings and live holds of others; `released_at` is when the first
    of those holds runs out. `closed`: "", or which of the codes of `rules.CLOSED` applies."""

    id: str
    wing_id: str | None
    day: date
    starts_at: datetime
    ends_at: datetime
    minutes: int
    capacity: int
    taken: int
    released_at: datetime | None
    closed: str
    closed_words: str
    stale: int = 0  # seats whose hold has run out and that nobody has freed yet; not among the taken
    audience: Audience = EVERYBODY
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the rules look at besides the slot.

    `used` counts the visits booked in each period, `used_weekend` those of them on weekends, `numbers` are their
    claims. `balance`: what the
    inmate has under the span `balance`. `lockdowns`: when this wing has no visits at all. `used_limits`: the units
    taken of a slot's further limits, by `slot id/name`. `starter`: who asks, as in the policy's `started_by`; None: the
    platform, for a plan or an offer. `given_until`: the last day that a plan has given out; None: it is no matter.
    `closed`: days without visits in the whole prison, with what families read; no rule asks for them, whose slots are
    closed as well. `periods`: those of some days that are known already. `counted_visitors`: those who visit; not
    whoever comes along to interpret or to care, where the policy does not count them.
    """

    now: datetime
    zone: ZoneInfo
    policy: FamilyPolicy
    first_day: date
    last_day: date
    inmate: InmateFacts
    visitors: tuple[VisitorFacts, ...]
    used: Mapping[str, int]
    bans: tuple[BanFacts, ...]
    used_weekend: Mapping[str, int] = field(default_factory=dict)
    balance: int = 0
    lockdowns: tuple[Stretch, ...] = ()
    used_limits: Mapping[str, Collection[int]] = field(default_factory=dict)
    numbers: Mapping[str, Collection[int]] = field(default_factory=dict)
    channel: Channel | None = Channel.REMOTE_PHONE
    kind: VisitType = VisitType.FAMILY
    starter: str | None = "family"
    given_until: date | None = None
    closed: Mapping[date, str] = field(default_factory=dict)
    periods: InitVar[Mapping[date, Period] | None] = None
    counted_visitors: tuple[VisitorFacts, ...] = field(init=False, compare=False)
    _periods: dict[date, Period] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self, periods: Mapping[date, Period] | None) -> None:
        self._periods.update(periods or {})
        aside = self.policy.uncounted_companions
        counted = tuple(visitor for visitor in self.visitors if visitor.kinship not in aside)
        object.__setattr__(self, "counted_visitors", counted)

    def period(self, day: date) -> Period:
        """The period in which a visit of this inmate on `day` counts; remembered, many slots lie on one day."""
        found = self._periods.get(day)
        if found is None:
            found = self.policy.period_of(day, self.inmate.level, convicted=self.inmate.convicted)
            self._periods[day] = found
        return found

    def limit(self, day: date) -> int:
        """How many visits of that period there may be, the one on `day` included: the allowance, the balance, and
        on a weekend what is guaranteed there."""
        period = self.period(day)
        visits = self.balance if self.policy.allowance_span is Span.BALANCE else period.visits
        if visits and day.isoweekday() >= _SATURDAY:
            visits += max(0, self.policy.weekend_guarantee - self.used_weekend.get(period.key, 0))
        return visits

    def counted(self, slot: SlotFacts) -> bool:
        """Whether a visit at this time uses the allowance."""
        return slot.audience.counted and self.kind not in self.policy.uncounted_types

    @property
    def remand(self) -> bool:
        """Whether the unconvicted's own weekly number applies."""
        return not self.inmate.convicted and self.policy.remand_visits_per_week > 0


_KINDS = {"guardian": VisitType.GUARDIAN, "other": VisitType.OTHER}


def kind_of(kinships: Iterable[str]) -> VisitType:
    """What kind of visit these people make: guardians among themselves and people who are no relatives make one of
    their own, everybody else a family visit. Companions do not matter."""
    kinds = {_KINDS.get(kinship, VisitType.FAMILY) for kinship in kinships if kinship not in COMPANIONS}
    return kinds.pop() if len(kinds) == 1 else VisitType.FAMILY


def meet(one: Stretch, other: Stretch) -> bool:
    """Whether two half-open stretches of time share an instant."""
    return one[0] < other[1] and other[0] < one[1]
