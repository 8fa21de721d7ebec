"""Complaints about a case or an answer (Legal Aid Act arts 55, 56): made, held by a desk with a clock, answered
in writing.

Whoever is helped, or a relative who brought the matter, complains to the bureau of justice above the centre that has
the matter; where there is none, to that centre. The Act says "promptly" and no number of days: the clock's length is
the product's (`policy.promises`). Words and answer are sealed. They open for the complainant and for the people of
desks that hold or held the complaint, never for prison staff, and never for a lawyer whom it is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError

from core import clock
from core.db import Session, after_failure
from core.errors import Conflict, Forbidden, NotFound, Reason, Unavailable
from core.ids import Ref, new_id, reference
from ledger.record import record
from legalaid import access, application, case_centre, case_file, clocks, complaint_matter, holding, personal
from legalaid.case_file import NoCentre
from legalaid.case_tables import CaseRow
from legalaid.cases import zone_of
from legalaid.complaint_matter import About
from legalaid.complaint_table import ComplaintRow
from legalaid.forms import WORDS_MAX, reason
from legalaid.means import LegalMeans
from legalaid.model import AtDesk, DeskKind, Light
from legalaid.repository import light_of
from legalaid.tables import DeskRow, MatterClockRow
from people import letters
from people.model import Identity, Role
from policy.running import ClockState

Reader = Identity | AtDesk
A_DAY = 10  # complaints of one relative


class ComplaintState(StrEnum):
    MADE = "made"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


# From which states each state may be reached.
COMPLAINT_MOVES: Mapping[ComplaintState, frozenset[ComplaintState]] = {
    ComplaintState.MADE: frozenset(),
    ComplaintState.ANSWERED: frozenset({ComplaintState.MADE}),
    ComplaintState.WITHDRAWN: frozenset({ComplaintState.MADE}),
}


class ComplaintMoved(Conflict):
    code = "complaint-moved"
    text = "This complaint has been answered or taken back in the meantime."


class ComplaintOpen(Conflict):
    code = "complaint-open"
    text = "You have complained about this already. When it is answered, you can complain again."


class NoComplaintDesk(Unavailable):
    code = "no-complaint-desk"
    text = "No desk takes complaints from here yet. Call 12348, it is free."


class AboutYou(Forbidden):
    code = "complaint-about-you"
    text = "This complaint is about a matter you work on. Somebody else reads and answers it."


@dataclass(frozen=True, slots=True)
class ComplaintForm:
    """`key`: made with the page, so that a form counts once."""

    matter: Ref
    words: str
    key: str


@dataclass(frozen=True, slots=True)
class ComplaintView:
    """A complaint without its words. `lawyers`: names of those whom it may be about."""

    id: str
    reference: str
    about: About
    lawyers: tuple[str, ...]
    state: ComplaintState
    desk: str
    made_by: Ref
    made_at: datetime
    answered_at: datetime | None
    generation: int
    light: Light | None


@dataclass(frozen=True, slots=True)
class Complaint:
    """An opened complaint; `answer` is "" as long as there is none."""

    view: ComplaintView
    words: str
    answer: str


def matter(complaint_id: str) -> Ref:
    return Ref("complaint", complaint_id)


async def make(session: Session, means: LegalMeans, actor: Reader, form: ComplaintForm) -> str:
    """Answers the complaint's id.

    Raises as `complaint_matter.own`, `Refused` with every field's problem, `ComplaintOpen`, `NoComplaintDesk`.
    """
    about = await complaint_matter.own(session, actor, form.matter)
    by = access.ref(actor)
    mine = (ComplaintRow.made_by_kind == by.kind, ComplaintRow.made_by_id == by.id)
    again = await session.scalar(select(ComplaintRow.id).where(*mine, ComplaintRow.make_key == form.key))
    if again is not None:
        return again
    if not isinstance(actor, AtDesk):
        await means.limiter.hit(f"legal-complaint:{by.id}", A_DAY, 86400)
    case_file.refuse(_problems(form))
    waits = await session.scalar(
        select(ComplaintRow.id).where(
            *mine,
            ComplaintRow.about_kind == about.matter.kind,
            ComplaintRow.about_id == about.matter.id,
            ComplaintRow.state == ComplaintState.MADE,
        )
    )
    if waits is not None:
        raise ComplaintOpen
    desk = await _desk(session, about)
    row = await _new(session, means, by, form, about, desk)
    zone = await zone_of(session, about.prison_id)
    await clocks.start(session, actor, "complaint", matter(row.id), desk, zone, row.reference)
    tag = access.tag(actor, "complaint:made")
    record(session, tag, actor=by, subject=matter(row.id), about=str(about.matter), desk=desk.id)
    return row.id


def _problems(form: ComplaintForm) -> list[Reason]:
    problems = []
    if len(form.words.strip()) < application.REASONS_MIN:
        text = "Please write what was wrong, so that somebody can look into it."
        problems.append(reason("words", "missing", text))
    elif len(form.words) > WORDS_MAX:
        problems.append(reason("words", "too-long", "At most {max} characters, please.", max=WORDS_MAX))
    if not 8 <= len(form.key) <= 64:
        problems.append(reason("key", "invalid", "Please open this page again."))
    return problems


async def _desk(session: Session, about: About) -> DeskRow:
    """The bureau of the centre that has the case; of a question, that of the prison's widest centre."""
    row = await session.get(CaseRow, about.matter.id) if about.matter.kind == "case" else None
    try:
        if row is not None:
            centre = await case_centre.of(session, row)
        else:
            centre = await case_centre.by_venue(session, about.prison_id, "")
    except NoCentre:
        bureaus = await case_centre.of_kind(session, about.prison_id, DeskKind.BUREAU)
        if not bureaus:
            raise NoComplaintDesk from None
        return await session.get_one(DeskRow, bureaus[0].id)
    return await case_centre.bureau(session, centre) or centre


