"""Setting up prisons, wings, terminals and timetables. Used by administrators' pages and the demonstration."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound
from core.ids import Ref, new_id
from ledger.record import record
from people.tables import DeviceRow
from policy import repository as policies
from policy import service as policy_service
from policy.model import FamilyPolicy, LegalBasis, Scope
from scheduler import capacity as capacities
from scheduler import places
from scheduler.access import tag
from scheduler.audience import EVERYBODY, Audience, stored
from scheduler.materialise import materialise
from scheduler.model import TICK_MINUTES, VisitKind
from scheduler.tables import PlaceRow, PrisonRow, SlotRow, TemplateRow, TerminalRow, VisitRoomRow, WingRow
from scheduler.timetable import OffTheRaster, Run, WeeklyTemplate


class BadZone(Malformed):
    code = "bad-zone"
    text = "The time zone {zone} is not known."
    status = 422


_NAME_LENGTH = 100  # characters of a template's name
_ROOM_LENGTH = 255
_PHONE = re.compile(r"([0-9+][0-9 -]{2,24})?")


class NameTooLong(Malformed):
    code = "name-too-long"
    text = "A name has at most {most} characters."
    status = 422


class NoHelpPhone(Malformed):
    code = "help-phone-invalid"
    text = "This is no telephone number: {phone}"
    status = 422


class NameTaken(Conflict):
    code = "name-taken"
    text = "There is one of this name already."


def _entered(session: Session, actor: Ref, what: str, subject: Ref, **details: Any) -> None:
    record(session, tag(actor, what), actor=actor, subject=subject, **details)


async def create_prison(
    session: Session,
    actor: Ref,
    *,
    name: str,
    zone: str,
    policy: str = "demo",
    values: Mapping[str, Any] | None = None,
    help_phone: str = "",
) -> str:
    """A prison under the rules of a preset; `values` are what the prison itself states. Answers its id.

    The prison's own values come from whoever sets up the installation and are approved by `actor`; later
    versions go the way of two persons (`policy.service.draft`, `approve`).
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadZone(zone=zone) from error
    if await session.scalar(select(PrisonRow.id).where(PrisonRow.name == name)) is not None:
        raise NameTaken
    parent = await policy_service.load_preset(session, actor, policy)
    prison_id = new_id("prs")
    session.add(
        PrisonRow(
            id=prison_id, name=name, zone=zone, help_phone=help_phone, active=True, created_at=clock.now()
        )
    )
    await session.flush()
    await policy_service.create_scope(session, actor, prison_id, Scope.PRISON, name, parent)
    if values:
        basis = LegalBasis(title=name, says="Stated when the prison was set up.", seen="own")
        draft = await policy_service.draft(
            session,
            Ref("installation", prison_id),
            prison_id,
            values,
            [basis],
            valid_from=policy_service.before_set_up(),
        )
        await policy_service.approve(session, actor, draft)
    _entered(session, actor, "prison:created", Ref("prison", prison_id), policy=policy)
    return prison_id


async def set_prison_active(session: Session, actor: Ref, prison_id: str, *, active: bool) -> None:
    """Switches a prison on, or off: then nobody can book there. What is booked stays until somebody decides."""
    row = await _prison(session, prison_id)
    row.active = active
    await session.flush()
    what = "prison:switched-on" if active else "prison:switched-off"
    _entered(session, actor, what, Ref("prison", prison_id))


async def set_help_phone(session: Session, actor: Ref, prison_id: str, phone: str) -> None:
    """Whom families may call: digits, spaces and hyphens, or nothing. Raises `NoHelpPhone`, `NotFound`."""
    row = await _prison(session, prison_id)
    if not _PHONE.fullmatch(phone):
        raise NoHelpPhone(phone=phone)
    row.help_phone = phone
    await session.flush()
    _entered(session, actor, "prison:help-phone-set", Ref("prison", prison_id))


async def create_wing(session: Session, actor: Ref, prison_id: str, name: str) -> str:
    """Raises `NotFound` for an unknown prison, `NameTaken` for a second wing of that name."""
    await _prison(session, prison_id)
    if await session.scalar(select(WingRow.id).where(WingRow.prison_id == prison_id, WingRow.name == name)):
        raise NameTaken
    wing_id = new_id("wng")
    session.add(WingRow(id=wing_id, prison_id=prison_id, name=name))
    await session.flush()
    await policy_service.create_scope(session, actor, wing_id, Scope.WARD, name, prison_id)
    _entered(session, actor, "wing:created", Ref("wing", wing_id), prison=prison_id)
    return wing_id


