"""Setting up: desks and who is above them, lawyers, the weekly help day."""

import secrets
from dataclasses import dataclass, field
from datetime import time
from hashlib import sha256

from core.db import Session
from core.errors import NotFound, Reason, Refused
from core.ids import Ref, new_id
from ledger.record import record
from legalaid import access, day_terminals
from legalaid.access import tag
from legalaid.case_tables import DeskStaffRow
from legalaid.forms import NAME_MAX, reason
from legalaid.model import DeskKind, Tier
from legalaid.tables import DeskRow, HelpDayTemplateRow, LawyerRow
from legalaid.venue import AREA_MAX
from legalaid.wording import LANGUAGES, TOPICS
from people import repository as people
from people.model import Identity, StaffKind
from scheduler import repository as scheduler

By = Identity | Ref
_TURN_MINUTES = range(5, 121)
_ROOMS = range(1, 101)


async def create_desk(
    session: Session,
    actor: By,
    prison_id: str,
    name: str,
    kind: str,
    phone: str,
    superior_id: str | None = None,
    tier: str = "",
    area: str = "",
) -> str:
    """A desk of a prison's legal aid; answers its id. Raises `Refused` with every field's problem."""
    access.admin_of(actor, prison_id)
    if await scheduler.prison(session, prison_id) is None:
        raise NotFound
    problems = _desk_problems(name, kind, phone, tier)
    above = await session.get(DeskRow, superior_id) if superior_id else None
    if superior_id and (above is None or above.prison_id != prison_id):
        problems.append(reason("superior_id", "invalid", "Please choose a desk of this prison."))
    if problems:
        raise Refused(problems)
    row = DeskRow(
        id=new_id("dsk"),
        prison_id=prison_id,
        name=name.strip(),
        kind=kind,
        tier=tier,
        phone=phone.strip(),
        superior_id=superior_id or None,
        area=area.strip()[:AREA_MAX],
    )
    session.add(row)
    await session.flush()
    record(
        session, tag(actor, "desk:created"), actor=access.ref(actor), subject=Ref("desk", row.id), kind=kind
    )
    return row.id


async def set_area(session: Session, actor: By, desk_id: str, area: str) -> None:
    """The places that a desk serves, as in `legalaid.venue`. Raises `NotFound`."""
    row = await session.get(DeskRow, desk_id)
    if row is None:
        raise NotFound
    access.admin_of(actor, row.prison_id)
    row.area = area.strip()[:AREA_MAX]
    await session.flush()
    record(session, tag(actor, "desk:area-set"), actor=access.ref(actor), subject=Ref("desk", row.id))


def _desk_problems(name: str, kind: str, phone: str, tier: str) -> list[Reason]:
    problems = []
    if not 0 < len(name.strip()) <= NAME_MAX:
        problems.append(reason("name", "missing", "Please give it a name."))
    if kind not in set(DeskKind):
        problems.append(reason("kind", "invalid", "Please choose what kind of desk it is."))
    if tier and tier not in set(Tier):
        problems.append(reason("tier", "invalid", "Please choose a level."))
    if not 3 <= len(phone.strip()) <= 20:
        problems.append(
            reason("phone", "missing", "A desk needs a duty telephone: it is told before time runs out.")
        )
    return problems


async def seat_at_desk(session: Session, actor: By, staff_id: str, desk_id: str) -> None:
    """An account of kind counsel decides at this desk from now on. Raises `NotFound`."""
    desk = await session.get(DeskRow, desk_id)
    account = await people.staff(session, staff_id)
    if desk is None or account is None or account.kind is not StaffKind.COUNSEL:
        raise NotFound
    access.admin_of(actor, desk.prison_id)
    if await session.get(DeskStaffRow, (staff_id, desk_id)) is None:
        session.add(DeskStaffRow(staff_id=staff_id, desk_id=desk_id))
        await session.flush()
        subject = Ref("counsel", staff_id)
        record(session, tag(actor, "desk:staffed"), actor=access.ref(actor), subject=subject, desk=desk_id)


