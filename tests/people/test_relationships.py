"""Relationships: applied for with proof, decided by the right officer, once, with a reason that is read."""

import asyncio
from dataclasses import replace

import pytest

from core.db import Database
from core.errors import Conflict, Forbidden, NotFound, Refused, TooMany
from core.ids import SYSTEM, Ref
from notices import outbox
from people import repository, service
from people.errors import AlreadyApplied, NoMatch, OwnCase
from people.means import Means
from people.model import (
    ENDING_TEXTS,
    LIVE_RELATIONSHIPS,
    REFUSAL_TEXTS,
    RELATIONSHIP_MOVES,
    DocumentKind,
    InmateStatus,
    Kinship,
    Relationship,
    RelationshipState,
    Relative,
)
from people.service import MinorForm, Upload
from people.tables import RelationshipRow
from tests.people.conftest import (
    PRISON,
    WING,
    Case,
    add_inmate,
    add_relative,
    add_staff,
    application,
    applied,
    caller,
    identity,
    picture,
    registration,
    state_of,
    tags,
)

CHILD = MinorForm("小明", "2016-05-04", "passport", "E87654321", consent=True)


def problems(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {reason.code for reason in refused.value.reasons}


async def add_child(db: Database, means: Means, case: Case) -> Relative:
    async with db.write() as session:
        return await service.add_minor(session, means, case.actor, CHILD)


async def test_an_application_waits_for_an_officer(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case, note=" 结婚十年 ")
    assert (made.state, made.kinship, made.note) == (RelationshipState.PENDING, Kinship.SPOUSE, "结婚十年")
    assert (made.relative_name, made.inmate_name, made.prison_id) == ("王秀英", "李建国", PRISON)
    assert len(made.proof_ids) == 1
    async with db.read() as session:
        assert [one.id for one in await repository.pending_relationships(session, PRISON)] == [made.id]
        assert await repository.pending_relationships(session, "prs_two") == []
        assert [one.template for one in await outbox.of(session, case.actor.subject)] == [
            "relationship-received"
        ]
    assert (await tags(db))[-1] == "family:relationship:applied"


async def test_approved_once_told_and_entered(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    async with db.write() as session:
        approved = await service.approve(session, case.officer, made.id)
    assert (approved.state, approved.decided_by) == (RelationshipState.APPROVED, case.officer.subject)
    async with db.read() as session:
        assert [one.id for one in await repository.approved_of_inmate(session, case.inmate.id)] == [made.id]
        told = [one.template for one in await outbox.of(session, case.actor.subject)]
    assert sorted(told) == ["relationship-approved", "relationship-received"]
    assert (await tags(db))[-1] == "officer:relationship:approved"


async def test_refused_with_a_reason_the_relative_reads(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    async with db.write() as session:
        await service.refuse(session, case.officer, made.id, "proof-unclear", " 第二页看不清 ")
    async with db.read() as session:
        seen = await service.relationship_for(session, case.actor, made.id)
    assert (seen.state, seen.reason, seen.words) == (
        RelationshipState.REFUSED,
        "proof-unclear",
        "第二页看不清",
    )
    assert seen.reason in REFUSAL_TEXTS
    again = await applied(db, means, case)  # and may apply again
    assert again.id != made.id
    async with db.read() as session:
        present = await repository.relationship(session, case.relative.id, case.inmate.id)
    assert present is not None
    assert present.id == again.id


@pytest.mark.parametrize(
    ("reason", "words", "expected"),
    [
        ("", "", {"reason-missing"}),
        ("made-up", "", {"reason-missing"}),
        ("other", " ", {"words-missing"}),
        ("proof-unclear", "x" * 501, {"words-too-long"}),
    ],
)
async def test_no_refusal_and_no_ending_without_a_reason(
    db: Database, means: Means, case: Case, reason: str, words: str, expected: set[str]
) -> None:
    made = await applied(db, means, case)
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.refuse(session, case.officer, made.id, reason, words)
    assert problems(refused) == expected
    assert (await state_of(db, made.id)).state is RelationshipState.PENDING


async def put(db: Database, relationship_id: str, state: RelationshipState) -> None:
    async with db.write() as session:
        row = await session.get(RelationshipRow, relationship_id)
        assert row is not None
        row.state = state


async def move(db: Database, case: Case, relationship_id: str, to: RelationshipState) -> Relationship:
    async with db.write() as session:
        if to is RelationshipState.APPROVED:
            return await service.approve(session, case.officer, relationship_id)
        if to is RelationshipState.REFUSED:
            return await service.refuse(session, case.officer, relationship_id, "proof-missing", "")
        if to is RelationshipState.ENDED:
            return await service.end(session, case.officer, relationship_id, next(iter(ENDING_TEXTS)), "")
        return await service.withdraw(session, case.actor, relationship_id)


@pytest.mark.parametrize("to", sorted(set(RelationshipState) - {RelationshipState.PENDING}))
async def test_every_move_of_the_table_and_no_other(
    db: Database, means: Means, case: Case, to: RelationshipState
) -> None:
    made = await applied(db, means, case)
    for start in RelationshipState:
        await put(db, made.id, start)
        if start in RELATIONSHIP_MOVES[to]:
            assert (await move(db, case, made.id, to)).state is to
            continue
        with pytest.raises(Conflict):
            await move(db, case, made.id, to)
        assert (await state_of(db, made.id)).state is start


async def test_two_officers_at_once_one_decision(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    second = replace(case, officer=await add_staff(db, "sun"))
    results = await asyncio.gather(
        move(db, case, made.id, RelationshipState.APPROVED),
        move(db, second, made.id, RelationshipState.REFUSED),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in results) == ["Conflict", "Relationship"]
    decided = [
        tag
        for tag in await tags(db)
        if tag in ("officer:relationship:approved", "officer:relationship:refused")
    ]
    assert len(decided) == 1


async def test_every_wrong_naming_has_one_answer(db: Database, means: Means, case: Case) -> None:
    async with db.write() as session:
        gone = await service.create_inmate(
            session, SYSTEM, service.InmateForm("4401002", "张强", PRISON, WING, "ordinary")
        )
        await service.move_inmate(
            session, SYSTEM, gone.id, wing_id=WING, level="ordinary", status=InmateStatus.RELEASED
        )
    answers = set()
    for changes in (
        {"inmate_name": "李建军"},
        {"inmate_number": "9999999"},
        {"prison_id": "prs_two"},
        {"inmate_number": "4401002", "inmate_name": "张强"},
    ):
        with pytest.raises(NoMatch) as answer:
            await applied(db, means, case, **changes)
        answers.add((str(answer.value), tuple(answer.value.params)))
    assert len(answers) == 1


@pytest.mark.parametrize("name", ["李 建国", " 李建国　"])
async def test_names_are_matched_as_people_write_them(
    db: Database, means: Means, case: Case, name: str
) -> None:
    assert (await applied(db, means, case, inmate_name=name)).inmate_id == case.inmate.id


async def test_every_middle_dot_is_the_same(db: Database, means: Means, case: Case) -> None:
    other = await add_inmate(db, "4401003", "阿卜杜拉·买买提")
    made = await applied(db, means, case, inmate_number=" ４４０１００３ ", inmate_name="阿卜杜拉•买买提")
    assert made.inmate_id == other.id


async def test_inmates_cannot_be_searched_for(db: Database, means: Means, case: Case) -> None:
    for number in range(10):
        with pytest.raises(NoMatch):
            await applied(db, means, case, inmate_number=str(number))
    with pytest.raises(TooMany):
        await applied(db, means, case)


async def test_everything_wrong_is_said_together(db: Database, means: Means, case: Case) -> None:
    form = service.ApplicationForm("", " ", "", "cousin", "x" * 501)
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.apply(session, means, case.actor, caller(), form, [])
    assert problems(refused) == {
        "inmate_name-missing",
        "prison_id-missing",
        "inmate_number-missing",
        "kinship-missing",
        "note-too-long",
        "proof-missing",
    }


@pytest.mark.parametrize("kinship", [Kinship.OTHER, Kinship.OTHER_RELATIVE])
async def test_who_is_otherwise_related_says_how(
    db: Database, means: Means, case: Case, kinship: Kinship
) -> None:
    with pytest.raises(Refused) as refused:
        await applied(db, means, case, kinship=kinship)
    assert problems(refused) == {"note-missing"}
    await applied(db, means, case, kinship=kinship, note="养母")


async def test_bad_files_are_named_with_the_rest(db: Database, means: Means, case: Case) -> None:
    files = [
        Upload("big.jpg", b"\xff\xd8\xff" + bytes(50 * 1024 * 1024)),
        Upload("holiday.jpg", b"MZ\x90\x00" + bytes(1000)),
        Upload("good.jpg", picture()),
        Upload("torn.png", picture("PNG", (300, 300))[:500]),
    ]
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.apply(
                session, means, case.actor, caller(), application(case.inmate, inmate_name=""), files
            )
    said = [(one.code, one.params.get("number")) for one in refused.value.reasons]
    assert said == [
        ("inmate_name-missing", None),
        ("proof-too-large", 1),
        ("proof-type", 2),
        ("proof-not-readable", 4),
    ]
    assert not means.proofs_dir.exists()
    six = [Upload("a.jpg", picture())] * 6
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.apply(session, means, case.actor, caller(), application(case.inmate), six)
    assert problems(refused) == {"proof-too-many"}


async def test_nobody_applies_twice(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    with pytest.raises(AlreadyApplied):
        await applied(db, means, case)
    async with db.write() as session:
        await service.withdraw(session, case.actor, made.id)
    await applied(db, means, case)


async def test_a_minor_comes_with_a_guardian_who_consents(db: Database, means: Means, case: Case) -> None:
    child = await add_child(db, means, case)
    with pytest.raises(Refused) as refused:
        await applied(db, means, case, visitor_id=child.id, kinship=Kinship.CHILD)
    assert problems(refused) == {"consent-missing"}
    made = await applied(db, means, case, visitor_id=child.id, kinship=Kinship.CHILD, consent=True)
    assert made.minor
    assert (made.relative_id, made.guardian_id) == (child.id, case.relative.id)
    assert made.guardian_consent_at is not None
    async with db.write() as session:
        await service.approve(session, case.officer, made.id)
        told = await outbox.of(session, case.actor.subject)
        mine = await repository.relationships_of(session, case.relative.id)
    assert "relationship-approved" in [one.template for one in told]  # the guardian is told
    assert [one.id for one in mine] == [made.id]


async def test_another_guardian_must_be_approved_for_the_same_inmate(
    db: Database, means: Means, case: Case
) -> None:
    child = await add_child(db, means, case)
    grandmother = await add_relative(
        db, means, "13900139000", name="周桂芳", document_kind=DocumentKind.PASSPORT, document="E11111111"
    )
    changes = {"visitor_id": child.id, "consent": True, "guardian_id": grandmother.id}
    with pytest.raises(Refused) as refused:
        await applied(db, means, case, **changes)
    assert problems(refused) == {"guardian_id-not-approved"}
    async with db.write() as session:
        await service.seed_relationship(session, SYSTEM, grandmother.id, case.inmate.id, Kinship.PARENT)
    assert (await applied(db, means, case, **changes)).guardian_id == grandmother.id


async def test_other_peoples_children_and_cases_are_not_there(db: Database, means: Means, case: Case) -> None:
    child = await add_child(db, means, case)
    made = await applied(db, means, case)
    other = await add_relative(db, means, "13900139000", document_kind="passport", document="E11111111")
    stranger = replace(case, actor=await identity(db, Ref("relative", other.id)))
    with pytest.raises(NotFound):
        await applied(db, means, stranger, visitor_id=child.id, consent=True)
    for unknown in (made.id, "rsp_nothing"):
        async with db.write() as session:
            with pytest.raises(NotFound):
                await service.relationship_for(session, stranger.actor, unknown)
            with pytest.raises(NotFound):
                await service.withdraw(session, stranger.actor, unknown)


async def test_only_the_prisons_approvers_decide(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    monitor = await add_staff(db, "monitor", roles=("monitor",))
    admin = await add_staff(db, "admin", "admin", PRISON)
    far = await add_staff(db, "far", prison="prs_two")
    weak = replace(case.officer, strong=False)
    for actor, error in (
        (monitor, Forbidden),
        (admin, Forbidden),
        (case.actor, Forbidden),
        (weak, Forbidden),
        (far, NotFound),
    ):
        with pytest.raises(error):
            async with db.write() as session:
                await service.approve(session, actor, made.id)
    assert (await state_of(db, made.id)).state is RelationshipState.PENDING
    with pytest.raises(Forbidden):
        async with db.write() as session:
            await service.withdraw(session, case.officer, made.id)
    with pytest.raises(Forbidden):
        async with db.write() as session:
            await service.apply(session, means, case.officer, caller(), application(case.inmate), [])


async def test_nobody_decides_for_their_own_family(db: Database, means: Means, case: Case) -> None:
    made = await applied(db, means, case)
    child = await add_child(db, means, case)
    childs = await applied(db, means, case, visitor_id=child.id, consent=True)
    cousin = await add_relative(db, means, "13900139000", document_kind="passport", document="E11111111")
    theirs = await applied(db, means, replace(case, actor=await identity(db, Ref("relative", cousin.id))))
    async with db.write() as session:
        await service.set_document(
            session, means, SYSTEM, case.officer.subject.id, DocumentKind.RESIDENT, registration().document
        )
    for case_id in (made.id, childs.id, theirs.id):
        with pytest.raises(OwnCase):
            await move(db, case, case_id, RelationshipState.APPROVED)
    colleague = replace(case, officer=await add_staff(db, "sun"))
    assert (
        await move(db, colleague, made.id, RelationshipState.APPROVED)
    ).state is RelationshipState.APPROVED


async def test_withdrawn_and_ended_are_over(db: Database, means: Means, case: Case) -> None:
    first = await applied(db, means, case)
    await move(db, case, first.id, RelationshipState.APPROVED)
    async with db.write() as session:
        ended = await service.end(session, case.officer, first.id, "visits-suspended", "至三月底")
    assert (ended.state, ended.reason, ended.words) == (
        RelationshipState.ENDED,
        "visits-suspended",
        "至三月底",
    )
    async with db.read() as session:
        assert await repository.approved_of_inmate(session, case.inmate.id) == []
        told = [one.template for one in await outbox.of(session, case.actor.subject)]
    assert "relationship-ended" in told
    second = await applied(db, means, case)
    withdrawn = await move(db, case, second.id, RelationshipState.WITHDRAWN)
    assert withdrawn.state not in LIVE_RELATIONSHIPS
