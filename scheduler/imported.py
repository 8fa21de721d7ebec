"""Bringing a timetable file into a prison: what is missing is added, what stands is left, and all is told.

The same file a second time changes nothing. Nothing is ever taken away by a file: what the prison has and the
file does not name stays, and is reported, for somebody may have booked it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Session
from core.ids import Ref
from policy import repository as policies
from policy.model import PolicyIncomplete
from scheduler import closures, repository, setup
from scheduler.findings import Finding, Grade, finding
from scheduler.importer import Times, TimetableFile
from scheduler.materialise import materialise
from scheduler.model import OPEN_STATES
from scheduler.tables import BookingRow, ClosedDateRow, PrisonRow, SpecialDateRow, TemplateRow

DEFAULT_POLICY, DEFAULT_ZONE = "england", "Europe/London"  # where the files come from
_FAR_YEARS = 3  # a date further ahead is taken, but may be a slip of the pen


@dataclass(frozen=True, slots=True)
class Target:
    """Into which prison: that of the id, else that of the file's name, made under `policy` if `create`.
    `since`: the day from which the file holds, today if `None`. `dry`: nothing is changed."""

    prison_id: str | None = None
    create: bool = False
    policy: str = DEFAULT_POLICY
    zone: str = DEFAULT_ZONE
    since: date | None = None
    dry: bool = False


@dataclass(slots=True)
class Outcome:
    """What was changed (with `Target.dry`: what would be), by kind, and what stood already."""

    prison_id: str | None = None
    changed: dict[str, int] = field(default_factory=dict)
    stood: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return any(one.grade is Grade.REFUSED for one in self.findings)

    def count(self, kind: str, new: int, there: int) -> None:
        self.changed |= {kind: new} if new else {}
        self.stood |= {kind: there} if there else {}


@dataclass(frozen=True, slots=True)
class _Standing:
    """A prison's timetable as it stands. Specials by day and start, with their minutes."""

    weekly: frozenset[tuple[int, time, int]]  # as a file can say them: weekday, start, minutes
    other: frozenset[tuple[int, time, int]]  # those of a wing, of some weeks, of several visits
    closed: frozenset[date]
    special: Mapping[tuple[date, time], int]


@dataclass(slots=True)
class _Plan:
    """What is to be added."""

    weekly: list[tuple[int, Times]] = field(default_factory=list)
    closed: list[date] = field(default_factory=list)
    special: list[tuple[date, Times]] = field(default_factory=list)


async def bring_in(session: Session, actor: Ref, file: TimetableFile, target: Target) -> Outcome:
    """Brings the file in, in the caller's transaction; nothing is changed if the outcome is `refused`.

    Raises what the use cases raise, `Misconfigured` for an unknown policy among them; then nothing may be kept.
    """
    outcome = Outcome()
    prison = await _find(session, file, target, outcome)
    if outcome.refused:
        return outcome
    standing = await _standing(session, prison)
    zone = ZoneInfo(target.zone if prison is None else prison.zone)
    today = clock.now().astimezone(zone).date()
    outcome.count("prison", int(prison is None), int(prison is not None))
    plan = _plan(file, standing, max(today, target.since or today), outcome)
    if prison is not None:
        outcome.prison_id = prison.id
        await _compare_rules(session, prison.id, file, outcome)
        outcome.count("switched", int(prison.active != file.enabled), 0)
    if outcome.refused or target.dry or not outcome.changed:
        return outcome
    await _apply(session, actor, file, target, plan, outcome)
    return outcome


async def _find(session: Session, file: TimetableFile, target: Target, outcome: Outcome) -> PrisonRow | None:
    if target.prison_id is None:
        row: PrisonRow | None = await session.scalar(select(PrisonRow).where(PrisonRow.name == file.name))
        if row is None and not target.create:
            outcome.findings.append(finding("no-such-prison", "name", name=file.name))
        return row
    row = await session.get(PrisonRow, target.prison_id)
    if row is None:
        outcome.findings.append(finding("no-such-id", "name", id=target.prison_id))
    elif row.name != file.name:
        outcome.findings.append(finding("other-name", "name", name=file.name, prison=row.name))
    return row


