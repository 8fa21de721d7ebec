"""The demonstration: its people, its prison, and the visit that is always due.

Everything is made through the same use cases that a real installation uses; only signing in is shorter.
"""

import io
import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta

from PIL import Image, ImageDraw

import legalaid.tasks
import people.service
import policy.service
import scheduler.service
import scheduler.tasks
from core import clock
from core.bus import MemoryBus
from core.db import Database, Session
from core.errors import Refused
from core.ids import SYSTEM, Ref, new_id
from core.log import fields
from core.settings import Settings
from people.forms import ApplicationForm, InmateForm, RegistrationForm, StaffForm
from people.means import Caller, Means
from people.model import Identity, Role
from people.proofs import Upload
from scheduler.model import TICK_MINUTES, BookingState, BookingView, VisitorChoice
from web import demo_legal
from web.i18n import N_

_log = logging.getLogger("kinbridge.demo")

ZONE = "Asia/Shanghai"
PRISON = "亲桥示范监狱"
INMATE_NUMBER = "3401202107"
INMATE_NAME = "陈志强"
_TICK = timedelta(minutes=TICK_MINUTES)
_NEAR = timedelta(minutes=10)  # "due" begins so long before the start and ends so long before the end


# Where the demonstration's own requests come from.
_DESK = Caller(network="127.0.0.1", device="demo", agent="demo", binding="demo")


@dataclass(frozen=True, slots=True)
class Card:
    """One way into the demonstration. `key` is also the name of its window and host."""

    key: str
    person: str  # a field of Cast
    path: str  # where the click leads
    role: str
    name: str
    what: str


