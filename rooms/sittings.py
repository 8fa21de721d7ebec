"""Sittings: people who meet without a booking. Agreed by the packages above, run by the same rooms.

Confidentiality is fixed when a sitting is agreed and may only become more closed (`close_more`): at once, also
for one that is running: its room is given up and opened anew with the topology of the new confidentiality.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, update

import ledger.record
from core import clock
from core.db import Session
from core.errors import Conflict, NotFound
from core.ids import Ref, new_id, reference
from people import repository as people
from rooms.actions import Action, BookingCancelled, Extended, TopologyClosed
from rooms.agreed import Agreed, Party, SittingState, SittingView
from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import EndReason, RoomRecord, SeatRole, SeatView, Visit
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


# What has a time of its own, so that whoever comes from outside is promised to nobody else. A turn is now.
_TIMED = frozenset({RoomKind.LEGAL, RoomKind.MEDIATION, RoomKind.COUNSELLING})


class PlaceTaken(Conflict):
    code = "place-taken"
    text = (
        "Somebody who takes part, or the terminal, is needed elsewhere at this time. Please choose another."
    )


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
    """Keeps time for those who take part and, where it is known, the terminal; answers the sitting's id.

    It neither uses nor is stopped by an allowance. Raises `PlaceTaken`; `ForbiddenTopologyError` for a kind that
    must not be so open, or for a party that has no seat there.
    """
    topology = Topology(plan.kind, plan.confidentiality)
    for party in plan.parties:
        _check_seat(topology, party)
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
    session.add_all(_party(sitting_id, party) for party in plan.parties)
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


async def hold(session: Session, plan: Plan, holder_id: str) -> bool:
    """Keeps all that `agree` would take under another id, to be given back by `places.release`; False: it is taken."""
    return await places.claim(session, _keys(plan), holder_id)


def _keys(plan: Plan) -> list[places.Key]:
    numbers = ticks(plan.starts_at, plan.starts_at + timedelta(minutes=plan.minutes))
    keys: list[places.Key] = []
    for party in plan.parties:
        if party.role is SeatRole.INMATE:
            keys += places.ticks_of(ClaimKind.INMATE, party.person.id, numbers)
        elif plan.kind in _TIMED:
            keys += places.ticks_of(ClaimKind.VISITOR, party.person.id, numbers)
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


async def join(session: Session, actor: Ref, sitting_id: str, party: Party) -> None:
    """One more who takes part, of what is agreed or runs; nothing where they do already.

    Raises `NotFound` where it is over, `ForbiddenTopologyError` for somebody who has no seat there.
    """
    row = await _row(session, sitting_id)
    if row.state != SittingState.AGREED:
        raise NotFound
    _check_seat(Topology(RoomKind(row.kind), Confidentiality(row.confidentiality)), party)
    known = select(PartyRow.id).where(
        PartyRow.sitting_id == sitting_id, PartyRow.person_id == party.person.id
    )
    if await session.scalar(known) is None:
        session.add(_party(sitting_id, party))
        await session.flush()
        _enter(session, actor, "joined", sitting_id, role=party.role.value)


def _check_seat(topology: Topology, party: Party) -> None:
    if party.role is SeatRole.MONITOR or topology.power(party.role) is None:
        raise ForbiddenTopologyError(f"{party.role} in {topology.kind}")


def _party(sitting_id: str, party: Party) -> PartyRow:
    return PartyRow(
        id=new_id("prt"),
        sitting_id=sitting_id,
        role=party.role.value,
        person_kind=party.person.kind,
        person_id=party.person.id,
        name=party.name,
    )


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


async def of_person(session: Session, person: Ref) -> list[SittingView]:
    """Those in which somebody takes part and that are not over, the next one first."""
    mine = select(PartyRow.sitting_id).where(
        PartyRow.person_kind == person.kind, PartyRow.person_id == person.id
    )
    rows = await session.scalars(
        select(SittingRow)
        .where(
            SittingRow.id.in_(mine), SittingRow.state == SittingState.AGREED, SittingRow.ends_at > clock.now()
        )
        .order_by(SittingRow.starts_at)
    )
    return await _views(session, rows.all())


async def on_day(session: Session, prison_id: str, since: datetime, until: datetime) -> list[SittingView]:
    """Those of a prison that begin in between, turns of a help day and the platform's own proofs left out."""
    rows = await session.scalars(
        select(SittingRow)
        .where(
            SittingRow.prison_id == prison_id,
            SittingRow.kind.in_([kind.value for kind in _TIMED]),
            SittingRow.starts_at >= since,
            SittingRow.starts_at < until,
        )
        .order_by(SittingRow.starts_at, SittingRow.id)
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


async def changes(
    session: Session, visit: Visit, seats: Sequence[SeatView]
) -> Sequence[Action | TopologyClosed]:
    """What happened meanwhile to the sitting of a running room.

    Somebody who joined has no seat there, and the others no lines for them: it is opened anew, as for a status.
    """
    row = await _row(session, visit.about.id)
    if row.state != SittingState.AGREED:
        return [BookingCancelled()]
    parties = await session.scalars(select(PartyRow.person_id).where(PartyRow.sitting_id == row.id))
    joined = set(parties) - {seat.person.id for seat in seats}
    if joined or row.confidentiality != visit.confidentiality:
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
    for sitting_id, met in parties.items():
        parties[sitting_id] = [await _related(session, one, met) for one in met]
    rooms = await session.scalars(
        select(RoomRow).where(RoomRow.sitting_id.in_(ids)).execution_options(populate_existing=True)
    )
    by_sitting = {room.sitting_id: room for room in rooms}
    return [_view(row, parties.get(row.id, []), by_sitting.get(row.id)) for row in rows]


async def _related(session: Session, party: Party, met: Sequence[Party]) -> Party:
    """A relative with their kinship and its proof: what the officer compares the face with."""
    inmate = next((one.person.id for one in met if one.role is SeatRole.INMATE), "")
    if party.role is not SeatRole.RELATIVE:
        return party
    held = await people.relationship(session, party.person.id, inmate)
    return replace(party, kinship=held.kinship.value, relationship_id=held.id) if held is not None else party


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
