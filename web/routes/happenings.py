"""Disruptions: what befell, which visits it touches, and what an officer does about each: offer another time, keep the
visit with a reason, or look at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core.db import Database, Session
from core.errors import Conflict, KinbridgeError, NotFound
from people import repository as people
from people.model import Identity, Role
from scheduler import befalling, flags, offering, repository, restricting
from scheduler.flags import Flag
from scheduler.happenings import NATURES, Happening, Kind, Nature, Remedy
from scheduler.model import BookingView
from scheduler.offering import Offer
from scheduler.timetable import instant
from web import duty
from web.deps import Db, Svc
from web.duty import Approver, Duty, Officer
from web.forms import Text, at_fields
from web.i18n import N_
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
# Reported elsewhere: by closing a date, suspending a visitor, ending a relationship, by the prison's own list.
_ELSEWHERE = frozenset(
    {
        Kind.DATE_CLOSED,
        Kind.SESSION_CLOSED,
        Kind.DETAILS_CHANGED,
        Kind.RESTRICTION,
        Kind.VISITOR_UNAPPROVED,
    }
)
# End when the day is opened again in the timetable.
_CLOSED = frozenset({Kind.DATE_CLOSED, Kind.SESSION_CLOSED})
OFFER_STATES: Mapping[str, str] = {
    "open": N_("offered, the family has not answered"),
    "accepted": N_("taken"),
    "declined": N_("not wanted"),
    "expired": N_("ran out"),
    "taken-back": N_("taken back"),
}


_BY_KIND = {kind.value: nature for kind, nature in NATURES.items()}


class EndsElsewhere(Conflict):
    code = "ends-elsewhere"
    text = "This ends where it was entered: in the timetable for a closed day, else with the suspension of visits."


@dataclass(frozen=True, slots=True)
class Touched:
    """A flagged booking with its newest offer. `nature`: what befell, where it was reported."""

    flag: Flag
    view: BookingView
    offer: Offer | None
    nature: Nature | None

    @property
    def movable(self) -> bool:
        """Whether another time could help."""
        return self.nature is None or self.nature.remedy is not Remedy.NONE


@router.get("/officer/happenings")
async def page(request: Request, db: Db, who: Officer) -> Response:
    return render(request, "officer/happenings.html", **await _context(db, who))


async def _context(db: Database, who: Identity) -> dict[str, Any]:
    async with db.read() as session:
        on = await duty.of(session, who)
        waiting = await flags.open_in(session, on.prison.id)
        offers = await offering.of_bookings(session, [flag.booking_id for flag in waiting])
        touched = [
            Touched(
                flag,
                await repository.get(session, flag.booking_id),
                offers.get(flag.booking_id),
                _BY_KIND.get(flag.cause.partition(":")[0]),
            )
            for flag in waiting
        ]
        going_on = await befalling.open_in(session, on.prison.id)
        staff = [one for one in await people.staff_of(session, on.prison.id) if Role.MONITOR in one.roles]
        return {
            "touched": sorted(touched, key=lambda one: one.view.starts_at),
            "going_on": [(one, await _about(session, one), await _by_hand(session, one)) for one in going_on],
            "kinds": [(kind.value, NATURES[kind].name) for kind in Kind if kind not in _ELSEWHERE],
            "wings_named": [(one.id, one.name) for one in await repository.wings(session, on.prison.id)],
            "terminals_named": [
                (one.id, one.place) for one in await repository.terminals(session, on.prison.id)
            ],
            "rooms_named": await repository.visit_rooms(session, on.prison.id),
            "officers_named": [(one.id, one.name) for one in staff],
            "offer_states": OFFER_STATES,
            "may_decide": Role.APPROVER in who.roles,
            "zone": on.zone,
            "prison_name": on.prison.name,
            "errors": {},
            "values": {"from": f"{on.now.astimezone(ZoneInfo(on.zone)):%Y-%m-%dT%H:%M}"},
        }


async def _by_hand(session: Session, happening: Happening) -> bool:
    """Whether it ends when somebody says here that it is over; else it does where it was entered."""
    return happening.kind not in _CLOSED and not await restricting.behind(session, happening)


async def _about(session: Session, happening: Happening) -> str:
    """Whom or what it is about, by name."""
    names = []
    for inmate_id in (happening.inmate_id, happening.other_id):
        inmate = None if inmate_id is None else await people.inmate(session, inmate_id)
        names += [f"{inmate.name} {inmate.number}"] if inmate else []
    if happening.terminal_id is not None:
        terminal = await repository.terminal(session, happening.terminal_id)
        names += [terminal.place] if terminal else []
    if happening.visit_room_id is not None:
        rooms = dict(await repository.visit_rooms(session, happening.prison_id))
        names += [rooms.get(happening.visit_room_id, "")]
    if happening.relative_id is not None:
        relative = await people.relative(session, happening.relative_id)
        names += [relative.name] if relative else []
    if happening.wing_id is not None:
        wings = await repository.wings(session, happening.prison_id)
        names += [wing.name for wing in wings if wing.id == happening.wing_id]
    if happening.officer_id is not None:
        staff = await people.staff(session, happening.officer_id)
        names += [staff.name] if staff else []
    return " · ".join(names)


@router.post("/officer/happenings")
async def report(
    request: Request, services: Svc, who: Officer, kind: Text = "", inmate: Text = "", other: Text = "",
    wing: Text = "", terminal: Text = "", room: Text = "", officer: Text = "", words: Text = "",
    from_: Annotated[str, Form(alias="from")] = "", till: Text = "",
) -> Response:  # fmt: skip
    """Flags what it touches; where the kind asks for no decision, other times are offered at once."""
    typed = {"kind": kind, "inmate": inmate, "other": other, "wing": wing, "terminal": terminal,
             "room": room, "officer": officer, "words": words, "from": from_, "till": till}  # fmt: skip
    try:
        async with services.db.write() as session:
            on = await duty.of(session, who)
            happening = await _happening(session, on, typed)
            made, _ = await befalling.report(session, who, happening)
            if made.nature.remedy is Remedy.OFFER:
                mine = [f for f in await flags.open_in(session, on.prison.id) if f.cause == made.cause]
                await offering.offer_all(session, who, mine)
    except KinbridgeError as error:
        context = await _context(services.db, who) | {"values": typed}
        context["errors"] = at_fields(request, error)
        return render(request, "officer/happenings.html", status=error.status, **context)
    return redirect("/officer/happenings")


async def _happening(session: Session, on: Duty, typed: Mapping[str, str]) -> Happening:
    """The form as a happening; inmates are named by their number. Raises `BadHappening`, `NotFound`."""
    try:
        kind = Kind(typed["kind"])
        first, last = _moment(typed["from"], on.zone), _moment(typed["till"], on.zone)
    except ValueError as error:
        raise befalling.BadHappening from error
    if kind in _ELSEWHERE:
        raise befalling.BadHappening
    found: dict[str, Any] = {}
    for field, name in (("inmate_id", "inmate"), ("other_id", "other")):
        if typed[name].strip() and field in NATURES[kind].needs:
            inmate = await people.find_inmate(session, on.prison.id, typed[name].strip())
            if inmate is None:
                raise NotFound
            found[field] = inmate.id
    for field, name in (("terminal_id", "terminal"), ("visit_room_id", "room"), ("officer_id", "officer")):
        if typed[name] and field in NATURES[kind].needs:
            found[field] = typed[name]
    if kind is Kind.LOCKDOWN and typed["wing"]:
        found["wing_id"] = typed["wing"]
    return Happening("", on.prison.id, kind, first or on.now, last, words=typed["words"], **found)


def _moment(text: str, zone: str) -> datetime | None:
    """What a `datetime-local` field sends, by the prison's clocks."""
    if not text:
        return None
    local = datetime.fromisoformat(text)
    return instant(local.date(), local.time(), zone)


