"""SQLite's writers of one process: one after the other, and those who wait for each other share one commit.

A commit waits for the disk, often longer than all the rest took. So whoever is done while others wait leaves the
transaction open for the next, who works within a savepoint: each request keeps its own outcome, and what one of them
undoes is nobody else's. The last of them commits, and only then is any of them told that it is done: what was
acknowledged is on the disk. If the connection is lost on the way, nothing of the group is, and each of them is told to
try again; those who still stand in line begin anew. Where nobody waits, a transaction is what it always was.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from core.errors import Unavailable

MOST = 8  # requests that share a commit: the first waits for the others
_GIVE_WAY = 0.01  # seconds that the file is left to other processes when a group was full; they look every 1 to 100 ms


@dataclass
class _Group:
    """One transaction. `turns`: requests that had it, whatever became of them; `done`: its end, or why it has none."""

    connection: AsyncConnection
    turns: int = 0
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Writers:
    """The line in which the writers of an engine stand."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._group: _Group | None = None
        self._tidying: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed when the block has ended well, alone or with others; undone if not."""
        await self._stand_in_line()
        try:
            group = self._group = self._group or await self._begin()
            group.turns += 1
            try:
                async with self._within(group) as session:
                    yield session
                    await session.commit()
            finally:
                await self._leave(group)
        finally:
            self._turn.release()
        await asyncio.shield(group.done)

    @contextlib.asynccontextmanager
    async def _within(self, group: _Group) -> AsyncIterator[AsyncSession]:
        """The first of a group needs no savepoint: if it fails there is nothing else to keep."""
        session = AsyncSession(
            group.connection,
            expire_on_commit=False,
            join_transaction_mode="rollback_only" if group.turns == 1 else "create_savepoint",
        )
        async with session:
            try:
                yield session
            except BaseException:
                await session.rollback()
                raise

    async def _stand_in_line(self) -> None:
        self._waiting += 1
        try:
            await self._turn.acquire()
        except BaseException:  # cancelled, and maybe the one for whom a group was left open
            self._waiting -= 1
            task = asyncio.create_task(self._tidy())
            self._tidying.add(task)
            task.add_done_callback(self._tidying.discard)
            raise
        self._waiting -= 1

    async def _begin(self) -> _Group:
        connection = await self._engine.connect()
        await connection.execution_options(write=True)
        await connection.begin()
        return _Group(connection)

    async def _leave(self, group: _Group) -> None:
        """Leaves the transaction to the next in line, or ends it; the end is not cut off by whoever is in a hurry."""
        lost = group.connection.invalidated or not group.connection.in_transaction()
        if self._waiting and group.turns < MOST and not lost:
            return
        await asyncio.shield(asyncio.create_task(self._end(group)))
        if self._waiting and not lost:
            await asyncio.sleep(_GIVE_WAY)

    async def _end(self, group: _Group) -> None:
        """Commits. How it went is told by `done`, so that nobody's own error is put in the place of another's."""
        self._group = None
        try:
            await self._commit(group.connection)
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
            group.done.set_exception(error)
            group.done.exception()  # if nobody waits for it, it is nobody's
            await group.connection.invalidate()  # which undoes what is left of it
        else:
            group.done.set_result(None)
        finally:
            await group.connection.close()

    async def _commit(self, connection: AsyncConnection) -> None:
        if connection.invalidated:  # whoever had the turn was cut off in the midst of a statement
            raise Unavailable
        await connection.commit()

    async def _tidy(self) -> None:
        async with self._turn:
            if self._group is not None and not self._waiting:
                await self._end(self._group)
