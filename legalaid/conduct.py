"""Reports about what a lawyer did at a meeting: owed when an officer stopped it, written by the visits office, answered
by the bureau of justice, and read by the lawyer, too.

What officers did in the room (warned, paused, stopped) is put beside their words as it was entered then, so that nobody
reports a stop without the warnings that came before it. Nothing that was said can be in it: nobody listened.
"""

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import (
    access,
    application,
    case_centre,
    case_file,
    clocks,
    conduct_model,
    conduct_owed,
    holding,
    meeting_desk,
)
from legalaid.access import Actor
from legalaid.conduct_model import REPORT_MOVES, Report, ReportForm, ReportState, ReportView, Step
from legalaid.conduct_owed import MATTER, matter
from legalaid.conduct_table import ConductReportRow
from legalaid.mandates import lawyers as lawyers_of
from legalaid.means import LegalMeans
from legalaid.meeting_model import MeetingState
from legalaid.meeting_tables import MeetingRow
from legalaid.meetings import MATTER as MEETING
from legalaid.meetings import MeetingMoved
from legalaid.model import Desk, DeskKind
from legalaid.repository import light_of
from legalaid.tables import DeskRow, MatterClockRow
from people.model import Identity, Role
from people.tables import StaffRow
from policy.running import ClockState
from rooms import repository as rooms
from rooms.powers import Act
from rooms.tables import SittingRow
from scheduler.tables import PrisonRow

_TOLD = frozenset({Act.WARN, Act.PAUSE, Act.RESUME, Act.REMOVE, Act.END})  # the steps of art. 14
_TOOK_PLACE = frozenset({MeetingState.HELD, MeetingState.FAILED})


class ReportMoved(Conflict):
    code = "report-moved"
    text = "This report has been sent, answered or given up in the meantime."


class ReportAboutYou(Forbidden):
    code = "report-about-you"
    text = "This report is about you. Somebody else answers it."


async def begin(session: Session, actor: Identity, meeting_id: str) -> str:
    """By the visits office, where something came to light later; answers the report's id, also of one that is there.

    Raises `MeetingMoved` for a meeting that did not take place, and as `meeting_desk.meeting_of_office`.
    """
    meeting = await meeting_desk.meeting_of_office(session, actor, meeting_id)
    if meeting.state not in _TOOK_PLACE:
        raise MeetingMoved
    return await conduct_owed.open_report(session, actor, meeting)


async def bureaus(session: Session, report_id: str) -> list[Desk]:
    """To which it can be sent."""
    row = await _row(session, report_id)
    return await case_centre.of_kind(session, row.prison_id, DeskKind.BUREAU)


async def lawyers(session: Session, report_id: str) -> list[tuple[str, str]]:
    """(id, name) of those of the meeting, whom it may be about."""
    meeting = await session.get_one(MeetingRow, (await _row(session, report_id)).meeting_id)
    return [(one, (await session.get_one(StaffRow, one)).name) for one in lawyers_of(meeting)]


async def send(
    session: Session, means: LegalMeans, actor: Identity, report_id: str, form: ReportForm
) -> None:
    """By the visits office. Raises `Refused` with every field's problem, `ReportMoved`, `NotFound`."""
    row, meeting = await _of_office(session, actor, report_id)
    found = await bureaus(session, row.id)
    case_file.refuse(conduct_model.problems(form, lawyers_of(meeting), [one.id for one in found]))
    await _move(
        session,
        actor,
        row.id,
        ReportState.SENT,
        lawyer_id=form.lawyer_id,
        desk_id=form.bureau_id,
        breaches=sorted(set(form.breaches)),
        copy_to_bar=form.copy_to_bar,
        words_sealed=means.texts.seal(form.words.strip().encode(), row.id),
        written_by_id=actor.subject.id,
        written_at=clock.now(),
    )
    bureau = await session.get_one(DeskRow, form.bureau_id)
    await clocks.follow(session, actor, matter(row.id), "conduct-answer", bureau)


async def drop(session: Session, means: LegalMeans, actor: Identity, report_id: str, words: str) -> None:
    """By the visits office: nothing is reported, and why. Raises `Refused` without a reason, `ReportMoved`."""
    row, _ = await _of_office(session, actor, report_id)
    case_file.refuse(application.reasons_problems(words))
    await _move(
        session,
        actor,
        row.id,
        ReportState.DROPPED,
        words_sealed=means.texts.seal(words.strip().encode(), row.id),
        written_by_id=actor.subject.id,
        written_at=clock.now(),
    )
    await clocks.end(session, actor, matter(row.id), ClockState.DONE)


async def answer(session: Session, means: LegalMeans, actor: Identity, report_id: str, words: str) -> None:
    """By the bureau that holds it: what it did. Raises `ReportAboutYou`, `NotFound`, `Refused`, `ReportMoved`."""
    row = await _row(session, report_id)
    if not await holding.holds(session, actor, matter(row.id), row.desk_id):
        raise NotFound
    if actor.subject.id == row.lawyer_id:
        raise ReportAboutYou
    case_file.refuse(application.reasons_problems(words))
    sealed = means.texts.seal(words.strip().encode(), f"{row.id}:answer")
    await _move(session, actor, row.id, ReportState.ANSWERED, answer_sealed=sealed, answered_at=clock.now())
    await clocks.end(session, actor, matter(row.id), ClockState.DONE)


