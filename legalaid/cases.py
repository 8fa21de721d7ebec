"""A case from the application to the decision: applied for once, forwarded, decided, in letters.

Each act is one move, one letter, one step of the clock, in one transaction.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import Ref, new_id, reference
from legalaid import access, application, case_centre, case_file, clocks, personal
from legalaid.access import Actor
from legalaid.application import AidForm
from legalaid.case_file import CaseMoved, NoCentre, matter
from legalaid.case_model import SUPPLEMENT_DAYS, CaseState, Entry, LetterKind
from legalaid.case_tables import CaseRow
from legalaid.forms import reason
from legalaid.means import LegalMeans
from legalaid.model import AtDesk, DeskKind
from legalaid.tables import DeskRow, QuestionRow
from people import repository as people
from people.model import Identity, InmateStatus, RelationshipState, Role
from policy.running import ClockState
from scheduler import repository as scheduler


class AskedByAuthority(Conflict):
    code = "asked-by-authority"
    text = "An authority has asked for this defender. If you want another, or none, tell the lawyer or the centre."


async def by_inmate(session: Session, means: LegalMeans, desk: AtDesk, form: AidForm) -> str:
    """Answers the case's id. Raises `Refused` with every field's problem, `NoCentre`, `NotYou`."""
    if not await personal.still(session, desk):
        raise personal.NotYou
    return await _apply(session, means, desk, desk.inmate_id, form)


async def by_relative(
    session: Session, means: LegalMeans, actor: Identity, inmate_id: str, form: AidForm
) -> str:
    """For the inmate (Legal Aid Act art. 40), who sees it. Raises `NotFound` unless approved for the inmate."""
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    held = await people.relationship(session, actor.subject.id, inmate_id)
    if held is None or held.state is not RelationshipState.APPROVED:
        raise NotFound
    await means.limiter.hit(f"legal-apply:{actor.subject.id}", 10, 86400)
    return await _apply(session, means, actor, inmate_id, form)


async def by_lawyer(session: Session, means: LegalMeans, actor: Identity, form: AidForm) -> str:
    """From a consultation, in one step. Raises as `access.lawyer_of` for a question that is not the lawyer's."""
    question = await session.get(QuestionRow, form.question_id or "")
    if question is None:
        raise NotFound
    await access.lawyer_of(session, actor, question)
    return await _apply(session, means, actor, question.inmate_id, form)


async def _apply(session: Session, means: LegalMeans, actor: Actor, inmate_id: str, form: AidForm) -> str:
    by = access.ref(actor)
    again = await session.scalar(
        select(CaseRow.id).where(
            CaseRow.applied_by_kind == by.kind,
            CaseRow.applied_by_id == by.id,
            CaseRow.apply_key == form.key,
        )
    )
    if again is not None:
        return again
    inmate = await people.inmate(session, inmate_id)
    if inmate is None or inmate.status is InmateStatus.RELEASED:
        raise NotFound
    station = await access.station_of(session, inmate.prison_id)
    if station is None or not await case_centre.of_kind(session, inmate.prison_id, DeskKind.CENTRE):
        raise NoCentre
    problems = application.problems(form)
    question = await session.get(QuestionRow, form.question_id) if form.question_id else None
    if form.question_id and (question is None or question.inmate_id != inmate.id):
        problems.append(reason("question_id", "invalid", "Please open this page again."))
    if problems:
        raise Refused(problems)
    row = await _new(session, means, actor, inmate.prison_id, inmate_id, station, form)
    zone = await zone_of(session, inmate.prison_id)
    await clocks.start(session, actor, "forward", matter(row.id), station, zone, row.reference)
    await case_file.write(session, means, actor, row.id, LetterKind.APPLICATION, "", station.id)
    return row.id


async def _new(
    session: Session,
    means: LegalMeans,
    actor: Actor,
    prison_id: str,
    inmate_id: str,
    station: DeskRow,
    form: AidForm,
) -> CaseRow:
    by, case_id = access.ref(actor), new_id("cas")
    row = CaseRow(
        id=case_id,
        reference=reference(),
        prison_id=prison_id,
        inmate_id=inmate_id,
        question_id=form.question_id or None,
        applied_by_kind=by.kind,
        applied_by_id=by.id,
        apply_key=form.key,
        topic=form.topic,
        exemption=form.exemption,
        facts_sealed=means.texts.seal(application.packed(form), case_id),
        generation=await personal.generation_of(session, inmate_id),
        state=CaseState.APPLIED,
        station_id=station.id,
        desk_id=station.id,
        lawyer_id=None,
        until=None,
        change_asked=False,
        letters=0,
        applied_at=clock.now(),
        ended_at=None,
    )
    session.add(row)
    await session.flush()
    return row


async def zone_of(session: Session, prison_id: str) -> str:
    prison = await scheduler.prison(session, prison_id)
    if prison is None:
        raise NotFound
    return prison.zone


async def forward(
    session: Session, means: LegalMeans, actor: Identity, case_id: str, centre_id: str = ""
) -> None:
    """To the centre of its venue, or the one that the station chose; the letter is the evidence of when.

    Raises `NotFound`, `CaseMoved`, and as `case_centre.chosen`.
    """
    row = await case_file.row_of(session, case_id)
    desk = await case_file.holder(session, actor, row)
    if row.state != CaseState.APPLIED:
        raise CaseMoved
    centre = await case_centre.chosen(session, means, row, centre_id)
    await case_file.move(session, actor, row, CaseState.FORWARDED, desk_id=centre.id, centre_id=centre.id)
    await case_file.write(session, means, actor, row.id, LetterKind.FORWARDED, "", desk.id)
    await clocks.follow(session, actor, matter(row.id), "decide", centre)
    await case_file.tell(session, row, "forwarded")


