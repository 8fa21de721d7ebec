"""Who may do what in which room: one table, looked up everywhere, repeated nowhere. Pure.

A closed room is another *topology*, not a flag on a call: what its table does not name cannot be opened in it,
whatever a ticket, a policy or a restart says (rules, finding 8). A `Topology` exists only for a kind and a
confidentiality that go together (`rooms.confidentiality.ALLOWED`); it alone says which seats there are, which
m-lines their legs have, and whether there is anything that could record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from rooms.client import MediaKind
from rooms.confidentiality import ALLOWED, Confidentiality, RoomKind
from rooms.model import SeatRole


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
    EXTEND = "extend"
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

    def carries(self, shown: SeatRole) -> frozenset[MediaKind]:
        """What a line of this seat that is kept for somebody of that role can carry: nothing else has an m-line."""
        kinds = ((MediaKind.AUDIO, self.hears), (MediaKind.VIDEO, self.sees))
        return frozenset(kind for kind, roles in kinds if shown in roles)


@dataclass(frozen=True, slots=True)
class Oversight:
    """The officer's side of a room. `acts` None: there is no officer's seat. `announce`: an officer can speak to
    all. `monitor`, `recorder` and `admission` (an officer checks each face) are needed before anybody hears
    anybody. `sealed`: what people's browsers encrypt end to end, where they can."""

    acts: frozenset[Act] | None
    hears: bool
    announce: bool
    monitor: bool
    recorder: bool
    admission: bool
    sealed: frozenset[MediaKind]


_BOTH = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})
_SOUND = frozenset({MediaKind.AUDIO})
_NOTHING: frozenset[MediaKind] = frozenset()
_NOBODY: frozenset[SeatRole] = frozenset()
_LOOKING_ON = frozenset({Act.WARN, Act.PAUSE, Act.RESUME, Act.END})
_C = Confidentiality

OVERSIGHT: Mapping[Confidentiality, Oversight] = {
    _C.MONITORED: Oversight(
        frozenset(Act),
        hears=True,
        announce=True,
        monitor=True,
        recorder=True,
        admission=True,
        sealed=_NOTHING,
    ),
    _C.OFFICER_PRESENT: Oversight(
        frozenset(Act) - {Act.MARK, Act.EXTEND},
        hears=True,
        announce=True,
        monitor=True,
        recorder=False,
        admission=True,
        sealed=_NOTHING,
    ),
    _C.VISUAL_ONLY: Oversight(
        _LOOKING_ON,
        hears=False,
        announce=False,
        monitor=False,
        recorder=False,
        admission=False,
        sealed=_SOUND,
    ),
    _C.UNMONITORED: Oversight(
        None, hears=False, announce=False, monitor=False, recorder=False, admission=False, sealed=_BOTH
    ),
}

# Who meets whom. An officer is a party nowhere.
PARTIES: Mapping[RoomKind, frozenset[SeatRole]] = {
    RoomKind.FAMILY: frozenset({SeatRole.RELATIVE, SeatRole.INMATE}),
    RoomKind.LEGAL: frozenset({SeatRole.COUNSEL, SeatRole.ASSISTANT, SeatRole.INTERPRETER, SeatRole.INMATE}),
    RoomKind.TURN: frozenset({SeatRole.COUNSEL, SeatRole.INMATE}),
    RoomKind.MEDIATION: frozenset(
        {SeatRole.MEDIATOR, SeatRole.COUNSEL, SeatRole.RELATIVE, SeatRole.INTERPRETER, SeatRole.INMATE}
    ),
    RoomKind.COUNSELLING: frozenset({SeatRole.COUNSELLOR, SeatRole.INTERPRETER, SeatRole.INMATE}),
    RoomKind.CANARY: frozenset({SeatRole.COUNSEL, SeatRole.INMATE}),
}
# Without whom, beside the inmate, nothing begins or goes on: an interpreter alone with a client is no meeting.
LEADS: Mapping[RoomKind, SeatRole] = {
    RoomKind.FAMILY: SeatRole.RELATIVE,
    RoomKind.LEGAL: SeatRole.COUNSEL,
    RoomKind.TURN: SeatRole.COUNSEL,
    RoomKind.MEDIATION: SeatRole.MEDIATOR,
    RoomKind.COUNSELLING: SeatRole.COUNSELLOR,
    RoomKind.CANARY: SeatRole.COUNSEL,
}


class ForbiddenTopologyError(Exception):
    """A room was wanted that must not exist: a mistake in the code or a changed row. Nothing was opened."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Raises `ForbiddenTopologyError` for a kind that can never be so open, or so closed."""

    kind: RoomKind
    confidentiality: Confidentiality

    def __post_init__(self) -> None:
        if self.confidentiality not in ALLOWED[self.kind]:
            raise ForbiddenTopologyError(f"{self.kind} {self.confidentiality}")

    @property
    def oversight(self) -> Oversight:
        return OVERSIGHT[self.confidentiality]

    def leads(self, role: SeatRole) -> bool:
        return role is LEADS[self.kind]

    def power(self, role: SeatRole) -> Power | None:
        """The row of the table; `None`: such a seat does not exist in such a room."""
        return _power(self, role)


@cache
def _power(topology: Topology, role: SeatRole) -> Power | None:
    parties, oversight = PARTIES[topology.kind], topology.oversight
    taped = oversight.recorder
    if role is SeatRole.MONITOR:
        if oversight.acts is None:
            return None
        speaks = _SOUND if Act.SPEAK in oversight.acts else _NOTHING
        hears = parties if oversight.hears else _NOBODY
        return Power(speaks, hears, parties, oversight.acts, Taping.SPEAKING if taped else Taping.NEVER)
    if role not in parties:
        return None
    return Power(_BOTH, parties, parties, frozenset(), Taping.ALWAYS if taped else Taping.NEVER)
