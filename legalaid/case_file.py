"""A case's file: the one mover of its state, its letters, and who may touch it."""

from typing import Any

from sqlalchemy import or_, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused, Unavailable
from core.ids import Ref, new_id
from ledger.record import record
from legalaid import access
from legalaid.access import Actor
from legalaid.application import letter_problems
from legalaid.case_model import CASE_MOVES, CaseState, LetterKind
from legalaid.case_tables import CaseLetterRow, CaseRow, DeskStaffRow
from legalaid.means import LegalMeans
from legalaid.model import DeskKind
from legalaid.tables import DeskRow, LawyerRow, MatterClockRow
from people import letters
from people.model import Identity, Role


class CaseMoved(Conflict):
    code = "case-moved"
    text = "This case does not stand as you saw it any more. Look at its present state and decide again."


class NoCentre(Unavailable):
    code = "no-centre"
    text = "No legal-aid centre takes applications from here yet. Call 12348, it is free."


def matter(case_id: str) -> Ref:
    return Ref("case", case_id)


async def row_of(session: Session, case_id: str) -> CaseRow:
    row = await session.get(CaseRow, case_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def move(session: Session, actor: Actor, row: CaseRow, to: CaseState, **values: Any) -> None:
    """Raises `CaseMoved` from any state that does not lead there, or if it moved meanwhile."""
    moved = await session.scalar(
        update(CaseRow)
        .where(CaseRow.id == row.id, CaseRow.state == row.state, CaseRow.state.in_(CASE_MOVES[to]))
        .values(state=to, **values)
        .returning(CaseRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise CaseMoved
    record(
        session,
        access.tag(actor, f"case:{to.value}"),
        actor=access.ref(actor),
        subject=matter(row.id),
        desk=values.get("desk_id", row.desk_id),
    )


async def write(
    session: Session,
    means: LegalMeans,
    actor: Actor,
    case_id: str,
    kind: LetterKind,
    words: str,
    desk_id: str,
    **more: Any,
) -> None:
    """The next letter of the case. Raises `Refused` for one that is too long."""
    if problems := letter_problems(words):
        raise Refused(problems)
    number = await session.scalar(
        update(CaseRow)
        .where(CaseRow.id == case_id)
        .values(letters=CaseRow.letters + 1)
        .returning(CaseRow.letters)
        .execution_options(synchronize_session=False)
    )
    by, letter_id = access.ref(actor), new_id("ltr")
    session.add(
        CaseLetterRow(
            id=letter_id,
            case_id=case_id,
            number=number,
            kind=kind,
            words_sealed=means.texts.seal(words.strip().encode(), letter_id),
            at=clock.now(),
            by_kind=by.kind,
            by_id=by.id,
            desk_id=desk_id,
            **{"lawyer_id": None, "until": None, **more},
        )
    )
    await session.flush()
    tag = access.tag(actor, f"letter:{kind.value}")
    record(session, tag, actor=by, subject=matter(case_id), number=number)


async def tell(session: Session, row: CaseRow, what: str) -> None:
    """The relative who applied, on the telephone; the inmate finds it at the terminal. `what`: once for each."""
    if row.applied_by_kind == "relative":
        key = f"case:{row.id}:{what}"
        await letters.tell(session, row.applied_by_id, "matter-moved", {}, dedupe=key)


async def desks_of(session: Session, actor: Identity) -> list[DeskRow]:
    """Where somebody decides. Raises `Forbidden` for whoever is no counsel with a second factor."""
    if Role.COUNSEL not in actor.roles or not actor.strong:
        raise Forbidden
    mine = actor.subject.id
    rows = await session.scalars(
        select(DeskRow)
        .where(
            or_(
                DeskRow.id.in_(select(DeskStaffRow.desk_id).where(DeskStaffRow.staff_id == mine)),
                DeskRow.id.in_(select(LawyerRow.station_id).where(LawyerRow.staff_id == mine)),
            )
        )
        .order_by(DeskRow.name)
    )
    return list(rows)


async def holder(session: Session, actor: Identity, row: CaseRow, turn: str | None = None) -> DeskRow:
    """The desk at which the actor may decide: the one whose turn it is (`turn`: another than the row's), or
    the one above that took over. Raises `NotFound` for everybody else's cases.
    """
    mine = {desk.id: desk for desk in await desks_of(session, actor)}
    above = await session.scalar(select(MatterClockRow.desk_id).where(MatterClockRow.of("case", row.id)))
    for desk_id in (turn or row.desk_id, above):
        if desk_id in mine:
            return mine[desk_id]
    raise NotFound


async def own_lawyer(session: Session, actor: Identity, row: CaseRow) -> LawyerRow:
    """The lawyer of the case. Raises `NotFound` for all others."""
    lawyer = await access.lawyer(session, actor)
    if row.lawyer_id != lawyer.staff_id:
        raise NotFound
    return lawyer


async def desk_of_kind(session: Session, prison_id: str, kind: DeskKind) -> DeskRow | None:
    return await session.scalar(
        select(DeskRow).where(DeskRow.prison_id == prison_id, DeskRow.kind == kind).order_by(DeskRow.id)
    )


def refuse(problems: list[Reason]) -> None:
    if problems:
        raise Refused(problems)
