"""A matter finds its centre by its place; what happens later stays with the centre that holds it."""

import pytest
from sqlalchemy import update

from core.errors import NotFound, Refused
from core.ids import Ref, new_id
from legalaid import (
    case_centre,
    case_reading,
    case_work,
    cases,
    complaints,
    defenders,
    handover,
    setup,
    venue,
)
from legalaid.case_file import NoCentre
from legalaid.case_model import CaseState, LetterKind
from legalaid.case_tables import CaseRow
from legalaid.complaints import ComplaintForm
from legalaid.model import AtDesk, Desk, DeskKind, Tier
from people.model import Identity
from tests.conftest import FakeClock
from tests.legalaid.case_place import LONG, Offices
from tests.legalaid.test_defenders import notice
from tests.legalaid.test_handover import another, hand
from tests.scheduler.world import ADMIN

COUNTY = "云台县，青河区"


def desk(key: str, area: str = "", tier: str = "") -> Desk:
    return Desk(key, "prison", key, DeskKind.CENTRE, "0551 1", None, tier, area)


CITY, NEAR, FAR = desk("a", "临江市", Tier.CITY), desk("b", COUNTY, Tier.COUNTY), desk("c", "临江市江北区")


@pytest.mark.parametrize(
    ("desks", "place", "chosen"),
    [
        ([NEAR, CITY], "云台县人民法院", NEAR),
        ([CITY, NEAR, FAR], "临江市江北区劳动仲裁委", FAR),  # the longer name
        ([CITY, NEAR, FAR], "临江市中级人民法院", CITY),
        ([NEAR, CITY], "", CITY),  # nothing named: the widest
        ([NEAR, CITY], "北京市", CITY),
        ([desk("z"), desk("y")], "", desk("y")),  # of one level the older
        ([NEAR], "北京市", NEAR),
        ([], "云台县", None),
    ],
)
def test_the_place_chooses_and_else_the_widest_level(
    desks: list[Desk], place: str, chosen: Desk | None
) -> None:
    assert venue.choose(desks, place) == chosen


@pytest.mark.parametrize(
    ("area", "found"), [("云台县，青河区", 2), ("a, bc；de、 f\nghi", 3), ("", 0), (" ， ,", 0)]
)
def test_an_area_is_a_list_of_names(area: str, found: int) -> None:
    assert len(venue.places(area)) == found


async def county(offices: Offices) -> tuple[str, Identity]:
    """A second centre, which serves its county."""
    centre, clerk = await another(offices, "centre", "county")
    async with offices.place.db.write() as session:
        await setup.set_area(session, ADMIN, centre, COUNTY)
    return centre, clerk


async def forward(offices: Offices, case_id: str, centre: str = "") -> None:
    async with offices.place.db.write() as session:
        await cases.forward(session, offices.place.means, offices.place.sun, case_id, centre)


async def test_an_application_goes_where_the_matter_belongs_or_where_the_station_says(
    offices: Offices,
) -> None:
    centre, clerk = await county(offices)
    inmate = await offices.place.inmate()
    for place, said, expected in (
        ("云台县人民法院", "", centre),
        ("合肥市", "", offices.centre),
        ("云台县人民法院", offices.centre, offices.centre),
    ):
        case_id = await offices.apply(inmate, place=place)
        with pytest.raises(Refused):
            await forward(offices, case_id, offices.justice)  # no centre
        await forward(offices, case_id, said)
        assert (await offices.view(case_id)).desk_id == expected
    async with offices.place.db.read() as session:
        assert len(await case_reading.at_desks(session, clerk)) == 1


async def assigned(offices: Offices, inmate: AtDesk, clerk: Identity) -> str:
    """A case of the county's centre, on which lin works."""
    case_id = await offices.apply(inmate, place="云台县")
    await forward(offices, case_id)
    async with offices.place.db.write() as session:
        means = offices.place.means
        await cases.approve(session, means, clerk, case_id)
        await case_work.assign(session, means, clerk, case_id, offices.place.lin.subject.id)
    return case_id


