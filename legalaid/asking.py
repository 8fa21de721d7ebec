"""Asking: one queue for the inmate at the terminal, a relative on the inmate's behalf, and the telephone."""

from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused, Unavailable
from core.ids import Ref, new_id, reference
from ledger.record import record
from legalaid import access, clocks, directory_links, forms, moving, personal, repository
from legalaid.access import Actor, tag
from legalaid.directory_tables import DirectoryEntryRow
from legalaid.forms import QuestionForm
from legalaid.means import LegalMeans
from legalaid.model import (
    OPEN_MAX,
    WAITING,
    AtDesk,
    Channel,
    QuestionState,
    QuestionView,
    TurnState,
    is_urgent,
)
from legalaid.tables import DeskRow, QuestionRow, TurnRow, VoiceRow
from people import repository as people
from people.model import Identity, Inmate, InmateStatus, RelationshipState, Role
from policy.running import ClockState
from scheduler import repository as scheduler


class NoStation(Unavailable):
    code = "no-station"
    text = "No legal-aid station answers questions here yet. Call 12348, it is free."


async def by_inmate(session: Session, means: LegalMeans, desk: AtDesk, form: QuestionForm) -> QuestionView:
    """Raises `Refused` with every field's problem, `NoStation`, `NotYou` if the code was taken away."""
    if not await personal.still(session, desk):
        raise personal.NotYou
    return await _ask(session, means, desk, desk.inmate_id, Channel.INMATE, form)


async def by_relative(
    session: Session, means: LegalMeans, actor: Identity, inmate_id: str, form: QuestionForm
) -> QuestionView:
    """On the inmate's behalf, who sees it and may take it back (Legal Aid Act art. 40).

    The relative must be approved for the inmate; raises `NotFound` otherwise, and as `by_inmate`.
    """
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    held = await people.relationship(session, actor.subject.id, inmate_id)
    if held is None or held.state is not RelationshipState.APPROVED:
        raise NotFound
    await means.limiter.hit(f"legal-ask:{actor.subject.id}", 20, 86400)
    return await _ask(session, means, actor, inmate_id, Channel.RELATIVE, form)


async def by_hotline(
    session: Session, means: LegalMeans, actor: Identity, inmate_number: str, form: QuestionForm
) -> QuestionView:
    """What somebody of the station took on the telephone. Raises `Refused` for an unknown number, too."""
    lawyer = await access.lawyer(session, actor)
    station = await session.get_one(DeskRow, lawyer.station_id)
    found = await people.find_inmate(session, station.prison_id, inmate_number.strip())
    if found is None:
        text = "Nobody here has this number."
        raise Refused([forms.reason("inmate_number", "unknown", text), *forms.question_problems(form)])
    return await _ask(session, means, actor, found.id, Channel.HOTLINE, form)


async def _ask(
    session: Session, means: LegalMeans, actor: Actor, inmate_id: str, channel: Channel, form: QuestionForm
) -> QuestionView:
    by = access.ref(actor)
    again = await session.scalar(
        select(QuestionRow.id).where(
            QuestionRow.asked_by_kind == by.kind,
            QuestionRow.asked_by_id == by.id,
            QuestionRow.ask_key == form.key,
        )
    )
    if again is not None:
        return await get(session, again)
    inmate = await people.inmate(session, inmate_id)
    if inmate is None or inmate.status is InmateStatus.RELEASED:
        raise NotFound
    wished = await directory_links.station_of(session, form.wish, inmate.prison_id)
    station = wished or await access.station_of(session, inmate.prison_id)
    if station is None:
        raise NoStation
    before = await session.get(QuestionRow, form.follows) if form.follows else None
    if problems := await _problems(session, inmate, form, before):
        raise Refused(problems)
    row = await _new(session, means, actor, inmate, station, channel, form, before)
    zone = await _zone(session, inmate.prison_id)
    code = "question-urgent" if row.urgent else "question"
    await clocks.start(session, actor, code, Ref("question", row.id), station, zone, row.reference)
    record(
        session,
        tag(actor, "question:asked"),
        actor=by,
        subject=Ref("question", row.id),
        inmate=inmate.id,
        channel=channel.value,
        urgent=row.urgent,
        thread=row.thread_id,
        hand=row.hand,
        voice=form.voice is not None,
    )
    return await get(session, row.id)


