"""Copies of recordings for somebody outside: asked for, approved by a second person, fetched once by a link."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from core.db import Session
from core.errors import NotFound, Reason, Refused
from core.ids import Ref
from people.model import Identity
from recording import bundling, handing_out
from recording.export_table import ExportRow
from recording.handing_out import ExportState
from scheduler.model import BookingView
from web import history
from web.deps import Db, Svc
from web.duty import Duty
from web.forms import Text, at_fields
from web.i18n import N_
from web.lights import Light, Tone
from web.ranges import body
from web.routes.evidence import Decider, Keeper, prison_in_view, visit, visit_of_keeper
from web.templating import redirect, render, sentence

router = APIRouter(include_in_schema=False)

STATES: dict[ExportState, Light] = {
    ExportState.ASKED: Light(Tone.YELLOW, N_("Waits for a second person")),
    ExportState.APPROVED: Light(Tone.YELLOW, N_("Being made")),
    ExportState.READY: Light(Tone.GREEN, N_("Ready to be fetched")),
    ExportState.FETCHED: Light(Tone.GREY, N_("Fetched")),
    ExportState.REFUSED: Light(Tone.RED, N_("Refused")),
    ExportState.FAILED: Light(Tone.RED, N_("Could not be made")),
    ExportState.EXPIRED: Light(Tone.GREY, N_("Not fetched in time")),
}
PURPOSES: dict[str, str] = {
    "court": N_("A court has asked for it"),
    "procuratorate": N_("A procuratorate has asked for it"),
    "counsel": N_("For counsel in a case, as the court allowed"),
    "complaint": N_("A complaint or an appeal"),
    "subject": N_("Somebody who is in it asks for their own"),
    "authority": N_("Another authority that is entitled to it"),
}
_PAGE_TIME_S = 3  # while a bundle is made, its page is loaded again this often


@dataclass(frozen=True, slots=True)
class Handout:
    """An export with its visit and the people who had to do with it."""

    one: ExportRow
    booking: BookingView
    asked_by: str
    decided_by: str

    @property
    def light(self) -> Light:
        return STATES[ExportState(self.one.state)]

    @property
    def purpose(self) -> str:
        return PURPOSES[self.one.purpose]


@router.get("/handouts")
async def listing(request: Request, db: Db, who: Keeper, prison: str = "") -> Response:
    async with db.read() as session:
        on = await prison_in_view(session, who, prison)
        found = [await _handout(session, one) for one in await handing_out.of_prison(session, on.prison.id)]
    return render(request, "handouts/list.html", found=found, on=on)


@router.get("/handouts/new/{booking_id}")
async def form(request: Request, db: Db, who: Keeper, booking_id: str) -> Response:
    async with db.read() as session:
        booking, on = await visit_of_keeper(session, who, booking_id)
    return _form(request, booking, on, {}, {})


@router.post("/handouts/new/{booking_id}")
async def ask(
    request: Request,
    db: Db,
    who: Keeper,
    booking_id: str,
    purpose: Text = "",
    words: Text = "",
    receiver: Text = "",
) -> Response:
    async with db.read() as session:
        booking, on = await visit_of_keeper(session, who, booking_id)
    try:
        async with db.write() as session:
            export_id = await handing_out.ask(session, who, booking_id, purpose, words, receiver)
    except Refused as error:
        values = {"purpose": purpose, "words": words, "receiver": receiver}
        return _form(request, booking, on, values, at_fields(request, error), error.status)
    return redirect(f"/handouts/{export_id}")


def _form(
    request: Request,
    booking: BookingView,
    on: Duty,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    purposes = [(code, sentence(request, Reason(code, text))) for code, text in PURPOSES.items()]
    return render(
        request,
        "handouts/new.html",
        status=status,
        booking=booking,
        on=on,
        values=values,
        errors=errors,
        purposes=purposes,
        words_max=handing_out.WORDS_MAX,
        receiver_max=handing_out.RECEIVER_MAX,
    )


@router.get("/handouts/{export_id}")
async def page(request: Request, db: Db, who: Keeper, export_id: str) -> Response:
    async with db.read() as session:
        found, on = await _one(session, who, export_id)
    return _page(request, found, on, who)


def _page(
    request: Request,
    found: Handout,
    on: Duty,
    who: Identity,
    errors: dict[str, str] | None = None,
    link: str = "",
    status: int = 200,
) -> Response:
    own = (found.one.asked_kind, found.one.asked_id) == (who.subject.kind, who.subject.id)
    response = render(
        request,
        "handouts/page.html",
        status=status,
        found=found,
        on=on,
        own=own,
        decides=handing_out.may_decide(who, found.one),
        link=link,
        errors=errors or {},
        words_max=handing_out.WORDS_MAX,
    )
    if found.one.state == ExportState.APPROVED.value:
        response.headers["refresh"] = str(_PAGE_TIME_S)  # the progress moves without a script
    return response


@router.post("/handouts/{export_id}/link")
async def link(request: Request, services: Svc, who: Keeper, export_id: str) -> Response:
    """Shown once: only its digest is kept."""
    async with services.db.write() as session:
        found, on = await _one(session, who, export_id)
        secret = await handing_out.link(session, who, export_id)
    return _page(request, found, on, who, link=f"{services.settings.public_url}/fetch/{secret}")


@router.post("/handouts/{export_id}/{decision}")
async def decide(
    request: Request,
    db: Db,
    who: Decider,
    export_id: str,
    decision: str,
    words: Text = "",
) -> Response:
    if decision not in ("approve", "refuse"):
        raise NotFound
    async with db.read() as session:
        found, on = await _one(session, who, export_id)
    try:
        async with db.write() as session:
            await handing_out.decide(session, who, export_id, decision == "approve", words)
    except Refused as error:
        return _page(request, found, on, who, at_fields(request, error), status=error.status)
    return redirect(f"/handouts/{export_id}")


@router.get("/fetch/{secret}")
async def door(request: Request, db: Db, secret: str) -> Response:
    """For whoever has the link; looking does not use it up (mail programs look at links, too)."""
    async with db.read() as session:
        one = await handing_out.by_link(session, secret)
    return render(request, "handouts/fetch.html", one=one, secret=secret)


@router.post("/fetch/{secret}")
async def fetch(services: Svc, secret: str) -> Response:
    """The bundle, once."""
    async with services.db.write() as session:
        one = await handing_out.use(session, secret)
        clear = await bundling.open_bundle(session, services.settings, one.id)
    return StreamingResponse(
        body(clear, 0, len(clear)),
        media_type="application/zip",
        headers={
            "content-length": str(len(clear)),
            "content-disposition": f'attachment; filename="{one.id}.zip"',
            "cache-control": "private, no-store",
        },
        background=BackgroundTask(bundling.forget, services.db, services.settings, one.id),
    )


async def _one(session: Session, who: Identity, export_id: str) -> tuple[Handout, Duty]:
    """`NotFound` for another prison's, as for none."""
    one = await handing_out.get(session, export_id)
    _, on = await visit_of_keeper(session, who, one.booking_id)
    return await _handout(session, one), on


async def _handout(session: Session, one: ExportRow) -> Handout:
    asked = Ref(one.asked_kind, one.asked_id)
    decided = Ref(one.decided_kind, one.decided_id) if one.decided_kind and one.decided_id else None
    names = await history.names_of(session, [asked, *([decided] if decided else [])])
    return Handout(
        one,
        await visit(session, one.booking_id),
        names[asked],
        names[decided] if decided else "",
    )
