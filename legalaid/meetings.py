"""A lawyer asks to meet a client by video: three papers, one clock of 48 hours, another for an interpreter."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from core import clock
from core.box import Box
from core.db import Session
from core.errors import Conflict, NotFound, Reason, Refused
from core.ids import Ref, new_id, reference
from ledger.record import record
from legalaid import access, appointed, case_file, clocks, companions, mandates, meeting_flags
from legalaid.access import Actor, ref, tag
from legalaid.confidential import CaseState, Ground
from legalaid.forms import reason
from legalaid.meeting_model import (
    CANCEL_BEFORE,
    MINUTES,
    MOVES,
    STRIKE_SPAN,
    STRIKES,
    EngagedBy,
    MeetingForm,
    MeetingState,
    MeetingView,
    Paper,
)
from legalaid.meeting_tables import MeetingPaperRow, MeetingRow, MeetingRuleRow
from legalaid.model import DeskKind
from legalaid.tables import ConflictRow, DeskRow, LawyerRow
from people import proofs
from people import repository as people
from people.model import Identity
from people.proof_content import Content
from people.proofs import Upload
from people.tables import InmateRow, StaffRow
from policy.running import ClockState
from rooms import sittings
from rooms.tables import SittingRow
from scheduler import repository as scheduler

MATTER = "lawyer-meeting"
INTERPRETER = "meeting-interpreter"
_Paper = tuple[Paper, str, bool]  # kind, id, whether its original was seen


class MeetingMoved(Conflict):
    code = "meeting-moved"
    text = "This meeting has changed in the meantime. Look at its present state and decide again."


def box(secret: str) -> Box:
    """Seals the papers, each under its own id."""
    return Box(secret, "lawyer-paper")


async def ask(
    session: Session, papers: Box, actor: Identity, form: MeetingForm, files: Mapping[Paper, Upload]
) -> str:
    """Answers the meeting's id. Raises `Refused` with every problem; `NotFound` where the prison has no station."""
    lawyer = await access.lawyer(session, actor)
    known = await session.scalar(
        select(MeetingRow.id).where(MeetingRow.lawyer_id == lawyer.staff_id, MeetingRow.ask_key == form.key)
    )
    if known is not None:
        return known
    station = await session.get_one(DeskRow, lawyer.station_id)
    inmate = await people.find_inmate(session, station.prison_id, form.inmate_number.strip())
    second = await _second(session, lawyer, form.second)
    contents, wrong = await proofs.examined([files[paper] for paper in Paper if paper in files])
    problems = [
        *await _problems(session, lawyer, station, form, files),
        *await companions.problems(session, form, {lawyer.staff_id, *filter(None, [second])}),
        *wrong,
        *(
            []
            if second or not form.second
            else [reason("second", "invalid", "This lawyer is not of your station.")]
        ),
    ]
    fits = inmate is not None and inmate.name == form.inmate_name.strip()
    if inmate is None or not fits or await session.get(ConflictRow, (lawyer.staff_id, inmate.id)) is not None:
        problems.append(
            reason("inmate_number", "invalid", "Number and name do not fit together in this prison.")
        )
    elif form.engaged_by == EngagedBy.RELATIVE:
        problems += await mandates.ended(session, lawyer.staff_id, inmate.id)
    if problems or inmate is None:
        raise Refused(problems)
    row = _row(form, lawyer, station, inmate.id, second)
    await companions.enter(session, row, form)
    await appointed.open_case(session, row)
    session.add(row)
    await session.flush()
    _keep(session, papers, row.id, dict(zip((one for one in Paper if one in files), contents, strict=True)))
    await session.flush()
    await _start_clocks(session, actor, station, row)
    record(
        session, "counsel:meeting:asked", actor=actor.subject, subject=Ref(MATTER, row.id), ground=row.ground
    )
    return row.id


def _keep(session: Session, papers: Box, meeting_id: str, contents: Mapping[Paper, Content]) -> None:
    """The papers, sealed each under its own id."""
    for paper, content in contents.items():
        paper_id = new_id("ppr")
        session.add(
            MeetingPaperRow(
                id=paper_id,
                meeting_id=meeting_id,
                kind=paper.value,
                media_type=content.media_type,
                sealed=papers.seal(content.data, paper_id),
                sent_at=clock.now(),
                original_seen_at=None,
            )
        )


def _row(
    form: MeetingForm, lawyer: LawyerRow, station: DeskRow, inmate_id: str, second: str | None
) -> MeetingRow:
    return MeetingRow(
        id=new_id("mtg"),
        reference=reference(),
        prison_id=station.prison_id,
        lawyer_id=lawyer.staff_id,
        second_id=second,
        inmate_id=inmate_id,
        ask_key=form.key,
        ground=form.ground,
        case_state=form.case_state,
        minutes=form.minutes,
        state=MeetingState.ASKED.value,
        asked_at=clock.now(),
        decided_at=None,
        words="",
        sitting_id=None,
        excused=False,
        engaged_by=form.engaged_by,
    )