async def ask_papers(
    session: Session, means: LegalMeans, actor: Identity, case_id: str, words: str, days: int
) -> None:
    """Everything that is missing, once, with a last day. The clock stands.

    Raises `Refused`, `SecondSupplement`, `TooLateToAsk`, `CaseMoved`, `NotFound`.
    """
    row = await case_file.row_of(session, case_id)
    desk = await case_file.holder(session, actor, row)
    problems = application.reasons_problems(words)
    if days not in SUPPLEMENT_DAYS:
        problems.append(reason("days", "invalid", "Please give 3 to 60 days for the papers."))
    case_file.refuse(problems)
    held = await clocks.of_matter(session, matter(row.id))
    if held is None or row.state != CaseState.FORWARDED:
        raise CaseMoved
    await clocks.pause(session, actor, held.id, "")
    zone = ZoneInfo(await zone_of(session, row.prison_id))
    until = clock.now().astimezone(zone).date() + timedelta(days=days)
    await case_file.move(session, actor, row, CaseState.SUPPLEMENT, until=until)
    await case_file.write(session, means, actor, row.id, LetterKind.SUPPLEMENT, words, desk.id, until=until)
    await case_file.tell(session, row, "supplement")


async def supply(
    session: Session, means: LegalMeans, actor: Identity | AtDesk, case_id: str, words: str
) -> None:
    """What was missing, from the inmate, the relative who applied, or the station. The clock runs on."""
    row = await case_file.row_of(session, case_id)
    await of_applicant(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    held = await clocks.of_matter(session, matter(row.id))
    if held is None or row.state != CaseState.SUPPLEMENT:
        raise CaseMoved
    await case_file.move(session, actor, row, CaseState.FORWARDED, until=None)
    await case_file.write(session, means, actor, row.id, LetterKind.SUPPLIED, words, row.desk_id)
    await clocks.resume(session, actor, held.id)


async def of_applicant(session: Session, actor: Identity | AtDesk, row: CaseRow) -> None:
    """Whoever may act for the applicant: the inmate, the relative who applied, the station's lawyers.

    Raises `NotFound` for others.
    """
    if isinstance(actor, AtDesk):
        fits = row.inmate_id == actor.inmate_id and row.generation == actor.generation
        if fits and await personal.still(session, actor):
            return
    elif Role.RELATIVE in actor.roles:
        if actor.subject == Ref(row.applied_by_kind, row.applied_by_id):
            return
    elif row.station_id in {desk.id for desk in await case_file.desks_of(session, actor)}:
        return
    raise NotFound


async def approve(
    session: Session, means: LegalMeans, actor: Identity, case_id: str, words: str = ""
) -> None:
    """Legal aid is granted, with or without the papers that were asked for. Then a lawyer is named."""
    row = await case_file.row_of(session, case_id)
    desk = await case_file.holder(session, actor, row)
    await case_file.move(session, actor, row, CaseState.APPROVED, until=None)
    await case_file.write(session, means, actor, row.id, LetterKind.APPROVED, words, desk.id)
    centre = await session.get_one(DeskRow, row.desk_id)
    await clocks.follow(session, actor, matter(row.id), "assign", centre)
    await case_file.tell(session, row, "approved")


async def refuse(session: Session, means: LegalMeans, actor: Identity, case_id: str, words: str) -> None:
    """In writing, with reasons. Raises `Refused` without them."""
    row = await case_file.row_of(session, case_id)
    desk = await case_file.holder(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    await case_file.move(session, actor, row, CaseState.REFUSED, ended_at=clock.now())
    await case_file.write(session, means, actor, row.id, LetterKind.REFUSED, words, desk.id)
    await clocks.end(session, actor, matter(row.id), ClockState.DONE)
    await case_file.tell(session, row, "refused")


async def withdraw(session: Session, means: LegalMeans, actor: Identity | AtDesk, case_id: str) -> None:
    """Taken back by the inmate or by the relative who applied, until a lawyer is named.

    Raises `AskedByAuthority` for what nobody here has applied for.
    """
    row = await case_file.row_of(session, case_id)
    await of_applicant(session, actor, row)
    if row.entry == Entry.NOTICE:
        raise AskedByAuthority
    await _ended(session, means, actor, row, LetterKind.WITHDRAWN)


async def lapse(session: Session, means: LegalMeans, actor: Ref, case_id: str, now: datetime) -> bool:
    """The papers did not come: the application counts as taken back (art. 43), and a letter says so."""
    row = await case_file.row_of(session, case_id)
    zone = ZoneInfo(await zone_of(session, row.prison_id))
    if row.state != CaseState.SUPPLEMENT or row.until is None or now.astimezone(zone).date() <= row.until:
        return False
    await _ended(session, means, actor, row, LetterKind.LAPSED)
    await case_file.tell(session, row, "lapsed")
    return True


async def _ended(session: Session, means: LegalMeans, actor: Actor, row: CaseRow, kind: LetterKind) -> None:
    await case_file.move(session, actor, row, CaseState.WITHDRAWN, ended_at=clock.now())
    await case_file.write(session, means, actor, row.id, kind, "", row.desk_id)
    await clocks.end(session, actor, matter(row.id), ClockState.WITHDRAWN)
