"""A gathering is asked for, looked at, and changed: only here, by the table of moves."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, update

from core import clock
from core.db import Session
from core.errors import Conflict, Forbidden, NotFound, Reason, Refused, Unavailable
from core.ids import Ref, new_id, reference
from ledger.record import record
from legalaid import case_file, clocks, personal
from legalaid.access import Actor, ref, tag
from legalaid.cases import zone_of
from legalaid.forms import WORDS_MAX, reason
from legalaid.gathering_model import (
    MOVES,
    OPEN_MAX,
    WAITING,
    Answer,
    GatheringForm,
    GatheringKind,
    GatheringState,
    GatheringView,
    PartyView,
    Verdict,
)
from legalaid.gathering_tables import GatheringPartyRow, GatheringRow
from legalaid.means import LegalMeans
from legalaid.model import AtDesk
from legalaid.tables import DeskRow
from people import repository as people
from people.model import Identity, RelationshipState, Role
from people.tables import StaffRow
from policy.running import ClockState
from rooms import sittings
from rooms.model import SeatRole

DEFAULT_MINUTES = 45


class GatheringMoved(Conflict):
    code = "gathering-moved"
    text = "This does not stand as you saw it any more. Look at its present state and decide again."


class NoHelpDesk(Unavailable):
    code = "no-help-desk"
    text = "This prison has nobody for this yet. Please ask an officer, or ask a lawyer instead."


def matter(row: GatheringRow | GatheringView) -> Ref:
    return Ref(str(row.kind), row.id)


async def ask(session: Session, means: LegalMeans, actor: Actor, inmate_id: str, form: GatheringForm) -> str:
    """By the inmate at the terminal, a relative (mediations only), or somebody of kind counsel.

    Answers its id. Raises `Refused` with every problem, `NoHelpDesk`; `NotFound` for an inmate who is not theirs.
    """
    known = await session.scalar(
        select(GatheringRow.id).where(
            GatheringRow.asked_by_kind == ref(actor).kind,
            GatheringRow.asked_by_id == ref(actor).id,
            GatheringRow.ask_key == form.key,
        )
    )
    if known is not None:
        return known
    inmate = await people.inmate(session, inmate_id)
    if inmate is None:
        raise NotFound
    if problems := await _problems(session, form, inmate_id):
        raise Refused(problems)
    kind = GatheringKind(form.kind)
    relative = await _outside(session, actor, inmate_id, form.with_id)
    if isinstance(actor, Identity) and Role.RELATIVE in actor.roles and kind is not GatheringKind.MEDIATION:
        raise Forbidden
    desk = await case_file.desk_of_kind(session, inmate.prison_id, kind.desk)
    if desk is None:
        raise NoHelpDesk
    row = await _new(session, means, actor, inmate.prison_id, inmate_id, desk, form)
    own = ref(actor)
    await invite(session, row.id, SeatRole.INMATE, Ref("inmate", inmate_id), inmate.name, own)
    if relative is not None:
        await invite(session, row.id, SeatRole.RELATIVE, *relative, own)
    zone = await zone_of(session, inmate.prison_id)
    await clocks.start(session, actor, kind.value, matter(row), desk, zone, row.reference)
    record(session, tag(actor, f"{kind.value}:asked"), actor=own, subject=matter(row))
    return row.id


async def _problems(session: Session, form: GatheringForm, inmate_id: str) -> list[Reason]:
    problems = []
    if form.kind not in set(GatheringKind):
        problems.append(reason("kind", "missing", "Please choose what help you want."))
    if not form.words.strip():
        problems.append(reason("words", "missing", "Please write in a few words what it is about."))
    if len(form.words) > WORDS_MAX:
        problems.append(reason("words", "too-long", "At most {max} characters, please.", max=WORDS_MAX))
    waiting = await session.scalar(
        select(func.count())
        .select_from(GatheringRow)
        .where(GatheringRow.inmate_id == inmate_id, GatheringRow.state.in_(WAITING))
    )
    if (waiting or 0) >= OPEN_MAX:
        problems.append(
            reason("kind", "too-many", "{max} requests wait already. Please wait for one.", max=OPEN_MAX)
        )
    return problems


async def _outside(session: Session, actor: Actor, inmate_id: str, with_id: str) -> tuple[Ref, str] | None:
    """(relative, name) who is on the other side from the beginning. Raises `NotFound` for who is no relative."""
    if isinstance(actor, Identity) and Role.RELATIVE in actor.roles:
        with_id = actor.subject.id
    elif isinstance(actor, Identity) and (Role.COUNSEL not in actor.roles or not actor.strong):
        raise Forbidden
    if not with_id:
        return None
    held = await people.relationship(session, with_id, inmate_id)
    if held is None or held.state is not RelationshipState.APPROVED:
        raise NotFound
    return Ref("relative", with_id), held.relative_name


async def _new(
    session: Session,
    means: LegalMeans,
    actor: Actor,
    prison_id: str,
    inmate_id: str,
    desk: DeskRow,
    form: GatheringForm,
) -> GatheringRow:
    gathering_id = new_id("gth")
    own = ref(actor)
    row = GatheringRow(
        id=gathering_id,
        reference=reference(),
        kind=form.kind,
        prison_id=prison_id,
        desk_id=desk.id,
        inmate_id=inmate_id,
        asked_by_kind=own.kind,
        asked_by_id=own.id,
        ask_key=form.key,
        words_sealed=means.texts.seal(form.words.strip().encode(), gathering_id),
        generation=actor.generation
        if isinstance(actor, AtDesk)
        else await personal.generation_of(session, inmate_id),
        asked_at=clock.now(),
        minutes=DEFAULT_MINUTES,
        state=GatheringState.ASKED.value,
        helper_id=None,
        reason="",
        sitting_id=None,
        outcome="",
        result_sealed=None,
        written_at=None,
    )
    session.add(row)
    await session.flush()
    return row


async def invite(
    session: Session, gathering_id: str, role: SeatRole, person: Ref, name: str, asked_by: Ref
) -> None:
    """Whoever asks for it says yes by asking; everybody else is asked."""
    yes = person == asked_by
    session.add(
        GatheringPartyRow(
            id=new_id("gpy"),
            gathering_id=gathering_id,
            role=role.value,
            person_kind=person.kind,
            person_id=person.id,
            name=name,
            answer=(Answer.YES if yes else Answer.OPEN).value,
            answered_at=clock.now() if yes else None,
            verdict=Verdict.OPEN.value,
            objection_sealed=None,
        )
    )
    await session.flush()


async def move(
    session: Session, actor: Actor, row: GatheringRow, to: GatheringState, **values: object
) -> None:
    """Raises `GatheringMoved` from any state that does not lead there; then nothing has changed."""
    moved = await session.scalar(
        update(GatheringRow)
        .where(GatheringRow.id == row.id, GatheringRow.state.in_(MOVES[to]))
        .values(state=to.value, **values)
        .returning(GatheringRow.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise GatheringMoved
    record(session, tag(actor, f"{row.kind}:{to.value}"), actor=ref(actor), subject=matter(row))


async def end(
    session: Session, actor: Actor, row: GatheringRow, to: GatheringState, how: ClockState, words: str = ""
) -> None:
    """Moves it to a state in which it is not held, with its clock and its room."""
    await move(session, actor, row, to, reason=words.strip())
    await clocks.end(session, actor, matter(row), how)
    if row.sitting_id is not None:
        await sittings.cancel(session, ref(actor), row.sitting_id, to.value)


async def withdraw(session: Session, actor: Actor, gathering_id: str) -> None:
    """By whoever asked. Raises `NotFound` for others."""
    row = await row_of(session, gathering_id)
    if (row.asked_by_kind, row.asked_by_id) != (ref(actor).kind, ref(actor).id):
        raise NotFound
    await end(session, actor, row, GatheringState.WITHDRAWN, ClockState.WITHDRAWN)


async def row_of(session: Session, gathering_id: str) -> GatheringRow:
    row = await session.get(GatheringRow, gathering_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def view_of(session: Session, gathering_id: str) -> GatheringView:
    found = await views(session, GatheringRow.id == gathering_id)
    if not found:
        raise NotFound
    return found[0]


async def views(session: Session, *which: ColumnElement[bool]) -> list[GatheringView]:
    """The newest first."""
    rows = await session.scalars(
        select(GatheringRow)
        .where(*which)
        .order_by(GatheringRow.asked_at.desc(), GatheringRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [await _view(session, row) for row in rows.all()]


async def _view(session: Session, row: GatheringRow) -> GatheringView:
    inmate = await people.inmate(session, row.inmate_id)
    helper = await session.get(StaffRow, row.helper_id) if row.helper_id else None
    sitting = await sittings.get(session, row.sitting_id) if row.sitting_id else None
    return GatheringView(
        id=row.id,
        reference=row.reference,
        kind=GatheringKind(row.kind),
        prison_id=row.prison_id,
        inmate_id=row.inmate_id,
        inmate_name=inmate.name if inmate else "",
        asked_by=Ref(row.asked_by_kind, row.asked_by_id),
        asked_at=row.asked_at,
        state=GatheringState(row.state),
        minutes=row.minutes,
        helper_id=row.helper_id,
        helper_name=helper.name if helper else "",
        reason=row.reason,
        outcome=row.outcome,
        sitting_id=row.sitting_id,
        starts_at=sitting.agreed.starts_at if sitting else None,
        confidentiality=sitting.agreed.confidentiality.value if sitting else "",
        basis=sitting.basis if sitting else "",
        generation=row.generation,
        parties=await _parties(session, row.id),
        light=await clocks.light(session, matter(row)),
    )


async def _parties(session: Session, gathering_id: str) -> Sequence[PartyView]:
    rows = await session.scalars(
        select(GatheringPartyRow)
        .where(GatheringPartyRow.gathering_id == gathering_id)
        .execution_options(populate_existing=True)
    )
    inmate = SeatRole.INMATE.value
    return [
        PartyView(
            SeatRole(row.role),
            Ref(row.person_kind, row.person_id),
            row.name,
            Answer(row.answer),
            Verdict(row.verdict),
        )
        for row in sorted(rows, key=lambda row: (row.role != inmate, row.role, row.id))
    ]


async def of_party(session: Session, person: Ref) -> list[GatheringView]:
    """Those somebody takes part in, is asked to, or has asked for."""
    invited = select(GatheringPartyRow.gathering_id).where(
        GatheringPartyRow.person_kind == person.kind, GatheringPartyRow.person_id == person.id
    )
    own = (GatheringRow.asked_by_kind == person.kind) & (GatheringRow.asked_by_id == person.id)
    return await views(session, GatheringRow.id.in_(invited) | own)


async def pending(session: Session, person: Ref) -> list[GatheringView]:
    """Those that wait for a word of somebody, and those that have a time."""
    found = []
    for view in await of_party(session, person):
        party = view.party(person)
        if party is None or party.answer is Answer.NO:
            continue
        asked = party.answer is Answer.OPEN and view.state in (GatheringState.ASKED, GatheringState.TAKEN)
        read = view.state is GatheringState.WRITTEN and party.verdict is Verdict.OPEN
        if asked or read or view.state is GatheringState.ARRANGED:
            found.append(view)
    return found


async def of_desks(session: Session, actor: Identity) -> list[GatheringView]:
    """What waits for somebody of the acting person's desks, and what they have taken themselves."""
    desks = [desk.id for desk in await case_file.desks_of(session, actor)]
    waits = GatheringRow.desk_id.in_(desks) & (GatheringRow.state == GatheringState.ASKED)
    return await views(session, waits | (GatheringRow.helper_id == actor.subject.id))


async def to_arrange(session: Session, prison_id: str) -> list[GatheringView]:
    """For the prison: what can be given a time, and what has one."""
    states = (GatheringState.TAKEN, GatheringState.ARRANGED)
    found = await views(session, GatheringRow.prison_id == prison_id, GatheringRow.state.in_(states))
    return [view for view in found if view.ready or view.state is GatheringState.ARRANGED]


async def still(session: Session, actor: Actor) -> None:
    """Raises `NotFound` for an inmate whose code was taken away meanwhile."""
    if isinstance(actor, AtDesk) and not await personal.still(session, actor):
        raise NotFound
