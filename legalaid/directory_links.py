"""Whose an entry of the directory is in this installation: who is asked by name is reached through it.

An entry is linked with a lawyer of a station or with a station. A question asked by that name goes to that station,
is planned with that lawyer where it can be, and stands first on the lawyer's page. An entry without a link, or of
another prison's, is asked through the prison's own station, which sees the name and the telephone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import access
from legalaid.directory_tables import DirectoryEntryRow, DirectoryLinkRow
from legalaid.model import DeskKind
from legalaid.tables import DeskRow, LawyerRow
from people.model import Identity
from people.tables import StaffRow


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an entry can be linked with. `ref`: kind "lawyer" or "desk"."""

    ref: Ref
    name: str


async def targets(session: Session, prison_id: str) -> list[Target]:
    """The stations of a prison and their lawyers."""
    stations = await session.execute(
        select(DeskRow.id, DeskRow.name)
        .where(DeskRow.prison_id == prison_id, DeskRow.kind == DeskKind.STATION)
        .order_by(DeskRow.name, DeskRow.id)
    )
    lawyers = await session.execute(
        select(LawyerRow.staff_id, StaffRow.name)
        .join(StaffRow, StaffRow.id == LawyerRow.staff_id)
        .join(DeskRow, DeskRow.id == LawyerRow.station_id)
        .where(DeskRow.prison_id == prison_id, StaffRow.active)
        .order_by(StaffRow.name, StaffRow.id)
    )
    return [
        *(Target(Ref("desk", key), name) for key, name in stations.all()),
        *(Target(Ref("lawyer", key), name) for key, name in lawyers.all()),
    ]


async def link(session: Session, actor: Identity, prison_id: str, entry_id: str, target: Ref | None) -> None:
    """Links an entry with a lawyer or a station of that prison, or with nobody (None). For its administrators.

    Raises `NotFound`, `Forbidden`.
    """
    access.admin_of(actor, prison_id)
    if await session.get(DirectoryEntryRow, entry_id) is None:
        raise NotFound
    if target is not None and target not in [one.ref for one in await targets(session, prison_id)]:
        raise NotFound
    await session.execute(delete(DirectoryLinkRow).where(DirectoryLinkRow.entry_id == entry_id))
    if target is not None:
        session.add(
            DirectoryLinkRow(
                entry_id=entry_id,
                staff_id=target.id if target.kind == "lawyer" else None,
                desk_id=target.id if target.kind == "desk" else None,
                linked_at=clock.now(),
            )
        )
    await session.flush()
    subject = Ref("directory-entry", entry_id)
    to = target.id if target else ""
    record(session, "admin:directory:linked", actor=actor.subject, subject=subject, to=to)


async def linked(session: Session, entry_ids: Sequence[str]) -> dict[str, Ref]:
    """Entry id -> whom it is linked with; one without a link is not in it."""
    rows = await session.scalars(select(DirectoryLinkRow).where(DirectoryLinkRow.entry_id.in_(entry_ids)))
    return {
        row.entry_id: Ref("lawyer", row.staff_id) if row.staff_id else Ref("desk", row.desk_id or "")
        for row in rows
    }


async def lawyers(session: Session, entry_ids: Iterable[str]) -> dict[str, str]:
    """Entry id -> the lawyer it is linked with."""
    found = await linked(session, list(entry_ids))
    return {entry_id: ref.id for entry_id, ref in found.items() if ref.kind == "lawyer"}


async def station_of(session: Session, entry_id: str | None, prison_id: str) -> DeskRow | None:
    """The station of that prison to which a question asked by this name goes; None: the prison's own choice."""
    row = await session.get(DirectoryLinkRow, entry_id) if entry_id else None
    if row is None:
        return None
    lawyer = await session.get(LawyerRow, row.staff_id) if row.staff_id else None
    station = await session.get(DeskRow, lawyer.station_id if lawyer else row.desk_id)
    fits = station is not None and station.prison_id == prison_id and station.kind == DeskKind.STATION
    return station if fits else None


async def asked_for(session: Session, lawyer_id: str) -> set[str]:
    """The entries by whose name this lawyer is asked."""
    query = select(DirectoryLinkRow.entry_id).where(DirectoryLinkRow.staff_id == lawyer_id)
    return set(await session.scalars(query))