async def _move(session: Session, actor: Actor, report_id: str, to: ReportState, **values: object) -> None:
    """Raises `ReportMoved` from any state that does not lead there."""
    moved = await session.scalar(
        update(ConductReportRow)
        .where(ConductReportRow.id == report_id, ConductReportRow.state.in_(REPORT_MOVES[to]))
        .values(state=to, **values)
        .returning(ConductReportRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise ReportMoved
    tag = access.tag(actor, f"conduct-report:{to.value}")
    record(session, tag, actor=access.ref(actor), subject=matter(report_id))


async def _row(session: Session, report_id: str) -> ConductReportRow:
    row = await session.get(ConductReportRow, report_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def _of_office(
    session: Session, actor: Identity, report_id: str
) -> tuple[ConductReportRow, MeetingRow]:
    row = await _row(session, report_id)
    return row, await meeting_desk.meeting_of_office(session, actor, row.meeting_id)


async def opened(session: Session, means: LegalMeans, actor: Identity, report_id: str) -> Report:
    """For the visits office, the bureau's people, and the lawyer once it was sent; the look is entered.

    Raises `NotFound` for others, `Forbidden` for who decides nothing.
    """
    row = await _row(session, report_id)
    await _readable(session, actor, row)
    record(session, access.tag(actor, "conduct-report:read"), actor=actor.subject, subject=matter(row.id))
    meeting = await session.get_one(MeetingRow, row.meeting_id)
    sitting = await session.get(SittingRow, meeting.sitting_id) if meeting.sitting_id else None
    (view,) = await views(session, ConductReportRow.id == row.id)
    bureau = await session.get_one(DeskRow, row.desk_id)
    return Report(
        view,
        sitting.starts_at if sitting else None,
        await _steps(session, meeting),
        bureau.name if bureau.kind == DeskKind.BUREAU else "",
        means.texts.open(row.words_sealed, row.id).decode() if row.words_sealed else "",
        means.texts.open(row.answer_sealed, f"{row.id}:answer").decode() if row.answer_sealed else "",
    )


async def _readable(session: Session, actor: Identity, row: ConductReportRow) -> None:
    if Role.COUNSEL not in actor.roles:
        await _of_office(session, actor, row.id)
        return
    if row.state in (ReportState.OWED, ReportState.DROPPED):
        raise NotFound
    mine = actor.subject.id == row.lawyer_id
    if not mine and not await holding.holds(session, actor, matter(row.id), row.desk_id):
        raise NotFound


async def _steps(session: Session, meeting: MeetingRow) -> list[Step]:
    room = await conduct_owed.room_of(session, meeting)
    if room is None:
        return []
    acts = await rooms.acts(session, room.id)
    return [Step(one.at, one.act, one.code, one.words) for one in acts if one.act in _TOLD]


async def of_meetings(session: Session, prison_id: str) -> dict[str, ReportView]:
    """Meeting id -> its report, for the visits office."""
    found = await views(session, ConductReportRow.prison_id == prison_id)
    return {one.meeting.id: one for one in found}


async def of_lawyer(session: Session, staff_id: str) -> dict[str, ReportView]:
    """Meeting id -> the report about the lawyer, once it was sent."""
    told = (ReportState.SENT, ReportState.ANSWERED)
    where = (ConductReportRow.lawyer_id == staff_id, ConductReportRow.state.in_(told))
    return {one.meeting.id: one for one in await views(session, *where)}


async def at_desks(session: Session, actor: Identity) -> list[ReportView]:
    """What waits for an answer at the actor's desks, without what is about the actor."""
    mine = [desk.id for desk in await case_file.desks_of(session, actor)]
    return await views(
        session,
        ConductReportRow.state == ReportState.SENT,
        ConductReportRow.desk_id.in_(mine) | MatterClockRow.desk_id.in_(mine),
        ConductReportRow.lawyer_id != actor.subject.id,
    )


async def views(session: Session, *which: ColumnElement[bool]) -> list[ReportView]:
    """The newest first."""
    rows = await session.execute(
        select(ConductReportRow, MatterClockRow, DeskRow.name, StaffRow.name, MeetingRow.reference, PrisonRow)
        .join(MatterClockRow, MatterClockRow.of(MATTER, ConductReportRow.id))
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .join(StaffRow, StaffRow.id == ConductReportRow.lawyer_id)
        .join(MeetingRow, MeetingRow.id == ConductReportRow.meeting_id)
        .join(PrisonRow, PrisonRow.id == ConductReportRow.prison_id)
        .where(*which)
        .order_by(ConductReportRow.opened_at.desc(), ConductReportRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [
        ReportView(
            id=row.id,
            reference=row.reference,
            meeting=Ref(MEETING, row.meeting_id),
            meeting_reference=met,
            prison=prison.name,
            zone=prison.zone,
            lawyer_id=row.lawyer_id,
            lawyer=lawyer,
            desk=desk,
            state=ReportState(row.state),
            opened_at=row.opened_at,
            written_at=row.written_at,
            answered_at=row.answered_at,
            breaches=tuple(row.breaches),
            copy_to_bar=row.copy_to_bar,
            light=light_of(held, desk),
        )
        for row, held, desk, lawyer, met, prison in rows.all()
    ]
