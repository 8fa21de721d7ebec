"""A defender for somebody who has none: an authority's notice is entered, and the centre appoints a lawyer.

The notice is a case that enters by its own way: nobody applies, nobody looks at means, nothing is forwarded. Its clock
tells both promises of art. 36, the authority's (over when the notice came, in time or late) and the centre's.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound, Reason, Refused
from core.ids import new_id, reference
from ledger.record import record
from legalaid import (
    access,
    application,
    case_centre,
    case_file,
    case_reading,
    cases,
    clocks,
    defence,
    personal,
)
from legalaid.case_file import CaseMoved, matter
from legalaid.case_model import OPEN_CASES, CaseState, CaseView, Entry, LetterKind
from legalaid.case_tables import CaseRow
from legalaid.defence import FREE, NoticeForm
from legalaid.forms import reason
from legalaid.means import LegalMeans
from legalaid.model import AtDesk, DeskKind
from legalaid.tables import DeskRow
from people import repository as people
from people.model import Identity, Inmate, InmateStatus, Role
from policy.running import ClockState
from scheduler.timetable import instant

_HERE = frozenset({InmateStatus.PRESENT, InmateStatus.AWAY})
_NOON = time(12)  # periods of days ask only which day it was


class NotForNotices(Forbidden):
    code = "not-for-notices"
    text = "Notices are entered by the legal-aid centre, its station, or the prison's visits office."


async def enter(session: Session, means: LegalMeans, actor: Identity, form: NoticeForm) -> str:
    """Answers the case's id; the same form twice is one case.

    Raises `Refused` with every field's problem, `NotForNotices`, `NoCentre`.
    """
    desk, centre = await desks(session, actor, form.office)
    by = actor.subject
    again = await session.scalar(
        select(CaseRow.id).where(
            CaseRow.applied_by_kind == by.kind, CaseRow.applied_by_id == by.id, CaseRow.apply_key == form.key
        )
    )
    if again is not None:
        return again
    zone = await cases.zone_of(session, centre.prison_id)
    problems = defence.problems(form, clock.now().astimezone(ZoneInfo(zone)).date())
    inmate = await _held_here(session, centre.prison_id, form)
    if inmate is None:
        text = "Number and name do not fit together in this prison."
        problems.append(reason("inmate_number", "invalid", text))
    else:
        problems += await _known(session, means, inmate.id, form.number)
    if problems or inmate is None:
        raise Refused(defence.in_order(problems))
    row = await _new(session, means, actor, inmate, centre, form)
    await _clock(session, actor, row, desk, centre, zone, form)
    what = access.tag(actor, "case:noticed")
    record(session, what, actor=by, subject=matter(row.id), authority=form.authority, desk=centre.id)
    await case_file.write(session, means, actor, row.id, LetterKind.NOTICE, form.words, desk.id)
    return row.id


async def desks(session: Session, actor: Identity, office: str = "") -> tuple[DeskRow, DeskRow]:
    """(where the actor enters notices, the centre that appoints). `office`: which gives notice, and by whose place a
    station or the prison finds the centre (art. 38). Raises `NotForNotices`, `NoCentre`."""
    if not actor.strong or actor.prison_id is None:
        raise NotForNotices
    if Role.COUNSEL in actor.roles:
        mine = [one for one in await case_file.desks_of(session, actor) if one.prison_id == actor.prison_id]
        at = {DeskKind(one.kind): one for one in mine}
        desk = at.get(DeskKind.CENTRE) or at.get(DeskKind.STATION)
    elif Role.APPROVER in actor.roles:
        desk = await case_file.desk_of_kind(session, actor.prison_id, DeskKind.STATION)
    else:
        desk = None
    centre = await case_centre.by_venue(session, actor.prison_id, office)
    if desk is None:
        raise NotForNotices
    return (desk, desk) if desk.kind == DeskKind.CENTRE else (desk, centre)


async def _held_here(session: Session, prison_id: str, form: NoticeForm) -> Inmate | None:
    found = await people.find_inmate(session, prison_id, form.inmate_number.strip())
    fits = found is not None and found.name == form.inmate_name.strip() and found.status in _HERE
    return found if fits else None


async def _known(session: Session, means: LegalMeans, inmate_id: str, number: str) -> list[Reason]:
    """The same notice, entered by somebody else before."""
    rows = await session.scalars(
        select(CaseRow).where(
            CaseRow.inmate_id == inmate_id, CaseRow.entry == Entry.NOTICE, CaseRow.state.in_(OPEN_CASES)
        )
    )
    for row in rows.all():
        facts = application.unpacked(means.texts.open(row.facts_sealed, row.id))
        if defence.same_number(facts["number"], number):
            text = "This notice was entered already, as {reference}."
            return [reason("number", "known", text, reference=row.reference)]
    return []


async def _new(
    session: Session, means: LegalMeans, actor: Identity, inmate: Inmate, centre: DeskRow, form: NoticeForm
) -> CaseRow:
    station = await access.station_of(session, centre.prison_id) or centre
    case_id = new_id("cas")
    row = CaseRow(
        id=case_id,
        reference=reference(),
        prison_id=centre.prison_id,
        inmate_id=inmate.id,
        question_id=None,
        applied_by_kind=actor.subject.kind,
        applied_by_id=actor.subject.id,
        apply_key=form.key,
        topic=defence.TOPIC,
        exemption="",
        facts_sealed=means.texts.seal(defence.packed(form), case_id),
        generation=await personal.generation_of(session, inmate.id),
        state=CaseState.APPROVED,
        station_id=station.id,
        desk_id=centre.id,
        lawyer_id=None,
        until=None,
        change_asked=False,
        letters=0,
        applied_at=clock.now(),
        ended_at=None,
        entry=Entry.NOTICE,
        centre_id=centre.id,
        received_on=defence.day_of(form.received_on),
    )
    session.add(row)
    await session.flush()
    return row


async def _clock(
    session: Session,
    actor: Identity,
    row: CaseRow,
    desk: DeskRow,
    centre: DeskRow,
    zone: str,
    form: NoticeForm,
) -> None:
    """The authority's three days, from when it found out to the day on which the notice came, at the desk that
    entered it; then the centre's, from that day: entering late gains nobody a day. The centre is told."""
    came = _on(defence.day_of(form.received_on), zone)
    since = came if form.ground in FREE else _on(defence.day_of(form.found_on), zone)
    light = await clocks.start(
        session, actor, "notice", matter(row.id), desk, zone, row.reference, began=since
    )
    if form.ground not in FREE:
        last = light.due_at - timedelta(seconds=1)  # it ends at midnight
        row.notice_due = last.astimezone(ZoneInfo(zone)).date()
        await session.flush()
    await clocks.follow(session, actor, matter(row.id), "appoint", centre, at=came)


