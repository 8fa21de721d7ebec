"""The nightly re-check: every sealed recording is read again and proved, slowly, with a report. The first time FFmpeg
reads it, too: it was sealed without being played.

A run belongs to a night and goes through the recordings in the order of their ids. Where it is cut off, it goes
on from its row; an unfinished one is finished before the next begins. What is found damaged is a state, until
somebody has put the files back as they were.
"""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, CursorResult, func, or_, select, update
from sqlalchemy.exc import IntegrityError

import ledger.record
from core import clock
from core.db import Database, Session
from core.errors import Conflict
from core.ids import SYSTEM, Ref, new_id
from core.settings import Settings
from recording import folder, repository, service
from recording.errors import KeyDestroyed, MasterKeyMissing
from recording.model import RecordingState
from recording.seal import SealVerdict
from recording.tables import RecheckRow, RecordingRow

NIGHT = time(18)  # UTC; two o'clock in Beijing
RATE = 32 << 20  # bytes per second at most, so that calls and their recordings are not disturbed
CLAIM = timedelta(minutes=30)  # for one recording at the most; 50 GB at this rate
_WHOLE = (RecordingState.SEALED.value, RecordingState.DAMAGED.value)


class _StoppedError(Exception):
    """The process is on its way out; the recording is read again next time."""


@dataclass(slots=True)
class Pace:
    """Slows reading down, in the thread that reads. `rate` in bytes per second."""

    rate: float
    bytes: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self, count: int) -> None:
        self.bytes += count
        if self.stop.wait(count / self.rate):
            raise _StoppedError


async def recheck(db: Database, settings: Settings, *, rate: float = RATE) -> int:
    """Goes on with the run that is open, or begins tonight's; answers how many recordings were read. Does
    nothing while another worker does it, or once tonight's is done."""
    token = new_id("claim")
    run = await _claimed(db, token)
    done = 0
    while run is not None:
        async with db.read() as session:
            following = await _next(session, run)
        if following is None:
            await _finish(db, run, token)
            break
        if not await asyncio.to_thread(folder.mounted, settings):
            break  # nothing is damaged by that: gone on with once the claim has run out
        recording_id, state, play = following
        pace = Pace(rate)
        try:
            verdict = await service.verify(db, settings, recording_id, pace)
            if play and verdict.intact:
                verdict = await _played(db, settings, recording_id, pace, verdict)
        finally:
            pace.stop.set()
        run = await _enter(db, run.id, token, recording_id, state, verdict, pace.bytes)
        done += 1
    return done


async def _played(
    db: Database, settings: Settings, recording_id: str, pace: Pace, verdict: SealVerdict
) -> SealVerdict:
    """Nothing was said of whether it plays where its key is out of reach."""
    try:
        problem = await service.play(db, settings, recording_id, pace)
    except (MasterKeyMissing, KeyDestroyed):
        return verdict
    return verdict if problem is None else replace(verdict, problems=(problem,))


async def latest(session: Session) -> RecheckRow | None:
    """The newest run."""
    return await session.scalar(select(RecheckRow).order_by(RecheckRow.id.desc()).limit(1))


async def damaged(session: Session, prison_id: str | None = None) -> list[RecordingRow]:
    """What is damaged now, in a prison or (`None`) anywhere, the oldest first."""
    query = select(RecordingRow).where(RecordingRow.state == RecordingState.DAMAGED.value)
    if prison_id is not None:
        query = query.where(RecordingRow.prison_id == prison_id)
    return list(await session.scalars(query.order_by(RecordingRow.id)))


async def count_damaged(session: Session) -> int:
    query = select(func.count()).select_from(RecordingRow)
    return await session.scalar(query.where(RecordingRow.state == RecordingState.DAMAGED.value)) or 0


def night_of(now: datetime) -> str:
    """The newest night that has begun, by the date on which it did."""
    begun = now.astimezone(UTC)
    return (begun.date() if begun.time() >= NIGHT else begun.date() - timedelta(days=1)).isoformat()


