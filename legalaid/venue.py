"""Which desk a matter belongs to, by its place and not by where the prison is (Legal Aid Act art. 38). Pure.

A desk may name the places it serves (`Desk.area`), with commas between them: "云台县，青河区". The place that an
applicant has written down is looked through for them; the longest that is found wins, since a district's name often
contains the city's. Where nothing is found the widest level takes the matter, and hands it on.
"""

import re
from collections.abc import Sequence

from legalaid.model import Desk, Tier

_WIDEST: Sequence[str] = (Tier.CITY, "", Tier.COUNTY, Tier.TOWN, Tier.VILLAGE)
_BETWEEN = re.compile(r"[,，、;；\n]+")
AREA_MAX = 400


def places(area: str) -> list[str]:
    """The names in an area; one letter or sign alone would be found everywhere and is none."""
    return [name for name in (part.strip() for part in _BETWEEN.split(area)) if len(name) > 1]


def fits(desk: Desk, place: str) -> int:
    """How many letters of the place name this desk's area; 0 where it is not named."""
    where = place.casefold()
    return max((len(name) for name in places(desk.area) if name.casefold() in where), default=0)


def widest(desks: Sequence[Desk]) -> list[Desk]:
    """City first, then desks without a level; of one level the older first."""
    return sorted(desks, key=lambda desk: (_WIDEST.index(desk.tier), desk.id))


def choose(desks: Sequence[Desk], place: str) -> Desk | None:
    """The desk whose area the place names, else the widest; None where there is none."""
    return max(widest(desks), key=lambda desk: fits(desk, place), default=None)
