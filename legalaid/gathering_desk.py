"""Gatherings for those who hold them and for the prison: taken, people invited, a time given, the result written."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from core import clock
from core.db import Session
from core.errors import Forbidden, NotFound, Refused
from core.ids import SYSTEM, Ref
from legalaid import case_file, clocks, companions, gatherings
from legalaid.confidential import Decision, decide_gathering
from legalaid.forms import ADVICE_MAX, reason
from legalaid.gathering_model import (
    MINUTES,
    OUTCOMES,
    REVIEW_DAYS,
    Answer,
    GatheringKind,
    GatheringState,
    GatheringView,
    Verdict,
)
from legalaid.gathering_tables import GatheringPartyRow, GatheringRow
from legalaid.gatherings import GatheringMoved
from legalaid.means import LegalMeans
from legalaid.meeting_tables import MeetingRuleRow
from people import letters
from people import repository as people
from people.model import Identity, Relationship, Role
from policy.running import ClockState
from rooms import sittings
from rooms.agreed import Party, SittingState
from rooms.model import SeatRole
from rooms.sittings import Plan

_EARLY = timedelta(minutes=20)
_ON_THE_WAY = timedelta(minutes=10)  # after its minutes, for whoever came late


async def take(session: Session, actor: Identity, gathering_id: str) -> None:
    """By somebody of the desk it waits at; also anew, for one whose time has passed without it."""
    row = await gatherings.row_of(session, gathering_id)
    if row.desk_id not in {desk.id for desk in await case_file.desks_of(session, actor)}:
        raise NotFound
    if row.helper_id not in (None, actor.subject.id):
        raise GatheringMoved
    await gatherings.move(
        session, actor, row, GatheringState.TAKEN, helper_id=actor.subject.id, sitting_id=None
    )
    for party in (await gatherings.view_of(session, row.id)).relatives:
        if party.answer is Answer.OPEN:
            await _tell(session, row, party.person.id, "gathering-invited")


async def own(session: Session, actor: Identity, gathering_id: str) -> GatheringRow:
    """That which the acting person holds. Raises `NotFound` for others'."""
    row = await gatherings.row_of(session, gathering_id)
    if Role.COUNSEL not in actor.roles or not actor.strong or row.helper_id != actor.subject.id:
        raise NotFound
    return row


async def candidates(session: Session, row: GatheringRow | GatheringView) -> list[Relationship]:
    """The inmate's approved relatives who have accounts of their own."""
    return await people.approved_of_inmate(session, row.inmate_id)


async def invite(
    session: Session, actor: Identity, gathering_id: str, relatives: Iterable[str], lawyer: str, minutes: int
) -> None:
    """Who is to sit on the other side, a lawyer if need be, and how long. Who has not answered and is no longer
    named is asked no more; a yes or a no stands. Raises `Refused`, `GatheringMoved`."""
    row = await own(session, actor, gathering_id)
    if row.state != GatheringState.TAKEN:
        raise GatheringMoved
    wanted, known = set(relatives), {held.relative_id: held for held in await candidates(session, row)}
    account = await companions.find(session, lawyer)
    problems = []
    if lawyer.strip() and (account is None or account.id == actor.subject.id):
        problems.append(reason("lawyer", "invalid", "There is no such account."))
    if minutes not in MINUTES:
        problems.append(reason("minutes", "invalid", "Between 15 and 120 minutes, please."))
    if row.kind != GatheringKind.MEDIATION and (wanted or lawyer.strip()):
        raise Forbidden
    if not wanted <= known.keys():
        raise NotFound
    if problems:
        raise Refused(problems)
    row.minutes = minutes
    await session.flush()
    view = await gatherings.view_of(session, row.id)
    there = {party.person.id for party in view.parties}
    await session.execute(
        delete(GatheringPartyRow).where(
            GatheringPartyRow.gathering_id == row.id,
            GatheringPartyRow.role == SeatRole.RELATIVE,
            GatheringPartyRow.answer == Answer.OPEN,
            GatheringPartyRow.person_id.not_in(wanted),
        )
    )
    for relative_id in sorted(wanted - there):
        who = Ref("relative", relative_id)
        await gatherings.invite(
            session, row.id, SeatRole.RELATIVE, who, known[relative_id].relative_name, actor.subject
        )
        await _tell(session, row, relative_id, "gathering-invited")
    if account is not None and account.id not in there:
        who = Ref("counsel", account.id)
        await gatherings.invite(session, row.id, SeatRole.COUNSEL, who, account.name, actor.subject)


async def _tell(session: Session, row: GatheringRow, relative_id: str, template: str) -> None:
    stamp = clock.now().isoformat(timespec="minutes")
    await letters.tell(session, relative_id, template, {}, dedupe=f"gathering:{row.id}:{template}:{stamp}")


async def refuse(session: Session, actor: Identity, gathering_id: str, words: str) -> None:
    """In writing, by who holds it, by the desk it waits at, or by the prison. Raises `NotFound` for others."""
    row = await gatherings.row_of(session, gathering_id)
    if Role.APPROVER in actor.roles:
        _of_prison(actor, row)
    elif row.helper_id != actor.subject.id:
        desks = {desk.id for desk in await case_file.desks_of(session, actor)}
        if row.helper_id is not None or row.desk_id not in desks:
            raise NotFound
        row.helper_id = actor.subject.id  # who refused it still finds it
    if not words.strip():
        raise Refused([reason("words", "missing", "Please write why.")])
    await gatherings.end(session, actor, row, GatheringState.REFUSED, ClockState.DONE, words)