async def _standing(session: Session, prison: PrisonRow | None) -> _Standing:
    if prison is None:
        return _Standing(frozenset(), frozenset(), frozenset(), {})
    rows = await session.scalars(
        select(TemplateRow).where(TemplateRow.prison_id == prison.id, TemplateRow.active)
    )
    templates = rows.all()
    closed = await session.scalars(
        select(ClosedDateRow.day).where(
            ClosedDateRow.prison_id == prison.id, ClosedDateRow.template_id.is_(None)
        )
    )
    special = await session.scalars(select(SpecialDateRow).where(SpecialDateRow.prison_id == prison.id))
    return _Standing(
        frozenset((row.weekday, row.starts, row.minutes) for row in templates if _is_plain(row)),
        frozenset((row.weekday, row.starts, row.minutes) for row in templates if not _is_plain(row)),
        frozenset(closed),
        {(row.day, row.starts): row.minutes for row in special},
    )


def _is_plain(row: TemplateRow) -> bool:
    """Whether it is what a file can say: one visit a week, of every wing, without end."""
    return row.wing_id is None and row.count == 1 and row.every_weeks == 1 and row.valid_to is None


# --- what is to be added --------------------------------------------------------------------------------


def _plan(file: TimetableFile, standing: _Standing, first: date, outcome: Outcome) -> _Plan:
    plan = _Plan()
    _plan_weekly(file, standing, plan, outcome)
    _plan_closed(file, standing, first, plan, outcome)
    _plan_special(file, standing, first, plan, outcome)
    return plan


def _plan_weekly(file: TimetableFile, standing: _Standing, plan: _Plan, outcome: Outcome) -> None:
    named = {(weekday, t.starts, t.minutes): t for weekday, day in file.weekly.items() for t in day}
    plan.weekly = [(key[0], times) for key, times in named.items() if key not in standing.weekly]
    outcome.count("weekly", len(plan.weekly), len(named) - len(plan.weekly))
    for weekday, starts, minutes in sorted(standing.other | (standing.weekly - named.keys())):
        said: dict[str, str | int] = {"weekday": weekday, "time": f"{starts:%H:%M}", "minutes": minutes}
        outcome.findings.append(finding("not-in-file", "recurring", 0, **said))


def _plan_closed(
    file: TimetableFile, standing: _Standing, first: date, plan: _Plan, outcome: Outcome
) -> None:
    _report_passed("unbookable", file.closed, first, outcome)
    ahead = {day: line for day, line in file.closed.items() if day >= first}
    special = {day for day, _ in standing.special}
    for day, line in ahead.items():
        _report_far(day, f"unbookable.{day}", line, first, outcome)
        if day in special and day not in standing.closed:
            outcome.findings.append(finding("special-here", f"unbookable.{day}", line, day=day.isoformat()))
    plan.closed = sorted(day for day in ahead if day not in standing.closed)
    outcome.count("closed", len(plan.closed), len(ahead) - len(plan.closed))
    for day in sorted(standing.closed - set(file.closed)):
        if day >= first and day not in file.special:
            outcome.findings.append(finding("closed-not-in-file", "unbookable", day=day.isoformat()))


def _plan_special(
    file: TimetableFile, standing: _Standing, first: date, plan: _Plan, outcome: Outcome
) -> None:
    _report_passed("anomalous", file.special, first, outcome)
    named = {(day, t.starts): t for day, times in file.special.items() if day >= first for t in times}
    for (day, starts), times in named.items():
        minutes = standing.special.get((day, starts))
        said: dict[str, str | int] = {"day": day.isoformat(), "time": f"{starts:%H:%M}"}
        if day in standing.closed:
            outcome.findings.append(finding("closed-here", times.key, times.line, day=day.isoformat()))
        elif minutes is None:
            plan.special.append((day, times))
        elif minutes != times.minutes:
            outcome.findings.append(
                finding("special-differs", times.key, times.line, minutes=minutes, **said)
            )
    for day in {day for day, _ in plan.special}:
        _report_far(day, f"anomalous.{day}", 0, first, outcome)
    outcome.count("special", len(plan.special), len(named) - len(plan.special))
    for day, starts in sorted(standing.special.keys() - named.keys()):
        if day >= first and day not in file.closed:
            outcome.findings.append(
                finding("special-not-in-file", "anomalous", day=day.isoformat(), time=f"{starts:%H:%M}")
            )


