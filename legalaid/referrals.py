"""Referrals: a need that came up in a question or a call is passed to a desk, with a clock, and answered.

A child without a carer waits for no office hour; everything else has days. The words are sealed; the desk
that holds it, whoever raised it and the inmate read them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, NotFound, Refused, Unavailable
from core.ids import Ref, new_id, reference
from ledger.record import record
from legalaid import access, application, case_file, clocks, holding, personal
from legalaid.case_wording import NEEDS
from legalaid.cases import zone_of
from legalaid.forms import WORDS_MAX, reason
from legalaid.help_tables import ReferralRow
from legalaid.means import LegalMeans
from legalaid.model import AtDesk, DeskKind, Light, Tier
from legalaid.repository import light_of
from legalaid.tables import DeskRow, MatterClockRow, QuestionRow
from people.model import Identity, Role
from policy.running import ClockState
from scheduler import service as schedule

Reader = Identity | AtDesk
CHILD = "child"


class ReferralState(StrEnum):
    RAISED = "raised"
    ANSWERED = "answered"


# From which states each state may be reached.
REFERRAL_MOVES: Mapping[ReferralState, frozenset[ReferralState]] = {
    ReferralState.RAISED: frozenset(),
    ReferralState.ANSWERED: frozenset({ReferralState.RAISED}),
}


class ReferralMoved(Conflict):
    code = "referral-moved"
    text = "This has been answered in the meantime."


class NoDesk(Unavailable):
    code = "no-welfare-desk"
    text = "No desk takes referrals here yet. Please ask the administrator to set one up."


@dataclass(frozen=True, slots=True)
class ReferralForm:
    """`kind`: a key of `NEEDS`. `source`: the question or the booking (`question:…`, `booking:…`)."""

    kind: str
    words: str
    key: str
    source: Ref


@dataclass(frozen=True, slots=True)
class ReferralView:
    id: str
    reference: str
    prison_id: str
    inmate_id: str
    kind: str
    state: ReferralState
    desk_id: str
    desk: str
    raised_by: Ref
    raised_at: datetime
    answered_at: datetime | None
    generation: int
    light: Light | None


def matter(referral_id: str) -> Ref:
    return Ref("referral", referral_id)


async def raise_(session: Session, means: LegalMeans, actor: Identity, form: ReferralForm) -> str:
    """Answers the referral's id. Raises `Refused`, `NoDesk`; `NotFound` for a source that is not the actor's."""
    again = await session.scalar(
        select(ReferralRow.id).where(
            ReferralRow.raised_by_id == actor.subject.id, ReferralRow.raise_key == form.key
        )
    )
    if again is not None:
        return again
    prison_id, inmate_id = await _source(session, actor, form.source)
    problems = application.reasons_problems(form.words)
    if form.kind not in NEEDS:
        problems.append(reason("kind", "missing", "Please choose what help is needed."))
    if len(form.words) > WORDS_MAX:
        problems.append(reason("words", "too-long", "At most {max} characters, please.", max=WORDS_MAX))
    if problems:
        raise Refused(problems)
    desk = await _first_desk(session, prison_id)
    row = await _new(session, means, actor, form, prison_id, inmate_id, desk)
    code = "referral-child" if form.kind == CHILD else "referral"
    zone = await zone_of(session, prison_id)
    await clocks.start(session, actor, code, matter(row.id), desk, zone, row.reference)
    record(
        session,
        access.tag(actor, "referral:raised"),
        actor=actor.subject,
        subject=matter(row.id),
        source=str(form.source),
        kind=form.kind,
    )
    return row.id


async def _first_desk(session: Session, prison_id: str) -> DeskRow:
    """The widest level takes it first, and hands it down to where the people are."""
    rows = await session.scalars(
        select(DeskRow).where(DeskRow.prison_id == prison_id, DeskRow.kind == DeskKind.WELFARE)
    )
    order = [Tier.CITY, "", Tier.COUNTY, Tier.TOWN, Tier.VILLAGE]
    desks = sorted(rows, key=lambda desk: (order.index(desk.tier), desk.id))
    if not desks:
        raise NoDesk
    return desks[0]


async def _source(session: Session, actor: Identity, source: Ref) -> tuple[str, str]:
    """(prison, inmate) of a question the lawyer may read, or of a visit of the officer's prison."""
    if source.kind == "question":
        question = await session.get(QuestionRow, source.id)
        if question is None:
            raise NotFound
        await access.lawyer_of(session, actor, question)
        return question.prison_id, question.inmate_id
    if source.kind != "booking" or not actor.roles & {Role.MONITOR, Role.APPROVER} or not actor.strong:
        raise NotFound
    booking = await schedule.get(session, source.id)
    if booking.prison_id != actor.prison_id:
        raise NotFound
    return booking.prison_id, booking.inmate_id


