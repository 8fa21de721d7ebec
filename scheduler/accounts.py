"""The allowance as a ledger: every visit an inmate earned, used, got back or lost is a line (`allowance.What`).

What keeps two relatives from using one visit twice is not this ledger but the claim on it (`places.visit_key`); where
visits are granted and saved (the span `balance`), the guard is the conditional update of the account. The lines tell
why the number is what it is, also below nothing.
"""

from datetime import date

from sqlalchemy import delete, exists, func, select, update

from core import clock
from core.db import Session
from core.errors import Malformed, NotFound, Refused
from core.ids import Ref, new_id
from ledger.record import record
from policy.rulebook import Channel, Span
from scheduler import facts, places
from scheduler.access import DECIDERS, Actor, ref, require, tag
from scheduler.allowance import BALANCE, NOTHING_LEFT, Charge, Line, What, due, worth
from scheduler.facts import Ground
from scheduler.model import BookingView, ClaimKind
from scheduler.tables import AccountRow, AllowanceRow, ClaimRow

_WORDS_LENGTH = 500


class OtherPool(Malformed):
    code = "other-pool"
    text = "Visits of this kind do not share the allowance of this prison."
    status = 422


class WordsMissing(Malformed):
    code = "allowance-words"
    text = "Please say in your words why the number of visits is changed."
    status = 422


async def use(session: Session, ground: Ground, booking: BookingView, period: str) -> None:
    """A pick was confirmed: its visit is used. One that replaces another of the same period uses the other's."""
    inherits = exists().where(AllowanceRow.booking_id == booking.replaces, AllowanceRow.period == period)
    if booking.replaces is not None and await session.scalar(select(inherits)):
        return
    if ground.policy.values.allowance_span is Span.BALANCE:
        await _draw(session, booking.inmate_id, 1, least=0)
        await session.execute(
            delete(ClaimRow)
            .where(ClaimRow.booking_id == booking.id, ClaimRow.kind == ClaimKind.ALLOWANCE)
            .execution_options(synchronize_session=False)
        )
    day = booking.starts_at.astimezone(ground.zone).date()
    _write(session, Line(booking.inmate_id, period, What.USED, -1, day, booking_id=booking.id))


async def _draw(session: Session, inmate_id: str, visits: int, *, least: int) -> None:
    """Takes visits from the account; raises `Refused` where fewer than `least` would be left."""
    drawn = await session.scalar(
        update(AccountRow)
        .where(AccountRow.inmate_id == inmate_id, AccountRow.balance - visits >= least)
        .values(balance=AccountRow.balance - visits)
        .returning(AccountRow.balance)
        .execution_options(synchronize_session=False)
    )
    if drawn is None:
        raise Refused([NOTHING_LEFT])


def _write(session: Session, line: Line) -> None:
    session.add(
        AllowanceRow(
            id=new_id("alw"),
            inmate_id=line.inmate_id,
            period=line.period,
            what=line.what,
            visits=line.visits,
            extra=line.extra,
            day=line.day,
            expires_on=line.expires_on,
            channel=line.channel,
            booking_id=line.booking_id,
            words=line.words,
            made_at=clock.now(),
        )
    )


async def refund(session: Session, booking_id: str) -> None:
    """The visit did not count after all: what it used is given back, once."""
    rows = await session.execute(
        select(
            AllowanceRow.inmate_id,
            AllowanceRow.period,
            func.sum(AllowanceRow.visits),
            func.max(AllowanceRow.day),
        )
        .where(AllowanceRow.booking_id == booking_id)
        .group_by(AllowanceRow.inmate_id, AllowanceRow.period)
    )
    for inmate_id, period, visits, day in rows.all():
        if visits < 0:
            _write(session, Line(inmate_id, period, What.REFUNDED, -visits, day, booking_id=booking_id))
            if period == BALANCE:
                await _pay_in(session, inmate_id, -visits)


async def charge_of(session: Session, booking_id: str) -> Charge:
    visits = await session.scalar(
        select(func.sum(AllowanceRow.visits)).where(AllowanceRow.booking_id == booking_id)
    )
    if visits is None:
        return Charge.FREE
    return Charge.COUNTS if visits < 0 else Charge.GIVEN_BACK


async def _pay_in(session: Session, inmate_id: str, visits: int) -> None:
    await places.insert_new(
        session, AccountRow, [{"inmate_id": inmate_id, "balance": 0}], AccountRow.inmate_id
    )
    await session.execute(
        update(AccountRow)
        .where(AccountRow.inmate_id == inmate_id)
        .values(balance=AccountRow.balance + visits)
        .execution_options(synchronize_session=False)
    )


