"""The approver's desk: what waits for an answer, sorted by its light; one case open beside it.

A decision is a conditional move below: whoever comes second gets 409 and sees what stands there now, and
who set it.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from web import duty
from web.deps import Db
from web.duty import Approver
from web.routes.approvals import allowance, desk, overbooking, relationships, suspensions, visits
from web.templating import render

router = APIRouter(include_in_schema=False)
router.include_router(relationships.router)
router.include_router(visits.router)
router.include_router(allowance.router)
router.include_router(overbooking.router)
router.include_router(suspensions.router)


@router.get("/approvals")
async def home(request: Request, db: Db, who: Approver) -> Response:
    async with db.read() as session:
        shown = await desk.of(session, await duty.of(session, who))
    return render(request, "approvals/home.html", **shown)
