"""The resident procurator's pages: read only, and whoever reads is entered too."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from ledger.record import record
from recording import days, stamping
from web import audit, audit_calls, duty
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
        desk = await audit.counted(session, on.prison.id, wanted, audit.DESK)
        tasks = await audit_calls.tasks(session, on.prison.id, wanted)
        reviews = await audit_calls.reviews(session, on.prison.id, wanted, on.now)
        newest = next(iter(await days.latest(session, 1)), None)
        tag, subject = audit.entered(wanted)
        record(session, tag, actor=who.subject, subject=subject, page="supervision")
    tables = [
        (N_("Interventions in visits"), tuple(audit.INTERVENTIONS.values()), interventions),
        (N_("At the desk"), tuple(audit.DESK.values()), desk),
        (N_("Decisions and looks"), tuple(audit.DECISIONS.values()), decisions),
    ]
    return render(
        request,
        "audit/home.html",
        on=on,
        month=wanted,
        tables=tables,
        tasks=tasks,
        reviews=reviews,
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


@router.get("/audit/calls")
async def calls(request: Request, services: Svc, who: Auditor, month: str = "", q: str = "") -> Response:
    """Each call of the month; its log tells who could see and hear whom at each second."""
    async with services.db.write() as session:
        on = await duty.of(session, who)
        wanted = audit.month_of(month, on.today, on.zone)
        rows = await audit_calls.calls(session, on.prison.id, wanted, q)
        tag, subject = audit.entered(wanted)
        record(session, tag, actor=who.subject, subject=subject, page="calls")
    return render(
        request, "audit/calls.html", on=on, month=wanted, rows=rows, q=q.strip(), most=audit_calls.MOST
    )
