"""The centre to which a case goes, by its venue; the one that holds it; and the bureau that set that one up.

A case stays with its centre when its lawyer's station works on it: who asks for another lawyer writes there, and who
ends aid, decides there. It changes only when the matter is handed on (`legalaid.handover`).
"""

from sqlalchemy import select

from core.db import Session
from core.errors import Refused
from legalaid import application, repository, venue
from legalaid.case_file import NoCentre
from legalaid.case_tables import CaseLetterRow, CaseRow
from legalaid.forms import reason
from legalaid.means import LegalMeans
from legalaid.model import Desk, DeskKind
from legalaid.tables import DeskRow


async def of_kind(session: Session, prison_id: str, kind: DeskKind) -> list[Desk]:
    """The widest first."""
    return venue.widest([one for one in await repository.desks(session, prison_id) if one.kind is kind])


async def by_venue(session: Session, prison_id: str, place: str) -> DeskRow:
    """The centre to which a matter of that place belongs. Raises `NoCentre`."""
    found = venue.choose(await of_kind(session, prison_id, DeskKind.CENTRE), place)
    if found is None:
        raise NoCentre
    return await session.get_one(DeskRow, found.id)


async def chosen(session: Session, means: LegalMeans, row: CaseRow, centre_id: str) -> DeskRow:
    """The centre that the station has chosen; where it chose none (""), the one of the venue.

    Raises `NoCentre`, `Refused` for a desk that is no centre of this prison.
    """
    if not centre_id:
        facts = application.unpacked(means.texts.open(row.facts_sealed, row.id))
        return await by_venue(session, row.prison_id, facts.get("place", ""))
    if centre_id not in {one.id for one in await of_kind(session, row.prison_id, DeskKind.CENTRE)}:
        raise Refused([reason("centre_id", "missing", "Please choose a centre.")])
    return await session.get_one(DeskRow, centre_id)


async def of(session: Session, row: CaseRow) -> DeskRow:
    """The centre that holds the case or held it last. Raises `NoCentre`.

    Cases that were forwarded before this was kept (`centre_id` is None) tell it by their letters.
    """
    if row.centre_id is not None:
        return await session.get_one(DeskRow, row.centre_id)
    desk = await session.get_one(DeskRow, row.desk_id)
    if desk.kind == DeskKind.CENTRE:
        return desk
    wrote: DeskRow | None = await session.scalar(
        select(DeskRow)
        .join(CaseLetterRow, CaseLetterRow.desk_id == DeskRow.id)
        .where(CaseLetterRow.case_id == row.id, DeskRow.kind == DeskKind.CENTRE)
        .order_by(CaseLetterRow.number.desc())
        .limit(1)
    )
    return wrote or await by_venue(session, row.prison_id, "")


async def bureau(session: Session, centre: DeskRow) -> DeskRow | None:
    """The bureau of justice that set the centre up (Legal Aid Act art. 49): the one above it; where none stands
    above it, the one whose area the centre's names; else the widest. None where the prison has none."""
    seen, above = {centre.id}, centre.superior_id
    while above is not None and above not in seen:
        seen.add(above)
        desk = await session.get_one(DeskRow, above)
        if desk.kind == DeskKind.BUREAU:
            return desk
        above = desk.superior_id
    bureaus = await of_kind(session, centre.prison_id, DeskKind.BUREAU)
    found = venue.choose(bureaus, f"{centre.name} {centre.area}")
    return None if found is None else await session.get_one(DeskRow, found.id)