CARDS = (
    Card(
        "wife",
        "wife",
        "/home",
        N_("The wife"),
        "林梅",
        N_("At home, with her telephone. Her next visit is due now."),
    ),
    Card(
        "terminal",
        "terminal",
        "/terminal",
        N_("The inmate's terminal"),
        "陈志强 · 3 号终端",
        N_("In the wing; it knows who comes when, nobody types anything."),
    ),
    Card(
        "monitor",
        "monitor",
        "/officer",
        N_("The monitoring officer"),
        "吴警官",
        N_("Sees and hears the visit, admits faces, warns, mutes, pauses, ends; plays recordings."),
    ),
    Card(
        "grandmother",
        "grandmother",
        "/home",
        N_("The grandmother"),
        "赵桂兰",
        N_("On a second telephone of the same visit; large text."),
    ),
    Card(
        "booking",
        "wife",
        "/book",
        N_("Book the next one"),
        "林梅",
        N_("From an empty month to a place, in five screens."),
    ),
    Card(
        "approver",
        "approver",
        "/approvals",
        N_("The approving officer"),
        "郑警官",
        N_("Papers and requests, each with its light and its deadline."),
    ),
    Card(
        "counsel",
        "counsel",
        "/counsel",
        N_("The lawyer"),
        "孙律师",
        N_("Legal aid; her day and her account."),
    ),
    Card(
        "clerk",
        "clerk",
        "/cases",
        N_("The legal-aid centre"),
        "何敏",
        N_("Decides applications, names lawyers, answers objections and referrals."),
    ),
    Card(
        "admin",
        "admin",
        "/admin",
        N_("The administrator"),
        "管理员",
        N_("Places, timetables, terminals, accounts, the ledger."),
    ),
    Card(
        "auditor",
        "auditor",
        "/audit",
        N_("The resident procurator"),
        "何检察官",
        N_("Reads only: who intervened, who listened and why, and whether the ledger holds."),
    ),
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The ids of everybody, kept beside the database so that each start finds them again."""

    prison: str
    wing: str
    inmate: str
    wife: str
    grandmother: str
    terminal: str  # the device
    monitor: str
    approver: str
    counsel: str
    clerk: str  # of the legal-aid centre
    admin: str
    auditor: str
    relationships: dict[str, str]  # relative id -> relationship id

    @classmethod
    def load(cls, settings: Settings) -> "Cast":
        return cls(**json.loads((settings.data_dir / "demo.json").read_text(encoding="utf-8")))

    def save(self, settings: Settings) -> None:
        (settings.data_dir / "demo.json").write_text(json.dumps(asdict(self)), encoding="utf-8")

    def subject(self, person: str) -> Ref:
        """The person as sessions and the ledger know them."""
        kinds = {
            "wife": "relative",
            "grandmother": "relative",
            "monitor": "officer",
            "approver": "officer",
            "clerk": "counsel",
        }
        return Ref(kinds.get(person, person), getattr(self, person))

    def identity(self, person: str, *roles: Role) -> Identity:
        """The person as the use cases want them."""
        prison = None if person in ("wife", "grandmother") else self.prison
        return Identity("demo", self.subject(person), frozenset(roles), person, "zh", False, prison, True)


async def prepare(db: Database, settings: Settings) -> None:
    """Makes everything once; later starts only make sure that a visit is due."""
    if not (settings.data_dir / "demo.json").exists():
        means = Means.of(settings, MemoryBus())
        async with db.write() as session:
            cast = await _people_and_places(session, means)
        cast.save(settings)
    await scheduler.tasks.materialise(db)
    await legalaid.tasks.materialise(db)
    await keep_one_visit_due(db, settings)


async def _people_and_places(session: Session, means: Means) -> Cast:
    await policy.service.load_preset(session, SYSTEM, "demo")
    prison = await scheduler.service.create_prison(
        session, SYSTEM, name=PRISON, zone=ZONE, policy="demo", values={"visits_per_month": 100}
    )
    wing = await scheduler.service.create_wing(session, SYSTEM, prison, "二监区")
    staff = {
        name: (
            await people.service.create_staff(session, SYSTEM, StaffForm(name, label, kind, roles, prison))
        ).staff_id
        for name, label, kind, roles in (
            ("monitor", "吴警官", "officer", ("monitor",)),
            ("approver", "郑警官", "officer", ("approver",)),
            ("counsel", "孙律师", "counsel", ()),
            ("clerk", "何敏", "counsel", ()),
            ("admin", "管理员", "admin", ()),
            ("auditor", "何检察官", "auditor", ()),
        )
    }
    device = await people.service.register_device(session, SYSTEM, prison, "3 号终端")
    await scheduler.service.create_terminal(
        session, SYSTEM, prison, wing, "3 号终端", device_id=device.id, room="一号会见室"
    )
    await _timetable(session, prison, wing)
    inmate = await people.service.create_inmate(
        session, SYSTEM, InmateForm(INMATE_NUMBER, INMATE_NAME, prison, wing, "ordinary")
    )
    await demo_legal.arrange(session, prison, staff["counsel"], staff["clerk"])
    relatives = await _family(session, means)
    cast = Cast(
        prison,
        wing,
        inmate.id,
        relatives["wife"],
        relatives["grandmother"],
        device.id,
        **staff,
        relationships={},
    )
    return await _relationships(session, means, cast)


async def _timetable(session: Session, prison: str, wing: str) -> None:
    """Every day of the week, morning and afternoon, so that there is always something to book."""
    for weekday in range(1, 8):
        for starts in (time(9, 0), time(14, 0)):
            await scheduler.service.create_template(
                session, SYSTEM, prison, weekday=weekday, starts=starts, count=4, capacity=1, wing_id=wing
            )


async def _family(session: Session, means: Means) -> dict[str, str]:
    wife = RegistrationForm("林梅", "1988-09-23", "resident", "340104198809230042", consent=True)
    grandmother = RegistrationForm(
        "赵桂兰", "1954-03-12", "resident", "340104195403120026", consent=True, elder=True
    )
    forms = {"wife": ("13800000001", wife), "grandmother": ("13800000002", grandmother)}
    return {
        name: (await people.service.create_relative(session, means, SYSTEM, phone, form)).id
        for name, (phone, form) in forms.items()
    }


async def _relationships(session: Session, means: Means, cast: Cast) -> Cast:
    """The wife and the grandmother are approved already; their proof is a picture drawn here."""
    approver = cast.identity("approver", Role.APPROVER)
    made = {}
    for person, kinship in (("wife", "spouse"), ("grandmother", "parent")):
        form = ApplicationForm(cast.prison, INMATE_NUMBER, INMATE_NAME, kinship, consent=True)
        relative = cast.identity(person, Role.RELATIVE)
        application = await people.service.apply(
            session, means, relative, _DESK, form, [Upload("户口簿.png", _paper(person))]
        )
        await people.service.approve(session, approver, application.id)
        made[relative.subject.id] = application.id
    return Cast(**{**asdict(cast), "relationships": made})


def _paper(person: str) -> bytes:
    """A sheet that looks like a household register from afar."""
    sheet = Image.new("RGB", (900, 620), "#f3ead2")
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((40, 40, 860, 580), outline="#7a5c2e", width=4)
    for row in range(5):
        pen.line((40, 140 + row * 90, 860, 140 + row * 90), fill="#7a5c2e", width=2)
    pen.line((300, 140, 300, 580), fill="#7a5c2e", width=2)
    pen.text((360, 70), f"SPECIMEN - {person}", fill="#7a5c2e", font_size=40)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


async def visit_due(session: Session, cast: Cast, now: datetime) -> BookingView | None:
    """The demonstration's visit that people can go to now."""
    for booking in await scheduler.service.of_relative(session, cast.wife):
        begins, ends = booking.starts_at - _NEAR, booking.slot_ends_at - _NEAR
        if booking.state is BookingState.CONFIRMED and begins <= now < ends:
            return booking
    return None


async def keep_one_visit_due(db: Database, settings: Settings) -> int:
    """Books, approves and places a visit that has just begun, unless one is due already; while the one before is not
    quite over, a visit that begins as soon as it is."""
    cast, now = Cast.load(settings), clock.now()
    async with db.read() as session:
        if await visit_due(session, cast, now) is not None:
            return 0
    first = now.replace(minute=now.minute - now.minute % TICK_MINUTES, second=0, microsecond=0)
    refused = ""
    for ticks in range(_NEAR // _TICK + 1):
        try:
            await _book(db, cast, first + ticks * _TICK)
        except Refused as error:
            refused = ",".join(reason.code for reason in error.reasons)
            continue
        await scheduler.tasks.place_approved(db)
        return 1
    # The wife may have booked this very hour herself; the next turn, in seconds, looks again.
    _log.info("x %s", fields(visit="due", refused=refused))
    return 0


async def _book(db: Database, cast: Cast, starts: datetime) -> None:
    """Raises `Refused`; nothing has happened then."""
    wife, approver = cast.identity("wife", Role.RELATIVE), cast.identity("approver", Role.APPROVER)
    async with db.write() as session:
        slot = await scheduler.service.create_slot(session, SYSTEM, cast.prison, starts, wing_id=cast.wing)
        held = await scheduler.service.hold(session, wife, cast.inmate, slot, new_id("key"))
        visitors = [VisitorChoice(one) for one in cast.relationships.values()]
        await scheduler.service.request(session, wife, held.id, visitors, new_id("key"))
        await scheduler.service.approve(session, approver, held.id)