async def _problems(
    session: Session, inmate: Inmate, form: QuestionForm, before: QuestionRow | None
) -> list[Reason]:
    problems = forms.question_problems(form)
    if form.follows and (before is None or before.inmate_id != inmate.id):
        problems.append(forms.reason("follows", "invalid", "Please open this page again."))
    if form.wish and await session.get(DirectoryEntryRow, form.wish) is None:
        problems.append(forms.reason("wish", "invalid", "Please open this page again."))
    waiting = await session.scalar(
        select(func.count())
        .select_from(QuestionRow)
        .where(QuestionRow.inmate_id == inmate.id, QuestionRow.state.in_(WAITING))
    )
    if (waiting or 0) >= OPEN_MAX:
        text = "{max} questions are waiting already. When one is answered, you can ask the next."
        problems.append(Reason("too-many-questions", text, {"max": OPEN_MAX}))
    return problems


async def _new(
    session: Session,
    means: LegalMeans,
    actor: Actor,
    inmate: Inmate,
    station: DeskRow,
    channel: Channel,
    form: QuestionForm,
    before: QuestionRow | None,
) -> QuestionRow:
    by, now, question_id = access.ref(actor), clock.now(), new_id("qst")
    limitation = forms.limitation_of(form)
    today = now.astimezone(ZoneInfo(await _zone(session, inmate.prison_id))).date()
    row = QuestionRow(
        id=question_id,
        reference=reference(),
        prison_id=inmate.prison_id,
        station_id=station.id,
        inmate_id=inmate.id,
        channel=channel,
        asked_by_kind=by.kind,
        asked_by_id=by.id,
        ask_key=form.key,
        topic=form.topic,
        language=form.language,
        words_sealed=means.texts.seal(form.words.strip().encode(), question_id),
        limitation_on=limitation,
        urgent=is_urgent(limitation, today),
        state=QuestionState.ASKED,
        lawyer_id=None,
        hand=form.hand,
        wish_id=form.wish or None,
        thread_id=before.thread_id if before else question_id,
        generation=await personal.generation_of(session, inmate.id),
        asked_at=now,
        carried=0,
        answered_at=None,
        long=None,
    )
    session.add(row)
    await session.flush()
    if form.voice is not None:
        sealed = means.texts.seal(form.voice.data, f"{question_id}:voice")
        session.add(
            VoiceRow(
                question_id=question_id,
                media_type=form.voice.media_type,
                seconds=form.voice.seconds,
                sealed=sealed,
            )
        )
        await session.flush()
    return row


async def _zone(session: Session, prison_id: str) -> str:
    prison = await scheduler.prison(session, prison_id)
    if prison is None:
        raise NotFound
    return prison.zone


async def get(session: Session, question_id: str) -> QuestionView:
    """Without permission check. Raises `NotFound`."""
    view = await repository.question(session, question_id)
    if view is None:
        raise NotFound
    return view


async def withdraw(session: Session, actor: Identity | AtDesk, question_id: str) -> None:
    """Taken back by the inmate, or by the relative who asked; its turn falls free.

    Raises `NotFound` for others', `QuestionMoved` once it is being talked about or answered.
    """
    view = await get(session, question_id)
    if isinstance(actor, AtDesk):
        if view.inmate_id != actor.inmate_id or not await personal.still(session, actor):
            raise NotFound
    elif actor.subject != view.asked_by or Role.RELATIVE not in actor.roles:
        raise NotFound
    await moving.question(session, actor, question_id, QuestionState.WITHDRAWN)
    await drop_turn(session, actor, question_id)
    await clocks.end(session, actor, Ref("question", question_id), ClockState.WITHDRAWN)


async def drop_turn(session: Session, actor: Actor, question_id: str) -> None:
    """The planned turn of a question that needs none any more."""
    turn_id = await session.scalar(
        select(TurnRow.id).where(TurnRow.question_id == question_id, TurnRow.state == TurnState.PLANNED)
    )
    if turn_id is not None:
        try:
            await moving.turn(session, actor, turn_id, TurnState.CANCELLED)
        except Conflict as error:  # it began this very moment: then the question is in its turn
            raise moving.QuestionMoved from error
