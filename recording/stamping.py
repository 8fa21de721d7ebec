"""Having each sealed day stamped by the authority that is configured (`recording.timestamp`).

The authority may be away for days: what it has not stamped yet is asked for again at the next run, oldest first.
"""

import asyncio
import logging
from datetime import datetime
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import Request, urlopen

from sqlalchemy import select, update

import ledger.record
from core import placing
from core.db import Database
from core.ids import SYSTEM, Ref
from core.log import fields
from core.settings import Settings
from recording import days, timestamp
from recording.tables import DayRow

log = logging.getLogger(__name__)

_TIMEOUT = 20  # seconds
_LARGEST = 1 << 20  # bytes of an answer; real ones have 2-10 thousand


async def stamp_days(db: Database, settings: Settings) -> int:
    """Answers how many days were stamped. Without an authority it does nothing; may run twice at once."""
    if not settings.timestamp_url or settings.timestamp_roots is None:
        return 0
    roots = await asyncio.to_thread(timestamp.read_roots, settings.timestamp_roots)
    async with db.read() as session:
        rows = (
            await session.execute(
                select(DayRow.day, DayRow.content).where(DayRow.stamp.is_(None)).order_by(DayRow.day)
            )
        ).all()
    done = 0
    for name, content in rows:
        try:
            answer, at = await asyncio.to_thread(_ask, settings.timestamp_url, content.encode(), roots)
        except (URLError, TimeoutError, ValueError) as error:
            log.warning("x time stamp %s", fields(day=name, why=str(error)))
            break  # the others would fare no better; the next run begins with this day again
        done += await _keep(db, name, answer, at)
    await _export_missing(db, settings)
    return done


async def unstamped(db: Database) -> int:
    """How many sealed days no authority has stamped."""
    async with db.read() as session:
        return len((await session.scalars(select(DayRow.day).where(DayRow.stamp.is_(None)))).all())


def _ask(url: str, content: bytes, roots: timestamp.Roots) -> tuple[bytes, datetime]:
    """The answer, and the time in it. Raises `URLError`, `TimeoutError`, and `ValueError` for one of no use."""
    question = timestamp.question(content)
    request = Request(  # noqa: S310 - the scheme is checked with the settings
        url, question.as_bytes(), {"Content-Type": "application/timestamp-query"}
    )
    with urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310 - as above
        if response.status != HTTPStatus.OK:
            raise ValueError(f"the authority answered {response.status}")
        answer = response.read(_LARGEST)
    return answer, timestamp.check(answer, content, roots, nonce=question.nonce)


async def _keep(db: Database, name: str, answer: bytes, at: datetime) -> bool:
    async with db.write() as session:
        kept = await session.scalar(
            update(DayRow)
            .where(DayRow.day == name, DayRow.stamp.is_(None))
            .values(stamp=answer)
            .returning(DayRow.day)
        )
        if kept is None:
            return False  # another worker was first
        stamped = at.isoformat(timespec="seconds")
        ledger.record.record(
            session, "system:day:stamped", actor=SYSTEM, subject=Ref("day", name), stamped_at=stamped
        )
    return True


async def _export_missing(db: Database, settings: Settings) -> None:
    home = days.home(settings.data_dir)
    have = {path.name.removesuffix(timestamp.STAMP) for path in home.glob("*" + timestamp.STAMP)}
    async with db.read() as session:
        rows = (
            await session.execute(select(DayRow.day, DayRow.stamp).where(DayRow.stamp.is_not(None)))
        ).all()
    for name, stamp in rows:
        if name not in have and stamp is not None:
            await asyncio.to_thread(placing.place, home / f"{name}{timestamp.STAMP}", [stamp])
