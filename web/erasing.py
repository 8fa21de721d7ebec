"""Which data there is of a person, put together for the erasure; and how what became of it is said in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

from core.db import Session
from core.errors import Reason
from legalaid import erasing as legal
from legalaid import erasing_lawyers
from legalaid.means import LegalMeans
from people import erasing_staff
from people.erasing import Share
from people.means import Means
from people.model import Identity
from recording import erasure, erasure_parts, erasure_staff
from recording.erasure import ErasureState, Part
from web.i18n import N_
from web.lights import Light, Tone
from web.services import Services

STATES: dict[ErasureState, Light] = {
    ErasureState.ASKED: Light(Tone.YELLOW, N_("Waits for a decision")),
    ErasureState.AGREED: Light(Tone.YELLOW, N_("Agreed; part of it must still be kept")),
    ErasureState.DONE: Light(Tone.GREEN, N_("Done")),
    ErasureState.REFUSED: Light(Tone.RED, N_("Refused")),
    ErasureState.WITHDRAWN: Light(Tone.GREY, N_("Withdrawn")),
}
WHAT: dict[str, str] = {
    "papers": N_("Papers that prove kinship"),
    "account": N_("Account: name, telephone, birth date, document, password, devices"),
    "visits": N_("Names in visits"),
    "recordings": N_("Recordings of visits"),
    "messages": N_("Messages that we sent"),
    "questions": N_("Questions, papers and names in legal aid"),
    "cases": N_("Files of legal-aid cases"),
    "entries": N_("Entries of the ledger"),
    "sign-in": N_("Signing in: password, second factor, passkeys, devices, document"),
    "offers": N_("Calendar and place in rotas"),
    "supervised": N_("The name in recorded visits that were supervised or listened to"),
    "legal-acts": N_("The name in cases, advice and meetings"),
    "staff-name": N_("The name of the account"),
}
WHY: dict[str, str] = {
    "suspension": N_(
        "A suspension still lasts: only a digest of the document number is kept, to know it again."
    ),
    "retention": N_(
        "The prison must keep the recording so long; then its key is destroyed and nobody can open it."
    ),
    "held": N_(
        "An inquiry or a court needs it: it is held, and nothing held is deleted. It goes when the hold ends."
    ),
    "under-way": N_("It is still under way, and goes when it is over."),
    "open-matter": N_("It is being answered; it goes when that is done."),
    "case-file": N_("The law has legal aid keep the files of its cases."),
    "acts": N_(
        "Whoever was advised may always learn who answered for it: the law has legal aid keep its files with that name."
    ),
    "ledger": N_(
        "They prove what was done and cannot be changed. They hold a number; it leads nowhere once the name is gone."
    ),
}


def parts(means: Means, legal_means: LegalMeans) -> list[Part]:
    """In the order in which the report tells of them."""
    return [
        lambda session, ids: erasure_parts.account(session, means, ids),
        erasure_parts.visits,
        erasure_parts.messages,
        lambda session, ids: legal.legal_aid(session, legal_means, ids),
        lambda session, ids: _staff(session, means, ids),
        erasure_parts.entries,
    ]


async def _staff(session: Session, means: Means, ids: Sequence[str]) -> list[Share]:
    """Of those who work here: the name stays for as long as one of their acts must be kept."""
    gone = await erasing_staff.account(session, means, ids)
    if not gone:
        return []
    acts = [*await erasure_staff.supervised(session, ids), *await erasing_lawyers.lawyer(session, ids)]
    kept = sorted((one for one in acts if one.kept), key=lambda one: one.why != "acts")
    return [*gone, *acts, *await erasing_staff.name(session, ids, kept[0] if kept else None)]


async def in_the_way(session: Session, ids: Sequence[str]) -> Reason | None:
    """The first thing to be settled before an account can go, a family's or that of somebody who works here."""
    return (
        await erasure_parts.in_the_way(session, ids)
        or await erasing_lawyers.work_ahead(session, ids)
        or await erasing_staff.last_administrator(session, ids)
    )


async def obstacle(session: Session, ids: Sequence[str], agreed: str) -> Reason | None:
    """`in_the_way`, for who ticked that they know what it means; else that this is missing."""
    if agreed:
        return await in_the_way(session, ids)
    return Reason("not-ticked", "Please tick that you know what this means.", {"field": "agreed"})


async def standing(session: Session, services: Services, who: Identity, secret: str) -> dict[str, Any]:
    """What a page of one's own data says of the wish to be erased. `secret`: of a receipt that was just given."""
    one = await erasure.latest_of(session, who.subject)
    return {
        "one": one,
        "light": STATES[ErasureState(one.state)] if one else None,
        "receipt": f"{services.settings.public_url}/erased/{secret}" if secret else "",
        "words_max": erasure.WORDS_MAX,
    }


def taken_along(content: Mapping[str, Any]) -> JSONResponse:
    """Somebody's own data, as a file that no cache keeps."""
    headers = {"content-disposition": 'attachment; filename="my-data.json"', "cache-control": "no-store"}
    return JSONResponse(content, headers=headers)
