"""Re-listening: the queue with its lights, and notes that two who listen see of each other."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from core.db import Session
from core.errors import NotFound
from people.model import Identity
from recording import reviews
from recording import service as recordings
from rooms.words import MARKS
from scheduler import repository as scheduler
from web import duty, i18n, lights, listening
from web.deps import AtTheDoor, Db
from web.duty import Officer
from web.forms import Text
from web.templating import redirect, render

router = APIRouter(include_in_schema=False)


@router.get("/officer/review")
async def queue(request: Request, db: Db, who: Officer) -> Response:
    async with db.read() as session:
        on = await duty.of(session, who)
        waiting = await reviews.waiting(session, on.prison.id)
        rows = [
            (one, await scheduler.get(session, one.booking_id), lights.of_deadline(one.due_at, on.now))
            for one in waiting
        ]
    return render(
        request,
        "recordings/review.html",
        rows=rows,
        why=reviews.WHY,
        outcomes=[*reviews.OUTCOMES.items()],
        zone=on.zone,
        prison_name=on.prison.name,
    )


@router.post("/officer/review/{booking_id}/take")
async def take(db: Db, who: Officer, booking_id: str) -> Response:
    async with db.write() as session:
        await reviews.take(session, who, booking_id)
    return redirect(f"/recordings/{booking_id}")


@router.post("/officer/review/{booking_id}/done")
async def done(db: Db, who: Officer, booking_id: str, outcome: Text = "", words: Text = "") -> Response:
    async with db.write() as session:
        await reviews.finish(session, who, booking_id, outcome, words)
    return redirect("/officer/review")


class NoteIn(BaseModel):
    """`at_ms`: on the visit's timeline."""

    at_ms: int = Field(ge=0, le=86_400_000)
    code: str = Field(default="", max_length=40)
    words: str = Field(default="", max_length=500)


async def _listens(session: Session, who: Identity, booking_id: str, opening: str) -> None:
    """Only who has said why may write or read notes here. Raises `NotFound`, `ListeningEnded`."""
    booking = await scheduler.get(session, booking_id)
    takes = await recordings.of_booking(session, booking_id)
    if booking.prison_id != who.prison_id or not takes:
        raise NotFound
    await listening.leave(session, who, takes[0].id, opening)


@router.post("/recordings/{booking_id}/{opening}/notes")
async def write(db: Db, who: Officer, booking_id: str, opening: str, note: NoteIn) -> Response:
    async with db.write() as session:
        await _listens(session, who, booking_id, opening)
        await reviews.note(session, who, booking_id, note.at_ms, note.code, note.words)
    return JSONResponse({"written": True}, 201)


@router.get("/recordings/{booking_id}/{opening}/notes")
async def read(db: Db, who: Officer, booking_id: str, opening: str, door: AtTheDoor) -> Response:
    async with db.read() as session:
        await _listens(session, who, booking_id, opening)
        found = await reviews.notes(session, booking_id)
    told = [
        {
            "at_ms": one.at_ms,
            "text": i18n.translate(door.language, MARKS[one.code]) if one.code else "",
            "words": one.words,
            "by": one.officer_name,
        }
        for one in found
    ]
    return JSONResponse({"notes": told}, headers={"cache-control": "private, no-store"})
