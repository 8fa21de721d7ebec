"""Asking a lawyer: the inmate at the terminal, with number, name and a personal code; a relative from home."""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import Response

from core.db import Session
from core.errors import KinbridgeError, NotFound
from core.ids import new_id
from legalaid import directory, meeting_offers, opinions, personal, repository, service, turn_rooms, wording
from legalaid.defenders import told
from legalaid.forms import WORDS_MAX, QuestionForm, Voice
from legalaid.model import AtDesk, QuestionState
from legalaid.voice import BYTES_MAX, SECONDS_MAX, checked
from people import repository as people
from people.model import Identity, RelationshipState
from scheduler import repository as scheduler
from web import legal
from web.casefile import next_of
from web.deps import AtTheDoor, Relative, Svc, Terminal
from web.forms import Text, at_fields
from web.legal import Desk, Inmate
from web.routes.absence import FLAGS
from web.services import Services
from web.templating import redirect, render
from web.wording import BEIJING

router = APIRouter(include_in_schema=False)
HOME = "/terminal/lawyer"
_LOOK_AGAIN = 20  # seconds: whether the lawyer waits by now
_TABLES = {
    "topics": wording.TOPICS,
    "languages": wording.LANGUAGES,
    "states": wording.QUESTION_STATES,
    "channels": wording.CHANNELS,
    "lights": legal.LIGHTS,
}


def page(request: Request, name: str, *, status: int = 200, **context: Any) -> Response:
    """With the tables of sentences that questions are told by."""
    return render(request, name, status=status, **{**_TABLES, **context})


@router.get("/terminal/lawyer")
async def door(request: Request, _who: Terminal, desk: Desk, sent: str = "") -> Response:
    if desk is not None:
        return redirect(f"{HOME}/questions")
    return page(request, "terminal/lawyer_door.html", errors={}, values={}, sent=bool(sent))


