"""Every error that a socket may be told: its code, its close code, its sentence. The table of docs/protocol.md."""

from dataclasses import dataclass

from rooms.errors import BadSdp
from rooms.refusals import RelationshipEnded, SeatRefused, TicketExpired, TicketInvalid, VisitOver

NORMAL = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """`close`: the code of the WebSocket's closing."""

    code: str
    close: int
    text: str


FAULTS: dict[str, Fault] = {
    fault.code: fault
    for fault in (
        Fault("bad-message", 4400, "Your browser sent something that we do not understand."),
        Fault("message-too-large", 1009, "Your browser sent a message that is too large."),
        Fault(BadSdp.code, 4400, BadSdp.text),
        Fault(TicketInvalid.code, 4401, TicketInvalid.text),
        Fault(TicketExpired.code, 4401, TicketExpired.text),
        Fault("session-ended", 4401, "You were signed out. Please sign in again."),
        Fault("forbidden", 4403, "You may not do this."),
        Fault(SeatRefused.code, 4403, SeatRefused.text),
        Fault(RelationshipEnded.code, 4403, RelationshipEnded.text),
        Fault("hello-late", 4408, "Your browser did not say who it is in time."),
        Fault("silent", 4408, "Nothing was heard from your browser for 15 seconds."),
        Fault("elsewhere", 4409, "You opened this visit in another window or on another device; it goes on there."),
        Fault(VisitOver.code, 4410, VisitOver.text),
        Fault("not-connected", 4412, "Picture and sound could not be connected. Try again, or use another network."),
        Fault("too-many", 4429, "Your browser sent too many messages at once."),
        Fault("internal", 1011, "Something went wrong on our side. Please come back in."),
        Fault("room-moved", 1012, "The connection to the visit was interrupted. We are bringing you back."),
    )
}  # fmt: skip
