"""Mediations and counsellors' hours for those who hold them, and for the prison that gives them a time."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.db import Session
from core.errors import Conflict, Malformed, Refused
from legalaid import case_file, gathering_desk, gathering_parties, gatherings, handover
from legalaid.forms import ADVICE_MAX
from legalaid.gathering_model import OUTCOMES, GatheringState, GatheringView
from legalaid.model import DeskKind
from people.model import Identity
from rooms import sittings
from scheduler import repository as scheduler
from web import duty, legal, talks
from web.deps import Svc
from web.duty import Approver, Counsel
from web.forms import Many, Text, at_fields
from web.routes.gatherings import opened, page, speak, theirs, zone_of
from web.routes.meetings import arranged_at
from web.services import Services
from web.templating import redirect
from web.wording import BEIJING

router = APIRouter(include_in_schema=False)
HOME = "/counsel/gatherings"
DESK = "/officer/gatherings"
_HELP = frozenset({DeskKind.MEDIATION, DeskKind.COUNSELLING})


@router.get(HOME)
async def mine(request: Request, services: Svc, who: Counsel) -> Response:
    """What waits at one's desks, what one holds, to what one is asked, and the rooms one may enter."""
    async with services.db.read() as session:
        held = await gatherings.of_desks(session, who)
        asked = [one for one in await gatherings.of_party(session, who.subject) if one not in held]
        rooms = await sittings.of_person(session, who.subject)
        place = await duty.at(session, who.prison_id) if who.prison_id else None
        desks = [desk.name for desk in await case_file.desks_of(session, who) if desk.kind in _HELP]
    return page(
        request,
        "counsel/gatherings.html",
        waiting=[one for one in held if one.state is GatheringState.ASKED],
        held=[one for one in held if one.state is not GatheringState.ASKED],
        asked=asked,
        rooms=rooms,
        room_kinds=talks.KINDS,
        desks=desks,
        me=who.subject,
        zone=place.zone if place else BEIJING,
    )


@router.get(HOME + "/{gathering_id}")
async def one(request: Request, services: Svc, who: Counsel, gathering_id: str) -> Response:
    return await _one(request, services, who, gathering_id, {}, {})


async def _one(
    request: Request,
    services: Services,
    who: Identity,
    gathering_id: str,
    values: dict[str, Any],
    errors: dict[str, str],
) -> Response:
    async with services.db.write() as session:  # each look is entered
        view = await _seen(session, who, gathering_id)
        words, result = await opened(session, services, who, view)
        holds = view.helper_id == who.subject.id
        relatives = await gathering_desk.candidates(session, view) if holds else []
        wrong = []
        if holds:
            wrong = await gathering_parties.objections(session, legal.means_of(services), who, view.id)
        zone = await zone_of(session, view.prison_id)
        desks = await handover.offered(session, who, gatherings.matter(view))
    return page(
        request,
        "counsel/gathering.html",
        status=422 if errors else 200,
        view=view,
        me=view.party(who.subject),
        holds=holds,
        desks=[(desk.id, desk.name) for desk in desks],
        relatives=[(held.relative_id, held.relative_name) for held in relatives],
        invited={party.person.id: party.answer for party in view.relatives},
        outcomes=OUTCOMES[view.kind].items(),
        objections=wrong,
        words=words,
        result=result,
        result_max=ADVICE_MAX,
        values={"minutes": str(view.minutes), "result": result, "outcome": view.outcome, **values},
        errors=errors,
        zone=zone,
    )


async def _seen(session: Session, who: Identity, gathering_id: str) -> GatheringView:
    """For who holds it or works at its desk, and for who takes part."""
    for view in await gatherings.of_desks(session, who):
        if view.id == gathering_id:
            return view
    return await theirs(session, who, gathering_id)


@router.post(HOME + "/{gathering_id}/invite")
async def invite(
    request: Request,
    services: Svc,
    who: Counsel,
    gathering_id: str,
    relatives: Many = None,
    lawyer: Text = "",
    minutes: Text = "",
) -> Response:
    length = int(minutes) if minutes.isdecimal() and len(minutes) < 4 else 0
    try:
        async with services.db.write() as session:
            chosen = relatives or []
            await gathering_desk.invite(session, who, gathering_id, chosen, lawyer[:60], length)
    except (Malformed, Refused) as error:
        values = {"lawyer": lawyer, "minutes": minutes}
        return await _one(request, services, who, gathering_id, values, at_fields(request, error))
    return redirect(f"{HOME}/{gathering_id}")


@router.post(HOME + "/{gathering_id}/write")
async def write(
    request: Request, services: Svc, who: Counsel, gathering_id: str, outcome: Text = "", words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            means = legal.means_of(services)
            await gathering_desk.write(session, means, who, gathering_id, outcome, words)
    except (Malformed, Refused) as error:
        values = {"result": words, "outcome": outcome}
        return await _one(request, services, who, gathering_id, values, at_fields(request, error))
    return redirect(f"{HOME}/{gathering_id}")


@router.post(HOME + "/{gathering_id}/refuse")
async def refuse(
    request: Request, services: Svc, who: Counsel, gathering_id: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await gathering_desk.refuse(session, who, gathering_id, words[:500])
    except (Malformed, Refused) as error:
        return await _one(request, services, who, gathering_id, {}, at_fields(request, error))
    return redirect(HOME)


@router.post(HOME + "/{gathering_id}/{act}")
async def act_on(services: Svc, who: Counsel, gathering_id: str, act: str, words: Text = "") -> Response:
    async with services.db.write() as session:
        if act == "take":
            await gathering_desk.take(session, who, gathering_id)
        else:
            await speak(session, services, who, gathering_id, act, words)
    return redirect(f"{HOME}/{gathering_id}")


@router.get(DESK)
async def prison(request: Request, services: Svc, who: Approver) -> Response:
    return await _prison(request, services, who, {})


async def _prison(
    request: Request, services: Services, who: Identity, errors: dict[str, str], status: int = 200
) -> Response:
    """What can be given a time; of what it is about, nothing."""
    async with services.db.read() as session:
        place = await duty.of(session, who)
        found = await gatherings.to_arrange(session, place.prison.id)
        terminals = await scheduler.terminals(session, place.prison.id)
    return page(
        request,
        "officer/gatherings.html",
        status=status,
        gatherings=found,
        terminals=[(one.id, one.place) for one in terminals if one.active],
        errors=errors,
        zone=place.zone,
    )


@router.post(DESK + "/{gathering_id}/arrange")
async def arrange(
    request: Request,
    services: Svc,
    who: Approver,
    gathering_id: str,
    starts_at: Text = "",
    terminal: Text = "",
) -> Response:
    try:
        async with services.db.write() as session:
            starts = await arranged_at(session, who, starts_at, terminal)
            await gathering_desk.arrange(session, who, gathering_id, starts, terminal)
    except (Conflict, Malformed, Refused) as error:
        return await _prison(request, services, who, at_fields(request, error), error.status)
    return redirect(DESK)


@router.post(DESK + "/{gathering_id}/refuse")
async def refuse_here(
    request: Request, services: Svc, who: Approver, gathering_id: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await gathering_desk.refuse(session, who, gathering_id, words[:500])
    except (Conflict, Malformed, Refused) as error:
        return await _prison(request, services, who, at_fields(request, error), error.status)
    return redirect(DESK)