@router.post("/officer/happenings/{happening_id}/close")
async def close(services: Svc, who: Officer, happening_id: str) -> Response:
    async with services.db.write() as session:
        on = await duty.of(session, who)
        going_on = await befalling.open_in(session, on.prison.id)
        for one in going_on:
            if one.id == happening_id and not await _by_hand(session, one):
                raise EndsElsewhere
        await befalling.close(session, who, happening_id)
    return redirect("/officer/happenings")


@router.post("/officer/flags/offer")
async def offer(services: Svc, who: Approver, flag: Text = "") -> Response:
    """Offers another time for one flag, or for all that wait and have no offer yet."""
    async with services.db.write() as session:
        on = await duty.of(session, who)
        waiting = [one for one in await flags.open_in(session, on.prison.id) if flag in ("", one.id)]
        offers = await offering.of_bookings(session, [one.booking_id for one in waiting])
        still = [
            one
            for one in waiting
            if flag or one.booking_id not in offers or offers[one.booking_id].state != "open"
        ]
        await offering.offer_all(session, who, still)
    return redirect("/officer/happenings")


@router.post("/officer/flags/{flag_id}/keep")
async def keep(request: Request, services: Svc, who: Approver, flag_id: str, words: Text = "") -> Response:
    try:
        async with services.db.write() as session:
            await befalling.keep(session, who, flag_id, words)
    except flags.WordsNeeded as error:
        context = await _context(services.db, who)
        context["errors"] = {f"words-{flag_id}": text for text in at_fields(request, error).values()}
        return render(request, "officer/happenings.html", status=error.status, **context)
    return redirect("/officer/happenings")
