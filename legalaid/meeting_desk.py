"""The prison's side of lawyers' meetings: papers looked at, a time and a terminal given, late and missing lawyers.

The prison never chooses who may listen: that is computed when the meeting is arranged (`legalaid.confidential`), and
becomes more closed at once, for all that is arranged, when a case is opened.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from core import clock
from core.box import Box
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import SYSTEM, Ref
from ledger.record import record
from legalaid import access, clocks, companions, conduct_owed, meeting_flags, meetings
from legalaid.access import Actor, ref, tag
from legalaid.confidential import CaseState, CounsellingRule, Decision, Ground, OfficerRule, decide
from legalaid.forms import reason
from legalaid.meeting_model import LATE_AFTER, MeetingState
from legalaid.meeting_tables import MeetingPaperRow, MeetingRow, MeetingRuleRow
from legalaid.meetings import INTERPRETER, MATTER, MeetingMoved
from people.model import Identity, Role
from people.tables import InmateRow, StaffRow
from policy.running import ClockState
from rooms import sittings
from rooms.agreed import Party, SittingState
from rooms.confidentiality import RoomKind
from rooms.model import EndReason, SeatRole
from rooms.sittings import Plan
from rooms.tables import RoomRow, SeatRow

_EARLY = timedelta(minutes=20)  # a lawyer may be in the lobby (rules L12)


class NotLate(Conflict):
    code = "lawyer-not-late"
    text = "The lawyer is not more than five minutes late, or is there."


async def set_rule(
    session: Session, actor: Identity | Ref, prison_id: str, *, remote: bool, officer: OfficerRule, basis: str
) -> None:
    """Switches meetings by video on or off. Without the local rule that allows it, it stays off."""
    access.admin_of(actor, prison_id)
    if remote and not basis.strip():
        raise Refused(
            [reason("basis", "missing", "Please name the local rule that allows meetings by video.")]
        )
    row = await session.get(MeetingRuleRow, prison_id)
    if row is None:
        row = MeetingRuleRow(prison_id=prison_id, remote=False, officer="", basis="", set_at=clock.now())
        session.add(row)
    row.remote, row.officer, row.basis, row.set_at = remote, officer.value, basis.strip(), clock.now()
    await session.flush()
    subject = Ref("prison", prison_id)
    record(
        session,
        tag(actor, "meeting-rule:set"),
        actor=ref(actor),
        subject=subject,
        remote=remote,
        officer=officer.value,
    )


async def set_counselling(
    session: Session, actor: Identity | Ref, prison_id: str, rule: CounsellingRule
) -> None:
    """Whether officers may look on at counsellors' hours, for safety, or nobody. What is arranged stays as it is."""
    access.admin_of(actor, prison_id)
    row = await session.get(MeetingRuleRow, prison_id)
    if row is None:
        now, none = clock.now(), OfficerRule.LOOKS_ON.value
        row = MeetingRuleRow(prison_id=prison_id, remote=False, officer=none, basis="", set_at=now)
        session.add(row)
    row.counselling = rule.value
    await session.flush()
    subject = Ref("prison", prison_id)
    what = tag(actor, "counselling-rule:set")
    record(session, what, actor=ref(actor), subject=subject, rule=rule.value or "looks-on")


async def meeting_of_office(session: Session, actor: Identity, meeting_id: str) -> MeetingRow:
    """A meeting of the acting officer's prison, for who decides there. Raises `Forbidden`, `NotFound`."""
    if Role.APPROVER not in actor.roles or not actor.strong:
        raise Forbidden
    row = await session.get(MeetingRow, meeting_id, populate_existing=True)
    if row is None or row.prison_id != actor.prison_id:
        raise NotFound
    return row


async def paper(session: Session, papers: Box, actor: Identity, paper_id: str) -> tuple[str, bytes]:
    """(media type, content) of a paper, for the officer who decides; each look is entered."""
    found = await session.get(MeetingPaperRow, paper_id)
    if found is None:
        raise NotFound
    row = await meeting_of_office(session, actor, found.meeting_id)
    subject = Ref(MATTER, row.id)
    record(session, "officer:meeting-paper:read", actor=actor.subject, subject=subject, paper=found.kind)
    return found.media_type, papers.open(found.sealed, found.id)


