"""A case after the decision: the lawyer, another lawyer, how it stands, the objection, the end."""

from sqlalchemy import update

from core import clock
from core.db import Session
from core.errors import Conflict, Refused
from legalaid import application, case_centre, case_file, clocks, meeting_desk
from legalaid.case_file import CaseMoved, NoCentre, matter
from legalaid.case_model import OBJECTABLE, CaseState, Entry, LetterKind
from legalaid.case_tables import CaseRow
from legalaid.cases import of_applicant
from legalaid.forms import reason
from legalaid.means import LegalMeans
from legalaid.model import AtDesk
from legalaid.tables import ConflictRow, DeskRow, LawyerRow
from people.model import Identity
from policy.running import ClockState


class ChangeAsked(Conflict):
    code = "change-asked"
    text = "Another lawyer was asked for already. You get the answer in writing."


async def assign(
    session: Session, means: LegalMeans, actor: Identity, case_id: str, lawyer_id: str, words: str = ""
) -> None:
    """Names the lawyer, who then reports. Raises `Refused` for one with a conflict of interest."""
    row = await case_file.row_of(session, case_id)
    desk = await case_file.holder(session, actor, row)
    if row.state != CaseState.APPROVED:
        raise CaseMoved
    await _name(session, means, actor, row, desk, lawyer_id, LetterKind.ASSIGNED, words)


async def _name(
    session: Session,
    means: LegalMeans,
    actor: Identity,
    row: CaseRow,
    desk: DeskRow,
    lawyer_id: str,
    kind: LetterKind,
    words: str,
) -> None:
    lawyer = await session.get(LawyerRow, lawyer_id)
    station = await session.get(DeskRow, lawyer.station_id) if lawyer else None
    if lawyer is None or station is None or station.prison_id != row.prison_id:
        raise Refused([reason("lawyer_id", "missing", "Please choose a lawyer.")])
    if await session.get(ConflictRow, (lawyer_id, row.inmate_id)) is not None:
        text = "This lawyer has declared a conflict of interest. Please choose another."
        raise Refused([reason("lawyer_id", "conflict", text)])
    if lawyer_id == row.lawyer_id:
        raise Refused([reason("lawyer_id", "same", "This is the present lawyer. Please choose another.")])
    await case_file.move(
        session,
        actor,
        row,
        CaseState.ASSIGNED,
        lawyer_id=lawyer_id,
        desk_id=station.id,
        change_asked=False,
        ended_at=None,
    )
    await case_file.write(session, means, actor, row.id, kind, words, desk.id, lawyer_id=lawyer_id)
    await clocks.follow(session, actor, matter(row.id), "progress", station)
    if row.entry == Entry.NOTICE:  # the defence in an open case: what is arranged closes more at once
        await meeting_desk.case_opened(session, actor, lawyer_id, row.inmate_id)
    await case_file.tell(session, row, f"{kind.value}:{row.letters}")