def _on(day: date | None, zone: str) -> datetime:
    """A moment of that day, never a later one than now. The form was checked: None does not come here."""
    if day is None:
        raise NotFound
    return min(instant(day, _NOON, zone), clock.now())


async def take_back(session: Session, means: LegalMeans, actor: Identity, case_id: str, words: str) -> None:
    """By the centre, before a lawyer is named: the authority needs nobody any more, and why.

    Raises `Refused` without reasons, `CaseMoved`, `NotFound`.
    """
    row = await case_file.row_of(session, case_id)
    desk = await case_file.holder(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    if row.entry != Entry.NOTICE or row.state != CaseState.APPROVED:
        raise CaseMoved
    await case_file.move(session, actor, row, CaseState.WITHDRAWN, ended_at=clock.now())
    await case_file.write(session, means, actor, row.id, LetterKind.RECALLED, words, desk.id)
    await clocks.end(session, actor, matter(row.id), ClockState.WITHDRAWN)


async def told(session: Session, desk: AtDesk) -> list[CaseView]:
    """What the inmate at the terminal is told first: open notices, under the present code. The oldest first."""
    found = await case_reading.of_inmate(session, desk.inmate_id)
    return [
        one
        for one in reversed(found)
        if one.entry is Entry.NOTICE and one.state in OPEN_CASES and one.generation == desk.generation
    ]