async def _new(
    session: Session,
    means: LegalMeans,
    actor: Identity,
    form: ReferralForm,
    prison_id: str,
    inmate_id: str,
    desk: DeskRow,
) -> ReferralRow:
    referral_id = new_id("ref")
    row = ReferralRow(
        id=referral_id,
        reference=reference(),
        prison_id=prison_id,
        inmate_id=inmate_id,
        from_kind=form.source.kind,
        from_id=form.source.id,
        kind=form.kind,
        words_sealed=means.texts.seal(form.words.strip().encode(), referral_id),
        desk_id=desk.id,
        state=ReferralState.RAISED,
        raised_by_kind=actor.subject.kind,
        raised_by_id=actor.subject.id,
        raise_key=form.key,
        raised_at=clock.now(),
        generation=await personal.generation_of(session, inmate_id),
        answer_sealed=None,
        answered_at=None,
    )
    session.add(row)
    await session.flush()
    return row


async def answer(session: Session, means: LegalMeans, actor: Identity, referral_id: str, words: str) -> None:
    """What is done, by the desk that holds it. Raises `ReferralMoved` for one that is answered."""
    row = await row_of(session, referral_id)
    await at_desk(session, actor, row)
    case_file.refuse(application.reasons_problems(words))
    moved = await session.scalar(
        update(ReferralRow)
        .where(ReferralRow.id == row.id, ReferralRow.state.in_(REFERRAL_MOVES[ReferralState.ANSWERED]))
        .values(
            state=ReferralState.ANSWERED,
            answered_at=clock.now(),
            answer_sealed=means.texts.seal(words.strip().encode(), f"{row.id}:answer"),
        )
        .returning(ReferralRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise ReferralMoved
    record(session, "counsel:referral:answered", actor=actor.subject, subject=matter(row.id))
    await clocks.end(session, actor, matter(row.id), ClockState.DONE)


async def row_of(session: Session, referral_id: str) -> ReferralRow:
    row = await session.get(ReferralRow, referral_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def at_desk(session: Session, actor: Identity, row: ReferralRow) -> None:
    """The desk's people, and those of the desk that took it over. Raises `NotFound` for others."""
    if not await holding.holds(session, actor, matter(row.id), row.desk_id):
        raise NotFound


async def views(session: Session, *which: ColumnElement[bool]) -> list[ReferralView]:
    """The newest first."""
    rows = await session.execute(
        select(ReferralRow, MatterClockRow, DeskRow.name)
        .join(MatterClockRow, MatterClockRow.of("referral", ReferralRow.id))
        .join(DeskRow, DeskRow.id == MatterClockRow.desk_id)
        .where(*which)
        .order_by(ReferralRow.raised_at.desc(), ReferralRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [
        ReferralView(
            id=row.id,
            reference=row.reference,
            prison_id=row.prison_id,
            inmate_id=row.inmate_id,
            kind=row.kind,
            state=ReferralState(row.state),
            desk_id=row.desk_id,
            desk=desk,
            raised_by=Ref(row.raised_by_kind, row.raised_by_id),
            raised_at=row.raised_at,
            answered_at=row.answered_at,
            generation=row.generation,
            light=light_of(held, desk),
        )
        for row, held, desk in rows.all()
    ]


async def of_inmate(session: Session, inmate_id: str) -> Sequence[ReferralView]:
    return await views(session, ReferralRow.inmate_id == inmate_id)


async def seen_by(session: Session, actor: Identity) -> Sequence[ReferralView]:
    """What somebody raised, and what their desks hold or held."""
    mine = ReferralRow.raised_by_id == actor.subject.id
    if Role.COUNSEL not in actor.roles:
        return await views(session, mine)
    desks = [desk.id for desk in await case_file.desks_of(session, actor)]
    return await views(session, mine | ReferralRow.desk_id.in_(desks) | MatterClockRow.desk_id.in_(desks))


async def opened(
    session: Session, means: LegalMeans, actor: Reader, referral_id: str
) -> tuple[ReferralView, str, str]:
    """(the referral, its words, the answer); the look is entered. Raises `NotFound` for others'."""
    row = await row_of(session, referral_id)
    await _readable(session, actor, row)
    record(session, access.tag(actor, "referral:read"), actor=access.ref(actor), subject=matter(row.id))
    (view,) = await views(session, ReferralRow.id == row.id)
    answered = means.texts.open(row.answer_sealed, f"{row.id}:answer").decode() if row.answer_sealed else ""
    return view, means.texts.open(row.words_sealed, row.id).decode(), answered


async def _readable(session: Session, actor: Reader, row: ReferralRow) -> None:
    if isinstance(actor, AtDesk):
        fits = row.inmate_id == actor.inmate_id and row.generation == actor.generation
        if fits and await personal.still(session, actor):
            return
        raise NotFound
    if row.raised_by_id == actor.subject.id:
        return
    if not await holding.held(session, actor, matter(row.id), row.desk_id):
        raise NotFound
