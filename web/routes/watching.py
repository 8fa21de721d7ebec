"""Closed meetings for officers: those of the day, and the live page of one in which there is an officer's seat."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core import clock
from core.errors import NotFound
from core.ids import Ref
from ledger import read as ledger
from legalaid.confidential import BASES
from policy import repository as policies
from rooms import sittings
from rooms.agreed import SittingState
from rooms.words import TALK_ENDS
from scheduler import repository as scheduler
from web import duty, i18n, live, talks
from web.deps import AtTheDoor, Db
from web.duty import Monitor
from web.i18n import N_
from web.templating import render

router = APIRouter(include_in_schema=False)
_PAST = 200  # entries of the ledger shown when the page is opened
STATES = {
    SittingState.AGREED: N_("Agreed"),
    SittingState.OVER: N_("Over"),
    SittingState.CANCELLED: N_("Does not take place"),
}


@router.get("/officer/sittings")
async def of_today(request: Request, db: Db, who: Monitor) -> Response:
    """Whom to bring where, how closed it is, and where an officer is needed or may look on."""
    async with db.read() as session:
        on = await duty.of(session, who)
        found = await sittings.on_day(session, on.prison.id, *on.bounds(on.today))
        terminals = {one.id: one.place for one in await scheduler.terminals(session, on.prison.id)}
    return render(
        request,
        "officer/sittings.html",
        sittings=found,
        terminals=terminals,
        states=STATES,
        kinds=talks.KINDS,
        told=talks.TOLD,
        roles=talks.ROLES,
        now=clock.now(),
        today=on.today,
        zone=on.zone,
    )


@router.get("/officer/sittings/{sitting_id}")
async def desk(request: Request, sitting_id: str, db: Db, who: Monitor, door: AtTheDoor) -> Response:
    """The live page; an unmonitored meeting has none, for there is no officer in it."""
    async with db.read() as session:
        on = await duty.of(session, who)
        view = await sittings.get(session, sitting_id)
        agreed = view.agreed
        if agreed.prison_id != on.prison.id or agreed.topology.oversight.acts is None:
            raise NotFound
        rules = await policies.current(session, agreed.scope_id, agreed.starts_at)
        entries = await ledger.about(session, Ref("sitting", sitting_id), limit=_PAST)
        terminals = {one.id: one.place for one in await scheduler.terminals(session, on.prison.id)}
    short, told = talks.TOLD[agreed.confidentiality]
    lost, alone, paused, *_of_recordings = live.rules(rules.values)
    ended = {reason.value: text for reason, text in TALK_ENDS.items()}
    over = "" if view.state is SittingState.AGREED else ended.get(view.end_reason, live.NOT_TAKING_PLACE)
    data = {
        "booking": view.id,
        "ticket": f"/api/v1/sittings/{view.id}/ticket",
        "reconnectMs": round(rules.values.reconnect_window_s * 1000),
        "over": i18n.translate(door.language, over) if over else "",
        "zone": on.zone,
        "now": clock.now().isoformat(),
        "kinships": {code: i18n.translate(door.language, text) for code, text in live.KINSHIPS.items()},
    }
    outside = [party.name for party in agreed.parties if party.person.id != agreed.inmate_id]
    return render(
        request,
        "call/officer_sitting.html",
        page=data,
        booking={
            "inmate_name": agreed.inmate_name,
            "reference": agreed.reference,
            "starts_at": agreed.starts_at,
            "zone": on.zone,
            "minutes": agreed.minutes,
            "terminal_name": terminals.get(agreed.terminal_id or "", ""),
        },
        visitors=live.together(door.language, outside),
        kind=talks.KINDS[agreed.kind],
        short=short,
        told=told,
        basis=BASES[view.basis],
        events=live.past(entries),
        rules=[lost, *([alone] if agreed.topology.oversight.monitor else []), paused],
        home="/officer/sittings",
        playback="",
    )
