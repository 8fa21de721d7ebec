"""Who comes with a lawyer: an assistant (art. 6) and an interpreter (art. 7), beside the lawyer or at a device of their
own. Whoever has a device of their own has an account, of kind counsel, and a seat with their name."""

from core.db import Session
from core.errors import Reason
from core.ids import Ref
from legalaid.forms import NAME_MAX, reason
from legalaid.meeting_model import MeetingForm
from legalaid.meeting_tables import MeetingRow
from people import repository as people
from people.model import Staff, StaffKind
from rooms.agreed import Party
from rooms.model import SeatRole


async def find(session: Session, username: str) -> Staff | None:
    """The account by its user name; `None` for a name that is empty, unknown, or of somebody who is no counsel."""
    found = await people.find_staff(session, username) if username.strip() else None
    return found if found is not None and found.kind is StaffKind.COUNSEL and found.active else None


async def problems(session: Session, form: MeetingForm, lawyers: set[str]) -> list[Reason]:
    """A user name must be that of somebody else than the lawyers, and each of the two of somebody else."""
    found = []
    taken = set(lawyers)
    for field, username in (
        ("assistant_user", form.assistant_user),
        ("interpreter_user", form.interpreter_user),
    ):
        account = await find(session, username)
        if username.strip() and (account is None or account.id in taken):
            found.append(
                reason(
                    field,
                    "invalid",
                    "There is no such account for them. Leave it empty if they sit beside you.",
                )
            )
        elif account is not None:
            taken.add(account.id)
    return found


async def enter(session: Session, row: MeetingRow, form: MeetingForm) -> None:
    """Into a new meeting's row: a name alone sits beside the lawyer."""
    assistant = await find(session, form.assistant_user)
    interpreter = await find(session, form.interpreter_user)
    row.assistant = form.assistant.strip()[:NAME_MAX] or (assistant.name if assistant else "")
    row.interpreter = form.interpreter.strip()[:NAME_MAX] or (interpreter.name if interpreter else "")
    row.assistant_id = assistant.id if assistant else None
    row.interpreter_id = interpreter.id if interpreter else None
    row.interpreter_state = "asked" if row.interpreter else ""


def parties(row: MeetingRow) -> list[Party]:
    """The seats of those who have a device of their own; an interpreter's only once they are admitted."""
    seats = []
    if row.assistant_id is not None:
        seats.append(Party(SeatRole.ASSISTANT, Ref("counsel", row.assistant_id), row.assistant))
    if row.interpreter_id is not None and row.interpreter_state == "admitted":
        seats.append(Party(SeatRole.INTERPRETER, Ref("counsel", row.interpreter_id), row.interpreter))
    return seats
