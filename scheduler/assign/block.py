"""The touched part of a published week: its requests as a small instance, what everybody else uses taken off the
capacities, and what was lost with them. Whatever is outside is not even a column: it cannot move.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from scheduler.assign import week
from scheduler.assign.columns import Columns, Ints, array
from scheduler.assign.instance import LAWYER_GAP, TURNAROUND, Instance, Request
from scheduler.assign.week import quarters

Use = tuple[str, int]  # a thing, as `week` names it, and a quarter-hour (0 for what has no time)
Published = Mapping[int, tuple[int, int | None]]  # request id -> (start, lawyer)


@dataclass(frozen=True, slots=True)
class Block:
    """`present`: request -> the column it has now, -1 for none that still exists; `published`: 1 where promised."""

    requests: tuple[int, ...]  # ids, in the columns' order
    columns: Columns
    present: Ints
    published: Ints


def occupied(instance: Instance, request: Request, start: int, lawyer: int | None) -> Iterator[Use]:
    """Everything that a call uses, each quarter-hour of it (the README's rows)."""
    inmate = next(one for one in instance.inmates if one.id == request.inmate)
    talk, room = quarters(request.minutes), quarters(request.minutes + TURNAROUND)
    place = f"{request.prison}:{request.wing}"
    spans = [(f"inmate:{request.inmate}", room), *((f"visitor:{one}", talk) for one in request.visitors)]
    if request.kind == "family":
        spans += [
            (f"room:{place}:{'accessible' if request.accessible else 'terminal'}", room),
            (f"officers:{place}", talk),
        ]
        yield f"allowance:{request.inmate}", 0
    else:
        gap = quarters(request.minutes + LAWYER_GAP)
        spans += [(f"legal:{request.prison}", room), (f"lawyer:{lawyer}", gap)]
    if request.booth is not None:
        spans.append((f"booth:{request.booth}", room))
    for name, length in spans:
        yield from ((name, start + quarter) for quarter in range(length))
    if inmate.apart is not None:
        yield f"apart:{inmate.apart}", start // 96 * 2 + (start % 96 >= 48)


def take(
    instance: Instance, published: Published, touched: Collection[int], lost: Mapping[Use, int]
) -> Block:
    """The block of the requests `touched` (ids). `lost`: what is no longer there, as if somebody used it."""
    used: Counter[Use] = Counter(dict(lost))
    requests = [one for one in instance.requests if one.id in touched]
    for one in instance.requests:
        if one.id in published and one.id not in touched:
            used.update(occupied(instance, one, *published[one.id]))
    columns = week.build(instance.model_copy(update={"requests": requests}), used)
    present = [_column(columns, number, published.get(one.id)) for number, one in enumerate(requests)]
    promised = array(one.id in published for one in requests)
    return Block(tuple(one.id for one in requests), columns, array(present), promised)


def _column(columns: Columns, number: int, had: tuple[int, int | None] | None) -> int:
    if had is None:
        return -1
    lawyer = -1 if had[1] is None else had[1]
    for column in range(int(columns.first[number]), int(columns.first[number + 1])):
        if columns.start[column] == had[0] and columns.lawyer[column] == lawyer:
            return column
    return -1
