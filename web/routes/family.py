"""The family's home: the next visit first, then everything else that waits."""

from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from core import clock
from core.db import Session
from legalaid import gatherings
from people import repository as people
from people.model import KINSHIP_TEXTS, Relationship, RelationshipState
from scheduler import inviting
from scheduler import repository as schedule
from scheduler.model import OPEN_STATES, BookingState, BookingView
from web import telling
from web.deps import AtTheDoor, Db, Relative
from web.i18n import translate
from web.routes import wishes
from web.templating import render

router = APIRouter(include_in_schema=False)
_PAST_SHOWN = 5
# The one thing of the page: what is promised comes before what is picked, and that before what waits.
_ORDER = {BookingState.CONFIRMED: 0, BookingState.HELD: 1}


@router.get("/home")
async def home(request: Request, db: Db, visitor: AtTheDoor, who: Relative) -> Response:
    now = clock.now()
    async with db.read() as session:
        bookings = await schedule.of_relative(session, who.subject.id)
        relationships = await people.relationships_of(session, who.subject.id)
        phones = await help_phones(session, {held.prison_id for held in relationships})
        coming, past = split(bookings, now)
        asked_to = await gatherings.pending(session, who.subject)
        invited = await inviting.of_relative(session, who.subject.id)
        waiting, moving = await wishes.of_home(session, who.subject.id, coming)
    told = {view.id: telling.booking(visitor.language, view, now) for view in bookings}
    return render(
        request,
        "family/home.html",
        now=now,
        asked_to=asked_to,
        invited=invited,
        waiting=waiting,
        moving=moving,
        next_visit=(coming[0], told[coming[0].id]) if coming else None,
        others=[(view, told[view.id]) for view in coming[1:]],
        past=[(view, told[view.id]) for view in past[:_PAST_SHOWN]],
        relationships=[
            (held, telling.relationship(visitor.language, held)) for held in _shown(relationships)
        ],
        kinships=kinships(visitor.language),
        can_book=any(
            held.state is RelationshipState.APPROVED and held.relative_id == who.subject.id
            for held in relationships
        ),
        phones=phones,
    )


def split(bookings: list[BookingView], now: datetime) -> tuple[list[BookingView], list[BookingView]]:
    """(what is to come, the most urgent first; what is over, the latest first)."""
    coming = [view for view in bookings if view.state in OPEN_STATES and view.slot_ends_at > now]
    past = [view for view in bookings if view not in coming]
    coming.sort(key=lambda view: (_ORDER.get(view.state, 2), view.starts_at))
    return coming, past


def _shown(relationships: list[Relationship]) -> list[Relationship]:
    """Withdrawn ones are history; they stand on their own page."""
    return [held for held in relationships if held.state is not RelationshipState.WITHDRAWN]


def kinships(language: str) -> dict[str, str]:
    return {key: translate(language, text) for key, text in KINSHIP_TEXTS.items()}


async def help_phones(session: Session, prison_ids: set[str]) -> list[tuple[str, str]]:
    """(name, number) of each prison that states one."""
    prisons = [await schedule.prison(session, prison_id) for prison_id in sorted(prison_ids)]
    return [(prison.name, prison.help_phone) for prison in prisons if prison and prison.help_phone]
