"""All lights on one board, and what the desks above decide. No text of a question or a case is in it."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import aliased

from core.db import Session
from core.errors import NotFound, Reason, Refused
from core.ids import Ref
from legalaid import access, case_file, clocks
from legalaid.clocks import Event
from legalaid.forms import WORDS_MAX
from legalaid.tables import ClockEventRow, DeskRow, MatterClockRow, QuestionRow
from people.model import Identity, Role
from policy.lights import Colour
from policy.running import OPEN, ClockState


@dataclass(frozen=True, slots=True)
class Line:
    """One open matter. `extension`: more time was asked for and not answered yet. `above`: the desk that gets
    it when its time is over, "" if it is the last. `mine`: the reader works at the desk that holds it."""

    clock_id: str
    matter: Ref
    reference: str
    code: str
    desk_id: str
    desk: str
    above: str
    state: ClockState
    colour: Colour
    level: int
    due_at: datetime
    zone: str
    extension: bool
    mine: bool
    below: bool  # the reader works at the desk above, and answers wishes for more time


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lights are shown; "" leaves a thing open."""

    colour: str = ""
    code: str = ""
    desk_id: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """One matter's way, open or over, without any word of the matter itself."""

    reference: str
    code: str
    state: ClockState
    colour: Colour
    desk: str
    due_at: datetime
    zone: str
    steps: list[Event]


_SAID = frozenset({"extension-asked", "extension-granted", "extension-refused"})  # words to the desk above


async def opened(session: Session, actor: Identity, clock_id: str) -> Opened:
    """For administrators of the prison, and for the people of desks that hold or held it, or of the one above.

    Of what was said at a step only why more time was wanted, and what was answered. Raises `NotFound` for others.
    """
    row = await clocks.row_of(session, clock_id)
    desk = await session.get_one(DeskRow, row.desk_id)
    if Role.ADMIN in actor.roles:
        access.admin_of(actor, desk.prison_id)
    else:
        held = await session.scalars(select(ClockEventRow.desk_id).where(ClockEventRow.clock_id == clock_id))
        mine = {one.id for one in await case_file.desks_of(session, actor)}
        if not mine & {desk.id, desk.superior_id, *held}:
            raise NotFound
    steps = [
        event if event.what in _SAID else replace(event, words="")
        for event in await clocks.history(session, Ref(row.matter_kind, row.matter_id))
    ]
    state, colour = ClockState(row.state), Colour(row.colour)
    return Opened(row.reference, row.code, state, colour, desk.name, row.due_at, row.zone, steps)


async def lines(session: Session, actor: Identity, prison_id: str) -> list[Line]:
    """For administrators: what is late first, then what is due first."""
    access.admin_of(actor, prison_id)
    return await _lines(session, set(), DeskRow.prison_id == prison_id)


async def of_desks(session: Session, actor: Identity) -> list[Line]:
    """For the people of desks: what they hold, and what the desks below them hold."""
    mine = {desk.id for desk in await case_file.desks_of(session, actor)}
    return await _lines(session, mine, DeskRow.id.in_(mine) | DeskRow.superior_id.in_(mine))


async def _lines(session: Session, mine: set[str], which: ColumnElement[bool]) -> list[Line]:
    above = aliased(DeskRow)
    rows = await session.execute(
        select(MatterClockRow, DeskRow, above.name)
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .outerjoin(above, above.id == DeskRow.superior_id)
        .where(which, MatterClockRow.state.in_(OPEN))
        .order_by(MatterClockRow.level.desc(), MatterClockRow.due_at, MatterClockRow.id)
    )
    return [
        Line(
            clock_id=row.id,
            matter=Ref(row.matter_kind, row.matter_id),
            reference=row.reference,
            code=row.code,
            desk_id=desk.id,
            desk=desk.name,
            above=name or "",
            state=ClockState(row.state),
            colour=Colour(row.colour),
            level=row.level,
            due_at=row.due_at,
            zone=row.zone,
            extension=bool(row.extension),
            mine=desk.id in mine,
            below=desk.superior_id in mine,
        )
        for row, desk, name in rows.all()
    ]


def chosen(found: list[Line], which: Filter) -> list[Line]:
    """The lines that a filter leaves."""
    return [
        line
        for line in found
        if which.colour in ("", line.colour)
        and which.code in ("", line.code)
        and which.desk_id in ("", line.desk_id)
    ]


async def ask_more_time(session: Session, actor: Identity, question_id: str, more: int, words: str) -> None:
    """A lawyer of the station asks; `more` in the unit of the clock. Raises as `policy.running.ask_extension`."""
    question = await session.get(QuestionRow, question_id)
    if question is None:
        raise NotFound
    await access.lawyer_of(session, actor, question)
    row = await clocks.of_matter(session, Ref("question", question_id))
    if row is None:
        raise NotFound
    await clocks.ask_extension(session, actor, row.id, more, words.strip()[:WORDS_MAX])


async def ask_more(session: Session, actor: Identity, clock_id: str, more: int, words: str) -> None:
    """Somebody of the desk that holds a matter asks for more time, with a reason.

    Raises `Refused` without one, `NotFound` for other desks', and as `policy.running.ask_extension`.
    """
    row = await clocks.row_of(session, clock_id)
    await _at(session, actor, row.desk_id)
    if not words.strip():
        raise Refused([Reason("words-missing", "Please say why more time is needed.", {"field": "words"})])
    await clocks.ask_extension(session, actor, clock_id, more, words.strip()[:WORDS_MAX])


async def answer_more_time(session: Session, actor: Identity, clock_id: str, *, granted: bool) -> None:
    """The prison's administrator answers, or the desk above. Raises as `policy.running.answer_extension`."""
    await _above(session, actor, clock_id)
    await clocks.answer_extension(session, actor, clock_id, granted=granted, words="")


async def set_deadline(session: Session, actor: Identity, clock_id: str, length: int) -> None:
    """The desk to which a late matter was handed up, or the administrator, sets its own deadline.

    Raises as `policy.running.set_second`.
    """
    row = await clocks.row_of(session, clock_id)
    if Role.ADMIN in actor.roles:
        await _above(session, actor, clock_id)
    else:
        await _at(session, actor, row.desk_id)
    await clocks.set_second(session, actor, clock_id, length)


async def _at(session: Session, actor: Identity, desk_id: str) -> None:
    if desk_id not in {desk.id for desk in await case_file.desks_of(session, actor)}:
        raise NotFound


async def _above(session: Session, actor: Identity, clock_id: str) -> None:
    row = await clocks.row_of(session, clock_id)
    desk = await session.get_one(DeskRow, row.desk_id)
    if Role.COUNSEL in actor.roles:
        await _at(session, actor, desk.superior_id or "")
    else:
        access.admin_of(actor, desk.prison_id)