async def add_lawyer(
    session: Session,
    actor: By,
    staff_id: str,
    station_id: str,
    topics: tuple[str, ...],
    languages: tuple[str, ...],
) -> None:
    """Makes an account of kind counsel a lawyer of a station, or changes what the lawyer takes."""
    station = await _station(session, actor, station_id)
    account = await people.staff(session, staff_id)
    if account is None or account.kind is not StaffKind.COUNSEL:
        raise NotFound
    _check(topics, languages)
    row = await session.get(LawyerRow, staff_id)
    if row is None:
        session.add(
            LawyerRow(
                staff_id=staff_id,
                station_id=station.id,
                topics=sorted(topics),
                languages=sorted(languages),
                feed_digest=None,
            )
        )
    else:
        row.station_id, row.topics, row.languages = station.id, sorted(topics), sorted(languages)
    await session.flush()
    subject = Ref("counsel", staff_id)
    record(
        session, tag(actor, "lawyer:entered"), actor=access.ref(actor), subject=subject, station=station.id
    )


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """`weekday` ISO; `minutes` of the day, `turn_minutes` of a turn; empty tuples: all topics or languages, and of
    `terminals` those for lawyers alone."""

    weekday: int
    starts: time
    minutes: int
    rooms: int
    turn_minutes: int
    roster: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = field(default=())
    terminals: tuple[str, ...] = ()


async def create_template(session: Session, actor: By, station_id: str, form: TemplateForm) -> str:
    """A weekly help day; answers its id. Raises `Refused` with every field's problem."""
    station = await _station(session, actor, station_id)
    problems = _template_problems(form)
    for staff_id in form.roster:
        lawyer = await session.get(LawyerRow, staff_id)
        if lawyer is None or lawyer.station_id != station.id:
            problems.append(reason("roster", "invalid", "Please choose lawyers of this station."))
    if await day_terminals.unknown(session, station.prison_id, form.terminals):
        problems.append(
            reason("terminals", "invalid", "Please choose terminals at which lawyers can meet somebody.")
        )
    if problems:
        raise Refused(problems)
    topics, languages = form.topics or tuple(TOPICS), form.languages or tuple(LANGUAGES)
    _check(topics, languages)
    row = HelpDayTemplateRow(
        id=new_id("hdt"),
        station_id=station.id,
        weekday=form.weekday,
        starts=form.starts,
        minutes=form.minutes,
        rooms=form.rooms,
        turn_minutes=form.turn_minutes,
        languages=sorted(languages),
        topics=sorted(topics),
        roster=sorted(set(form.roster)),
        active=True,
        terminals=sorted(set(form.terminals)),
    )
    session.add(row)
    await session.flush()
    subject = Ref("help-day-template", row.id)
    record(
        session, tag(actor, "help-day:arranged"), actor=access.ref(actor), subject=subject, station=station.id
    )
    return row.id


def _template_problems(form: TemplateForm) -> list[Reason]:
    problems = []
    if not 1 <= form.weekday <= 7:
        problems.append(reason("weekday", "invalid", "Please choose a day of the week."))
    if form.turn_minutes not in _TURN_MINUTES:
        problems.append(reason("turn_minutes", "invalid", "A turn has 5 to 120 minutes."))
    if not form.turn_minutes <= form.minutes <= 24 * 60:
        problems.append(reason("minutes", "invalid", "At least one turn must fit into the day."))
    if form.rooms not in _ROOMS:
        problems.append(reason("rooms", "invalid", "There must be at least one room."))
    return problems


def _check(topics: tuple[str, ...], languages: tuple[str, ...]) -> None:
    problems = []
    if not topics or not set(topics) <= set(TOPICS):
        problems.append(reason("topics", "invalid", "Please choose at least one topic."))
    if not languages or not set(languages) <= set(LANGUAGES):
        problems.append(reason("languages", "invalid", "Please choose at least one language."))
    if problems:
        raise Refused(problems)


async def _station(session: Session, actor: By, station_id: str) -> DeskRow:
    row = await session.get(DeskRow, station_id)
    if row is None or row.kind != DeskKind.STATION:
        raise NotFound
    access.admin_of(actor, row.prison_id)
    return row


async def new_feed(session: Session, actor: Identity) -> str:
    """A new secret address of the lawyer's calendar feed; the one before stops working. Answers its token."""
    lawyer = await access.lawyer(session, actor)
    token = secrets.token_urlsafe(32)
    lawyer.feed_digest = feed_digest(token)
    record(session, "counsel:calendar:opened", actor=actor.subject, subject=actor.subject)
    return token


def feed_digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
