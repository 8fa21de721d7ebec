"""Sittings: people who meet without a booking. Agreed by the packages above, run by the same rooms.

Confidentiality is fixed when a sitting is agreed and may only become more closed (`close_more`): at once, also
for one that is running: its room is given up and opened anew with the topology of the new confidentiality.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

import ledger.record
from core import clock
from core.db import Session
from core.errors import Conflict, NotFound
from core.ids import Ref, new_id, reference
from rooms.actions import Action, BookingCancelled, Extended, TopologyClosed
from rooms.agreed import Agreed, Party, SittingState, SittingView
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import EndReason, RoomRecord, SeatRole, Visit
from rooms.powers import ForbiddenTopologyError, Topology
from rooms.tables import PartyRow, RoomRow, SittingRow
from scheduler import places
from scheduler.model import ClaimKind, ticks

_SIDES = {
    "counsel": "counsel",
    "officer": "officer",
    "admin": "admin",
    "inmate": "inmate",
    "relative": "family",
}


class PlaceTaken(Conflict):
    code = "place-taken"
    text = "The inmate or the terminal is needed elsewhere at this time. Please choose another."


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be agreed. `matter`: what it is held for; `early`: how long before its start it opens."""

    kind: RoomKind
    confidentiality: Confidentiality
    basis: str
    matter: Ref
    prison_id: str
    parties: Sequence[Party]
    starts_at: datetime
    ends_at: datetime
    minutes: int
    terminal_id: str | None = None
    early: timedelta = timedelta(0)


async def agree(session: Session, actor: Ref, plan: Plan) -> str:
    """Keeps time for the inmate and, where it is known, the terminal; answers the sitting's id.

    It neither uses nor is stopped by an allowance. Raises `PlaceTaken`; `ForbiddenTopologyError` for a kind that
    must not be so open, or for a party that has no seat there.
    """
    topology = Topology(plan.kind, plan.confidentiality)
    for party in plan.parties:
        if party.role is SeatRole.MONITOR or topology.power(party.role) is None:
            raise ForbiddenTopologyError(f"{party.role} in {plan.kind}")
    sitting_id = new_id("sit")
    if not await places.claim(session, _keys(plan), sitting_id):
        raise PlaceTaken
    session.add(
        SittingRow(
            id=sitting_id,
            reference=reference(),
            kind=plan.kind.value,
            confidentiality=plan.confidentiality.value,
            basis=plan.basis,
            matter_kind=plan.matter.kind,
            matter_id=plan.matter.id,
            prison_id=plan.prison_id,
            terminal_id=plan.terminal_id,
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
            opens_at=plan.starts_at - plan.early,
            minutes=plan.minutes,
            state=SittingState.AGREED.value,
            agreed_at=clock.now(),
        )
    )
    await session.flush()
    for party in plan.parties:
        session.add(
            PartyRow(
                id=new_id("prt"),
                sitting_id=sitting_id,
                role=party.role.value,
                person_kind=party.person.kind,
                person_id=party.person.id,
                name=party.name,
            )
        )
    await session.flush()
    _enter(
        session,
        actor,
        "agreed",
        sitting_id,
        kind=plan.kind.value,
        confidentiality=plan.confidentiality.value,
        basis=plan.basis,
    )
    return sitting_id


def _keys(plan: Plan) -> list[places.Key]:
    numbers = ticks(plan.starts_at, plan.starts_at + timedelta(minutes=plan.minutes))
    keys = [key for p in plan.parties if p.role is SeatRole.INMATE
            for key in places.ticks_of(ClaimKind.INMATE, p.person.id, numbers)]  # fmt: skip
    if plan.terminal_id is not None:
        keys += places.ticks_of(ClaimKind.TERMINAL, plan.terminal_id, numbers)
    return keys


async def close_more(
    session: Session, actor: Ref, sitting_id: str, confidentiality: Confidentiality, basis: str
) -> bool:
    """Makes it more closed; False: it is so closed already, or over. It can never be opened again."""
    more_open = [c.value for c in Confidentiality if c.closedness < confidentiality.closedness]
    row = await _row(session, sitting_id)
    Topology(RoomKind(row.kind), confidentiality)
    changed = await session.scalar(
        update(SittingRow)
        .where(
            SittingRow.id == sitting_id,
            SittingRow.state == SittingState.AGREED,
            SittingRow.confidentiality.in_(more_open),
        )
        .values(confidentiality=confidentiality.value, basis=basis)
        .returning(SittingRow.id)
        .execution_options(synchronize_session=False)
    )
    if changed is not None:
        _enter(session, actor, "closed-more", sitting_id, confidentiality=confidentiality.value, basis=basis)
    return changed is not None


