"""How long recordings are kept, and what happens then (rules P7, R6).

Each recording knows from its birth until when it is kept. Once that has passed, and only while no legal hold
lies on it, its row goes to `deleting` in one conditional UPDATE: whoever holds it first wins, and from there
on it can no longer be held. Only then do the files go; the proof of it stays.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, CursorResult, and_, delete, exists, or_, select, update
from sqlalchemy.orm import aliased

import ledger.read
import ledger.record
from core import clock, keys
from core.db import Database, Session
from core.errors import Conflict, Misconfigured
from core.ids import SYSTEM, Ref
from core.log import fields
from core.settings import Settings
from policy import repository as policies
from policy.model import BadPolicy, PolicyIncomplete, PolicyUnknown
from policy.rulebook import FamilyPolicy
from recording import deletion, finding, folder, repository, reviews, seal, storing, vault
from recording.deletion import Deletion
from recording.errors import StoreUnavailable
from recording.model import MOVES, NEVER_BEGAN, RecordingState, RetentionClass
from recording.store import Shelf
from recording.tables import EventRow, HoldRow, RecordingRow, TrackRow
from rooms.desk_tables import ReviewRow

RECLASSIFIED = "system:recording:reclassified"
DELETED = "system:recording:deleted"
_MORTAL = tuple(state for state in RecordingState if RecordingState.DELETING in MOVES[state])
_WHY = "kept-long-enough"
_ORDER = tuple(RetentionClass)
_AT_ONCE = 200
_ENDED = RecordingRow.state.in_(
    [RecordingState.SEALED.value, RecordingState.DAMAGED.value, RecordingState.FAILED.value]
)
_OTHER = aliased(RecordingRow)
_BREACH = exists().where(ReviewRow.booking_id == RecordingRow.booking_id, ReviewRow.outcome == reviews.BREACH)
_BROKEN = and_(RecordingRow.state == RecordingState.FAILED.value, RecordingRow.reason.not_in(NEVER_BEGAN))
_GRAVER = or_(
    and_(RecordingRow.retention != RetentionClass.DISPUTED.value, or_(_BREACH, _BROKEN)),
    and_(
        RecordingRow.retention == RetentionClass.FAMILY.value,
        exists().where(
            _OTHER.booking_id == RecordingRow.booking_id, _OTHER.retention != RetentionClass.FAMILY.value
        ),
    ),
)

_log = logging.getLogger(__name__)


async def keep_until(
    session: Session,
    settings: Settings,
    prison_id: str,
    started_at: datetime,
    kept: RetentionClass = RetentionClass.FAMILY,
) -> datetime:
    """Until when a recording is kept: as long as the prison's rules say for its class, and never longer than the
    installation does, which is what the privacy page tells people. Raises `Misconfigured` where nobody has decided
    that."""
    if settings.recording_days is None:
        raise Misconfigured(problem="KINBRIDGE_RECORDING_DAYS: must be set, there is no lawful default")
    days = settings.recording_days
    with contextlib.suppress(PolicyUnknown, PolicyIncomplete, BadPolicy):  # no reason to lose a recording
        days = min(days, _days((await policies.current(session, prison_id, started_at)).values, kept))
    return started_at + timedelta(days=days)


def _days(rules: FamilyPolicy, kept: RetentionClass) -> int:
    """What the rules say of a class, and of those that come before it."""
    stated = (rules.recording_kept_days, rules.recording_flagged_days, rules.recording_disputed_days)
    return max(stated[: _ORDER.index(kept) + 1])


async def class_of(session: Session, booking_id: str) -> RetentionClass:
    """By what happened in the visit, and what came of listening to it again."""
    outcome = await session.scalar(select(ReviewRow.outcome).where(ReviewRow.booking_id == booking_id))
    if outcome == reviews.BREACH:
        return RetentionClass.DISPUTED
    risk, _ = reviews.risk_of(await ledger.read.about(session, Ref("booking", booking_id)))
    return RetentionClass.FLAGGED if risk else RetentionClass.FAMILY


async def decided(session: Session, settings: Settings, one: RecordingRow) -> tuple[RetentionClass, datetime]:
    """The class of a recording and until when it is kept: at sealing, when it is known what happened in it. Neither is
    ever less than it was."""
    kept = max(RetentionClass(one.retention), await class_of(session, one.booking_id), key=_ORDER.index)
    return kept, await _longer(session, settings, one, kept)


async def _longer(session: Session, settings: Settings, one: RecordingRow, kept: RetentionClass) -> datetime:
    until = one.keep_until
    if kept is not RetentionClass.FAMILY:
        with contextlib.suppress(Misconfigured):  # no reason not to seal
            until = max(until, await keep_until(session, settings, one.prison_id, one.started_at, kept))
    return until


async def reclassify(db: Database, settings: Settings) -> int:
    """Keeps longer what turned out to be graver in the end: a breach was found by listening again, the recording broke
    and what there is of it proves less than it should, or another take of the visit is of a graver class. Answers how
    many."""
    done = 0
    while changed := await _some_graver(db, settings):  # all of them: what is not reached would go too early
        done += changed
    return done


async def _some_graver(db: Database, settings: Settings) -> int:
    async with db.read() as session:
        rows = (await session.scalars(select(RecordingRow).where(_ENDED, _GRAVER).limit(_AT_ONCE))).all()
    return sum([await _reclassify(db, settings, one) for one in rows])


async def _reclassify(db: Database, settings: Settings, one: RecordingRow) -> bool:
    async with db.write() as session:
        takes = select(RecordingRow.retention).where(RecordingRow.booking_id == one.booking_id)
        found = [await class_of(session, one.booking_id), *map(RetentionClass, await session.scalars(takes))]
        if one.state == RecordingState.FAILED.value and one.reason not in NEVER_BEGAN:
            found.append(RetentionClass.DISPUTED)
        kept = max(found, key=_ORDER.index)
        until = await _longer(session, settings, one, kept)
        changed = await session.execute(
            update(RecordingRow)
            .where(RecordingRow.id == one.id, RecordingRow.retention == one.retention, _ENDED)
            .values(retention=kept.value, keep_until=until)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(changed, CursorResult)  # noqa: S101 - what an UPDATE always gives
        if changed.rowcount:
            about = Ref("recording", one.id)
            ledger.record.record(session, RECLASSIFIED, actor=SYSTEM, subject=about, to=kept.value)
    return bool(changed.rowcount)


async def delete_expired(db: Database, settings: Settings) -> int:
    """Deletes what is past its time and not held, and goes on with what was cut off; answers how many went. Storage
    that is not mounted keeps its files, so nothing is said of them to be gone."""
    await reclassify(db, settings)
    if not await asyncio.to_thread(folder.mounted, settings):
        return 0
    async with db.read() as session:
        due = await _due(session, clock.now())
    done = 0
    for recording_id, state in due:
        if state is not RecordingState.DELETING and not await _begin(db, recording_id, state):
            continue
        done += await _finish(db, settings, recording_id)
    return done


def _unheld() -> tuple[ColumnElement[bool], ...]:
    """The row's count decides a race with a hold; the holds themselves decide for a take that began later."""
    active = exists().where(HoldRow.booking_id == RecordingRow.booking_id, HoldRow.released_at.is_(None))
    return RecordingRow.holds == 0, ~active


