"""The instance format `kinbridge-assign/1`: read, checked, every problem named.

Times are quarter-hours from Monday 00:00 (day * 96 + quarter), intervals half-open.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import Malformed

WEEK = 7 * 96  # quarter-hours
TURNAROUND = 10  # minutes a room, an inmate and a booth are taken after a call
LAWYER_GAP = 5  # minutes between two calls of a lawyer
_SHOWN = 20  # problems named in one error

Count = Annotated[int, Field(ge=0)]
Quarter = Annotated[int, Field(ge=0, le=WEEK)]
Interval = tuple[Quarter, Quarter]
OfficerSession = tuple[Quarter, Quarter, Count]


class BadInstance(Malformed):
    """Carries the problems, one a line."""

    code = "bad-instance"
    text = "The instance cannot be used: {problems}"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wing(_Part):
    id: int
    terminals: Count
    accessible: Count
    sessions: list[OfficerSession]


class Prison(_Part):
    id: int
    legal_rooms: Count
    legal_sessions: list[Interval]
    wings: list[Wing]


class Inmate(_Part):
    id: int
    prison: int
    wing: int
    allowance: Count
    apart: int | None


class Lawyer(_Part):
    id: int
    available: list[Interval]


class Booth(_Part):
    id: int
    seats: Count


class Request(_Part):
    id: int
    prison: int
    wing: int
    inmate: int
    kind: Literal["family", "legal"]
    cls: Annotated[Literal["std", "first", "prio", "urgent"], Field(alias="class")]
    minutes: Annotated[int, Field(gt=0, le=8 * 60)]
    waited_days: Count
    visitors: list[int]
    lawyers: list[int]
    booth: int | None
    accessible: bool
    windows: list[Interval]
    min_day: Annotated[int, Field(ge=0, le=6)]
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
        problems = list(_problems(self))
        if problems:
            more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
            raise ValueError("; ".join(problems[:_SHOWN]) + more)
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
    yield from _dangling(instance)


def _dangling(instance: Instance) -> Iterator[str]:
    wings = {(prison.id, wing.id) for prison in instance.prisons for wing in prison.wings}
    inmates = {inmate.id for inmate in instance.inmates}
    lawyers = {lawyer.id for lawyer in instance.lawyers}
    booths = {booth.id for booth in instance.booths}
    for request in instance.requests:
        if (request.prison, request.wing) not in wings:
            yield f"request {request.id}: there is no wing {request.prison}/{request.wing}"
        if request.inmate not in inmates:
            yield f"request {request.id}: there is no inmate {request.inmate}"
        if missing := set(request.lawyers) - lawyers:
            yield f"request {request.id}: there is no lawyer {min(missing)}"
        if request.booth is not None and request.booth not in booths:
            yield f"request {request.id}: there is no booth {request.booth}"


def parse(value: Any) -> Instance:
    """Reads a decoded JSON object; raises `BadInstance` with every problem, by its place."""
    try:
        return Instance.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        texts = [f"{'.'.join(str(p) for p in e['loc']) or 'instance'}: {e['msg']}" for e in found[:_SHOWN]]
        raise BadInstance(problems="; ".join(texts)) from error