async def carry(session: Session, gone: str, kept: str) -> None:
    """Two records become one: what the one had is the other's. The lines went over before."""
    row = await session.get(AccountRow, gone)
    if row is not None and row.balance:
        await _pay_in(session, kept, row.balance)
        await _pay_in(session, gone, -row.balance)


async def record_use(
    session: Session, actor: Actor, inmate_id: str, day: date, channel: Channel, words: str = ""
) -> int:
    """A visit by another channel of the pool (on site, from a justice office) that was not booked here: it uses the
    allowance too, if need be below nothing. Answers how many visits it counted for."""
    ground = await facts.ground(session, inmate_id)
    require(actor, ground.prison.id, DECIDERS)
    values = ground.policy.values
    if channel not in values.allowance_pool:
        raise OtherPool
    period = values.period_of(day, ground.inmate.level, convicted=ground.inmate.convicted)
    weight = values.allowance_weights.get(channel, 1)
    if period.key == BALANCE:
        await _pay_in(session, inmate_id, -weight)
    else:
        await _claim_beyond(session, f"{inmate_id}/{period.key}", weight)
    _write(session, Line(inmate_id, period.key, What.USED, -weight, day, channel=channel, words=words))
    _told(session, actor, inmate_id, "used", visits=-weight, channel=channel.value)
    return weight


async def _claim_beyond(session: Session, owner: str, count: int) -> None:
    """Claims the next free numbers, whatever the limit is: what took place took place."""
    taken = set(
        await session.scalars(
            select(ClaimRow.number).where(ClaimRow.kind == ClaimKind.ALLOWANCE, ClaimRow.owner_id == owner)
        )
    )
    while count:
        key = places.visit_key(owner, taken, None)
        if key is not None and await places.claim(session, [key], None):
            count -= 1
        taken |= set() if key is None else {key[2]}


async def adjust(session: Session, actor: Actor, inmate_id: str, visits: int, words: str) -> None:
    """Staff give or take visits where they are saved, down to what the policy allows. The reason is kept."""
    ground = await facts.ground(session, inmate_id)
    require(actor, ground.prison.id, DECIDERS)
    if not visits or not words.strip() or len(words) > _WORDS_LENGTH:
        raise WordsMissing
    if ground.policy.values.allowance_span is not Span.BALANCE:
        raise OtherPool
    await _pay_in(session, inmate_id, 0)
    if visits > 0:
        await _pay_in(session, inmate_id, visits)
    else:
        await _draw(session, inmate_id, -visits, least=ground.policy.values.balance_least)
    day = ground.now.astimezone(ground.zone).date()
    _write(session, Line(inmate_id, BALANCE, What.ADJUSTED, visits, day, words=words))
    _told(session, actor, inmate_id, "adjusted", visits=visits)


def _told(session: Session, actor: Actor, inmate_id: str, what: str, **details: str | int) -> None:
    record(
        session,
        tag(actor, f"allowance:{what}"),
        actor=ref(actor),
        subject=Ref("inmate", inmate_id),
        **details,
    )


async def lines(session: Session, inmate_id: str) -> list[Line]:
    """Every line of the inmate, oldest first; of one instant in the order in which they are written."""
    rows = await session.scalars(select(AllowanceRow).where(AllowanceRow.inmate_id == inmate_id))
    return [
        _line(row)
        for row in sorted(rows, key=lambda row: (row.made_at, _ORDER[What(row.what)], row.extra, row.id))
    ]


_ORDER = {
    what: n for n, what in enumerate((What.EXPIRED, What.EARNED, What.USED, What.REFUNDED, What.ADJUSTED))
}


def _line(row: AllowanceRow) -> Line:
    return Line(
        row.inmate_id, row.period, What(row.what), row.visits, row.day, extra=row.extra, expires_on=row.expires_on,
        channel=row.channel, booking_id=row.booking_id, words=row.words,
    )  # fmt: skip


async def bring_up(session: Session, inmate_id: str) -> int:
    """Grants what is due to this inmate today and lets expire what is over; answers the balance. Doing it again on
    the same day changes nothing."""
    ground = await facts.ground(session, inmate_id)
    values = ground.policy.values
    if values.allowance_span is not Span.BALANCE:
        raise NotFound
    today = ground.now.astimezone(ground.zone).date()
    await _pay_in(session, inmate_id, 0)
    await session.execute(select(AccountRow).where(AccountRow.inmate_id == inmate_id).with_for_update())
    known = [line for line in await lines(session, inmate_id) if line.period == BALANCE]
    for line in due(inmate_id, values, ground.inmate.level, known, today):
        _write(session, line)
        await _pay_in(session, inmate_id, line.visits)
        known = [*known, line]
    return worth(known)
