"""How a call went: the prison's page with every number, and the family's that says why it broke."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from core import clock
from core.db import Session
from core.errors import NotFound
from core.ids import Ref
from ledger import read as ledger
from ledger.chain import Entry
from ledger.record import record
from people.model import Identity, Role
from recording import repository as recordings
from rooms import call_log, redress
from rooms import service as rooms
from rooms.course import Course
from scheduler import offering
from scheduler import service as scheduler
from scheduler.model import BookingView
from web import course as words
from web import course_file, course_paper, history
from web.deps import Attending, AtTheDoor, Db, Relative, staff
from web.templating import render
from web.timeline import scale

router = APIRouter(include_in_schema=False)
Reader = Annotated[Identity, Depends(staff(Role.MONITOR, Role.APPROVER, Role.AUDITOR))]


@dataclass(frozen=True, slots=True)
class _Call:
    booking: BookingView
    course: Course | None
    entries: tuple[Entry, ...]


async def _theirs(session: Session, who: Identity, booking_id: str, how: str) -> _Call:
    """The call, if it is of the reader's prison; that it was read is entered. Raises `NotFound`."""
    booking = await scheduler.get(session, booking_id)
    if booking.prison_id != who.prison_id:
        raise NotFound
    side = "auditor" if Role.AUDITOR in who.roles else "officer"
    about = Ref("booking", booking_id)
    record(session, f"{side}:call-log:read", actor=who.subject, subject=about, how=how)
    return _Call(
        booking,
        await call_log.course(session, booking),
        tuple(await ledger.about(session, about)),
    )


@router.get("/officer/visits/{booking_id}/log")
async def page(request: Request, booking_id: str, db: Db, who: Reader) -> Response:
    async with db.write() as session:
        call = await _theirs(session, who, booking_id, "page")
        acts = await rooms.acts_of(session, booking_id)
        people = {act.officer_id for act in acts}
        names = await history.names_of(session, [Ref("officer", one) for one in people])
        made_good = await redress.of(session, booking_id)
        recorded = await recordings.latest_of(session, booking_id) is not None
    course = call.course
    context: dict[str, Any] = {} if course is None else _drawn(course, call)
    return render(
        request,
        "course/officer.html",
        booking=call.booking,
        course=course,
        acts=acts,
        officers={ref.id: name for ref, name in names.items()},
        made_good=made_good,
        recorded=recorded,
        sides=words.SIDES,
        whose=words.whose,
        weak=words.WEAK,
        zone=call.booking.zone,
        **context,
    )


def _drawn(course: Course, call: _Call) -> dict[str, Any]:
    return {
        "talk": words.talk(course),
        "lines": words.lines(course),
        "sights": words.sights(course),
        "steps": words.steps(course, call.entries),
        "scale": scale(words.total_ms(course)),
        "ended": words.why_ended(course),
        "counts": words.counts(call.booking, course),
        "ours": words.ours(course),
        "theirs": words.theirs(course),
        "curves": {
            seat.id: [words.curve(course, seat.id, name, most, 40) for name, most in words.CURVES]
            for seat in course.record.seats
        },
        "heard": lambda viewer, shown: words.together(course, viewer, shown, "sound"),
        "watched": lambda viewer, shown: words.together(course, viewer, shown, "picture"),
    }


@router.get("/officer/visits/{booking_id}/log.json")
async def data(booking_id: str, db: Db, who: Reader) -> Response:
    async with db.write() as session:
        call = await _theirs(session, who, booking_id, "json")
    if call.course is None:
        raise NotFound
    name = f"call-{call.booking.reference}.json"
    return JSONResponse(
        course_file.of(call.booking, call.course, call.entries, clock.now()), headers=_as_file(name)
    )


@router.get("/officer/visits/{booking_id}/log.pdf")
async def paper(booking_id: str, db: Db, who: Reader, door: AtTheDoor) -> Response:
    async with db.write() as session:
        call = await _theirs(session, who, booking_id, "pdf")
    if call.course is None:
        raise NotFound
    made = await asyncio.to_thread(
        course_paper.of, door.language, call.booking, call.course, call.entries, clock.now()
    )
    return Response(
        made, media_type="application/pdf", headers=_as_file(f"call-{call.booking.reference}.pdf")
    )


@router.get("/visits/{booking_id}/log")
async def told(request: Request, booking_id: str, db: Db, who: Attending) -> Response:
    """For whoever takes part, at either end: what was lost, on whose side, and what was made good."""
    inside = Role.TERMINAL in who.roles
    async with db.read() as session:
        booking = await scheduler.get_for(session, who, booking_id)
        course = await call_log.course(session, booking)
        made_good = await redress.of(session, booking_id)
        offer = (await offering.of_bookings(session, [booking_id])).get(booking_id)
    return render(
        request,
        "course/inside.html" if inside else "course/family.html",
        view=booking,
        course=course,
        made_good=made_good,
        offer=offer,
        why=partial(words.why, inside=inside, told=_told(course, inside=inside)),
        talk=words.talk(course) if course is not None else None,
        scale=scale(words.total_ms(course)) if course is not None else (),
        ended=words.why_ended(course, told=_told(course, inside=inside)) if course is not None else "",
        counts=words.counts(booking, course) if course is not None else "",
        anyway=words.counts_anyway(course) if course is not None else False,
        ours=words.ours(course) if course is not None else 0,
        late=words.late(course) if course is not None else 0,
    )


def _told(course: Course | None, *, inside: bool) -> bool:
    """Whether this end may read the officer's reasons."""
    return course is not None and (course.promise.told_inside if inside else course.promise.told)


@router.get("/visits/{booking_id}/log.pdf")
async def told_on_paper(booking_id: str, db: Db, who: Relative, door: AtTheDoor) -> Response:
    """For the family alone: nothing is printed or kept at a terminal."""
    async with db.read() as session:
        booking = await scheduler.get_for(session, who, booking_id)
        course = await call_log.course(session, booking)
    if course is None:
        raise NotFound
    made = await asyncio.to_thread(course_paper.for_family, door.language, booking, course, clock.now())
    return Response(made, media_type="application/pdf", headers=_as_file(f"visit-{booking.reference}.pdf"))


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "private, no-store"}
