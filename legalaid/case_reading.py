"""Reading cases: lists without a word of what they are about, and the file, opened for whom it concerns.

Prison staff see neither facts nor letters, whatever their role; each attempt is in the ledger.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from core.db import Session, after_failure
from core.errors import Forbidden, NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import access, application, case_centre, case_file, clocks, personal
from legalaid.case_file import matter
from legalaid.case_model import CaseState, CaseView, Entry, Letter, LetterKind
from legalaid.case_tables import CaseLetterRow, CaseRow
from legalaid.means import LegalMeans
from legalaid.model import AtDesk, DeskKind
from legalaid.repository import light_of
from legalaid.tables import DeskRow, MatterClockRow
from people.model import Identity, Role
from people.tables import InmateRow, StaffRow

Reader = Identity | AtDesk


@dataclass(frozen=True, slots=True)
class File:
    """An opened case. `facts`: the fields of `application.AidForm` that are kept."""

    view: CaseView
    inmate_name: str
    inmate_number: str
    facts: dict[str, Any]
    letters: list[Letter]


async def _views(session: Session, *which: ColumnElement[bool]) -> list[CaseView]:
    """The newest first."""
    rows = await session.execute(
        select(CaseRow, MatterClockRow, DeskRow.name, StaffRow.name)
        .join(MatterClockRow, MatterClockRow.of("case", CaseRow.id))
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .outerjoin(StaffRow, StaffRow.id == CaseRow.lawyer_id)
        .where(*which)
        .order_by(CaseRow.applied_at.desc(), CaseRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [
        CaseView(
            id=row.id,
            reference=row.reference,
            prison_id=row.prison_id,
            inmate_id=row.inmate_id,
            question_id=row.question_id,
            applied_by=Ref(row.applied_by_kind, row.applied_by_id),
            topic=row.topic,
            exemption=row.exemption,
            state=CaseState(row.state),
            desk_id=row.desk_id,
            desk=desk,
            lawyer_id=row.lawyer_id,
            lawyer=lawyer or "",
            until=row.until,
            change_asked=row.change_asked,
            applied_at=row.applied_at,
            ended_at=row.ended_at,
            generation=row.generation,
            light=light_of(clock, desk),
            entry=Entry(row.entry),
            received_on=row.received_on,
            notice_due=row.notice_due,
        )
        for row, clock, desk, lawyer in rows.all()
    ]


async def of_inmate(session: Session, inmate_id: str) -> list[CaseView]:
    return await _views(session, CaseRow.inmate_id == inmate_id)


async def applied_by(session: Session, by: Ref) -> list[CaseView]:
    return await _views(session, CaseRow.applied_by_kind == by.kind, CaseRow.applied_by_id == by.id)


async def at_desks(session: Session, actor: Identity) -> list[CaseView]:
    """Those that are or began at the actor's desks or centre, were handed up to them, and the lawyer's own."""
    mine = [desk.id for desk in await case_file.desks_of(session, actor)]
    return await _views(
        session,
        or_(
            CaseRow.desk_id.in_(mine),
            CaseRow.station_id.in_(mine),
            CaseRow.centre_id.in_(mine),
            MatterClockRow.desk_id.in_(mine),
            CaseRow.lawyer_id == actor.subject.id,
        ),
    )


async def view(session: Session, case_id: str) -> CaseView:
    """Without permission check. Raises `NotFound`."""
    found = await _views(session, CaseRow.id == case_id)
    if not found:
        raise NotFound
    return found[0]


# What a desk may do in each state, beside what the case's own lawyer does.
_ACTS: dict[CaseState, tuple[str, ...]] = {
    CaseState.APPLIED: ("forward",),
    CaseState.FORWARDED: ("approve", "papers", "refuse"),
    CaseState.SUPPLEMENT: ("approve", "supply"),
    CaseState.APPROVED: ("assign",),
    CaseState.OBJECTED: ("objection",),
}


async def acts(session: Session, actor: Identity, one: CaseView) -> list[str]:
    """What the actor can do with a case as it stands; the use cases check again."""
    mine = {desk.id: desk.kind for desk in await case_file.desks_of(session, actor)}
    clock = await clocks.of_matter(session, matter(one.id))
    held = {one.desk_id, clock.desk_id if clock else ""} & set(mine)
    found = list(_ACTS.get(one.state, ())) if held else []
    if one.state is CaseState.FORWARDED and clock is not None and clock.supplemented:
        found.remove("papers")
    if found and one.state is CaseState.APPROVED and one.entry is Entry.NOTICE:
        found.append("recall")
    if one.state is CaseState.ASSIGNED:
        found = ["progress", "close"] if one.lawyer_id == actor.subject.id else []
        if clock is not None and clock.desk_id in mine and one.change_asked:
            found.append("change")
        row = await case_file.row_of(session, one.id)
        if DeskKind.CENTRE in mine.values() and (await case_centre.of(session, row)).id in mine:
            found.append("terminate")
    return found


async def opened(session: Session, means: LegalMeans, actor: Reader, case_id: str) -> File:
    """The whole file; the look is entered. Raises `NotFound` for others', `Forbidden` for prison staff."""
    row = await case_file.row_of(session, case_id)
    await _readable(session, actor, row)
    record(session, access.tag(actor, "case:read"), actor=access.ref(actor), subject=matter(row.id))
    inmate = await session.get_one(InmateRow, row.inmate_id)
    return File(
        await view(session, row.id),
        inmate.name,
        inmate.number,
        application.unpacked(means.texts.open(row.facts_sealed, row.id)),
        await _letters(session, means, row),
    )


