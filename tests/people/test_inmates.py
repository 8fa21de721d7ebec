"""What the prison's own list says: inmates, and relationships that were approved on paper."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from core.db import Database
from core.errors import NotFound, Refused
from core.ids import SYSTEM
from people import repository, service
from people.model import Kinship, RelationshipState
from people.tables import RelationshipRow
from tests.conftest import FakeClock
from tests.people.conftest import PRISON, Case, add_inmate, tags


async def test_a_seeded_relationship_is_approved_and_entered(
    db: Database, case: Case, clock: FakeClock
) -> None:
    async with db.write() as session:
        made = await service.seed_relationship(
            session, SYSTEM, case.relative.id, case.inmate.id, Kinship.SPOUSE
        )
        listed = await repository.decided_relationships(session, PRISON, 5)
        with pytest.raises(NotFound):
            await service.seed_relationship(session, SYSTEM, "rel_x", case.inmate.id, Kinship.SPOUSE)
    assert [one.id for one in listed] == [made.id]
    assert (made.state, made.decided_by, made.decided_at) == (RelationshipState.APPROVED, SYSTEM, clock.now())
    assert (await tags(db))[-1] == "admin:relationship:entered"


async def test_what_was_decided_last_comes_first_however_long_it_waited(
    db: Database, case: Case, clock: FakeClock
) -> None:
    """Two applications, the older one decided last; a third still waits and takes nobody's place."""
    others = [await add_inmate(db, f"440200{number}") for number in range(3)]
    async with db.write() as session:
        made = []
        for other in others:
            clock.move(minutes=1)
            made.append(
                (
                    await service.seed_relationship(
                        session, SYSTEM, case.relative.id, other.id, Kinship.SPOUSE
                    )
                ).id
            )
        for one, state, minutes in zip(made, ("refused", "approved", "pending"), (30, 10, None), strict=True):
            decided = None if minutes is None else clock.now() + timedelta(minutes=minutes)
            await session.execute(
                update(RelationshipRow)
                .where(RelationshipRow.id == one)
                .values(state=state, decided_at=decided)
            )
    async with db.read() as session:
        for limit in (1, 2, 3):
            listed = await repository.decided_relationships(session, PRISON, limit)
            assert [one.id for one in listed] == made[:2][:limit]


async def test_inmates_are_entered_with_all_that_is_needed(db: Database, case: Case) -> None:
    with pytest.raises(Refused) as refused:
        async with db.write() as session:
            await service.create_inmate(session, SYSTEM, service.InmateForm("4401001", "", PRISON, "", ""))
    assert {reason.code for reason in refused.value.reasons} == {
        "name-missing",
        "wing_id-missing",
        "level-missing",
        "number-taken",
    }
    async with db.read() as session:
        assert await repository.inmates_by_wing(session, PRISON) == {case.inmate.wing_id: 1}
        assert await repository.find_inmate(session, "prs_two", "4401001") is None
