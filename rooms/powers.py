"""Who may do what in which kind of visit: one table, looked up everywhere, repeated nowhere. Pure.

A privileged visit is another *kind* of call, not a flag on this one: its rows have no monitor, so that no
officer's leg and no recorder can be opened in it, whatever a ticket, a policy or a restart says (rules,
finding 8). An entry that is missing means: there is no such seat in such a visit.
"""

from dataclasses import dataclass
from enum import StrEnum

from rooms.client import MediaKind
from rooms.model import SeatRole
from scheduler.model import VisitKind


class Act(StrEnum):
    """What an officer can do in a room; see docs/protocol.md."""

    ADMIT = "admit"
    SEND_BACK = "send_back"
    REMOVE = "remove"
    WARN = "warn"
    MUTE = "mute"
    UNMUTE = "unmute"
    PAUSE = "pause"
    RESUME = "resume"
    SPEAK = "speak"
    SILENCE = "silence"
    END = "end"
    MARK = "mark"


class Taping(StrEnum):
    """When what a seat publishes goes into the recording."""

    ALWAYS = "always"
    SPEAKING = "speaking"  # only while the officer speaks in
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Power:
    """`hears` and `sees` name the roles whose sound and picture may reach this seat."""

    publishes: frozenset[MediaKind]
    hears: frozenset[SeatRole]
    sees: frozenset[SeatRole]
    acts: frozenset[Act]
    taping: Taping


@dataclass(frozen=True, slots=True)
class Supervision:
    """What a kind of visit needs before anybody hears anybody."""

    confidentiality: str  # as in `welcome`
    monitor: bool
    recorder: bool
    admission: bool  # an officer checks each face


_BOTH = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})
_SOUND = frozenset({MediaKind.AUDIO})
_FAMILY = frozenset({SeatRole.RELATIVE, SeatRole.INMATE})
_COUNSEL = frozenset({SeatRole.COUNSEL, SeatRole.INMATE})
_NOTHING: frozenset[Act] = frozenset()

POWERS: dict[tuple[VisitKind, SeatRole], Power] = {
    (VisitKind.FAMILY, SeatRole.RELATIVE): Power(_BOTH, _FAMILY, _FAMILY, _NOTHING, Taping.ALWAYS),
    (VisitKind.FAMILY, SeatRole.INMATE): Power(_BOTH, _FAMILY, _FAMILY, _NOTHING, Taping.ALWAYS),
    (VisitKind.FAMILY, SeatRole.MONITOR): Power(_SOUND, _FAMILY, _FAMILY, frozenset(Act), Taping.SPEAKING),
    (VisitKind.LEGAL, SeatRole.COUNSEL): Power(_BOTH, _COUNSEL, _COUNSEL, _NOTHING, Taping.NEVER),
    (VisitKind.LEGAL, SeatRole.INMATE): Power(_BOTH, _COUNSEL, _COUNSEL, _NOTHING, Taping.NEVER),
}

SUPERVISION: dict[VisitKind, Supervision] = {
    VisitKind.FAMILY: Supervision("monitored", monitor=True, recorder=True, admission=True),
    VisitKind.LEGAL: Supervision("unmonitored", monitor=False, recorder=False, admission=False),
}


def power(kind: VisitKind, role: SeatRole) -> Power | None:
    """The row of the table; `None`: such a seat does not exist in such a visit."""
    return POWERS.get((kind, role))