async def _claimed(db: Database, token: str) -> RecheckRow | None:
    """The run to go on with, claimed; `None` where there is nothing to do."""
    now = clock.now()
    async with db.read() as session:
        last = await latest(session)
    if last is None or (last.finished_at is not None and last.id < night_of(now)):
        return await _begin(db, token, now)
    if last.finished_at is not None:
        return None
    async with db.write() as session:
        free = or_(RecheckRow.claim == token, RecheckRow.claimed_until < now)
        return await _renewed(session, last.id, token, RecheckRow.id == last.id, free)


async def _begin(db: Database, token: str, now: datetime) -> RecheckRow | None:
    run = RecheckRow(
        id=night_of(now),
        started_at=now,
        reached="",
        checked=0,
        bytes=0,
        damaged=0,
        claim=token,
        claimed_until=now + CLAIM,
    )
    try:
        async with db.write() as session:
            session.add(run)
            subject = Ref("recheck", run.id)
            ledger.record.record(session, "system:recheck:started", actor=SYSTEM, subject=subject)
    except IntegrityError:
        return None  # another worker has begun it in this very moment
    return run


async def _renewed(
    session: Session, run_id: str, token: str, *where: ColumnElement[bool], **values: object
) -> RecheckRow | None:
    """Changes a run that is ours; `None` where it no longer is."""
    result = await session.execute(
        update(RecheckRow)
        .where(*where)
        .values(claim=token, claimed_until=clock.now() + CLAIM, **values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE always gives
    if result.rowcount != 1:
        return None
    return await session.get(RecheckRow, run_id, populate_existing=True)


async def _next(session: Session, run: RecheckRow) -> tuple[str, RecordingState, bool] | None:
    """The recording that follows, its state, and whether to play it: the first time, and while it is damaged."""
    row = (
        await session.execute(
            select(RecordingRow.id, RecordingRow.state, RecordingRow.checked_at)
            .where(
                RecordingRow.id > run.reached,
                RecordingRow.state.in_(_WHOLE),
                RecordingRow.sealed_at <= run.started_at,
            )
            .order_by(RecordingRow.id)
            .limit(1)
        )
    ).first()
    return (
        None
        if row is None
        else (row[0], RecordingState(row[1]), row[2] is None or row[1] == RecordingState.DAMAGED)
    )


async def _enter(
    db: Database,
    run_id: str,
    token: str,
    recording_id: str,
    state: RecordingState,
    verdict: SealVerdict,
    read: int,
) -> RecheckRow | None:
    """One transaction: the run goes on by one, and what was found of the recording is its state."""
    async with db.write() as session:
        run = await _renewed(
            session,
            run_id,
            token,
            RecheckRow.id == run_id,
            RecheckRow.claim == token,
            reached=recording_id,
            checked=RecheckRow.checked + 1,
            bytes=RecheckRow.bytes + read,
            damaged=RecheckRow.damaged + (0 if verdict.intact else 1),
        )
        if run is not None:
            await _found(session, recording_id, state, verdict)
    return run


async def _found(session: Session, recording_id: str, state: RecordingState, verdict: SealVerdict) -> None:
    problem = verdict.broken_at
    damage = f"{problem.code} {problem.place}" if problem else ""
    new = RecordingState.DAMAGED if problem else RecordingState.SEALED
    subject = Ref("recording", recording_id)
    still = (RecordingRow.id == recording_id, RecordingRow.state == state.value)
    if new is state:
        values = {"checked_at": clock.now(), "damage": damage}
        await session.execute(update(RecordingRow).where(*still).values(**values))
        return
    try:
        await repository.move(session, recording_id, state, new, checked_at=clock.now(), damage=damage)
    except Conflict:
        return  # it is being deleted: what was read was on its way out
    if problem:
        ledger.record.record(
            session,
            "system:recording:damaged",
            actor=SYSTEM,
            subject=subject,
            problem=problem.code,
            place=problem.place,
        )
    else:
        ledger.record.record(session, "system:recording:mended", actor=SYSTEM, subject=subject)


async def _finish(db: Database, run: RecheckRow, token: str) -> None:
    async with db.write() as session:
        mine = (RecheckRow.id == run.id, RecheckRow.claim == token)
        if await _renewed(session, run.id, token, *mine, finished_at=clock.now()) is None:
            return
        ledger.record.record(
            session,
            "system:recheck:finished",
            actor=SYSTEM,
            subject=Ref("recheck", run.id),
            checked=run.checked,
            bytes=run.bytes,
            damaged=run.damaged,
        )