async def _new(
    session: Session, means: LegalMeans, by: Ref, form: ComplaintForm, about: About, desk: DeskRow
) -> ComplaintRow:
    complaint_id = new_id("cmp")
    row = ComplaintRow(
        id=complaint_id,
        reference=reference(),
        prison_id=about.prison_id,
        inmate_id=about.inmate_id,
        about_kind=about.matter.kind,
        about_id=about.matter.id,
        desk_id=desk.id,
        state=ComplaintState.MADE,
        made_by_kind=by.kind,
        made_by_id=by.id,
        make_key=form.key,
        words_sealed=means.texts.seal(form.words.strip().encode(), complaint_id),
        generation=await personal.generation_of(session, about.inmate_id),
        made_at=clock.now(),
        answer_sealed=None,
        answered_at=None,
        answered_by_id=None,
    )
    session.add(row)
    try:
        await session.flush()
    except IntegrityError as error:  # made at the same moment from elsewhere
        raise ComplaintOpen from error
    return row


async def answer(session: Session, means: LegalMeans, actor: Identity, complaint_id: str, words: str) -> None:
    """What was found and what is done, by the desk that holds it.

    Raises `NotFound` for other desks', `AboutYou`, `Refused` without reasons, `ComplaintMoved` for one that is
    answered.
    """
    row = await _row(session, complaint_id)
    if not await holding.holds(session, actor, matter(row.id), row.desk_id):
        raise NotFound
    await _impartial(session, actor, row, "answer-refused")
    case_file.refuse(application.reasons_problems(words))
    await _move(
        session,
        row.id,
        ComplaintState.ANSWERED,
        answered_at=clock.now(),
        answered_by_id=actor.subject.id,
        answer_sealed=means.texts.seal(words.strip().encode(), f"{row.id}:answer"),
    )
    record(session, "counsel:complaint:answered", actor=actor.subject, subject=matter(row.id))
    await clocks.end(session, actor, matter(row.id), ClockState.DONE)
    if row.made_by_kind == "relative":
        await letters.tell(session, row.made_by_id, "matter-moved", {}, dedupe=f"complaint:{row.id}")