@router.post("/terminal/lawyer")
async def step_up(
    request: Request, services: Svc, who: Terminal, number: Text = "", name: Text = "", pin: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            desk = await service.step_up(session, legal.means_of(services), who, number, name, pin.strip())
    except KinbridgeError as error:
        values = {"number": number, "name": name}
        errors = at_fields(request, error)
        return page(
            request,
            "terminal/lawyer_door.html",
            status=error.status,
            errors=errors,
            values=values,
            sent=False,
        )
    response = redirect(f"{HOME}/questions")
    legal.open_desk(response, services, who, desk)
    return response


@router.post("/terminal/lawyer/finish")
async def finish(services: Svc, _who: Terminal) -> Response:
    response = redirect("/terminal")
    legal.close_desk(response, services)
    return response


@router.get("/terminal/lawyer/questions")
async def mine(
    request: Request, services: Svc, desk: Inmate, visitor: AtTheDoor, asked: str = ""
) -> Response:
    async with services.db.read() as session:
        if not await personal.still(session, desk):
            return redirect(HOME)
        inmate = await people.inmate(session, desk.inmate_id)
        questions = await repository.of_inmate(session, desk.inmate_id)
        planned = await repository.planned_turns(session, questions)
        zone = await _zone(session, desk.prison_id)
        room = await turn_rooms.waiting_for(session, desk)
        defences = await told(session, desk)
        owed = await opinions.owed(session, desk)
        moved = await meeting_offers.of_inmate(session, desk.inmate_id)
    response = page(
        request,
        "terminal/lawyer_questions.html",
        inmate_name=inmate.name if inmate else "",
        questions=questions,
        turns=planned,
        generation=desk.generation,
        zone=zone,
        asked=bool(asked),
        room=room.id if room else None,
        defences=[(one, next_of(visitor.language, one, zone)) for one in defences],
        owed=owed,
        moved=moved,
        flags=FLAGS,
    )
    if room is None and any(view.state is QuestionState.PLANNED for view in questions):
        response.headers["refresh"] = str(_LOOK_AGAIN)
    return response


@router.post("/terminal/lawyer/turns/{turn_id}/opinion")
async def opinion(services: Svc, desk: Inmate, turn_id: str, helped: Text = "") -> Response:
    if helped not in set(opinions.Helped):
        raise NotFound
    async with services.db.write() as session:
        await opinions.say(session, desk, turn_id, opinions.Helped(helped))
    return redirect(f"{HOME}/questions")


async def _zone(session: Session, prison_id: str) -> str:
    prison = await scheduler.prison(session, prison_id)
    return prison.zone if prison else BEIJING


@router.get("/terminal/lawyer/ask")
async def ask_page(request: Request, _desk: Inmate, follows: str = "") -> Response:
    return _ask_form(request, "terminal/lawyer_ask.html", follows=follows)


def _ask_form(
    request: Request,
    name: str,
    *,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
    status: int = 200,
    **context: Any,
) -> Response:
    """`key` is made with the page: the same form sent twice is one question."""
    key = (values or {}).get("key") or new_id("key")
    return page(
        request,
        name,
        status=status,
        errors=errors or {},
        values={"language": "zh", **(values or {})},
        key=key,
        words_max=WORDS_MAX,
        voice_seconds=SECONDS_MAX,
        **context,
    )


@router.post("/terminal/lawyer/ask")
async def ask(
    request: Request,
    services: Svc,
    desk: Inmate,
    topic: Text = "",
    words: Text = "",
    language: Text = "zh",
    limitation: Text = "",
    follows: Text = "",
    hand: Text = "",
    key: Text = "",
    voice: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """With an officer's hand the desk closes at once: whoever wrote it does not read on."""
    form = QuestionForm(topic, words, key, language, limitation, follows or None, hand=hand)
    try:
        form = replace(form, voice=await _spoken(voice))
        async with services.db.write() as session:
            await service.by_inmate(session, legal.means_of(services), desk, form)
    except KinbridgeError as error:
        return _ask_form(
            request,
            "terminal/lawyer_ask.html",
            errors=at_fields(request, error),
            values=_typed(form),
            status=error.status,
            follows=follows,
        )
    if hand == "officer":
        response = redirect(f"{HOME}?sent=1")
        legal.close_desk(response, services)
        return response
    return redirect(f"{HOME}/questions?asked=1")


async def _spoken(voice: UploadFile | None) -> Voice | None:
    data = await voice.read(BYTES_MAX + 1) if voice else b""
    return await checked(data) if data else None


def _typed(form: QuestionForm) -> dict[str, str]:
    return {
        "topic": form.topic,
        "words": form.words,
        "key": form.key,
        "language": form.language,
        "limitation": form.limitation,
        "hand": form.hand,
    }


@router.get("/terminal/lawyer/questions/{question_id}")
async def one(request: Request, services: Svc, desk: Inmate, question_id: str) -> Response:
    return page(request, "terminal/lawyer_question.html", **await _answered(services, desk, question_id))


@router.get("/terminal/lawyer/questions/{question_id}/paper")
async def paper(request: Request, services: Svc, desk: Inmate, question_id: str) -> Response:
    """The answers as a sheet to print."""
    found, back = await _answered(services, desk, question_id), f"{HOME}/questions/{question_id}"
    return page(request, "counsel/advice.html", back=back, **found)


async def _answered(services: Services, desk: AtDesk, question_id: str) -> dict[str, Any]:
    """The question, its words and what lawyers wrote. Reading is entered in the ledger."""
    means = legal.means_of(services)
    async with services.db.write() as session:
        return {
            "words": await service.words(session, means, desk, question_id),
            "advice": await service.advice(session, means, desk, question_id),
            "question": await service.get(session, question_id),
            "zone": await _zone(session, desk.prison_id),
        }


@router.post("/terminal/lawyer/questions/{question_id}/withdraw")
async def take_back(services: Svc, desk: Inmate, question_id: str) -> Response:
    async with services.db.write() as session:
        await service.withdraw(session, desk, question_id)
    return redirect(f"{HOME}/questions")


@router.get("/ask")
async def family(
    request: Request, services: Svc, who: Relative, asked: str = "", wish: str = "", topic: str = ""
) -> Response:
    """What the relative asked, and for whom more can be asked. `wish`: whom in the directory they chose."""
    async with services.db.read() as session:
        persons = await held(session, who)
        questions = await repository.asked_by(session, who.subject)
        planned = await repository.planned_turns(session, questions)
    names = dict(persons)
    chosen = urlencode({"wish": wish, "topic": topic}) if wish else ""
    if wish and len(persons) == 1:
        return redirect(f"/ask/{persons[0][0]}?{chosen}")
    return page(
        request,
        "family/ask.html",
        people=persons,
        names=names,
        turns=planned,
        questions=[view for view in questions if view.inmate_id in names],
        asked=bool(asked),
        chosen=chosen,
    )


async def held(session: Session, who: Identity) -> list[tuple[str, str]]:
    """(inmate id, name) of those for whom the relative may ask."""
    mine = await people.relationships_of(session, who.subject.id)
    return [
        (one.inmate_id, one.inmate_name)
        for one in mine
        if one.state is RelationshipState.APPROVED and one.relative_id == who.subject.id
    ]


async def _name(services: Services, who: Identity, inmate_id: str) -> str:
    async with services.db.read() as session:
        found = dict(await held(session, who)).get(inmate_id)
    if found is None:
        raise NotFound
    return found


@router.get("/ask/{inmate_id}")
async def family_form(
    request: Request, services: Svc, who: Relative, inmate_id: str, wish: str = "", topic: str = ""
) -> Response:
    name = await _name(services, who, inmate_id)
    values = {"topic": topic, "wish": wish}
    return await _family_form(request, services, inmate_id, name, values)


async def _family_form(
    request: Request,
    services: Services,
    inmate_id: str,
    name: str,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        wished = await directory.name_of(session, values.get("wish"))
    return _ask_form(
        request,
        "family/ask_form.html",
        errors=errors,
        values=values,
        status=status,
        inmate_id=inmate_id,
        inmate_name=name,
        wished=wished,
    )


@router.post("/ask/{inmate_id}")
async def family_ask(
    request: Request,
    services: Svc,
    who: Relative,
    inmate_id: str,
    topic: Text = "",
    words: Text = "",
    language: Text = "zh",
    limitation: Text = "",
    wish: Text = "",
    key: Text = "",
) -> Response:
    name = await _name(services, who, inmate_id)
    form = QuestionForm(topic, words, key, language, limitation, wish=wish or None)
    try:
        async with services.db.write() as session:
            await service.by_relative(session, legal.means_of(services), who, inmate_id, form)
    except KinbridgeError as error:
        values = {**_typed(form), "wish": wish}
        errors = at_fields(request, error)
        return await _family_form(request, services, inmate_id, name, values, errors, error.status)
    return redirect("/ask?asked=1")


@router.post("/ask/questions/{question_id}/withdraw")
async def family_take_back(services: Svc, who: Relative, question_id: str) -> Response:
    async with services.db.write() as session:
        await service.withdraw(session, who, question_id)
    return redirect("/ask")
