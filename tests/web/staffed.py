"""The family's small prison with everybody who works there, a second prison, and a recorded visit."""

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from core import clock
from core.db import Database
from core.ids import SYSTEM, Ref, new_id
from people import service as people
from people.forms import StaffForm
from recording.service import Recorders
from recording.tasks import seal_finished
from scheduler import service as schedule
from scheduler.model import BookingView, VisitorChoice
from tests import kept
from tests.recording.media import AUDIO, VIDEO, FakeLeg, Sender, in_order
from tests.web import place
from tests.web.place import Place
from web.services import Services


@dataclass(frozen=True, slots=True)
class Staffed:
    """`place` and the subjects of its staff; `elsewhere` is an officer of another prison."""

    place: Place
    monitor: Ref
    approver: Ref
    admin: Ref
    counsel: Ref
    elsewhere: Ref


async def build(db: Database, services: Services) -> Staffed:
    secret = services.means.documents.index("")
    return await kept.once(db, f"staffed {secret}", lambda: _build(db, services))


async def _build(db: Database, services: Services) -> Staffed:
    made = await place.build(db, services.means)
    async with db.write() as session:
        other = await schedule.create_prison(session, SYSTEM, name="望山监狱", zone=place.ZONE, policy="demo")

        async def staff(username: str, kind: str, roles: tuple[str, ...], prison: str) -> Ref:
            form = StaffForm(username, f"{username} 警官", kind, roles, prison)
            return Ref(kind, (await people.create_staff(session, SYSTEM, form)).staff_id)

        return Staffed(
            place=made,
            monitor=await staff("wumin", "officer", ("monitor",), made.prison),
            approver=Ref("officer", made.approver),
            admin=await staff("guan", "admin", (), made.prison),
            counsel=await staff("sunlan", "counsel", (), made.prison),
            elsewhere=await staff("qian", "officer", ("monitor", "approver"), other),
        )


async def due_visit(db: Database, staffed: Staffed) -> BookingView:
    """A confirmed visit whose lobby is open."""
    slot = await place.slot_at(db, staffed.place, place.soon(10))
    return await place.confirmed(db, staffed.place, slot)


async def requested_visit(db: Database, staffed: Staffed, minutes: int = 180) -> BookingView:
    """Mei asks to come alone, some hours from now."""
    mei = staffed.place.identity(staffed.place.mei)
    slot = await place.slot_at(db, staffed.place, place.soon(minutes))
    async with db.write() as session:
        held = await schedule.hold(session, mei, staffed.place.inmate, slot, new_id("key"))
        alone = [VisitorChoice(staffed.place.mei_relationship)]
        return await schedule.request(session, mei, held.id, alone, new_id("key"))


async def recorded(
    db: Database, services: Services, visit: BookingView, staffed: Staffed, seconds: int = 4
) -> None:
    """Some seconds of that visit, really coded, written and sealed.

    Mei is there from the start; Guilan comes 0.8 s later and is gone from second 2 to second 3.5; the inmate
    has no camera.
    """
    recorders = Recorders(services.settings, db, new_id("node"))
    recorder = await recorders.start(new_id("room"), visit.id)
    family, second, inmate = FakeLeg("leg_1"), FakeLeg("leg_2"), FakeLeg("leg_3")
    recorder.add(family, Ref("relative", staffed.place.mei), "relative", "林梅")
    recorder.add(second, Ref("relative", staffed.place.guilan), "relative", "赵桂兰")
    recorder.add(inmate, Ref("inmate", staffed.place.inmate), "inmate", "陈志强")
    began, sender, later = clock.monotonic(), Sender(), Sender(start=0.8)
    family.send(in_order(sender.video(seconds), sender.audio(seconds)), began)
    with_hole = in_order(later.video(seconds, keys_every=1), later.audio(seconds))
    second.send([wire for wire in with_hole if not 2.0 < wire.sent < 3.5], began)
    for kind in (AUDIO, VIDEO):
        family.report(sender, kind, 0.1)
    inmate.send(sender.audio(seconds), began)
    recorder.mark("officer:visit:warned", code="dress")
    recorder.mark("officer:visit:marked", text="听一下这里")
    await recorder.finish("over")
    await recorders.close()
    for _ in range(50):
        if await seal_finished(db, services.settings):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the recording was not sealed")


def zone() -> ZoneInfo:
    return ZoneInfo(place.ZONE)
