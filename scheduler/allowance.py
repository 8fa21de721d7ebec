"""How visits are earned, expire and add up, where they are granted and saved (the span `balance`). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from core.errors import Reason
from policy.model import FamilyPolicy

BALANCE = "balance"  # the key of the one period of that span
NOTHING_LEFT = Reason("allowance-used", "No visit is left. More are granted as time goes by.")


class What(StrEnum):
    EARNED = "earned"
    USED = "used"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    ADJUSTED = "adjusted"  # by staff, with a reason


class Charge(StrEnum):
    """What one visit costs of the visits allowed."""

    COUNTS = "counts"
    GIVEN_BACK = "given-back"
    FREE = "free"  # visits of its kind, or at its time, use none


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an inmate's allowance: `visits` is what the balance changes by. `extra`: privileged visits.
    `expires_on`: the first day on which what was earned is worth nothing."""

    inmate_id: str
    period: str
    what: What
    visits: int
    day: date
    extra: bool = False
    expires_on: date | None = None
    channel: str = ""
    booking_id: str | None = None
    words: str = ""


def worth(lines: Iterable[Line]) -> int:
    """The balance; it may lie below nothing."""
    return sum(line.visits for line in lines)


def due(inmate_id: str, policy: FamilyPolicy, level: str, lines: Sequence[Line], today: date) -> list[Line]:
    """What is to be written today: first what expires, then what is granted. `lines`: those of the span, in order."""
    expired = _expired(inmate_id, lines, today)
    return [*expired, *_granted(inmate_id, policy, level, [*lines, *expired], today)]


def _expired(inmate_id: str, lines: Sequence[Line], today: date) -> list[Line]:
    """What was earned is used in the order in which it was earned; what is left of it on its day is lost."""
    spent = -sum(line.visits for line in lines if line.what in (What.USED, What.REFUNDED))
    lost = 0
    for lot in lines:
        if lot.what is not What.EARNED:
            continue
        used = min(lot.visits, max(0, spent))
        spent -= used
        if lot.expires_on is not None and lot.expires_on <= today:
            lost += lot.visits - used
    more = lost + sum(line.visits for line in lines if line.what is What.EXPIRED)
    return [Line(inmate_id, BALANCE, What.EXPIRED, -more, today)] if more > 0 else []


def _granted(
    inmate_id: str, policy: FamilyPolicy, level: str, lines: Sequence[Line], today: date
) -> list[Line]:
    """Privileged visits ride on an ordinary grant: on a day without one none are granted, however long ago the
    last ones were."""
    grant = policy.grant(level)
    if grant is None or not _over(lines, today, grant.every_days, extra=False):
        return []
    room = policy.balance_most - worth(lines)
    expires = today + timedelta(days=policy.grants_expire_days)

    def lot(visits: int, *, extra: bool) -> Line:
        return Line(inmate_id, BALANCE, What.EARNED, visits, today, extra=extra, expires_on=expires)

    granted = [lot(min(grant.visits, max(0, room)), extra=False)]
    if grant.extra and _over(lines, today, grant.extra_every_days, extra=True):
        granted.append(lot(min(grant.extra, max(0, room - granted[0].visits)), extra=True))
    return granted


def _over(lines: Iterable[Line], today: date, days: int, *, extra: bool) -> bool:
    """Whether the last grant of this kind lies `days` back, or there was none."""
    given = [line.day for line in lines if line.what is What.EARNED and line.extra is extra]
    return not given or (today - max(given)).days >= days