async def test_the_centre_that_holds_a_case_changes_its_lawyer_and_ends_it(offices: Offices) -> None:
    place = offices.place
    _, clerk = await county(offices)
    inmate = await place.inmate()
    case_id = await assigned(offices, inmate, clerk)
    async with place.db.write() as session:
        await case_work.ask_change(session, place.means, inmate, case_id, LONG)
    view = await offices.view(case_id)
    assert view.desk == "centre of the county"  # whose turn it is
    async with place.db.read() as session:
        assert {"change", "terminate"} <= set(await case_reading.acts(session, clerk, view))
        assert await case_reading.acts(session, offices.clerk, view) == []
    sun = place.sun.subject.id
    for act, arguments in ((case_work.decide_change, (sun, "")), (case_work.terminate, (LONG,))):
        with pytest.raises((NotFound, NoCentre)):
            async with place.db.write() as session:
                await act(session, place.means, offices.clerk, case_id, *arguments)
        async with place.db.write() as session:
            await act(session, place.means, clerk, case_id, *arguments)
    assert (await offices.view(case_id)).state is CaseState.TERMINATED


async def test_objections_and_complaints_go_to_the_bureau_of_that_centre_and_come_back_to_it(
    offices: Offices,
) -> None:
    place = offices.place
    centre, clerk = await county(offices)
    bureau, judge = await another(offices, "bureau", "county")
    async with place.db.write() as session:
        await setup.set_area(session, ADMIN, bureau, "County, of the county")
    inmate = await place.inmate()
    case_id = await assigned(offices, inmate, clerk)
    async with place.db.write() as session:
        form = ComplaintForm(Ref("case", case_id), LONG, new_id("key"))
        complaint = await complaints.make(session, place.means, inmate, form)
        assert (await complaints.opened(session, place.means, judge, complaint)).view.desk.startswith(
            "bureau"
        )
        await case_work.terminate(session, place.means, clerk, case_id, LONG)
        await case_work.object_to(session, place.means, inmate, case_id, LONG)
    assert (await offices.view(case_id)).desk_id == bureau
    async with place.db.write() as session:
        await case_work.decide_objection(session, place.means, judge, case_id, granted=True, words=LONG)
    assert (await offices.view(case_id)).desk_id == centre


async def test_a_case_from_before_centres_were_kept_tells_it_by_its_letters(offices: Offices) -> None:
    place = offices.place
    centre, clerk = await county(offices)
    case_id = await assigned(offices, await place.inmate(), clerk)
    async with place.db.write() as session:
        await session.execute(update(CaseRow).values(centre_id=None))
    async with place.db.read() as session:
        row = await session.get_one(CaseRow, case_id)
        assert (await case_centre.of(session, row)).id == centre


async def test_an_application_is_handed_to_another_station_with_what_is_left_of_its_day(
    offices: Offices, clock: FakeClock
) -> None:
    place = offices.place
    village, keeper = await another(offices, "station", "village")
    inmate = await place.inmate()
    case_id = await offices.apply(inmate)
    before = await offices.view(case_id)
    clock.move(hours=5)
    await hand(offices, place.sun, Ref("case", case_id), village)
    after = await offices.view(case_id)
    assert before.light is not None
    assert after.light is not None
    assert (after.state, after.desk_id) == (CaseState.APPLIED, village)
    assert (after.light.desk, after.light.due_at) == ("station of the village", before.light.due_at)
    assert (await offices.file(inmate, case_id)).letters[-1].kind is LetterKind.HANDED
    with pytest.raises(NotFound):
        await forward(offices, case_id)  # it is no longer sun's
    async with place.db.write() as session:
        assert await handover.offered(session, place.sun, Ref("case", case_id)) == []
        await cases.forward(session, place.means, keeper, case_id)
        await cases.ask_papers(session, place.means, offices.clerk, case_id, LONG, 15)
        await cases.supply(session, place.means, keeper, case_id, LONG)  # the station acts for the applicant
        with pytest.raises(NotFound):
            await cases.supply(session, place.means, place.sun, case_id, LONG)


async def test_a_notice_finds_the_centre_of_its_court(offices: Offices) -> None:
    place = offices.place
    centre, clerk = await county(offices)
    inmate = await place.inmate()
    async with place.db.write() as session:
        form = notice(inmate, office="云台县人民法院")
        case_id = await defenders.enter(session, place.means, place.sun, form)
        await case_work.assign(session, place.means, clerk, case_id, place.lin.subject.id)
    async with place.db.read() as session:
        assert (await session.get_one(CaseRow, case_id)).centre_id == centre
