"""The instance format `kinbridge-assign/1`: read, checked, every problem named.

Times are quarter-hours from Monday 00:00 (day * 96 + quarter), intervals half-open.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import Malformed

WEEK = 7 * 96  # quarter-hours
TURNAROUND = 10  # minutes a room, an inmate and a booth are taken after a call
LAWYER_GAP = 5  # minutes between two calls of a lawyer
_SHOWN = 20  # problems named in one error

# Strict: a text or a yes is no number. Upper ends leave room for sums and products in 64 bits.
Id = Annotated[int, Field(strict=True, ge=0, le=1 << 40)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Quarter = Annotated[int, Field(strict=True, ge=0, le=WEEK)]
Flag = Annotated[bool, Field(strict=True)]
Interval = tuple[Quarter, Quarter]
OfficerSession = tuple[Quarter, Quarter, Count]


class BadInstance(Malformed):
    """`problems`: one sentence each, of which twenty at most are named."""

    code = "bad-instance"
    text = "The instance cannot be used: {problems}"

    def __init__(self, problems: Sequence[str]) -> None:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        self.problems = (*problems[:_SHOWN], *more)
        super().__init__(problems="; ".join(self.problems))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wing(_Part):
    id: Id
    terminals: Count
    accessible: Count
    sessions: list[OfficerSession]


class Prison(_Part):
    id: Id
    legal_rooms: Count
    legal_sessions: list[Interval]
    wings: list[Wing]


class Inmate(_Part):
    id: Id
    prison: Id
    wing: Id
    allowance: Count
    apart: Id | None


class Lawyer(_Part):
    id: Id
    available: list[Interval]


class Booth(_Part):
    id: Id
    seats: Count


class Request(_Part):
    id: Id
    prison: Id
    wing: Id
    inmate: Id
    kind: Literal["family", "legal"]
    cls: Annotated[Literal["std", "first", "prio", "urgent"], Field(alias="class")]
    minutes: Annotated[int, Field(strict=True, gt=0, le=8 * 60)]
    waited_days: Count
    visitors: list[Id]
    lawyers: list[Id]
    booth: Id | None
    accessible: Flag
    windows: list[Interval]
    min_day: Annotated[int, Field(strict=True, ge=0, le=6)]
    weight: Count


class Instance(_Part):
    """A week: the rooms, the people and what they ask for."""

    format: Literal["kinbridge-assign/1"]
    seed: int | None = None
    load: float | None = None
    prisons: list[Prison]
    inmates: list[Inmate]
    lawyers: list[Lawyer]
    booths: list[Booth]
    requests: list[Request]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if problems := list(_problems(self)):
            raise BadInstance(problems)
        return self


def _intervals(instance: Instance) -> Iterator[tuple[str, tuple[int, ...]]]:
    for prison in instance.prisons:
        yield from ((f"legal session of prison {prison.id}", i) for i in prison.legal_sessions)
        for wing in prison.wings:
            yield from ((f"session of wing {prison.id}/{wing.id}", s) for s in wing.sessions)
    for lawyer in instance.lawyers:
        yield from ((f"availability of lawyer {lawyer.id}", i) for i in lawyer.available)
    for request in instance.requests:
        yield from ((f"window of request {request.id}", i) for i in request.windows)


def _problems(instance: Instance) -> Iterator[str]:
    for name, interval in _intervals(instance):
        if interval[1] <= interval[0]:
            yield f"{name}: it ends at {interval[1]}, not after its start {interval[0]}"
    for kind in ("prisons", "inmates", "lawyers", "booths", "requests"):
        ids = [part.id for part in getattr(instance, kind)]
        if len(set(ids)) != len(ids):
            yield f"{kind}: an id occurs twice"
    for prison in instance.prisons:
        if len({wing.id for wing in prison.wings}) != len(prison.wings):
            yield f"wings of prison {prison.id}: an id occurs twice"
    for request in instance.requests:
        for named, people in (("lawyer", request.lawyers), ("visitor", request.visitors)):
            if len(set(people)) != len(people):
                yield f"request {request.id}: a {named} is named twice"
    yield from _dangling(instance)


def _dangling(instance: Instance) -> Iterator[str]:
    wings = {(prison.id, wing.id) for prison in instance.prisons for wing in prison.wings}
    home = {inmate.id: (inmate.prison, inmate.wing) for inmate in instance.inmates}
    lawyers = {lawyer.id for lawyer in instance.lawyers}
    booths = {booth.id for booth in instance.booths}
    for inmate in instance.inmates:
        if home[inmate.id] not in wings:
            yield f"inmate {inmate.id}: there is no wing {inmate.prison}/{inmate.wing}"
    for request in instance.requests:
        where = (request.prison, request.wing)
        if where not in wings:
            yield f"request {request.id}: there is no wing {request.prison}/{request.wing}"
        if request.inmate not in home:
            yield f"request {request.id}: there is no inmate {request.inmate}"
        elif where in wings and home[request.inmate] != where:
            yield f"request {request.id}: inmate {request.inmate} is in another wing"
        if missing := set(request.lawyers) - lawyers:
            yield f"request {request.id}: there is no lawyer {min(missing)}"
        if request.booth is not None and request.booth not in booths:
            yield f"request {request.id}: there is no booth {request.booth}"


def outside(instance: Instance) -> list[int]:
    """Requests (ids) with a window that meets no session of their wing, or of the prison's legal rooms: nothing can
    come of that window, and most likely it is a mistake."""
    sessions: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
    for prison in instance.prisons:
        for wing in prison.wings:
            sessions["family", prison.id, wing.id] = [(first, last) for first, last, _ in wing.sessions]
            sessions["legal", prison.id, wing.id] = list(prison.legal_sessions)
    return [
        one.id
        for one in instance.requests
        if any(
            not any(
                first < window[1] and window[0] < last
                for first, last in sessions[one.kind, one.prison, one.wing]
            )
            for window in one.windows
        )
    ]


def parse(value: Any) -> Instance:
    """Reads a decoded JSON object; raises `BadInstance` with every problem, by its place."""
    try:
        return Instance.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        places = (".".join(str(part) for part in one["loc"]) or "instance" for one in found)
        texts = [f"{place}: {one['msg']}" for place, one in zip(places, found, strict=True)]
        raise BadInstance(texts) from error
