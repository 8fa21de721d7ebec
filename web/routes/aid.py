"""Cases for the people they are about: the inmate at the terminal, the relative who applied, from home."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import KinbridgeError, NotFound
from core.ids import new_id
from legalaid import access, case_reading, case_wording, cases, complaints, personal, referrals
from legalaid.case_reading import Reader
from people import repository as people
from people.model import Identity
from web import casefile, legal
from web.deps import AtTheDoor, Relative, Svc
from web.forms import MENDABLE, Text, at_fields
from web.legal import Inmate
from web.routes.ask import HOME, held
from web.routes.cases import filled_in
from web.services import Services
from web.templating import redirect

router = APIRouter(include_in_schema=False)
AT_TERMINAL = f"{HOME}/cases"


@router.get("/aid")
async def family(request: Request, services: Svc, who: Relative, visitor: AtTheDoor) -> Response:
    """What the relative applied for, and for whom more can be applied for."""
    async with services.db.read() as session:
        persons = await held(session, who)
        found = await case_reading.applied_by(session, who.subject)
        complained = await complaints.made_by(session, who.subject)
        prisons = {one.prison_id for one in found} | {one.about.prison_id for one in complained}
        zones = {prison: await cases.zone_of(session, prison) for prison in prisons}
    return casefile.page(
        request,
        "family/aid.html",
        people=persons,
        names=dict(persons),
        caselist=found,
        nexts={one.id: casefile.next_of(visitor.language, one, zones[one.prison_id]) for one in found},
        zones=zones,
        complained=complained,
        complaint_states=case_wording.COMPLAINT_STATES,
    )


@router.get("/aid/{inmate_id}/apply")
async def family_form(
    request: Request, services: Svc, who: Relative, inmate_id: str, question: str = ""
) -> Response:
    """`question`: one that the relative asked; the form begins with it."""
    name = await _name(services, who, inmate_id)
    values = {"beneficiary": name, "relation": "self"}
    if question:
        async with services.db.write() as session:  # reading is entered in the ledger
            values = await filled_in(session, legal.means_of(services), who, question)
    return _family_form(request, inmate_id, values)


def _family_form(
    request: Request,
    inmate_id: str,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    return casefile.page(
        request,
        "family/aid_form.html",
        status=status,
        values={"key": new_id("key"), **values},
        errors=errors or {},
        action=f"/aid/{inmate_id}/apply",
    )


async def _name(services: Services, who: Identity, inmate_id: str) -> str:
    async with services.db.read() as session:
        found = dict(await held(session, who)).get(inmate_id)
    if found is None:
        raise NotFound
    return found


@router.post("/aid/{inmate_id}/apply")
async def family_apply(
    request: Request, services: Svc, who: Relative, inmate_id: str, form: casefile.Application
) -> Response:
    try:
        async with services.db.write() as session:
            case_id = await cases.by_relative(session, legal.means_of(services), who, inmate_id, form)
    except MENDABLE as error:
        return _family_form(request, inmate_id, casefile.typed(form), at_fields(request, error), error.status)
    return redirect(f"/aid/cases/{case_id}")


@router.get("/aid/cases/{case_id}")
async def family_case(
    request: Request, services: Svc, who: Relative, visitor: AtTheDoor, case_id: str, act: str = ""
) -> Response:
    return await _file(request, services, who, visitor.language, case_id, act, "family/aid_case.html")


@router.get("/aid/cases/{case_id}/letters/{number}")
async def family_letter(
    request: Request, services: Svc, who: Relative, case_id: str, number: int
) -> Response:
    return await _letter(request, services, who, case_id, number, f"/aid/cases/{case_id}")


@router.post("/aid/cases/{case_id}/{act}")
async def family_act(
    request: Request,
    services: Svc,
    who: Relative,
    visitor: AtTheDoor,
    case_id: str,
    act: str,
    words: Text = "",
) -> Response:
    return await _act(request, services, who, visitor.language, case_id, act, words, "family/aid_case.html")


@router.get(AT_TERMINAL)
async def mine(request: Request, services: Svc, desk: Inmate, visitor: AtTheDoor) -> Response:
    async with services.db.read() as session:
        if not await personal.still(session, desk):
            return redirect(HOME)
        found = await case_reading.of_inmate(session, desk.inmate_id)
        helped = await referrals.of_inmate(session, desk.inmate_id)
        complained = await complaints.made_by(session, access.ref(desk))
        zone = await cases.zone_of(session, desk.prison_id)
    return casefile.page(
        request,
        "terminal/lawyer_cases.html",
        caselist=found,
        helped=[one for one in helped if one.generation == desk.generation],
        needs=case_wording.NEEDS,
        helped_states=case_wording.REFERRAL_STATES,
        complained=[one for one in complained if one.generation == desk.generation],
        complaint_states=case_wording.COMPLAINT_STATES,
        nexts={one.id: casefile.next_of(visitor.language, one, zone) for one in found},
        generation=desk.generation,
        zone=zone,
    )


@router.get(HOME + "/help/{referral_id}")
async def help_asked(request: Request, services: Svc, desk: Inmate, referral_id: str) -> Response:
    """What others asked for on the inmate's behalf, and what is done."""
    async with services.db.write() as session:  # reading is entered in the ledger
        means = legal.means_of(services)
        view, words, answered = await referrals.opened(session, means, desk, referral_id)
        zone = await cases.zone_of(session, desk.prison_id)
    return casefile.page(
        request,
        "terminal/lawyer_help.html",
        view=view,
        words=words,
        answered=answered,
        needs=case_wording.NEEDS,
        zone=zone,
    )


