"""The lawyer's day: whom to meet now, next and later; the question; the answer; the roster."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import PlainTextResponse, Response

from core import clock
from core.db import Session
from core.errors import KinbridgeError, NotFound
from core.ids import Ref, new_id
from legalaid import (
    directory,
    directory_links,
    handover,
    reading,
    repository,
    service,
    turn_rooms,
    turns,
    wording,
)
from legalaid.access import NotALawyer, lawyer
from legalaid.days import HORIZON
from legalaid.forms import ADVICE_MAX, WORDS_MAX, QuestionForm
from legalaid.model import Coming, HelpDay, TurnState, TurnView
from legalaid.opinions import count as opinions_of
from legalaid.replanning import FAIR
from legalaid.tables import DeskRow, LawyerRow
from people.model import Identity
from rooms.agreed import SittingState
from scheduler import repository as scheduler
from web import legal
from web.deps import AtTheDoor, Svc
from web.duty import Counsel
from web.forms import Text, at_fields
from web.i18n import N_, translate
from web.routes.ask import page
from web.services import Services
from web.templating import redirect, render
from web.wording import BEIJING

router = APIRouter(include_in_schema=False)
# What has become of a clock, in its history.
STEPS = {
    "started": N_("The time began to run"),
    "told": N_("The desk was told that time runs out"),
    "told-late": N_("The desk was told late that time runs out"),
    "escalated": N_("Overdue: handed to the desk above"),
    "discipline": N_("Overdue again: handed to discipline"),
    "paused": N_("Papers were asked for; the time stands"),
    "resumed": N_("The papers are there; the time runs on"),
    "extension-asked": N_("More time was asked for"),
    "extension-granted": N_("More time was granted"),
    "extension-refused": N_("More time was refused"),
    "deadline-set": N_("The desk above set a deadline"),
    "hurried": N_("It became urgent"),
    "recounted": N_("Reckoned again with the year's working days"),
    "handed": N_("Handed to another desk"),
    "done": N_("Done"),
    "withdrawn": N_("Taken back"),
}
COMING = {
    Coming.COMES: N_("I come"),
    Coming.AWAY: N_("I cannot come"),
    Coming.SICK: N_("I am ill"),
}
_BEFORE = timedelta(minutes=30)  # so long before a help day a lawyer may say "I am here"
ACTS = {"begin": turns.begin, "done": turns.done, "carry": turns.carry_over}


@router.get("/counsel")
async def home(request: Request, services: Svc, who: Counsel) -> Response:
    now = clock.now()
    async with services.db.read() as session:
        try:
            me = await lawyer(session, who)
        except NotALawyer:
            return render(request, "counsel/home.html", today=now)
        station = await session.get_one(DeskRow, me.station_id)
        context = await _day(session, who, me)
        opinions = await opinions_of(session, station.id, now - FAIR)
    return page(
        request,
        "counsel/day.html",
        now=now,
        today=now,
        station=station.name,
        opinions={helped.value: number for helped, number in opinions.items()},
        **context,
    )


@router.get("/counsel/turns")
async def fresh_turns(request: Request, services: Svc, who: Counsel) -> Response:
    """The lawyer's turns alone, for the script that keeps the page fresh."""
    async with services.db.read() as session:
        context = await _day(session, who, await lawyer(session, who))
    return page(request, "counsel/day_turns.html", **context)


async def _day(session: Session, who: Identity, me: LawyerRow) -> dict[str, Any]:
    """The next or present help day, and the lawyer's turns on it. `awaited`: the lawyer should be there by now."""
    now = clock.now()
    days = await repository.help_days(session, me.station_id, now, now + HORIZON)
    day = days[0] if days else None
    mine = await _turns(session, day, who) if day else []
    mine_by_name = await directory_links.asked_for(session, me.staff_id)
    queue = sorted(
        await repository.waiting(session, me.station_id), key=lambda view: view.wish_id not in mine_by_name
    )
    running = [one for one in mine if one.state is TurnState.RUNNING]
    rooms = {one.id: await turn_rooms.of(session, one.id) for one in running}
    return {
        "day": day,
        "zone": day.zone if day else BEIJING,
        "awaited": day is not None and await _awaited(session, day, who, now),
        "running": running,
        "planned": [one for one in mine if one.state is TurnState.PLANNED],
        "over": [one for one in mine if one.state in (TurnState.DONE, TurnState.CARRIED)],
        "turn_states": wording.TURN_STATES,
        "queue": queue,
        "by_id": {view.id: view for view in queue},
        "by_name": mine_by_name,
        "rooms": {turn: r.id for turn, r in rooms.items() if r and r.state is SittingState.AGREED},
    }


