"""Papers are looked at before anybody holds a time (after Jiuquan): a notary's or a mediator's matter.

A relative hands in papers; the station says within two working days that they are complete, or once what is
missing. Only then the matter enters the queue of the help days, and a time is held for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Refused
from core.ids import Ref, new_id, reference
from ledger.record import record
from legalaid import access, application, asking, case_file, clocks, holding
from legalaid.case_wording import PAPERS
from legalaid.cases import zone_of
from legalaid.forms import WORDS_MAX, QuestionForm, reason
from legalaid.help_tables import PrecheckPaperRow, PrecheckRow
from legalaid.means import LegalMeans
from legalaid.model import Light
from legalaid.repository import light_of
from legalaid.tables import DeskRow, MatterClockRow
from people import letters, proofs
from people import repository as people
from people.model import PROOFS_MAX, Identity, RelationshipState, Role
from people.proof_content import Content
from people.proofs import Upload
from policy.running import ClockState


class PrecheckState(StrEnum):
    HANDED_IN = "handed-in"
    MISSING = "missing"  # the clock stands
    READY = "ready"  # a time can be asked for
    ASKED = "asked"  # it was
    REFUSED = "refused"


# From which states each state may be reached.
PRECHECK_MOVES: Mapping[PrecheckState, frozenset[PrecheckState]] = {
    PrecheckState.HANDED_IN: frozenset({PrecheckState.MISSING}),
    PrecheckState.MISSING: frozenset({PrecheckState.HANDED_IN}),
    PrecheckState.READY: frozenset({PrecheckState.HANDED_IN, PrecheckState.MISSING}),
    PrecheckState.REFUSED: frozenset({PrecheckState.HANDED_IN, PrecheckState.MISSING}),
    PrecheckState.ASKED: frozenset({PrecheckState.READY}),
}
TOPIC_OF = {"notary": "property", "mediation": "family"}


class PrecheckMoved(Conflict):
    code = "precheck-moved"
    text = "These papers do not stand as you saw them any more. Look at them again."


@dataclass(frozen=True, slots=True)
class PrecheckView:
    """`papers`: ids, in the order in which they came."""

    id: str
    reference: str
    prison_id: str
    inmate_id: str
    kind: str
    state: PrecheckState
    desk: str
    asked_at: datetime
    light: Light | None
    papers: tuple[str, ...]


def matter(precheck_id: str) -> Ref:
    return Ref("precheck", precheck_id)


async def hand_in(
    session: Session,
    means: LegalMeans,
    actor: Identity,
    inmate_id: str,
    kind: str,
    words: str,
    key: str,
    files: Sequence[Upload],
) -> str:
    """Answers the id. Raises `Refused` with every field's and file's problem, `NotFound`, `NoStation`."""
    if Role.RELATIVE not in actor.roles:
        raise Forbidden
    held = await people.relationship(session, actor.subject.id, inmate_id)
    inmate = await people.inmate(session, inmate_id)
    if held is None or held.state is not RelationshipState.APPROVED or inmate is None:
        raise NotFound
    again = await session.scalar(
        select(PrecheckRow.id).where(PrecheckRow.asked_by_id == actor.subject.id, PrecheckRow.ask_key == key)
    )
    if again is not None:
        return again
    await means.limiter.hit(f"legal-papers:{actor.subject.id}", 10, 86400)
    station = await access.station_of(session, inmate.prison_id)
    if station is None:
        raise asking.NoStation
    contents = await _checked(kind, words, key, files)
    row = PrecheckRow(
        id=new_id("pre"),
        reference=reference(),
        prison_id=inmate.prison_id,
        inmate_id=inmate_id,
        kind=kind,
        words_sealed=b"",
        note_sealed=None,
        desk_id=station.id,
        state=PrecheckState.HANDED_IN,
        asked_by_id=actor.subject.id,
        ask_key=key,
        asked_at=clock.now(),
        question_id=None,
    )
    row.words_sealed = means.texts.seal(words.strip().encode(), row.id)
    session.add(row)
    await session.flush()
    await _keep(session, means, row.id, contents)
    zone = await zone_of(session, inmate.prison_id)
    await clocks.start(session, actor, "precheck", matter(row.id), station, zone, row.reference)
    subject = matter(row.id)
    record(session, "family:papers:handed-in", actor=actor.subject, subject=subject, files=len(contents))
    return row.id


async def _checked(kind: str, words: str, key: str, files: Sequence[Upload]) -> list[Content]:
    problems = application.reasons_problems(words)
    if kind not in PAPERS:
        problems.append(reason("kind", "missing", "Please choose what it is about."))
    if len(words) > WORDS_MAX:
        problems.append(reason("words", "too-long", "At most {max} characters, please.", max=WORDS_MAX))
    if not 8 <= len(key) <= 64:
        problems.append(reason("key", "invalid", "Please open this page again."))
    return await _papers(files, problems)


async def _papers(files: Sequence[Upload], problems: list[Any]) -> list[Content]:
    contents, wrong = await proofs.examined(files[: PROOFS_MAX + 1])
    if not files:
        problems.append(reason("proof", "missing", "Please add at least one paper."))
    if len(files) > PROOFS_MAX:
        problems.append(reason("proof", "too-many", "At most {max} papers at a time.", max=PROOFS_MAX))
    if problems or wrong:
        raise Refused([*problems, *wrong])
    return contents


async def _keep(session: Session, means: LegalMeans, precheck_id: str, contents: Sequence[Content]) -> None:
    for content in contents:
        paper_id = new_id("ppr")
        session.add(
            PrecheckPaperRow(
                id=paper_id,
                precheck_id=precheck_id,
                media_type=content.media_type,
                sealed=means.texts.seal(content.data, paper_id),
                at=clock.now(),
            )
        )
    await session.flush()


async def _move(
    session: Session, actor: Identity, row: PrecheckRow, to: PrecheckState, **values: Any
) -> None:
    moved = await session.scalar(
        update(PrecheckRow)
        .where(PrecheckRow.id == row.id, PrecheckRow.state.in_(PRECHECK_MOVES[to]))
        .values(state=to, **values)
        .returning(PrecheckRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise PrecheckMoved
    record(session, access.tag(actor, f"papers:{to.value}"), actor=actor.subject, subject=matter(row.id))


async def judge(
    session: Session, means: LegalMeans, actor: Identity, precheck_id: str, verdict: str, words: str
) -> None:
    """By the station: `ready`, `missing` (once; the clock stands) or `refused`, the last two in words.

    Raises `Refused`, `SecondSupplement`, `PrecheckMoved`, `NotFound` for other desks'.
    """
    row = await _at_desk(session, actor, precheck_id)
    to = {
        "ready": PrecheckState.READY,
        "missing": PrecheckState.MISSING,
        "refused": PrecheckState.REFUSED,
    }.get(verdict)
    if to is None:
        raise NotFound
    if to is not PrecheckState.READY:
        case_file.refuse(application.reasons_problems(words))
    held = await clocks.of_matter(session, matter(row.id))
    if held is None:
        raise NotFound
    note = means.texts.seal(words.strip().encode(), f"{row.id}:note") if words.strip() else None
    if to is PrecheckState.MISSING:
        await clocks.pause(session, actor, held.id, "")
    await _move(session, actor, row, to, note_sealed=note)
    if to is not PrecheckState.MISSING:
        await clocks.end(session, actor, matter(row.id), ClockState.DONE)
    key = f"precheck:{row.id}:{to.value}"
    await letters.tell(session, row.asked_by_id, "matter-moved", {}, dedupe=key)


async def add_papers(
    session: Session, means: LegalMeans, actor: Identity, precheck_id: str, files: Sequence[Upload]
) -> None:
    """What was missing; the clock runs on. Raises `Refused`, `PrecheckMoved`, `NotFound`."""
    row = await _own(session, actor, precheck_id)
    contents = await _papers(files, [])
    await _move(session, actor, row, PrecheckState.HANDED_IN)
    await _keep(session, means, row.id, contents)
    held = await clocks.of_matter(session, matter(row.id))
    if held is not None:
        await clocks.resume(session, actor, held.id)


async def ask_for_time(session: Session, means: LegalMeans, actor: Identity, precheck_id: str) -> str:
    """Complete papers enter the queue of the help days; answers the question's id."""
    row = await _own(session, actor, precheck_id)
    words = means.texts.open(row.words_sealed, row.id).decode()
    form = QuestionForm(TOPIC_OF[row.kind], words, row.id)
    question = await asking.by_relative(session, means, actor, row.inmate_id, form)
    await _move(session, actor, row, PrecheckState.ASKED, question_id=question.id)
    return question.id


