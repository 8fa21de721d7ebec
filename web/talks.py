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
# What the daily proof looked at, by the part of a finding's code after the room's.
PROVED: Mapping[str, str] = {
    "sound-between-parties": N_("Sound packets between the two, as it should be"),
    "pictures-to-officer": N_("Picture packets to the officer, as it should be"),
    "sound-lines-to-officer": N_("Lines for sound to the officer"),
    "sound-to-officer": N_("Sound packets to the officer"),
    "secret-to-officer": N_("Packets to the officer with what was said"),
    "officers-seated": N_("Officers in the room"),
    "recordings": N_("Recordings"),
    "bytes-on-disk": N_("Files on the disk with what was said"),
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


def proved(code: str) -> tuple[str, str]:
    """In which room, and what was looked at there; a code of another version stands as it is."""
    room, _, what = code.partition(":")
    known = {how.value: short for how, (short, _) in TOLD.items()}
    return known.get(room, room), PROVED.get(what, what)


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
