"""A lawyer is away, as the prison reports it or the lawyer says: what is offered, and what an officer decides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from core.db import Session
from core.errors import KinbridgeError, Malformed
from legalaid import absence, access, lawyer_return, meeting_offers, meetings
from legalaid import repository as legal
from legalaid.absence import Absence
from legalaid.meeting_flags import FlagState
from legalaid.tables import DeskRow
from people.model import Identity, Role
from scheduler.timetable import instant
from web import duty
from web.deps import Svc
from web.duty import Admin, Approver, Counsel, Officer
from web.forms import Text, at_fields
from web.i18n import N_
from web.services import Services
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)
FLAGS: Mapping[FlagState, tuple[str, str]] = {
    FlagState.WAITING: ("yellow", N_("An officer decides; until then it stays as arranged")),
    FlagState.KEPT: ("green", N_("It stays as arranged")),
    FlagState.OTHER: ("green", N_("It stays as arranged: the other lawyer comes")),
    FlagState.FREED: ("blue", N_("Its time is free again; the next weekly plan finds another")),
    FlagState.OFFERED: ("yellow", N_("Another time is offered to the lawyer")),
    FlagState.ACCEPTED: ("green", N_("Another time was taken")),
    FlagState.DECLINED: ("blue", N_("The next weekly plan finds another time")),
    FlagState.EXPIRED: ("blue", N_("The next weekly plan finds another time")),
    FlagState.ENDED: ("grey", N_("Settled in another way")),
    FlagState.TAKEN_BACK: ("green", N_("The lawyer comes after all: it is held as it was arranged first")),
}


@router.get("/officer/lawyer-away")
async def form(request: Request, services: Svc, who: Officer) -> Response:
    return await _page(request, services, who)


async def _page(
    request: Request,
    services: Services,
    who: Identity,
    status: int = 200,
    result: Absence | None = None,
    back: Absence | None = None,
    errors: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    async with services.db.read() as session:
        on = await duty.of(session, who)
        lawyers = await legal.lawyers(session, on.prison.id)
        touched = await meeting_offers.of_prison(session, on.prison.id)
        arranged = await meetings.of_prison(session, on.prison.id, on.now)
        standing = await lawyer_return.standing(session, on.prison.id)
    return render(
        request,
        "officer/lawyer_away.html",
        status=status,
        lawyers=[(one.id, one.name) for one in lawyers],
        zone=on.zone,
        prison_name=on.prison.name,
        result=result,
        back=back,
        standing=standing,
        open_flags=touched,
        meetings={one.id: one for one in arranged},
        may_decide=Role.APPROVER in who.roles,
        flags=FLAGS,
        errors=errors or {},
        values=values or {},
    )


@router.post("/officer/lawyer-away")
async def report(
    request: Request,
    services: Svc,
    who: Officer,
    lawyer: Text = "",
    from_: Annotated[str, Form(alias="from")] = "",
    till: Text = "",
) -> Response:
    values = {"lawyer": lawyer, "from": from_, "till": till}
    async with services.db.read() as session:
        on = await duty.of(session, who)
    try:
        first, last = _moment(from_, on.zone), _moment(till, on.zone)
        async with services.db.write() as session:
            result = await absence.report(session, who, lawyer, first, last)
    except Malformed as error:
        errors = at_fields(request, error)
        return await _page(request, services, who, error.status, errors=errors, values=values)
    return await _page(request, services, who, result=result)


@router.post("/officer/lawyer-away/{absence_id}/take-back")
async def take_back(request: Request, services: Svc, who: Officer, absence_id: str) -> Response:
    """The lawyer comes after all."""
    async with services.db.write() as session:
        back = await lawyer_return.take_back(session, who, absence_id)
    return await _page(request, services, who, back=back)


@router.post("/officer/meetings/flags/{flag_id}/release")
async def release(services: Svc, who: Approver, flag_id: str) -> Response:
    async with services.db.write() as session:
        await meeting_offers.release(session, who, flag_id)
    return redirect("/officer/lawyer-away")


@router.post("/officer/meetings/flags/{flag_id}/keep")
async def keep(request: Request, services: Svc, who: Approver, flag_id: str, words: Text = "") -> Response:
    try:
        async with services.db.write() as session:
            await meeting_offers.keep(session, who, flag_id, words[:300])
    except KinbridgeError as error:
        return await _page(request, services, who, error.status, errors=at_fields(request, error))
    return redirect("/officer/lawyer-away")


@router.get("/counsel/away")
async def own_form(request: Request, services: Svc, who: Counsel) -> Response:
    return await _own(request, services, who)


async def _own(
    request: Request,
    services: Services,
    who: Identity,
    status: int = 200,
    **shown: Any,
) -> Response:
    async with services.db.read() as session:
        zone = await _zone(session, who)
        standing = await lawyer_return.own(session, who)
    given = {"result": None, "back": None, "standing": standing, "errors": {}, "values": {}, **shown}
    return render(request, "counsel/away.html", status=status, zone=zone, flags=FLAGS, **given)


@router.post("/counsel/away")
async def own(
    request: Request,
    services: Svc,
    who: Counsel,
    from_: Annotated[str, Form(alias="from")] = "",
    till: Text = "",
) -> Response:
    try:
        async with services.db.write() as session:
            zone = await _zone(session, who)
            result = await absence.own(session, who, _moment(from_, zone), _moment(till, zone))
    except Malformed as error:
        errors, values = at_fields(request, error), {"from": from_, "till": till}
        return await _own(request, services, who, error.status, errors=errors, values=values)
    return await _own(request, services, who, result=result)


@router.post("/counsel/away/{absence_id}/take-back")
async def take_own_back(request: Request, services: Svc, who: Counsel, absence_id: str) -> Response:
    async with services.db.write() as session:
        back = await lawyer_return.take_back(session, who, absence_id)
    return await _own(request, services, who, back=back)


async def _zone(session: Session, who: Identity) -> str:
    """Of the prison at which the lawyer's station is."""
    lawyer = await access.lawyer(session, who)
    station = await session.get_one(DeskRow, lawyer.station_id)
    return (await duty.at(session, station.prison_id)).zone


@router.post("/counsel/meetings/flags/{flag_id}/accept")
async def accept(services: Svc, who: Counsel, flag_id: str) -> Response:
    async with services.db.write() as session:
        await meeting_offers.accept(session, who, flag_id)
    return redirect("/counsel/meetings")


@router.post("/counsel/meetings/flags/{flag_id}/decline")
async def decline(services: Svc, who: Counsel, flag_id: str) -> Response:
    async with services.db.write() as session:
        await meeting_offers.decline(session, who, flag_id)
    return redirect("/counsel/meetings")


@router.post("/admin/meetings/away")
async def set_rule(services: Svc, who: Admin, decides: Text = "") -> Response:
    async with services.db.write() as session:
        place = await duty.of(session, who)
        await meeting_offers.set_rule(session, who, place.prison.id, decides=bool(decides))
    return redirect("/admin/meetings")


def _moment(text: str, zone: str) -> datetime:
    """What a `datetime-local` field sends, by the prison's clocks."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise absence.BadAbsence from error
    return instant(local.date(), local.time(), zone)
