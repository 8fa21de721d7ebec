"""Lawyers' meetings with clients: asked for by the lawyer, decided by the prison, and the rule that allows them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, UploadFile
from starlette.responses import Response

from core import clock
from core.db import Session
from core.errors import Conflict, KinbridgeError, Malformed, NotFound, Refused
from core.ids import new_id
from legalaid import conduct, conduct_model, mandates, meeting_desk, meeting_flags, meeting_model, meetings
from legalaid.access import lawyer
from legalaid.confidential import BASES, CounsellingRule, OfficerRule
from legalaid.meeting_model import LATE_AFTER, STRIKE_SPAN, STRIKES, MeetingForm, MeetingState, Paper
from legalaid.meeting_tables import MeetingRuleRow
from people.model import PROOF_MAX_BYTES, Identity
from people.proofs import Upload
from rooms import proving
from scheduler import repository as scheduler
from web import duty, legal
from web.deps import Svc
from web.duty import Admin, Approver, Counsel
from web.forms import Text, at_fields
from web.i18n import N_
from web.routes.absence import FLAGS
from web.services import Services
from web.talks import TOLD, proved
from web.templating import redirect, render
from web.wording import BEIJING

router = APIRouter(include_in_schema=False)
# How a meeting's state is shown.
LIGHTS = {
    MeetingState.ASKED: "yellow",
    MeetingState.ARRANGED: "green",
    MeetingState.HELD: "green",
    MeetingState.MISSED: "red",
    MeetingState.REFUSED: "red",
}
_TABLES: dict[str, Any] = {
    "grounds": meeting_model.GROUNDS,
    "cases": meeting_model.CASES,
    "states": meeting_model.STATES,
    "paper_names": meeting_model.PAPERS,
    "engaged": meeting_model.ENGAGED,
    "interpreter_states": meeting_model.INTERPRETERS,
    "lights": LIGHTS,
    "bases": BASES,
    "told": {how.value: short for how, (short, _) in TOLD.items()},
    "clock_lights": legal.LIGHTS,
}
COUNSELLING_RULES = {
    "looks-on": (CounsellingRule.LOOKS_ON, N_("An officer may look on and hears nothing")),
    "alone": (CounsellingRule.ALONE, N_("Nobody looks on")),
}
OFFICER_RULES = {
    OfficerRule.LOOKS_ON: N_("An officer may look on and hears nothing"),
    OfficerRule.PRESENT: N_("An officer is present, sees and hears"),
}


@router.get("/counsel/meetings")
async def mine(request: Request, services: Svc, who: Counsel) -> Response:
    return await _mine(request, services, who, {}, {})


async def _mine(
    request: Request,
    services: Services,
    who: Identity,
    values: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Response:
    async with services.db.read() as session:
        me = await lawyer(session, who)
        found = await meetings.of_lawyer(session, who)
        strikes = await meetings.strikes(session, me.staff_id)
        unconfirmed = await mandates.refused_by(session, me.staff_id)
        moved = await meeting_flags.newest(session, [one.id for one in found])
        reports = await conduct.of_lawyer(session, me.staff_id)
        place = await duty.at(session, who.prison_id) if who.prison_id else None
        rule = await session.get(MeetingRuleRow, who.prison_id) if who.prison_id else None
    return render(
        request,
        "counsel/meetings.html",
        rule=rule,
        status=status,
        **_TABLES,
        meetings=found,
        strikes=strikes,
        strikes_most=STRIKES,
        unconfirmed=unconfirmed,
        moved=moved,
        reports=reports,
        report_states=conduct_model.STATES,
        flags=FLAGS,
        values={"minutes": "30", **values},
        errors=errors,
        key=values.get("key") or new_id("key"),
        zone=place.zone if place else BEIJING,
        max_bytes=PROOF_MAX_BYTES,
        now=clock.now(),
    )


@router.post("/counsel/meetings")
async def ask(request: Request, services: Svc, who: Counsel) -> Response:
    async with request.form() as sent:
        values = {name: value for name, value in sent.items() if isinstance(value, str)}
        found = [(paper, await _file(sent.get(paper.value))) for paper in Paper]
    files = {paper: upload for paper, upload in found if upload is not None}
    minutes = values.get("minutes", "")
    form = MeetingForm(
        inmate_number=values.get("inmate_number", ""),
        inmate_name=values.get("inmate_name", ""),
        ground=values.get("ground", ""),
        case_state=values.get("case_state", ""),
        key=values.get("key", "")[:100],
        minutes=int(minutes) if minutes.isdecimal() and len(minutes) < 4 else 0,
        second=values.get("second", "")[:60],
        assistant=values.get("assistant", "")[:60],
        interpreter=values.get("interpreter", "")[:60],
        assistant_user=values.get("assistant_user", "")[:60],
        interpreter_user=values.get("interpreter_user", "")[:60],
        engaged_by=values.get("engaged_by", ""),
    )
    try:
        async with services.db.write() as session:
            await meetings.ask(session, _box(services), who, form, files)
    except KinbridgeError as error:
        return await _mine(request, services, who, values, at_fields(request, error), error.status)
    return redirect("/counsel/meetings")


async def _file(sent: Any) -> Upload | None:
    if not hasattr(sent, "read") or not sent.filename:
        return None
    file: UploadFile = sent
    return Upload(file.filename or "", await file.read(PROOF_MAX_BYTES + 1))


def _box(services: Services) -> Any:
    return meetings.box(services.settings.secret_key.get_secret_value())


@router.post("/counsel/meetings/{meeting_id}/withdraw")
async def withdraw(services: Svc, who: Counsel, meeting_id: str, words: Text = "") -> Response:
    async with services.db.write() as session:
        await meetings.withdraw(session, who, meeting_id, words[:200])
    return redirect("/counsel/meetings")


@router.post("/counsel/meetings/{meeting_id}/case-opened")
async def case_opened(services: Svc, who: Counsel, meeting_id: str) -> Response:
    """The lawyer says that the case is open now: from then on nobody listens, whatever was arranged."""
    async with services.db.write() as session:
        row = await meetings.own(session, who, meeting_id)
        for lawyer_id in mandates.lawyers(row):
            await meeting_desk.case_opened(session, who, lawyer_id, row.inmate_id)
    return redirect("/counsel/meetings")


@router.get("/officer/meetings")
async def desk(request: Request, services: Svc, who: Approver) -> Response:
    return await _desk(request, services, who, {})


async def _desk(
    request: Request, services: Services, who: Identity, errors: dict[str, str], status: int = 200
) -> Response:
    async with services.db.read() as session:
        place = await duty.of(session, who)
        found = await meetings.of_prison(session, place.prison.id, clock.now() - STRIKE_SPAN)
        terminals = await scheduler.terminals(session, place.prison.id)
        reports = await conduct.of_meetings(session, place.prison.id)
    return render(
        request,
        "officer/meetings.html",
        status=status,
        **_TABLES,
        meetings=found,
        terminals=[(one.id, one.place) for one in terminals if one.active],
        errors=errors,
        zone=place.zone,
        now=clock.now(),
        late_before=clock.now() - LATE_AFTER,
        reports=reports,
        report_states=conduct_model.STATES,
    )


@router.get("/officer/meetings/papers/{paper_id}")
async def paper(services: Svc, who: Approver, paper_id: str) -> Response:
    async with services.db.write() as session:  # each look is entered
        media_type, data = await meeting_desk.paper(session, _box(services), who, paper_id)
    return Response(data, media_type=media_type, headers={"cache-control": "no-store"})


@router.post("/officer/meetings/papers/{paper_id}/original")
async def original(services: Svc, who: Approver, paper_id: str) -> Response:
    async with services.db.write() as session:
        await meeting_desk.original_seen(session, who, paper_id)
    return redirect("/officer/meetings")


@router.post("/officer/meetings/{meeting_id}/arrange")
async def arrange(
    request: Request, services: Svc, who: Approver, meeting_id: str, starts_at: Text = "", terminal: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            starts = await arranged_at(session, who, starts_at, terminal)
            await meeting_desk.arrange(session, who, meeting_id, starts, terminal)
    except (Conflict, Malformed, Refused) as error:
        return await _desk(request, services, who, at_fields(request, error), error.status)
    return redirect("/officer/meetings")


async def arranged_at(session: Session, who: Identity, starts_at: str, terminal: str) -> datetime:
    """When a form means, in the zone of the officer's prison. Raises `NotFound` for a terminal that is not in use
    there, and what `moment` raises."""
    place = await duty.of(session, who)
    if terminal not in {one.id for one in await scheduler.terminals(session, place.prison.id) if one.active}:
        raise NotFound
    return moment(starts_at, place.zone)


def moment(text: str, zone: str) -> datetime:
    """From `YYYY-MM-DDTHH:MM` of the prison's wall clock; what is no time is long over."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        return datetime.fromtimestamp(0, ZoneInfo(zone))