async def _letters(session: Session, means: LegalMeans, row: CaseRow) -> list[Letter]:
    found = await session.execute(
        select(CaseLetterRow, DeskRow.name, StaffRow.name)
        .join(DeskRow, DeskRow.id == CaseLetterRow.desk_id)
        .outerjoin(StaffRow, StaffRow.id == CaseLetterRow.lawyer_id)
        .where(CaseLetterRow.case_id == row.id)
        .order_by(CaseLetterRow.number)
    )
    return [
        Letter(
            letter.id,
            letter.number,
            LetterKind(letter.kind),
            means.texts.open(letter.words_sealed, letter.id).decode(),
            letter.at,
            desk,
            lawyer or "",
            letter.until,
        )
        for letter, desk, lawyer in found.all()
    ]


async def _readable(session: Session, actor: Reader, row: CaseRow) -> None:
    if isinstance(actor, AtDesk):
        fits = row.inmate_id == actor.inmate_id and row.generation == actor.generation
        if not fits or not await personal.still(session, actor):
            raise NotFound
    elif Role.RELATIVE in actor.roles:
        if actor.subject != Ref(row.applied_by_kind, row.applied_by_id):
            raise NotFound
    elif Role.COUNSEL in actor.roles:
        await _of_counsel(session, actor, row)
    else:
        _refused(session, actor, row.id)


async def _of_counsel(session: Session, actor: Identity, row: CaseRow) -> None:
    """The case's lawyer, and the people of every desk that held it."""
    if row.lawyer_id == actor.subject.id:
        return
    mine = {desk.id for desk in await case_file.desks_of(session, actor)}
    held = await session.scalars(select(CaseLetterRow.desk_id).where(CaseLetterRow.case_id == row.id))
    above = await session.scalar(select(MatterClockRow.desk_id).where(MatterClockRow.of("case", row.id)))
    if not mine & {row.desk_id, row.station_id, row.centre_id, above, *held}:
        raise NotFound


def _refused(session: Session, actor: Identity, case_id: str) -> None:
    async def note(later: Session) -> None:
        record(later, access.tag(actor, "case:reading-refused"), actor=actor.subject, subject=matter(case_id))

    after_failure(session, note)
    raise Forbidden
