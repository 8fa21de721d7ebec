"""A small prison with a family, made through the real use cases: what the page tests stand on."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from core import clock
from core.db import Database, Session
from core.ids import SYSTEM, Ref, new_id
from people import service as people
from people.forms import InmateForm, RegistrationForm, StaffForm
from people.means import Means
from people.model import Identity, Kinship, Role
from policy import service as policy
from scheduler import service as schedule
from scheduler import tasks
from scheduler.model import BookingView, VisitorChoice
from tests import kept

ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Place:
    """Ids. `mei` is approved for the inmate, `guilan` too; `stranger` has an account and nothing else."""

    prison: str
    wing: str
    inmate: str
    mei: str
    guilan: str
    stranger: str
    approver: str
    mei_relationship: str
    guilan_relationship: str

    def identity(self, relative_id: str) -> Identity:
        """A relative as use cases want them, without a session."""
        return Identity(
            "test", Ref("relative", relative_id), frozenset({Role.RELATIVE}), "", "zh", False, None, False
        )

    @property
    def officer(self) -> Identity:
        return Identity(
            "test",
            Ref("officer", self.approver),
            frozenset({Role.APPROVER}),
            "",
            "zh",
            False,
            self.prison,
            True,
        )


PERSONS = (
    ("13800000011", "林梅", "1988-09-23", "340104198809230042"),
    ("13800000012", "赵桂兰", "1954-03-12", "340104195403120026"),
    ("13800000013", "周远", "1990-01-01", ""),
)


async def build(db: Database, means: Means) -> Place:
    """Everything, with times every day at 9 and 14 o'clock, four half hours each, one place per time."""
    return await kept.once(db, f"place {means.documents.index('')}", lambda: _build(db, means))


async def _build(db: Database, means: Means) -> Place:
    async with db.write() as session:
        await policy.load_preset(session, SYSTEM, "demo")
        prison = await schedule.create_prison(
            session, SYSTEM, name="临江监狱", zone=ZONE, policy="demo", help_phone="0551 1234 567"
        )
        wing = await schedule.create_wing(session, SYSTEM, prison, "二监区")
        await schedule.create_terminal(session, SYSTEM, prison, wing, "3 号终端")
        for weekday in range(1, 8):
            for starts in (time(9), time(14)):
                await schedule.create_template(
                    session, SYSTEM, prison, weekday=weekday, starts=starts, count=4, wing_id=wing
                )
        inmate = await people.create_inmate(
            session, SYSTEM, InmateForm("3401202107", "陈志强", prison, wing, "ordinary")
        )
        form = StaffForm("zheng", "郑警官", "officer", ("approver",), prison)
        approver = (await people.create_staff(session, SYSTEM, form)).staff_id
        mei, guilan, stranger = [await _relative(session, means, *person) for person in PERSONS]
        spouse = await people.seed_relationship(session, SYSTEM, mei, inmate.id, Kinship.SPOUSE)
        mother = await people.seed_relationship(session, SYSTEM, guilan, inmate.id, Kinship.PARENT)
    await tasks.materialise(db)
    return Place(prison, wing, inmate.id, mei, guilan, stranger, approver, spouse.id, mother.id)


async def _relative(session: Session, means: Means, phone: str, name: str, born: str, document: str) -> str:
    kind = "resident" if document else "passport"
    form = RegistrationForm(name, born, kind, document or f"E{phone[-8:]}", consent=True)
    return (await people.create_relative(session, means, SYSTEM, phone, form)).id


async def slot_at(db: Database, place: Place, starts_at: datetime) -> str:
    """A time opened by hand."""
    async with db.write() as session:
        return await schedule.create_slot(session, SYSTEM, place.prison, starts_at, wing_id=place.wing)


async def requested(db: Database, place: Place, slot_id: str) -> BookingView:
    """Mei asks to come with Guilan."""
    mei = place.identity(place.mei)
    async with db.write() as session:
        held = await schedule.hold(session, mei, place.inmate, slot_id, new_id("key"))
        both = [VisitorChoice(place.mei_relationship), VisitorChoice(place.guilan_relationship)]
        return await schedule.request(session, mei, held.id, both, new_id("key"))


async def confirmed(db: Database, place: Place, slot_id: str) -> BookingView:
    """The same, approved and placed."""
    asked = await requested(db, place, slot_id)
    async with db.write() as session:
        await schedule.approve(session, place.officer, asked.id)
    await tasks.place_approved(db)
    async with db.read() as session:
        return await schedule.get(session, asked.id)


def soon(minutes: int) -> datetime:
    """A moment some minutes from now, on a full five minutes."""
    at = clock.now() + timedelta(minutes=minutes)
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)
