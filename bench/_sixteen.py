"""Sixteen visits at once in the demonstration, its own among them, each with a family and an inmate who are no
browsers: what they send was encoded beforehand (`bench.media.load`): sound, a picture of 720p at 1 Mbit/s, and its
small copy for walls. More an officer may not have at once (policy `calls_at_once`)."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import ledger.record
import people.service
import rooms.service
import scheduler.service
from bench.media.pipe import Program
from core import clock
from core import settings as core_settings
from core.db import Database
from core.ids import SYSTEM
from people.model import Identity, Role
from scheduler.model import TICK_MINUTES
from signaling.client import Client
from tests.browser.product import Product
from tests.rooms.visits import sign_in
from tests.scheduler.world import World, identity
from web.cli import demo as command
from web.demo import Cast, visit_due

CALLS = 16


@dataclass(frozen=True)
class Seat:
    """One end of a visit. `role` 0 is the family, 1 the inmate."""

    call: int
    role: int
    who: Identity


class Sixteen:
    """The visits of a demonstration that does not run yet (`arrange`), and who comes to them (`come`)."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.settings = core_settings.from_environment({}, mode="demo", data_dir=product.data)
        self.bookings: list[str] = []
        self.seats: list[Seat] = []

    async def arrange(self) -> None:
        """Makes the demonstration with all of them in it: each has a terminal of its own, all begin now."""
        self.product.data.mkdir(exist_ok=True)
        await command.prepare(self.settings, fresh=False)
        cast = Cast.load(self.settings)
        async with self._database() as db:
            async with db.read() as session:
                due = await visit_due(session, cast, clock.now())
            assert due is not None
            terminal = identity("terminal", cast.terminal, Role.TERMINAL, prison_id=cast.prison)
            await self._seats(db, due.id, cast.identity("wife", Role.RELATIVE), terminal)
            world = World(db, cast.prison, cast.wing, cast.identity("approver", Role.APPROVER))
            for number in range(1, CALLS):
                await self._visit(world, number)

    async def _visit(self, world: World, number: int) -> None:
        now = clock.now()
        begins = now.replace(minute=now.minute - now.minute % TICK_MINUTES, second=0, microsecond=0)
        async with world.db.write() as session:
            name = f"{number + 20} 号终端"
            device = await people.service.register_device(session, SYSTEM, world.prison_id, name)
            await scheduler.service.create_terminal(
                session, SYSTEM, world.prison_id, world.wing_id, name, device_id=device.id
            )
            slot = await scheduler.service.create_slot(
                session, SYSTEM, world.prison_id, begins, wing_id=world.wing_id
            )
        family = await world.family()
        booking = await world.confirmed(family, slot)
        inmate = identity("terminal", device.id, Role.TERMINAL, prison_id=world.prison_id)
        await self._seats(world.db, booking.id, family.actor, inmate)

    async def _seats(self, db: Database, booking_id: str, family: Identity, inmate: Identity) -> None:
        for role, who in enumerate((family, inmate)):
            self.seats.append(Seat(len(self.bookings), role, await sign_in(db, who)))
        self.bookings.append(booking_id)

    @contextlib.asynccontextmanager
    async def come(self, seconds: float) -> AsyncIterator[None]:
        """Everybody is there and sends, for so long at most."""
        load = await Program.start("bench.media.load", "127.0.0.1", "small")
        try:
            async with contextlib.AsyncExitStack() as stack:
                db = await stack.enter_async_context(self._database())
                for seat in self.seats:
                    client = await stack.enter_async_context(await self._client(db, seat, load))
                    await client.until(_connected, within=30)
                await load.ask(run=seconds, loss=0)
                yield
        finally:
            await load.end()

    async def _client(
        self, db: Database, seat: Seat, load: Program
    ) -> contextlib.AbstractAsyncContextManager[Client]:
        async def answer(offer: str) -> str:
            return str((await load.ask(offer=offer, call=seat.call, role=seat.role))["answer"])

        async with db.write() as session:
            issued = await rooms.service.issue_ticket(session, seat.who, self.bookings[seat.call])
        url = self.product.url.replace("http", "ws")
        return Client.open(f"{url}/signal", self.product.url, issued.token, answer)

    @contextlib.asynccontextmanager
    async def _database(self) -> AsyncIterator[Database]:
        db = Database.connect(self.settings.sqlalchemy_url)
        ledger.record.install(db)
        try:
            yield db
        finally:
            await db.close()


def _connected(state: dict[str, Any]) -> bool:
    return any(one["you"] and one["connected"] for one in state["people"])