async def extend(session: Session, actor: Ref, sitting_id: str, minutes: int) -> None:
    """`minutes` more for one that is not over. Raises `NotFound`."""
    longer = timedelta(minutes=minutes)
    row = await _row(session, sitting_id)
    changed = await session.scalar(
        update(SittingRow)
        .where(SittingRow.id == sitting_id, SittingRow.state == SittingState.AGREED)
        .values(minutes=row.minutes + minutes, ends_at=row.ends_at + longer)
        .returning(SittingRow.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise NotFound
    _enter(session, actor, "extended", sitting_id, minutes=minutes)


async def cancel(session: Session, actor: Ref, sitting_id: str, basis: str) -> bool:
    """Does not take place, or ends now. False: it is over already."""
    changed = await _leave(session, sitting_id, SittingState.CANCELLED)
    if changed:
        _enter(session, actor, "cancelled", sitting_id, basis=basis)
    return changed


async def complete(session: Session, sitting_id: str, record: RoomRecord) -> None:
    """Its room has ended."""
    if record.end_reason is not EndReason.CANCELLED:
        await _leave(session, sitting_id, SittingState.OVER)


async def _leave(session: Session, sitting_id: str, to: SittingState) -> bool:
    changed = await session.scalar(
        update(SittingRow)
        .where(SittingRow.id == sitting_id, SittingRow.state == SittingState.AGREED)
        .values(state=to.value)
        .returning(SittingRow.id)
        .execution_options(synchronize_session=False)
    )
    if changed is not None:
        await places.release(session, sitting_id)
    return changed is not None


def _enter(session: Session, actor: Ref, what: str, sitting_id: str, **details: str | int) -> None:
    side = _SIDES.get(actor.kind, "system")
    subject = Ref("sitting", sitting_id)
    ledger.record.record(session, f"{side}:sitting:{what}", actor=actor, subject=subject, **details)


async def _row(session: Session, sitting_id: str) -> SittingRow:
    row = await session.get(SittingRow, sitting_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def get(session: Session, sitting_id: str) -> SittingView:
    """Raises `NotFound`."""
    return (await _views(session, [await _row(session, sitting_id)]))[0]


async def of_matter(session: Session, matter: Ref) -> list[SittingView]:
    """All that were agreed for it, the first one first."""
    where = (SittingRow.matter_kind == matter.kind, SittingRow.matter_id == matter.id)
    rows = await session.scalars(select(SittingRow).where(*where).order_by(SittingRow.id))
    return await _views(session, rows.all())


async def at_terminal(session: Session, terminal_id: str, until: datetime) -> list[SittingView]:
    """Those agreed at this terminal that begin before `until` and are not over, the next one first."""
    rows = await session.scalars(
        select(SittingRow)
        .where(
            SittingRow.terminal_id == terminal_id,
            SittingRow.state == SittingState.AGREED,
            SittingRow.starts_at < until,
            SittingRow.ends_at > clock.now(),
        )
        .order_by(SittingRow.starts_at)
    )
    return await _views(session, rows.all())


async def due(session: Session, now: datetime) -> list[str]:
    """Whose room should be open now."""
    rows = await session.scalars(
        select(SittingRow.id).where(
            SittingRow.state == SittingState.AGREED,
            SittingRow.opens_at <= now,
            SittingRow.ends_at > now,
            SittingRow.kind != RoomKind.CANARY,  # opened by its own node alone
        )
    )
    return list(rows)


async def missed(session: Session, before: datetime) -> list[str]:
    """Those that should have ended before that moment and never did."""
    rows = await session.scalars(
        select(SittingRow.id).where(SittingRow.state == SittingState.AGREED, SittingRow.ends_at < before)
    )
    return list(rows)


async def changes(session: Session, visit: Visit) -> Sequence[Action | TopologyClosed]:
    """What happened meanwhile to the sitting of a running room."""
    row = await _row(session, visit.about.id)
    if row.state != SittingState.AGREED:
        return [BookingCancelled()]
    if row.confidentiality != visit.confidentiality:
        return [TopologyClosed()]
    if row.minutes * 60 != visit.granted:
        return [Extended(row.minutes * 60.0, row.ends_at)]
    return []


async def _views(session: Session, rows: Sequence[SittingRow]) -> list[SittingView]:
    ids = [row.id for row in rows]
    found = await session.scalars(select(PartyRow).where(PartyRow.sitting_id.in_(ids)).order_by(PartyRow.id))
    parties: dict[str, list[Party]] = {}
    for party in found:
        who = Ref(party.person_kind, party.person_id)
        parties.setdefault(party.sitting_id, []).append(Party(SeatRole(party.role), who, party.name))
    rooms = await session.scalars(
        select(RoomRow).where(RoomRow.sitting_id.in_(ids)).execution_options(populate_existing=True)
    )
    by_sitting = {room.sitting_id: room for room in rooms}
    return [_view(row, parties.get(row.id, []), by_sitting.get(row.id)) for row in rows]


def _view(row: SittingRow, parties: list[Party], room: RoomRow | None) -> SittingView:
    inmate = next((party.name for party in parties if party.role is SeatRole.INMATE), "")
    agreed = Agreed(
        about=Ref("sitting", row.id),
        reference=row.reference,
        kind=RoomKind(row.kind),
        confidentiality=Confidentiality(row.confidentiality),
        prison_id=row.prison_id,
        scope_id=row.prison_id,
        inmate_name=inmate,
        terminal_id=row.terminal_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        opens_at=row.opens_at,
        minutes=row.minutes,
        parties=tuple(parties),
    )
    return SittingView(
        agreed=agreed,
        basis=row.basis,
        matter=Ref(row.matter_kind, row.matter_id),
        state=SittingState(row.state),
        end_reason=(room.end_reason or "") if room else "",
        live_at=room.live_at if room else None,
        ended_at=room.ended_at if room else None,
        used_ms=room.used_ms if room else 0,
    )
