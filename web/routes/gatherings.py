"""Mediations and counsellors' hours for those who take part: a relative at home, an inmate at the terminal."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import Malformed, NotFound, Refused, Unavailable
from core.ids import Ref, new_id
from legalaid import gathering_parties, gatherings, personal
from legalaid.access import Actor, ref
from legalaid.confidential import BASES
from legalaid.forms import WORDS_MAX
from legalaid.gathering_model import (
    ANSWERS,
    KINDS,
    RESULTS,
    STATES,
    VERDICTS,
    Answer,
    GatheringForm,
    GatheringKind,
    GatheringState,
    GatheringView,
    Verdict,
)
from legalaid.model import AtDesk
from people import repository as people
from people.model import RelationshipState
from scheduler import repository as scheduler
from web import legal, talks
from web.deps import Relative, Svc
from web.forms import Text, at_fields
from web.legal import Inmate
from web.services import Services
from web.templating import redirect, render
from web.wording import BEIJING

router = APIRouter(include_in_schema=False)
HOME = "/gatherings"
SCREEN = "/terminal/lawyer/gatherings"
DOOR = "/terminal/lawyer"
_LIGHTS = {
    GatheringState.ASKED: "blue",
    GatheringState.TAKEN: "blue",
    GatheringState.ARRANGED: "green",
    GatheringState.WRITTEN: "yellow",
    GatheringState.CLOSED: "green",
    GatheringState.REFUSED: "red",
}


def page(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
    """With the tables of sentences that gatherings are told by."""
    tables = {
        "kinds": KINDS,
        "states": STATES,
        "answers": ANSWERS,
        "verdicts": VERDICTS,
        "results": RESULTS,
        "roles": talks.ROLES,
        "told": {how.value: short for how, (short, _) in talks.TOLD.items()},
        "bases": BASES,
        "state_lights": _LIGHTS,
        "lights": legal.LIGHTS,
        "now": clock.now(),
        "words_max": WORDS_MAX,
    }
    return render(request, name, status=status, tables=tables, **context)


async def zone_of(session: Session, prison_id: str) -> str:
    prison = await scheduler.prison(session, prison_id)
    return prison.zone if prison else BEIJING


async def opened(session: Session, services: Services, actor: Actor, view: GatheringView) -> tuple[str, str]:
    """(what it is about, what came of it) for the acting person; empty where it is not theirs to read."""
    means = legal.means_of(services)
    try:
        words = await gathering_parties.words(session, means, actor, view.id)
        return words, await gathering_parties.result(session, means, actor, view.id)
    except NotFound:
        return "", ""


# A relative, at home


@router.get(HOME)
async def mine(request: Request, services: Svc, who: Relative) -> Response:
    async with services.db.read() as session:
        found = await gatherings.of_party(session, who.subject)
        held = await people.relationships_of(session, who.subject.id)
    inmates = [
        (one.inmate_id, one.inmate_name)
        for one in held
        if one.state is RelationshipState.APPROVED and one.relative_id == who.subject.id
    ]
    return page(request, "family/gatherings.html", gatherings=found, inmates=inmates, me=who.subject)


@router.get(HOME + "/new/{inmate_id}")
async def new(request: Request, services: Svc, who: Relative, inmate_id: str) -> Response:
    return await _form(request, services, who.subject, inmate_id, {}, {})


async def _form(
    request: Request,
    services: Services,
    relative: Ref,
    inmate_id: str,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        held = await people.relationship(session, relative.id, inmate_id)
    if held is None or held.state is not RelationshipState.APPROVED:
        raise NotFound
    return page(
        request,
        "family/gathering_form.html",
        status=status,
        held=held,
        values={"key": new_id("key"), **values},
        errors=errors,
    )


@router.post(HOME + "/new/{inmate_id}")
async def ask(
    request: Request, services: Svc, who: Relative, inmate_id: str, words: Text = "", key: Text = ""
) -> Response:
    form = GatheringForm(GatheringKind.MEDIATION, words, key[:64])
    try:
        async with services.db.write() as session:
            await gatherings.ask(session, legal.means_of(services), who, inmate_id, form)
    except (Malformed, Refused, Unavailable) as error:
        values = {"words": words, "key": key}
        errors = at_fields(request, error)
        return await _form(request, services, who.subject, inmate_id, values, errors, error.status)
    return redirect(HOME)


@router.get(HOME + "/{gathering_id}")
async def one(request: Request, services: Svc, who: Relative, gathering_id: str) -> Response:
    return await _one(request, services, who, gathering_id, {})


async def _one(
    request: Request, services: Services, who: Relative, gathering_id: str, errors: dict[str, str]
) -> Response:
    async with services.db.write() as session:  # each look is entered
        view = await theirs(session, who, gathering_id)
        words, result = await opened(session, services, who, view)
        zone = await zone_of(session, view.prison_id)
    return page(
        request,
        "family/gathering.html",
        status=422 if errors else 200,
        view=view,
        me=view.party(who.subject),
        own=view.asked_by == who.subject,
        words=words,
        result=result,
        zone=zone,
        errors=errors,
    )


async def theirs(session: Session, actor: Actor, gathering_id: str) -> GatheringView:
    """For who takes part or has asked. Raises `NotFound` for others."""
    view = await gatherings.view_of(session, gathering_id)
    if view.party(ref(actor)) is None and view.asked_by != ref(actor):
        raise NotFound
    return view


@router.post(HOME + "/{gathering_id}/{act}")
async def say(
    request: Request, services: Svc, who: Relative, gathering_id: str, act: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await speak(session, services, who, gathering_id, act, words)
    except (Malformed, Refused) as error:
        return await _one(request, services, who, gathering_id, at_fields(request, error))
    return redirect(f"{HOME}/{gathering_id}")


async def speak(
    session: Session, services: Services, actor: Actor, gathering_id: str, act: str, words: str = ""
) -> None:
    """What somebody who takes part does: yes, no, right, wrong, withdraw. Raises `NotFound` for anything else."""
    if act in ("yes", "no"):
        await gathering_parties.answer(session, actor, gathering_id, Answer(act))
    elif act in ("right", "wrong"):
        means = legal.means_of(services)
        await gathering_parties.judge(session, means, actor, gathering_id, Verdict(act), words)
    elif act == "withdraw":
        await gatherings.withdraw(session, actor, gathering_id)
    else:
        raise NotFound


# An inmate, at the terminal


@router.get(SCREEN)
async def at_terminal(request: Request, services: Svc, desk: Inmate) -> Response:
    return await _screen(request, services, desk, {}, {})


async def _screen(
    request: Request,
    services: Services,
    desk: AtDesk,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        if not await personal.still(session, desk):
            return redirect(DOOR)
        found = await gatherings.of_party(session, Ref("inmate", desk.inmate_id))
        relatives = await people.approved_of_inmate(session, desk.inmate_id)
        zone = await zone_of(session, desk.prison_id)
    return page(
        request,
        "terminal/lawyer_gatherings.html",
        status=status,
        gatherings=found,
        relatives=[(one.relative_id, one.relative_name) for one in relatives],
        values={"key": new_id("key"), **values},
        errors=errors,
        generation=desk.generation,
        zone=zone,
    )


@router.post(SCREEN)
async def ask_here(
    request: Request,
    services: Svc,
    desk: Inmate,
    kind: Text = "",
    words: Text = "",
    key: Text = "",
    with_id: Text = "",
) -> Response:
    outside = with_id if kind == GatheringKind.MEDIATION else ""
    form = GatheringForm(kind, words, key[:64], outside)
    try:
        async with services.db.write() as session:
            await gatherings.still(session, desk)
            await gatherings.ask(session, legal.means_of(services), desk, desk.inmate_id, form)
    except (Malformed, Refused, Unavailable) as error:
        values = {"kind": kind, "words": words, "key": key, "with_id": with_id}
        return await _screen(request, services, desk, values, at_fields(request, error), error.status)
    return redirect(SCREEN)


@router.get(SCREEN + "/{gathering_id}")
async def one_here(request: Request, services: Svc, desk: Inmate, gathering_id: str) -> Response:
    return await _one_here(request, services, desk, gathering_id, {})


async def _one_here(
    request: Request, services: Services, desk: AtDesk, gathering_id: str, errors: dict[str, str]
) -> Response:
    async with services.db.write() as session:  # each look is entered
        await gatherings.still(session, desk)
        view = await theirs(session, desk, gathering_id)
        words, result = await opened(session, services, desk, view)
        zone = await zone_of(session, view.prison_id)
    return page(
        request,
        "terminal/lawyer_gathering.html",
        status=422 if errors else 200,
        view=view,
        me=view.inmate,
        own=view.asked_by == Ref("inmate", desk.inmate_id),
        words=words,
        result=result,
        zone=zone,
        errors=errors,
    )


@router.post(SCREEN + "/{gathering_id}/{act}")
async def say_here(
    request: Request, services: Svc, desk: Inmate, gathering_id: str, act: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await speak(session, services, desk, gathering_id, act, words)
    except (Malformed, Refused) as error:
        return await _one_here(request, services, desk, gathering_id, at_fields(request, error))
    return redirect(f"{SCREEN}/{gathering_id}")
