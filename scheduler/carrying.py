"""What goes over when two records of one inmate become one: every row that names the inmate, in one transaction.

    whatever has a foreign key to `inmate`   the key is rewritten; where the kept record has the same already, the row
                                             stays with the old one
    what a personal code guards              goes over closed (generation 0): who merges records cannot read with it
    claims                                   time as it is; the visits of an allowance take the next free numbers
    relationships with one relative          the approved one goes on, bookings and wishes change over to it
    appointments, keep-apart pairs           with their flags, which are named after them

The room of a call that is over keeps who sat in it: it is the record of that day. Recordings hang on their booking.
"""

from collections.abc import Iterator

from sqlalchemy import Column, Table, and_, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from core.db import Base, Session
from core.errors import Reason, Refused
from people.model import LIVE_RELATIONSHIPS, RelationshipState
from people.tables import InmateRow, ProofRow, RelationshipRow
from scheduler import accounts, befalling, places
from scheduler.merge_table import MergeRow
from scheduler.model import ClaimKind
from scheduler.planning_tables import FlagRow, HappeningRow
from scheduler.tables import AccountRow, ClaimRow

AT_ONE_TIME = Reason(
    "visits-at-one-time",
    "Both records have something at the same time. Cancel one of the two first.",
)
_CLOSED = 0  # no personal code has this generation
_CODE = "inmate_key"  # a personal code stays with the record it was set for
_ANOTHER_WAY = frozenset({AccountRow.__tablename__, MergeRow.__tablename__, InmateRow.__tablename__, _CODE})


def naming(table_of: type[Base] = InmateRow) -> Iterator[tuple[Table, Column[str]]]:
    """Every column that names a row of that table by a foreign key."""
    wanted = table_of.metadata.tables[table_of.__tablename__]
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if any(key.column.table is wanted for key in column.foreign_keys):
                yield table, column


async def counts(session: Session, inmate_id: str) -> dict[str, int]:
    """Rows that name this inmate, by table."""
    found: dict[str, int] = {}
    for table, column in naming():
        if table.name in _ANOTHER_WAY:
            continue
        number = await session.scalar(select(func.count()).select_from(table).where(column == inmate_id)) or 0
        found[table.name] = found.get(table.name, 0) + number
    return {name: number for name, number in found.items() if number}


async def carry(session: Session, gone: str, kept: str) -> dict[str, int]:
    """Moves everything from one record to the other; answers how many rows of which table. Raises `Refused` where both
    have something at one time."""
    moved = await counts(session, gone)
    await _relationships(session, gone, kept)
    await _claims(session, gone, kept)
    causes = await _causes(session, gone)
    for table, column in naming():
        if table.name not in _ANOTHER_WAY:
            await _rows(session, table, column, gone, kept)
    await accounts.carry(session, gone, kept)
    await _rename_flags(session, causes)
    session.expire_all()
    return moved


async def _rows(session: Session, table: Table, column: Column[str], gone: str, kept: str) -> None:
    where = column == gone
    if column.primary_key:
        there = table.alias()
        rest = [there.c[key.name] == key for key in table.primary_key if key is not column]
        where = and_(where, ~exists().where(there.c[column.name] == kept, *rest))
    values: dict[str, object] = {column.name: kept}
    if "generation" in table.columns:
        values["generation"] = _CLOSED
    await session.execute(update(table).where(where).values(values))


async def _relationships(session: Session, gone: str, kept: str) -> None:
    """A relative may be on both records: one relationship of the two goes on."""
    live = RelationshipRow.state.in_(LIVE_RELATIONSHIPS)
    rows = (
        await session.scalars(
            select(RelationshipRow).where(RelationshipRow.inmate_id.in_((gone, kept)), live)
        )
    ).all()
    of_kept = {row.relative_id: row for row in rows if row.inmate_id == kept}
    for row in rows:
        other = of_kept.get(row.relative_id)
        if row.inmate_id == kept or other is None:
            continue
        approved = row.state == RelationshipState.APPROVED and other.state != RelationshipState.APPROVED
        ending, staying = (other, row) if approved else (row, other)
        ending.state, ending.reason = RelationshipState.ENDED, "entered-twice"
        await session.flush()
        for table, column in naming(RelationshipRow):
            if table.name != ProofRow.__tablename__:
                await session.execute(
                    update(table).where(column == ending.id).values({column.name: staying.id})
                )


async def _claims(session: Session, gone: str, kept: str) -> None:
    try:
        async with session.begin_nested():
            await session.execute(
                update(ClaimRow)
                .where(ClaimRow.kind == ClaimKind.INMATE, ClaimRow.owner_id == gone)
                .values(owner_id=kept)
                .execution_options(synchronize_session=False)
            )
    except IntegrityError as error:
        raise Refused([AT_ONE_TIME]) from error
    visits = (
        await session.execute(
            select(ClaimRow.owner_id, ClaimRow.number)
            .where(ClaimRow.kind == ClaimKind.ALLOWANCE, ClaimRow.owner_id.startswith(f"{gone}/"))
            .order_by(ClaimRow.owner_id, ClaimRow.number)
        )
    ).all()
    for owner, number in visits:
        await _visit(session, owner, number, f"{kept}/{owner.partition('/')[2]}")


async def _visit(session: Session, owner: str, number: int, to: str) -> None:
    """What was had was had: the number may lie beyond what there is."""
    mine = (ClaimRow.kind == ClaimKind.ALLOWANCE, ClaimRow.owner_id == to)
    taken = (await session.scalars(select(ClaimRow.number).where(*mine))).all()
    key = places.visit_key(to, taken, None)
    assert key is not None  # noqa: S101 - without a limit there is always a next number
    await session.execute(
        update(ClaimRow)
        .where(ClaimRow.kind == ClaimKind.ALLOWANCE, ClaimRow.owner_id == owner, ClaimRow.number == number)
        .values(owner_id=to, number=key[2])
        .execution_options(synchronize_session=False)
    )


async def _causes(session: Session, inmate_id: str) -> dict[str, str]:
    """Happening -> its cause, of those that name this inmate."""
    rows = await session.execute(
        select(HappeningRow.id, HappeningRow.cause).where(
            (HappeningRow.inmate_id == inmate_id) | (HappeningRow.other_id == inmate_id)
        )
    )
    return {row[0]: row[1] for row in rows}


async def _rename_flags(session: Session, causes: dict[str, str]) -> None:
    rows = await session.scalars(
        select(HappeningRow).where(HappeningRow.id.in_(causes)).execution_options(populate_existing=True)
    )
    for row in rows.all():
        row.cause = befalling.as_happening(row).cause
        twin = select(FlagRow.booking_id).where(FlagRow.cause == row.cause)
        await session.execute(
            update(FlagRow)
            .where(FlagRow.cause == causes[row.id], FlagRow.booking_id.not_in(twin))
            .values(cause=row.cause)
            .execution_options(synchronize_session=False)
        )
    await session.flush()