async def _start_clocks(session: Session, actor: Identity, station: DeskRow, row: MeetingRow) -> None:
    """At the prison's visits office, which is to act; where there is none, the station reminds the prison.

    The interpreter's three days run beside the 48 hours and never hold them up (rules L5).
    """
    prison = await scheduler.prison(session, station.prison_id)
    if prison is None:
        raise NotFound
    desk = await case_file.desk_of_kind(session, prison.id, DeskKind.OFFICE) or station
    await clocks.start(session, actor, "meeting", Ref(MATTER, row.id), desk, prison.zone, row.reference)
    if row.interpreter:
        matter = Ref(INTERPRETER, row.id)
        await clocks.start(session, actor, "interpreter", matter, desk, prison.zone, row.reference)


async def _second(session: Session, lawyer: LawyerRow, username: str) -> str | None:
    found = await people.find_staff(session, username.strip()) if username.strip() else None
    row = await session.get(LawyerRow, found.id) if found is not None else None
    fits = row is not None and row.station_id == lawyer.station_id and row.staff_id != lawyer.staff_id
    return row.staff_id if row is not None and fits else None


async def _problems(
    session: Session, lawyer: LawyerRow, station: DeskRow, form: MeetingForm, files: Mapping[Paper, Upload]
) -> list[Reason]:
    problems = []
    rule = await session.get(MeetingRuleRow, station.prison_id)
    if rule is None or not rule.remote:
        problems.append(
            Reason(
                "remote-not-allowed",
                "This prison does not hold lawyers' meetings by video. Please come in person.",
                {},
            )
        )
    if await strikes(session, lawyer.staff_id) >= STRIKES:
        problems.append(
            Reason(
                "lawyer-suspended",
                "{strikes} meetings were missed without excuse. Please call the prison to ask for another.",
                {"strikes": STRIKES},
            )
        )
    if form.ground not in set(Ground):
        problems.append(reason("ground", "missing", "Please choose the ground of the meeting."))
    if form.case_state not in set(CaseState):
        problems.append(reason("case_state", "missing", "Please say how the case stands."))
    if form.engaged_by not in set(EngagedBy):
        problems.append(reason("engaged_by", "missing", "Please say who has engaged you."))
    if form.minutes not in MINUTES:
        problems.append(reason("minutes", "invalid", "Between 15 and 120 minutes, please."))
    problems += [
        reason(paper.value, "missing", "This paper is needed.") for paper in Paper if paper not in files
    ]
    return problems


async def strikes(session: Session, lawyer_id: str) -> int:
    """Meetings that this lawyer missed without excuse in the last year."""
    where = (
        MeetingRow.lawyer_id == lawyer_id,
        MeetingRow.state == MeetingState.MISSED,
        MeetingRow.excused.is_(False),
        MeetingRow.asked_at > clock.now() - STRIKE_SPAN,
    )
    return await session.scalar(select(func.count()).select_from(MeetingRow).where(*where)) or 0


async def withdraw(session: Session, actor: Identity, meeting_id: str, words: str) -> None:
    """The mandate has ended, or there is a conflict of interest: the meeting goes, its time is free again."""
    row = await own(session, actor, meeting_id)
    await end(session, actor, row, MeetingState.WITHDRAWN, words, ClockState.WITHDRAWN)
    sitting = await session.get(SittingRow, row.sitting_id) if row.sitting_id else None
    if sitting is not None and _late(clock.now(), sitting):
        subject = Ref(MATTER, meeting_id)
        record(session, "counsel:meeting:withdrawn-late", actor=actor.subject, subject=subject)


def _late(at: datetime, sitting: SittingRow) -> bool:
    return at > sitting.starts_at - CANCEL_BEFORE


async def end(
    session: Session, actor: Actor, row: MeetingRow, to: MeetingState, words: str, how: ClockState
) -> None:
    """Moves it to a state in which it is not held, with its clocks and its room."""
    await move(session, actor, row.id, to, words=words.strip(), decided_at=clock.now())
    await clocks.end(session, actor, Ref(MATTER, row.id), how)
    await clocks.end(session, actor, Ref(INTERPRETER, row.id), how)
    await meeting_flags.settle(session, actor, row.id)
    if row.sitting_id is not None:
        await sittings.cancel(session, ref(actor), row.sitting_id, to.value)


