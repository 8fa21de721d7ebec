"""A small world for the tests: a prison with wings, terminals and slots, inmates and their families."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from core import clock
from core.db import Database, Session
from core.ids import Ref, new_id
from people.model import Identity, Role
from people.tables import InmateRow, RelationshipRow, RelativeRow
from scheduler import service
from scheduler.model import BookingView, VisitorChoice
from tests import kept

ADMIN = Ref("admin", "adm_test")


def identity(kind: str, subject_id: str, *roles: Role, prison_id: str | None = None) -> Identity:
    return Identity(
        session_id=f"ses_{subject_id}",
        subject=Ref(kind, subject_id),
        roles=frozenset(roles),
        name=subject_id,
        language="zh",
        elder=False,
        prison_id=prison_id,
        strong=True,
    )


@dataclass(frozen=True)
class Family:
    """An inmate, one approved adult, and that adult's identity and relationship."""

    inmate_id: str
    relative_id: str
    relationship_id: str
    actor: Identity

    @property
    def choice(self) -> list[VisitorChoice]:
        return [VisitorChoice(self.relationship_id)]


@dataclass
class World:
    db: Database
    prison_id: str
    wing_id: str
    approver: Identity

    async def slot(self, *, days: float = 1, capacity: int = 1, hour: int = 2, **more: Any) -> str:
        """A slot by hand, `days` from today at `hour` UTC."""
        day = clock.now().replace(hour=hour, minute=0, second=0, microsecond=0)
        async with self.db.write() as session:
            return await service.create_slot(
                session, ADMIN, self.prison_id, day + timedelta(days=days), capacity=capacity, **more
            )

    async def terminal(self, name: str = "T1", wing_id: str | None = "own") -> str:
        wing = self.wing_id if wing_id == "own" else wing_id
        async with self.db.write() as session:
            return await service.create_terminal(session, ADMIN, self.prison_id, wing, name)

    async def family(self, **more: Any) -> Family:
        async with self.db.write() as session:
            return await family(session, self.prison_id, self.wing_id, **more)

    async def relative(self, inmate_id: str, **more: Any) -> Family:
        async with self.db.write() as session:
            return await relative(session, inmate_id, **more)

    async def hold(self, family: Family, slot_id: str, key: str = "k") -> BookingView:
        async with self.db.write() as session:
            return await service.hold(session, family.actor, family.inmate_id, slot_id, key)

    async def request(self, family: Family, slot_id: str, key: str = "k") -> BookingView:
        held = await self.hold(family, slot_id, key)
        async with self.db.write() as session:
            return await service.request(session, family.actor, held.id, family.choice, key)

    async def approved(self, family: Family, slot_id: str, key: str = "k") -> BookingView:
        requested = await self.request(family, slot_id, key)
        async with self.db.write() as session:
            return await service.approve(session, self.approver, requested.id)

    async def assigned(self, family: Family, slot_id: str, key: str = "k") -> BookingView:
        approved = await self.approved(family, slot_id, key)
        async with self.db.write() as session:
            return await service.assign(session, self.approver, approved.id)

    async def confirmed(self, family: Family, slot_id: str, key: str = "k") -> BookingView:
        assigned = await self.assigned(family, slot_id, key)
        async with self.db.write() as session:
            return await service.confirm(session, self.approver, assigned.id)

    async def get(self, booking_id: str) -> BookingView:
        async with self.db.read() as session:
            return await service.get(session, booking_id)


async def build(db: Database, *, zone: str = "Asia/Shanghai", name: str = "Bridge", **values: Any) -> World:
    """A prison under the demo rules, changed by `values`, with one wing."""
    kept_as = f"world {zone} {name} {sorted(values.items())}"
    made = await kept.once(db, kept_as, lambda: _build(db, zone, name, values))
    return replace(made, db=db)


async def _build(db: Database, zone: str, name: str, values: dict[str, Any]) -> World:
    async with db.write() as session:
        prison_id = await service.create_prison(
            session, ADMIN, name=name, zone=zone, policy="demo", values=values or None
        )
        wing_id = await service.create_wing(session, ADMIN, prison_id, "Wing 1")
    approver = identity("officer", "off_approver", Role.APPROVER, prison_id=prison_id)
    return World(db, prison_id, wing_id, approver)


async def family(session: Session, prison_id: str, wing_id: str, *, level: str = "ordinary") -> Family:
    inmate_id = new_id("inm")
    session.add(
        InmateRow(
            id=inmate_id,
            number=inmate_id,
            name="Li Wei",
            prison_id=prison_id,
            wing_id=wing_id,
            level=level,
            status="present",
            created_at=clock.now(),
        )
    )
    await session.flush()
    return await relative(session, inmate_id)


async def relative(
    session: Session,
    inmate_id: str,
    *,
    state: str = "approved",
    born: date = date(1980, 5, 1),
    guardian_id: str | None = None,
    relative_id: str | None = None,
) -> Family:
    """A relative of the inmate; a minor has a guardian and no telephone."""
    now: datetime = clock.now()
    if relative_id is None:
        relative_id = new_id("rel")
        session.add(
            RelativeRow(
                id=relative_id,
                name=f"Wang {relative_id[-4:]}",
                phone=None if guardian_id else f"+86{relative_id[-11:]}",
                born=born,
                document_kind="resident",
                document_sealed=b"",
                document_index=relative_id,
                document_hint="1***",
                language="zh",
                elder=False,
                guardian_id=guardian_id,
                created_at=now,
            )
        )
        await session.flush()
    relationship_id = new_id("rsh")
    session.add(
        RelationshipRow(
            id=relationship_id,
            relative_id=relative_id,
            inmate_id=inmate_id,
            kinship="spouse",
            note="",
            state=state,
            words="",
            applied_at=now,
        )
    )
    await session.flush()
    return Family(inmate_id, relative_id, relationship_id, identity("relative", relative_id, Role.RELATIVE))