async def _prison(session: Session, prison_id: str) -> PrisonRow:
    row = await session.get(PrisonRow, prison_id)
    if row is None:
        raise NotFound
    return row


async def _wing_of(session: Session, prison_id: str, wing_id: str | None) -> None:
    if wing_id is None:
        return
    row = await session.get(WingRow, wing_id)
    if row is None or row.prison_id != prison_id:
        raise NotFound


async def visit_room(
    session: Session, actor: Ref, prison_id: str, name: str, *, wing_id: str | None = None, use: str = ""
) -> str:
    """The prison's room of that name, made if there is none; answers its id. `wing_id`: the wing that owns it; `use`:
    the only kind of visit (`VisitKind`) that it is for."""
    await _prison(session, prison_id)
    if len(name) > _ROOM_LENGTH:
        raise NameTooLong(most=_ROOM_LENGTH)
    await _wing_of(session, prison_id, wing_id)
    known = select(VisitRoomRow.id).where(VisitRoomRow.prison_id == prison_id, VisitRoomRow.name == name)
    if (found := await session.scalar(known)) is not None:
        return found
    room_id = new_id("vrm")
    session.add(
        VisitRoomRow(
            id=room_id, prison_id=prison_id, name=name, wing_id=wing_id, use=VisitKind(use) if use else ""
        )
    )
    await session.flush()
    _entered(session, actor, "visit-room:created", Ref("visit-room", room_id), prison=prison_id)
    return room_id


async def create_terminal(
    session: Session,
    actor: Ref,
    prison_id: str,
    wing_id: str | None,
    name: str,
    device_id: str | None = None,
    *,
    room: str | None = None,
) -> str:
    """A terminal of a wing, or (`wing_id` None) one that all wings share, in the prison's room named `room`."""
    await _prison(session, prison_id)
    await _wing_of(session, prison_id, wing_id)
    taken = select(TerminalRow.id).where(TerminalRow.prison_id == prison_id, TerminalRow.name == name)
    if await session.scalar(taken) is not None:
        raise NameTaken
    terminal_id = new_id("trm")
    session.add(
        TerminalRow(
            id=terminal_id,
            prison_id=prison_id,
            wing_id=wing_id,
            visit_room_id=await visit_room(session, actor, prison_id, room) if room else None,
            name=name,
            device_id=None,
            active=True,
        )
    )
    await session.flush()
    _entered(session, actor, "terminal:created", Ref("terminal", terminal_id), prison=prison_id)
    if device_id is not None:
        await link_device(session, actor, terminal_id, device_id)
    return terminal_id


async def link_device(session: Session, actor: Ref, terminal_id: str, device_id: str | None) -> None:
    """Says which enrolled device stands at the terminal; `None`: none. A device stands at one terminal."""
    terminal = await session.get(TerminalRow, terminal_id)
    device = None if device_id is None else await session.get(DeviceRow, device_id)
    if terminal is None or (device_id is not None and device is None):
        raise NotFound
    if device is not None and device.prison_id != terminal.prison_id:
        raise NotFound
    await session.execute(
        update(TerminalRow).where(TerminalRow.device_id == device_id).values(device_id=None)
    )
    terminal.device_id = device_id
    await session.flush()
    _entered(session, actor, "terminal:linked", Ref("terminal", terminal_id), device=device_id)


async def set_terminal_active(session: Session, actor: Ref, terminal_id: str, *, active: bool) -> None:
    """Switches a terminal off (out of order) or on; visits that have it keep it until somebody decides."""
    terminal = await session.get(TerminalRow, terminal_id)
    if terminal is None:
        raise NotFound
    terminal.active = active
    await session.flush()
    what = "terminal:switched-on" if active else "terminal:switched-off"
    _entered(session, actor, what, Ref("terminal", terminal_id))


async def _rules(session: Session, scope_id: str) -> FamilyPolicy:
    return (await policies.current(session, scope_id, clock.now())).values