async def move(session: Session, actor: Actor, meeting_id: str, to: MeetingState, **values: object) -> None:
    """Raises `MeetingMoved` from any state that does not lead there; then nothing has changed."""
    moved = await session.scalar(
        update(MeetingRow)
        .where(MeetingRow.id == meeting_id, MeetingRow.state.in_(MOVES[to]))
        .values(state=to.value, **values)
        .returning(MeetingRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise MeetingMoved
    record(session, tag(actor, f"meeting:{to.value}"), actor=ref(actor), subject=Ref(MATTER, meeting_id))


async def own(session: Session, actor: Identity, meeting_id: str) -> MeetingRow:
    """The acting lawyer's meeting. Raises `NotFound` for another's."""
    lawyer = await access.lawyer(session, actor)
    row = await session.get(MeetingRow, meeting_id, populate_existing=True)
    if row is None or lawyer.staff_id not in (row.lawyer_id, row.second_id):
        raise NotFound
    return row


async def of_lawyer(session: Session, actor: Identity) -> list[MeetingView]:
    """The acting lawyer's, the latest first."""
    lawyer = await access.lawyer(session, actor)
    where = (MeetingRow.lawyer_id == lawyer.staff_id) | (MeetingRow.second_id == lawyer.staff_id)
    rows = await session.scalars(select(MeetingRow).where(where).order_by(MeetingRow.asked_at.desc()))
    return await views(session, rows.all())


async def of_prison(session: Session, prison_id: str, since: datetime) -> list[MeetingView]:
    """All that is open, and what was asked since then, the oldest first."""
    open_states = (MeetingState.ASKED, MeetingState.ARRANGED)
    rows = await session.scalars(
        select(MeetingRow)
        .where(
            MeetingRow.prison_id == prison_id,
            MeetingRow.state.in_(open_states) | (MeetingRow.asked_at > since),
        )
        .order_by(MeetingRow.asked_at)
    )
    return await views(session, rows.all())


async def views(session: Session, rows: Sequence[MeetingRow]) -> list[MeetingView]:
    ids = [row.id for row in rows]
    papers: dict[str, list[_Paper]] = {}
    for meeting_id, kind, paper_id, seen_at in await session.execute(
        select(
            MeetingPaperRow.meeting_id,
            MeetingPaperRow.kind,
            MeetingPaperRow.id,
            MeetingPaperRow.original_seen_at,
        ).where(MeetingPaperRow.meeting_id.in_(ids))
    ):
        papers.setdefault(meeting_id, []).append((Paper(kind), paper_id, seen_at is not None))
    return [await _view(session, row, papers.get(row.id, [])) for row in rows]


async def _view(session: Session, row: MeetingRow, papers: Sequence[_Paper]) -> MeetingView:
    lawyer = await session.get_one(StaffRow, row.lawyer_id)
    inmate = await session.get_one(InmateRow, row.inmate_id)
    sitting = None
    if row.sitting_id:
        sitting = await session.get(SittingRow, row.sitting_id, populate_existing=True)
    second = await session.get(StaffRow, row.second_id) if row.second_id else None
    seats = {"assistant": row.assistant_id, "interpreter": row.interpreter_id}
    return MeetingView(
        id=row.id,
        reference=row.reference,
        prison_id=row.prison_id,
        lawyer_id=row.lawyer_id,
        lawyer_name=lawyer.name,
        second_id=row.second_id,
        inmate_id=row.inmate_id,
        inmate_name=inmate.name,
        ground=Ground(row.ground),
        case_state=CaseState(row.case_state),
        assistant=row.assistant,
        interpreter=row.interpreter,
        interpreter_state=row.interpreter_state,
        minutes=row.minutes,
        state=MeetingState(row.state),
        asked_at=row.asked_at,
        words=row.words,
        excused=row.excused,
        papers={kind: paper_id for kind, paper_id, _ in papers},
        sitting_id=row.sitting_id,
        starts_at=sitting.starts_at if sitting else None,
        confidentiality=sitting.confidentiality if sitting else "",
        basis=sitting.basis if sitting else "",
        engaged_by=row.engaged_by,
        second_name=second.name if second else "",
        seated=frozenset(name for name, account in seats.items() if account is not None),
        originals=frozenset(kind for kind, _, seen in papers if seen),
        interpreter_words=row.interpreter_words,
        light=await clocks.light(session, Ref(MATTER, row.id)),
        interpreter_light=await clocks.light(session, Ref(INTERPRETER, row.id)),
        late=(
            row.state == MeetingState.WITHDRAWN
            and row.decided_at is not None
            and sitting is not None
            and _late(row.decided_at, sitting)
        ),
        admitted=row.admitted_at is not None,
    )
