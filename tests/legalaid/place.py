"""A prison with a legal-aid station, two lawyers, desks above, and inmates with codes."""

from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from core import clock
from core.box import Box
from core.db import Database
from core.ids import new_id
from core.limits import MemoryLimiter
from legalaid import days, repository, service
from legalaid.forms import QuestionForm
from legalaid.means import LegalMeans
from legalaid.model import AtDesk, QuestionView, TurnState, TurnView
from legalaid.setup import TemplateForm
from legalaid.tables import HelpDayTemplateRow
from legalaid.wording import TOPICS
from people.model import Identity, Role
from people.tables import InmateRow, StaffRow
from tests import kept
from tests.scheduler import world as worlds
from tests.scheduler.world import ADMIN, Family, World, identity

PIN = "274918"
WORDS = "My brother sold our house without asking me."


def means() -> LegalMeans:
    return LegalMeans(Box("a secret of thirty-two characters", "legal-text"), MemoryLimiter())


@dataclass
class Place:
    db: Database
    world: World
    means: LegalMeans
    station: str
    bureau: str
    discipline: str
    sun: Identity  # a lawyer who takes everything
    lin: Identity  # a lawyer for debts, who also speaks Cantonese
    admin: Identity
    terminal: Identity

    async def inmate(self, name: str = "陈志强", pin: str = PIN) -> AtDesk:
        """A new inmate who stands at the terminal with a code."""
        inmate_id = new_id("inm")
        async with self.db.write() as session:
            session.add(
                InmateRow(
                    id=inmate_id,
                    number=inmate_id,
                    name=name,
                    prison_id=self.world.prison_id,
                    wing_id=self.world.wing_id,
                    level="ordinary",
                    status="present",
                    created_at=clock.now(),
                )
            )
            await session.flush()
            return await service.step_up(session, self.means, self.terminal, inmate_id, name, pin)

    async def relative(self, inmate_id: str) -> Family:
        return await self.world.relative(inmate_id)

    async def ask(self, desk: AtDesk, topic: str = "debt", **more: str) -> QuestionView:
        async with self.db.write() as session:
            return await service.by_inmate(session, self.means, desk, form(topic, **more))

    async def get(self, question_id: str) -> QuestionView:
        async with self.db.read() as session:
            return await service.get(session, question_id)

    async def help_day(self, *, rooms: int = 2, minutes: int = 60, turn: int = 20, weekday: int = 7) -> str:
        """Both lawyers, tomorrow (a Sunday) from 9 to 10, if nothing else is said; answers the day's id."""
        roster = (self.sun.subject.id, self.lin.subject.id)
        async with self.db.write() as session:
            template = await service.create_template(
                session, ADMIN, self.station, TemplateForm(weekday, time(9), minutes, rooms, turn, roster)
            )
            await days.materialise(session, await session.get_one(HelpDayTemplateRow, template))
            found = await repository.help_days(session, self.station, clock.now(), clock.now() + days.HORIZON)
        return found[0].id

    async def plan(self, help_day_id: str) -> int:
        async with self.db.write() as session:
            return await service.plan(session, ADMIN, help_day_id)

    async def turns(self, help_day_id: str, *states: TurnState) -> list[TurnView]:
        async with self.db.read() as session:
            return await repository.turns(session, help_day_id, states=states or tuple(TurnState))


def form(topic: str = "debt", **more: Any) -> QuestionForm:
    given: dict[str, Any] = {"key": new_id("key"), "words": WORDS, **more}
    return QuestionForm(topic=topic, **given)


async def build(db: Database, name: str = "Bridge", **values: Any) -> Place:
    """`values`: of the prison's rules, where they are not the demo's."""
    made = await kept.once(db, f"station {name} {sorted(values.items())}", lambda: _build(db, name, values))
    return replace(made, db=db, world=replace(made.world, db=db), means=means())


async def _build(db: Database, name: str, values: dict[str, Any]) -> Place:
    world = await worlds.build(db, name=name, **values)
    legal = means()
    async with db.write() as session:
        discipline = await service.create_desk(
            session, ADMIN, world.prison_id, "Discipline", "discipline", "0551 300"
        )
        bureau = await service.create_desk(
            session, ADMIN, world.prison_id, "Bureau", "superior", "0551 200", discipline
        )
        station = await service.create_desk(
            session, ADMIN, world.prison_id, "Station", "station", "0551 100", bureau
        )
        staff = {}
        for person in ("sun", "lin"):
            staff[person] = new_id("stf")
            session.add(counsel(staff[person], person, world.prison_id))
        await session.flush()
        everything = tuple(TOPICS)
        await service.add_lawyer(session, ADMIN, staff["sun"], station, everything, ("zh",))
        await service.add_lawyer(session, ADMIN, staff["lin"], station, ("debt", "work"), ("zh", "yue"))
    return Place(
        db=db,
        world=world,
        means=legal,
        station=station,
        bureau=bureau,
        discipline=discipline,
        sun=identity("counsel", staff["sun"], Role.COUNSEL, prison_id=world.prison_id),
        lin=identity("counsel", staff["lin"], Role.COUNSEL, prison_id=world.prison_id),
        admin=identity("admin", "adm_one", Role.ADMIN, prison_id=world.prison_id),
        terminal=identity("terminal", "dev_one", Role.TERMINAL, prison_id=world.prison_id),
    )


def counsel(staff_id: str, name: str, prison_id: str) -> StaffRow:
    return StaffRow(
        id=staff_id,
        kind="counsel",
        username=f"{name}-{staff_id}",
        name=name,
        roles="counsel",
        prison_id=prison_id,
        language="zh",
        active=True,
        password_hash=None,
        totp_sealed=None,
        totp_step=0,
        created_by="test",
        created_at=clock.now(),
    )
