"""The video room of a turn: agreed when the lawyer begins it, longer when it runs over, over when the turn is."""

from datetime import timedelta

from sqlalchemy import select

from core import clock
from core.db import Session
from core.ids import Ref
from legalaid import access
from legalaid.confidential import TURN
from legalaid.model import AtDesk, HelpDay, TurnState
from legalaid.tables import TurnRow
from people import repository as people
from people.model import Identity
from rooms import sittings
from rooms.agreed import Party, SittingState, SittingView
from rooms.confidentiality import RoomKind
from rooms.model import SeatRole
from rooms.sittings import Plan

_ON_THE_WAY = timedelta(minutes=15)  # for whoever is still being brought: nothing of it is talking time


def matter(turn_id: str) -> Ref:
    return Ref("turn", turn_id)


async def open_for(session: Session, actor: Identity, turn: TurnRow, day: HelpDay, minutes: int = 0) -> str:
    """Agrees a room for the lawyer and the inmate, from now on; 0: for as long as the turn is planned.

    Raises `rooms.sittings.PlaceTaken`: the inmate is in a visit just now.
    """
    minutes = minutes or turn.minutes
    inmate = await people.inmate(session, turn.inmate_id)
    now = clock.now()
    plan = Plan(
        kind=RoomKind.TURN,
        confidentiality=TURN.confidentiality,
        basis=TURN.basis,
        matter=matter(turn.id),
        prison_id=day.prison_id,
        parties=(
            Party(SeatRole.COUNSEL, actor.subject, actor.name),
            Party(SeatRole.INMATE, Ref("inmate", turn.inmate_id), inmate.name if inmate else ""),
        ),
        starts_at=now,
        ends_at=now + timedelta(minutes=minutes) + _ON_THE_WAY,
        minutes=minutes,
    )
    return await sittings.agree(session, actor.subject, plan)


async def close(session: Session, actor: access.Actor, turn_id: str, why: str) -> None:
    """Ends the room, if there is one and it is not over."""
    for sitting in await sittings.of_matter(session, matter(turn_id)):
        if sitting.state is SittingState.AGREED:
            await sittings.cancel(session, access.ref(actor), sitting.id, why)


async def longer(session: Session, actor: Identity, turn: TurnRow, day: HelpDay, minutes: int) -> None:
    """`minutes` more; where the room was over already, a new one of that length."""
    present = await of(session, turn.id)
    if present is not None and present.state is SittingState.AGREED:
        await sittings.extend(session, actor.subject, present.id, minutes)
    else:
        await open_for(session, actor, turn, day, minutes)


async def of(session: Session, turn_id: str) -> SittingView | None:
    """The turn's room: the one that is open, else the last one."""
    found = await sittings.of_matter(session, matter(turn_id))
    chosen = [one for one in found if one.state is SittingState.AGREED] or found
    return chosen[-1] if chosen else None


async def waiting_for(session: Session, desk: AtDesk) -> SittingView | None:
    """The room in which a lawyer waits for the inmate at this terminal."""
    turn_id = await session.scalar(
        select(TurnRow.id)
        .where(TurnRow.inmate_id == desk.inmate_id, TurnRow.state == TurnState.RUNNING)
        .order_by(TurnRow.began_at.desc())
        .limit(1)
    )
    found = await of(session, turn_id) if turn_id else None
    return found if found is not None and found.state is SittingState.AGREED else None