async def _due(session: Session, now: datetime) -> Sequence[tuple[str, RecordingState]]:
    mortal = RecordingRow.state.in_([state.value for state in _MORTAL])
    rows = await session.execute(
        select(RecordingRow.id, RecordingRow.state)
        .where(
            or_(
                RecordingRow.state == RecordingState.DELETING.value,
                mortal & (RecordingRow.keep_until < now) & _unheld()[0] & _unheld()[1],
            )
        )
        .order_by(RecordingRow.keep_until, RecordingRow.id)
    )
    return [(row[0], RecordingState(row[1])) for row in rows]


async def _begin(db: Database, recording_id: str, state: RecordingState) -> bool:
    now = clock.now()
    past = RecordingRow.keep_until < now
    try:
        async with db.write() as session:
            await repository.move(
                session, recording_id, state, RecordingState.DELETING, past, *_unheld(), deleted_at=now
            )
            key = await vault.destroy(session, recording_id, now)  # no copy opens from here on
            subject = Ref("recording", recording_id)
            ledger.record.record(
                session, "system:recording:expired", actor=SYSTEM, subject=subject, state=state.value, key=key
            )
    except Conflict:
        return False  # held meanwhile, or another worker was first
    return True


async def _finish(db: Database, settings: Settings, recording_id: str) -> bool:
    async with db.read() as session:
        one = await repository.row(session, recording_id)
        shredded = await vault.destroyed(session, recording_id)
    why = Deletion(
        one.id, one.booking_id, one.retention, one.keep_until, one.deleted_at or clock.now(), _WHY, shredded
    )
    try:
        path = folder.root(settings) / one.folder
        known = {} if one.damage else await asyncio.to_thread(seal.digests, path)  # it says what really went
        shelf = None if one.store is None else await asyncio.to_thread(storing.shelf_of, settings, one)
        proof = await asyncio.to_thread(_delete, settings, path, why, known, shelf)
        await _deleted(db, one, proof)
    except (OSError, StoreUnavailable) as error:  # it stays `deleting` and is tried again at the next turn
        _log.error("x delete %s", fields(id=recording_id, error=error))
        return False
    except Conflict:
        return False  # another worker has finished it
    _log.info("- recording %s", fields(id=recording_id, state="deleting -> deleted", proof=proof))
    return True


def _delete(
    settings: Settings, path: Path, why: Deletion, known: Mapping[str, str], shelf: Shelf | None
) -> str:
    return deletion.delete(path, why, known, keys.signer(settings.data_dir), shelf)


async def _deleted(db: Database, one: RecordingRow, proof: str) -> None:
    """One transaction: the state, what the rows still told of its content, the ledger's entry."""
    async with db.write() as session:
        await repository.move(session, one.id, RecordingState.DELETING, RecordingState.DELETED)
        await session.execute(delete(EventRow).where(EventRow.recording_id == one.id))
        await session.execute(
            update(TrackRow).where(TrackRow.recording_id == one.id).values(file_name="", bytes=0, gaps="[]")
        )
        await finding.index(session, one.id)  # what its notes said is found no more
        ledger.record.record(
            session,
            DELETED,
            actor=SYSTEM,
            subject=Ref("recording", one.id),
            manifest=one.manifest_digest,
            proof=proof,
            why=_WHY,
        )
