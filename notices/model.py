"""The values of the outbox. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.ids import Ref


class NoticeState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"  # claimed by a worker
    SENT = "sent"
    SHOWN = "shown"  # no channel is configured: it is read in the outbox alone
    FAILED = "failed"  # after the last try
    LAPSED = "lapsed"  # its time was over before it could be sent
    CANCELLED = "cancelled"


# From which states each state may be reached.
MOVES: dict[NoticeState, frozenset[NoticeState]] = {
    NoticeState.QUEUED: frozenset({NoticeState.SENDING}),  # tried in vain, will be tried again
    NoticeState.SENDING: frozenset({NoticeState.QUEUED, NoticeState.SENDING}),  # again: the claim ran out
    NoticeState.SENT: frozenset({NoticeState.SENDING}),
    NoticeState.SHOWN: frozenset({NoticeState.SENDING}),
    NoticeState.FAILED: frozenset({NoticeState.SENDING}),
    NoticeState.LAPSED: frozenset({NoticeState.QUEUED, NoticeState.SENDING}),
    NoticeState.CANCELLED: frozenset({NoticeState.QUEUED}),
}
ENDED = frozenset(NoticeState) - {NoticeState.QUEUED, NoticeState.SENDING}

# How long to wait after each try in vain; after the last one it has failed.
BACKOFF = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice with its text in the reader's language. `id` is the idempotency key of its delivery."""

    id: str
    to: Ref
    address: str
    template: str
    language: str
    subject: str
    text: str
    state: NoticeState
    due_at: datetime
    tries: int
    problem: str
    created_at: datetime
    ended_at: datetime | None
