"""The station of `place` with a legal-aid centre and a bureau of justice, and who decides there."""

from dataclasses import dataclass
from typing import Any

from core.ids import new_id
from legalaid import case_reading, cases, service, setup
from legalaid.application import AidForm
from legalaid.case_model import CaseView
from legalaid.case_reading import File
from legalaid.model import AtDesk
from people.model import Identity, Role
from tests.legalaid.place import Place, counsel
from tests.scheduler.world import ADMIN, identity

FACTS = "Three months of wages were never paid."
LONG = "Because the contract was signed after the work had ended."


@dataclass
class Offices:
    place: Place
    centre: str
    justice: str
    clerk: Identity  # decides at the centre
    judge: Identity  # decides at the bureau of justice
    welfare: str  # of the city
    county: str  # a welfare desk of the county
    helper: Identity  # at the city's desk
    neighbour: Identity  # at the county's

    async def apply(self, desk: AtDesk, **more: Any) -> str:
        async with self.place.db.write() as session:
            return await cases.by_inmate(session, self.place.means, desk, form(**more))

    async def forwarded(self, desk: AtDesk) -> str:
        case_id = await self.apply(desk)
        async with self.place.db.write() as session:
            await cases.forward(session, self.place.means, self.place.sun, case_id)
        return case_id

    async def approved(self, desk: AtDesk) -> str:
        case_id = await self.forwarded(desk)
        async with self.place.db.write() as session:
            await cases.approve(session, self.place.means, self.clerk, case_id)
        return case_id

    async def view(self, case_id: str) -> CaseView:
        async with self.place.db.read() as session:
            return await case_reading.view(session, case_id)

    async def file(self, reader: case_reading.Reader, case_id: str) -> File:
        async with self.place.db.write() as session:
            return await case_reading.opened(session, self.place.means, reader, case_id)


def form(**more: Any) -> AidForm:
    given: dict[str, Any] = {
        "topic": "work",
        "facts": FACTS,
        "key": new_id("key"),
        "beneficiary": "陈大山",
        "relation": "relative",
        "goal": "The wages.",
        "venue": "authority",
        "exemption": "migrant-wages",
        **more,
    }
    return AidForm(**given)


async def build(place: Place) -> Offices:
    prison = place.world.prison_id
    async with place.db.write() as session:
        ids = {}
        for name, kind in (("Centre", "centre"), ("Justice", "bureau")):
            ids[kind] = await service.create_desk(
                session, ADMIN, prison, name, kind, "0551 400", place.bureau
            )
        for name, tier in (("City", "city"), ("County", "county")):
            ids[tier] = await service.create_desk(
                session, ADMIN, prison, name, "welfare", "0551 500", place.bureau, tier
            )
        people = {}
        for person, kind in (
            ("clerk", "centre"),
            ("judge", "bureau"),
            ("helper", "city"),
            ("neighbour", "county"),
        ):
            people[person] = new_id("stf")
            session.add(counsel(people[person], person, prison))
            await session.flush()
            await setup.seat_at_desk(session, ADMIN, people[person], ids[kind])
    who = {
        person: identity("counsel", staff_id, Role.COUNSEL, prison_id=prison)
        for person, staff_id in people.items()
    }
    return Offices(
        place,
        ids["centre"],
        ids["bureau"],
        who["clerk"],
        who["judge"],
        ids["city"],
        ids["county"],
        who["helper"],
        who["neighbour"],
    )
