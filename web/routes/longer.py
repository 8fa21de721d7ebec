"""More time for a call that runs, by whoever policy lets; and the way to one's next call."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from core.errors import Forbidden
from people.model import Role
from policy import repository as policies
from rooms import desk_watch, watches
from scheduler import extending
from scheduler import service as scheduler
from web import duty
from web.deps import Db
from web.duty import Monitor, Officer
from web.templating import redirect

router = APIRouter(include_in_schema=False)


class NotYoursToExtend(Forbidden):
    code = "not-yours-to-extend"
    text = "By the rules of this prison another office gives more time."


@router.post("/officer/visits/{booking_id}/longer")
async def longer(
    db: Db, who: Officer, booking_id: str, minutes: Annotated[int, Form(ge=1, le=240)]
) -> Response:
    """A form without a script; on the live page the act `extend` does the same."""
    async with db.write() as session:
        booking = await scheduler.get_for(session, who, booking_id)
        rules = (await policies.current(session, booking.wing_id, booking.starts_at)).values
        if not extending.may(rules.extension_by, who.roles):
            raise NotYoursToExtend
        await extending.extend(session, who, booking_id, minutes)
    deciding = Role.APPROVER in who.roles
    return redirect(f"/approvals/bookings/{booking_id}" if deciding else f"/officer/visits/{booking_id}")


@router.get("/officer/visits/{booking_id}/next")
async def following(db: Db, who: Monitor, booking_id: str) -> Response:
    """To the next of the calls that I supervise; where there is no other one, to the wall."""
    async with db.read() as session:
        on = await duty.of(session, who)
        calls = await desk_watch.calls_now(session, on.prison.id)
        present = await watches.of(session, on.prison.id, calls)
    order = sorted(
        (call.starts_at, call.id)
        for call in calls
        if call.id in present and present[call.id].officer_id == who.subject.id
    )
    mine = [one for _, one in order]
    at = mine.index(booking_id) + 1 if booking_id in mine else 0
    others = [one for one in mine[at:] + mine[:at] if one != booking_id]
    return redirect(f"/officer/visits/{others[0]}" if others else "/officer/wall")
