"""What follows when the lawyer of an arranged meeting is away: the other lawyer of the mandate comes; or the meeting's
time is freed, and another is kept for the lawyer's word within the 48 hours, or it goes into the next weekly plan with
the moment at which it was first asked for. Where the prison's rule says so an officer decides before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import Ref
from ledger.record import record
from legalaid import (
    access,
    clocks,
    mandates,
    meeting_desk,
    meeting_flags,
    meeting_hours,
    meeting_times,
    meetings,
    planned,
)
from legalaid.absence_table import MeetingFlagRow
from legalaid.access import Actor, ref
from legalaid.forms import reason
from legalaid.meeting_flags import Flag, FlagState
from legalaid.meeting_model import MeetingState
from legalaid.meeting_tables import MeetingRow, MeetingRuleRow
from legalaid.meeting_time_table import MeetingTimeRow
from legalaid.meetings import MATTER
from legalaid.tables import DeskRow
from people.model import Identity, Role
from rooms import sittings
from rooms.tables import SittingRow
from scheduler import meeting_proposals
from scheduler.tables import PrisonRow
from scheduler.timetable import instant

_KEPT = timedelta(hours=24)  # how long an offered time is kept
_NOTICE = timedelta(hours=2)  # and never beyond this before it begins
_LOOKED_AT = 24  # beginnings for each meeting, the dearest first


class OfferGone(Conflict):
    code = "meeting-offer-gone"
    text = "This time is not kept for you any more. The next weekly plan finds another."


async def flag(session: Session, actor: Actor, absence_id: str, meeting_id: str) -> None:
    """An arranged meeting that has not begun, and one of its lawyers is away. Flagged by the same absence once."""
    row = await session.get(MeetingRow, meeting_id, populate_existing=True)
    sitting = await session.get(SittingRow, row.sitting_id) if row is not None and row.sitting_id else None
    if row is None or sitting is None:
        return
    flag_id = await meeting_flags.raise_flag(session, actor, absence_id, meeting_id, sitting.starts_at)
    if flag_id is None:
        return
    if await somebody_comes(session, row, (sitting.starts_at, sitting.ends_at)):
        await meeting_flags.move(session, actor, flag_id, FlagState.OTHER)
        return
    rule = await session.get(MeetingRuleRow, row.prison_id)
    if rule is None or not rule.away_decides:
        await _free(session, actor, row, flag_id)


async def somebody_comes(session: Session, row: MeetingRow, span: tuple[datetime, datetime]) -> bool:
    """Whether one of the mandate's lawyers at least is there in all of that time."""
    return any([not await meeting_flags.away(session, [one], span) for one in mandates.lawyers(row)])


async def _free(session: Session, actor: Actor, row: MeetingRow, flag_id: str) -> None:
    """Frees the meeting's time and keeps another, where there is one within the 48 hours that begin now."""
    if row.sitting_id is None or not await sittings.cancel(
        session, ref(actor), row.sitting_id, "lawyer-away"
    ):
        raise meetings.MeetingMoved
    admitted_at = row.admitted_at or clock.now()  # papers that an officer had found in order remain so
    await meetings.move(
        session, actor, row.id, MeetingState.ASKED, sitting_id=None, admitted_at=admitted_at, decided_at=None
    )
    await session.refresh(row)
    due = await _promise(session, actor, row)
    await _drop_lost_times(session, row)
    found = await _other_time(session, row, due)
    if found is None:
        await meeting_flags.move(session, actor, flag_id, FlagState.FREED)
        return
    plan = await meeting_desk.plan_of(session, row, *found)
    if not await sittings.hold(session, plan, flag_id):
        await meeting_flags.move(session, actor, flag_id, FlagState.FREED)
        return
    kept = min(clock.now() + _KEPT, found[0] - _NOTICE)
    await meeting_flags.move(
        session,
        actor,
        flag_id,
        FlagState.OFFERED,
        starts_at=found[0],
        terminal_id=found[1],
        expires_at=kept,
    )


async def _promise(session: Session, actor: Actor, row: MeetingRow) -> datetime:
    """The 48 hours begin anew, in the matter's own history; answers when they are over."""
    matter = Ref(MATTER, row.id)
    before = await clocks.of_matter(session, matter)
    if before is None:
        return clock.now() + timedelta(hours=48)
    desk = await session.get_one(DeskRow, before.desk_id)
    await clocks.follow(session, actor, matter, "meeting", desk)
    running = await clocks.of_matter(session, matter)
    return before.due_at if running is None else running.due_at


async def _drop_lost_times(session: Session, row: MeetingRow) -> None:
    """Times that the lawyer named once and that are over, or lost to the absence, would keep it out of every plan."""
    said = (await meeting_times.named(session, [row.id])).get(row.id, [])
    zone = (await session.get_one(PrisonRow, row.prison_id)).zone
    for one in said:
        span = (instant(one.day, one.starts, zone), instant(one.day, one.ends, zone))
        lost = await meeting_flags.away(session, mandates.lawyers(row), span)
        if span[0] > clock.now() and not any(first <= span[0] and span[1] <= last for first, last in lost):
            return
    await session.execute(delete(MeetingTimeRow).where(MeetingTimeRow.meeting_id == row.id))


