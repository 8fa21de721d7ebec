"""Suspensions: visits of a relative, of an inmate, or of the two together, from a day to a day; looked at again in
time, and lifted when there is no reason any more (rules F7)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Malformed, NotFound
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from people import repository as people
from policy import repository as policies
from scheduler.access import tag
from scheduler.tables import BanRow, PrisonRow

_WORDS_LENGTH = 500


class DaysReversed(Malformed):
    code = "days-reversed"
    text = "The last day lies before the first."
    status = 422


class NobodyNamed(Malformed):
    code = "nobody-named"
    text = "Please say whom it is about: a relative, an inmate, or both."
    status = 422


class WrongLength(Malformed):
    code = "suspension-length"
    text = "By the rules a suspension lasts from {least} to {most} days."
    status = 422


class WhyMissing(Malformed):
    code = "suspension-words"
    text = "Please say in your words why visits are suspended."
    status = 422


@dataclass(frozen=True, slots=True)
class Suspension:
    """One that stands. `relative_id` or `inmate_id` None: whoever it is. `review_by`: when to look at it again."""

    id: str
    relative_id: str | None
    inmate_id: str | None
    first_day: date
    last_day: date
    words: str
    made_by: Ref
    review_by: datetime


def check_words(words: str) -> None:
    """Raises `WhyMissing`."""
    if not words.strip() or len(words) > _WORDS_LENGTH:
        raise WhyMissing(field="words")


async def _check_length(session: Session, prison_id: str, days: int) -> None:
    values = (await policies.current(session, prison_id, clock.now())).values
    least, most = values.suspension_least_days, values.suspension_most_days
    if not least <= days <= most:
        raise WrongLength(field="days", least=least, most=most)


async def standing(session: Session, prison_id: str, today: date) -> list[Suspension]:
    """Those that are not over and were not lifted, the one to be looked at next first."""
    rows = await session.scalars(
        select(BanRow).where(
            BanRow.prison_id == prison_id, BanRow.lifted_at.is_(None), BanRow.last_day >= today
        )
    )
    review = timedelta(days=(await policies.current(session, prison_id, clock.now())).values.review_days)
    found = [
        Suspension(
            row.id, row.relative_id, row.inmate_id, row.first_day, row.last_day, row.words,
            Ref(row.made_by_kind, row.made_by_id), row.made_at + review,
        )
        for row in rows
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.review_by, one.id))


async def ban(
    session: Session,
    actor: Ref,
    prison_id: str,
    first_day: date,
    last_day: date,
    words: str,
    *,
    relative_id: str | None = None,
    inmate_id: str | None = None,
) -> str:
    """Suspends a relative, an inmate, or the two together, from a day to a day, both included (rules F7).

    What is booked already is not touched: an officer decides on each. Raises `WrongLength` for a suspension shorter or
    longer than the rules allow; one that the platform itself makes has its length from them.
    """
    if last_day < first_day:
        raise DaysReversed
    if actor != SYSTEM:
        await _check_length(session, prison_id, (last_day - first_day).days + 1)
    await _check_whom(session, prison_id, relative_id, inmate_id)
    row = BanRow(
        id=new_id("ban"),
        prison_id=prison_id,
        relative_id=relative_id,
        inmate_id=inmate_id,
        first_day=first_day,
        last_day=last_day,
        words=words,
        made_by_kind=actor.kind,
        made_by_id=actor.id,
        made_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    record(
        session,
        tag(actor, "visits:suspended"),
        actor=actor,
        subject=Ref("ban", row.id),
        relative=relative_id,
        inmate=inmate_id,
        last_day=last_day.isoformat(),
    )
    return row.id


async def _check_whom(
    session: Session, prison_id: str, relative_id: str | None, inmate_id: str | None
) -> None:
    if relative_id is None and inmate_id is None:
        raise NobodyNamed
    if await session.get(PrisonRow, prison_id) is None:
        raise NotFound
    if relative_id is not None and await people.relative(session, relative_id) is None:
        raise NotFound
    inmate = None if inmate_id is None else await people.inmate(session, inmate_id)
    if inmate_id is not None and (inmate is None or inmate.prison_id != prison_id):
        raise NotFound


async def lift_ban(session: Session, actor: Ref, ban_id: str) -> None:
    """Ends a suspension at once; raises `Conflict` when it was ended before."""
    lifted = await session.scalar(
        update(BanRow)
        .where(BanRow.id == ban_id, BanRow.lifted_at.is_(None))
        .values(lifted_at=clock.now())
        .returning(BanRow.id)
        .execution_options(synchronize_session=False)
    )
    if lifted is None:
        raise Conflict if await session.get(BanRow, ban_id) else NotFound
    record(session, tag(actor, "visits:readmitted"), actor=actor, subject=Ref("ban", ban_id))