@router.post("/officer/meetings/{meeting_id}/refuse")
async def refuse(
    request: Request, services: Svc, who: Approver, meeting_id: str, words: Text = ""
) -> Response:
    try:
        async with services.db.write() as session:
            await meeting_desk.refuse(session, who, meeting_id, words[:500])
    except KinbridgeError as error:
        return await _desk(request, services, who, at_fields(request, error), error.status)
    return redirect("/officer/meetings")


@router.post("/officer/meetings/{meeting_id}/interpreter")
async def interpreter(
    request: Request, services: Svc, who: Approver, meeting_id: str, admitted: Text = "", words: Text = ""
) -> Response:
    yes = admitted == "yes"
    try:
        async with services.db.write() as session:
            await meeting_desk.decide_interpreter(session, who, meeting_id, admitted=yes, words=words[:500])
    except KinbridgeError as error:
        return await _desk(request, services, who, at_fields(request, error), error.status)
    return redirect("/officer/meetings")


@router.post("/officer/meetings/{meeting_id}/release")
async def release(services: Svc, who: Approver, meeting_id: str) -> Response:
    async with services.db.write() as session:
        await meeting_desk.release(session, who, meeting_id)
    return redirect("/officer/meetings")


@router.post("/officer/meetings/{meeting_id}/excuse")
async def excuse(services: Svc, who: Approver, meeting_id: str, words: Text = "") -> Response:
    async with services.db.write() as session:
        await meeting_desk.excuse(session, who, meeting_id, words[:200])
    return redirect("/officer/meetings")


