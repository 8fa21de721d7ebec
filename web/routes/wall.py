"""The wall: all calls of a shift as tiles, tasks beside them; and the shift's page without a script."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from core import clock
from core.db import Session
from core.errors import KinbridgeError
from people import repository as people
from people.model import Identity, Role
from rooms import desk_tasks, desk_watch, watches
from rooms import service as rooms
from rooms.desk_tasks import Kind, Task
from rooms.watches import HandOver, Watcher, Why
from scheduler import repository as scheduler
from scheduler import service as scheduling
from web import board, duty, i18n, wall
from web.board import Row
from web.deps import AtTheDoor, Db
from web.duty import Duty, Monitor
from web.forms import Text, at_fields
from web.i18n import N_
from web.templating import redirect, render
from web.visitor import Visitor

router = APIRouter(include_in_schema=False)
_CALLED = N_("You are called: nobody supervises {name}'s call.")


@dataclass(frozen=True, slots=True)
class _Shift:
    """What stands on the wall for one officer."""

    on: Duty
    rows: list[Row]
    watchers: dict[str, Watcher]
    tasks: list[Task]
    handed: list[HandOver]
    most: int

    def mine(self, me: str) -> list[str]:
        return [one for one, watcher in self.watchers.items() if watcher.officer_id == me]


async def _shift(session: Session, who: Identity) -> _Shift:
    on = await duty.of(session, who)
    bookings = [
        one for one in await scheduler.on_day(session, on.prison.id, on.today) if one.state in board.SHOWN
    ]
    visits = [(one, await rooms.room_of(session, one.id)) for one in bookings]
    rows = [row for row in board.rows(visits, on.now) if wall.shown(row)]
    return _Shift(
        on,
        sorted(rows, key=lambda row: (row.booking.starts_at, row.booking.id)),
        await watches.of(session, on.prison.id, [row.booking for row in rows]),
        await desk_tasks.open_in(session, on.prison.id),
        await watches.left_to(session, who.subject.id),
        await watches.most_at_once(session, on.prison.id, who.subject.id),
    )


@router.get("/officer/wall")
async def page(request: Request, db: Db, who: Monitor, door: AtTheDoor) -> Response:
    async with db.read() as session:
        shift = await _shift(session, who)
    return render(
        request,
        "wall/wall.html",
        page={**_told(shift, who, door), "state": "/officer/wall/state", "sizes": wall.SIZES},
        sizes=wall.SIZES,
        prison_name=shift.on.prison.name,
        outcomes=[(code, text) for code, text in desk_tasks.OUTCOMES.items() if code != desk_tasks.BY_ITSELF],
    )


@router.get("/officer/wall/state")
async def state(db: Db, who: Monitor, door: AtTheDoor) -> Response:
    async with db.read() as session:
        return JSONResponse(_told(await _shift(session, who), who, door))


def _told(shift: _Shift, who: Identity, door: Visitor) -> dict[str, Any]:
    def say(text: str) -> str:
        return i18n.translate(door.language, text)

    by_id = {row.booking.id: row for row in shift.rows}
    me = who.subject.id
    return {
        "calls": [wall.call(row, shift.watchers.get(row.booking.id), me, say) for row in shift.rows],
        "tasks": wall.tasks(shift.tasks, by_id, shift.watchers, me, say),
        "handed": wall.handed(shift.handed),
        "most": shift.most,
        "zone": shift.on.zone,
    }


@router.get("/officer/paged")
async def paged(db: Db, who: Monitor, door: AtTheDoor) -> Response:
    """The calls to which the platform has called this officer because the one before is missing, as long as nobody is
    there; asked by the pages on which officers stay for long."""
    async with db.read() as session:
        on = await duty.of(session, who)
        calls = await desk_watch.calls_now(session, on.prison.id)
        present = await watches.of(session, on.prison.id, calls)
        waiting = await desk_tasks.open_in(session, on.prison.id)
    missing = {task.booking_id for task in waiting if task.kind is Kind.MONITOR_MISSING}
    mine = {
        booking_id
        for booking_id, watcher in present.items()
        if watcher.why is Why.PAGED and watcher.officer_id == who.subject.id
    }
    told = [
        {"booking": call.id, "words": i18n.translate(door.language, _CALLED, {"name": call.inmate_name})}
        for call in calls
        if call.id in missing & mine
    ]
    return JSONResponse({"calls": told})


@router.post("/officer/wall/{booking_id}/take")
async def take(db: Db, who: Monitor, booking_id: str) -> Response:
    async with db.write() as session:
        on = await duty.of(session, who)
        booking = await scheduling.get_for(session, who, booking_id)
        await watches.take(session, who, booking, await desk_watch.calls_now(session, on.prison.id))
    return JSONResponse({"taken": True}, 201)


@router.post("/officer/tasks/{task_id}/take")
async def take_task(request: Request, db: Db, who: Monitor, task_id: str) -> Response:
    async with db.write() as session:
        await desk_tasks.take(session, who, task_id)
    return _answer(request)


@router.post("/officer/tasks/{task_id}/done")
async def finish_task(
    request: Request, db: Db, who: Monitor, task_id: str, outcome: Text = "looked"
) -> Response:
    async with db.write() as session:
        await desk_tasks.finish(session, who, task_id, outcome)
    return _answer(request)


@router.post("/officer/shift/seen/{hand_over_id}")
async def seen(request: Request, db: Db, who: Monitor, hand_over_id: str) -> Response:
    async with db.write() as session:
        await watches.seen(session, who, hand_over_id)
    return _answer(request)


def _answer(request: Request) -> Response:
    """To a script in JSON, to a form with the page it stood on."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"done": True}, 201)
    return redirect("/officer/shift")


@router.get("/officer/shift")
async def own(request: Request, db: Db, who: Monitor) -> Response:
    """Who supervises what, tasks, and handing over; works without a script."""
    return await _own(request, db, who, {}, {})


async def _own(
    request: Request, db: Db, who: Identity, values: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response:
    async with db.read() as session:
        shift = await _shift(session, who)
        staff = await people.staff_of(session, shift.on.prison.id)
    colleagues = [
        (one.id, one.name) for one in staff if Role.MONITOR in one.roles and one.id != who.subject.id
    ]
    rows = {row.booking.id: row for row in shift.rows}
    return render(
        request,
        "wall/shift.html",
        status=status,
        shift=shift,
        mine=shift.mine(who.subject.id),
        rows=rows,
        texts=desk_tasks.TEXTS,
        outcomes=[(code, text) for code, text in desk_tasks.OUTCOMES.items() if code != desk_tasks.BY_ITSELF],
        colleagues=colleagues,
        values=values,
        errors=errors,
        now=clock.now(),
        zone=shift.on.zone,
    )


@router.post("/officer/shift/hand-over")
async def hand_over(request: Request, db: Db, who: Monitor, to: Text = "", words: Text = "") -> Response:
    try:
        async with db.write() as session:
            on = await duty.of(session, who)
            await watches.hand_over(
                session, who, to, words, await desk_watch.calls_now(session, on.prison.id)
            )
    except KinbridgeError as error:
        return await _own(
            request, db, who, {"to": to, "words": words}, at_fields(request, error), error.status
        )
    return redirect("/officer/shift")