async def _own(session: Session, actor: Identity, precheck_id: str) -> PrecheckRow:
    row = await session.get(PrecheckRow, precheck_id, populate_existing=True)
    if row is None or Role.RELATIVE not in actor.roles or row.asked_by_id != actor.subject.id:
        raise NotFound
    return row


async def _at_desk(session: Session, actor: Identity, precheck_id: str) -> PrecheckRow:
    row = await session.get(PrecheckRow, precheck_id, populate_existing=True)
    if row is None or not await holding.holds(session, actor, matter(precheck_id), row.desk_id):
        raise NotFound
    return row


async def opened(
    session: Session, means: LegalMeans, actor: Identity, precheck_id: str
) -> tuple[PrecheckView, str, str]:
    """(the papers, what was written, the desk's words), for who handed them in and for the desk."""
    row = await _readable(session, actor, precheck_id)
    record(session, access.tag(actor, "papers:read"), actor=actor.subject, subject=matter(row.id))
    (view,) = await _views(session, PrecheckRow.id == row.id)
    note = means.texts.open(row.note_sealed, f"{row.id}:note").decode() if row.note_sealed else ""
    return view, means.texts.open(row.words_sealed, row.id).decode(), note


async def _readable(session: Session, actor: Identity, precheck_id: str) -> PrecheckRow:
    if Role.RELATIVE in actor.roles:
        return await _own(session, actor, precheck_id)
    return await _at_desk(session, actor, precheck_id)