async def _awaited(session: Session, day: HelpDay, who: Identity, now: datetime) -> bool:
    said = await repository.coming(session, day.id)
    return (
        day.starts_at - _BEFORE <= now
        and said.get(who.subject.id) == Coming.COMES
        and who.subject.id not in await repository.here(session, day.id)
    )


async def _turns(session: Session, day: HelpDay, who: Identity) -> list[TurnView]:
    return await repository.turns(session, day.id, lawyer_id=who.subject.id)


@router.post("/counsel/days/{help_day_id}/here")
async def here(services: Svc, who: Counsel, help_day_id: str) -> Response:
    async with services.db.write() as session:
        await service.say_here(session, who, help_day_id)
    return redirect("/counsel")


@router.post("/counsel/turns/{turn_id}/over")
async def run_over(
    services: Svc, who: Counsel, turn_id: str, minutes: Annotated[int, Form()] = 5
) -> Response:
    async with services.db.write() as session:
        await turns.run_over(session, who, turn_id, minutes)
    return redirect("/counsel")


@router.post("/counsel/turns/{turn_id}/{act}")
async def mark(services: Svc, who: Counsel, turn_id: str, act: str) -> Response:
    if act not in ACTS:
        raise NotFound
    async with services.db.write() as session:
        await ACTS[act](session, who, turn_id)
        room = await turn_rooms.of(session, turn_id) if act == "begin" else None
    return redirect(f"/sittings/{room.id}" if room else "/counsel")


@router.get("/counsel/questions/{question_id}")
async def question(
    request: Request, services: Svc, who: Counsel, visitor: AtTheDoor, question_id: str, template: str = ""
) -> Response:
    """`template`: the beginning of the advice, chosen from the list."""
    words = wording.ADVICE.get(template, "")
    beginning = translate(visitor.language, words) if words else ""
    return await _question(request, services, who, question_id, values={"words": beginning})


@router.get("/counsel/questions/{question_id}/paper")
async def paper(request: Request, services: Svc, who: Counsel, question_id: str) -> Response:
    """What was written, as a sheet to print: for somebody who comes to no terminal."""
    means = legal.means_of(services)
    async with services.db.write() as session:  # reading is entered in the ledger
        words = await service.words(session, means, who, question_id)
        advice = await service.advice(session, means, who, question_id)
        view = await service.get(session, question_id)
        prison = await scheduler.prison(session, view.prison_id)
    zone = prison.zone if prison else BEIJING
    back = f"/counsel/questions/{question_id}"
    return page(
        request, "counsel/advice.html", question=view, words=words, advice=advice, zone=zone, back=back
    )


