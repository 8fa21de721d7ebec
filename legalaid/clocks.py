"""Clocks as rows: each change is a conditional update on the version, a line of history, and a ledger entry.

The desk that holds a matter is told by a notice before its time runs out, and again when the matter moved up.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from core import clock as core_clock
from core.db import Session
from core.errors import NotFound
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from legalaid.access import Actor, ref, tag
from legalaid.model import DeskKind, Light
from legalaid.tables import ClockEventRow, DeskRow, MatterClockRow
from notices import outbox
from policy import calendar, running
from policy import repository as policies
from policy.deadlines import Place
from policy.lights import Colour
from policy.promises import PROMISES
from policy.running import Clock, ClockMoved, ClockState


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a clock's history. `code`: the promise it is about."""

    at: datetime
    what: str
    code: str
    desk: str
    due_at: datetime
    words: str


def place_of(row: MatterClockRow) -> Place:
    return Place(calendar.load(row.calendar).supposing(), ZoneInfo(row.zone))


def clock_of(row: MatterClockRow) -> Clock:
    return Clock(
        code=row.code,
        state=ClockState(row.state),
        level=row.level,
        colour=Colour(row.colour),
        since=row.since,
        units=row.units,
        due_at=row.due_at,
        yellow_at=row.yellow_at,
        paused_at=row.paused_at,
        supplemented=row.supplemented,
        extension=row.extension,
        extended=row.extended,
        told_at=row.told_at,
        red_at=row.red_at,
    )


def _values(clock: Clock) -> dict[str, Any]:
    return {name: getattr(clock, name) for name in Clock.__slots__}


async def start(
    session: Session,
    actor: Actor,
    code: str,
    matter: Ref,
    desk: DeskRow,
    zone: str,
    reference: str,
    *,
    began: datetime | None = None,
    length: int | None = None,
    due: datetime | None = None,
) -> Light:
    """A new clock on a matter, at a desk. A year that nobody entered stops none (`Calendar.supposing`).

    `began`: when it was asked for, if not now. `length`, `due`: as of `policy.running.start`.
    """
    now = core_clock.now()
    rules = await policies.current(session, desk.prison_id, now)
    place = Place(calendar.load(rules.values.calendar).supposing(), ZoneInfo(zone))
    clock = running.start(PROMISES[code], began or now, place, length, due)
    row = MatterClockRow(
        id=new_id("clk"),
        reference=reference,
        matter_kind=matter.kind,
        matter_id=matter.id,
        desk_id=desk.id,
        calendar=rules.values.calendar,
        zone=zone,
        version=1,
        **_values(clock),
    )
    session.add(row)
    await session.flush()
    await _note(session, actor, row, 1, desk.id, clock, "started", "", late=False)
    return Light(clock.state, clock.colour, desk.name, clock.due_at, clock.level)


async def of_matter(session: Session, matter: Ref) -> MatterClockRow | None:
    return await session.scalar(
        select(MatterClockRow)
        .where(MatterClockRow.of(matter.kind, matter.id))
        .execution_options(populate_existing=True)
    )