async def original_seen(session: Session, actor: Identity, paper_id: str) -> None:
    """The lawyer has shown the original of a paper (art. 5); of the firm's letter the prison keeps it.

    Said twice, it is the same. Raises `MeetingMoved` where there is no meeting to show it at.
    """
    found = await session.get(MeetingPaperRow, paper_id, populate_existing=True)
    if found is None:
        raise NotFound
    row = await meeting_of_office(session, actor, found.meeting_id)
    if row.state not in (MeetingState.ARRANGED, MeetingState.HELD):
        raise MeetingMoved
    if found.original_seen_at is None:
        found.original_seen_at = clock.now()
        subject = Ref(MATTER, row.id)
        record(
            session, "officer:meeting-original:seen", actor=actor.subject, subject=subject, paper=found.kind
        )


async def arrange(
    session: Session, actor: Identity, meeting_id: str, starts_at: datetime, terminal_id: str
) -> str:
    """Gives it a time and a terminal; neither uses an allowance nor is stopped by one. Answers the sitting's id.

    Raises `rooms.sittings.PlaceTaken`, `MeetingMoved`.
    """
    row = await meeting_of_office(session, actor, meeting_id)
    return await arrange_row(session, actor.subject, row, starts_at, terminal_id)


async def arrange_row(
    session: Session, actor: Ref, row: MeetingRow, starts_at: datetime, terminal_id: str
) -> str:
    """As `arrange`, in the name of an officer who may."""
    if row.state != MeetingState.ASKED:
        raise MeetingMoved
    if starts_at <= clock.now():
        raise Refused([reason("starts_at", "invalid", "This time is over. Please choose a later one.")])
    await meeting_flags.settle(session, actor, row.id)
    sitting_id = await sittings.agree(session, actor, await plan_of(session, row, starts_at, terminal_id))
    await meetings.move(
        session, actor, row.id, MeetingState.ARRANGED, sitting_id=sitting_id, decided_at=clock.now()
    )
    await clocks.end(session, actor, Ref(MATTER, row.id), ClockState.DONE)
    return sitting_id


async def plan_of(session: Session, row: MeetingRow, starts_at: datetime, terminal_id: str) -> Plan:
    """What the meeting takes of people, time and the prison when it begins then."""
    decision = await decision_for(session, row)
    return Plan(
        kind=RoomKind.LEGAL,
        confidentiality=decision.confidentiality,
        basis=decision.basis,
        matter=Ref(MATTER, row.id),
        prison_id=row.prison_id,
        parties=await _parties(session, row),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=row.minutes + 5),
        minutes=row.minutes,
        terminal_id=terminal_id,
        early=_EARLY,
    )


async def decision_for(session: Session, row: MeetingRow) -> Decision:
    rule = await session.get(MeetingRuleRow, row.prison_id)
    officer = OfficerRule(rule.officer) if rule is not None else OfficerRule.LOOKS_ON
    return decide(Ground(row.ground), CaseState(row.case_state), officer)


async def _parties(session: Session, row: MeetingRow) -> tuple[Party, ...]:
    """One or two lawyers, each with a seat of their own, who comes with them, and the inmate."""
    lawyers = []
    for staff_id in filter(None, (row.lawyer_id, row.second_id)):
        staff = await session.get_one(StaffRow, staff_id)
        lawyers.append(Party(SeatRole.COUNSEL, Ref("counsel", staff_id), staff.name))
    inmate = await session.get_one(InmateRow, row.inmate_id)
    return (
        *lawyers,
        *companions.parties(row),
        Party(SeatRole.INMATE, Ref("inmate", row.inmate_id), inmate.name),
    )


async def refuse(session: Session, actor: Identity, meeting_id: str, words: str) -> None:
    """In writing, with the reason."""
    row = await meeting_of_office(session, actor, meeting_id)
    if not words.strip():
        raise Refused([reason("words", "missing", "Please write why.")])
    await meetings.end(session, actor, row, MeetingState.REFUSED, words, ClockState.DONE)


