"""Flags on arranged meetings whose lawyer is away: their states, each moved by a conditional update, and the time that
an offer keeps. What follows a flag is worked out by `legalaid.meeting_offers`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.ids import SYSTEM, Ref, new_id
from ledger.record import record
from legalaid.absence_table import LawyerAbsenceRow, MeetingFlagRow
from legalaid.access import Actor, ref, tag
from scheduler import places


class FlagState(StrEnum):
    WAITING = "waiting"  # an officer decides; until then the meeting stands
    KEPT = "kept"  # it stays: an officer says so
    OTHER = "other"  # it stays: the other lawyer of the mandate comes
    FREED = "freed"  # the next weekly plan finds another time
    OFFERED = "offered"  # another time is kept for the lawyer's word
    ACCEPTED = "accepted"
    DECLINED = "declined"  # to the next weekly plan
    EXPIRED = "expired"  # nobody answered; to the next weekly plan
    ENDED = "ended"  # the meeting was arranged or given up in another way
    TAKEN_BACK = "taken-back"  # the lawyer comes after all: it is held as it was arranged first


MOVES: Mapping[FlagState, frozenset[FlagState]] = {
    FlagState.WAITING: frozenset({FlagState.TAKEN_BACK}),  # away after all, as was said first
    FlagState.KEPT: frozenset({FlagState.WAITING}),
    FlagState.OTHER: frozenset({FlagState.WAITING}),
    FlagState.FREED: frozenset({FlagState.WAITING}),
    FlagState.OFFERED: frozenset({FlagState.WAITING}),
    FlagState.ACCEPTED: frozenset({FlagState.OFFERED}),
    FlagState.DECLINED: frozenset({FlagState.OFFERED}),
    FlagState.EXPIRED: frozenset({FlagState.OFFERED}),
    FlagState.ENDED: frozenset({FlagState.WAITING, FlagState.OFFERED}),
    FlagState.TAKEN_BACK: frozenset(
        {FlagState.WAITING, FlagState.FREED, FlagState.OFFERED, FlagState.DECLINED, FlagState.EXPIRED}
    ),
}
OPEN = (FlagState.WAITING, FlagState.OFFERED)


@dataclass(frozen=True, slots=True)
class Flag:
    """`starts_at`, `expires_at`: of the time that is or was offered."""

    id: str
    meeting_id: str
    was_at: datetime
    state: FlagState
    words: str
    starts_at: datetime | None
    expires_at: datetime | None

    def tells(self, *, arranged: bool) -> bool:
        """Whether it still says how the meeting stands, which is arranged (again) or waits."""
        if arranged:
            return self.state in (FlagState.WAITING, FlagState.KEPT, FlagState.OTHER, FlagState.ACCEPTED)
        return self.state in (FlagState.FREED, FlagState.OFFERED, FlagState.DECLINED, FlagState.EXPIRED)


async def raise_flag(
    session: Session, actor: Actor, absence_id: str, meeting_id: str, was_at: datetime
) -> str | None:
    """Answers its id; `None` where this absence has flagged the meeting before, or an officer decides about it. A flag
    that was taken back with its absence is raised again."""
    known = await session.execute(
        select(MeetingFlagRow.id, MeetingFlagRow.state).where(
            MeetingFlagRow.meeting_id == meeting_id,
            (MeetingFlagRow.absence_id == absence_id) | (MeetingFlagRow.state == FlagState.WAITING),
        )
    )
    before = known.all()
    if [state for _, state in before] == [FlagState.TAKEN_BACK]:
        await _raise_again(session, actor, before[0][0], was_at)
        return str(before[0][0])
    if before:
        return None
    flag_id = new_id("mfl")
    session.add(
        MeetingFlagRow(
            id=flag_id,
            absence_id=absence_id,
            meeting_id=meeting_id,
            was_at=was_at,
            state=FlagState.WAITING.value,
            raised_at=clock.now(),
        )
    )
    await session.flush()
    _enter(session, actor, "flagged", flag_id, meeting_id)
    return flag_id


async def _raise_again(session: Session, actor: Actor, flag_id: str, was_at: datetime) -> None:
    fresh = {"was_at": was_at, "raised_at": clock.now(), "words": ""}
    nothing = dict.fromkeys(("starts_at", "terminal_id", "expires_at"))
    await move(session, actor, flag_id, FlagState.WAITING, **fresh, **nothing)


async def move(
    session: Session, actor: Actor, flag_id: str, to: FlagState, *only_if: ColumnElement[bool], **values: Any
) -> bool:
    """False from any state that does not lead there; then nothing has changed."""
    meeting_id = await session.scalar(
        update(MeetingFlagRow)
        .where(MeetingFlagRow.id == flag_id, MeetingFlagRow.state.in_(MOVES[to]), *only_if)
        .values(state=to.value, settled_at=None if to in OPEN else clock.now(), **values)
        .returning(MeetingFlagRow.meeting_id)
        .execution_options(synchronize_session=False)
    )
    if meeting_id is None:
        return False
    if to is not FlagState.OFFERED:
        await places.release(session, flag_id)
    _enter(session, actor, to.value, flag_id, meeting_id)
    return True


async def settle(session: Session, actor: Actor, meeting_id: str) -> None:
    """The meeting goes its way without it: what is open is ended, and a time that was kept is free again."""
    rows = await session.scalars(
        select(MeetingFlagRow.id).where(
            MeetingFlagRow.meeting_id == meeting_id, MeetingFlagRow.state.in_(OPEN)
        )
    )
    for flag_id in rows.all():
        await move(session, actor, flag_id, FlagState.ENDED)


async def expire(session: Session) -> int:
    """Ends the offers that nobody has answered in time; answers how many."""
    over = MeetingFlagRow.expires_at <= clock.now()
    rows = await session.scalars(
        select(MeetingFlagRow.id).where(MeetingFlagRow.state == FlagState.OFFERED, over)
    )
    return sum([await move(session, SYSTEM, flag_id, FlagState.EXPIRED, over) for flag_id in rows.all()])


async def row_of(session: Session, flag_id: str) -> MeetingFlagRow | None:
    return await session.get(MeetingFlagRow, flag_id, populate_existing=True)


async def newest(session: Session, meeting_ids: Collection[str]) -> dict[str, Flag]:
    """Meeting -> its newest flag, whatever became of it."""
    return {flag.meeting_id: flag for flag in await find(session, MeetingFlagRow.meeting_id.in_(meeting_ids))}


async def of_ids(session: Session, flag_ids: Collection[str]) -> list[Flag]:
    return await find(session, MeetingFlagRow.id.in_(flag_ids))


async def find(session: Session, *which: ColumnElement[bool]) -> list[Flag]:
    """The oldest first."""
    rows = await session.scalars(
        select(MeetingFlagRow)
        .where(*which)
        .order_by(MeetingFlagRow.raised_at, MeetingFlagRow.was_at, MeetingFlagRow.id)
        .execution_options(populate_existing=True)
    )
    return [
        Flag(
            row.id,
            row.meeting_id,
            row.was_at,
            FlagState(row.state),
            row.words,
            row.starts_at,
            row.expires_at,
        )
        for row in rows
    ]


async def away(
    session: Session, lawyers: Sequence[str], span: tuple[datetime, datetime]
) -> list[tuple[datetime, datetime]]:
    """When, in that span, one of the lawyers has been said to be away."""
    rows = await session.execute(
        select(LawyerAbsenceRow.starts_at, LawyerAbsenceRow.ends_at).where(
            LawyerAbsenceRow.lawyer_id.in_(lawyers),
            LawyerAbsenceRow.taken_back_at.is_(None),
            LawyerAbsenceRow.starts_at < span[1],
            LawyerAbsenceRow.ends_at > span[0],
        )
    )
    return [(starts_at, ends_at) for starts_at, ends_at in rows]


def _enter(session: Session, actor: Actor, what: str, flag_id: str, meeting_id: str) -> None:
    subject = Ref("meeting-flag", flag_id)
    record(session, tag(actor, f"meeting-flag:{what}"), actor=ref(actor), subject=subject, meeting=meeting_id)
