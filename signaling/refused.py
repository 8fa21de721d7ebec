"""How a WHIP or WHEP request is refused: leaves of the one error tree, by the codes of docs/protocol.md."""

from core.errors import Conflict, Forbidden, KinbridgeError, Malformed, NotFound, Unauthorised, Unavailable
from rooms.errors import BadSdp
from rooms.refusals import RelationshipEnded, SeatRefused, TicketExpired, TicketInvalid, VisitOver
from signaling.entering import SessionEnded
from signaling.faults import FAULTS


class PreconditionFailed(KinbridgeError):
    code = "precondition-failed"
    status = 412
    text = "This is about a connection that is not the present one."


class PreconditionNeeded(KinbridgeError):
    code = "precondition-needed"
    status = 428
    text = "The request must name the connection it is about (If-Match)."


class NoIceRestart(KinbridgeError):
    code = "no-ice-restart"
    status = 422
    text = "The connection cannot be made anew in this way."


class NotSdp(Malformed):
    code = "not-sdp"
    status = 415
    text = "This must be a description of a connection (SDP)."


class TokenNeeded(Unauthorised):
    code = "token-needed"
    text = "A ticket is needed (Authorization: Bearer)."


class Elsewhere(Conflict):
    code = "elsewhere"
    text = FAULTS["elsewhere"].text


class Moved(Unavailable):
    code = "room-moved"
    text = FAULTS["room-moved"].text


_BY_CODE: dict[str, type[KinbridgeError]] = {
    kind.code: kind
    for kind in (
        BadSdp, Elsewhere, Forbidden, Moved, NoIceRestart, NotFound, PreconditionFailed, PreconditionNeeded,
        RelationshipEnded, SeatRefused, SessionEnded, TicketExpired, TicketInvalid, VisitOver,
    )
}  # fmt: skip


def refusal(code: str) -> KinbridgeError:
    """The error of a code that the room's node or another process told us."""
    return _BY_CODE.get({"ended": VisitOver.code}.get(code, code), Moved)()