def _of_prison(actor: Identity, row: GatheringRow) -> None:
    if Role.APPROVER not in actor.roles or not actor.strong:
        raise Forbidden
    if row.prison_id != actor.prison_id:
        raise NotFound


async def arrange(
    session: Session, actor: Identity, gathering_id: str, starts_at: datetime, terminal_id: str
) -> str:
    """A time and a terminal for those who said yes; answers the sitting's id. The desk's clock ends.

    Raises `rooms.sittings.PlaceTaken`, `GatheringMoved` where not everybody has answered.
    """
    row = await gatherings.row_of(session, gathering_id)
    _of_prison(actor, row)
    view = await gatherings.view_of(session, row.id)
    if not view.ready:
        raise GatheringMoved
    if starts_at <= clock.now():
        raise Refused([reason("starts_at", "invalid", "This time is over. Please choose a later one.")])
    decision = await _decision(session, row)
    plan = Plan(
        kind=view.kind.room,
        confidentiality=decision.confidentiality,
        basis=decision.basis,
        matter=gatherings.matter(row),
        prison_id=row.prison_id,
        parties=_parties(view),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=row.minutes) + _ON_THE_WAY,
        minutes=row.minutes,
        terminal_id=terminal_id,
        early=_EARLY,
    )
    sitting_id = await sittings.agree(session, actor.subject, plan)
    await gatherings.move(session, actor, row, GatheringState.ARRANGED, sitting_id=sitting_id)
    await clocks.end(session, actor, gatherings.matter(row), ClockState.DONE)
    for party in view.relatives:
        if party.answer is Answer.YES:
            await _tell(session, row, party.person.id, "gathering-arranged")
    return sitting_id


def _parties(view: GatheringView) -> tuple[Party, ...]:
    helper = Party(view.kind.leader, Ref("counsel", view.helper_id or ""), view.helper_name)
    came = [party for party in view.parties if party.answer is Answer.YES]
    return (helper, *(Party(party.role, party.person, party.name) for party in came))


async def _decision(session: Session, row: GatheringRow) -> Decision:
    rule = await session.get(MeetingRuleRow, row.prison_id)
    return decide_gathering(GatheringKind(row.kind).room, rule.counselling if rule is not None else "")


async def write(
    session: Session, means: LegalMeans, actor: Identity, gathering_id: str, outcome: str, words: str
) -> None:
    """What came of it, in words for those who took part; written again after an objection, all are asked anew."""
    row = await own(session, actor, gathering_id)
    problems = []
    if outcome not in OUTCOMES[GatheringKind(row.kind)]:
        problems.append(reason("outcome", "missing", "Please choose what came of it."))
    if not words.strip():
        problems.append(reason("words", "missing", "Please write what came of it."))
    if len(words) > ADVICE_MAX:
        problems.append(reason("words", "too-long", "At most {max} characters, please.", max=ADVICE_MAX))
    if problems:
        raise Refused(problems)
    sealed = means.texts.seal(words.strip().encode(), f"{row.id}:result")
    written = {"outcome": outcome, "result_sealed": sealed, "written_at": clock.now()}
    await gatherings.move(session, actor, row, GatheringState.WRITTEN, **written)
    await session.execute(
        update(GatheringPartyRow)
        .where(GatheringPartyRow.gathering_id == row.id)
        .values(verdict=Verdict.OPEN.value, objection_sealed=None)
        .execution_options(synchronize_session=False)
    )
    for party in (await gatherings.view_of(session, row.id)).relatives:
        if party.answer is Answer.YES:
            await _tell(session, row, party.person.id, "gathering-written")


async def sweep(session: Session) -> int:
    """What became of those whose room is over, and results that nobody spoke about for two weeks; how many."""
    moved = 0
    arranged = await session.scalars(
        select(GatheringRow).where(GatheringRow.state == GatheringState.ARRANGED)
    )
    for row in arranged.all():
        sitting = await sittings.get(session, row.sitting_id or "")
        if sitting.state is not SittingState.AGREED:
            to = GatheringState.FAILED if sitting.live_at is None else GatheringState.HELD
            await gatherings.move(session, SYSTEM, row, to)
            moved += 1
    old = await session.scalars(
        select(GatheringRow).where(
            GatheringRow.state == GatheringState.WRITTEN,
            GatheringRow.written_at < clock.now() - REVIEW_DAYS,
        )
    )
    for row in old.all():
        await gatherings.move(session, SYSTEM, row, GatheringState.CLOSED)
        moved += 1
    return moved


async def counted(session: Session, prison_id: str, since: datetime) -> dict[str, int]:
    """How many came to what since then, by `kind:outcome`; no name, no word."""
    rows = await session.execute(
        select(GatheringRow.kind, GatheringRow.outcome).where(
            GatheringRow.prison_id == prison_id, GatheringRow.written_at >= since
        )
    )
    found: dict[str, int] = {}
    for kind, outcome in rows:
        found[f"{kind}:{outcome}"] = found.get(f"{kind}:{outcome}", 0) + 1
    return found
