"""The officers' task queue: what somebody should look at. A task never does anything by itself, least of all cut a call
(rules, finding 10; U9): an officer looks, and decides."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, NotFound
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from people.model import Identity
from rooms.desk_tables import DeskTaskRow
from scheduler import places
from scheduler.model import BookingView

_WORDS = 200


class Kind(StrEnum):
    """What there is to be looked at, most urgent first: the order of the queue."""

    RECORDER_STALLED = "recorder-stalled"
    TRACK_MISSING = "track-missing"
    MONITOR_MISSING = "monitor-missing"
    HELP = "help"
    LANGUAGE = "language"
    IDENTITY = "identity"
    THIRD_PERSON = "third-person"
    CAMERA_BLOCKED = "camera-blocked"
    NOT_BROUGHT = "not-brought"
    DROPPED_OUT = "dropped-out"
    CHECK_FAILED = "check-failed"


TEXTS: dict[Kind, str] = {
    Kind.RECORDER_STALLED: "The recording stands still",
    Kind.TRACK_MISSING: "Sound or picture does not reach the recording",
    Kind.MONITOR_MISSING: "Nobody supervises this call",
    Kind.HELP: "Asks for help",
    Kind.LANGUAGE: "The language is not understood",
    Kind.IDENTITY: "It is doubtful who this is",
    Kind.THIRD_PERSON: "Somebody else may be in the picture",
    Kind.CAMERA_BLOCKED: "The camera shows nothing",
    Kind.NOT_BROUGHT: "The inmate has not been brought",
    Kind.DROPPED_OUT: "Was disconnected",
    Kind.CHECK_FAILED: "The device check has failed twice",
}


class State(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"


MOVES: dict[State, frozenset[State]] = {
    State.TAKEN: frozenset({State.OPEN, State.TAKEN}),
    State.DONE: frozenset({State.OPEN, State.TAKEN}),
}
BY_ITSELF = "over"  # the outcome of what passed without anybody
OUTCOMES: dict[str, str] = {
    "looked": "Looked at it, all is well",
    "acted": "Acted in the call",
    "mistaken": "It was not so",
    BY_ITSELF: "It has passed by itself",
}


class TaskGone(Conflict):
    code = "task-gone"
    text = "This task has been dealt with in the meantime."


@dataclass(frozen=True, slots=True)
class Task:
    id: str
    booking_id: str
    kind: Kind
    seat_id: str
    name: str
    words: str
    state: State
    made_at: datetime
    taken_name: str


async def put(
    session: Session, booking: BookingView, kind: Kind, *, seat: str = "", name: str = "", words: str = ""
) -> str | None:
    """Puts a task here; `None` when the same one waits already. `name`: whom it is about."""
    row = {
        "id": new_id("tsk"),
        "prison_id": booking.prison_id,
        "booking_id": booking.id,
        "kind": kind.value,
        "seat_id": seat,
        "name": name,
        "words": words[:_WORDS],
        "state": State.OPEN.value,
        "live_key": f"{booking.id}/{kind.value}/{seat}",
        "made_at": clock.now(),
        "taken_by": None,
        "taken_name": "",
        "done_at": None,
        "outcome": "",
    }
    made: list[str] = await places.insert_new(session, DeskTaskRow, [row], DeskTaskRow.id)
    if not made:
        return None
    about = Ref("booking", booking.id)
    record(session, "system:task:put", actor=SYSTEM, subject=about, task=made[0], kind=kind.value)
    return made[0]


async def was_put_since(session: Session, booking_id: str, kind: Kind, seat: str, moment: datetime) -> bool:
    """Whether this was a task at that moment or later: what was dealt with is not asked again."""
    found = await session.scalar(
        select(DeskTaskRow.id).where(
            DeskTaskRow.booking_id == booking_id,
            DeskTaskRow.kind == kind.value,
            DeskTaskRow.seat_id == seat,
            DeskTaskRow.made_at >= moment,
        )
    )
    return found is not None


async def settle(session: Session, booking_id: str, kinds: Sequence[Kind], seat: str | None = None) -> int:
    """What they were about has passed by itself; answers how many."""
    where = [DeskTaskRow.booking_id == booking_id, DeskTaskRow.kind.in_([kind.value for kind in kinds])]
    if seat is not None:
        where.append(DeskTaskRow.seat_id == seat)
    return await _settle(session, *where)


async def any_beside(session: Session, calls: Collection[str]) -> bool:
    """Whether something waits about a call that is not among these."""
    beside = (DeskTaskRow.booking_id.not_in(calls), DeskTaskRow.state != State.DONE.value)
    return await session.scalar(select(DeskTaskRow.id).where(*beside).limit(1)) is not None


async def settle_others(session: Session, calls: Collection[str]) -> int:
    """Calls that are not among these are over, and so is what was to be done about them; answers how many."""
    return await _settle(session, DeskTaskRow.booking_id.not_in(calls))


async def _settle(session: Session, *where: ColumnElement[bool]) -> int:
    rows = await session.execute(
        update(DeskTaskRow)
        .where(*where, DeskTaskRow.state.in_(MOVES[State.DONE]))
        .values(state=State.DONE.value, live_key=None, done_at=clock.now(), outcome=BY_ITSELF)
        .returning(DeskTaskRow.id, DeskTaskRow.booking_id)
        .execution_options(synchronize_session=False)
    )
    ended = rows.all()
    for task_id, booking_id in ended:
        record(session, "system:task:over", actor=SYSTEM, subject=Ref("booking", booking_id), task=task_id)
    return len(ended)


async def open_in(session: Session, prison_id: str) -> list[Task]:
    """What waits in this prison, most urgent first."""
    rows = await session.scalars(
        select(DeskTaskRow)
        .where(DeskTaskRow.prison_id == prison_id, DeskTaskRow.state != State.DONE.value)
        .execution_options(populate_existing=True)
    )
    order = list(Kind)
    return sorted((_task(row) for row in rows), key=lambda one: (order.index(one.kind), one.made_at))


async def take(session: Session, who: Identity, task_id: str) -> Task:
    """`who` looks after it. Raises `TaskGone`, `NotFound`."""
    changes = {"taken_by": who.subject.id, "taken_name": who.name}
    return await _move(session, who, task_id, State.TAKEN, "taken", changes)


async def finish(session: Session, who: Identity, task_id: str, outcome: str) -> Task:
    """It is dealt with; `outcome`: a code of `OUTCOMES`. Raises `TaskGone`, `NotFound`."""
    if outcome not in OUTCOMES or outcome == BY_ITSELF:
        raise NotFound
    changes = {"live_key": None, "done_at": clock.now(), "outcome": outcome}
    return await _move(session, who, task_id, State.DONE, "done", changes, outcome=outcome)


async def _move(
    session: Session,
    who: Identity,
    task_id: str,
    to: State,
    what: str,
    changes: Mapping[str, object],
    **details: str,
) -> Task:
    theirs = (DeskTaskRow.id == task_id, DeskTaskRow.prison_id == who.prison_id)
    moved = await session.scalar(
        update(DeskTaskRow)
        .where(*theirs, DeskTaskRow.state.in_(MOVES[to]))
        .values(state=to.value, **changes)
        .returning(DeskTaskRow.id)
        .execution_options(synchronize_session=False)
    )
    row = await session.scalar(select(DeskTaskRow).where(*theirs).execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    if moved is None:
        raise TaskGone
    about = Ref("booking", row.booking_id)
    record(session, f"officer:task:{what}", actor=who.subject, subject=about, task=task_id, **details)
    return _task(row)


def _task(row: DeskTaskRow) -> Task:
    return Task(
        row.id,
        row.booking_id,
        Kind(row.kind),
        row.seat_id,
        row.name,
        row.words,
        State(row.state),
        row.made_at,
        row.taken_name,
    )