def _report_passed(key: str, days: Iterable[date], first: date, outcome: Outcome) -> None:
    gone = [day for day in days if day < first]
    if gone:
        outcome.findings.append(
            finding("passed", key, count=len(gone), first=str(min(gone)), last=str(max(gone)))
        )


def _report_far(day: date, key: str, line: int, first: date, outcome: Outcome) -> None:
    if day - first > timedelta(days=366 * _FAR_YEARS):
        outcome.findings.append(finding("far-ahead", key, line, day=day.isoformat(), years=_FAR_YEARS))


# --- rules ----------------------------------------------------------------------------------------------


async def _compare_rules(session: Session, prison_id: str, file: TimetableFile, outcome: Outcome) -> None:
    """A prison that stands has its rules from two persons; where the file says otherwise, it is only told."""
    present = await _rules(session, prison_id, outcome)
    for name, stated in file.values.items():
        if present.get(name) != stated:
            said: dict[str, str | int] = {
                "name": name,
                "stated": str(stated),
                "present": str(present.get(name, "nothing")),
            }
            outcome.findings.append(finding("rule-differs", name, 0, **said))
    outcome.stood |= {"rules": len(file.values)} if file.values else {}


async def _rules(session: Session, prison_id: str, outcome: Outcome) -> Mapping[str, Any]:
    """What holds in the prison; while its rules are not complete, what the prison itself states."""
    try:
        return (await policies.current(session, prison_id, clock.now())).values.model_dump(mode="json")
    except PolicyIncomplete as error:
        _report_incomplete(error, outcome)
        versions = await policies.history(session, prison_id)
        return next((one.layer.values for one in versions if one.approved_by is not None), {})


# --- adding ---------------------------------------------------------------------------------------------


async def _apply(
    session: Session, actor: Ref, file: TimetableFile, target: Target, plan: _Plan, outcome: Outcome
) -> None:
    prison_id = outcome.prison_id
    if prison_id is None:
        prison_id = outcome.prison_id = await setup.create_prison(
            session, actor, name=file.name, zone=target.zone, policy=target.policy, values=file.values
        )
        outcome.changed |= {"rules": len(file.values)} if file.values else {}
    prison = await session.get_one(PrisonRow, prison_id)  # while it is held here, no step reads it again
    if prison.active != file.enabled:
        await _switch(session, actor, prison_id, active=file.enabled, outcome=outcome)
    for day in plan.closed:
        await closures.close_date(session, actor, prison_id, day, "", slots=False)
    for day, times in plan.special:
        length = {"minutes": times.minutes, "raster": times.minutes}
        await closures.create_special_date(
            session, actor, prison_id, day, starts=times.starts, slots=False, **length
        )
    for weekday, times in plan.weekly:
        await setup.create_template(
            session,
            actor,
            prison_id,
            weekday=weekday,
            starts=times.starts,
            minutes=times.minutes,
            raster=times.minutes,
            valid_from=target.since,
            slots=False,
        )
    if file.enabled:
        await _make_slots(session, prison_id, plan, outcome)


async def _switch(session: Session, actor: Ref, prison_id: str, *, active: bool, outcome: Outcome) -> None:
    await setup.set_prison_active(session, actor, prison_id, active=active)
    if not active:
        ahead = await repository.views(
            session,
            BookingRow.prison_id == prison_id,
            BookingRow.state.in_(OPEN_STATES),
            BookingRow.slot_ends_at > clock.now(),
        )
        _report_bookings("enabled", len(ahead), outcome)


async def _make_slots(session: Session, prison_id: str, plan: _Plan, outcome: Outcome) -> None:
    try:
        await materialise(session, prison_id)
    except PolicyIncomplete as error:
        _report_incomplete(error, outcome)
        return
    for day in sorted({*plan.closed, *(day for day, _ in plan.special)}):
        _report_bookings(str(day), len(await closures.affected(session, prison_id, day)), outcome)


def _report_incomplete(error: PolicyIncomplete, outcome: Outcome) -> None:
    said = finding("rules-incomplete", "", missing=str(error.params["missing"]))
    if said not in outcome.findings:
        outcome.findings.append(said)


def _report_bookings(key: str, count: int, outcome: Outcome) -> None:
    if count:
        outcome.findings.append(finding("bookings-ahead", key, count=count))