async def _move(session: Session, complaint_id: str, to: ComplaintState, **values: Any) -> None:
    """Raises `ComplaintMoved` from any state that does not lead there."""
    moved = await session.scalar(
        update(ComplaintRow)
        .where(ComplaintRow.id == complaint_id, ComplaintRow.state.in_(COMPLAINT_MOVES[to]))
        .values(state=to, **values)
        .returning(ComplaintRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise ComplaintMoved


async def take_back(session: Session, actor: Reader, complaint_id: str) -> None:
    """By whoever made it, before it is answered; the same matter may be complained about again.

    Raises `NotFound` for others', `ComplaintMoved`.
    """
    row = await _row(session, complaint_id)
    if not isinstance(actor, AtDesk) and Role.RELATIVE not in actor.roles:
        raise NotFound
    await _readable(session, actor, row)
    await _move(session, row.id, ComplaintState.WITHDRAWN)
    tag = access.tag(actor, "complaint:withdrawn")
    record(session, tag, actor=access.ref(actor), subject=matter(row.id))
    await clocks.end(session, actor, matter(row.id), ClockState.WITHDRAWN)


async def unconcerned(session: Session, actor: Identity, complaint_id: str) -> None:
    """Raises `AboutYou` for a lawyer whom it is about: they do not hand it on either."""
    await _impartial(session, actor, await _row(session, complaint_id), "handing-refused")


async def _row(session: Session, complaint_id: str) -> ComplaintRow:
    row = await session.get(ComplaintRow, complaint_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def _impartial(session: Session, actor: Identity, row: ComplaintRow, what: str) -> None:
    """Raises `AboutYou` (and enters the attempt) for a lawyer whom it is about."""
    if actor.subject.id in await complaint_matter.lawyers(session, Ref(row.about_kind, row.about_id)):
        _enter(session, actor, row.id, what)
        raise AboutYou


def _enter(session: Session, actor: Identity, complaint_id: str, what: str) -> None:
    """The attempt is entered although nothing came of it."""

    async def note(later: Session) -> None:
        tag = access.tag(actor, f"complaint:{what}")
        record(later, tag, actor=actor.subject, subject=matter(complaint_id))

    after_failure(session, note)


async def opened(session: Session, means: LegalMeans, actor: Reader, complaint_id: str) -> Complaint:
    """The look is entered. Raises `NotFound` for others', `AboutYou`, `Forbidden` for prison staff."""
    row = await _row(session, complaint_id)
    await _readable(session, actor, row)
    record(session, access.tag(actor, "complaint:read"), actor=access.ref(actor), subject=matter(row.id))
    (view,) = await _views(session, ComplaintRow.id == row.id)
    words = means.texts.open(row.words_sealed, row.id).decode()
    said = means.texts.open(row.answer_sealed, f"{row.id}:answer").decode() if row.answer_sealed else ""
    return Complaint(view, words, said)


async def _readable(session: Session, actor: Reader, row: ComplaintRow) -> None:
    made_by = Ref(row.made_by_kind, row.made_by_id)
    if isinstance(actor, AtDesk):
        fits = made_by == access.ref(actor) and row.generation == actor.generation
        if not fits or not await personal.still(session, actor):
            raise NotFound
    elif Role.RELATIVE in actor.roles:
        if made_by != actor.subject:
            raise NotFound
    elif Role.COUNSEL in actor.roles:
        await _of_desk(session, actor, row)
    else:
        _enter(session, actor, row.id, "reading-refused")
        raise Forbidden


async def _of_desk(session: Session, actor: Identity, row: ComplaintRow) -> None:
    if not await holding.held(session, actor, matter(row.id), row.desk_id):
        raise NotFound
    await _impartial(session, actor, row, "reading-refused")


async def made_by(session: Session, by: Ref) -> Sequence[ComplaintView]:
    return await _views(session, ComplaintRow.made_by_kind == by.kind, ComplaintRow.made_by_id == by.id)


async def at_desks(session: Session, actor: Identity) -> list[ComplaintView]:
    """What waits at the actor's desks, without what is about the actor."""
    mine = [desk.id for desk in await case_file.desks_of(session, actor)]
    at_mine = ComplaintRow.desk_id.in_(mine) | MatterClockRow.desk_id.in_(mine)
    found = await _views(session, ComplaintRow.state == ComplaintState.MADE, at_mine)
    return [
        one
        for one in found
        if actor.subject.id not in await complaint_matter.lawyers(session, one.about.matter)
    ]


async def _views(session: Session, *which: ColumnElement[bool]) -> list[ComplaintView]:
    """The newest first."""
    rows = await session.execute(
        select(ComplaintRow, MatterClockRow, DeskRow.name)
        .join(MatterClockRow, MatterClockRow.of("complaint", ComplaintRow.id))
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .where(*which)
        .order_by(ComplaintRow.made_at.desc(), ComplaintRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [await _view(session, row, held, desk) for row, held, desk in rows.all()]


async def _view(session: Session, row: ComplaintRow, held: MatterClockRow, desk: str) -> ComplaintView:
    about = await complaint_matter.of(session, Ref(row.about_kind, row.about_id))
    return ComplaintView(
        id=row.id,
        reference=row.reference,
        about=about,
        lawyers=tuple((await complaint_matter.lawyers(session, about.matter)).values()),
        state=ComplaintState(row.state),
        desk=desk,
        made_by=Ref(row.made_by_kind, row.made_by_id),
        made_at=row.made_at,
        answered_at=row.answered_at,
        generation=row.generation,
        light=light_of(held, desk),
    )
