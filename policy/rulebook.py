"""Every value that rules of family visits consist of, with its unit and bounds (rules, section 7). Pure.

No field has a default: a value that nobody states is an error (rules, finding 1). Only those that came after a release
have one, so that rules which were approved without them go on and mean what they meant. Numbers carry their unit in
the field's schema, `unit_of` reads it. A number of 0 switches the rule off where the comment says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from policy.wall import WallTime


class LeadUnit(StrEnum):
    """How `lead_days` is counted: whole days that lie between today and the visit."""

    DAYS = "days"
    WORKING_DAYS = "working-days"
    SAME_DAY = "same-day"  # no whole day: whatever has not begun yet can be booked


class Channel(StrEnum):
    """How people meet. A visit booked here is `REMOTE_PHONE`; the others may share its allowance."""

    ONSITE_GLASS = "onsite-glass"
    ONSITE_OPEN = "onsite-open"
    REMOTE_OFFICE = "remote-office"  # the family sits in a justice office
    REMOTE_PHONE = "remote-phone"
    LOCAL_VIDEO = "local-video"
    VOICE = "voice"


class VisitType(StrEnum):
    FAMILY = "family"
    GUARDIAN = "guardian"
    SUPPORT = "support"
    OTHER = "other"  # let in by the head of the prison
    LAWYER = "lawyer"
    LEGAL_CONSULT = "legal-consult"
    LEGAL_AID = "legal-aid"
    MEDIATION = "mediation"
    NOTARY = "notary"
    CONSULAR = "consular"
    OFFICIAL = "official"
    INMATES = "inmates"  # both ends in custody


class Span(StrEnum):
    """Over which days the allowance counts."""

    MONTH = "month"  # of the calendar, of the day of the visit
    FOUR_WEEKS = "four-weeks"  # counted from Monday, 5 January 1970
    WEEK = "week"  # from Monday
    BALANCE = "balance"  # visits are granted, saved and expire: `grants`


class Apart(StrEnum):
    """How far two inmates are kept from each other who must not meet."""

    SAME_DAY = "same-day"
    SAME_TIME = "same-time"
    OFF = "off"


class Office(StrEnum):
    """Who signs an exception, from the nearest to the highest."""

    WARD = "ward"
    DIVISION = "division"
    DEPUTY = "deputy"
    WARDEN = "warden"
    PROVINCE = "province"


# Codes of rules that an office may let pass. The others are what nobody can give: a place, a person's time.
EXCUSABLE = frozenset(
    {
        "relation-not-listed",
        "no-visits-at-level",
        "visits-suspended",
        "too-soon",
        "too-far",
        "restricted-days",
        "wing-day",
        "other-group",
        "allowance-used",
        "remand-week-used",
        "no-visits-in-period",
        "too-many-visitors",
        "too-many-adults",
        "too-many-children",
        "foreign-inmate",
    }
)


# Kinships of people who do not visit but help: they come along with a visitor.
COMPANIONS = frozenset({"interpreter", "carer"})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AllowanceWindow(_Frozen):
    """Days that count as one period of their own, whatever months they touch (Spring Festival)."""

    first: date
    last: date
    visits: int = Field(ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> "AllowanceWindow":
        if self.last < self.first:
            raise ValueError("the last day lies before the first")
        return self


class Restriction(_Frozen):
    """Days on which inmates of these levels have no visits; no level named: nobody has."""

    first: date
    last: date
    levels: tuple[str, ...]


class Grant(_Frozen):
    """What a level earns: `visits` every `every_days`, and with such a grant, every `extra_every_days`, `extra`."""

    visits: int = Field(ge=0)
    every_days: int = Field(ge=1)
    extra: int = Field(ge=0)
    extra_every_days: int = Field(ge=1)


class Step(_Frozen):
    """One desk of a decision and how many working days it has."""

    desk: Literal["prison", "bureau", "reply"]
    working_days: int = Field(ge=0)


@dataclass(frozen=True, slots=True)
class Period:
    """Days that share one allowance. `key` names them, `last` is the last of them."""

    key: str
    visits: int
    last: date


def _number(unit: str, least: int, most: int, default: Any = ...) -> Any:
    return Field(default, ge=least, le=most, json_schema_extra={"unit": unit})


# What was stated in other words while it steered nothing: rules that were approved so mean what was done.
_ALWAYS: Mapping[str, Any] = {
    "confidentiality": "monitored",
    "recording": "required",
    "face_check": "off",
}


# Values that were one, and what it was: rules that were approved with the one mean the same for each.
_WERE_ONE = dict.fromkeys(("recording_flagged_days", "recording_disputed_days"), "recording_kept_days")


def as_approved(stated: Mapping[str, Any]) -> dict[str, Any]:
    """What was stated, in the words of today."""
    return {**{name: stated[one] for name, one in _WERE_ONE.items() if one in stated}, **stated}


class FamilyPolicy(_Frozen):
    """The rules of family visits."""

    # type
    channels: tuple[Channel, ...]  # that this prison has
    visit_types: tuple[VisitType, ...]
    # allowance
    allowance_span: Span
    visits_per_month: int = _number("visits", 0, 100)  # of the span; all channels of the pool together
    visits_by_level: Mapping[str, int]  # treatment levels that differ; 0: no visits
    allowance_windows: tuple[AllowanceWindow, ...]
    allowance_pool: tuple[Channel, ...]  # channels that share the one allowance
    allowance_weights: Mapping[Channel, int]  # of the pool: how many visits one use counts for; else 1
    weekend_guarantee: int = _number("visits", 0, 10)  # on weekends, even when the allowance is used
    remand_visits_per_week: int = _number("visits", 0, 20)  # of the unconvicted, instead; 0: as all others
    uncounted_types: tuple[VisitType, ...]  # never touch the allowance
    consumed_by: tuple[Literal["completed", "no-show", "late-withdrawal"], ...]
    grants: Mapping[str, Grant]  # by level; "" is any other level; for the span `balance`
    grants_expire_days: int = _number("days", 1, 366)
    balance_most: int = _number("visits", 0, 100)
    balance_least: int = _number("visits", -20, 0)  # how far staff may let an inmate go below nothing
    restricted_days: tuple[Restriction, ...]
    # time
    minutes: int = _number("minutes", 5, 240)
    minutes_by_level: Mapping[str, int]  # levels that differ
    most_minutes: int = _number("minutes", 5, 240)  # with an extension
    extension_by: tuple[Office, ...]
    turnaround_minutes: int = _number("minutes", 0, 120)
    raster_minutes: int = _number("minutes", 5, 240)  # beginnings lie on multiples of it
    early_minutes: int = _number("minutes", 0, 120)  # how long before its time the lobby opens
    late_cutoff_minutes: int = _number("minutes", 1, 120)  # who is not there by then has not come
    withdraw_hours: int = _number("hours", 0, 336)  # withdrawn later than this before: noted as late
    reconnect_window_s: int = _number("seconds", 10, 600)
    time_back: Literal["inside-slot", "refund", "none"]
    monitor_absent_end_minutes: int = _number("minutes", 1, 120)
    pause_end_minutes: int = _number("minutes", 1, 120)
    # people
    max_visitors: int = _number("persons", 1, 10)
    max_adults: int = _number("persons", 1, 10)
    max_children: int = _number("persons", 0, 10)
    adult_age: int = _number("years", 5, 21)  # 5 to 18 occur (rules N12)
    lead_age: int = _number("years", 14, 21)  # of the one who asks
    child_counts_below: int = _number("years", 0, 18)  # children younger are not counted; 0: all are
    require_guardian: bool  # minors come with an adult only
    uncounted_companions: tuple[Literal["interpreter", "carer"], ...]
    relations: tuple[str, ...]  # kinships that are admitted without more ado
    relations_by_case: Mapping[str, tuple[str, ...]]  # kinds of case with a narrower list
    foreign_inmates: bool  # whether they have visits by this way at all
    keep_apart: Apart
    appointment_buffer_minutes: int = _number("minutes", 0, 240)  # before and after court and the like
    # booking
    started_by: tuple[Literal["family", "inmate", "officer"], ...]
    lead_days: int = _number("days", 0, 60)
    lead_unit: LeadUnit
    horizon_days: int = _number("days", 1, 366)
    release_time: WallTime  # wall time from which the last day of the horizon can be booked
    release_way: Literal["first-come", "wishes"]
    hold_minutes: int = _number("minutes", 1, 60)
    late_booking_minutes: int = _number("minutes", 0, 30)  # after its start a time may still be taken
    visit_weekdays: tuple[int, ...]  # ISO weekdays on which this ward has visits; 1 is Monday
    priority_grounds: tuple[str, ...]
    priority_needs_evidence: bool
    priority_share_percent: int = _number("percent", 0, 50)
    strikes: int = _number("visits missed", 0, 20)  # so many within `strike_days` suspend; 0: never
    strike_days: int = _number("days", 1, 366)
    strike_suspends_days: int = _number("days", 1, 366)
    exceptions: Mapping[str, tuple[Office, ...]]  # code of a rule -> who may let it pass; others refuse
    # decision
    calendar: str  # a name of policy/calendars
    reply_working_days: int = _number("working days", 0, 60)
    decision_steps: tuple[Step, ...]  # empty: one desk
    office_closes: WallTime  # wall time at which a reply day ends
    supplements: int = _number("times", 0, 1)  # that more papers are asked for; the clock stands still
    # supervision
    confidentiality: Literal["monitored"]  # a family visit is nothing else (`rooms.confidentiality`)
    recording: Literal["required"]
    start_needs: tuple[Literal["monitor", "recorder"], ...]
    ladder: tuple[Literal["warn", "pause", "end"], ...]
    cut_by: tuple[Literal["prison", "bureau"], ...]
    record_while_paused: bool
    record_while_muted: bool = True  # the sound of whom an officer has muted: only the prison hears it then
    most_kbit_s: int = _number("kbit/s", 300, 1500, 1500)  # that one person's device sends, picture and sound
    video_codec: Literal["vp8", "h264"]  # where every device of a call can do it; otherwise VP8
    warnings: tuple[str, ...]  # codes of rooms.words
    reasons: tuple[str, ...]  # codes of rooms.words: why an officer ends a call
    refusal_reasons: tuple[str, ...]  # codes of policy.wording, as are the next two
    cancel_reasons: tuple[str, ...]
    # of those in the call, besides its officers: who reads why an officer paused or ended it
    reason_told_to: tuple[Literal["family", "inmate"], ...] = ("family", "inmate")
    watch_pictures: Literal["off", "on"] = "off"  # a program looks at still pictures, and may only ask
    monitor_page_s: int = _number("seconds", 5, 600, 20)  # without an officer: the next one is called
    calls_at_once: int = _number("calls", 1, 16, 16)  # of one officer, where no shift says how many
    relisten_days: int = _number("days", 1, 90, 7)  # in which a call is listened to again
    relisten_days_by_level: Mapping[str, int] = Field(default_factory=dict)  # levels that differ (rules R7)
    relisten_risk_days: int = _number("days", 1, 90, 2)  # one in which something grave happened
    relisten_share_percent: int = _number("percent", 0, 100, 10)  # of the calls in which nothing happened
    make_good_percent: int = _number("percent", 1, 100, 50)  # of its time: with less a call is made good
    suspension_least_days: int = _number("days", 1, 366)
    suspension_most_days: int = _number("days", 1, 366)
    review_days: int = _number("days", 1, 366)  # in which a suspension is looked at again
    # data
    recording_kept_days: int = _number("days", 1, 3660)
    recording_flagged_days: int = _number("days", 1, 3660)  # of a call that was marked or stepped into
    recording_disputed_days: int = _number("days", 1, 3660)  # of one in which a breach was passed on
    hold_review_days: int = _number("days", 1, 366)
    face_check: Literal["off"]  # faces are compared by officers (face recognition measures, 2025)
    # people-facing
    languages: tuple[Literal["zh", "en"], ...] = Field(min_length=1)  # the terminals speak the first
    reminder_minutes: tuple[Literal[1440, 120, 15], ...]  # before the visit; each has its text
    quiet_from: WallTime = time(21)  # till `quiet_to` only the last minutes before a visit ring
    quiet_to: WallTime = time(8)
    fee: Literal["none"]  # this product takes no money
    cautions: tuple[str, ...]

    @model_validator(mode="before")
    @classmethod
    def _as_it_was(cls, stated: Any) -> Any:
        if not isinstance(stated, Mapping):
            return stated
        meant = {name: value for name, value in _ALWAYS.items() if name in stated}
        if stated.get("supplements") in (2, 3):  # could be stated while it steered nothing
            meant["supplements"] = 1
        return {**stated, **meant}

    @model_validator(mode="after")
    def _agrees(self) -> "FamilyPolicy":
        """Values that cannot hold together; each pair named."""
        wrong = [
            name
            for name, holds in (
                ("minutes, most_minutes", self.minutes <= self.most_minutes),
                ("quiet_from lies in the evening, quiet_to in the morning", self.quiet_to < self.quiet_from),
                ("relisten_risk_days, relisten_days", self.relisten_risk_days <= self.relisten_days),
                ("relisten_days_by_level: 1 to 90 days",
                 all(1 <= days <= 90 for days in self.relisten_days_by_level.values())),
                ("monitor_page_s, monitor_absent_end_minutes",
                 self.monitor_page_s <= self.monitor_absent_end_minutes * 60),
                ("suspension_least_days, suspension_most_days",
                 self.suspension_least_days <= self.suspension_most_days),
                ("decision_steps, reply_working_days", self._steps_fit()),
                ("exceptions, and rules that nobody may let pass", EXCUSABLE.issuperset(self.exceptions)),
                ("minutes_by_level, most_minutes", max(self.minutes_by_level.values(), default=0) <= self.most_minutes),
                ("decision_steps: the reply comes last, and each desk once", self._steps_in_order()),
            )
            if not holds
        ]  # fmt: skip
        if wrong:
            raise ValueError(f"these contradict each other: {'; '.join(wrong)}")
        return self

    def _steps_fit(self) -> bool:
        total = sum(step.working_days for step in self.decision_steps)
        return not self.decision_steps or total == self.reply_working_days

    def _steps_in_order(self) -> bool:
        desks = [step.desk for step in self.decision_steps]
        return len({*desks}) == len(desks) and "reply" not in desks[:-1]

    @property
    def desks(self) -> tuple[tuple[str, int], ...]:
        """Who decides before the reply, in order, each with the working days since the request until it must have."""
        days, found = 0, []
        for step in self.decision_steps:
            days += step.working_days
            if step.desk != "reply":
                found.append((step.desk, days))
        return tuple(found)

    def allowance(self, level: str) -> int:
        """Visits in a span for an inmate of this treatment level."""
        return self.visits_by_level.get(level, self.visits_per_month)

    def length(self, level: str) -> int:
        """Minutes of a visit of an inmate of this level."""
        return self.minutes_by_level.get(level, self.minutes)

    def grant(self, level: str) -> Grant | None:
        """What this level earns under the span `balance`; `None`: nothing."""
        return self.grants.get(level, self.grants.get(""))

    def period_of(self, day: date, level: str, *, convicted: bool = True) -> Period:
        """The period in which a visit on `day` counts: a special window, the week of the unconvicted, or the
        span of the day. Under `balance` there is one endless period, and `visits` of it says nothing."""
        limit = self.allowance(level)
        for window in self.allowance_windows:
            if window.first <= day <= window.last:
                return Period(f"{window.first}..{window.last}", min(window.visits, limit), window.last)
        if not convicted and self.remand_visits_per_week:
            return _weeks(day, 1, self.remand_visits_per_week)
        match self.allowance_span:
            case Span.WEEK:
                return _weeks(day, 1, limit)
            case Span.FOUR_WEEKS:
                return _weeks(day, 4, limit)
            case Span.BALANCE:
                return Period("balance", limit, date.max)
            case Span.MONTH:
                following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                return Period(day.isoformat()[:7], limit, following - timedelta(days=1))


_FIRST_MONDAY = date(1970, 1, 5)


def _weeks(day: date, count: int, limit: int) -> Period:
    """The stretch of `count` weeks from one Monday on in which the day lies."""
    days = count * 7
    first = day - timedelta(days=(day - _FIRST_MONDAY).days % days)
    return Period(f"{first}+{days}", limit, first + timedelta(days=days - 1))


def unit_of(name: str) -> str:
    """The unit of a field, empty for what is no number."""
    extra = FamilyPolicy.model_fields[name].json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else ""


def bounds_of(name: str) -> tuple[int, int] | None:
    """The least and the most that a number may be whoever states it; `None` for what is no number."""
    found = {type(mark).__name__: mark for mark in FamilyPolicy.model_fields[name].metadata}
    if "Ge" not in found or "Le" not in found:
        return None
    return found["Ge"].ge, found["Le"].le
