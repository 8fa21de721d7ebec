"""The composition root: one application from its settings.

`create_app` only puts the parts together; what needs the running loop (database, bus, media node, worker)
is opened by the lifespan and closed in the opposite order.
"""

import contextlib
from collections.abc import AsyncIterator

from fastapi import Depends, FastAPI

from core.bus import Bus, open_bus
from core.db import Database
from core.settings import Settings
from ledger import record
from people.means import Means
from signaling.whip import Sessions
from web import errors, i18n, working_days
from web.edge import Arrivals, BodyLimit, Edge
from web.media import MediaNode
from web.metrics import Metrics
from web.routes import (
    absence,
    account,
    admin,
    aid,
    allowance,
    api,
    api_invitations,
    approvals,
    ask,
    audit,
    booking,
    call,
    cases,
    changing,
    complaints,
    conduct,
    counsel,
    course,
    defence_notices,
    demo,
    directory,
    erasures,
    evidence,
    family,
    find,
    gathering_desk,
    gatherings,
    handouts,
    happenings,
    health,
    help_day,
    inside,
    invitations,
    lights,
    longer,
    meeting_times,
    meetings,
    my_data,
    officer,
    papers,
    parts,
    pick,
    planner,
    public,
    recordings,
    referrals,
    rehearsal,
    relationship,
    relisten,
    reviews,
    roster,
    signin,
    sitting,
    staff_signin,
    terminal,
    wall,
    watching,
    whip,
    wishes,
)
from web.security import check_csrf
from web.services import Services
from web.static_files import HashedFiles
from web.worker import Worker

# Every page and every address of the platform stands in one of these, in this order.
ROUTERS = (
    health.router,
    public.router,
    signin.router,
    staff_signin.router,
    account.router,
    family.router,
    relationship.router,
    parts.router,
    booking.router,
    pick.router,
    changing.router,
    allowance.router,
    api.router,
    call.router,
    sitting.router,
    watching.router,
    gatherings.router,
    gathering_desk.router,
    whip.router,
    terminal.router,
    inside.router,
    ask.router,
    aid.router,
    complaints.router,
    conduct.router,
    course.router,
    officer.router,
    planner.router,
    happenings.router,
    absence.router,
    help_day.router,
    roster.router,
    rehearsal.router,
    wall.router,
    longer.router,
    wishes.router,
    invitations.router,
    api_invitations.router,
    wishes.api,
    approvals.router,
    admin.router,
    counsel.router,
    meeting_times.router,
    meetings.router,
    cases.router,
    defence_notices.router,
    lights.router,
    directory.router,
    reviews.router,
    referrals.router,
    papers.router,
    relisten.router,
    recordings.router,
    find.router,
    evidence.router,
    handouts.router,
    erasures.router,
    my_data.router,
    audit.router,
    demo.router,
)


def create_app(settings: Settings) -> FastAPI:
    """The application; nothing is opened before its lifespan begins."""
    app = FastAPI(
        title="Kinbridge",
        version="1",
        description="Supervised family visits by video. Errors: `{code, text, reasons}`.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(check_csrf)],
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.static = HashedFiles()
    for language in i18n.LANGUAGES:
        i18n.catalog(language)  # a catalog that cannot be read stops the start, not a page
    errors.install(app)
    # The last added is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(Arrivals, owner=app)
    app.add_middleware(Edge, owner=app)
    app.mount("/static", app.state.static, name="static")
    for router in ROUTERS:
        app.include_router(router)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with contextlib.AsyncExitStack() as stack:
        db = Database.connect(settings.sqlalchemy_url)
        stack.push_async_callback(db.close)
        record.install(db)
        bus = open_bus(settings.redis_url)
        stack.push_async_callback(bus.close)
        app.state.services = Services(settings, db, bus, Means.of(settings, bus), Metrics())
        await _start_media(stack, app.state.services)
        await stack.enter_async_context(working_days.known(db))
        app.state.whip = Sessions(db, bus)
        stack.push_async_callback(app.state.whip.close)
        await _start_worker(stack, settings, db, bus)
        yield


async def _start_media(stack: contextlib.AsyncExitStack, services: Services) -> None:
    if services.settings.embed_media:
        node = MediaNode(services.settings, services.db, services.bus)
        await node.start()
        stack.push_async_callback(node.stop)
        services.metrics.watch(node)


async def _start_worker(stack: contextlib.AsyncExitStack, settings: Settings, db: Database, bus: Bus) -> None:
    if settings.embed_worker:
        worker = Worker(settings, db, bus)
        worker.start()
        stack.push_async_callback(worker.stop)
