"""Another inmate, another terminal and a slot that has just begun, in the demonstration's prison.

An administrator does this once for a whole prison; the journeys need it at this very minute, so it is done
through the same use cases, on the database of the running product.
"""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import ledger.record
import people.service
import recording.service
import scheduler.service
import scheduler.tasks
from core import clock
from core import settings as core_settings
from core.db import Database
from core.ids import SYSTEM, new_id
from core.settings import Settings
from ledger import read
from ledger.chain import Entry
from people.forms import InmateForm
from people.model import Role
from rooms import proving
from scheduler.model import Fault, VisitorChoice
from tests.browser.product import Product
from web import demo
from web.demo import Cast

NUMBER, NAME = "3401202266", "周海"


@dataclass(frozen=True)
class Place:
    """`code` enrols the terminal; `prison_id` is what the application form lists."""

    code: str
    prison_id: str
    slot_id: str


def settings_of(product: Product) -> Settings:
    env = {**product.process.env, "KINBRIDGE_MODE": "demo"}
    return core_settings.from_environment(env)


@contextlib.asynccontextmanager
async def database_of(product: Product) -> AsyncIterator[Database]:
    db = Database.connect(settings_of(product).sqlalchemy_url)
    ledger.record.install(db)
    try:
        yield db
    finally:
        await db.close()


async def prepare(product: Product) -> Place:
    cast = Cast.load(settings_of(product))
    now = clock.now()
    admin = cast.identity("admin", Role.ADMIN)
    async with database_of(product) as db, db.write() as session:
        form = InmateForm(NUMBER, NAME, cast.prison, cast.wing, "ordinary")
        await people.service.create_inmate(session, SYSTEM, form)
        invited = await people.service.invite_device(session, admin, cast.prison, "4 号终端")
        await scheduler.service.create_terminal(
            session, SYSTEM, cast.prison, cast.wing, "4 号终端", device_id=invited.device_id
        )
        starts = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
        slot = await scheduler.service.create_slot(session, SYSTEM, cast.prison, starts, wing_id=cast.wing)
    return Place(invited.code, cast.prison, slot)


async def proved(product: Product) -> None:
    """Till the product has proved that its closed rooms are closed: none opens before, and a busy machine needs
    time, or a second try, for it."""
    async with asyncio.timeout(150), database_of(product) as db:
        while True:
            async with db.read() as session:
                if (await proving.standing(session)).good:
                    return
            await asyncio.sleep(0.5)


async def call_off(product: Product) -> None:
    """The visit that is due is called off by nobody's fault. Whoever starts the product next finds a new one due, with
    all of its time before it: where a slot is nearly over, its end and not the visit's own clock says what is left."""
    cast = Cast.load(settings_of(product))
    async with database_of(product) as db, db.write() as session:
        due = await demo.visit_due(session, cast, clock.now())
        if due is not None:
            approver = cast.identity("approver", Role.APPROVER)
            await scheduler.service.cancel(session, approver, due.id, "staff", fault=Fault.NOBODY)


async def visit_in(product: Product, minutes: int) -> str:
    """A confirmed visit of the wife so many minutes from now; answers the booking's id."""
    cast = Cast.load(settings_of(product))
    wife, approver = cast.identity("wife", Role.RELATIVE), cast.identity("approver", Role.APPROVER)
    starts = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=minutes)
    starts -= timedelta(minutes=starts.minute % 5)
    visitor = VisitorChoice(cast.relationships[wife.subject.id])
    async with database_of(product) as db:
        async with db.write() as session:
            slot = await scheduler.service.create_slot(
                session, SYSTEM, cast.prison, starts, wing_id=cast.wing
            )
            held = await scheduler.service.hold(session, wife, cast.inmate, slot, new_id("key"))
            await scheduler.service.request(session, wife, held.id, [visitor], new_id("key"))
            await scheduler.service.approve(session, approver, held.id)
        await scheduler.tasks.place_approved(db)
    return held.id


async def tracks(product: Product, recording_id: str) -> dict[str, io.BytesIO]:
    """The files of a sealed recording in the clear, by their names: on the disk they are locked."""
    settings, found = settings_of(product), {}
    async with database_of(product) as db, db.read() as session:
        for track in (await recording.service.get(session, recording_id)).tracks:
            with await recording.service.open_track(session, settings, recording_id, track.id) as clear:
                found[track.file_name] = io.BytesIO(b"".join(clear.pieces()))
    return found


async def entries(product: Product, tag_prefix: str) -> list[Entry]:
    """The ledger's entries of this kind, oldest first."""
    async with database_of(product) as db, db.read() as session:
        return list(reversed(await read.latest(session, tag_prefix=tag_prefix, limit=200)))