@router.get("/admin/meetings")
async def rule(request: Request, services: Svc, who: Admin) -> Response:
    return await _rule(request, services, who, {})


async def _rule(
    request: Request, services: Services, who: Identity, errors: dict[str, str], status: int = 200
) -> Response:
    """Which local rule allows meetings by video, and the proof that closed rooms are closed."""
    async with services.db.read() as session:
        place = await duty.of(session, who)
        row = await session.get(MeetingRuleRow, place.prison.id)
        proof = await proving.latest(session)
    return render(
        request,
        "admin/meetings.html",
        status=status,
        rule=row,
        proof=proof,
        proved=proved,
        counselling=[(key, text) for key, (_rule, text) in COUNSELLING_RULES.items()],
        officers=[(one.value, text) for one, text in OFFICER_RULES.items()],
        errors=errors,
        zone=place.zone,
    )


@router.post("/admin/meetings/counselling")
async def set_counselling(services: Svc, who: Admin, rule: Text = "") -> Response:
    if rule not in COUNSELLING_RULES:
        raise NotFound
    async with services.db.write() as session:
        place = await duty.of(session, who)
        await meeting_desk.set_counselling(session, who, place.prison.id, COUNSELLING_RULES[rule][0])
    return redirect("/admin/meetings")


@router.post("/admin/meetings")
async def set_rule(
    request: Request, services: Svc, who: Admin, remote: Text = "", officer: Text = "", basis: Text = ""
) -> Response:
    if officer not in set(OfficerRule):
        raise NotFound
    try:
        async with services.db.write() as session:
            place = await duty.of(session, who)
            chosen = OfficerRule(officer)
            await meeting_desk.set_rule(
                session, who, place.prison.id, remote=bool(remote), officer=chosen, basis=basis[:300]
            )
    except KinbridgeError as error:
        return await _rule(request, services, who, at_fields(request, error), error.status)
    return redirect("/admin/meetings")