@router.get(f"{HOME}/apply")
async def form(request: Request, services: Svc, desk: Inmate, question: str = "") -> Response:
    async with services.db.write() as session:  # reading is entered in the ledger
        if question:
            values = await filled_in(session, legal.means_of(services), desk, question)
        else:
            inmate = await people.inmate(session, desk.inmate_id)
            values = {"beneficiary": inmate.name if inmate else "", "relation": "self"}
    return _form(request, values)


def _form(
    request: Request, values: dict[str, str], errors: dict[str, str] | None = None, status: int = 200
) -> Response:
    return casefile.page(
        request,
        "terminal/lawyer_apply.html",
        status=status,
        values={"key": new_id("key"), **values},
        errors=errors or {},
        action=f"{HOME}/apply",
    )


@router.post(f"{HOME}/apply")
async def apply(request: Request, services: Svc, desk: Inmate, form: casefile.Application) -> Response:
    try:
        async with services.db.write() as session:
            case_id = await cases.by_inmate(session, legal.means_of(services), desk, form)
    except KinbridgeError as error:
        return _form(request, casefile.typed(form), at_fields(request, error), error.status)
    return redirect(f"{AT_TERMINAL}/{case_id}")


@router.get(AT_TERMINAL + "/{case_id}")
async def one(
    request: Request,
    services: Svc,
    desk: Inmate,
    visitor: AtTheDoor,
    case_id: str,
    act: str = "",
) -> Response:
    return await _file(request, services, desk, visitor.language, case_id, act, "terminal/lawyer_case.html")


@router.get(AT_TERMINAL + "/{case_id}/letters/{number}")
async def letter(request: Request, services: Svc, desk: Inmate, case_id: str, number: int) -> Response:
    return await _letter(request, services, desk, case_id, number, f"{AT_TERMINAL}/{case_id}")


@router.post(AT_TERMINAL + "/{case_id}/{act}")
async def act(
    request: Request,
    services: Svc,
    desk: Inmate,
    visitor: AtTheDoor,
    case_id: str,
    act: str,
    words: Text = "",
) -> Response:
    page = "terminal/lawyer_case.html"
    return await _act(request, services, desk, visitor.language, case_id, act, words, page)


async def _file(
    request: Request,
    services: Services,
    reader: Reader,
    language: str,
    case_id: str,
    act: str,
    template: str,
    *,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    async with services.db.write() as session:  # reading is entered in the ledger
        file = await case_reading.opened(session, legal.means_of(services), reader, case_id)
        zone = await cases.zone_of(session, file.view.prison_id)
    offered = casefile.offered(file.view)
    return casefile.page(
        request,
        template,
        status=status,
        file=file,
        case=file.view,
        next=casefile.next_of(language, file.view, zone),
        acts=offered,
        act=act if act in dict(offered) else "",
        act_words=casefile.APPLICANT_ACTS.get(act, ("", "", ())),
        zone=zone,
        values=values or {},
        errors=errors or {},
    )


async def _letter(
    request: Request, services: Services, reader: Reader, case_id: str, number: int, back: str
) -> Response:
    async with services.db.write() as session:
        file = await case_reading.opened(session, legal.means_of(services), reader, case_id)
        zone = await cases.zone_of(session, file.view.prison_id)
    found = casefile.letter_of(file, number)
    return casefile.page(request, "cases/letter.html", file=file, letter=found, zone=zone, back=back)


async def _act(
    request: Request,
    services: Services,
    reader: Reader,
    language: str,
    case_id: str,
    act: str,
    words: str,
    template: str,
) -> Response:
    if act not in casefile.DO and act != "withdraw":
        raise NotFound
    try:
        async with services.db.write() as session:
            means = legal.means_of(services)
            if act == "withdraw":
                await cases.withdraw(session, means, reader, case_id)
            else:
                await casefile.DO[act](session, means, reader, case_id, words)
    except MENDABLE as error:
        return await _file(
            request,
            services,
            reader,
            language,
            case_id,
            act,
            template,
            values={"words": words},
            errors=at_fields(request, error),
            status=error.status,
        )
    return redirect(request.url.path.rpartition("/")[0])