async def paper(
    session: Session, means: LegalMeans, actor: Identity, precheck_id: str, paper_id: str
) -> tuple[str, bytes]:
    """(media type, content); the look is entered."""
    row = await _readable(session, actor, precheck_id)
    found = await session.get(PrecheckPaperRow, paper_id)
    if found is None or found.precheck_id != row.id:
        raise NotFound
    record(session, access.tag(actor, "paper:read"), actor=actor.subject, subject=Ref("paper", paper_id))
    return found.media_type, means.texts.open(found.sealed, found.id)


async def of_relative(session: Session, actor: Identity) -> list[PrecheckView]:
    return await _views(session, PrecheckRow.asked_by_id == actor.subject.id)


async def at_desks(session: Session, actor: Identity) -> list[PrecheckView]:
    """What waits for the actor's desks."""
    mine = [desk.id for desk in await case_file.desks_of(session, actor)]
    open_ones = PrecheckRow.state.in_((PrecheckState.HANDED_IN, PrecheckState.MISSING))
    return await _views(session, open_ones, PrecheckRow.desk_id.in_(mine) | MatterClockRow.desk_id.in_(mine))


async def _views(session: Session, *which: ColumnElement[bool]) -> list[PrecheckView]:
    """The newest first."""
    rows = await session.execute(
        select(PrecheckRow, MatterClockRow, DeskRow.name)
        .join(MatterClockRow, MatterClockRow.of("precheck", PrecheckRow.id))
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .where(*which)
        .order_by(PrecheckRow.asked_at.desc(), PrecheckRow.id.desc())
        .execution_options(populate_existing=True)
    )
    found = []
    for row, held, desk in rows.all():
        papers = await session.scalars(
            select(PrecheckPaperRow.id)
            .where(PrecheckPaperRow.precheck_id == row.id)
            .order_by(PrecheckPaperRow.at, PrecheckPaperRow.id)
        )
        found.append(
            PrecheckView(
                id=row.id,
                reference=row.reference,
                prison_id=row.prison_id,
                inmate_id=row.inmate_id,
                kind=row.kind,
                state=PrecheckState(row.state),
                desk=desk,
                asked_at=row.asked_at,
                light=light_of(held, desk),
                papers=tuple(papers),
            )
        )
    return found
