"""Which clocks there are: how long, by which rule, when yellow, and what the next desk gets. Pure data.

Lengths are those of the law or of this product (`basis`); `second` is the deadline that the desk above gets
when the first one passed, unless a person sets another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from policy.deadlines import Period, Rule, Unit
from policy.lights import Threshold

_QUARTER = Threshold(fraction=0.25)


@dataclass(frozen=True, slots=True)
class Promise:
    """A kind of clock. Raises `ValueError` where the light could be yellow from the first moment."""

    code: str
    period: Period
    threshold: Threshold
    second: Period
    basis: str

    def __post_init__(self) -> None:
        if not self.threshold.fits(self.period.at_least):
            raise ValueError(f"{self.code} would be yellow from its first second")


def _hours(code: str, count: int, second: int, basis: str, rule: Rule = Rule.CIVIL) -> Promise:
    """A clock of hours, yellow in its last quarter; `second` in hours."""
    return Promise(code, Period(count, Unit.HOURS, rule), _QUARTER, Period(second, Unit.HOURS), basis)


def _days(code: str, count: int, second: int, basis: str, unit: Unit = Unit.DAYS, yellow: int = 1) -> Promise:
    """A clock of whole days, yellow in the last `yellow` of them; `second` in working days."""
    light = Threshold(before=timedelta(days=yellow))
    return Promise(code, Period(count, unit), light, Period(second, Unit.WORKING_DAYS), basis)


def _working(code: str, count: int, second: int, basis: str, yellow: int = 1) -> Promise:
    return _days(code, count, second, basis, Unit.WORKING_DAYS, yellow)


_ALL = (
    _hours("meeting", 48, 12, "律师会见监狱在押罪犯规定 art. 8: arrange within 48 hours"),
    _hours(
        "meeting-detention",
        48,
        12,
        "刑诉法 arts 39, 105: arrange within 48 hours, the opening hour not counted",
        Rule.CRIMINAL,
    ),
    _days("interpreter", 3, 1, "律师会见监狱在押罪犯规定 art. 7: decide within 3 days"),
    _hours("forward", 24, 6, "法律援助法 art. 39: forward within 24 hours"),
    _days("decide", 7, 2, "法律援助法 art. 43: decide within 7 days"),
    _days("assign", 3, 1, "法律援助法 art. 43: assign within 3 days"),
    _days("notice", 3, 1, "法律援助法 art. 36: the authority tells the centre within 3 days"),
    _days("appoint", 3, 1, "法律援助法 art. 36: appoint within 3 days of the notice"),
    _days("objection", 5, 2, "法律援助法 art. 49: decide an objection within 5 days"),
    _days(
        "change-lawyer",
        3,
        1,
        "Practice of the product, after 法律援助法 art. 55: another lawyer is named, or why not",
    ),
    _days(
        "complaint",
        15,
        3,
        "Practice of the product, after 法律援助法 art. 56, which says “promptly” and no number",
        yellow=3,
    ),
    _working(
        "conduct-report",
        3,
        1,
        "Practice of the product, after 律师会见监狱在押罪犯规定 art. 14: reported, or why not",
    ),
    _days(
        "conduct-answer",
        15,
        3,
        "Practice of the product, after 律师会见监狱在押罪犯规定 art. 14: the bureau says what it did",
        yellow=3,
    ),
    _days(
        "progress",
        30,
        3,
        "Practice of the product, after 法律援助法 art. 46: the applicant is told how the matter stands",
        yellow=5,
    ),
    _working("visit-request", 3, 1, "The prison's own rules state the days; three where they say nothing"),
    _working("visit-prison", 3, 1, "The prison's own rules state the days of each desk of a decision"),
    _working("visit-bureau", 3, 1, "The prison's own rules state the days of each desk of a decision"),
    _working("kinship", 3, 1, "The prison's own rules state the days; three where they say nothing"),
    _working("referral", 5, 2, "Practice of the product: who is to help says what is done"),
    _hours(
        "referral-child", 24, 6, "Practice of the product: a child without a carer waits for no office hour"
    ),
    _working(
        "mediation",
        10,
        3,
        "Practice of the product, after 人民调解法 art. 21: mediation is held in time, lest it grows worse",
        yellow=3,
    ),
    _working("counselling", 3, 1, "Practice of the product: whoever asks for a counsellor is seen soon"),
    _working(
        "precheck",
        2,
        1,
        "Practice of the product, after Jiuquan: papers are looked at before anybody holds a time",
    ),
    _days("question", 14, 3, "Practice of the product: two help days", yellow=3),
    _hours(
        "question-urgent",
        24,
        6,
        "Practice of the product, after 法律援助法 art. 44: less than 7 days to a limitation comes first",
    ),
)
PROMISES: Mapping[str, Promise] = {promise.code: promise for promise in _ALL}
