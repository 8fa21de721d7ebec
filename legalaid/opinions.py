"""The question after each turn: did it help? One touch, no words, no name beside it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from ledger.record import record
from legalaid import access, personal
from legalaid.model import AtDesk, TurnState
from legalaid.opinion_table import OpinionRow
from legalaid.tables import HelpDayRow, TurnRow


class Helped(StrEnum):
    YES = "yes"
    PARTLY = "partly"
    NO = "no"


async def owed(session: Session, desk: AtDesk) -> str | None:
    """The inmate's last turn that is over and was not spoken about yet."""
    turn_id: str | None = await session.scalar(
        select(TurnRow.id)
        .outerjoin(OpinionRow, OpinionRow.turn_id == TurnRow.id)
        .where(
            TurnRow.inmate_id == desk.inmate_id,
            TurnRow.state == TurnState.DONE,
            OpinionRow.turn_id.is_(None),
        )
        .order_by(TurnRow.ended_at.desc())
        .limit(1)
    )
    return turn_id


async def say(session: Session, desk: AtDesk, turn_id: str, helped: Helped) -> None:
    """Only the inmate's own turn, only the present code; said again, the last word counts. Raises `NotFound`."""
    turn = await session.get(TurnRow, turn_id)
    if turn is None or turn.inmate_id != desk.inmate_id or not await personal.still(session, desk):
        raise NotFound
    row = await session.get(OpinionRow, turn_id)
    if row is None:
        session.add(OpinionRow(turn_id=turn_id, helped=helped.value, said_at=clock.now()))
    else:
        row.helped, row.said_at = helped.value, clock.now()
    await session.flush()
    record(session, "inmate:turn:judged", actor=access.ref(desk), subject=Ref("turn", turn_id))


async def count(session: Session, station_id: str, since: datetime) -> Mapping[Helped, int]:
    """How many said what of the station's turns since then."""
    found = await session.execute(
        select(OpinionRow.helped, func.count())
        .join(TurnRow, TurnRow.id == OpinionRow.turn_id)
        .join(HelpDayRow, HelpDayRow.id == TurnRow.help_day_id)
        .where(HelpDayRow.station_id == station_id, OpinionRow.said_at >= since)
        .group_by(OpinionRow.helped)
    )
    said: Iterable[tuple[str, int]] = ((row[0], row[1]) for row in found)
    return {Helped.YES: 0, Helped.PARTLY: 0, Helped.NO: 0} | {Helped(what): number for what, number in said}
