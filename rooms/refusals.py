"""Why somebody is not let into a room: leaves of the one error tree, the same codes on HTTP and socket."""

from datetime import datetime

from core.errors import Conflict, Forbidden, Unauthorised


class VisitNotOpen(Conflict):
    code = "visit-not-open"
    text = "The visit is not open yet. You can come in from {opens_at} on."

    def __init__(self, opens_at: datetime) -> None:
        self.opens_at = opens_at
        super().__init__(opens_at=opens_at.isoformat())


class VisitOver(Conflict):
    code = "visit-over"
    status = 410
    text = "This visit is over or does not take place."


class RelationshipEnded(Forbidden):
    code = "relationship-ended"
    text = "You are no longer registered as a visitor of this inmate. Please ask the prison."


class SeatRefused(Forbidden):
    code = "seat-refused"
    text = "An officer has removed you from this visit."


class TicketInvalid(Unauthorised):
    code = "ticket-invalid"
    text = "This way into the visit is not valid any more. Please open the page again."


class TicketExpired(Unauthorised):
    code = "ticket-expired"
    text = "This took too long. Please open the page again."


class NoOfficerHere(Forbidden):
    code = "no-officer-here"
    text = (
        "This talk is confidential: no officer and no administrator can take part in it, see it or hear it. "
        "That you tried is entered in the ledger."
    )
