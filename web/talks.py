"""What the pages say of closed meetings: how closed, what kind, and for whom each of the parties waits. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from rooms.confidentiality import Confidentiality, RoomKind
from rooms.model import SeatRole
from rooms.powers import LEADS, Oversight
from web.i18n import N_

# What people are told of each confidentiality: (short, long).
TOLD: Mapping[Confidentiality, tuple[str, str]] = {
    Confidentiality.UNMONITORED: (
        N_("Not recorded, not monitored"),
        N_(
            "Nobody of the prison can hear or see this talk, and nothing is recorded. No such connection exists."
        ),
    ),
    Confidentiality.VISUAL_ONLY: (
        N_("Not recorded, not heard"),
        N_(
            "An officer may see the picture and hears nothing: no sound goes to the prison. Nothing is recorded."
        ),
    ),
    Confidentiality.OFFICER_PRESENT: (
        N_("An officer is present, not recorded"),
        N_("An officer sees and hears this talk. Nothing is recorded."),
    ),
}
KINDS: Mapping[RoomKind, str] = {
    RoomKind.LEGAL: N_("Lawyer's meeting"),
    RoomKind.TURN: N_("Talk with a lawyer"),
    RoomKind.MEDIATION: N_("Mediation"),
    RoomKind.COUNSELLING: N_("Counsellor's hour"),
}
ROLES: Mapping[SeatRole, str] = {
    SeatRole.INMATE: N_("Inmate"),
    SeatRole.RELATIVE: N_("Family"),
    SeatRole.COUNSEL: N_("Counsel"),
    SeatRole.ASSISTANT: N_("Assistant"),
    SeatRole.INTERPRETER: N_("Interpreter"),
    SeatRole.MEDIATOR: N_("Mediator"),
    SeatRole.COUNSELLOR: N_("Counsellor"),
}
_LEAD_HERE = {
    SeatRole.COUNSEL: N_("The lawyer is here"),
    SeatRole.MEDIATOR: N_("The mediator is here"),
    SeatRole.COUNSELLOR: N_("The counsellor is here"),
}
# (title of the lobby while the inmate is waited for, name of that step), for each who waits
_INMATE_HERE = {
    SeatRole.COUNSEL: ("client", N_("Your client is here")),
    SeatRole.RELATIVE: ("inmate", N_("Your family member is here")),
}
_ANYBODY = ("person", N_("The inmate is here"))
_TITLES = {SeatRole.COUNSEL: "leader", SeatRole.MEDIATOR: "mediator", SeatRole.COUNSELLOR: "counsellor"}
_OFFICER = [("officer", N_("An officer is present")), ("admission", N_("The officer confirms who you are"))]
_START = ("start", N_("It is time"))


@dataclass(frozen=True, slots=True)
class Waits:
    """`steps`: (name, message id) in their order; `other`: the waiting reason of the first one; `awaits`, `then`:
    which titles of the lobby stand while the first, and while the inmate, is missing."""

    steps: list[tuple[str, str]]
    other: str
    awaits: str
    then: str


def waits(kind: RoomKind, role: SeatRole, oversight: Oversight) -> Waits:
    """For whom somebody in this role waits before the talk begins."""
    lead = LEADS[kind]
    after = [*(_OFFICER if oversight.admission else []), _START]
    title, words = _INMATE_HERE.get(role, _ANYBODY)
    if role is lead:
        return Waits([("other", words), *after], "for-inmate", title, title)
    yours = role is SeatRole.INMATE and lead is SeatRole.COUNSEL
    first = ("other", N_("Your lawyer is here") if yours else _LEAD_HERE[lead])
    inmate = [] if role is SeatRole.INMATE else [("inmate", words)]
    return Waits([first, *inmate, *after], "for-family", "lawyer" if yours else _TITLES[lead], title)
