"""Which data there is of a person, put together for the erasure; and how what became of it is said in words."""

from legalaid import erasing as legal
from legalaid.means import LegalMeans
from people.means import Means
from recording import erasure_parts
from recording.erasure import ErasureState, Part
from web.i18n import N_
from web.lights import Light, Tone

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
    "ledger": N_(
        "They prove what was done, and nobody can change them. They hold no name, only a number that leads nowhere now."
    ),
}


def parts(means: Means, legal_means: LegalMeans) -> list[Part]:
    """In the order in which the report tells of them."""
    return [
        lambda session, ids: erasure_parts.account(session, means, ids),
        erasure_parts.visits,
        erasure_parts.messages,
        lambda session, ids: legal.legal_aid(session, legal_means, ids),
        erasure_parts.entries,
    ]