async def note_progress(
    session: Session, means: LegalMeans, actor: Identity, case_id: str, words: str
) -> None:
    """By the case's lawyer; the next report is due within the same time again."""
    row = await case_file.row_of(session, case_id)
    lawyer = await case_file.own_lawyer(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    if row.state != CaseState.ASSIGNED:
        raise CaseMoved
    await case_file.write(
        session, means, actor, row.id, LetterKind.PROGRESS, words, row.desk_id, lawyer_id=lawyer.staff_id
    )
    if not row.change_asked:  # then the clock is the centre's
        desk = await session.get_one(DeskRow, row.desk_id)
        await clocks.follow(session, actor, matter(row.id), "progress", desk)
    await case_file.tell(session, row, f"progress:{row.letters}")


async def ask_change(
    session: Session, means: LegalMeans, actor: Identity | AtDesk, case_id: str, words: str
) -> None:
    """Another lawyer is asked for (art. 55). Raises `ChangeAsked` while that is not answered."""
    row = await _written(session, actor, case_id, words)
    centre = await case_centre.of(session, row)
    await _flag_change(session, row, asked=True)
    await case_file.write(session, means, actor, row.id, LetterKind.CHANGE_ASKED, words, row.desk_id)
    await clocks.follow(session, actor, matter(row.id), "change-lawyer", centre)


async def _written(session: Session, actor: Identity | AtDesk, case_id: str, words: str) -> CaseRow:
    """The case about which its applicant writes. Raises `Refused` without reasons."""
    row = await case_file.row_of(session, case_id)
    await of_applicant(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    return row


async def _flag_change(session: Session, row: CaseRow, *, asked: bool) -> None:
    changed = await session.scalar(
        update(CaseRow)
        .where(CaseRow.id == row.id, CaseRow.state == CaseState.ASSIGNED, CaseRow.change_asked.is_(not asked))
        .values(change_asked=asked)
        .returning(CaseRow.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise ChangeAsked if asked and row.state == CaseState.ASSIGNED else CaseMoved


async def decide_change(
    session: Session, means: LegalMeans, actor: Identity, case_id: str, lawyer_id: str, words: str
) -> None:
    """By the centre: another lawyer is named, or (`lawyer_id` "") the present one stays, with reasons."""
    row = await case_file.row_of(session, case_id)
    centre = await case_centre.of(session, row)
    desk = await case_file.holder(session, actor, row, centre.id)
    if row.state != CaseState.ASSIGNED or not row.change_asked:
        raise CaseMoved
    if lawyer_id:
        await _name(session, means, actor, row, desk, lawyer_id, LetterKind.CHANGED, words)
        return
    case_file.refuse(application.reasons_problems(words))
    await _flag_change(session, row, asked=False)
    await case_file.write(session, means, actor, row.id, LetterKind.CHANGE_REFUSED, words, desk.id)
    station = await session.get_one(DeskRow, row.desk_id)
    await clocks.follow(session, actor, matter(row.id), "progress", station)
    await case_file.tell(session, row, f"change-refused:{row.letters}")


async def object_to(
    session: Session, means: LegalMeans, actor: Identity | AtDesk, case_id: str, words: str
) -> None:
    """The applicant does not agree with a refusal or an ending: the bureau of the centre that decided it decides
    within five days. Raises `NoCentre` where there is none."""
    row = await _written(session, actor, case_id, words)
    bureau = await case_centre.bureau(session, await case_centre.of(session, row))
    if bureau is None:
        raise NoCentre
    if row.state not in OBJECTABLE:
        raise CaseMoved
    await case_file.move(session, actor, row, CaseState.OBJECTED, desk_id=bureau.id, ended_at=None)
    await case_file.write(session, means, actor, row.id, LetterKind.OBJECTION, words, bureau.id)
    await clocks.follow(session, actor, matter(row.id), "objection", bureau)


async def decide_objection(
    session: Session, means: LegalMeans, actor: Identity, case_id: str, *, granted: bool, words: str
) -> None:
    """By the bureau, with reasons: the decision stands, or the centre names a lawyer after all."""
    row = await case_file.row_of(session, case_id)
    desk = await case_file.holder(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    if row.state != CaseState.OBJECTED:
        raise CaseMoved
    if not granted:
        await case_file.move(session, actor, row, CaseState.UPHELD, ended_at=clock.now())
        await case_file.write(session, means, actor, row.id, LetterKind.UPHELD, words, desk.id)
        await clocks.end(session, actor, matter(row.id), ClockState.DONE)
    else:
        centre = await case_centre.of(session, row)
        await case_file.move(session, actor, row, CaseState.APPROVED, desk_id=centre.id, lawyer_id=None)
        await case_file.write(session, means, actor, row.id, LetterKind.GRANTED, words, desk.id)
        await clocks.follow(session, actor, matter(row.id), "assign", centre)
    await case_file.tell(session, row, "objection-decided")


async def close(session: Session, means: LegalMeans, actor: Identity, case_id: str, words: str) -> None:
    """By the case's lawyer: what was reached. Not while another lawyer is asked for."""
    row = await case_file.row_of(session, case_id)
    lawyer = await case_file.own_lawyer(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    if row.change_asked:
        raise CaseMoved
    await case_file.move(session, actor, row, CaseState.CLOSED, ended_at=clock.now())
    await case_file.write(
        session, means, actor, row.id, LetterKind.CLOSED, words, row.desk_id, lawyer_id=lawyer.staff_id
    )
    await clocks.end(session, actor, matter(row.id), ClockState.DONE)
    await case_file.tell(session, row, "closed")


async def terminate(session: Session, means: LegalMeans, actor: Identity, case_id: str, words: str) -> None:
    """By the centre that holds it: aid is ended before the matter is (art. 48), in writing; an objection is open."""
    row = await case_file.row_of(session, case_id)
    centre = await case_centre.of(session, row)
    mine = {desk.id for desk in await case_file.desks_of(session, actor)}
    if centre.id not in mine:
        raise CaseMoved if row.desk_id in mine else NoCentre
    case_file.refuse(application.reasons_problems(words))
    await case_file.move(
        session, actor, row, CaseState.TERMINATED, desk_id=centre.id, change_asked=False, ended_at=clock.now()
    )
    await case_file.write(session, means, actor, row.id, LetterKind.TERMINATED, words, centre.id)
    await clocks.end(session, actor, matter(row.id), ClockState.DONE)
    await case_file.tell(session, row, "terminated")
