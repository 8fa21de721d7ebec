"""The resident procurator's pages: read only, and whoever reads is entered too."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.record import record
from recording import days, stamping
from web import audit, duty
from web.deps import Svc
from web.duty import Auditor
from web.i18n import N_
from web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/audit")
async def home(request: Request, services: Svc, who: Auditor, month: str = "") -> Response:
    async with services.db.write() as session:
        on = await duty.of(session, who)
        wanted = audit.month_of(month, on.today, on.zone)
        interventions = await audit.counted(session, on.prison.id, wanted, audit.INTERVENTIONS)
        decisions = await audit.counted(session, on.prison.id, wanted, audit.DECISIONS)
        newest = next(iter(await days.latest(session, 1)), None)
        tag, subject = audit.entered(wanted)
        record(session, tag, actor=who.subject, subject=subject, page="supervision")
    tables = [
        (N_("Interventions in visits"), tuple(audit.INTERVENTIONS.values()), interventions),
        (N_("Decisions and looks"), tuple(audit.DECISIONS.values()), decisions),
    ]
    return render(
        request,
        "audit/home.html",
        on=on,
        month=wanted,
        tables=tables,
        newest=newest,
        unstamped=await stamping.unstamped(services.db) if services.settings.timestamp_url else None,
    )


@router.get("/audit/listening")
async def listening(request: Request, services: Svc, who: Auditor, month: str = "") -> Response:
    async with services.db.write() as session:
        on = await duty.of(session, who)
        wanted = audit.month_of(month, on.today, on.zone)
        rows = await audit.listened(session, on.prison.id, wanted)
        tag, subject = audit.entered(wanted)
        record(session, tag, actor=who.subject, subject=subject, page="listening")
    return render(request, "audit/listening.html", on=on, month=wanted, rows=rows)