async def create_template(
    session: Session,
    actor: Ref,
    prison_id: str,
    *,
    weekday: int,
    starts: time,
    count: int = 1,
    capacity: int = 1,
    minutes: int | None = None,
    raster: int | None = None,
    wing_id: str | None = None,
    valid_from: date | None = None,
    valid_to: date | None = None,
    every_weeks: int = 1,
    slots: bool = True,
    name: str = "",
    audience: Audience = EVERYBODY,
    limits: Mapping[str, int] | None = None,
) -> str:
    """A weekly template, and its slots of the present horizon (not with `slots` False: then the caller calls
    `materialise`). `minutes` and `raster` default to the policy's length, and that with the turnaround.
    `limits`: further capacities (`capacity`). Raises `BadTimetable` for what is no timetable."""
    if len(name) > _NAME_LENGTH:
        raise NameTooLong(most=_NAME_LENGTH)
    prison = await _prison(session, prison_id)
    await _wing_of(session, prison_id, wing_id)
    run = await _run(session, wing_id or prison_id, starts, minutes, raster, count, capacity)
    template_id = new_id("tpl")
    begin = valid_from or clock.now().astimezone(ZoneInfo(prison.zone)).date()
    WeeklyTemplate(template_id, weekday, run, prison.zone, begin, valid_to, every_weeks)  # checks itself
    session.add(
        TemplateRow(
            id=template_id,
            prison_id=prison_id,
            wing_id=wing_id,
            kind=VisitKind.FAMILY,
            weekday=weekday,
            starts=run.starts,
            minutes=run.minutes,
            raster=run.raster,
            count=run.count,
            capacity=run.capacity,
            valid_from=begin,
            valid_to=valid_to,
            every_weeks=every_weeks,
            active=True,
            name=name,
            audience=stored(audience),
            limits=capacities.check(limits or {}),
        )
    )
    await session.flush()
    _entered(session, actor, "template:created", Ref("template", template_id), prison=prison_id)
    if slots:
        await materialise(session, prison_id)
    return template_id


async def _run(
    session: Session,
    scope_id: str,
    starts: time,
    minutes: int | None,
    raster: int | None,
    count: int,
    capacity: int,
) -> Run:
    length, step = await _lengths(session, scope_id, starts, minutes, raster)
    return Run(starts, length, step, count, capacity)


async def _lengths(
    session: Session, scope_id: str, starts: time, minutes: int | None, raster: int | None
) -> tuple[int, int]:
    """Minutes of a visit, and to the next one. What nobody states comes from the rules. What families book begins on
    the raster of the rules; a time that is stated whole (a file's, another prison's) stands as it is."""
    if minutes and raster:
        return minutes, raster
    rules = await _rules(session, scope_id)
    if (starts.hour * 60 + starts.minute) % rules.raster_minutes:
        raise OffTheRaster(minutes=rules.raster_minutes)
    length = minutes or rules.minutes
    step = raster or -(-(length + rules.turnaround_minutes) // rules.raster_minutes) * rules.raster_minutes
    if step % rules.raster_minutes:
        raise OffTheRaster(minutes=rules.raster_minutes)
    return length, step


async def end_template(session: Session, actor: Ref, template_id: str) -> None:
    """The template makes no more slots; those ahead are taken back as far as nobody has them."""
    row = await session.get(TemplateRow, template_id)
    if row is None:
        raise NotFound
    row.active = False
    await session.flush()
    _entered(session, actor, "template:ended", Ref("template", template_id))
    await materialise(session, row.prison_id)


async def create_slot(
    session: Session,
    actor: Ref,
    prison_id: str,
    starts_at: datetime,
    *,
    capacity: int = 1,
    minutes: int | None = None,
    raster: int | None = None,
    wing_id: str | None = None,
) -> str:
    """A single slot by hand, outside every template: an extra visit, an emergency, a demonstration. It may end after
    midnight, and counts to the day that it begins on."""
    prison = await _prison(session, prison_id)
    await _wing_of(session, prison_id, wing_id)
    local = starts_at.astimezone(ZoneInfo(prison.zone))
    if local.minute % TICK_MINUTES or local.second or local.microsecond:
        raise OffTheRaster(minutes=TICK_MINUTES)
    lengths = await _lengths(session, wing_id or prison_id, local.time(), minutes, raster)
    run = Run(time(), *lengths, 1, capacity)  # checks all but when it begins
    slot_id = new_id("slt")
    session.add(
        SlotRow(
            id=slot_id,
            prison_id=prison_id,
            wing_id=wing_id,
            kind=VisitKind.FAMILY,
            day=local.date(),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=run.raster),
            minutes=run.minutes,
            closed="",
            closed_words="",
        )
    )
    await session.flush()
    await places.insert_new(session, PlaceRow, places.new_places(slot_id, 1, capacity), PlaceRow.id)
    _entered(session, actor, "slot:opened", Ref("slot", slot_id), prison=prison_id)
    return slot_id
