"""An inmate's personal code at the terminals: what was asked is read by nobody else at the same screen.

Number, name and a code of six digits. The first time the code is set; from then on it must be shown. Only an
administrator can take a forgotten one away, and then everything asked under it stays closed at the terminals
(the lawyer can still hand it over): who takes codes away cannot read.
"""

import unicodedata

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound, Refused
from core.ids import Ref
from ledger.record import record
from legalaid import access, forms
from legalaid.means import LegalMeans
from legalaid.model import AtDesk
from legalaid.tables import InmateKeyRow
from people import passwords
from people import repository as people
from people.model import Identity, Inmate, InmateStatus, Role

_QUARTER = 900  # seconds


class NotYou(Forbidden):
    code = "inmate-not-known"
    text = "Number, name and code do not fit together. Please try again, or ask for help."


async def step_up(
    session: Session, means: LegalMeans, terminal: Identity, number: str, name: str, pin: str
) -> AtDesk:
    """Opens the desk for one inmate. Raises `NotYou`, `Refused` (a code that cannot be set), `TooMany`.

    A wrong number, a wrong name and a wrong code have one answer and cost the same.
    """
    if Role.TERMINAL not in terminal.roles or terminal.prison_id is None:
        raise Forbidden
    clean = unicodedata.normalize("NFKC", number).strip()
    await means.limiter.hit(f"legal-pin:{terminal.subject.id}", 30, _QUARTER)
    await means.limiter.hit(f"legal-pin:{terminal.prison_id}:{clean}", 6, _QUARTER)
    found = await people.find_inmate(session, terminal.prison_id, clean)
    if found is None or not _same(found, name):
        await passwords.fits(None, pin)
        raise NotYou
    key = await session.get(InmateKeyRow, found.id)
    if key is None or key.pin_hash is None:
        if problems := forms.pin_problems(pin):
            raise Refused(problems)
        generation = await _set(session, found, pin, terminal.subject)
    elif await passwords.fits(key.pin_hash, pin):
        generation = key.generation
    else:
        raise NotYou
    await means.limiter.clear(f"legal-pin:{terminal.prison_id}:{clean}")
    return AtDesk(found.id, terminal.prison_id, generation, terminal.subject)


def _same(found: Inmate, name: str) -> bool:
    """Blanks and the kind of the middle dot do not matter."""
    folded = [
        "".join(
            "·" if c in "·・•‧∙." else c
            for c in unicodedata.normalize("NFKC", text).casefold()
            if not c.isspace()
        )
        for text in (found.name, name)
    ]
    return folded[0] == folded[1] and found.status in (InmateStatus.PRESENT, InmateStatus.AWAY)


async def _set(session: Session, inmate: Inmate, pin: str, terminal: Ref) -> int:
    """Sets the first code, or a new one after it was taken away; answers its generation."""
    hashed = await passwords.hashed(pin)
    now = clock.now()
    changed = await session.scalar(
        update(InmateKeyRow)
        .where(InmateKeyRow.inmate_id == inmate.id, InmateKeyRow.pin_hash.is_(None))
        .values(pin_hash=hashed, set_at=now)
        .returning(InmateKeyRow.generation)
        .execution_options(synchronize_session=False)
    )
    generation = changed
    if generation is None:
        generation = 1
        session.add(InmateKeyRow(inmate_id=inmate.id, pin_hash=hashed, generation=1, set_at=now))
        await session.flush()
    subject = Ref("inmate", inmate.id)
    record(session, "inmate:code:set", actor=subject, subject=subject, terminal=terminal.id)
    return generation


async def reset(session: Session, actor: Identity, prison_id: str, number: str) -> None:
    """Takes a forgotten code away: a new one can be set, and what was asked before stays closed."""
    access.admin_of(actor, prison_id)
    found = await people.find_inmate(session, prison_id, unicodedata.normalize("NFKC", number).strip())
    if found is None:
        raise NotFound
    taken = await session.scalar(
        update(InmateKeyRow)
        .where(InmateKeyRow.inmate_id == found.id)
        .values(pin_hash=None, generation=InmateKeyRow.generation + 1)
        .returning(InmateKeyRow.inmate_id)
        .execution_options(synchronize_session=False)
    )
    if taken is None:
        raise NotFound
    record(session, "admin:code:taken-away", actor=actor.subject, subject=Ref("inmate", found.id))


async def generation_of(session: Session, inmate_id: str) -> int:
    """The present generation of an inmate's code; 1 before there is one."""
    query = select(InmateKeyRow.generation).where(InmateKeyRow.inmate_id == inmate_id)
    return await session.scalar(query) or 1


async def still(session: Session, desk: AtDesk) -> bool:
    """Whether the code that opened this desk was not taken away since."""
    key = await session.get(InmateKeyRow, desk.inmate_id, populate_existing=True)
    return key is not None and key.pin_hash is not None and key.generation == desk.generation