async def row_of(session: Session, clock_id: str) -> MatterClockRow:
    row = await session.get(MatterClockRow, clock_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def change(
    session: Session,
    actor: Actor,
    row: MatterClockRow,
    clock: Clock,
    what: str,
    words: str = "",
    desk_id: str | None = None,
    at: datetime | None = None,
) -> None:
    """Stores `clock` over the version that was read. Raises `ClockMoved` if another was faster.

    `at`: when it happened, where it is entered later.
    """
    holder = desk_id or row.desk_id
    stored = await session.scalar(
        update(MatterClockRow)
        .where(MatterClockRow.id == row.id, MatterClockRow.version == row.version)
        .values(**_values(clock), version=row.version + 1, desk_id=holder)
        .returning(MatterClockRow.id)
        .execution_options(synchronize_session=False)
    )
    if stored is None:
        raise ClockMoved
    overdue = row.state == ClockState.RUNNING and (at or core_clock.now()) > row.due_at
    late = what != "started" and (row.red_at is not None or overdue)
    await _note(session, actor, row, row.version + 1, holder, clock, what, words, late=late)


async def _note(
    session: Session,
    actor: Actor,
    row: MatterClockRow,
    number: int,
    desk_id: str,
    clock: Clock,
    what: str,
    words: str,
    *,
    late: bool,
) -> None:
    by = ref(actor)
    session.add(
        ClockEventRow(
            id=new_id("cle"),
            clock_id=row.id,
            number=number,
            at=core_clock.now(),
            what=what,
            code=clock.code,
            late=late,
            by_kind=by.kind,
            by_id=by.id,
            desk_id=desk_id,
            due_at=clock.due_at,
            words=words,
        )
    )
    record(
        session,
        tag(actor, f"clock:{what}"),
        actor=by,
        subject=Ref("clock", row.id),
        matter=str(Ref(row.matter_kind, row.matter_id)),
        desk=desk_id,
        due=clock.due_at.isoformat(),
        level=clock.level,
    )
    await session.flush()


async def pause(session: Session, actor: Actor, clock_id: str, words: str) -> None:
    """Papers are missing (`words`: which, all of them). Once only."""
    row = await row_of(session, clock_id)
    clock = running.pause(clock_of(row), core_clock.now(), place_of(row))
    await change(session, actor, row, clock, "paused", words)


async def resume(session: Session, actor: Actor, clock_id: str) -> None:
    row = await row_of(session, clock_id)
    clock = running.resume(clock_of(row), core_clock.now(), place_of(row))
    await change(session, actor, row, clock, "resumed")


async def ask_extension(session: Session, actor: Actor, clock_id: str, more: int, words: str) -> None:
    row = await row_of(session, clock_id)
    clock = running.ask_extension(clock_of(row), core_clock.now(), more)
    await change(session, actor, row, clock, "extension-asked", words)


async def answer_extension(
    session: Session, actor: Actor, clock_id: str, *, granted: bool, words: str
) -> None:
    row = await row_of(session, clock_id)
    clock = running.answer_extension(clock_of(row), core_clock.now(), place_of(row), granted=granted)
    await change(session, actor, row, clock, "extension-granted" if granted else "extension-refused", words)


async def set_second(session: Session, actor: Actor, clock_id: str, length: int) -> None:
    """The desk above sets its own deadline, in hours or days as its clock counts."""
    row = await row_of(session, clock_id)
    clock = running.set_second(clock_of(row), core_clock.now(), place_of(row), length)
    await change(session, actor, row, clock, "deadline-set")


async def end(session: Session, actor: Actor, matter: Ref, how: ClockState) -> None:
    """Ends the clock of a matter that was answered or withdrawn; one that has none is let be."""
    row = await of_matter(session, matter)
    if row is not None and row.state in running.OPEN:
        await change(session, actor, row, running.end(clock_of(row), how), how.value)


async def follow(
    session: Session,
    actor: Actor,
    matter: Ref,
    code: str,
    desk: DeskRow,
    words: str = "",
    at: datetime | None = None,
    length: int | None = None,
    due: datetime | None = None,
) -> None:
    """The matter's present promise is kept (or was ended before), and the next one begins, at `desk`.

    Both stand in one row and one history. A desk that is new to the matter is told. `at`: as of `change`; `length`,
    `due`: as of `policy.running.start`.
    """
    row = await _needed(session, matter)
    before = row.desk_id
    if row.state in running.OPEN:
        await change(session, actor, row, running.end(clock_of(row), ClockState.DONE), "done", words, at=at)
        row = await _needed(session, matter)
    clock = running.start(PROMISES[code], at or core_clock.now(), place_of(row), length, due)
    await change(session, actor, row, clock, "started", desk_id=desk.id)
    if desk.id != before:
        await _tell(session, await _needed(session, matter), desk.id, "clock-handed", clock)


async def hand(session: Session, actor: Actor, matter: Ref, desk: DeskRow, words: str) -> None:
    """The matter goes to another desk with the time it has left: handing it on gains nobody a day."""
    row = await _needed(session, matter)
    if row.state not in running.OPEN or row.desk_id == desk.id:
        raise ClockMoved
    clock = clock_of(row)
    handed = replace(clock, told_at=None) if clock.state is ClockState.RUNNING else clock
    await change(session, actor, row, handed, "handed", words, desk.id)
    await _tell(session, await _needed(session, matter), desk.id, "clock-handed", clock)


async def _needed(session: Session, matter: Ref) -> MatterClockRow:
    row = await of_matter(session, matter)
    if row is None:
        raise NotFound
    return row


async def hurry(session: Session, actor: Actor, matter: Ref, code: str) -> None:
    """The matter has become urgent: a shorter clock takes the place of the present one, at the same desk.

    What broke already stays broken, and a deadline that is nearer anyway is kept.
    """
    row = await of_matter(session, matter)
    if row is None or row.level or row.state != ClockState.RUNNING:
        return
    clock = running.start(PROMISES[code], core_clock.now(), place_of(row))
    if clock.due_at < row.due_at:
        await change(session, actor, row, clock, "hurried")


async def turn(session: Session, clock_id: str) -> bool:
    """What time alone brings: the desk is told, or the matter moves up. Answers whether anything happened."""
    row = await row_of(session, clock_id)
    clock, now = clock_of(row), core_clock.now()
    told = running.turn(clock, now)
    if told is not None:
        await change(session, SYSTEM, row, told, "told-late" if told.told_late else "told")
        await _tell(session, row, row.desk_id, "clock-yellow", told)
        return True
    if not running.over(clock, now):
        return False
    desk = await session.get_one(DeskRow, row.desk_id)
    above = await session.get(DeskRow, desk.superior_id) if desk.superior_id else None
    last = above is None or above.kind == DeskKind.DISCIPLINE
    moved = running.escalate(clock, now, place_of(row), last=last)
    holder = above.id if above else desk.id
    await change(session, SYSTEM, row, moved, "discipline" if last else "escalated", desk_id=holder)
    await _tell(session, row, desk.id, "clock-passed", clock)
    if holder != desk.id:
        await _tell(session, row, holder, "clock-yours", moved)
    return True


async def _tell(session: Session, row: MatterClockRow, desk_id: str, template: str, clock: Clock) -> None:
    desk = await session.get_one(DeskRow, desk_id)
    due = clock.due_at.astimezone(ZoneInfo(row.zone))
    await outbox.post(
        session,
        to=Ref("desk", desk.id),
        address=desk.phone,
        template=template,
        language="zh",
        params={"reference": row.reference, "date": due.date().isoformat(), "time": f"{due:%H:%M}"},
        dedupe=f"clock:{row.id}:{row.version}:{desk.id}",
        zone=row.zone,
    )


async def light(session: Session, matter: Ref) -> Light | None:
    """How the clock of a matter stands, for whoever waits."""
    row = await of_matter(session, matter)
    if row is None:
        return None
    desk = await session.get_one(DeskRow, row.desk_id)
    return Light(ClockState(row.state), Colour(row.colour), desk.name, row.due_at, row.level)


async def history(session: Session, matter: Ref) -> list[Event]:
    """Every step, the first one first."""
    rows = await session.execute(
        select(ClockEventRow, DeskRow.name)
        .join(MatterClockRow, MatterClockRow.id == ClockEventRow.clock_id)
        .join(DeskRow, DeskRow.id == ClockEventRow.desk_id)
        .where(MatterClockRow.of(matter.kind, matter.id))
        .order_by(ClockEventRow.number)
    )
    return [
        Event(event.at, event.what, event.code, desk, event.due_at, event.words) for event, desk in rows.all()
    ]
