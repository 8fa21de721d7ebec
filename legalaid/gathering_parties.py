"""What those who are asked to a gathering say: yes or no before it, right or wrong of what was written after it.

Everybody speaks for themselves and may change a yes into a no until it begins: nobody is made to come.
"""

from sqlalchemy import select, update

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound, Refused
from core.ids import Ref
from ledger.record import record
from legalaid import case_file, gatherings
from legalaid.access import Actor, ref, tag
from legalaid.forms import WORDS_MAX, reason
from legalaid.gathering_model import Answer, GatheringKind, GatheringState, GatheringView, Verdict
from legalaid.gathering_tables import GatheringPartyRow, GatheringRow
from legalaid.gatherings import GatheringMoved
from legalaid.means import LegalMeans
from legalaid.model import AtDesk
from people.model import Identity
from policy.running import ClockState

_ASKABLE = (GatheringState.ASKED, GatheringState.TAKEN, GatheringState.ARRANGED)


async def _party(session: Session, gathering_id: str, person: Ref) -> GatheringPartyRow:
    row = await session.scalar(
        select(GatheringPartyRow)
        .where(
            GatheringPartyRow.gathering_id == gathering_id,
            GatheringPartyRow.person_kind == person.kind,
            GatheringPartyRow.person_id == person.id,
        )
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


async def answer(session: Session, actor: Actor, gathering_id: str, said: Answer) -> None:
    """Yes or no. A no of somebody without whom it cannot be ends it. Raises `NotFound` for who is not asked,
    `GatheringMoved` once it was held or is over."""
    await gatherings.still(session, actor)
    row = await gatherings.row_of(session, gathering_id)
    party = await _party(session, gathering_id, ref(actor))
    if row.state not in _ASKABLE or said is Answer.OPEN:
        raise GatheringMoved
    if row.state == GatheringState.ARRANGED and said is Answer.YES and party.answer != Answer.YES:
        raise GatheringMoved  # the room was agreed without them
    party.answer, party.answered_at = said.value, clock.now()
    await session.flush()
    what = "accepted" if said is Answer.YES else "declined"
    record(session, tag(actor, f"{row.kind}:{what}"), actor=ref(actor), subject=gatherings.matter(row))
    if (await gatherings.view_of(session, row.id)).hopeless:
        await gatherings.end(session, actor, row, GatheringState.DECLINED, ClockState.WITHDRAWN)


async def judge(
    session: Session, means: LegalMeans, actor: Actor, gathering_id: str, verdict: Verdict, words: str = ""
) -> None:
    """Whether the written result is right, said by somebody who took part; of a wrong one, what is wrong."""
    await gatherings.still(session, actor)
    row = await gatherings.row_of(session, gathering_id)
    party = await _party(session, gathering_id, ref(actor))
    if row.state != GatheringState.WRITTEN or party.answer != Answer.YES or verdict is Verdict.OPEN:
        raise GatheringMoved
    mediation = row.kind == GatheringKind.MEDIATION
    if mediation and verdict is Verdict.WRONG and not words.strip():
        raise Refused([reason("words", "missing", "Please write what is not right.")])
    if len(words) > WORDS_MAX:
        raise Refused([reason("words", "too-long", "At most {max} characters, please.", max=WORDS_MAX)])
    sealed = means.texts.seal(words.strip().encode(), party.id) if words.strip() else None
    await session.execute(
        update(GatheringPartyRow)
        .where(GatheringPartyRow.id == party.id)
        .values(verdict=verdict.value, objection_sealed=sealed)
        .execution_options(synchronize_session=False)
    )
    record(session, tag(actor, f"{row.kind}:judged"), actor=ref(actor), subject=gatherings.matter(row))
    if (await gatherings.view_of(session, row.id)).settled:
        await gatherings.move(session, actor, row, GatheringState.CLOSED)


async def words(session: Session, means: LegalMeans, actor: Actor, gathering_id: str) -> str:
    """What it is about, for whoever may know; the look is entered. Raises `NotFound` for others."""
    row = await gatherings.row_of(session, gathering_id)
    await _reader(session, actor, row)
    record(session, tag(actor, f"{row.kind}:read"), actor=ref(actor), subject=gatherings.matter(row))
    return means.texts.open(row.words_sealed, row.id).decode()


async def result(session: Session, means: LegalMeans, actor: Actor, gathering_id: str) -> str:
    """What came of it, "" before it is written. A mediation's for all who took part, a counsellor's for two."""
    row = await gatherings.row_of(session, gathering_id)
    await _reader(session, actor, row)
    return means.texts.open(row.result_sealed, f"{row.id}:result").decode() if row.result_sealed else ""


async def objections(
    session: Session, means: LegalMeans, actor: Identity, gathering_id: str
) -> list[tuple[str, str]]:
    """(name, words) of those who say that it is not so, for whoever wrote it."""
    row = await gatherings.row_of(session, gathering_id)
    if row.helper_id != actor.subject.id:
        raise NotFound
    rows = await session.scalars(
        select(GatheringPartyRow).where(
            GatheringPartyRow.gathering_id == row.id, GatheringPartyRow.objection_sealed.is_not(None)
        )
    )
    return [
        (party.name, means.texts.open(party.objection_sealed, party.id).decode())
        for party in rows
        if party.objection_sealed is not None
    ]


async def _reader(session: Session, actor: Actor, row: GatheringRow) -> None:
    """The inmate under the code it was asked under, the helper, and in a mediation those who are asked to it;
    before it is taken the people of the desk, who must know what it is about. Nobody of the prison."""
    own = ref(actor)
    if isinstance(actor, AtDesk):
        await gatherings.still(session, actor)
        if own.id == row.inmate_id and actor.generation == row.generation:
            return
    elif isinstance(actor, Identity):
        if own.id == row.helper_id and actor.strong:
            return
        if row.state == GatheringState.ASKED and await _of_desk(session, actor, row):
            return
        asked = (own.kind, own.id) == (row.asked_by_kind, row.asked_by_id)
        if row.kind == GatheringKind.MEDIATION and (asked or await _takes_part(session, row, own)):
            return
    raise NotFound


async def _of_desk(session: Session, actor: Identity, row: GatheringRow) -> bool:
    try:
        return row.desk_id in {desk.id for desk in await case_file.desks_of(session, actor)}
    except Forbidden:
        return False


async def _takes_part(session: Session, row: GatheringRow, person: Ref) -> bool:
    view: GatheringView = await gatherings.view_of(session, row.id)
    party = view.party(person)
    return party is not None and party.answer is not Answer.NO