async def _question(
    request: Request,
    services: Services,
    who: Identity,
    question_id: str,
    *,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    means = legal.means_of(services)
    async with services.db.write() as session:  # reading is entered in the ledger
        words = await service.words(session, means, who, question_id)
        advice = await service.advice(session, means, who, question_id)
        view = await service.get(session, question_id)
        history = await service.history(session, Ref("question", question_id))
        prison = await scheduler.prison(session, view.prison_id)
        wished = await directory.told(session, view.wish_id)
        spoken = await reading.voice_seconds(session, question_id)
        stations = await handover.targets(session, view.station_id)
    return page(
        request,
        "counsel/question.html",
        wished=wished,
        spoken=spoken,
        hands=wording.HANDS,
        stations=[(desk.id, desk.name) for desk in stations] if view.state in ("asked", "planned") else [],
        status=status,
        question=view,
        words=words,
        advice=advice,
        history=history,
        steps=STEPS,
        zone=prison.zone if prison else BEIJING,
        templates=list(wording.ADVICE),
        advice_max=ADVICE_MAX,
        errors=errors or {},
        values=values,
    )


@router.get("/counsel/questions/{question_id}/voice")
async def voice(services: Svc, who: Counsel, question_id: str) -> Response:
    """The spoken question; each hearing is entered in the ledger."""
    async with services.db.write() as session:
        found = await reading.voice(session, legal.means_of(services), who, question_id)
    return Response(found.data, media_type=found.media_type)


@router.post("/counsel/questions/{question_id}/advice")
async def advise(
    request: Request, services: Svc, who: Counsel, question_id: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await service.write(session, legal.means_of(services), who, question_id, words)
    except KinbridgeError as error:
        errors = at_fields(request, error)
        return await _question(
            request, services, who, question_id, values={"words": words}, errors=errors, status=error.status
        )
    return redirect(f"/counsel/questions/{question_id}")


@router.post("/counsel/questions/{question_id}/conflict")
async def conflict(services: Svc, who: Counsel, question_id: str) -> Response:
    """The lawyer steps back; if a day is planned, others take over what was theirs with this person."""
    async with services.db.write() as session:
        view = await service.get(session, question_id)
        await service.words(session, legal.means_of(services), who, question_id)
        await service.declare_conflict(session, who, view.inmate_id)
    return redirect("/counsel")


@router.post("/counsel/questions/{question_id}/length")
async def length(
    services: Svc, who: Counsel, question_id: str, long: Annotated[bool, Form()] = False
) -> Response:
    """Whether the talk about it needs two turns."""
    async with services.db.write() as session:
        await service.say_long(session, who, question_id, long=long)
    return redirect(f"/counsel/questions/{question_id}")


@router.post("/counsel/questions/{question_id}/time")
async def more_time(
    services: Svc, who: Counsel, question_id: str, more: Annotated[int, Form()] = 0, why: Text = ""
) -> Response:
    async with services.db.write() as session:
        await service.ask_more_time(session, who, question_id, more, why)
    return redirect(f"/counsel/questions/{question_id}")


@router.get("/counsel/hotline")
async def hotline(request: Request, services: Svc, who: Counsel) -> Response:
    async with services.db.read() as session:
        await lawyer(session, who)
    return _hotline(request, {}, {})


def _hotline(request: Request, values: dict[str, str], errors: dict[str, str], status: int = 200) -> Response:
    return page(
        request,
        "counsel/hotline.html",
        status=status,
        values={"language": "zh", **values},
        errors=errors,
        key=values.get("key") or new_id("key"),
        words_max=WORDS_MAX,
    )


@router.post("/counsel/hotline")
async def take_call(
    request: Request,
    services: Svc,
    who: Counsel,
    inmate_number: Text = "",
    topic: Text = "",
    words: Text = "",
    language: Text = "zh",
    limitation: Text = "",
    key: Text = "",
) -> Response:
    form = QuestionForm(topic, words, key, language, limitation)
    try:
        async with services.db.write() as session:
            view = await service.by_hotline(session, legal.means_of(services), who, inmate_number, form)
    except KinbridgeError as error:
        values = {
            "inmate_number": inmate_number,
            "topic": topic,
            "words": words,
            "language": language,
            "limitation": limitation,
            "key": key,
        }
        return _hotline(request, values, at_fields(request, error), error.status)
    return redirect(f"/counsel/questions/{view.id}")


@router.get("/counsel/roster")
async def roster(request: Request, services: Svc, who: Counsel) -> Response:
    return await _roster(request, services, who)


async def _roster(request: Request, services: Services, who: Identity, address: str = "") -> Response:
    async with services.db.read() as session:
        days = await service.roster(session, who)
        fairness = await service.fairness(session, who)
    return page(request, "counsel/roster.html", days=days, fairness=fairness, coming=COMING, address=address)


@router.post("/counsel/roster/{help_day_id}")
async def say_coming(services: Svc, who: Counsel, help_day_id: str, coming: Text = "") -> Response:
    if coming not in set(Coming):
        raise NotFound
    async with services.db.write() as session:
        await service.say_coming(session, who, help_day_id, Coming(coming))
    return redirect("/counsel/roster")


@router.post("/counsel/feed")
async def feed_address(request: Request, services: Svc, who: Counsel) -> Response:
    """Shown this once; a new one makes the old one void."""
    async with services.db.write() as session:
        token = await service.new_feed(session, who)
    address = f"{services.settings.public_url}/calendar/{token}.ics"
    return await _roster(request, services, who, address)


@router.get("/calendar/{token}.ics")
async def calendar(services: Svc, visitor: AtTheDoor, token: str) -> Response:
    """For calendar programs: no session, the address itself is the secret."""

    def _(text: str) -> str:
        return translate(visitor.language, text)

    async with services.db.read() as session:
        text = await service.feed(
            session, token, _(N_("Help days")), _(N_("Legal help day")), _(N_("{rooms} rooms"))
        )
    return PlainTextResponse(text, media_type="text/calendar; charset=utf-8")
