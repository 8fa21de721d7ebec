"""Cases, papers and mediations go from one desk to another of their kind, with clock, history and a letter."""

import pytest

from core.errors import Conflict, NotFound, Refused
from core.ids import Ref, new_id
from legalaid import case_file, case_reading, cases, clocks, gatherings, handover, prechecks, service, setup
from legalaid.case_model import CaseState, LetterKind
from legalaid.gathering_model import GatheringForm
from people.model import Identity, Role
from tests.conftest import FakeClock
from tests.legalaid.case_place import LONG, Offices
from tests.legalaid.place import counsel
from tests.legalaid.test_prechecks import handed_in
from tests.scheduler.world import ADMIN, identity

WHY = "The employer has its seat there."


async def another(offices: Offices, kind: str, tier: str) -> tuple[str, Identity]:
    """A second desk of that kind, and who works there."""
    prison, staff = offices.place.world.prison_id, new_id("stf")
    async with offices.place.db.write() as session:
        desk = await service.create_desk(
            session, ADMIN, prison, f"{kind} of the {tier}", kind, "0551 600", offices.place.bureau, tier
        )
        session.add(counsel(staff, "other", prison))
        await session.flush()
        await setup.seat_at_desk(session, ADMIN, staff, desk)
    return desk, identity("counsel", staff, Role.COUNSEL, prison_id=prison)


async def hand(offices: Offices, who: Identity, matter: Ref, desk: str, why: str = WHY) -> None:
    async with offices.place.db.write() as session:
        await handover.hand(session, offices.place.means, who, matter, desk, why)


async def test_a_case_goes_to_the_centre_of_its_venue_with_a_letter_and_the_time_it_has_left(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    inmate = await place.inmate()
    county, clerk = await another(offices, "centre", "county")
    case_id = await offices.forwarded(inmate)
    matter = case_file.matter(case_id)
    before = await offices.view(case_id)
    clock.move(days=2)
    async with place.db.read() as session:
        assert [desk.id for desk in await handover.offered(session, offices.clerk, matter)] == [county]
        assert await handover.offered(session, clerk, matter) == []
    for who, desk, error in (
        (clerk, offices.centre, NotFound),
        (offices.clerk, offices.justice, Refused),
        (offices.clerk, offices.centre, Refused),
    ):
        with pytest.raises(error):
            await hand(offices, who, matter, desk)
    await hand(offices, offices.clerk, matter, county)
    after = await offices.view(case_id)
    assert (after.state, after.desk_id) == (CaseState.FORWARDED, county)
    assert before.light is not None
    assert after.light is not None
    assert (after.light.desk, after.light.due_at) == ("centre of the county", before.light.due_at)
    letter = (await offices.file(inmate, case_id)).letters[-1]
    assert letter.kind is LetterKind.HANDED
    assert WHY in letter.words
    with pytest.raises(NotFound):
        async with place.db.write() as session:
            await cases.refuse(session, place.means, offices.clerk, case_id, LONG)
    async with place.db.write() as session:
        await case_reading.opened(session, place.means, offices.clerk, case_id)  # its part stays readable
        await cases.refuse(session, place.means, clerk, case_id, LONG)
    with pytest.raises(Conflict):  # what is decided is handed nowhere
        await hand(offices, clerk, matter, offices.centre)


async def test_papers_go_to_another_level_while_the_family_looks_for_what_is_missing(
    offices: Offices,
) -> None:
    place = offices.place
    precheck, family = await handed_in(place)
    village, keeper = await another(offices, "station", "village")
    async with place.db.write() as session:
        await prechecks.judge(session, place.means, place.sun, precheck, "missing", "The land register.")
    await hand(offices, place.sun, prechecks.matter(precheck), village)
    async with place.db.write() as session:
        (view,) = await prechecks.of_relative(session, family)
        steps = [step.what for step in await clocks.history(session, prechecks.matter(precheck))]
        assert await prechecks.at_desks(session, place.sun) == []
        assert [one.id for one in await prechecks.at_desks(session, keeper)] == [precheck]
    assert view.desk == "station of the village"
    assert steps == ["started", "paused", "handed"]


async def test_a_mediation_that_nobody_took_goes_down_to_where_the_people_are(offices: Offices) -> None:
    place = offices.place
    _, clerk = await another(offices, "mediation", "city")
    village, mediator = await another(offices, "mediation", "village")
    inmate = await place.inmate()
    async with place.db.write() as session:
        form = GatheringForm("mediation", LONG, new_id("key"))
        gathering = await gatherings.ask(session, place.means, inmate, inmate.inmate_id, form)
    matter = Ref("mediation", gathering)
    async with place.db.read() as session:
        at = (await gatherings.row_of(session, gathering)).desk_id
    first, then = (clerk, mediator) if at != village else (mediator, clerk)
    async with place.db.read() as session:
        (target,) = await handover.offered(session, first, matter)
    await hand(offices, first, matter, target.id)
    async with place.db.read() as session:
        assert [one.id for one in await gatherings.of_desks(session, then)] == [gathering]
        assert await handover.offered(session, first, matter) == []
