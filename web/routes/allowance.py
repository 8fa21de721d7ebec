"""The family's view of the visits: what was granted, used, given back or lost, line by line."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import NotFound
from people.model import RelationshipState
from scheduler import facts, statement
from web.allowance_words import WHATS
from web.deps import Db, Relative
from web.rule_words import CHANNELS
from web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/allowance/{inmate_id}")
async def page(request: Request, db: Db, who: Relative, inmate_id: str) -> Response:
    """Raises `NotFound` for an inmate whom this relative is not approved to see."""
    async with db.read() as session:
        ground, visiting = await facts.asking(session, who.subject.id, inmate_id)
        if visiting.state is not RelationshipState.APPROVED:
            raise NotFound
        statements = await statement.of(session, ground)
    return render(
        request,
        "family/allowance.html",
        inmate=ground.inmate,
        prison=ground.prison,
        zone=ground.prison.zone,
        statements=statements,
        whats=WHATS,
        channels=CHANNELS,
        mine=who.subject.id,
    )
