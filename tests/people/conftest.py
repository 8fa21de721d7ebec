"""People to test with: a prison's inmates and staff, a relative, and the browsers they use."""

import io
from dataclasses import dataclass, replace

import pyotp
import pytest
from PIL import Image
from sqlalchemy import select

from core import clock as core_clock
from core.bus import MemoryBus
from core.db import Database
from core.ids import SYSTEM, Ref
from core.settings import Settings
from ledger.tables import EntryRow
from notices import outbox
from people import documents, known, repository, service, sessions
from people.means import Caller, Means
from people.model import DocumentKind, Identity, Inmate, Kinship, Relationship, Relative
from people.service import InmateForm, RegistrationForm, SignedIn, StaffForm, Upload
from tests.conftest import FakeClock

PHONE = "13800138000"
PRISON, WING = "prs_one", "wng_one"


def caller(network: str = "192.0.2.1", *, device: str | None = None, binding: str = "b") -> Caller:
    """A browser; a new device unless one is given."""
    return Caller(network, known.new_token() if device is None else device, "Test/1", binding)


def resident_number(born: str = "1980-01-31", region: str = "110101", order: str = "123") -> str:
    """A resident identity number with a right check character."""
    first = region + born.replace("-", "") + order
    return first + documents.check_character(first)


def registration(**changes: object) -> RegistrationForm:
    form = RegistrationForm(
        name="王秀英",
        born="1980-01-31",
        document_kind=DocumentKind.RESIDENT,
        document=resident_number(),
        consent=True,
    )
    return replace(form, **changes)  # type: ignore[arg-type] # each test names real fields


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind)
    return out.getvalue()


@pytest.fixture
def means(settings: Settings, clock: FakeClock) -> Means:
    del clock  # the limiter counts by the clock that the test moves
    return Means.of(settings, MemoryBus())


async def last_code(db: Database, code_id: str | None = None) -> str:
    """The code in the newest message (or the one of `code_id`), as its receiver reads it."""
    async with db.read() as session:
        sent = [one for one in await outbox.latest(session, 200) if one.template == "code"]
    notice = next(one for one in sent if code_id in (None, one.to.id))
    return next(word for word in notice.text.replace("，", " ").split() if word.isdigit() and len(word) == 6)


async def sign_in_by_code(db: Database, means: Means, who: Caller, phone: str = PHONE) -> SignedIn:
    async with db.write() as session:
        asked = await service.ask_code(session, means, who, phone)
    async with db.write() as session:
        signed = await service.redeem_code(session, means, who, asked.id, await last_code(db, asked.id))
    assert isinstance(signed, SignedIn)
    return signed


async def add_relative(db: Database, means: Means, phone: str = PHONE, **changes: object) -> Relative:
    async with db.write() as session:
        return await service.create_relative(session, means, SYSTEM, phone, registration(**changes))


async def identity(db: Database, subject: Ref, *, strong: bool = False) -> Identity:
    async with db.write() as session:
        _, who = await sessions.open_session(session, subject, strong=strong, agent="Test/1")
    return who


async def add_inmate(
    db: Database, number: str = "4401001", name: str = "李建国", prison: str = PRISON
) -> Inmate:
    async with db.write() as session:
        return await service.create_inmate(
            session, SYSTEM, InmateForm(number, name, prison, WING, "ordinary")
        )


async def add_staff(
    db: Database,
    username: str = "zhao",
    kind: str = "officer",
    prison: str | None = PRISON,
    roles: tuple[str, ...] = (),
) -> Identity:
    """An officer with a strong session."""
    async with db.write() as session:
        made = await service.create_staff(session, SYSTEM, StaffForm(username, "赵敏", kind, roles, prison))
    return await identity(db, Ref(kind, made.staff_id), strong=True)


@dataclass(frozen=True)
class Enrolled:
    """A staff account as its owner knows it."""

    id: str
    username: str
    password: str
    totp: pyotp.TOTP
    recovery: tuple[str, ...]

    def code(self) -> str:
        return self.totp.at(int(core_clock.now().timestamp()))


async def enrol_staff(
    db: Database, means: Means, clock: FakeClock, username: str = "qian", kind: str = "officer"
) -> Enrolled:
    """Takes the whole way from the invitation; the clock then stands in the next time step."""
    who, password = caller("198.51.100.9"), "correct horse battery"
    async with db.write() as session:
        made = await service.create_staff(session, SYSTEM, StaffForm(username, "钱伟", kind, (), PRISON))
    async with db.write() as session:
        seen = await service.invitation(session, means, who, made.token)
    totp = pyotp.TOTP(seen.totp_secret)
    async with db.write() as session:
        codes = await service.accept_invitation(
            session, means, who, made.token, password, totp.at(int(clock.now().timestamp()))
        )
    clock.move(seconds=30)
    return Enrolled(made.staff_id, username, password, totp, codes)


@dataclass(frozen=True)
class Case:
    """A relative and an inmate, not yet related."""

    relative: Relative
    actor: Identity
    inmate: Inmate
    officer: Identity


@pytest.fixture
async def case(db: Database, means: Means) -> Case:
    relative = await add_relative(db, means)
    actor = await identity(db, Ref("relative", relative.id))
    return Case(relative, actor, await add_inmate(db), await add_staff(db))


def application(inmate: Inmate, **changes: object) -> service.ApplicationForm:
    form = service.ApplicationForm(inmate.prison_id, inmate.number, inmate.name, Kinship.SPOUSE)
    return replace(form, **changes)  # type: ignore[arg-type] # each test names real fields


async def applied(db: Database, means: Means, case: Case, **changes: object) -> Relationship:
    async with db.write() as session:
        return await service.apply(
            session,
            means,
            case.actor,
            caller(),
            application(case.inmate, **changes),
            [Upload("proof.jpg", picture())],
        )


async def state_of(db: Database, relationship_id: str) -> Relationship:
    async with db.read() as session:
        view = await repository.relationship_by_id(session, relationship_id)
    assert view is not None
    return view


async def tags(db: Database) -> list[str]:
    """The ledger's tags, in order."""
    async with db.read() as session:
        return list(await session.scalars(select(EntryRow.tag).order_by(EntryRow.seq)))