async def _other_time(session: Session, row: MeetingRow, due: datetime) -> tuple[datetime, str] | None:
    """The lawyer's dearest time before `due`, and a terminal that no visit needs then."""
    first = clock.now() + 2 * _NOTICE  # time to be told and to answer
    hours = await meeting_hours.hours_of(session, row.prison_id, first, due)
    times = (await meeting_times.named(session, [row.id])).get(row.id, [])
    meeting = await planned.meeting_of(session, row, hours, times, first)
    open_ = [(rank, at) for at, rank in meeting.beginnings if at <= due]
    for _, starts_at in sorted(open_)[:_LOOKED_AT]:
        free = await meeting_proposals.terminals(session, row.prison_id, meeting.call_at(starts_at))
        if free:
            return starts_at, free[0]
    return None


async def accept(session: Session, actor: Identity, flag_id: str) -> None:
    """The lawyer takes the time that is kept: one tap, and the same tap again is the same.

    Raises `OfferGone`; `NotFound` for another lawyer's.
    """
    flagged, row = await _own(session, actor, flag_id)
    if flagged.state == FlagState.ACCEPTED:
        return
    in_time = MeetingFlagRow.expires_at > clock.now()
    starts_at, terminal_id = flagged.starts_at, flagged.terminal_id
    if starts_at is None or terminal_id is None:
        raise OfferGone
    if not await meeting_flags.move(session, actor, flag_id, FlagState.ACCEPTED, in_time):
        raise OfferGone
    await meeting_desk.arrange_row(session, actor.subject, row, starts_at, terminal_id)


async def decline(session: Session, actor: Identity, flag_id: str) -> None:
    """The next weekly plan finds another time. Raises as `accept`."""
    await _own(session, actor, flag_id)
    if not await meeting_flags.move(session, actor, flag_id, FlagState.DECLINED):
        raise OfferGone


async def _own(session: Session, actor: Identity, flag_id: str) -> tuple[MeetingFlagRow, MeetingRow]:
    flagged = await meeting_flags.row_of(session, flag_id)
    if flagged is None:
        raise NotFound
    return flagged, await meetings.own(session, actor, flagged.meeting_id)


async def release(session: Session, actor: Identity, flag_id: str) -> None:
    """An officer decides that the meeting cannot stay. Raises `MeetingMoved` once it is decided."""
    flagged, row = await _waiting(session, actor, flag_id)
    await _free(session, actor, row, flagged.id)


async def keep(session: Session, actor: Identity, flag_id: str, words: str) -> None:
    """An officer decides that the meeting stays, and says why: the lawyer comes after all, or somebody else does."""
    flagged, _ = await _waiting(session, actor, flag_id)
    if not words.strip():
        raise Refused([reason("words", "missing", "Please write why.")])
    if not await meeting_flags.move(session, actor, flagged.id, FlagState.KEPT, words=words.strip()):
        raise meetings.MeetingMoved


async def _waiting(session: Session, actor: Identity, flag_id: str) -> tuple[MeetingFlagRow, MeetingRow]:
    if Role.APPROVER not in actor.roles or not actor.strong:
        raise Forbidden
    flagged = await meeting_flags.row_of(session, flag_id)
    if flagged is None:
        raise NotFound
    row = await meeting_desk.meeting_of_office(session, actor, flagged.meeting_id)
    if flagged.state != FlagState.WAITING or row.state != MeetingState.ARRANGED:
        raise meetings.MeetingMoved
    return flagged, row


async def set_rule(session: Session, actor: Identity, prison_id: str, *, decides: bool) -> None:
    """Whether an officer decides about each meeting whose lawyer is away. Raises `NotFound` where none are held."""
    access.admin_of(actor, prison_id)
    row = await session.get(MeetingRuleRow, prison_id)
    if row is None:
        raise NotFound
    row.away_decides = decides
    await session.flush()
    what = access.tag(actor, "meeting-rule:away")
    record(session, what, actor=ref(actor), subject=Ref("prison", prison_id), decides=decides)


async def of_prison(session: Session, prison_id: str) -> list[Flag]:
    """What is open there: to be decided, or offered and not answered yet."""
    here = select(MeetingRow.id).where(MeetingRow.prison_id == prison_id)
    return await meeting_flags.find(
        session, MeetingFlagRow.meeting_id.in_(here), MeetingFlagRow.state.in_(meeting_flags.OPEN)
    )


@dataclass(frozen=True, slots=True)
class Moved:
    """A meeting that lost its time; `starts_at`: the new one, or the one that is offered."""

    was_at: datetime
    state: FlagState
    starts_at: datetime | None


async def of_inmate(session: Session, inmate_id: str) -> list[Moved]:
    """The newest word on each of the inmate's meetings that lost its time and is not over: told at the terminal."""
    rows = await session.execute(
        select(MeetingRow.id, SittingRow.starts_at)
        .outerjoin(SittingRow, SittingRow.id == MeetingRow.sitting_id)
        .where(
            MeetingRow.inmate_id == inmate_id,
            MeetingRow.state.in_((MeetingState.ASKED, MeetingState.ARRANGED)),
        )
    )
    arranged = dict[str, datetime | None](rows.all())
    found = await meeting_flags.newest(session, arranged.keys())
    return [
        Moved(
            one.was_at,
            FlagState.ACCEPTED if arranged[one.meeting_id] else one.state,
            arranged[one.meeting_id] or one.starts_at,
        )
        for one in found.values()
        if one.state not in (FlagState.WAITING, FlagState.KEPT, FlagState.OTHER)
        and arranged[one.meeting_id] != one.was_at
    ]
