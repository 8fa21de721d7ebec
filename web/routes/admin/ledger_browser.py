"""The ledger: what was entered, by tag or by whom and what it is about; and whether its chain holds."""

from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.ids import Ref
from ledger import read
from ledger.chain import Entry, Verdict
from ledger.record import record
from recording import days
from recording.days import DaysVerdict
from web import history
from web.deps import Svc
from web.duty import LedgerReader
from web.services import Services
from web.templating import render

router = APIRouter(include_in_schema=False)

PAGE = 50


@router.get("/admin/ledger")
async def browse(
    request: Request,
    services: Svc,
    _who: LedgerReader,
    tag: str = "",
    about: str = "",
    before: int | None = None,
) -> Response:
    return await _page(request, services, tag, about, before)


@router.post("/admin/ledger/verify")
async def verify(request: Request, services: Svc, who: LedgerReader) -> Response:
    """Reads the whole chain and checks it against the sealed days; a long one takes a while."""
    verdict = await read.verify(services.db)
    sealed = await days.check(services.db, services.settings.data_dir)
    async with services.db.write() as session:
        intact = verdict.intact and sealed.intact
        record(
            session, "auditor:ledger:checked", actor=who.subject, subject=Ref("ledger", "1"),
            entries=verdict.entries, intact=intact,
        )  # fmt: skip
    return await _page(request, services, "", "", None, verdict, sealed)


async def _page(
    request: Request,
    services: Services,
    tag: str,
    about: str,
    before: int | None,
    verdict: Verdict | None = None,
    sealed: DaysVerdict | None = None,
) -> Response:
    tag, about = tag.strip(), about.strip()
    async with services.db.read() as session:
        found = await read.latest(session, tag_prefix=tag, about=about, before=before, limit=PAGE + 1)
        shown = found[:PAGE]
        names = await history.names_of(session, (Ref(e.actor_kind, e.actor_id) for e in shown))
    return render(
        request,
        "admin/ledger.html",
        lines=[(entry, datetime.fromisoformat(entry.at), _by(entry, names)) for entry in shown],
        older=shown[-1].seq if len(found) > PAGE else None,
        tag=tag,
        about=about,
        verdict=verdict,
        sealed=sealed,
    )


def _by(entry: Entry, names: dict[Ref, str]) -> str:
    return names[Ref(entry.actor_kind, entry.actor_id)]