async def decide_interpreter(
    session: Session, actor: Identity, meeting_id: str, *, admitted: bool, words: str = ""
) -> None:
    """The interpreter's own answer, on its own clock of three days; a seat in what is arranged already, too.

    Refused in writing, with the reason (art. 7).
    """
    row = await meeting_of_office(session, actor, meeting_id)
    if row.interpreter_state != "asked":
        raise MeetingMoved
    if not admitted and not words.strip():
        raise Refused([reason("words", "missing", "Please write why.")])
    row.interpreter_state = "admitted" if admitted else "refused"
    row.interpreter_words = "" if admitted else words.strip()
    await session.flush()
    if row.sitting_id is not None and row.state == MeetingState.ARRANGED:
        for party in companions.parties(row):
            await sittings.join(session, actor.subject, row.sitting_id, party)
    await clocks.end(session, actor, Ref(INTERPRETER, row.id), ClockState.DONE)
    what = f"officer:interpreter:{row.interpreter_state}"
    record(session, what, actor=actor.subject, subject=Ref(MATTER, row.id))


async def release(session: Session, actor: Identity, meeting_id: str) -> None:
    """Gives the slot of a late lawyer away: more than five minutes after its beginning, and never seen.

    Raises `NotLate`. It counts as a no-show until it is excused.
    """
    row = await meeting_of_office(session, actor, meeting_id)
    if row.sitting_id is None or not await _late(session, row.sitting_id):
        raise NotLate
    await meetings.end(session, actor, row, MeetingState.MISSED, "", ClockState.DONE)


async def _late(session: Session, sitting_id: str) -> bool:
    view = await sittings.get(session, sitting_id)
    if view.state is not SittingState.AGREED or clock.now() <= view.agreed.starts_at + LATE_AFTER:
        return False
    seen = await session.scalar(
        select(SeatRow.id)
        .join(RoomRow, RoomRow.id == SeatRow.room_id)
        .where(
            RoomRow.sitting_id == sitting_id,
            SeatRow.role == SeatRole.COUNSEL,
            SeatRow.joined_at.is_not(None),
        )
        .limit(1)
    )
    return seen is None


async def excuse(session: Session, actor: Identity, meeting_id: str, words: str) -> None:
    """A missed meeting that is no strike: an accident, or the prison's own fault."""
    row = await meeting_of_office(session, actor, meeting_id)
    if row.state != MeetingState.MISSED or not words.strip():
        raise MeetingMoved
    row.excused, row.words = True, words.strip()
    record(session, "officer:meeting:excused", actor=actor.subject, subject=Ref(MATTER, row.id))


async def case_opened(session: Session, actor: Actor, lawyer_id: str, inmate_id: str) -> int:
    """A case was opened against the inmate, and this lawyer defends, alone or as the second: what is asked or
    arranged becomes unmonitored at once. Answers how many arranged meetings were closed more."""
    rows = await session.scalars(
        select(MeetingRow).where(
            (MeetingRow.lawyer_id == lawyer_id) | (MeetingRow.second_id == lawyer_id),
            MeetingRow.inmate_id == inmate_id,
            MeetingRow.ground == Ground.DEFENCE,
            MeetingRow.state.in_((MeetingState.ASKED, MeetingState.ARRANGED)),
        )
    )
    closed = 0
    for row in rows.all():
        row.case_state = CaseState.OPEN.value
        await session.flush()
        decision = await decision_for(session, row)
        if row.sitting_id is not None:
            closed += await sittings.close_more(
                session, ref(actor), row.sitting_id, decision.confidentiality, decision.basis
            )
        record(session, tag(actor, "meeting:case-opened"), actor=ref(actor), subject=Ref(MATTER, row.id))
    return closed


async def sweep(session: Session) -> int:
    """What became of arranged meetings whose room is over; answers how many."""
    rows = await session.scalars(select(MeetingRow).where(MeetingRow.state == MeetingState.ARRANGED))
    moved = 0
    for row in rows.all():
        view = await sittings.get(session, row.sitting_id) if row.sitting_id else None
        if view is None or view.state is SittingState.AGREED:
            continue
        to = MeetingState.FAILED
        if view.live_at is not None:
            to = MeetingState.HELD
        elif view.end_reason == EndReason.FAMILY_NO_SHOW:
            to = MeetingState.MISSED
        await meetings.move(session, SYSTEM, row.id, to)
        await conduct_owed.owe(session, row)
        moved += 1
    return moved
