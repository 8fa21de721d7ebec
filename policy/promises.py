"""Which clocks there are: how long, by which rule, when yellow, and what the next desk gets. Pure data.

Lengths are those of the law or of this product (`basis`); `second` is the deadline that the desk above gets
when the first one passed, unless a person sets another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from policy.deadlines import Period, Rule, Unit
from policy.lights import Threshold

_DAY = Threshold(before=timedelta(days=1))
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


def _by_day(code: str, count: int, unit: Unit, second: int, basis: str) -> Promise:
    """A clock of whole days, yellow on the last of them; `second` in working days."""
    return Promise(code, Period(count, unit), _DAY, Period(second, Unit.WORKING_DAYS), basis)


_ALL = (
    Promise(
        "meeting",
        Period(48, Unit.HOURS),
        _QUARTER,
        Period(12, Unit.HOURS),
        "律师会见监狱在押罪犯规定 art. 8: arrange within 48 hours",
    ),
    Promise(
        "meeting-detention",
        Period(48, Unit.HOURS, Rule.CRIMINAL),
        _QUARTER,
        Period(12, Unit.HOURS),
        "刑诉法 arts 39, 105: arrange within 48 hours, the opening hour not counted",
    ),
    _by_day("interpreter", 3, Unit.DAYS, 1, "律师会见监狱在押罪犯规定 art. 7: decide within 3 days"),
    Promise(
        "forward",
        Period(24, Unit.HOURS),
        _QUARTER,
        Period(6, Unit.HOURS),
        "法律援助法 art. 39: forward within 24 hours",
    ),
    _by_day("decide", 7, Unit.DAYS, 2, "法律援助法 art. 43: decide within 7 days"),
    _by_day("assign", 3, Unit.DAYS, 1, "法律援助法 art. 43: assign within 3 days"),
    _by_day("notice", 3, Unit.DAYS, 1, "法律援助法 art. 36: the authority tells the centre within 3 days"),
    _by_day("appoint", 3, Unit.DAYS, 1, "法律援助法 art. 36: appoint within 3 days of the notice"),
    _by_day("objection", 5, Unit.DAYS, 2, "法律援助法 art. 49: decide an objection within 5 days"),
    _by_day(
        "change-lawyer",
        3,
        Unit.DAYS,
        1,
        "Practice of the product, after 法律援助法 art. 55: another lawyer is named, or why not",
    ),
    Promise(
        "complaint",
        Period(15, Unit.DAYS),
        Threshold(before=timedelta(days=3)),
        Period(3, Unit.WORKING_DAYS),
        "Practice of the product, after 法律援助法 art. 56, which says “promptly” and no number",
    ),
    _by_day(
        "conduct-report",
        3,
        Unit.WORKING_DAYS,
        1,
        "Practice of the product, after 律师会见监狱在押罪犯规定 art. 14: reported, or why not",
    ),
    Promise(
        "conduct-answer",
        Period(15, Unit.DAYS),
        Threshold(before=timedelta(days=3)),
        Period(3, Unit.WORKING_DAYS),
        "Practice of the product, after 律师会见监狱在押罪犯规定 art. 14: the bureau says what it did",
    ),
    Promise(
        "progress",
        Period(30, Unit.DAYS),
        Threshold(before=timedelta(days=5)),
        Period(3, Unit.WORKING_DAYS),
        "Practice of the product, after 法律援助法 art. 46: the applicant is told how the matter stands",
    ),
    _by_day(
        "visit-request",
        3,
        Unit.WORKING_DAYS,
        1,
        "The prison's own rules state the days; three where they say nothing",
    ),
    *(
        _by_day(
            desk, 3, Unit.WORKING_DAYS, 1, "The prison's own rules state the days of each desk of a decision"
        )
        for desk in ("visit-prison", "visit-bureau")
    ),
    _by_day(
        "kinship",
        3,
        Unit.WORKING_DAYS,
        1,
        "The prison's own rules state the days; three where they say nothing",
    ),
    _by_day("referral", 5, Unit.WORKING_DAYS, 2, "Practice of the product: who is to help says what is done"),
    Promise(
        "referral-child",
        Period(24, Unit.HOURS),
        _QUARTER,
        Period(6, Unit.HOURS),
        "Practice of the product: a child without a carer waits for no office hour",
    ),
    Promise(
        "mediation",
        Period(10, Unit.WORKING_DAYS),
        Threshold(before=timedelta(days=3)),
        Period(3, Unit.WORKING_DAYS),
        "Practice of the product, after 人民调解法 art. 21: mediation is held in time, lest it grows worse",
    ),
    _by_day(
        "counselling",
        3,
        Unit.WORKING_DAYS,
        1,
        "Practice of the product: whoever asks for a counsellor is seen soon",
    ),
    _by_day(
        "precheck",
        2,
        Unit.WORKING_DAYS,
        1,
        "Practice of the product, after Jiuquan: papers are looked at before anybody holds a time",
    ),
    Promise(
        "question",
        Period(14, Unit.DAYS),
        Threshold(before=timedelta(days=3)),
        Period(3, Unit.WORKING_DAYS),
        "Practice of the product: two help days",
    ),
    Promise(
        "question-urgent",
        Period(24, Unit.HOURS),
        _QUARTER,
        Period(6, Unit.HOURS),
        "Practice of the product, after 法律援助法 art. 44: less than 7 days to a limitation comes first",
    ),
)
PROMISES: Mapping[str, Promise] = {promise.code: promise for promise in _ALL}
