"""Recorded visits for programs of the prison: the same question as on the page, the same rights."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from recording import finding
from web import duty
from web.api_models import ErrorOut
from web.deps import Db
from web.duty import Officer
from web.finding import Question_, place
from web.routes.recordings import Recorded, recorded

router = APIRouter(
    prefix="/api/v1", tags=["recordings"], responses={status: {"model": ErrorOut} for status in (401, 403)}
)


class TakeOut(BaseModel):
    id: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    manifest: str | None


class RecordedOut(BaseModel):
    """A visit with its recordings."""

    booking: str
    reference: str
    inmate: str
    visitors: list[str]
    wing: str
    takes: list[TakeOut]


class FoundOut(BaseModel):
    """A page, the latest first. `after`: what to ask for the next page with; empty on the last."""

    visits: list[RecordedOut]
    after: str


@router.get("/recordings")
async def find(db: Db, who: Officer, asked: Question_) -> FoundOut:
    """By `q` (name, reference, words in notes), `day` (of the prison), `wing`, `officer`, `mark` (tag of an event),
    `reason` (code), `light` (red, yellow, green, grey)."""
    async with db.read() as session:
        on = await duty.of(session, who)
        found = await finding.visits(session, asked.question(on))
        visits = [_out(await recorded(session, booking_id)) for booking_id in found.bookings]
    return FoundOut(visits=visits, after=place(found.following) if found.following else "")


def _out(visit: Recorded) -> RecordedOut:
    b = visit.booking
    return RecordedOut(
        booking=b.id,
        reference=b.reference,
        inmate=b.inmate_name,
        visitors=[one.name for one in b.visitors],
        wing=b.wing_name,
        takes=[
            TakeOut(
                id=take.id,
                state=take.state.value,
                started_at=take.started_at,
                ended_at=take.ended_at,
                manifest=take.seal.digest if take.seal else None,
            )
            for take in visit.takes
        ],
    )
