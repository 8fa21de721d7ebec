"""How closed a room is. Pure. It is decided once, with what is agreed, and from then on only ever more closed.

monitored        an officer sees and hears, and all is recorded
officer_present  an officer sees and hears, everybody is told so, nothing is recorded
visual_only      an officer may see; no sound leg towards an officer exists, and no recorder
unmonitored      neither an officer's leg nor a recorder exists
"""

from collections.abc import Mapping
from enum import StrEnum


class Confidentiality(StrEnum):
    MONITORED = "monitored"
    OFFICER_PRESENT = "officer_present"
    VISUAL_ONLY = "visual_only"
    UNMONITORED = "unmonitored"

    @property
    def closedness(self) -> int:
        """0 for the open end of the list above; what is agreed may only move up."""
        return list(Confidentiality).index(self)


class RoomKind(StrEnum):
    """What people meet for. The first two are also kinds of bookings (`scheduler.model.VisitKind`)."""

    FAMILY = "family"
    LEGAL = "legal"  # a lawyer meets a client
    TURN = "turn"  # a lawyer answers a question on a help day
    MEDIATION = "mediation"
    COUNSELLING = "counselling"  # psychological aid
    CANARY = "canary"  # legs of our own that prove each day that a closed room is closed


_C = Confidentiality
# What may be agreed for each kind at all. A family visit is never anything but monitored, legal talk never is.
ALLOWED: Mapping[RoomKind, frozenset[Confidentiality]] = {
    RoomKind.FAMILY: frozenset({_C.MONITORED}),
    RoomKind.LEGAL: frozenset({_C.OFFICER_PRESENT, _C.VISUAL_ONLY, _C.UNMONITORED}),
    RoomKind.TURN: frozenset({_C.UNMONITORED}),
    RoomKind.MEDIATION: frozenset({_C.OFFICER_PRESENT}),
    RoomKind.COUNSELLING: frozenset({_C.VISUAL_ONLY, _C.UNMONITORED}),
    RoomKind.CANARY: frozenset({_C.VISUAL_ONLY, _C.UNMONITORED}),
}
# A booking says only its kind; what a lawyer's booking does not say is taken for the most closed.
OF_BOOKING: Mapping[RoomKind, Confidentiality] = {
    RoomKind.FAMILY: _C.MONITORED,
    RoomKind.LEGAL: _C.UNMONITORED,
}
